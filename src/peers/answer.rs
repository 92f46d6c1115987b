//! The Data API's answer, read row by row from a byte stream. Pure: any `Read` will do.
//!
//! `{"found", "total_pages", "page", "limit", "items": [...]}` (contract §5); the fields may come in any order and
//! unknown ones are passed over. A row is handed out as soon as it is complete, so the answer is never held whole.

use crate::domain::{Row, is_date_key, is_id_key, parse_date};
use bson::oid::ObjectId;
use bson::{Bson, Document};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use std::fmt;
use std::io::Read;

/// What an answer says besides its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that match the query; absent from an aggregation.
    pub found: Option<u64>,
    /// Rows in this answer.
    pub received: u64,
}

/// Why reading ended.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The bytes ended before the answer did, or the connection broke.
    BrokenOff,
    /// The bytes are no answer: what and where.
    NotUnderstood(String),
    /// The taker of rows wants no more.
    Stopped,
}

/// Takes the rows of an answer, one by one, on the thread that reads it.
pub trait TakeRow: Send + 'static {
    /// Hears how many rows the answer announces, where it says so before its rows.
    fn announced(&mut self, found: u64) {
        let _ = found;
    }

    /// Takes one row; false: no more.
    fn take(&mut self, row: Row) -> bool;
}

/// Reads one answer and hands each row, its ids and dates typed, to `taker`.
///
/// # Errors
/// See [`ReadError`]. Rows before the fault were handed out.
pub(super) fn read_answer(bytes: impl Read, taker: &mut dyn TakeRow) -> Result<Summary, ReadError> {
    let mut state = State { summary: Summary::default(), stopped: false, taker };
    let mut json = serde_json::Deserializer::from_reader(bytes);
    let outcome = AnswerSeed(&mut state).deserialize(&mut json).and_then(|()| json.end());
    match outcome {
        Ok(()) => Ok(state.summary),
        Err(_) if state.stopped => Err(ReadError::Stopped),
        Err(error) if error.is_eof() || error.is_io() => Err(ReadError::BrokenOff),
        Err(error) => Err(ReadError::NotUnderstood(format!("after {} rows: {error}", state.summary.received))),
    }
}

struct State<'a> {
    summary: Summary,
    stopped: bool,
    taker: &'a mut dyn TakeRow,
}

struct AnswerSeed<'a, 'b>(&'a mut State<'b>);

impl<'de> DeserializeSeed<'de> for AnswerSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnswerSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `items`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_items = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "found" => {
                    let found = map.next_value()?;
                    self.0.summary.found = Some(found);
                    self.0.taker.announced(found);
                }
                "items" => {
                    has_items = true;
                    map.next_value_seed(ItemsSeed(self.0))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if has_items { Ok(()) } else { Err(A::Error::missing_field("items")) }
    }
}

