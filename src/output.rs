//! Where a command writes what it makes: standard output, or a file that takes its name when it is complete.

use anyhow::Context;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Standard output, or a file on its way.
pub struct Output {
    writer: BufWriter<Target>,
    /// The reader of a pipe has seen enough.
    is_closed: bool,
}

enum Target {
    Standard(io::Stdout),
    File(NamedTempFile, PathBuf),
}

impl Output {
    /// `-` is standard output.
    ///
    /// # Errors
    /// Where no file can be made beside the one that is named.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let target = if path == Path::new("-") {
            Target::Standard(io::stdout())
        } else {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let file = NamedTempFile::new_in(folder).with_context(|| format!("--output {}", path.display()))?;
            Target::File(file, path.to_owned())
        };
        Ok(Self { writer: BufWriter::new(target), is_closed: false })
    }

    /// Writes these bytes; false where nobody reads any more.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<bool> {
        match self.writer.write_all(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(false)
            }
            written => written.map(|()| true),
        }
    }

    /// Completes it.
    ///
    /// # Errors
    /// Where what is left cannot be written, or the file cannot take its name.
    pub fn finish(mut self) -> anyhow::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        match self.writer.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            flushed => flushed.context("writing the output")?,
        }
        if let Target::File(file, path) = self.writer.into_inner().map_err(io::IntoInnerError::into_error)? {
            file.persist(&path).with_context(|| format!("--output {}", path.display()))?;
        }
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(out) => out.write(bytes),
            Self::File(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(out) => out.flush(),
            Self::File(file, _) => file.flush(),
        }
    }
}
