//! Putting a backup back.

use super::{BackupError, FILES, refuse_mongo};
use crate::config::Config;
use crate::folder::{self, DataFolder};
use crate::store::STORE_FILE;
use chrono::{DateTime, Utc};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// What SQLite keeps beside a file.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

/// A backup that was put back.
#[derive(Debug)]
pub struct Restored {
    /// The files put back.
    pub files: Vec<&'static str>,
    /// Where the files are that stood there before; `None` where there were none.
    pub aside: Option<PathBuf>,
}

/// Puts the backup at `source` in place of the embedded parts, whose files are kept aside in the data folder. Nothing
/// is touched before the backup is copied beside them and checked.
///
/// # Errors
/// See [`BackupError`]; `Folder` while any process uses the data folder.
pub fn restore(config: &Config, source: &Path, now: DateTime<Utc>, stop: &AtomicBool) -> Result<Restored, BackupError> {
    refuse_mongo(config)?;
    if !source.join(STORE_FILE).is_file() {
        return Err(BackupError::NoBackup { path: source.to_owned() });
    }
    let data = DataFolder::take(&config.store.data_dir)?;
    let io = |source| BackupError::Target { path: data.path().to_owned(), source };
    let fresh = tempfile::Builder::new().prefix("restore-").tempdir_in(data.path()).map_err(io)?;
    let mut files = Vec::new();
    for (name, copies) in FILES {
        let from = source.join(name);
        if !from.exists() {
            continue;
        }
        let to = fresh.path().join(name);
        let copied = (copies.copy)(&from, &to, stop).and_then(|()| (copies.check)(&to));
        copied.map_err(|source| BackupError::Copy { path: from, source })?;
        files.push(name);
    }
    folder::sync(fresh.path()).map_err(io)?;
    let aside = data.path().join(now.format("before-restore-%Y%m%dT%H%M%S%.3fZ").to_string());
    let moved = data.replace_files(|| {
        let moved = set_aside(data.path(), &aside)?;
        files.iter().try_for_each(|name| fs::rename(fresh.path().join(name), data.path().join(name)))?;
        Ok(moved)
    });
    Ok(Restored { files, aside: moved.map_err(io)?.then_some(aside) })
}

/// Moves the files of the embedded parts into a new folder; whether there were any.
fn set_aside(data: &Path, aside: &Path) -> io::Result<bool> {
    let names = FILES.iter().flat_map(|(name, _)| BESIDE.map(|suffix| format!("{name}{suffix}")));
    let there: Vec<String> = names.filter(|name| data.join(name).exists()).collect();
    if there.is_empty() {
        return Ok(false);
    }
    fs::create_dir(aside)?;
    there.iter().try_for_each(|name| fs::rename(data.join(name), aside.join(name)))?;
    folder::sync(aside)?;
    Ok(true)
}
