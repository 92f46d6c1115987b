//! XML 1.0: a row an element, well-formed whatever the keys and texts are.
//!
//! ```xml
//! <report name="Servers" component="Servers" taken="2018-11-28T02:00:00.123Z" found="1" rows="1">
//! <row><_id type="id">5c…</_id><name>web1</name><cpu type="int">4</cpu><none type="null"/><os type="object"><base>Linux</base></os><tags type="list"><item>a</item></tags><field name="odd key">x</field></row>
//! </report>
//! ```
//!
//! - A key that is an XML name without a colon, and does not begin with `xml`, is the element's name; any other key is the
//!   attribute `name` of an element `field`. The items of a list are elements `item`.
//! - `type` tells what is no text: `int`, `float` (`NaN`, `INF`, `-INF` as in XML Schema), `decimal`, `bool`, `date` (ISO
//!   8601), `id` (24 hex digits), `null` (without content), `list`, `object`, `other` (as JSON shows it).
//! - Characters that XML 1.0 does not allow become U+FFFD; carriage returns, which parsers would change, are references.
//!
//! The bytes are written here: an XML writer such as quick-xml's leaves names, such characters and carriage returns to
//! its caller, and then nothing of it is left but angle brackets.

use super::{About, Cell, Format, Projection, Render, RenderError, escape};
use crate::domain::{Row, iso};
use bson::RawDocument;
use bson::raw::RawBsonRef;
use std::io::Write;

pub(super) const FORMAT: Format = Format {
    name: "xml",
    title: "XML, an element a row",
    media: "application/xml",
    content_type: "application/xml; charset=utf-8",
    extension: "xml",
    bound: None,
    needs_layout: false,
    is_compressed: false,
    render: |about, options| Box::new(Xml { about, projection: Projection::of(&options.columns) }),
};

struct Xml {
    about: About,
    projection: Option<Projection>,
}

impl Render for Xml {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let About { name, component, taken_at, place, rows, .. } = &self.about;
        out.extend(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<report");
        attribute("name", name, out);
        if !component.is_empty() {
            attribute("component", component, out);
        }
        attribute("taken", &iso((*taken_at).into()), out);
        attribute("found", &place.found.to_string(), out);
        attribute("rows", &rows.to_string(), out);
        out.extend(b">\n");
        Ok(())
    }

    fn row(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<(), RenderError> {
        out.extend(b"<row>");
        match &self.projection {
            Some(projection) => members(&projection.apply(row), out)?,
            None => members(row, out)?,
        }
        out.extend(b"</row>\n");
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        out.extend(b"</report>\n");
        Ok(())
    }
}

fn members(document: &RawDocument, out: &mut Vec<u8>) -> Result<(), RenderError> {
    for member in document {
        let (name, value) = member.map_err(RenderError::of(BROKEN))?;
        let name = name.as_str();
        if is_element_name(name) { element(name, None, value, out)? } else { element("field", Some(name), value, out)? }
    }
    Ok(())
}

const BROKEN: &str = "a row cannot be written as XML";

fn element(tag: &str, name: Option<&str>, value: RawBsonRef<'_>, out: &mut Vec<u8>) -> Result<(), RenderError> {
    out.push(b'<');
    out.extend(tag.as_bytes());
    if let Some(name) = name {
        attribute("name", name, out);
    }
    if content(value, out)? {
        out.extend(b"</");
        out.extend(tag.as_bytes());
        out.push(b'>');
    }
    Ok(())
}

/// The rest of a start tag and what is in the element; whether an end tag must follow.
fn content(value: RawBsonRef<'_>, out: &mut Vec<u8>) -> Result<bool, RenderError> {
    match value {
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => {
            out.push(b'>');
            escape::append(text, |c| is_special(c, false), reference, out);
        }
        RawBsonRef::Document(document) => {
            out.extend(b" type=\"object\">");
            members(document, out)?;
        }
        RawBsonRef::Array(items) => {
            out.extend(b" type=\"list\">");
            for item in items {
                element("item", None, item.map_err(RenderError::of(BROKEN))?, out)?;
            }
        }
        RawBsonRef::Null | RawBsonRef::Undefined => {
            out.extend(b" type=\"null\"/>");
            return Ok(false);
        }
        RawBsonRef::Double(number) => typed("float", &float(number), out),
        RawBsonRef::Int32(number) => typed("int", &number, out),
        RawBsonRef::Int64(number) => typed("int", &number, out),
        RawBsonRef::Decimal128(number) => typed("decimal", &number, out),
        RawBsonRef::Boolean(value) => typed("bool", &value, out),
        RawBsonRef::ObjectId(id) => typed("id", &id, out),
        RawBsonRef::DateTime(date) => typed("date", &iso(date), out),
        RawBsonRef::RegularExpression(_)
        | RawBsonRef::JavaScriptCode(_)
        | RawBsonRef::JavaScriptCodeWithScope(_)
        | RawBsonRef::Timestamp(_)
        | RawBsonRef::Binary(_)
        | RawBsonRef::DbPointer(_)
        | RawBsonRef::MinKey
        | RawBsonRef::MaxKey => {
            out.extend(b" type=\"other\">");
            escape::append(&Cell::Value(value).plain(), |c| is_special(c, false), reference, out);
        }
    }
    Ok(true)
}

/// A value whose text has no special character.
fn typed(kind: &str, value: &dyn std::fmt::Display, out: &mut Vec<u8>) {
    // Writing into a vector does not fail.
    let _ = write!(out, " type=\"{kind}\">{value}");
}

fn float(number: f64) -> String {
    match number {
        f64::INFINITY => "INF".to_owned(),
        f64::NEG_INFINITY => "-INF".to_owned(),
        number if number.is_nan() => "NaN".to_owned(),
        number => format!("{number:?}"),
    }
}

fn attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend(name.as_bytes());
    out.extend(b"=\"");
    escape::append(value, |c| is_special(c, true), reference, out);
    out.push(b'"');
}

/// Parsers turn line ends and tabs in attributes into spaces.
fn is_special(c: char, in_attribute: bool) -> bool {
    match c {
        '&' | '<' | '>' => true,
        '"' | '\'' | '\n' | '\t' => in_attribute,
        c => c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}'),
    }
}

fn reference(c: char, out: &mut Vec<u8>) {
    out.extend(match c {
        '&' => b"&amp;".as_slice(),
        '<' => b"&lt;",
        '>' => b"&gt;",
        '"' => b"&quot;",
        '\'' => b"&apos;",
        '\t' => b"&#9;",
        '\n' => b"&#10;",
        '\r' => b"&#13;",
        _ => "\u{fffd}".as_bytes(),
    });
}

/// A name of XML 1.0 (fifth edition, production 5) that stands for nothing else: without a colon, which marks a
/// namespace, and not beginning with `xml` in any case, which is reserved.
fn is_element_name(key: &str) -> bool {
    let begins_with_xml = key.as_bytes().get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"xml"));
    key.starts_with(is_name_start) && key.chars().all(is_name_char) && !begins_with_xml
}

fn is_name_start(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '_' => true,
        '\0'..='\u{7f}' => false,
        c => matches!(c,
            '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
            | '\u{37f}'..='\u{1fff}' | '\u{200c}' | '\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
            | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}'),
    }
}

fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}')
}

#[cfg(test)]
mod tests;
