//! Documents as the Data API writes them: ids as texts, dates as ISO texts without a zone.

use bson::raw::{RawBsonRef, RawIter};
use bson::{DateTime, RawDocument};
use std::io::{self, Write};

/// Writes a document as JSON.
///
/// # Errors
/// Those of `out`, and `InvalidData` for a broken document.
pub(super) fn document(document: &RawDocument, out: &mut impl Write) -> io::Result<()> {
    elements(document.iter_elements(), true, out)
}

fn elements(elements: RawIter<'_>, named: bool, out: &mut impl Write) -> io::Result<()> {
    out.write_all(if named { b"{" } else { b"[" })?;
    for (index, element) in elements.enumerate() {
        let element = element.map_err(broken)?;
        if index > 0 {
            out.write_all(b",")?;
        }
        if named {
            text(element.key().as_str(), out)?;
            out.write_all(b":")?;
        }
        value(element.value().map_err(broken)?, out)?;
    }
    out.write_all(if named { b"}" } else { b"]" })
}

fn value(value: RawBsonRef<'_>, out: &mut impl Write) -> io::Result<()> {
    match value {
        RawBsonRef::Document(inner) => document(inner, out),
        RawBsonRef::Array(items) => elements(items.iter_elements(), false, out),
        RawBsonRef::String(string) | RawBsonRef::Symbol(string) | RawBsonRef::JavaScriptCode(string) => {
            text(string, out)
        }
        RawBsonRef::ObjectId(id) => write!(out, "\"{id}\""),
        RawBsonRef::DateTime(date) => write!(out, "\"{}\"", iso(date)),
        RawBsonRef::Boolean(boolean) => write!(out, "{boolean}"),
        RawBsonRef::Int32(integer) => write!(out, "{integer}"),
        RawBsonRef::Int64(integer) => write!(out, "{integer}"),
        RawBsonRef::Double(double) => serde_json::to_writer(out, &double).map_err(Into::into),
        RawBsonRef::Decimal128(decimal) => text(&decimal.to_string(), out),
        RawBsonRef::RegularExpression(regex) => text(regex.pattern.as_str(), out),
        RawBsonRef::Timestamp(timestamp) => write!(out, "{}", timestamp.time),
        RawBsonRef::Binary(_)
        | RawBsonRef::JavaScriptCodeWithScope(_)
        | RawBsonRef::DbPointer(_)
        | RawBsonRef::Null
        | RawBsonRef::Undefined
        | RawBsonRef::MinKey
        | RawBsonRef::MaxKey => out.write_all(b"null"),
    }
}

fn text(text: &str, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(Into::into)
}

/// Microseconds appear only where they are not zero.
fn iso(date: DateTime) -> String {
    let format = if date.timestamp_millis() % 1000 == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
    date.to_chrono().format(format).to_string()
}

fn broken(error: bson::error::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{RawDocumentBuf, doc};

    #[test]
    fn ids_and_dates_are_texts_and_the_rest_is_json() {
        let row = doc! {
            "_id": bson::oid::ObjectId::parse_str("5c0000000000000000000001").unwrap(),
            "created_at": DateTime::from_millis(1_543_370_400_000), "updated_at": DateTime::from_millis(1_543_370_400_123),
            "n": 4, "d": 1.5, "nan": f64::NAN, "ok": true, "none": null, "q": "a\"b\n", "list": [{"x": 1_i64}, []], "o": {},
        };
        let mut out = Vec::new();
        document(&RawDocumentBuf::try_from(&row).unwrap(), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"_id":"5c0000000000000000000001","created_at":"2018-11-28T02:00:00","#,
                r#""updated_at":"2018-11-28T02:00:00.123000","n":4,"d":1.5,"nan":null,"ok":true,"none":null,"#,
                r#""q":"a\"b\n","list":[{"x":1},[]],"o":{}}"#
            )
        );
    }
}
