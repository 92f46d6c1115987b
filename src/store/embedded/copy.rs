//! Copies of the store's file, for backups.

use super::{functions, migrations};
use crate::sqlite::{self, CopyError};
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Copies the store's file, in use or not; `stop` ends it early.
pub(in crate::store) fn copy(from: &Path, to: &Path, stop: &AtomicBool) -> Result<(), CopyError> {
    sqlite::copy(&open(from)?, to, stop)
}

/// Whether a copy is whole and of a schema that this program knows or can bring up to date.
pub(in crate::store) fn check(path: &Path) -> Result<(), CopyError> {
    let mut connection = open(path)?;
    sqlite::check(&connection)?;
    let schema = migrations::schema(&connection.transaction()?)?;
    if schema.applied.is_empty() {
        return Err(CopyError::Damaged("it holds no report store".to_owned()));
    }
    if schema.unknown.is_empty() { Ok(()) } else { Err(CopyError::Newer(schema.unknown.join(", "))) }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = sqlite::open(path)?;
    // The rows' indexes are made with them.
    functions::register_sort_key(&connection)?;
    functions::register_column_key(&connection)?;
    Ok(connection)
}
