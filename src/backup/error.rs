//! Why a backup was not made, or not put back.

use crate::folder::FolderError;
use crate::sqlite::CopyError;
use std::io;
use std::path::PathBuf;

/// A failed backup or restore.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store is not an embedded one.
    #[error("the report store is MongoDB: use `mongodump --db {database}` and `mongorestore`")]
    Mongo {
        /// The database.
        database: String,
    },
    /// There is no store.
    #[error("there is no report store in {} (MAESTRO_DATA_DIR)", path.display())]
    Nothing {
        /// The data folder.
        path: PathBuf,
    },
    /// Something has the backup's name.
    #[error("{} is there already", path.display())]
    Exists {
        /// The name.
        path: PathBuf,
    },
    /// There is no backup at this place.
    #[error("{} is no backup: expected a folder with reports.sqlite3", path.display())]
    NoBackup {
        /// The place.
        path: PathBuf,
    },
    /// The data folder is not free.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file cannot be copied, or its copy is of no use.
    #[error("{} cannot be copied: {source}", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CopyError,
    },
    /// The backup cannot be written, or the files cannot be put in place.
    #[error("{} cannot be written", path.display())]
    Target {
        /// Where.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}
