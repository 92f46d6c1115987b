//! Bytes that compare as MongoDB compares BSON values, so that any ordered store can sort as MongoDB does.
//!
//! Types order first (null, numbers, texts, objects, lists, binary, ids, booleans, dates, …), values within a type next.
//! Numbers of all types compare by value; a `Decimal128` counts as its nearest double. Pure.

use super::Direction;
use bson::raw::{RawBsonRef, RawDocument};

/// Stands where a list or object ends: smaller than any type, so that a shorter one sorts first.
const END: u8 = 0;

/// The places of the types.
mod tag {
    pub(super) const MIN: u8 = 1;
    /// Undefined, and an empty list seen by a sort.
    pub(super) const UNDEFINED: u8 = 2;
    pub(super) const NULL: u8 = 5;
    pub(super) const NUMBER: u8 = 10;
    pub(super) const STRING: u8 = 15;
    pub(super) const OBJECT: u8 = 20;
    pub(super) const ARRAY: u8 = 25;
    pub(super) const BINARY: u8 = 30;
    pub(super) const OBJECT_ID: u8 = 35;
    pub(super) const BOOLEAN: u8 = 40;
    pub(super) const DATE: u8 = 45;
    pub(super) const TIMESTAMP: u8 = 47;
    pub(super) const REGEX: u8 = 50;
    pub(super) const DB_POINTER: u8 = 55;
    pub(super) const CODE: u8 = 60;
    pub(super) const CODE_WITH_SCOPE: u8 = 65;
    pub(super) const MAX: u8 = 127;
}

/// The key by which a document sorts on a dotted path.
///
/// A missing value sorts as null. A list sorts by its smallest element ascending and its largest descending, and a path
/// that leads through lists collects the values of all their elements.
///
/// # Errors
/// Where the bytes are no valid BSON.
pub(super) fn sort_key(document: &RawDocument, path: &str, direction: Direction) -> bson::error::Result<Vec<u8>> {
    let segments: Vec<&str> = path.split('.').collect();
    let mut keys = Vec::new();
    collect(RawBsonRef::Document(document), &segments, &mut keys)?;
    let chosen = match direction {
        Direction::Ascending => keys.into_iter().min(),
        Direction::Descending => keys.into_iter().max(),
    };
    Ok(chosen.unwrap_or_else(|| vec![tag::NULL]))
}

/// The key by which a document sorts on a top-level column, in either direction.
///
/// Nothing for a list: it sorts by its smallest element in one direction and by its largest in the other.
///
/// # Errors
/// Where the bytes are no valid BSON.
pub(super) fn column_key(document: &RawDocument, column: &str) -> bson::error::Result<Option<Vec<u8>>> {
    let value = document.get(column)?.unwrap_or(RawBsonRef::Null);
    if value.as_array().is_some() { Ok(None) } else { value_key(value).map(Some) }
}

/// The key of a value as a whole; equal values (1 and 1.0) have equal keys.
///
/// # Errors
/// Where the bytes are no valid BSON.
pub(super) fn value_key(value: RawBsonRef<'_>) -> bson::error::Result<Vec<u8>> {
    let mut key = Vec::with_capacity(16);
    encode(value, &mut key)?;
    Ok(key)
}

fn collect(value: RawBsonRef<'_>, path: &[&str], keys: &mut Vec<Vec<u8>>) -> bson::error::Result<()> {
    let Some((first, rest)) = path.split_first() else {
        return collect_leaf(value, keys);
    };
    if let Some(document) = value.as_document() {
        match document.get(first)? {
            Some(inner) => collect_step(inner, rest, keys)?,
            None => keys.push(vec![tag::NULL]),
        }
    } else {
        keys.push(vec![tag::NULL]);
    }
    Ok(())
}

/// Goes on behind a key: through every element of a list, or to the one that a numeric segment names.
fn collect_step(value: RawBsonRef<'_>, path: &[&str], keys: &mut Vec<Vec<u8>>) -> bson::error::Result<()> {
    let (Some(list), Some(first)) = (value.as_array(), path.first()) else {
        return collect(value, path, keys);
    };
    if let Ok(index) = first.parse::<usize>()
        && let Some(element) = list.get(index)?
    {
        return collect_step(element, &path[1..], keys);
    }
    for element in list {
        let element = element?;
        if element.as_document().is_some() {
            collect(element, path, keys)?;
        }
    }
    Ok(())
}

fn collect_leaf(value: RawBsonRef<'_>, keys: &mut Vec<Vec<u8>>) -> bson::error::Result<()> {
    let Some(list) = value.as_array() else {
        keys.push(value_key(value)?);
        return Ok(());
    };
    let before = keys.len();
    for element in list {
        keys.push(value_key(element?)?);
    }
    if keys.len() == before {
        keys.push(vec![tag::UNDEFINED]);
    }
    Ok(())
}

fn encode(value: RawBsonRef<'_>, key: &mut Vec<u8>) -> bson::error::Result<()> {
    key.push(tag_of(&value));
    encode_untagged(value, key)
}

