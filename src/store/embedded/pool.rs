//! Connections to the SQLite file: one that writes, as many readers as are at work. All work runs on blocking threads.

use super::error::WorkError;
use super::functions;
use crate::store::StoreError;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;

/// How long to wait for another process that is writing; building an index over a million rows takes some seconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// The size of a page in a new file. Rows of a kilobyte or two fill it well, where SQLite's usual 4 KiB hold two of them.
const PAGE_BYTES: u32 = 16 * 1024;
/// What the write-ahead log keeps of its file when it begins anew: twice of what it grows to before that while rows are
/// staged.
const LOG_BYTES: u32 = 32 * 1024 * 1024;
/// A commit that syncs the write-ahead log, as a task is acknowledged after its rows are committed. Somebody waits for it,
/// so what is in the log is moved into the file by a later commit, within bounds.
const SYNCED: Commit = Commit { synchronous: "FULL", log_pages: 4_000 };
/// A commit that leaves the syncing to a later one, or to the moving of the log.
const AHEAD: Commit = Commit { synchronous: "NORMAL", log_pages: 1_000 };
/// Idle readers kept open.
const IDLE_READERS: usize = 4;

/// What a commit does about the write-ahead log.
#[derive(Clone, Copy)]
struct Commit {
    /// SQLite's word for whether it is synced.
    synchronous: &'static str,
    /// With so many pages in it, it is moved into the file.
    log_pages: u32,
}

/// The connections of one store.
#[derive(Clone)]
pub(super) struct Pool {
    path: PathBuf,
    pub(super) writer: Arc<AsyncMutex<Connection>>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Pool {
    /// Opens the file, making it and its folder where they are missing.
    pub(super) async fn open(path: PathBuf) -> Result<Self, StoreError> {
        let writer_path = path.clone();
        let writer = blocking("to open the file", move || {
            if let Some(folder) = writer_path.parent() {
                std::fs::create_dir_all(folder).map_err(|error| StoreError::Refused {
                    what: format!("to make the folder {}", folder.display()),
                    source: error.into(),
                })?;
            }
            Ok(open_writer(&writer_path)?)
        })
        .await?;
        Ok(Self { path, writer: Arc::new(AsyncMutex::new(writer)), idle: Arc::default() })
    }

    /// Runs `work` in a transaction that is committed if it succeeds, and outlasts a power cut then; writers follow one
    /// another.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, WorkError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_with(SYNCED, what, work).await
    }

    /// As `write`, but a power cut may take the work back until the next `write` is done: that syncs the whole log, so
    /// nothing that comes later can outlast what is written here. For rows that count only once their run is committed.
    pub(super) async fn write_ahead<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, WorkError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_with(AHEAD, what, work).await
    }

    async fn write_with<T: Send + 'static>(
        &self,
        commit: Commit,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, WorkError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        blocking(what, move || {
            writer.pragma_update(None, "synchronous", commit.synchronous)?;
            writer.pragma_update(None, "wal_autocheckpoint", commit.log_pages)?;
            let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&tx)?;
            tx.commit()?;
            Ok(result)
        })
        .await
    }

    /// Moves what is in the write-ahead log into the file, as far as no reader needs the file as it was. The file gets
    /// smaller only then.
    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
        let writer = Arc::clone(&self.writer).lock_owned().await;
        blocking("to write the log into the file", move || {
            Ok(writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
        })
        .await
    }

    /// Runs `work` in a transaction that sees the file as it is at its first query.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, WorkError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = self.clone();
        blocking(what, move || {
            let mut reader = pool.reader()?;
            let result = work(&reader.transaction()?);
            pool.give_back(reader);
            result
        })
        .await
    }

    /// A reader that nobody else uses; for blocking threads.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| open_reader(&self.path), Ok)
    }

    /// Keeps a reader for the next one who needs it.
    pub(super) fn give_back(&self, reader: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(reader);
        }
    }
}

/// Runs `work` on a blocking thread.
pub(super) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, WorkError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| error.into_store(what)),
        Err(error) => Err(StoreError::Unavailable { what: what.to_owned(), source: error.into() }),
    }
}

fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open_connection(path)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    // Of effect on a new file alone, as the size of a page.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    use_write_ahead_log(&connection)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Readers work beside a writer. Where several processes open a new file at once, SQLite does not wait by itself here.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut attempts = 0;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && attempts < 100 => {
                attempts += 1;
                std::thread::sleep(Duration::from_millis(50));
            }
            done => return done,
        }
    }
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open_connection(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open_connection(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    functions::register_sort_key(&connection)?;
    functions::register_column_key(&connection)?;
    Ok(connection)
}
