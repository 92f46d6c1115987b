//! CSV after RFC 4180: a heading, then a row a line, every cell quoted that is no number (contract §3).
//!
//! A table begins with the report's columns; an object is a column for each of its paths (`os.base`), a list stands in
//! its cell as compact JSON. Today's service also writes the index of pandas as a first column: [`Dialect::index`].

use super::{About, Cell, Format, Layout, Options, Render, RenderError};
use crate::domain::Row;
use bson::raw::RawBsonRef;
use csv::{QuoteStyle, Terminator, WriterBuilder};
use std::borrow::Cow;

pub(super) const FORMAT: Format = Format {
    name: "csv",
    title: "CSV, a column for each path",
    media: "text/csv",
    content_type: "text/csv; charset=utf-8",
    extension: "csv",
    bound: None,
    needs_layout: true,
    is_compressed: false,
    render: |About { layout, .. }, Options { csv, .. }| Box::new(Csv { layout, dialect: *csv, number: 0 }),
};

/// How CSV is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// A first column that numbers the rows from 0.
    pub index: bool,
    /// A byte order mark in front, by which Excel tells UTF-8.
    pub bom: bool,
    /// What separates cells.
    pub separator: u8,
    /// Cells that a spreadsheet would take for formulas as they are.
    pub raw: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { index: false, bom: false, separator: b',', raw: false }
    }
}

struct Csv {
    layout: Layout,
    dialect: Dialect,
    number: u64,
}

impl Csv {
    /// One line. The writer lives for a line only, as what it wrote last must not stay behind in its buffer.
    fn line<'c>(
        &self,
        index: &'c str,
        cells: impl Iterator<Item = Cow<'c, str>>,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        let mut builder = WriterBuilder::new();
        builder.quote_style(QuoteStyle::NonNumeric).terminator(Terminator::CRLF).delimiter(self.dialect.separator);
        let mut writer = builder.buffer_capacity(LINE_BYTES).from_writer(out);
        let index = self.dialect.index.then_some(Cow::Borrowed(index));
        let written = index.into_iter().chain(cells).try_for_each(|cell| writer.write_field(&*cell));
        written
            .and_then(|()| writer.write_record(None::<&[u8]>))
            .and_then(|()| Ok(writer.flush()?))
            .map_err(RenderError::of("a row cannot be written as CSV"))
    }

    fn text<'c>(&self, cell: &Cell<'c>) -> Cow<'c, str> {
        let text = cell.plain();
        let is_text = !matches!(
            cell,
            Cell::Value(
                RawBsonRef::Int32(_) | RawBsonRef::Int64(_) | RawBsonRef::Double(_) | RawBsonRef::Decimal128(_)
            )
        );
        if is_text && !self.dialect.raw { harmless(text) } else { text }
    }
}

/// What a line mostly fits into.
const LINE_BYTES: usize = 2048;

impl Render for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        if self.dialect.bom {
            out.extend("\u{feff}".as_bytes());
        }
        let headings = self.layout.headings().iter().map(|heading| {
            let heading = Cow::Borrowed(heading.as_str());
            if self.dialect.raw { heading } else { harmless(heading) }
        });
        self.line("", headings, out)
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let cells = self.layout.cells(row);
        self.line(&self.number.to_string(), cells.iter().map(|cell| self.text(cell)), out)?;
        self.number += 1;
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), RenderError> {
        Ok(())
    }
}

/// A text that no spreadsheet takes for a formula: an apostrophe goes before `=`, `+`, `-`, `@` and control characters
/// (OWASP, "CSV Injection"). A text that is a negative number stays one.
fn harmless(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_dangerous = text.starts_with(|c: char| matches!(c, '=' | '+' | '-' | '@') || c.is_control());
    let is_number = || {
        text.strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.parse::<f64>().is_ok())
    };
    if is_dangerous && !is_number() { Cow::Owned(format!("'{text}")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Paths;
    use bson::{RawDocumentBuf, rawdoc};

    fn written(rows: &[RawDocumentBuf], dialect: Dialect) -> String {
        let rows: Vec<Row> = rows.iter().cloned().map(Row::from).collect();
        let mut paths = Paths::default();
        rows.iter().flat_map(Row::fields).for_each(|field| paths.add(&field));
        let mut csv = Csv { layout: Layout::new(&paths.finish(&[])), dialect, number: 0 };
        let mut out = Vec::new();
        csv.begin(&mut out).unwrap();
        rows.iter().for_each(|row| csv.row(row, &mut out).unwrap());
        csv.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_bare_and_all_else_is_quoted() {
        let rows = [
            rawdoc! {"a": 1, "b": "x,\"y\"\nz", "c": {"d": true, "e": [1, "2"]}},
            rawdoc! {"a": -2.5, "c": {"d": null, "f": [{"g": 1}]}},
        ];
        assert_eq!(
            written(&rows, Dialect::default()),
            concat!(
                "\"a\",\"b\",\"c.d\",\"c.e\",\"c.f\"\r\n",
                "1,\"x,\"\"y\"\"\nz\",\"true\",\"[1,\"\"2\"\"]\",\"\"\r\n",
                "-2.5,\"\",\"\",\"\",\"[{\"\"g\"\":1}]\"\r\n",
            )
        );
        let dialect = Dialect { index: true, bom: true, separator: b';', raw: false };
        assert_eq!(written(&rows[1..], dialect), "\u{feff}\"\";\"a\";\"c.f\"\r\n0;-2.5;\"[{\"\"g\"\":1}]\"\r\n");
    }

    #[test]
    fn what_looks_like_a_formula_is_made_harmless() {
        let rows =
            [rawdoc! {"=a": "=1+1", "b": "+1", "c": "-1+1", "d": "@x", "e": "\t=1", "f": "-1.5", "g": -1, "h": "a=b"}];
        let safe = written(&rows, Dialect::default());
        assert_eq!(
            safe.lines().collect::<Vec<_>>(),
            [r#""'=a","b","c","d","e","f","g","h""#, "\"'=1+1\",\"'+1\",\"'-1+1\",\"'@x\",\"'\t=1\",-1.5,-1,\"a=b\"",]
        );
        assert!(written(&rows, Dialect { raw: true, ..Dialect::default() }).contains("\"=1+1\""));
    }
}
