//! PDF: a report as it is handed round. Title, facts, key figures, charts, then the rows as a table, on A4.
//!
//! ```text
//! font     the typeface and what its glyphs measure
//! text     texts as lines of a width
//! columns  which columns have room, how wide they are, which way the paper lies
//! paper    sizes of paper and margins
//! ink      colours and letters
//! page     what stands on a page
//! press    pages one after the other, with headers and footers
//! front    title, facts, key figures and charts (picture)
//! table    the rows
//! print    pages printed by genpdf
//! file     the file (embed: its fonts; copy: its drawings)
//! ```
//!
//! Genpdf measures and sets all texts; what it does not do is done around it. It knows no fills, hairlines or drawings
//! (`page`), its own tables neither repeat their headings nor break words longer than a column (`table`, `text`), and it
//! embeds whole fonts and packs nothing (`embed`, `file`).
//!
//! Rows are not collected: the widths of the columns come from the first [`SAMPLE`] rows, and each page is printed and
//! packed as soon as it is full. Only the packed pages are kept, as how many there are stands in their footers.

mod columns;
mod copy;
mod embed;
mod file;
mod font;
mod front;
mod ink;
mod page;
mod paper;
mod picture;
mod press;
mod print;
mod table;
mod text;

use super::{About, Bound, Cell, Format, Render, RenderError};
use crate::domain::Row;
use bson::raw::RawBsonRef;
use columns::{MAX_COLUMNS, Widths, fit};
use file::Record;
use font::Typeface;
use picture::Picture;
use press::{Press, Running};
use std::mem;
use table::Table;
use text::Text;

pub(super) const FORMAT: Format = Format {
    name: "pdf",
    title: "PDF with charts and the rows as a table",
    media: "application/pdf",
    content_type: "application/pdf",
    extension: "pdf",
    bound: Some(Bound::Pdf),
    needs_layout: true,
    is_compressed: true,
    render: |about, _| Box::new(Pdf { about, state: State::Waiting(Vec::new()) }),
};

/// Rows by which the columns are measured.
const SAMPLE: usize = 200;

struct Pdf {
    about: About,
    state: State,
}

enum State {
    /// For the rows by which the columns are measured.
    Waiting(Vec<Vec<Measured>>),
    Printing(Box<Printing>),
}

struct Printing {
    press: Press,
    table: Table,
    pictures: Vec<Picture>,
}

/// A cell's text, and what it is.
struct Measured {
    text: Text,
    kind: CellKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Empty,
    Number,
    Other,
}

impl Render for Pdf {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<(), RenderError> {
        Ok(())
    }

    fn row(&mut self, row: &Row, _: &mut Vec<u8>) -> Result<(), RenderError> {
        let typeface = Typeface::get()?;
        let cells = self.about.layout.cells(row).into_iter().take(MAX_COLUMNS).map(|cell| measured(typeface, &cell));
        match &mut self.state {
            State::Waiting(rows) => {
                rows.push(cells.collect());
                if rows.len() == SAMPLE { self.start() } else { Ok(()) }
            }
            State::Printing(printing) => {
                let cells: Vec<Text> = cells.map(|cell| cell.text).collect();
                printing.table.row(&mut printing.press, &cells)
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        self.start()?;
        let State::Printing(printing) = mem::replace(&mut self.state, State::Waiting(Vec::new())) else {
            return Ok(());
        };
        let about = &self.about;
        let record = Record {
            title: about.name.clone(),
            author: about.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
            subject: about.component.clone(),
            date: about.taken_at,
        };
        let sheets = printing.press.finish()?;
        out.extend(file::write(&record, &sheets, &printing.pictures)?);
        Ok(())
    }
}

impl Pdf {
    /// Prints what comes before the rows, then those that waited.
    fn start(&mut self) -> Result<(), RenderError> {
        let State::Waiting(rows) = &mut self.state else { return Ok(()) };
        let rows = mem::take(rows);
        let typeface = Typeface::get()?;
        let headings = self.about.layout.headings();
        let column = |(place, heading): (usize, &String)| {
            let mut widths = Widths::new(typeface, heading);
            rows.iter().filter_map(|row| row.get(place)).for_each(|cell| widths.add(typeface, &cell.text.shown));
            widths
        };
        let widths: Vec<Widths> = headings.iter().take(MAX_COLUMNS).enumerate().map(column).collect();
        let fit = fit(&widths);
        let kinds = |place: usize| rows.iter().filter_map(move |row| row.get(place)).map(|cell| cell.kind);
        let is_number = |place| {
            kinds(place).all(|kind| kind != CellKind::Other) && kinds(place).any(|kind| kind == CellKind::Number)
        };
        let numbers: Vec<bool> = (0..fit.widths.len()).map(is_number).collect();
        let mut press = Press::new(typeface, fit.paper, self.running());
        let pictures = front::front(&mut press, &self.about, fit.widths.len())?;
        let table = Table::new(&press, &fit, headings, &numbers);
        table.begin(&mut press)?;
        for row in rows {
            let cells: Vec<Text> = row.into_iter().map(|cell| cell.text).collect();
            table.row(&mut press, &cells)?;
        }
        self.state = State::Printing(Box::new(Printing { press, table, pictures }));
        Ok(())
    }

    fn running(&self) -> Running {
        Running {
            name: self.about.name.clone(),
            date: self.about.taken_at.format("%Y-%m-%d").to_string(),
            count: self.about.count(),
        }
    }
}

/// Dates are read more easily without their fractions; all else is as [`Cell::text`] has it.
fn measured(typeface: &Typeface, cell: &Cell<'_>) -> Measured {
    let text = |text: &str| Text::new(typeface, text);
    match cell {
        Cell::Empty => Measured { text: Text::default(), kind: CellKind::Empty },
        Cell::Value(RawBsonRef::DateTime(at)) => {
            let at = at.to_chrono().format("%Y-%m-%d %H:%M:%S").to_string();
            Measured { text: text(&at), kind: CellKind::Other }
        }
        Cell::Value(_) | Cell::Several(_) | Cell::Rest(_) => {
            let kind = if cell.is_number() { CellKind::Number } else { CellKind::Other };
            Measured { text: text(&cell.text()), kind }
        }
    }
}
