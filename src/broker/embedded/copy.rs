//! Copies of the queue's file, for backups.

use super::file;
use crate::sqlite::{self, CopyError};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Copies the queue's file, in use or not; `stop` ends it early.
pub(in crate::broker) fn copy(from: &Path, to: &Path, stop: &AtomicBool) -> Result<(), CopyError> {
    sqlite::copy(&sqlite::open(from)?, to, stop)
}

/// Whether a copy is whole and of a version that this program knows or can bring up to date.
pub(in crate::broker) fn check(path: &Path) -> Result<(), CopyError> {
    let connection = sqlite::open(path)?;
    sqlite::check(&connection)?;
    let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        0 => Err(CopyError::Damaged("it holds no queue".to_owned())),
        _ if version <= file::VERSION => Ok(()),
        _ => Err(CopyError::Newer(format!("queue version {version}"))),
    }
}
