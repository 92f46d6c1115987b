//! Rows kept in a temporary file, and what is learnt of them on the way: formats that say how many rows there are, or which
//! columns, begin only when the last row is known.

use crate::domain::Row;
use crate::tally::Tally;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

/// The rows so far. The file has no name, so it goes with the process.
pub(super) struct Spool {
    file: BufWriter<File>,
    tally: Tally,
}

/// What was learnt, and the rows.
pub(super) struct Spooled {
    /// The flattened columns.
    pub(super) paths: Vec<String>,
    /// The chart counts.
    pub(super) charts: serde_json::Value,
    file: BufReader<File>,
}

impl Spool {
    /// Nothing yet; `component` is the lower-case name of what is read.
    pub(super) fn new(component: &str) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile()?), tally: Tally::new(component) })
    }

    /// Keeps a row.
    pub(super) fn push(&mut self, row: &Row) -> io::Result<()> {
        self.tally.add(row);
        // A document begins with its length, so that it can be read back as it stands.
        self.file.write_all(row.as_bytes())
    }

    /// From the first row on.
    pub(super) fn rewind(self) -> io::Result<Spooled> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let paths = self.tally.paths(&self.tally.columns());
        Ok(Spooled { paths, charts: self.tally.charts(), file: BufReader::new(file) })
    }
}

impl Spooled {
    /// The next row.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        let mut length = [0; 4];
        match self.file.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let bytes =
            usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX).clamp(length.len(), Row::MAX_BYTES);
        let mut row = vec![0; bytes];
        row[..length.len()].copy_from_slice(&length);
        self.file.read_exact(&mut row[length.len()..])?;
        Row::from_bytes(row).map(Some).map_err(io::Error::other)
    }
}
