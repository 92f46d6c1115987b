//! Backups of the embedded store and queue: made while processes work, put back while none does.
//!
//! A backup is a folder with a copy of each file. It is made under another name and appears when it is whole, durable
//! and checked. MongoDB and RabbitMQ have tools of their own.

mod error;
mod restore;

pub use error::BackupError;
pub use restore::{Restored, restore};

use crate::broker::{QUEUE_COPIES, QUEUE_FILE};
use crate::config::Config;
use crate::folder::{self, DataFolder};
use crate::sqlite::Copies;
use crate::store::{STORE_COPIES, STORE_FILE};
use chrono::{DateTime, Utc};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The files, in the order in which they are copied. The queue comes first: a task that ends in between is still in
/// the copied queue and is found done, whereas a report whose task has gone already would never end.
const FILES: [(&str, Copies); 2] = [(QUEUE_FILE, QUEUE_COPIES), (STORE_FILE, STORE_COPIES)];

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// Its folder.
    pub path: PathBuf,
    /// Its files, and their sizes in bytes.
    pub files: Vec<(&'static str, u64)>,
}

/// Copies the embedded parts into the new folder `target`, or into a new one named after the time where `target` is
/// a folder already. `stop` ends it early.
///
/// # Errors
/// See [`BackupError`]; nothing stands under the backup's name then.
pub fn make(config: &Config, target: &Path, now: DateTime<Utc>, stop: &AtomicBool) -> Result<Made, BackupError> {
    let _folder = own_folder(config)?;
    let target = place(target, now)?;
    let parent = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    let io = |source| BackupError::Target { path: target.clone(), source };
    let half = tempfile::Builder::new().prefix(".maestro-reports-backup-").tempdir_in(parent).map_err(io)?;
    let mut files = Vec::new();
    for (name, copies) in FILES {
        let from = config.store.data_dir.join(name);
        if !from.exists() {
            continue;
        }
        let to = half.path().join(name);
        let copied = (copies.copy)(&from, &to, stop).and_then(|()| (copies.check)(&to));
        copied.map_err(|source| BackupError::Copy { path: from, source })?;
        files.push((name, fs::metadata(&to).map_err(io)?.len()));
    }
    folder::sync(half.path()).map_err(io)?;
    fs::rename(half.path(), &target).map_err(io)?;
    // It has another name now, under which it stays.
    drop(half.keep());
    folder::sync(parent).map_err(io)?;
    Ok(Made { path: target, files })
}

/// The data folder of the embedded store, shared.
fn own_folder(config: &Config) -> Result<DataFolder, BackupError> {
    refuse_mongo(config)?;
    let path = &config.store.data_dir;
    if !path.join(STORE_FILE).exists() {
        return Err(BackupError::Nothing { path: path.clone() });
    }
    Ok(DataFolder::share(path)?)
}

fn refuse_mongo(config: &Config) -> Result<(), BackupError> {
    match &config.store.mongo_uri {
        Some(_) => Err(BackupError::Mongo { database: config.store.mongo_database.clone() }),
        None => Ok(()),
    }
}

fn place(target: &Path, now: DateTime<Utc>) -> Result<PathBuf, BackupError> {
    if target.is_dir() {
        return Ok(target.join(now.format("maestro-reports-%Y%m%dT%H%M%SZ").to_string()));
    }
    if target.exists() {
        return Err(BackupError::Exists { path: target.to_owned() });
    }
    Ok(target.to_owned())
}
