//! The room that is left for rows. They are refused before the disk is full: the little that ends a report and tells of
//! it, and the queue beside the store, must still find room.

use super::error::WorkError;
use crate::domain::Row;
use crate::store::StoreError;
use rusqlite::Transaction;
use std::path::Path;

/// What is left on the disk to others than rows: as much as RabbitMQ leaves.
const RESERVED: u64 = 50 * 1024 * 1024;

/// Whether these rows may be written to the file.
///
/// # Errors
/// `Refused` where too little is left, `Unavailable` where the folder is not there.
pub(super) fn check(tx: &Transaction<'_>, file: &Path, rows: &[Row]) -> Result<(), WorkError> {
    let folder = file.parent().unwrap_or(file);
    let disk = rustix::fs::statvfs(folder).map_err(|error| StoreError::Unavailable {
        what: "to look for room on its disk".to_owned(),
        source: error.into(),
    })?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) >= RESERVED || has_free_pages(tx, rows)? {
        return Ok(());
    }
    let refused = StoreError::Refused {
        what: format!(
            "to stage rows: less than {} MiB are left on the disk of {}; make room there, or narrow the report's filters",
            RESERVED >> 20,
            folder.display()
        ),
        source: rustix::io::Errno::NOSPC.into(),
    };
    Err(refused.into())
}

/// Whether the file itself has room that was given up by others, for twice as much: there are indexes too.
fn has_free_pages(tx: &Transaction<'_>, rows: &[Row]) -> rusqlite::Result<bool> {
    let number = |name| tx.pragma_query_value::<u64, _>(None, name, |row| row.get(0));
    let free = number("freelist_count")?.saturating_mul(number("page_size")?);
    Ok(free >= rows.iter().map(|row| 2 * row.as_bytes().len() as u64).sum())
}
