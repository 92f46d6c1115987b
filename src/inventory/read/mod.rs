//! The files of the folder: which one holds a component, and its documents one after the other.
//!
//! A component is one file: `servers.json`, `.ndjson`, `.jsonl` or `.csv`, each also with `.gz`. JSON is an array or
//! one object after the other (a line each, as a rule), plain or MongoDB Extended JSON as mongoexport writes it.

mod csv;
mod json;

use super::error::InventoryError;
use crate::domain::Row;
use flate2::read::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const EXTENSIONS: [&str; 4] = ["json", "ndjson", "jsonl", "csv"];

/// The file that holds a component, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Where it is.
    pub(super) path: PathBuf,
    modified: SystemTime,
    size_bytes: u64,
}

/// Takes one document; an error stops the reading.
pub(super) type Each<'a> = dyn FnMut(Row) -> Result<(), InventoryError> + 'a;

/// The component that a file holds, or `None` for a file of another kind.
pub(super) fn component_of(file: &Path) -> Option<&str> {
    let name = file.file_name()?.to_str()?;
    let (component, extension) = name.strip_suffix(".gz").unwrap_or(name).rsplit_once('.')?;
    let fits = EXTENSIONS.contains(&extension) && component.parse::<crate::domain::Component>().is_ok();
    fits.then_some(component)
}

impl Source {
    /// The file of a component; `None` where the folder has none.
    ///
    /// # Errors
    /// Where there are two, or the folder cannot be read.
    pub(super) fn find(folder: &Path, component: &str) -> Result<Option<Self>, InventoryError> {
        let mut found: Option<Self> = None;
        for extension in EXTENSIONS {
            for end in ["", ".gz"] {
                let path = folder.join(format!("{component}.{extension}{end}"));
                let Ok(meta) = fs::metadata(&path) else { continue };
                if let Some(other) = &found {
                    let what = format!("expected one file, there is {} too", other.path.display());
                    return Err(InventoryError::BrokenFile { file: path, line: 1, what });
                }
                let modified = meta
                    .modified()
                    .map_err(InventoryError::io(format!("the time of {} is unknown", path.display())))?;
                found = Some(Self { path, modified, size_bytes: meta.len() });
            }
        }
        Ok(found)
    }

    /// Reads the documents; ids and dates written as texts get their types.
    ///
    /// # Errors
    /// Names the file and the line that is no document.
    pub(super) fn read(&self, each: &mut Each<'_>) -> Result<(), InventoryError> {
        let cannot = || InventoryError::io(format!("{} cannot be read", self.path.display()));
        let file = File::open(&self.path).map_err(cannot())?;
        let name = self.path.to_string_lossy();
        let plain: Box<dyn Read> =
            if name.ends_with(".gz") { Box::new(MultiGzDecoder::new(BufReader::new(file))) } else { Box::new(file) };
        let mut input = BufReader::with_capacity(1 << 16, plain);
        if input.fill_buf().map_err(cannot())?.starts_with(b"\xef\xbb\xbf") {
            input.consume(3);
        }
        if name.strip_suffix(".gz").unwrap_or(&name).ends_with(".csv") {
            csv::read(&self.path, input, each)
        } else {
            json::read(&self.path, input, each)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_documents_name_a_component() {
        for (file, component) in
            [("servers.json", Some("servers")), ("apps.csv.gz", Some("apps")), ("x.ndjson", Some("x"))]
        {
            assert_eq!(component_of(Path::new(file)), component, "{file}");
        }
        for file in ["readme.txt", "servers", "a.b.json", ".json", "servers.json.bak"] {
            assert_eq!(component_of(Path::new(file)), None, "{file}");
        }
    }
}