fn tag_of(value: &RawBsonRef<'_>) -> u8 {
    match value {
        RawBsonRef::MinKey => tag::MIN,
        RawBsonRef::Undefined => tag::UNDEFINED,
        RawBsonRef::Null => tag::NULL,
        RawBsonRef::Int32(_) | RawBsonRef::Int64(_) | RawBsonRef::Double(_) | RawBsonRef::Decimal128(_) => tag::NUMBER,
        RawBsonRef::String(_) | RawBsonRef::Symbol(_) => tag::STRING,
        RawBsonRef::Document(_) => tag::OBJECT,
        RawBsonRef::Array(_) => tag::ARRAY,
        RawBsonRef::Binary(_) => tag::BINARY,
        RawBsonRef::ObjectId(_) => tag::OBJECT_ID,
        RawBsonRef::Boolean(_) => tag::BOOLEAN,
        RawBsonRef::DateTime(_) => tag::DATE,
        RawBsonRef::Timestamp(_) => tag::TIMESTAMP,
        RawBsonRef::RegularExpression(_) => tag::REGEX,
        RawBsonRef::DbPointer(_) => tag::DB_POINTER,
        RawBsonRef::JavaScriptCode(_) => tag::CODE,
        RawBsonRef::JavaScriptCodeWithScope(_) => tag::CODE_WITH_SCOPE,
        RawBsonRef::MaxKey => tag::MAX,
    }
}

fn encode_untagged(value: RawBsonRef<'_>, key: &mut Vec<u8>) -> bson::error::Result<()> {
    match value {
        RawBsonRef::Int32(number) => integer(i64::from(number), key),
        RawBsonRef::Int64(number) => integer(number, key),
        RawBsonRef::Double(number) => double(number, 0, key),
        RawBsonRef::Decimal128(number) => double(number.to_string().parse().unwrap_or(f64::NAN), 0, key),
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) | RawBsonRef::JavaScriptCode(text) => string(text, key),
        RawBsonRef::Document(document) => {
            for element in document {
                let (name, value) = element?;
                key.push(tag_of(&value));
                string(name.as_str(), key);
                encode_untagged(value, key)?;
            }
            key.push(END);
        }
        RawBsonRef::Array(list) => {
            for element in list {
                encode(element?, key)?;
            }
            key.push(END);
        }
        RawBsonRef::Binary(binary) => {
            key.extend((binary.bytes.len() as u64).to_be_bytes());
            key.push(binary.subtype.into());
            key.extend(binary.bytes);
        }
        RawBsonRef::ObjectId(id) => key.extend(id.bytes()),
        RawBsonRef::Boolean(value) => key.push(u8::from(value)),
        RawBsonRef::DateTime(date) => key.extend(ordered(date.timestamp_millis()).to_be_bytes()),
        RawBsonRef::Timestamp(stamp) => {
            key.extend(stamp.time.to_be_bytes());
            key.extend(stamp.increment.to_be_bytes());
        }
        RawBsonRef::RegularExpression(regex) => {
            string(regex.pattern.as_str(), key);
            string(regex.options.as_str(), key);
        }
        RawBsonRef::JavaScriptCodeWithScope(code) => {
            string(code.code, key);
            encode_untagged(RawBsonRef::Document(code.scope), key)?;
        }
        RawBsonRef::Null
        | RawBsonRef::Undefined
        | RawBsonRef::MinKey
        | RawBsonRef::MaxKey
        | RawBsonRef::DbPointer(_) => {}
    }
    Ok(())
}

/// A text with an end mark that sorts before any continuation: NUL is written as NUL 0xFF, the end as NUL NUL.
fn string(text: &str, key: &mut Vec<u8>) {
    for byte in text.bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(0xFF);
        }
    }
    key.extend([0, 0]);
}

/// An integer as its nearest double and what that misses, so that it compares exactly with doubles and integers alike.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the remainder is kept")]
fn integer(number: i64, key: &mut Vec<u8>) {
    let nearest = number as f64;
    double(nearest, (i128::from(number) - nearest as i128) as i16, key);
}

fn double(number: f64, remainder: i16, key: &mut Vec<u8>) {
    let bits = if number.is_nan() {
        0
    } else {
        // The bits of positive doubles compare as integers; those of negative ones the other way round.
        let bits = if number == 0.0 { 0 } else { number.to_bits() };
        if bits >> 63 == 0 { bits | (1 << 63) } else { !bits }
    };
    key.extend(bits.to_be_bytes());
    key.extend((remainder.cast_unsigned() ^ (1 << 15)).to_be_bytes());
}

fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{Bson, Document, RawDocumentBuf, doc};
    use proptest::prelude::*;

    fn key(value: impl Into<Bson>, direction: Direction) -> Vec<u8> {
        let raw = RawDocumentBuf::try_from(&doc! { "a": { "b": value.into() } }).unwrap();
        sort_key(&raw, "a.b", direction).unwrap()
    }

    fn path_key(document: &Document, path: &str, direction: Direction) -> Vec<u8> {
        sort_key(&RawDocumentBuf::try_from(document).unwrap(), path, direction).unwrap()
    }

    #[test]
    fn types_and_values_are_in_the_order_of_mongodb() {
        let date = |ms| Bson::DateTime(bson::DateTime::from_millis(ms));
        let ordered: Vec<Bson> = vec![
            Bson::MinKey,
            Bson::Array(vec![]),
            Bson::Null,
            Bson::Double(f64::NAN),
            Bson::Double(f64::NEG_INFINITY),
            Bson::Int64(i64::MIN),
            Bson::Int32(-2),
            Bson::Double(-1.5),
            Bson::Int32(0),
            Bson::Double(0.5),
            Bson::Int64(9_007_199_254_740_992),
            Bson::Int64(9_007_199_254_740_993),
            Bson::Double(9_007_199_254_740_994.0),
            Bson::Int64(i64::MAX),
            Bson::Double(9.3e18),
            Bson::String(String::new()),
            Bson::String("Z".into()),
            Bson::String("a".into()),
            Bson::String("a\0".into()),
            Bson::String("ab".into()),
            Bson::String("é".into()),
            doc! {}.into(),
            doc! { "a": 1 }.into(),
            doc! { "b": 1 }.into(),
            doc! { "b": 1, "c": 0 }.into(),
            doc! { "a": "x" }.into(),
            Bson::ObjectId(bson::oid::ObjectId::from_bytes([1; 12])),
            Bson::Boolean(false),
            Bson::Boolean(true),
            date(-1),
            date(0),
            date(1),
            Bson::MaxKey,
        ];
        for pair in ordered.windows(2) {
            let (low, high) = (key(pair[0].clone(), Direction::Ascending), key(pair[1].clone(), Direction::Ascending));
            assert!(low < high, "{:?} sorts before {:?}", pair[0], pair[1]);
        }
    }

    #[test]
    fn equal_numbers_of_different_types_have_one_key() {
        let one: bson::Decimal128 = "1.0".parse().unwrap();
        for same in [Bson::Int64(1), Bson::Double(1.0), Bson::Decimal128(one)] {
            assert_eq!(key(same, Direction::Ascending), key(1, Direction::Ascending));
        }
        assert_eq!(key(-0.0, Direction::Ascending), key(0, Direction::Ascending));
    }

    #[test]
    fn a_list_sorts_by_its_smallest_or_largest_element() {
        let list = Bson::from(vec![5, 1, 9]);
        assert_eq!(key(list.clone(), Direction::Ascending), key(1, Direction::Ascending));
        assert_eq!(key(list, Direction::Descending), key(9, Direction::Descending));
    }

    #[test]
    fn a_path_leads_through_lists_and_a_missing_value_is_null() {
        let row = doc! { "disks": [{ "size": 40 }, { "size": 10 }], "name": "x" };
        assert_eq!(path_key(&row, "disks.size", Direction::Ascending), key(10, Direction::Ascending));
        assert_eq!(path_key(&row, "disks.size", Direction::Descending), key(40, Direction::Descending));
        assert_eq!(path_key(&row, "disks.0.size", Direction::Ascending), key(40, Direction::Ascending));
        for missing in ["none", "name.x", "disks.none", "", "disks..size"] {
            assert_eq!(
                path_key(&row, missing, Direction::Ascending),
                key(Bson::Null, Direction::Ascending),
                "{missing}"
            );
        }
    }

    fn value() -> impl Strategy<Value = Option<Bson>> {
        prop_oneof![
            Just(None),
            Just(Some(Bson::Null)),
            any::<f64>().prop_map(|number| Some(number.into())),
            any::<bool>().prop_map(|flag| Some(flag.into())),
            ".{0,8}".prop_map(|text| Some(text.into())),
            proptest::collection::vec(any::<i32>(), 0..3).prop_map(|list| Some(list.into())),
            any::<i32>().prop_map(|number| Some(doc! { "x": number }.into())),
        ]
    }

    proptest! {
        #[test]
        fn integers_and_doubles_compare_by_value(a: i64, b: i64, small: i32, d: f64) {
            let key = |value: Bson| key(value, Direction::Ascending);
            assert_eq!(key(a.into()).cmp(&key(b.into())), a.cmp(&b));
            let near = f64::from(small) / 3.0;
            for d in [d, near] {
                assert_eq!(Some(key(small.into()).cmp(&key(d.into()))), f64::from(small).partial_cmp(&d));
            }
        }

        #[test]
        fn a_column_key_is_the_sort_key_in_both_directions(value in value()) {
            let row = RawDocumentBuf::try_from(&value.clone().map(|v| doc! { "x": 1, "name": v }).unwrap_or_default()).unwrap();
            match column_key(&row, "name").unwrap() {
                None => assert!(matches!(value, Some(Bson::Array(_))), "{value:?}"),
                Some(key) => {
                    assert_eq!(key, sort_key(&row, "name", Direction::Ascending).unwrap());
                    assert_eq!(key, sort_key(&row, "name", Direction::Descending).unwrap());
                }
            }
        }

        #[test]
        fn texts_compare_by_their_bytes(a in ".*", b in ".*") {
            assert_eq!(key(&*a, Direction::Ascending).cmp(&key(&*b, Direction::Ascending)), a.as_bytes().cmp(b.as_bytes()));
        }
    }
}
