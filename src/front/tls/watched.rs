//! Files that somebody else writes, and whether they have changed. Looking at them now and then also sees links that lead elsewhere, as
//! certbot and Kubernetes change them.

use std::fs::{Metadata, metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Cause;

pub(super) struct Watched {
    files: Vec<PathBuf>,
    seen: Mutex<Seen>,
}

struct Seen {
    /// When they were read.
    read: Vec<Stamp>,
    /// When they were looked at.
    last: Vec<Stamp>,
}

/// What is different when a file is another one, or has other contents: device, inode, size, and the time of change in nanoseconds, which
/// unlike the time of modification nobody can set. `None`: there is no file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp(Option<[u64; 3]>, Option<[i64; 2]>);

impl Watched {
    pub fn new(files: Vec<PathBuf>) -> Self {
        let now = stamps(&files);
        Self {
            files,
            seen: Mutex::new(Seen {
                read: now.clone(),
                last: now,
            }),
        }
    }

    /// Are they to be read? By themselves once for each change, when it is over: seen twice, the same.
    pub fn has_changed(&self, cause: Cause) -> bool {
        if self.files.is_empty() {
            return false;
        }
        let now = stamps(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = seen.last == now;
        let due = cause == Cause::Asked || (settled && seen.read != now);
        seen.last.clone_from(&now);
        if due {
            seen.read = now;
        }
        due
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    files.iter().map(|file| Stamp::of(file)).collect()
}

impl Stamp {
    fn of(file: &Path) -> Self {
        let found = metadata(file).ok();
        let place = |found: &Metadata| [found.dev(), found.ino(), found.size()];
        Self(
            found.as_ref().map(place),
            found.as_ref().map(|found| [found.ctime(), found.ctime_nsec()]),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{rename, write};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_change_is_seen_when_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let watched = Watched::new(vec![path("a"), path("link")]);
        let looks = || [(); 3].map(|()| watched.has_changed(Cause::Time));
        assert_eq!(looks(), [false; 3]);
        write(path("a"), "one").unwrap();
        assert_eq!(looks(), [false, true, false]);
        write(path("a"), "two").unwrap();
        assert!(!watched.has_changed(Cause::Time));
        write(path("a"), "still at it").unwrap();
        assert_eq!(looks(), [false, true, false]);
        symlink("a", path("link")).unwrap();
        assert_eq!(looks(), [false, true, false]);
        write(path("b"), "still at it").unwrap();
        symlink("b", path("next")).unwrap();
        rename(path("next"), path("link")).unwrap();
        assert_eq!(looks(), [false, true, false]);
        assert!(watched.has_changed(Cause::Asked), "who asks has a reason");
        assert_eq!(looks(), [false; 3]);
    }
}
