//! An Excel workbook: `Summary` with charts first, then `Rows`.
//!
//! ```text
//! value    what stands in a cell: number, date, boolean or text
//! rows     the sheet of the rows
//! summary  the sheet before it
//! page     its lines           charts   its charts, and the tables that they are drawn from
//! style    how cells look
//! ```
//!
//! The library keeps a sheet in memory, 880 MB for 100,000 rows of 40 columns (measured), unless it may put the rows
//! into a temporary file, without a name in its folder (`TMPDIR`, else `/tmp`): 4 MB and the finished workbook. So the
//! rows are written as they come, and texts stand in their cells rather than in a table of all texts.

mod charts;
mod page;
mod rows;
mod style;
mod summary;
#[cfg(test)]
mod tests;
mod value;

use super::{About, Bound, Format, Render, RenderError};
use crate::domain::Row;
use rows::{Limits, Rows};
use rust_xlsxwriter::{DocProperties, Workbook, XlsxError};
use std::panic::{AssertUnwindSafe, catch_unwind};

const MEDIA: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

pub(super) const FORMAT: Format = Format {
    name: "xlsx",
    title: "Excel workbook with charts",
    media: MEDIA,
    content_type: MEDIA,
    extension: "xlsx",
    bound: Some(Bound::Xlsx),
    needs_layout: true,
    is_compressed: true,
    render: |about, _| Box::new(Xlsx { about, book: Workbook::new(), limits: Limits::EXCEL, rows: None }),
};

struct Xlsx {
    about: About,
    book: Workbook,
    limits: Limits,
    rows: Option<Rows>,
}

impl Xlsx {
    /// The sheet of the rows, which is made first, as the summary tells how it went.
    fn rows(&mut self) -> Result<&mut Rows, RenderError> {
        match &mut self.rows {
            Some(rows) => Ok(rows),
            none => {
                let headings = self.about.layout.headings();
                Ok(none.insert(guarded(|| Rows::new(&mut self.book, headings, self.limits))?))
            }
        }
    }

    fn finish(&mut self, mut rows: Rows, out: &mut Vec<u8>) -> Result<(), XlsxError> {
        rows.finish()?;
        // What the sheet has no place for is not in the workbook.
        self.about.rows = rows.written();
        let summary = summary::sheet(&self.about, &rows)?;
        self.book.push_worksheet(summary);
        self.book.push_worksheet(rows.into_sheet());
        let made = self.about.taken_at;
        self.book.set_properties(&DocProperties::new().set_title(&self.about.name).set_creation_datetime(&made));
        self.book.save_to_writer(out)
    }
}

impl Render for Xlsx {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<(), RenderError> {
        self.rows().map(drop)
    }

    fn row(&mut self, row: &Row, _: &mut Vec<u8>) -> Result<(), RenderError> {
        let cells = self.about.layout.cells(row);
        let rows = self.rows()?;
        guarded(|| rows.push(&cells))
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        self.rows()?;
        let Some(rows) = self.rows.take() else { return Ok(()) };
        guarded(|| self.finish(rows, out))
    }
}

/// The library panics where its temporary file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the temporary folder {} takes no more: is its disk full?", std::env::temp_dir().display())]
struct DiskFull;

fn guarded<T>(write: impl FnOnce() -> Result<T, XlsxError>) -> Result<T, RenderError> {
    let what = "the workbook cannot be written";
    let written = catch_unwind(AssertUnwindSafe(write)).map_err(|_| RenderError::of(what)(DiskFull))?;
    written.map_err(RenderError::of(what))
}
