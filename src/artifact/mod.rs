//! What can be taken away of a report: one file a format, and the table of all formats. Pure: rows in, bytes out.
//!
//! ```text
//! about       what an artifact tells besides its rows
//! paths       the flattened columns that the rows of a table have
//! layout      the columns of one artifact, and the cells of a row in them
//! cell        a cell as text for people
//! projection  rows with the chosen columns alone
//! name        the name of an artifact's file
//! escape      characters that mean something where they are written
//! figures     the key figures of formats for people
//! inventory   the formats for Ansible
//! the others  a format each
//! ```
//!
//! A format is a [`Render`]: bytes come out as rows go in, so memory does not grow with the rows. Formats that need the
//! whole (PDF, XLSX) write at the end, and are bounded: [`Format::bound`].

mod about;
mod cell;
mod csv;
mod escape;
mod figures;
mod html;
mod inventory;
mod json;
mod layout;
mod md;
mod name;
mod ndjson;
mod paths;
mod pdf;
mod projection;
#[cfg(test)]
mod test_support;
mod txt;
mod xlsx;
mod xml;

pub use about::{About, Place};
pub use cell::Cell;
pub use csv::Dialect;
pub use layout::{Layout, NoColumn};
pub use name::file_name;
pub use paths::Paths;
pub use projection::Projection;

use crate::domain::Row;
use std::collections::HashSet;
use std::error::Error;

/// Writes one artifact: `begin` once, `row` for each row, `end` once. What is ready is appended to `out`, which the
/// caller empties in between.
pub trait Render: Send {
    /// What comes before the rows.
    ///
    /// # Errors
    /// As for [`Render::row`].
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError>;

    /// One more row.
    ///
    /// # Errors
    /// Where the row's bytes are no valid BSON, or the document cannot be written.
    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError>;

    /// What comes after the rows. Of a bounded format this is the whole document and takes its time.
    ///
    /// # Errors
    /// As for [`Render::row`].
    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError>;
}

/// Why an artifact cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct RenderError {
    /// What was being done.
    pub what: &'static str,
    /// The cause.
    pub source: Box<dyn Error + Send + Sync>,
}

impl RenderError {
    /// For `map_err`.
    pub(crate) fn of<E: Into<Box<dyn Error + Send + Sync>>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self { what, source: source.into() }
    }
}

/// A format that artifacts come in.
#[derive(Debug)]
pub struct Format {
    /// Its name in addresses and options.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// Its media type, as it is asked for in `Accept`.
    pub media: &'static str,
    /// The `Content-Type` that is answered.
    pub content_type: &'static str,
    /// The extension of its files.
    pub extension: &'static str,
    /// Which setting bounds its rows; `None`: streamed, of any length.
    pub bound: Option<Bound>,
    /// Whether its columns must be known before the first row.
    pub needs_layout: bool,
    /// Whether its bytes are compressed already.
    pub is_compressed: bool,
    /// Starts an artifact.
    pub render: fn(About, &Options) -> Box<dyn Render>,
}

impl Format {
    /// What to tell people where it holds fewer rows than were found: why, and what to do.
    #[must_use]
    pub fn left_out(&self, held: u64, found: u64) -> String {
        let why = match self.bound {
            Some(bound) => format!("holds no more; {} sets how many, csv and ndjson hold all", bound.variable()),
            None => "holds all rows".to_owned(),
        };
        format!("{held} of {found} rows: {} {why}", self.name)
    }
}

/// The settings that bound formats which cannot be streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `MAESTRO_PDF_ROWS`.
    Pdf,
    /// `MAESTRO_XLSX_ROWS`.
    Xlsx,
    /// `MAESTRO_YAML_ROWS`.
    Yaml,
}

impl Bound {
    /// The environment variable of the setting.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Pdf => "MAESTRO_PDF_ROWS",
            Self::Xlsx => "MAESTRO_XLSX_ROWS",
            Self::Yaml => "MAESTRO_YAML_ROWS",
        }
    }
}

/// What a request asks of a format besides its rows.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How CSV is written.
    pub csv: Dialect,
    /// The columns that were asked for; empty: all.
    pub columns: Vec<String>,
    /// JSON as a bare list instead of the page object.
    pub bare: bool,
}

impl Options {
    /// These, each column once.
    #[must_use]
    pub fn new(csv: Dialect, mut columns: Vec<String>, bare: bool) -> Self {
        let mut seen = HashSet::new();
        columns.retain(|column| seen.insert(column.clone()));
        Self { csv, columns, bare }
    }
}

/// All formats. Among those that a client accepts alike, the first is taken.
pub static FORMATS: &[Format] = &[
    json::FORMAT,
    csv::FORMAT,
    ndjson::FORMAT,
    xml::FORMAT,
    txt::FORMAT,
    inventory::ini::FORMAT,
    inventory::yaml::FORMAT,
    xlsx::FORMAT,
    pdf::FORMAT,
    html::FORMAT,
    md::FORMAT,
];

/// The format of this name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_media_types_are_unique_and_fit_into_addresses_and_headers() {
        let names: HashSet<&str> = FORMATS.iter().map(|format| format.name).collect();
        let media: HashSet<&str> = FORMATS.iter().map(|format| format.media).collect();
        assert_eq!((names.len(), media.len()), (FORMATS.len(), FORMATS.len()));
        for format in FORMATS {
            assert!(format.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{format:?}");
            assert!(format.content_type.starts_with(format.media), "{format:?}");
            assert!(format.bound.is_none() || format.needs_layout || format.name == "inventory-yaml", "{format:?}");
        }
    }
}
