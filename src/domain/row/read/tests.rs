//! JSON and the rows that it makes.

use super::*;
use crate::domain::cast_row;
use bson::oid::ObjectId;
use bson::{Document, doc};
use proptest::prelude::*;
use serde_json::json;

fn read(dialect: Dialect, json: &str) -> Result<Document, String> {
    let mut reader = RowReader::new(dialect);
    let row = reader.read(&mut serde_json::Deserializer::from_str(json)).map_err(|error| error.to_string())?;
    Ok(row.to_document().unwrap())
}

fn id(last: u8) -> ObjectId {
    ObjectId::parse_str(format!("5c00000000000000000000{last:02}")).unwrap()
}

#[test]
fn every_kind_of_value_has_its_type() {
    let json = r#"{"_id": "5c0000000000000000000001", "t": "é\n", "yes": true, "no": false, "none": null, "int": -7,
        "long": 2147483648, "most": 9223372036854775807, "double": 0.5, "beyond": 1e300, "huge": 18446744073709551616,
        "at": "2018-11-28T02:00:00", "created_at": "2018-11-28T02:00:00.25", "odd_at": "soon", "list": [[], [1, "a"]],
        "empty": {}, "roles": [{"_id": "5c0000000000000000000002"}], "x": {"_id": ["5c0000000000000000000003", "z"]}}"#;
    let created = bson::DateTime::parse_rfc3339_str("2018-11-28T02:00:00.25Z").unwrap();
    let wanted = doc! {
        "_id": id(1), "t": "é\n", "yes": true, "no": false, "none": null, "int": -7, "long": 2_147_483_648_i64,
        "most": i64::MAX, "double": 0.5, "beyond": 1e300, "huge": 18_446_744_073_709_551_616.0,
        "at": "2018-11-28T02:00:00", "created_at": created, "odd_at": "soon", "list": [[], [1, "a"]], "empty": {},
        "roles": [{"_id": id(2)}], "x": {"_id": [id(3), "z"]},
    };
    for dialect in [Dialect::Plain, Dialect::Extended, Dialect::Strict] {
        assert_eq!(read(dialect, json).unwrap(), wanted);
    }
}

#[test]
fn of_equal_names_the_last_counts_in_the_place_of_the_first() {
    let json = r#"{"a": 1, "b": {"x": 1, "y": {}, "x": [2]}, "a": {"c": 3}, "d": 4}"#;
    let wanted = doc! {"a": {"c": 3}, "b": {"x": [2], "y": {}}, "d": 4};
    assert_eq!(read(Dialect::Plain, json).unwrap().to_string(), wanted.to_string());
}

#[test]
fn an_object_with_very_many_names_is_read_in_good_time() {
    let fields: Vec<String> = (0..200_000).map(|n| format!("\"f{n}\": {n}")).collect();
    let row = read(Dialect::Plain, &format!("{{{}}}", fields.join(","))).unwrap();
    assert_eq!((row.len(), row.get_i32("f199999").unwrap()), (200_000, 199_999));
}

#[test]
fn only_extended_json_has_values_written_as_objects() {
    let json = r#"{"a": {"$oid": "5c0000000000000000000001"}, "at": [{"$date": "2018-11-28T02:00:00Z"}],
        "c": {"$other": {"_id": "5c0000000000000000000002"}, "d": 1}, "e": {"f": {"$numberLong": "5"}, "$g": 2}}"#;
    let date = bson::DateTime::parse_rfc3339_str("2018-11-28T02:00:00Z").unwrap();
    let wanted = doc! {
        "a": id(1), "at": [date], "c": {"$other": {"_id": id(2)}, "d": 1}, "e": {"f": 5_i64, "$g": 2},
    };
    assert_eq!(read(Dialect::Extended, json).unwrap(), wanted);
    let plain = read(Dialect::Plain, json).unwrap();
    assert_eq!(plain.get_document("a").unwrap(), &doc! {"$oid": "5c0000000000000000000001"});
    assert!(read(Dialect::Strict, json).unwrap_err().contains("expected names without NUL or a leading $"));
}

#[test]
fn a_number_beyond_64_bits_with_sign_is_refused_or_rounded() {
    let json = r#"{"n": 9223372036854775808}"#;
    for dialect in [Dialect::Plain, Dialect::Extended] {
        let error = read(dialect, json).unwrap_err();
        assert!(error.contains("expected a number of at most 64 bits with sign"), "{error}");
    }
    assert_eq!(read(Dialect::Strict, json).unwrap(), doc! {"n": 9_223_372_036_854_775_808.0});
}

#[test]
fn what_no_store_can_hold_is_refused_and_the_next_row_is_not_touched_by_it() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let mut reader = RowReader::new(Dialect::Plain);
    let mut read = |json: &str| {
        let mut json = serde_json::Deserializer::from_str(json);
        reader.read(&mut json).map(drop).map_err(|error| error.to_string())
    };
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(Row::MAX_BYTES));
    let many = format!("{{\"a\": [0{}]}}", ",0".repeat(2 << 20));
    let cases = [
        (r#"{"a\u0000b": 1}"#, "expected names without NUL"),
        (&nested(100), "expected at most 100 levels"),
        (&large, "expected at most 16777216 bytes"),
        (&many, "expected at most 16777216 bytes"),
        ("[1]", "expected a row (a JSON object)"),
        (r#"{"a": {"b": [1, }}"#, "expected value"),
    ];
    for (json, expected) in cases {
        let error = read(json).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(read(&nested(99)).is_ok());
    }
}

#[test]
fn a_long_fraction_keeps_its_last_digit() {
    let row = read(Dialect::Plain, r#"{"_id": 1, "load": -1.3663074861306853e-18}"#).unwrap();
    assert_eq!(row, doc! {"_id": 1, "load": -1.3663074861306853e-18});
}

/// JSON of any shape, with names that say something of their values.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        Just("5c0000000000000000000001".to_owned()),
        Just("2018-11-28T02:00:00.123".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from);
        prop_oneof![list, any_object(inner).prop_map(Value::from)]
    })
}

fn any_object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![Just("_id".to_owned()), Just("created_at".to_owned()), "[^\0$][^\0]{0,6}", "[a-c]"];
    prop::collection::vec((name, value), 0..6).prop_map(Map::from_iter)
}

proptest! {
    /// A tree built value by value and cast afterwards is the same row, byte by byte.
    #[test]
    fn a_row_is_what_its_tree_would_be(object in any_object(any_json())) {
        let mut tree = Document::try_from(object.clone()).unwrap();
        cast_row(&mut tree);
        let row = RowReader::new(Dialect::Strict).read(json!(object)).unwrap();
        prop_assert_eq!(row.as_bytes(), tree.to_vec().unwrap());
        prop_assert_eq!(read(Dialect::Plain, &json!(object).to_string()).unwrap(), row.to_document().unwrap());
    }
}
