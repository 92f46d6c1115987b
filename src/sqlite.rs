//! What the embedded store and the embedded queue do alike with their files: copying one that is in use, and checking
//! a copy.

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Pages between two looks at whether to go on.
const PAGES: i32 = 256;
/// How long to wait for somebody who writes.
const BUSY: Duration = Duration::from_secs(30);

/// Why a file was not copied, or a copy is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file is not whole.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A newer program wrote it.
    #[error("a newer version of the program wrote it ({0})")]
    Newer(String),
    /// It was told to stop.
    #[error("interrupted")]
    Interrupted,
}

/// How the copies of one kind of file are made and checked.
#[derive(Debug, Clone, Copy)]
pub struct Copies {
    /// Copies a file that may be in use into a new one, until it is told to stop.
    pub copy: fn(from: &Path, to: &Path, stop: &AtomicBool) -> Result<(), CopyError>,
    /// Whether a copy is whole and not of a newer program.
    pub check: fn(path: &Path) -> Result<(), CopyError>,
}

/// Opens a file that is there.
pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Copies the database of `source` as it is at this moment into the new file `target`, durably. Others read and write
/// the source meanwhile; memory does not grow with its size.
pub(crate) fn copy(source: &Connection, target: &Path, stop: &AtomicBool) -> Result<(), CopyError> {
    // This transaction holds the state of the moment: without it the copy would begin again at every write.
    let moment = source.unchecked_transaction()?;
    moment.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut copy = Connection::open(target)?;
    {
        let backup = Backup::new(&moment, &mut copy)?;
        while backup.step(PAGES)? != StepResult::Done {
            if stop.load(Ordering::Relaxed) {
                return Err(CopyError::Interrupted);
            }
        }
    }
    // One file, without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(std::fs::File::open(target)?.sync_all()?)
}

/// Goes through the whole file.
pub(crate) fn check(connection: &Connection) -> Result<(), CopyError> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(CopyError::Damaged(found)) }
}
