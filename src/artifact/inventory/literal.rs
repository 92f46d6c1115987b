//! Values as Ansible's parsers read them: YAML's flow style, or Python's literals, which the INI parser evaluates.
//!
//! Texts are in double quotes with JSON's escapes, which both understand.

use crate::artifact::{Cell, escape};
use bson::RawDocument;
use bson::raw::RawBsonRef;
use std::fmt::Write;

/// Longer texts are always quoted: Python gives up on long chains such as `a.a.a…`.
const MAX_BARE: usize = 200;
/// YAML wants a longer key to be marked as one.
const MAX_PLAIN_KEY: usize = 100;

/// Which parser reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Python, within single quotes of a shell.
    Ini,
    /// YAML 1.1 as of PyYAML.
    Yaml,
}

/// Whether a text somewhere in it is one that Ansible would evaluate as a template: it holds one of Jinja's marks, or the
/// heading by which a text sets other marks.
pub(super) fn has_template(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Empty => false,
        Cell::Value(value) => value_has_template(*value),
        Cell::Several(values) => values.iter().any(|value| value_has_template(*value)),
        Cell::Rest(values) => values.iter().any(|(path, value)| is_template(path) || value_has_template(*value)),
    }
}

fn value_has_template(value: RawBsonRef<'_>) -> bool {
    if let RawBsonRef::Array(items) = value {
        items.into_iter().map_while(Result::ok).any(value_has_template)
    } else if let Some(document) = value.as_document() {
        let mut members = document.iter().map_while(Result::ok);
        members.any(|(name, value)| is_template(name.as_str()) || value_has_template(value))
    } else {
        text_of(value).is_some_and(|text| is_template(&text))
    }
}

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#", "#jinja2:"].iter().any(|mark| text.contains(mark))
}

/// Appends a cell.
pub(super) fn append(cell: &Cell<'_>, style: Style, out: &mut String) {
    match cell {
        Cell::Empty => out.push_str(null(style)),
        Cell::Value(value) => append_value(*value, style, out),
        Cell::Several(values) => list(values.iter().copied(), style, out),
        Cell::Rest(values) => object(values.iter().map(|(path, value)| (path.as_str(), *value)), style, out),
    }
}

/// Appends a cell as the value of a variable of an INI file.
pub(super) fn append_ini(cell: &Cell<'_>, out: &mut String) {
    match cell {
        Cell::Value(RawBsonRef::String(text)) if is_bare(text) => out.push_str(text),
        Cell::Value(RawBsonRef::Boolean(_) | RawBsonRef::Int32(_) | RawBsonRef::Int64(_) | RawBsonRef::Double(_)) => {
            append(cell, Style::Ini, out)
        }
        Cell::Empty | Cell::Value(_) | Cell::Several(_) | Cell::Rest(_) => {
            out.push('\'');
            append(cell, Style::Ini, out);
            out.push('\'');
        }
    }
}

/// Whether shell and Python leave a text as it is: an address, or what begins like a name or a path and is none of
/// Python's values.
fn is_bare(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_./:@+-".contains(&b);
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(is_plain)
        && !["True", "False", "None"].contains(&text);
    text.len() <= MAX_BARE && (is_name || text.parse::<std::net::Ipv4Addr>().is_ok())
}

fn append_value(value: RawBsonRef<'_>, style: Style, out: &mut String) {
    match (value, style) {
        (RawBsonRef::Boolean(true), Style::Ini) => out.push_str("True"),
        (RawBsonRef::Boolean(false), Style::Ini) => out.push_str("False"),
        (RawBsonRef::Array(items), _) => list(items.into_iter().map_while(Result::ok), style, out),
        (RawBsonRef::Document(document), _) => append_document(document, style, out),
        (RawBsonRef::Double(number), _) if number.is_finite() => float(number, out),
        _ => match text_of(value) {
            Some(text) => append_text(&text, style, out),
            // Whole numbers, booleans and null are as in JSON.
            None => match &*Cell::Value(value).plain() {
                "" | "null" => out.push_str(null(style)),
                plain => out.push_str(plain),
            },
        },
    }
}

/// The text that stands for a value; `None` where it has a notation of its own.
#[expect(clippy::wildcard_enum_match_arm, reason = "all else is a text, or shown as one")]
fn text_of(value: RawBsonRef<'_>) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        RawBsonRef::Boolean(_)
        | RawBsonRef::Int32(_)
        | RawBsonRef::Int64(_)
        | RawBsonRef::Double(_)
        | RawBsonRef::Null
        | RawBsonRef::Undefined
        | RawBsonRef::MinKey
        | RawBsonRef::MaxKey
        | RawBsonRef::DbPointer(_)
        | RawBsonRef::Array(_)
        | RawBsonRef::Document(_) => None,
        value => Some(Cell::Value(value).plain()),
    }
}

fn append_document(document: &RawDocument, style: Style, out: &mut String) {
    let members = document.iter().map_while(Result::ok);
    object(members.map(|(name, value)| (name.as_str(), value)), style, out);
}

fn list<'r>(items: impl Iterator<Item = RawBsonRef<'r>>, style: Style, out: &mut String) {
    out.push('[');
    for (place, item) in items.enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        append_value(item, style, out);
    }
    out.push(']');
}

fn object<'a, 'r>(members: impl Iterator<Item = (&'a str, RawBsonRef<'r>)>, style: Style, out: &mut String) {
    out.push('{');
    for (place, (name, value)) in members.enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        if style == Style::Yaml && name.len() > MAX_PLAIN_KEY {
            out.push_str("? ");
        }
        append_text(name, style, out);
        out.push_str(if style == Style::Yaml && name.len() > MAX_PLAIN_KEY { " : " } else { ": " });
        append_value(value, style, out);
    }
    out.push('}');
}

fn null(style: Style) -> &'static str {
    match style {
        Style::Ini => "None",
        Style::Yaml => "null",
    }
}

/// YAML 1.1 takes only numbers with a point, and a sign in their exponent, for floats.
fn float(number: f64, out: &mut String) {
    let text = format!("{number:?}");
    match text.split_once('e') {
        None => out.push_str(&text),
        Some((digits, exponent)) => {
            let point = if digits.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            // Writing into a text does not fail.
            let _ = write!(out, "{digits}{point}e{sign}{exponent}");
        }
    }
}

/// A text in double quotes; in YAML marked where Ansible must not evaluate it.
pub(super) fn append_text(text: &str, style: Style, out: &mut String) {
    if style == Style::Yaml && is_template(text) {
        out.push_str("!unsafe ");
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // It would end the quotes of the shell.
            '\'' if style == Style::Ini => out.push_str("\\u0027"),
            c if escape::is_hidden(c) => {
                // All of them have four digits at most.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
