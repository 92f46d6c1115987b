//! The sheet of the rows: a frozen heading with filters, then a row a line.

use super::style::Styles;
use super::value::{self, Value};
use crate::artifact::Cell;
use crate::artifact::about::grouped;
use chrono::{NaiveDateTime, Timelike};
use rust_xlsxwriter::{IgnoreError, Workbook, Worksheet, XlsxError, cell_autofit_width};
use std::borrow::Cow;

/// The sheet's name.
const NAME: &str = "Rows";
/// Rows whose texts decide how wide the columns are.
const SAMPLE: u32 = 200;
/// Pixels: as wide as a short word, and as wide as a line is read with ease.
const MIN_WIDTH: u32 = 64;
const MAX_WIDTH: u32 = 420;
/// Pixels of the arrow of a filter.
const ARROW: u32 = 20;
/// A4.
const PAPER: u8 = 9;

/// How much a sheet holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Lines, the heading included.
    pub(super) lines: u32,
    pub(super) columns: u16,
}

impl Limits {
    /// "Excel specifications and limits", Microsoft.
    pub(super) const EXCEL: Self = Self { lines: 1_048_576, columns: 16_384 };
}

/// The sheet, row by row.
pub(super) struct Rows {
    sheet: Worksheet,
    styles: Styles,
    widths: Vec<u32>,
    limits: Limits,
    /// The line of the row that comes next.
    line: u32,
    /// Cells whose texts were cut.
    cut: u64,
    /// Columns that found no place.
    left_out: u64,
}

impl Rows {
    /// The sheet with its heading.
    pub(super) fn new(book: &mut Workbook, headings: &[String], limits: Limits) -> Result<Self, XlsxError> {
        let mut sheet = book.new_worksheet_with_constant_memory()?;
        sheet.set_name(NAME)?.set_freeze_panes(1, 0)?.set_repeat_rows(0, 0)?;
        sheet.set_paper_size(PAPER).set_landscape().set_footer("&C&P / &N");
        let held = headings.len().min(limits.columns.into());
        let widths = Vec::with_capacity(held);
        let left_out = (headings.len() - held).try_into().unwrap_or(u64::MAX);
        let mut rows = Self { sheet, styles: Styles::new(), widths, limits, line: 0, cut: 0, left_out };
        for (column, heading) in (0..).zip(headings.iter().take(held)) {
            let heading = value::text(Cow::Borrowed(heading));
            rows.sheet.write_string_with_format(0, column, heading.shown(), &rows.styles.heading)?;
            rows.widths.push(cell_autofit_width(&heading.shown()) + ARROW);
        }
        rows.line = 1;
        Ok(rows)
    }

    /// One more row; nothing where the sheet is full.
    pub(super) fn push(&mut self, cells: &[Cell<'_>]) -> Result<(), XlsxError> {
        if self.line == self.limits.lines {
            return Ok(());
        }
        for (column, cell) in (0..self.limits.columns).zip(cells) {
            let value = Value::of(cell);
            if let Some(width) = self.widths.get_mut(usize::from(column)).filter(|_| self.line <= SAMPLE) {
                let shown = value.shown();
                *width = shown.lines().map(cell_autofit_width).fold(*width, u32::max);
            }
            self.write(column, value)?;
        }
        self.line += 1;
        Ok(())
    }

    fn write(&mut self, column: u16, value: Value<'_>) -> Result<(), XlsxError> {
        let (sheet, line, styles) = (&mut self.sheet, self.line, &self.styles);
        match value {
            Value::Empty => Ok(sheet),
            Value::Number(number) => sheet.write_number(line, column, number),
            Value::LongNumber(number) => sheet.write_number_with_format(line, column, number, &styles.long_number),
            Value::Boolean(value) => sheet.write_boolean_with_format(line, column, value, &styles.boolean),
            Value::Date(date) => {
                let format = if is_whole(&date) { &styles.date } else { &styles.exact_date };
                sheet.write_datetime_with_format(line, column, date, format)
            }
            Value::Text(text) if text.starts_with(['=', '+', '-', '@']) => {
                sheet.write_string_with_format(line, column, text, &styles.quoted)
            }
            Value::Text(text) => sheet.write_string(line, column, text),
            Value::Cut(text) => {
                self.cut += 1;
                sheet.write_string(line, column, text)
            }
        }
        .map(drop)
    }

    /// What is known only now: widths, and how far filters reach.
    pub(super) fn finish(&mut self) -> Result<(), XlsxError> {
        for (column, width) in (0..).zip(&self.widths) {
            self.sheet.set_column_width_pixels(column, (*width).clamp(MIN_WIDTH, MAX_WIDTH))?;
        }
        let last = self.line - 1;
        if let Some((column, _)) = (0..self.limits.columns).zip(&self.widths).next_back() {
            self.sheet.autofilter(0, 0, last, column)?;
            // Ids of digits alone are texts on purpose.
            self.sheet.ignore_error_range(0, 0, last, column, IgnoreError::NumberStoredAsText)?;
        }
        Ok(())
    }

    /// Rows that the sheet holds.
    pub(super) fn written(&self) -> u64 {
        (self.line - 1).into()
    }

    /// Columns that the sheet holds.
    pub(super) fn columns(&self) -> u64 {
        self.widths.len().try_into().unwrap_or(u64::MAX)
    }

    /// What of its rows the sheet does not hold, in sentences.
    pub(super) fn cuts(&self) -> Vec<String> {
        let mut cuts = Vec::new();
        let number = |count: u64, one: &str, many: &str| match count {
            1 => format!("1 {one} is"),
            _ => format!("{} {many} are", grouped(count)),
        };
        if self.left_out > 0 {
            let columns = number(self.left_out, "column", "columns");
            cuts.push(format!("{columns} left out, as a sheet has {} at most.", grouped(self.limits.columns.into())));
        }
        if self.cut > 0 {
            let cells = number(self.cut, "cell", "cells");
            cuts.push(format!("{cells} cut, as a cell takes 32,767 characters; each says so at its end."));
        }
        cuts
    }

    pub(super) fn into_sheet(self) -> Worksheet {
        self.sheet
    }
}

/// Whether there are no parts of a second.
fn is_whole(date: &NaiveDateTime) -> bool {
    date.nanosecond() == 0
}
