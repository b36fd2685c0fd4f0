//! What waits to be written to one session. Both ends are bounded, so that a client that does not read costs little and
//! blocks nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Stanzas that may wait; more than a newcomer gets at once, which is one presence from every session.
const STANZAS: usize = 4096;

/// Bytes that may wait; a stanza that begins below this mark is taken whole.
const BYTES: usize = 1024 * 1024;

/// What a session finds in its mailbox.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Mail {
    Stanza(Bytes),
    /// The stream is to end with this error (RFC 6120 section 4.9.3).
    End(&'static str),
}

/// The end that is written to.
pub(super) struct Mailbox {
    state: State,
    waiting: Arc<AtomicUsize>,
}

/// Open --full--> Overflown; the session learns of it once it has read what was put in before.
enum State {
    Open(mpsc::Sender<Mail>),
    Overflown,
}

/// The end that is read.
pub(super) struct Inbox {
    mail: mpsc::Receiver<Mail>,
    waiting: Arc<AtomicUsize>,
}

impl Mailbox {
    pub(super) fn open() -> (Self, Inbox) {
        let (sender, mail) = mpsc::channel(STANZAS);
        let waiting = Arc::new(AtomicUsize::new(0));
        (
            Self {
                state: State::Open(sender),
                waiting: Arc::clone(&waiting),
            },
            Inbox { mail, waiting },
        )
    }

    pub(super) fn put(&mut self, stanza: Bytes) {
        let State::Open(sender) = &self.state else { return };
        let length = stanza.len();
        let before = self.waiting.fetch_add(length, Ordering::Relaxed);
        if before >= BYTES || sender.try_send(Mail::Stanza(stanza)).is_err() {
            self.state = State::Overflown;
        }
    }

    /// Ends the session once it has read what was put in before.
    pub(super) fn end(self, condition: &'static str) {
        if let State::Open(sender) = self.state {
            // when it is full, the session ends for that reason
            let _ = sender.try_send(Mail::End(condition));
        }
    }
}

impl Inbox {
    pub(super) async fn next(&mut self) -> Mail {
        let mail = self.mail.recv().await;
        self.taken(mail)
    }

    /// What is there already.
    pub(super) fn waiting(&mut self) -> Option<Mail> {
        match self.mail.try_recv() {
            Err(mpsc::error::TryRecvError::Empty) => None,
            mail => Some(self.taken(mail.ok())),
        }
    }

    /// The mailbox is let go early only when it overflows.
    fn taken(&self, mail: Option<Mail>) -> Mail {
        let mail = mail.unwrap_or(Mail::End("resource-constraint"));
        if let Mail::Stanza(stanza) = &mail {
            self.waiting.fetch_sub(stanza.len(), Ordering::Relaxed);
        }
        mail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_mailbox_ends_its_session_after_what_is_in_it() {
        for (stanza, fitting) in [(Bytes::from_static(b"x"), STANZAS), (Bytes::from(vec![b'x'; BYTES / 4]), 4)] {
            let (mut mailbox, mut inbox) = Mailbox::open();
            for _ in 0..=fitting {
                mailbox.put(stanza.clone());
            }
            for _ in 0..fitting {
                assert_eq!(inbox.waiting(), Some(Mail::Stanza(stanza.clone())));
            }
            assert_eq!(inbox.waiting(), Some(Mail::End("resource-constraint")));
        }
    }

    #[test]
    fn what_is_read_makes_room() {
        let (mut mailbox, mut inbox) = Mailbox::open();
        for _ in 0..3 * STANZAS {
            mailbox.put(Bytes::from_static(b"<presence/>"));
            assert!(matches!(inbox.waiting(), Some(Mail::Stanza(_))));
        }
        assert_eq!(inbox.waiting(), None);
        mailbox.end("conflict");
        assert_eq!(inbox.waiting(), Some(Mail::End("conflict")));
    }
}
