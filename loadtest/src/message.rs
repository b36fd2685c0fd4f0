//! Numbered messages: written by a sender, recognised byte for byte by the receiver, and counted.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::AddAssign;

use anyhow::{Context, Result, ensure};
use memchr::{memchr, memmem};

/// What a message's text says: `n`, three numbers of twelve digits each with a dot behind, then `x` up to the agreed size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message {
    pub pair: u64,
    pub number: u64,
    /// When it should have been sent, in microseconds.
    pub due: u64,
}

const DIGITS: usize = 12;
const HEAD: usize = 1 + 3 * (DIGITS + 1);

impl Message {
    /// Appends a stanza whose text has `size` bytes.
    pub fn write(&self, to: &str, size: usize, output: &mut Vec<u8>) -> Result<()> {
        let Message { pair, number, due } = self;
        write!(output, "<message xmlns='jabber:client' to='{to}' type='chat'><body>")?;
        write!(output, "n{pair:012}.{number:012}.{due:012}.")?;
        output.resize(output.len() + size.saturating_sub(HEAD), b'x');
        output.extend_from_slice(b"</body></message>");
        Ok(())
    }

    /// Every message in `payload`; each must be whole and of the right size.
    pub fn read_all(payload: &[u8], size: usize) -> impl Iterator<Item = Result<Message>> {
        memmem::find_iter(payload, b"><body").filter_map(move |at| {
            let text = memchr(b'>', &payload[at + 1..])? + at + 2;
            Some(Message::read(&payload[text..], size))
        })
    }

    fn read(text: &[u8], size: usize) -> Result<Message> {
        let text = memchr(b'<', text).map(|end| &text[..end]);
        let text = text.context("a message without an end")?;
        ensure!(text.len() == size.max(HEAD), "a message of {} bytes", text.len());
        ensure!(
            text[0] == b'n' && text[HEAD..].iter().all(|byte| *byte == b'x'),
            "a changed message"
        );
        Ok(Message {
            pair: digits(text, 0)?,
            number: digits(text, 1)?,
            due: digits(text, 2)?,
        })
    }
}

fn digits(text: &[u8], index: usize) -> Result<u64> {
    let start = 1 + index * (DIGITS + 1);
    let digits = std::str::from_utf8(&text[start..start + DIGITS])?;
    digits.parse().context("a changed message")
}

/// What became of a sender's messages, numbered from 0.
#[derive(Default)]
pub struct Tally {
    /// Every number below has come.
    next: u64,
    /// Numbers above `next` that have come.
    ahead: BTreeSet<u64>,
    doubled: u64,
    reordered: u64,
}

impl Tally {
    /// Counts a message that has come, and says whether it is the first copy.
    pub fn count(&mut self, number: u64) -> bool {
        if number < self.next || self.ahead.contains(&number) {
            self.doubled += 1;
            return false;
        }
        if self.ahead.last().is_some_and(|highest| number < *highest) {
            self.reordered += 1;
        }
        self.ahead.insert(number);
        while self.ahead.remove(&self.next) {
            self.next += 1;
        }
        true
    }

    pub fn faults(&self, sent: u64) -> Faults {
        let received = self.next + self.ahead.len() as u64;
        Faults {
            lost: sent.saturating_sub(received),
            doubled: self.doubled,
            reordered: self.reordered,
        }
    }
}

/// All of them must be 0.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Faults {
    pub lost: u64,
    pub doubled: u64,
    pub reordered: u64,
}

impl AddAssign for Faults {
    fn add_assign(&mut self, other: Faults) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: Message = Message {
        pair: 3,
        number: 17,
        due: 5,
    };

    #[test]
    fn what_is_written_is_read() -> Result<()> {
        let mut bytes = Vec::new();
        MESSAGE.write("1@null/r", 100, &mut bytes)?;
        MESSAGE.write("1@null/r", 100, &mut bytes)?;
        let read = Message::read_all(&bytes, 100).collect::<Result<Vec<_>>>()?;
        assert_eq!(read, [MESSAGE, MESSAGE]);
        Ok(())
    }

    #[test]
    fn a_message_that_was_cut_or_changed_is_an_error() -> Result<()> {
        let mut bytes = Vec::new();
        MESSAGE.write("1@null/r", 100, &mut bytes)?;
        let text = bytes.len() - 20;
        bytes[text] = b'y';
        assert!(Message::read_all(&bytes, 100).all(|message| message.is_err()));
        bytes.remove(text);
        assert!(Message::read_all(&bytes, 100).all(|message| message.is_err()));
        assert_eq!(Message::read_all(&bytes, 100).count(), 1);
        Ok(())
    }

    fn tally(numbers: &[u64], sent: u64) -> Faults {
        let mut tally = Tally::default();
        for number in numbers {
            tally.count(*number);
        }
        tally.faults(sent)
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(tally(&[0, 1, 2], 3), Faults::default());
        assert_eq!(
            tally(&[0, 2], 3),
            Faults {
                lost: 1,
                ..Faults::default()
            }
        );
        assert_eq!(
            tally(&[0, 2, 1], 3),
            Faults {
                reordered: 1,
                ..Faults::default()
            }
        );
        assert_eq!(
            tally(&[0, 1, 1, 0, 2], 3),
            Faults {
                doubled: 2,
                ..Faults::default()
            }
        );
        assert_eq!(
            tally(&[0, 2, 2], 4),
            Faults {
                lost: 2,
                doubled: 1,
                ..Faults::default()
            }
        );
    }
}
