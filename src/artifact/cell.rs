//! A cell of a row: its value, and its text for people.

use crate::domain::{JsonValue, iso};
use bson::raw::RawBsonRef;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;

/// What a row has in a column. Serializes as JSON as [`JsonRow`](crate::domain::JsonRow) writes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Cell<'r> {
    /// Nothing, or null.
    #[default]
    Empty,
    /// One value.
    Value(RawBsonRef<'r>),
    /// The values in the elements of a list.
    Several(Vec<RawBsonRef<'r>>),
    /// Values without a column of their own, with their paths.
    Rest(Vec<(String, RawBsonRef<'r>)>),
}

impl<'r> Cell<'r> {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }

    /// Whether it is a number, which stands at the right of its column.
    pub(super) fn is_number(&self) -> bool {
        use RawBsonRef::{Decimal128, Double, Int32, Int64};
        matches!(self, Self::Value(Int32(_) | Int64(_) | Double(_) | Decimal128(_)))
    }

    /// The cell for people: texts as they are, dates as ISO 8601, lists of plain values separated by commas, anything
    /// deeper as compact JSON; nothing for an empty cell.
    #[must_use]
    pub fn text(&self) -> Cow<'r, str> {
        match self {
            Self::Value(RawBsonRef::Array(items)) => {
                let items: Vec<RawBsonRef<'_>> = items.into_iter().map_while(Result::ok).collect();
                list(&items).map_or_else(|| self.json(), Cow::Owned)
            }
            Self::Several(values) => list(values).map_or_else(|| self.json(), Cow::Owned),
            Self::Empty | Self::Value(_) | Self::Rest(_) => self.plain(),
        }
    }

    /// As [`Cell::text`], but lists as compact JSON, so that programs can read them.
    #[must_use]
    pub fn plain(&self) -> Cow<'r, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Value(value) => scalar(value).unwrap_or_else(|| {
                let json = self.json();
                // Of a rare kind, such as binary data, that JSON has as a text.
                if json.starts_with('"') { Cow::Owned(serde_json::from_str(&json).unwrap_or_default()) } else { json }
            }),
            Self::Several(_) | Self::Rest(_) => self.json(),
        }
    }

    /// Compact JSON.
    fn json(&self) -> Cow<'r, str> {
        // What is no valid BSON has no text; whoever reads the row as a whole says so.
        Cow::Owned(serde_json::to_string(self).unwrap_or_default())
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_unit(),
            Self::Value(value) => JsonValue(*value).serialize(serializer),
            Self::Several(values) => serializer.collect_seq(values.iter().copied().map(JsonValue)),
            Self::Rest(values) => {
                let mut map = serializer.serialize_map(Some(values.len()))?;
                for (path, value) in values {
                    map.serialize_entry(path, &JsonValue(*value))?;
                }
                map.end()
            }
        }
    }
}

/// The text of a value that holds no others; `None` for lists and objects, and for rare kinds that JSON writes well enough.
#[expect(clippy::wildcard_enum_match_arm, reason = "all else has methods")]
fn scalar<'r>(value: &RawBsonRef<'r>) -> Option<Cow<'r, str>> {
    match value {
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => return Some(Cow::Borrowed(*text)),
        RawBsonRef::Double(number) if !number.is_finite() => return Some(Cow::Owned(number.to_string())),
        RawBsonRef::Decimal128(number) => return Some(Cow::Owned(number.to_string())),
        _ => {}
    }
    let written = value.as_bool().map(|value| value.to_string());
    let written = written.or_else(|| value.as_i32().map(|number| number.to_string()));
    let written = written.or_else(|| value.as_i64().map(|number| number.to_string()));
    let written = written.or_else(|| value.as_object_id().map(|id| id.to_hex()));
    let written = written.or_else(|| value.as_datetime().map(iso));
    written.map(Cow::Owned)
}

/// Plain values separated by commas; `None` where one is no plain value.
fn list(values: &[RawBsonRef<'_>]) -> Option<String> {
    let is_plain = |value: &RawBsonRef<'_>| !matches!(value, RawBsonRef::Array(_) | RawBsonRef::Document(_));
    values
        .iter()
        .all(is_plain)
        .then(|| values.iter().map(|value| Cell::Value(*value).plain()).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;

    #[test]
    fn a_list_reads_well_for_people_and_exactly_for_programs() {
        let row = rawdoc! {"plain": ["a", 1, true], "objects": [{"a": 1}], "none": [], "half": 0.5};
        let cell = |name: &str| Cell::Value(row.get(name).unwrap().unwrap());
        assert_eq!((&*cell("plain").text(), &*cell("plain").plain()), ("a, 1, true", r#"["a",1,true]"#));
        assert_eq!((&*cell("objects").text(), &*cell("objects").plain()), (r#"[{"a":1}]"#, r#"[{"a":1}]"#));
        assert_eq!((&*cell("none").text(), &*cell("none").plain()), ("", "[]"));
        assert_eq!(cell("half").text(), "0.5");
        assert_eq!(Cell::Value(RawBsonRef::Double(f64::NAN)).text(), "NaN");
        let Cell::Value(plain) = cell("plain") else { panic!() };
        assert_eq!(Cell::Rest(vec![("a.b".to_owned(), plain)]).text(), r#"{"a.b":["a",1,true]}"#);
    }
}