struct ItemsSeed<'a, 'b>(&'a mut State<'b>);

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows in `items`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(row) = items.next_element_seed(RowSeed)? {
            if !row.contains_key("_id") {
                return Err(A::Error::custom("a row has no `_id`"));
            }
            self.0.summary.received += 1;
            if !self.0.taker.take(row) {
                self.0.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// A JSON object as a row.
struct RowSeed;

impl<'de> DeserializeSeed<'de> for RowSeed {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row (a JSON object)")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Row, A::Error> {
        read_object(map)
    }
}

fn read_object<'de, A: MapAccess<'de>>(mut map: A) -> Result<Document, A::Error> {
    let mut document = Document::new();
    while let Some(key) = map.next_key::<String>()? {
        let value = map.next_value_seed(ValueSeed { kind: Kind::of(&key) })?;
        document.insert(key, value);
    }
    Ok(document)
}

/// What the key above a text says of it.
#[derive(Clone, Copy)]
enum Kind {
    Id,
    Date,
    Plain,
}

impl Kind {
    fn of(key: &str) -> Self {
        if is_id_key(key) {
            Self::Id
        } else if is_date_key(key) {
            Self::Date
        } else {
            Self::Plain
        }
    }
}

#[derive(Clone, Copy)]
struct ValueSeed {
    kind: Kind,
}

impl ValueSeed {
    /// The typed value of a text, where its key asks for a type and the text has it.
    fn typed(self, text: &str) -> Option<Bson> {
        match self.kind {
            Kind::Id => ObjectId::parse_str(text).ok().map(Bson::ObjectId),
            Kind::Date => parse_date(text).map(|date| Bson::DateTime(date.into())),
            Kind::Plain => None,
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Bson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bson, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Bson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Bson, E> {
        Ok(Bson::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Bson, E> {
        Ok(Bson::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Bson, E> {
        Ok(i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Bson, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(value), &"a number of at most 64 bits with sign")),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Bson, E> {
        Ok(Bson::Double(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bson, E> {
        Ok(self.typed(text).unwrap_or_else(|| Bson::String(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Bson, E> {
        Ok(self.typed(&text).unwrap_or(Bson::String(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bson, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Bson::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Bson, A::Error> {
        read_object(map).map(Bson::Document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;
    use proptest::prelude::*;

    /// Keeps up to `wanted` rows.
    struct Keep {
        rows: Vec<Row>,
        wanted: usize,
    }

    impl TakeRow for Keep {
        fn take(&mut self, row: Row) -> bool {
            self.rows.push(row);
            self.rows.len() < self.wanted
        }
    }

    fn read(json: &str) -> (Vec<Row>, Result<Summary, ReadError>) {
        let mut keep = Keep { rows: Vec::new(), wanted: usize::MAX };
        let outcome = read_answer(json.as_bytes(), &mut keep);
        (keep.rows, outcome)
    }

    #[test]
    fn rows_come_typed_and_the_summary_with_them() {
        let json = r#"{"limit": 9, "items": [{"_id": "5c0000000000000000000001", "cpu": 4, "at": 1.5, "big": 9007199254740993,
            "created_at": "2018-11-28T02:00:00.123000", "roles": [{"_id": "5c0000000000000000000002"}], "os": {"base": null}}], "found": 7}"#;
        let (rows, outcome) = read(json);
        assert_eq!(outcome.unwrap(), Summary { found: Some(7), received: 1 });
        let id = |n: u8| ObjectId::parse_str(format!("5c000000000000000000000{n}")).unwrap();
        let date = bson::DateTime::parse_rfc3339_str("2018-11-28T02:00:00.123Z").unwrap();
        assert_eq!(
            rows,
            [doc! {
                "_id": id(1), "cpu": 4, "at": 1.5, "big": 9_007_199_254_740_993_i64,
                "created_at": date, "roles": [{"_id": id(2)}], "os": {"base": null},
            }]
        );
    }

    #[test]
    fn a_cut_answer_is_broken_off_at_every_byte() {
        let json = r#"{"found": 2, "items": [{"_id": "a", "x": "\u00e9"}, {"_id": "b"}], "page": 1}"#;
        for cut in 0..json.len() {
            let (_, outcome) = read(&json[..cut]);
            assert!(matches!(outcome, Err(ReadError::BrokenOff)), "cut at {cut}: {outcome:?}");
        }
    }

    #[test]
    fn what_is_no_answer_says_what_is_wrong() {
        let cases = [
            ("<html></html>", "expected value"),
            ("[]", "expected an object with `items`"),
            ("{}", "missing field `items`"),
            (r#"{"items": {}}"#, "expected a list of rows"),
            (r#"{"items": [{"_id": "a"}, 7]}"#, "after 1 rows: invalid type: integer `7`, expected a row"),
            (r#"{"items": [{"name": "x"}]}"#, "a row has no `_id`"),
            (r#"{"found": "many", "items": []}"#, "expected u64"),
            (r#"{"items": []} trailing"#, "trailing characters"),
        ];
        for (json, expected) in cases {
            let (_, outcome) = read(json);
            let Err(ReadError::NotUnderstood(what)) = outcome else { panic!("{json}: {outcome:?}") };
            assert!(what.contains(expected), "{json}: {what}");
        }
    }

    #[test]
    fn a_taker_that_has_enough_stops_the_reading() {
        let mut keep = Keep { rows: Vec::new(), wanted: 1 };
        let outcome = read_answer(r#"{"items": [{"_id": 1}, {"_id": 2}]}"#.as_bytes(), &mut keep);
        assert!(matches!(outcome, Err(ReadError::Stopped)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut keep = Keep { rows: Vec::new(), wanted: usize::MAX };
            let _ = read_answer(&bytes[..], &mut keep);
        }
    }
}
