//! CSV after RFC 4180: a heading, then a row a line, every cell quoted that is no number (contract §3).
//!
//! A table begins with the report's columns; an object is a column for each of its paths (`os.base`), a list stands in
//! its cell as compact JSON. Written here and not by the crate csv, whose writer cannot quote by a cell's type: it asks of every
//! text whether it reads as a number, and takes twice as long. Today's service also writes the index of pandas as a first column: [`Dialect::index`].

use super::{About, Cell, Format, Layout, Options, Render, RenderError};
use crate::domain::Row;
use bson::raw::RawBsonRef;
use std::io::Write;

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

impl Dialect {
    /// The separator that a text names: `,` `;` `|` or `tab`.
    #[must_use]
    pub fn separator(text: &str) -> Option<u8> {
        match text {
            "," | ";" | "|" => text.bytes().next(),
            "\t" | "tab" => Some(b'\t'),
            _ => None,
        }
    }
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
    fn cell(&self, cell: &Cell<'_>, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let written = match cell {
            Cell::Value(RawBsonRef::Int32(number)) => write!(out, "{number}"),
            Cell::Value(RawBsonRef::Int64(number)) => write!(out, "{number}"),
            Cell::Value(RawBsonRef::Decimal128(number)) => write!(out, "{number}"),
            Cell::Value(RawBsonRef::Double(number)) if number.is_finite() => {
                serde_json::to_writer(&mut *out, number).map_err(Into::into)
            }
            Cell::Empty | Cell::Value(_) | Cell::Several(_) | Cell::Rest(_) => {
                self.text(&cell.plain(), out);
                Ok(())
            }
        };
        written.map_err(RenderError::of("a row cannot be written as CSV"))
    }

    /// A cell in quotes.
    fn text(&self, text: &str, out: &mut Vec<u8>) {
        out.push(b'"');
        if !self.dialect.raw && is_formula(text) {
            out.push(b'\'');
        }
        for (place, part) in text.split('"').enumerate() {
            if place > 0 {
                out.extend(b"\"\"");
            }
            out.extend(part.as_bytes());
        }
        out.push(b'"');
    }
}

impl Render for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        if self.dialect.bom {
            out.extend("\u{feff}".as_bytes());
        }
        let index = self.dialect.index.then_some("");
        let headings = index.into_iter().chain(self.layout.headings().iter().map(String::as_str));
        for (place, heading) in headings.enumerate() {
            if place > 0 {
                out.push(self.dialect.separator);
            }
            self.text(heading, out);
        }
        out.extend(b"\r\n");
        Ok(())
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let number = Cell::Value(RawBsonRef::Int64(i64::try_from(self.number).unwrap_or(i64::MAX)));
        let cells = self.layout.cells(row);
        for (place, cell) in self.dialect.index.then_some(&number).into_iter().chain(&cells).enumerate() {
            if place > 0 {
                out.push(self.dialect.separator);
            }
            self.cell(cell, out)?;
        }
        out.extend(b"\r\n");
        self.number += 1;
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), RenderError> {
        Ok(())
    }
}

/// Whether a spreadsheet would take a text for a formula: it begins with `=`, `+`, `-`, `@` or a control character (OWASP,
/// "CSV Injection"). A text that is a negative number is none.
fn is_formula(text: &str) -> bool {
    let is_number = || {
        let digits = text.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        digits.is_some_and(|digits| digits.parse::<f64>().is_ok())
    };
    text.starts_with(|c: char| matches!(c, '=' | '+' | '-' | '@') || c.is_control()) && !is_number()
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
            [
                r#""'=a","b","c","d","e","f","g","h""#,
                "\"'=1+1\",\"'+1\",\"'-1+1\",\"'@x\",\"'\t=1\",\"-1.5\",-1,\"a=b\"",
            ]
        );
        assert!(written(&rows, Dialect { raw: true, ..Dialect::default() }).contains("\"=1+1\""));
    }
}
