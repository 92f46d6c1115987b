//! HTML: a report as one page that needs nothing else. Title, facts, key figures, charts, then the rows as a table.
//!
//! It is read without scripts, on a phone, in the dark, by ear, and in print, where the heading of the table is repeated
//! and no column is cut off.
//!
//! ```text
//! page       all that stands before the rows
//! style      how it looks; page.css
//! ```

mod page;
mod style;

use super::{About, Cell, Format, Layout, Render, RenderError, escape};
use crate::domain::Row;
use bson::RawDocument;
use bson::raw::RawBsonRef;
use maud::{Markup, html};
use std::borrow::Cow;

pub(super) const FORMAT: Format = Format {
    name: "html",
    title: "HTML, one page that needs nothing else",
    media: "text/html",
    content_type: "text/html; charset=utf-8",
    extension: "html",
    bound: None,
    needs_layout: true,
    is_compressed: false,
    render: |about, _| Box::new(Html { name: name_column(&about.layout), about }),
};

/// A longer cell has a box of its own that scrolls.
const LONG_BYTES: usize = 400;
/// Columns by which people name a row, the best first.
const NAMES: [&str; 2] = ["hostname", "name"];

struct Html {
    /// The place of the column that names a row.
    name: Option<usize>,
    about: About,
}

impl Render for Html {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        out.extend(page::top(&self.about, self.name).as_bytes());
        Ok(())
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let cells = self.about.layout.cells(row);
        let is_name = |place| self.name == Some(place);
        let row = html! { tr { @for (place, cell) in cells.iter().enumerate() { (drawn(cell, is_name(place))) } } };
        out.extend(row.into_string().as_bytes());
        out.push(b'\n');
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        out.extend(page::BOTTOM.as_bytes());
        Ok(())
    }
}

/// The place of the column that names a row.
fn name_column(layout: &Layout) -> Option<usize> {
    NAMES.iter().find_map(|name| layout.headings().iter().position(|heading| heading == name))
}

fn drawn(cell: &Cell<'_>, is_name: bool) -> Markup {
    let text = objects(cell).map_or_else(|| cell.text(), Cow::Owned);
    let text = shown(&text);
    html! {
        @if is_name {
            th scope="row" { (text) }
        } @else if cell.is_number() {
            td.number { (text) }
        } @else if text.len() > LONG_BYTES {
            td { div.long tabindex="0" { (text) } }
        } @else {
            td { (text) }
        }
    }
}

/// A list of objects, a line each: `name: java, version: 10.8`. `None` for all else.
fn objects(cell: &Cell<'_>) -> Option<String> {
    let Cell::Value(RawBsonRef::Array(items)) = cell else { return None };
    let objects: Vec<&RawDocument> = items.into_iter().map(|item| item.ok()?.as_document()).collect::<Option<_>>()?;
    let line = |object: &RawDocument| {
        let members = object.iter().map_while(Result::ok).filter(|(_, value)| *value != RawBsonRef::Null);
        members.map(|(name, value)| format!("{name}: {}", Cell::Value(value).text())).collect::<Vec<_>>().join(", ")
    };
    Some(objects.into_iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// The text with U+FFFD in place of what is not seen but does something; HTML does not even allow all of that.
fn shown(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| escape::is_hidden(c) && !matches!(c, '\n' | '\r' | '\t');
    if text.contains(is_bad) { Cow::Owned(text.replace(is_bad, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests;
