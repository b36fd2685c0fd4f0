//! What ACME leaves on disk: the account's key, and the certificate with its key in one file, so that they always fit. Nobody else may read
//! them. Each directory has a folder of its own, so that a certificate for trials is not taken for a real one.

use std::fs::{DirBuilder, File, Permissions, rename, set_permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::FileError;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Makes the folder if it is not there.
    pub fn open(parent: &Path, directory: &str) -> Result<Self, FileError> {
        let name = directory.strip_prefix("https://").unwrap_or(directory);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let name: String = name
            .chars()
            .map(|c| if is_plain(c) { c.to_ascii_lowercase() } else { '_' })
            .collect();
        let folder = parent.join(name);
        let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder);
        made.and_then(|()| set_permissions(&folder, Permissions::from_mode(FOLDER_MODE)))
            .map_err(|error| FileError::new(&folder, error))?;
        Ok(Self { folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// `None`: it has not been written yet.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::new(&path, error)),
        }
    }

    /// All of it, or nothing.
    pub fn write(&self, name: &str, contents: &str) -> Result<(), FileError> {
        let (path, new) = (self.path(name), self.path(&format!("{name}.new")));
        let write = || {
            let mut file = File::options()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(FILE_MODE)
                .open(&new)?;
            file.set_permissions(Permissions::from_mode(FILE_MODE))?;
            file.write_all(contents.as_bytes())?;
            file.sync_all()?;
            rename(&new, &path)
        };
        write().map_err(|error| FileError::new(&path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_may_read_it() {
        let parent = tempfile::tempdir().unwrap();
        let cache = Cache::open(parent.path(), "https://ACME.example:14000/dir?a=/../").unwrap();
        assert_eq!(cache.path("a"), parent.path().join("acme_example_14000_dir_a_____/a"));
        assert_eq!(cache.read("a").unwrap(), None);
        std::fs::write(cache.path("a.new"), "left behind").unwrap();
        cache.write("a", "one").unwrap();
        cache.write("a", "two").unwrap();
        assert_eq!(cache.read("a").unwrap().as_deref(), Some(&b"two"[..]));
        let mode = |path: PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(cache.path("")), mode(cache.path("a"))), (0o700, 0o600));
        assert!(!cache.path("a.new").exists());
    }
}
