//! The rows, below a heading that each page repeats.

use super::columns::{Fit, PADDING};
use super::ink::{BLACK, HAIR, LINE, TINT, letters};
use super::paper::{Place, SIDE};
use super::press::{Press, baseline, line_height};
use super::text::Text;
use crate::artifact::RenderError;
use genpdf::style::Style;

/// Lines of a cell; what is longer says so.
const MAX_LINES: usize = 8;
/// Lines of a heading.
const MAX_HEADING: usize = 4;
/// White above and below the lines of a row, in points.
const AIR: f32 = 2.6;
/// Rows that stand below a heading at least, else it waits for the next page.
const MIN_ROWS: f32 = 3.0;

/// How the rows of a document are printed.
pub(super) struct Table {
    style: Style,
    columns: Vec<Column>,
    headings: Vec<Text>,
}

#[derive(Debug)]
struct Column {
    x: f32,
    /// Padding included.
    width: f32,
    /// Whether it ends at a line rather than begins there, as numbers do.
    is_right: bool,
}

impl Table {
    /// With these headings, of which the leading ones have room; and which columns hold numbers alone.
    pub(super) fn new(press: &Press, fit: &Fit, headings: &[String], numbers: &[bool]) -> Self {
        let mut x = SIDE;
        let columns = fit.widths.iter().zip(numbers).map(|(width, is_right)| {
            let column = Column { x, width: *width, is_right: *is_right };
            x += width;
            column
        });
        let columns: Vec<Column> = columns.collect();
        let headings = headings.iter().take(columns.len()).map(|heading| Text::new(press.typeface, heading)).collect();
        Self { style: letters(fit.size, BLACK), columns, headings }
    }

    /// The heading, on a new page where this one is almost full; nothing where there are no columns.
    ///
    /// # Errors
    /// Where a page cannot be printed.
    pub(super) fn begin(&self, press: &mut Press) -> Result<(), RenderError> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let heading = self.height(&self.lines(press, &self.headings, self.style.bold(), MAX_HEADING));
        press.need(heading + MIN_ROWS * (line_height(self.style) + 2.0 * AIR))?;
        self.heading(press);
        Ok(())
    }

    /// A row, which never stands on two pages.
    ///
    /// # Errors
    /// Where a page cannot be printed.
    pub(super) fn row(&self, press: &mut Press, cells: &[Text]) -> Result<(), RenderError> {
        let lines = self.lines(press, cells, self.style, MAX_LINES);
        let height = self.height(&lines);
        if press.room() < height {
            press.turn()?;
            self.heading(press);
        }
        self.put(press, self.style, lines);
        press.page.rule(SIDE, press.y, self.width(), HAIR);
        Ok(())
    }

    fn heading(&self, press: &mut Press) {
        let style = self.style.bold();
        let lines = self.lines(press, &self.headings, style, MAX_HEADING);
        let height = self.height(&lines);
        press.page.fill(Place { x: SIDE, y: press.y, width: self.width(), height }, TINT);
        self.put(press, style, lines);
        press.page.rule(SIDE, press.y, self.width(), LINE);
    }

    fn lines(&self, press: &Press, cells: &[Text], style: Style, max: usize) -> Vec<Vec<String>> {
        let room = |column: &Column| column.width - 2.0 * PADDING;
        let cells = self.columns.iter().zip(cells);
        // A hair more than measured, as sums of widths are rounded.
        cells.map(|(column, cell)| cell.lines(press.typeface, style, room(column) + 0.05, max)).collect()
    }

    fn height(&self, cells: &[Vec<String>]) -> f32 {
        let lines = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
        lines as f32 * line_height(self.style) + 2.0 * AIR
    }

    fn width(&self) -> f32 {
        self.columns.iter().map(|column| column.width).sum()
    }

    /// Puts the lines of all cells side by side, and goes below them.
    fn put(&self, press: &mut Press, style: Style, cells: Vec<Vec<String>>) {
        let height = self.height(&cells);
        let top = press.y + AIR;
        for (column, lines) in self.columns.iter().zip(cells) {
            let mut y = top + baseline(style);
            for line in lines {
                let free = column.width - 2.0 * PADDING - press.typeface.width(style, &line);
                let x = column.x + PADDING + if column.is_right { free } else { 0.0 };
                press.page.text(x, y, style, line);
                y += line_height(style);
            }
        }
        press.y += height;
    }
}
