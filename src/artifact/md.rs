//! Markdown: title, facts and a table, as GitHub Flavored Markdown (github.github.com/gfm) has it.
//!
//! What a cell holds is shown as it is: characters that mean something in Markdown or HTML are escaped, and a new line in
//! a cell is `<br>`.

use super::escape::is_hidden;
use super::{About, Format, Render, RenderError};
use crate::domain::Row;
use std::borrow::Cow;
use std::iter;

pub(super) const FORMAT: Format = Format {
    name: "md",
    title: "Markdown, a table",
    media: "text/markdown",
    content_type: "text/markdown; charset=utf-8",
    extension: "md",
    bound: None,
    needs_layout: true,
    is_compressed: false,
    render: |about, _| Box::new(Md { about }),
};

struct Md {
    about: About,
}

impl Render for Md {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let headings = self.about.layout.headings();
        out.extend(head(&self.about).as_bytes());
        if !headings.is_empty() {
            line(headings.iter().map(|heading| Cow::Borrowed(heading.as_str())), out);
            out.extend(format!("|{}\n", " --- |".repeat(headings.len())).as_bytes());
        }
        Ok(())
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        line(self.about.layout.cells(row).iter().map(|cell| cell.text()), out);
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<(), RenderError> {
        Ok(())
    }
}

/// Title and facts.
fn head(about: &About) -> String {
    let facts = |name: &'static str, texts: &[String]| {
        texts.iter().map(|text| format!("- {name}: {}\n", escaped(text, " "))).collect::<String>()
    };
    format!(
        "# {}\n\n{}- Read: {}\n{}{}{}- Rows: {}\n\n",
        escaped(&about.name, " "),
        facts("Component", Some(&about.component).filter(|name| !name.is_empty()).map_or(&[], std::slice::from_ref)),
        about.taken_at.format("%Y-%m-%d %H:%M UTC"),
        facts("Owner", &about.owner.iter().map(ToString::to_string).collect::<Vec<_>>()),
        facts("Filter", &about.conditions_or_none()),
        facts("Selection", &about.selection),
        about.count(),
    )
}

fn line<'c>(cells: impl Iterator<Item = Cow<'c, str>>, out: &mut Vec<u8>) {
    out.push(b'|');
    for cell in cells {
        out.push(b' ');
        out.extend(escaped(&cell, "<br>").as_bytes());
        out.extend(b" |");
    }
    out.push(b'\n');
}

/// The text as it is to be seen, on one line.
fn escaped(text: &str, new_line: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let next = text.chars().skip(1).map(Some).chain(iter::once(None));
    let mut last = None;
    for (c, next) in text.chars().zip(next) {
        match c {
            '\n' => escaped.push_str(new_line),
            '\r' if next == Some('\n') => {}
            '\t' => escaped.push(' '),
            c if is_hidden(c) => escaped.push(char::REPLACEMENT_CHARACTER),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Inside of a word it means nothing.
            '_' if is_word(last) && is_word(next) => escaped.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
        last = Some(c);
    }
    escaped
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::test_support::written;
    use bson::rawdoc;

    #[test]
    fn what_means_something_is_escaped() {
        assert_eq!(escaped("a|b\\|*c*", ""), r"a\|b\\\|\*c\*");
        assert_eq!(escaped("<script>&amp;\r\nx\u{1b}", "<br>"), "&lt;script&gt;&amp;amp;<br>x\u{fffd}");
        assert_eq!(escaped("ipv4_private _x_ [a](b) `c` ~~d~~", ""), r"ipv4_private \_x\_ \[a\](b) \`c\` \~\~d\~\~");
    }

    #[test]
    fn a_report_of_two_rows() {
        let rows =
            [rawdoc! {"hostname": "web|1", "cpu": 4, "note": "a\nb"}, rawdoc! {"hostname": "web2", "tags": ["a", "b"]}];
        insta::assert_snapshot!(written(&FORMAT, &rows, &[]));
        assert!(written(&FORMAT, &[], &[]).ends_with("- Rows: 0 rows\n\n"));
    }
}
