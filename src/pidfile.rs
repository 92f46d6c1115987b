//! A file that holds the process id, for scripts and supervisors that ask for one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file, for as long as this value lives.
#[derive(Debug)]
pub struct PidFile(PathBuf);

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
pub enum PidFileError {
    /// It is another process's, and that runs.
    #[error("--pidfile {}: the process {pid} in it runs; expected a file of a process that has ended", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process in it.
        pid: u32,
    },
    /// It cannot be written.
    #[error("--pidfile {}: it cannot be written", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl PidFile {
    /// Writes the file; one that a killed process has left is replaced.
    ///
    /// # Errors
    /// See [`PidFileError`].
    pub fn write(path: &Path) -> Result<Self, PidFileError> {
        match read(path) {
            Some(pid) if pid != std::process::id() && Path::new(&format!("/proc/{pid}")).exists() => {
                return Err(PidFileError::InUse { path: path.to_owned(), pid });
            }
            Some(_) | None => {}
        }
        let written = fs::write(path, format!("{}\n", std::process::id()));
        written.map_err(|source| PidFileError::Io { path: path.to_owned(), source })?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if read(&self.0) == Some(std::process::id())
            && let Err(error) = fs::remove_file(&self.0)
        {
            log::warn!("{} stays: {error}", self.0.display());
        }
    }
}

fn read(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_as_long_as_the_process_and_replaces_one_that_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        // Linux has no process of this number.
        for left in ["", "4194305\n"] {
            fs::write(&path, left).unwrap();
            let file = PidFile::write(&path).unwrap();
            assert_eq!(read(&path), Some(std::process::id()));
            drop(file);
            assert!(!path.exists());
        }
    }

    #[test]
    fn that_of_a_running_process_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "1\n").unwrap();
        assert!(matches!(PidFile::write(&path), Err(PidFileError::InUse { pid: 1, .. })));
        assert_eq!(read(&path), Some(1));
        assert!(matches!(PidFile::write(&folder.path().join("no/pid")), Err(PidFileError::Io { .. })));
    }
}
