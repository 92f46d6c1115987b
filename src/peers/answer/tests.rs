//! The answers of the Data API, whole, broken and hostile.

use super::*;
use bson::oid::ObjectId;
use bson::rawdoc;
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    let wanted = rawdoc! {
        "_id": id(1), "cpu": 4, "at": 1.5, "big": 9_007_199_254_740_993_i64,
        "created_at": date, "roles": [{"_id": id(2)}], "os": {"base": null},
    };
    assert_eq!(rows, [wanted.into()]);
}

#[test]
fn a_cut_answer_is_broken_off_at_every_byte() {
    let json = r#"{"found": 2, "items": [{"_id": "a", "x": "\u00e9"}, {"_id": "b", "y": -1.5e-3}], "page": -1.5e+3, "o": [{"p": 1.5}]}"#;
    for cut in 0..json.len() {
        let (_, outcome) = read(&json[..cut]);
        assert!(matches!(outcome, Err(ReadError::BrokenOff)), "cut at {cut}: {outcome:?}");
    }
}

#[test]
fn what_is_no_utf_8_is_told_after_the_rows_before_it() {
    let good = r#"{"items": [{"_id": "é€😀"}, "#.as_bytes();
    for (garbled, piece) in [(&b"{\"_id\": \"\xff\"}]}"[..], 1), (b"{\"_id\": \"\xc3(\"}]}", 7), (b"\xe2\x82 ", 64)] {
        let bytes = [good, garbled].concat();
        let mut keep = Keep { rows: Vec::new(), wanted: usize::MAX };
        let outcome = read_answer(Pieces { bytes: &bytes, sizes: vec![piece] }, &mut keep);
        assert!(
            matches!(&outcome, Err(ReadError::NotUnderstood(what)) if what == "after 1 rows: expected UTF-8"),
            "{outcome:?}"
        );
        assert_eq!(keep.rows, [rawdoc! {"_id": "é€😀"}.into()]);
    }
    let outcome = read_answer(&[good, b"{\"_id\": \"\xe2\x82"].concat()[..], &mut Keep { rows: Vec::new(), wanted: 9 });
    assert!(matches!(outcome, Err(ReadError::BrokenOff)), "a character that is cut: {outcome:?}");
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
        (r#"{"items": [{"_id": 1}, {"_id": null}]}"#, "after 1 rows: a row has no `_id`"),
        (
            r#"{"items": [{"_id": "web", "x": {"a\u0000": 1}}]}"#,
            r#"after 0 rows: in the row with _id "web": expected names without NUL"#,
        ),
        (
            r#"{"items": [{"_id": 5, "x": 1}, {"_id": 6, "x": 1x}]}"#,
            "after 1 rows: in the row with _id 6: expected `,`",
        ),
        (r#"{"items": [{"_id": 5, "x": 1}, 6]}"#, "after 1 rows: invalid type"),
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

#[test]
fn a_row_that_is_too_large_is_told_by_its_place_and_not_held_whole() {
    /// `{"_id": "b", "x": "xxxx…` without end; counts the bytes that are asked of it.
    struct Endless {
        head: &'static [u8],
        taken: Arc<AtomicUsize>,
    }
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = if self.head.is_empty() {
                buffer.fill(b'x');
                buffer.len()
            } else {
                self.head.read(buffer)?
            };
            self.taken.fetch_add(count, Ordering::Relaxed);
            Ok(count)
        }
    }
    let taken = Arc::new(AtomicUsize::new(0));
    let head = br#"{"items": [{"_id": "a"}, {"_id": "b", "x": "#;
    for (head, expected) in [
        ([head.as_slice(), b"\""].concat(), "bytes of JSON in one value"),
        ([head.as_slice(), b"1}, "].concat(), "expected value"),
    ] {
        let mut keep = Keep { rows: Vec::new(), wanted: usize::MAX };
        let stream = Endless { head: head.leak(), taken: Arc::clone(&taken) };
        let Err(ReadError::NotUnderstood(what)) = read_answer(stream, &mut keep) else { panic!("understood") };
        assert!(what.starts_with("after ") && what.contains(expected), "{what}");
        assert!(taken.swap(0, Ordering::Relaxed) < 40 << 20);
    }
}

#[test]
fn numbers_at_the_end_of_what_is_there_may_go_on() {
    let json = r#"{"found":1234567,"page":1,"items":[]}"#;
    for piece in 1..json.len() {
        let mut keep = Keep { rows: Vec::new(), wanted: usize::MAX };
        let outcome = read_answer(Pieces { bytes: json.as_bytes(), sizes: vec![piece] }, &mut keep);
        assert_eq!(outcome.unwrap(), Summary { found: Some(1_234_567), received: 0 });
    }
}

/// Bytes that come in pieces of these sizes, in turn.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: Vec<usize>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes.first().copied().unwrap_or(1);
        self.sizes.rotate_left(1);
        let count = size.min(buffer.len());
        self.bytes.read(&mut buffer[..count])
    }
}

/// What serde_json makes of the whole text: the rows, where it is an answer.
fn whole(json: &[u8]) -> Option<Vec<Row>> {
    #[derive(serde::Deserialize)]
    struct Whole {
        items: Vec<Map<String, Value>>,
        #[expect(dead_code, reason = "only whether it is a number matters")]
        found: Option<u64>,
    }
    let all: Value = serde_json::from_slice(json).ok()?;
    let rows: Whole = serde_json::from_value(all).ok()?;
    let row =
        |item: Map<String, Value>| item.contains_key("_id").then(|| RowReader::new(Dialect::Plain).read(item).ok())?;
    rows.items.into_iter().map(row).collect()
}

/// Answers with rows of odd texts, numbers and nesting, in odd spacing, some of them damaged.
fn any_answer() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\\\\\"{}\\[\\],:é😀]{0,8}".prop_map(Value::from),
        Just(Value::Null),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z\"]{1,3}", inner, 0..4).prop_map(|map| Map::from_iter(map).into()),
        ]
    });
    let row = value.prop_map(|value| serde_json::json!({"_id": "a", "x": value}));
    let rows = prop::collection::vec(row, 0..6);
    (rows, any::<bool>(), prop::option::of((any::<prop::sample::Index>(), any::<u8>()))).prop_map(
        |(rows, pretty, damage)| {
            let answer = serde_json::json!({"page": 1.5, "items": rows, "found": rows.len(), "other": {"items": [1]}});
            let mut json =
                if pretty { serde_json::to_vec_pretty(&answer) } else { serde_json::to_vec(&answer) }.unwrap();
            if let Some((place, byte)) = damage {
                let place = place.index(json.len());
                json[place] = byte;
            }
            json
        },
    )
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut keep = Keep { rows: Vec::new(), wanted: usize::MAX };
        let _ = read_answer(&bytes[..], &mut keep);
    }

    /// However the bytes are cut into pieces, the rows are those that serde_json finds in the whole.
    #[test]
    fn pieces_make_no_difference(json in any_answer(), sizes in prop::collection::vec(1_usize..40, 1..20)) {
        let mut keep = Keep { rows: Vec::new(), wanted: usize::MAX };
        let outcome = read_answer(Pieces { bytes: &json, sizes }, &mut keep);
        match (outcome, whole(&json)) {
            (Ok(_), Some(wanted)) => prop_assert_eq!(keep.rows, wanted),
            (Err(_), None) => {}
            (outcome, wanted) => prop_assert!(false, "{outcome:?}, {wanted:?}: {}", String::from_utf8_lossy(&json)),
        }
    }
}
