//! The lines of the summary, one below the other.

use super::{style, value};
use chrono::{DateTime, Utc};
use rust_xlsxwriter::{Format, Worksheet, XlsxError, cell_autofit_width};
use std::borrow::Cow;

/// The sheet's name.
pub(super) const NAME: &str = "Summary";

/// What a line is about.
pub(super) const LABEL: u16 = 0;
/// How many, and where texts begin.
pub(super) const COUNT: u16 = 1;
/// Which part of the whole.
pub(super) const SHARE: u16 = 2;
/// Where charts begin.
pub(super) const CHART: u16 = 4;
/// Where texts end.
const LAST: u16 = 12;
/// Pixels of the columns before the charts; the others are as wide as usual.
const WIDTHS: [u32; 4] = [260, 90, 80, 24];
/// Pixels of a chart, and of a text.
pub(super) const CHART_WIDTH: u32 = 9 * 64;
const TEXT_WIDTH: u32 = WIDTHS[1] + WIDTHS[2] + WIDTHS[3] + CHART_WIDTH;
/// Pixels of a line of text, and how many lines the highest row has.
pub(super) const LINE: u32 = 20;
const MAX_LINES: u32 = 27;
/// A4.
const PAPER: u8 = 9;

/// The sheet on the way.
pub(super) struct Page {
    pub(super) sheet: Worksheet,
    /// The row that comes next.
    pub(super) row: u32,
}

impl Page {
    pub(super) fn new() -> Result<Self, XlsxError> {
        let mut sheet = Worksheet::new();
        sheet.set_name(NAME)?.set_screen_gridlines(false);
        sheet.set_paper_size(PAPER).set_print_fit_to_pages(1, 0).set_footer("&C&P / &N");
        for (column, width) in (LABEL..).zip(WIDTHS) {
            sheet.set_column_width_pixels(column, width)?;
        }
        Ok(Self { sheet, row: 0 })
    }

    /// A heading, with space before it.
    pub(super) fn heading(&mut self, text: &str, format: &Format) -> Result<(), XlsxError> {
        self.row += u32::from(self.row > 0);
        self.text(LABEL, text, format)?;
        self.row += 1;
        Ok(())
    }

    /// A label and what it says, in as many lines as that takes.
    pub(super) fn fact(&mut self, label: &str, text: &str, format: &Format) -> Result<(), XlsxError> {
        self.text(LABEL, label, &style::label())?;
        self.sheet.merge_range(self.row, COUNT, self.row, LAST, "", format)?;
        self.text(COUNT, text, format)?;
        let lines = text.lines().map(|line| cell_autofit_width(line).div_ceil(TEXT_WIDTH)).sum::<u32>();
        self.sheet.set_row_height_pixels(self.row, LINE * lines.clamp(1, MAX_LINES))?;
        self.row += 1;
        Ok(())
    }

    /// A label in front of the first of several facts.
    pub(super) fn facts(&mut self, label: &str, texts: &[String], format: &Format) -> Result<(), XlsxError> {
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        labels.zip(texts).try_for_each(|(label, text)| self.fact(label, text, format))
    }

    /// A label and a date.
    pub(super) fn moment(&mut self, label: &str, moment: DateTime<Utc>) -> Result<(), XlsxError> {
        let format = style::moment();
        self.fact(label, "", &format)?;
        self.sheet.write_datetime_with_format(self.row - 1, COUNT, moment.naive_utc(), &format)?;
        Ok(())
    }

    /// A label and a number.
    pub(super) fn figure(&mut self, label: &str, number: u64) -> Result<(), XlsxError> {
        self.text(LABEL, label, &Format::new())?;
        self.count(number)?;
        self.row += 1;
        Ok(())
    }

    /// A number in this row.
    #[expect(clippy::cast_precision_loss, reason = "Excel has no other numbers")]
    pub(super) fn count(&mut self, number: u64) -> Result<(), XlsxError> {
        self.sheet.write_number_with_format(self.row, COUNT, number as f64, &style::count())?;
        Ok(())
    }

    /// A text in this row.
    pub(super) fn text(&mut self, column: u16, text: &str, format: &Format) -> Result<(), XlsxError> {
        let value = value::text(Cow::Borrowed(text));
        let text = value.shown();
        if text.starts_with("<r>") && text.ends_with("</r>") {
            // The library would take it for markup of its own; so it writes the markup, with the text in it.
            self.sheet.write_rich_string_with_format(self.row, column, &[(&Format::new(), &text)], format)?;
        } else {
            self.sheet.write_string_with_format(self.row, column, text, format)?;
        }
        Ok(())
    }

    pub(super) fn into_sheet(self) -> Worksheet {
        self.sheet
    }
}
