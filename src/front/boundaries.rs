//! Where frames and messages end in what a WebSocket's client sends (RFC 6455 section 5.2). Whether they are right is for others to say.

/// A final frame, in the first byte.
const FIN: u8 = 0x80;

/// Of the opcode, in the first byte: a control frame, which may stand between the fragments of a message.
const CONTROL: u8 = 0x08;

/// A masking key follows the length, in the second byte.
const MASKED: u8 = 0x80;

/// Bytes of a masking key.
const KEY_BYTES: u64 = 4;

/// Lengths that stand for a longer one behind them, of 2 and of 8 bytes.
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// The least that a frame has.
const SHORTEST: usize = 2;

/// Follows the bytes of a connection.
#[derive(Debug)]
pub struct Boundaries {
    at: At,
    message: Message,
    unfinished: usize,
    longest: u64,
}

/// The next byte.
#[derive(Clone, Copy, Debug)]
enum At {
    /// The first of a frame.
    Start,
    /// The second, with the short length.
    Length,
    /// One of the long length, of which so many are missing; what was read of it.
    LongLength { missing: u8, length: u64, key: u64 },
    /// One of the masking key or the payload, of which so many are missing.
    Payload { missing: u64 },
}

/// Is a message complete, with the frame that is being read?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Message {
    Complete,
    Fragments,
}

impl Boundaries {
    pub fn new() -> Self {
        Self {
            at: At::Start,
            message: Message::Complete,
            unfinished: 0,
            longest: 0,
        }
    }

    /// Bytes that came behind the last complete message, or behind a control frame between two. None: so nothing is half read.
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// The payload of the longest frame that has begun.
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// Only the frames to come count as long.
    pub fn forget_longest(&mut self) {
        self.longest = 0;
    }

    /// So many bytes, at least one, surely do not reach beyond the end of a frame.
    pub fn within_frame(&self) -> usize {
        match self.at {
            At::Start => SHORTEST,
            At::Length => 1,
            At::LongLength { missing, .. } => missing.into(),
            At::Payload { missing } => usize::try_from(missing).unwrap_or(usize::MAX),
        }
    }

    /// These bytes came.
    pub fn advance(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            let mut taken = 1;
            match self.at {
                At::Start => {
                    if first & CONTROL == 0 {
                        self.message = if first & FIN == 0 {
                            Message::Fragments
                        } else {
                            Message::Complete
                        };
                    }
                    self.at = At::Length;
                }
                At::Length => self.short_length(first),
                At::LongLength { missing, length, key } => {
                    let length = length << u8::BITS | u64::from(first);
                    match missing - 1 {
                        0 => self.payload(length, key),
                        missing => self.at = At::LongLength { missing, length, key },
                    }
                }
                At::Payload { missing } => {
                    taken = self.within_frame().min(bytes.len());
                    self.ends_after(missing - taken as u64);
                }
            }
            self.unfinished += taken;
            if matches!((self.at, self.message), (At::Start, Message::Complete)) {
                self.unfinished = 0;
            }
            bytes = &rest[taken - 1..];
        }
    }

    fn short_length(&mut self, byte: u8) {
        let key = if byte & MASKED == 0 { 0 } else { KEY_BYTES };
        let missing = match byte & !MASKED {
            LENGTH_16 => size_of::<u16>(),
            LENGTH_64 => size_of::<u64>(),
            length => return self.payload(length.into(), key),
        };
        self.at = At::LongLength {
            missing: missing as u8,
            length: 0,
            key,
        };
    }

    fn payload(&mut self, length: u64, key: u64) {
        self.longest = self.longest.max(length);
        self.ends_after(length.saturating_add(key));
    }

    fn ends_after(&mut self, missing: u64) {
        self.at = match missing {
            0 => At::Start,
            missing => At::Payload { missing },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of so many bytes with this first byte, its length said in so many bytes.
    fn frame(first: u8, length: usize, said_in: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match said_in {
            1 => frame.push(MASKED | length as u8),
            2 => frame.push(MASKED | LENGTH_16),
            _ => frame.push(MASKED | LENGTH_64),
        }
        if said_in > 1 {
            frame.extend_from_slice(&(length as u64).to_be_bytes()[8 - said_in..]);
        }
        // the key and the payload look like frames that have begun
        frame.resize(frame.len() + 4 + length, 0x01);
        frame
    }

    /// Frames of all kinds, and whether a message, or a control frame between two, ends with each.
    fn frames() -> Vec<(Vec<u8>, bool)> {
        let unmasked = vec![0x81, 3, b'a', b'b', b'c'];
        vec![
            (frame(0x81, 5, 1), true),
            (frame(0x89, 0, 1), true),
            (frame(0x01, 300, 2), false),
            (frame(0x89, 3, 1), false),
            (frame(0x00, 0, 1), false),
            (frame(0x8a, 125, 1), false),
            (frame(0x80, 70, 8), true),
            (vec![0x8a, 0], true),
            (frame(0x82, 0x0102, 8), true),
            (unmasked, true),
            (frame(0x81, 126, 2), true),
        ]
    }

    #[test]
    fn messages_end_whatever_the_cuts() {
        let bytes: Vec<u8> = frames().into_iter().flat_map(|(frame, _)| frame).collect();
        // behind each byte: how many there are behind the last end
        let mut unfinished = Vec::new();
        for (frame, ends) in frames() {
            let before = unfinished.last().copied().unwrap_or(0);
            unfinished.extend((1..=frame.len()).map(|read| before + read));
            if ends {
                *unfinished.last_mut().expect("a frame") = 0;
            }
        }
        for cut in 0..bytes.len() {
            for second in [cut, (cut + 1).min(bytes.len()), (cut + 150).min(bytes.len()), bytes.len()] {
                let mut boundaries = Boundaries::new();
                for (from, to) in [(0, cut), (cut, second), (second, bytes.len())] {
                    boundaries.advance(&bytes[from..to]);
                    let expected = if to == 0 { 0 } else { unfinished[to - 1] };
                    assert_eq!(boundaries.unfinished(), expected, "cut at {cut} and {second}");
                }
                assert_eq!(boundaries.longest(), 300);
            }
        }
    }

    #[test]
    fn what_is_within_a_frame() {
        let mut boundaries = Boundaries::new();
        for (frame, ends) in frames() {
            let mut rest = &frame[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(boundaries.within_frame());
                boundaries.advance(now);
                rest = later;
            }
            assert_eq!(boundaries.unfinished() == 0, ends);
            assert_eq!(boundaries.within_frame(), SHORTEST, "the next one begins");
        }
    }

    #[test]
    fn only_long_frames_to_come_count() {
        let mut boundaries = Boundaries::new();
        let mut whole = frame(0x81, 70_000, 8);
        let last = whole.split_off(9);
        boundaries.advance(&whole);
        assert_eq!(boundaries.longest(), 0, "its length is not complete");
        boundaries.advance(&last);
        assert_eq!(boundaries.longest(), 70_000);
        boundaries.forget_longest();
        boundaries.advance(&frame(0x81, 10, 1));
        assert_eq!(boundaries.longest(), 10);
    }

    #[test]
    fn the_greatest_length() {
        let mut boundaries = Boundaries::new();
        boundaries.advance(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(boundaries.longest(), u64::MAX);
        boundaries.advance(&[0; 100]);
        assert_eq!(boundaries.unfinished(), 110);
    }
}
