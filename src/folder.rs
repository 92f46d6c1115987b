//! The data folder, which holds the files of the embedded store and queue: made where it is missing, and locked.
//!
//! Every process that uses the files shares the lock for as long as it lives; whoever replaces the files has it alone.
//! The system gives the lock back with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The file that is locked; it holds nothing.
const LOCK: &str = "in-use.lock";
/// There while files are being replaced.
const UNFINISHED: &str = "restore-unfinished";

/// The data folder, in use until this is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made, or nothing can be written there.
    #[error("the folder {} (MAESTRO_DATA_DIR) cannot be used", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A backup is being restored.
    #[error("a backup is being restored in {}: try again when that has ended", path.display())]
    Restoring {
        /// The folder.
        path: PathBuf,
    },
    /// A restore was cut short.
    #[error("a restore in {} was cut short: run `maestro-reports restore` again", path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// Processes are using the files.
    #[error("{} is in use: stop serve, worker, beat and demo first", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

impl DataFolder {
    /// Takes part in using the folder; makes it where it is missing.
    ///
    /// # Errors
    /// `Restoring` and `Unfinished` where its files are not to be used.
    pub fn share(path: &Path) -> Result<Self, FolderError> {
        let lock = open_lock(path)?;
        match lock.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::Restoring { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(unusable(path, source)),
        }
        if path.join(UNFINISHED).exists() {
            return Err(FolderError::Unfinished { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Has the folder alone, to replace its files.
    ///
    /// # Errors
    /// `InUse` while any process takes part in it.
    pub fn take(path: &Path) -> Result<Self, FolderError> {
        let lock = open_lock(path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(unusable(path, source)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does something to the files that must be done wholly: cut short, it leaves a mark, and nobody uses the folder
    /// until it was done again.
    ///
    /// # Errors
    /// As `replace` does; then the mark stays.
    pub fn replace_files<T>(&self, replace: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mark = self.path.join(UNFINISHED);
        File::create(&mark)?.sync_all()?;
        sync(&self.path)?;
        let replaced = replace()?;
        sync(&self.path)?;
        std::fs::remove_file(&mark)?;
        sync(&self.path)?;
        Ok(replaced)
    }
}

/// Makes what was done to the names in a folder durable.
///
/// # Errors
/// Where the system cannot.
pub fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn open_lock(path: &Path) -> Result<File, FolderError> {
    let open = || {
        std::fs::create_dir_all(path)?;
        File::options().create(true).truncate(false).write(true).open(path.join(LOCK))
    };
    open().map_err(|source| unusable(path, source))
}

fn unusable(path: &Path, source: io::Error) -> FolderError {
    FolderError::Unusable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_not_taken_and_a_taken_one_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let users = [DataFolder::share(&path).unwrap(), DataFolder::share(&path).unwrap()];
        assert!(matches!(DataFolder::take(&path), Err(FolderError::InUse { .. })));
        drop(users);
        let taken = DataFolder::take(&path).unwrap();
        assert!(matches!(DataFolder::share(&path), Err(FolderError::Restoring { .. })));
        drop(taken);
        DataFolder::share(&path).unwrap();
    }

    #[test]
    fn files_that_were_half_replaced_are_not_used_until_they_are_replaced_again() {
        let folder = tempfile::tempdir().unwrap();
        let taken = DataFolder::take(folder.path()).unwrap();
        assert!(taken.replace_files(|| Err::<(), _>(io::Error::other("power cut"))).is_err());
        drop(taken);
        assert!(matches!(DataFolder::share(folder.path()), Err(FolderError::Unfinished { .. })));
        DataFolder::take(folder.path()).unwrap().replace_files(|| Ok(())).unwrap();
        DataFolder::share(folder.path()).unwrap();
    }
}
