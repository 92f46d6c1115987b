//! Plain text, for terminals and for comparing files: a head, then a block a row with a line for each column that is not
//! empty.
//!
//! ```text
//! Report:   Linux servers
//! Taken:    2018-11-28 02:00:00 UTC
//! Filters:  os.base is "Linux"
//! Rows:     1 row
//!
//! hostname:  web1
//! tags:      {"key":"team","value":"core"}
//!            {"key":"backup","value":"daily"}
//! ```
//!
//! Values begin in one column within a block. Texts of several lines, and lists of objects, go on below their first
//! line. Characters that a terminal would obey are shown as escapes such as `\u{1b}`.

use super::{About, Cell, Format, Render, RenderError, escape};
use crate::domain::Row;
use bson::raw::RawBsonRef;
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

pub(super) const FORMAT: Format = Format {
    name: "txt",
    title: "plain text, a block a row",
    media: "text/plain",
    content_type: "text/plain; charset=utf-8",
    extension: "txt",
    bound: None,
    needs_layout: true,
    is_compressed: false,
    render: |about, _| Box::new(Txt::new(about)),
};

/// A path that is wider does not push the other values of its block to the right.
const MAX_ALIGNED: usize = 32;

struct Txt {
    about: About,
    /// The columns' paths as they are shown, and how wide they are.
    paths: Vec<(String, usize)>,
}

impl Txt {
    fn new(about: About) -> Self {
        let shown = |path: &String| {
            let path = escape::visible(path).into_owned();
            let width = path.width();
            (path, width)
        };
        Self { paths: about.layout.headings().iter().map(shown).collect(), about }
    }
}

impl Render for Txt {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let about = &self.about;
        let taken = about.taken_at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        let (filters, selection) = (about.conditions.join("\n"), about.selection.join("\n"));
        let head = [
            ("Report", about.name.as_str()),
            ("Of", &about.component),
            ("Taken", &taken),
            ("Filters", &filters),
            ("Selected", &selection),
            ("Rows", &about.count()),
        ];
        let width = head.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.len()).max();
        for (name, value) in head.into_iter().filter(|(_, value)| !value.is_empty()) {
            line(name, name.len(), width.unwrap_or_default(), value, out);
        }
        Ok(())
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let cells = self.about.layout.cells(row);
        let lines: Vec<_> = self.paths.iter().zip(&cells).filter(|(_, cell)| !cell.is_empty()).collect();
        let widths = lines.iter().map(|((_, width), _)| *width).filter(|width| *width <= MAX_ALIGNED);
        let aligned = widths.max().unwrap_or_default();
        out.push(b'\n');
        for ((path, width), cell) in lines {
            line(path, *width, aligned, &text(cell), out);
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), RenderError> {
        Ok(())
    }
}

/// A list with objects in it is a line for each of them; all else is as everywhere for people.
fn text<'r>(cell: &Cell<'r>) -> Cow<'r, str> {
    let items: Vec<RawBsonRef<'_>> = match cell {
        Cell::Value(RawBsonRef::Array(items)) => items.into_iter().map_while(Result::ok).collect(),
        Cell::Several(values) => values.clone(),
        Cell::Empty | Cell::Value(_) | Cell::Rest(_) => return cell.text(),
    };
    let is_nested = |item: &RawBsonRef<'_>| matches!(item, RawBsonRef::Array(_) | RawBsonRef::Document(_));
    if !items.iter().any(is_nested) {
        return cell.text();
    }
    Cow::Owned(items.into_iter().map(|item| Cell::Value(item).plain()).collect::<Vec<_>>().join("\n"))
}

/// `name:  value`, the value's further lines below its first.
fn line(name: &str, width: usize, aligned: usize, value: &str, out: &mut Vec<u8>) {
    out.extend(name.as_bytes());
    out.push(b':');
    let mut gap = aligned.saturating_sub(width) + 2;
    if value.is_empty() {
        out.push(b'\n');
    }
    for part in value.lines() {
        if !part.is_empty() {
            out.extend(std::iter::repeat_n(b' ', gap));
            escape::append(part, |c| escape::is_hidden(c) && c != '\t', escaped, out);
        }
        out.push(b'\n');
        gap = aligned + 3;
    }
}

fn escaped(c: char, out: &mut Vec<u8>) {
    out.extend(c.escape_default().to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::test_support::written;
    use bson::rawdoc;

    #[test]
    fn a_block_a_row_with_values_below_one_another() {
        let rows = [
            rawdoc! {"_id": 1, "name": "web1", "os": {"base": "Linux", "none": null}, "note": "one\r\ntwo\n\nfour\n", "tags": ["a", 1]},
            rawdoc! {"_id": 2, "日本": "東京", "apps": [{"name": "a"}, {"name": "b"}], "a_column_with_a_name_that_is_wider_than_the_others": "wide"},
            rawdoc! {"_id": 3, "note": "\u{1b}]0;title\u{7}\ttab \u{202e}txt\u{2028}end\r"},
            rawdoc! {},
        ];
        insta::assert_snapshot!(written(&FORMAT, &rows, &[]));
        insta::assert_snapshot!("columns", written(&FORMAT, &rows[..2], &["apps.name", "name"]));
    }
}
