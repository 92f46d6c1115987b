//! What the targets are fed with: any JSON and text, and good ones damaged.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// JSON as text, some of which no serializer writes: names that come twice, numbers of any size, halves of characters.
pub(super) fn json_text() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![2 => number(), 3 => string(), 1 => select(vec!["null", "true", "false"]).prop_map(str::to_owned)];
    let tree = leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            vec((string(), inner), 0..5).prop_map(|fields| {
                let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    });
    prop_oneof![20 => tree, 1 => deep()]
}

/// More levels than anybody needs.
fn deep() -> impl Strategy<Value = String> {
    (1_usize..3000, select(vec![("[", "]"), (r#"{"a":"#, "}"), (r#"[{"$or":"#, "}]")]))
        .prop_map(|(levels, (open, close))| format!("{}1{}", open.repeat(levels), close.repeat(levels)))
}

fn number() -> impl Strategy<Value = String> {
    let odd = [
        "0",
        "-0",
        "1e308",
        "1e400",
        "-1e-400",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "0.1e1",
        "123456789012345678901234567890",
        "1E+2",
    ];
    prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter_map("finite", |n| n.is_finite().then(|| n.to_string()))
    ]
}

/// A text of JSON: words that mean something somewhere, odd characters, and halves of them.
fn string() -> impl Strategy<Value = String> {
    let halves = select(vec![r#""\ud800""#, r#""\udc00\ud800""#, r#""\u0000""#, r#""\uD83D\uDE00""#]);
    prop_oneof![6 => text().prop_map(|text| Value::from(text).to_string()), 1 => halves.prop_map(str::to_owned)]
}

/// Any text.
pub(super) fn text() -> impl Strategy<Value = String> {
    let words = [
        "",
        "_id",
        "roles._id",
        "$where",
        "$gt",
        "$regex",
        "$options",
        "$in",
        "$and",
        "$or",
        "$not",
        "$elemMatch",
        "$oid",
        "$date",
        "$numberDecimal",
        "__proto__",
        "a.b",
        ".",
        "..",
        "$",
        "updated_at",
        "2018-11-28T02:00:00.000Z",
        "2020-13-45",
        "0000-01-01T00:00:00Z",
        "+262142-12-31T23:59:59Z",
        "5c00000000000000000000a1",
        "(a+)+$",
        "[",
        "\\",
        "\u{0}",
        "é😀\u{202e}",
        "field",
        "filter",
        "filters",
        "comparer",
        "typ",
        "subfield",
        "subfilter",
        "enabled",
        "servers",
        "clients",
        "items",
        "found",
        "equal",
        "contain",
        "not contain",
        "number",
        "date",
        "array",
        "object",
        "string",
        "boolean",
        "select",
        "true",
        "-1",
        "1e999",
    ];
    prop_oneof![4 => select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,12}", 1 => any::<String>()]
}

/// Any JSON as far as serde_json holds it; a text where it does not.
pub(super) fn json() -> impl Strategy<Value = Value> {
    json_text().prop_map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// One of these with a few of its places changed, taken out or doubled; often none.
pub(super) fn altered(good: Vec<Value>) -> impl Strategy<Value = Value> {
    let change = (
        any::<Index>(),
        prop_oneof![
            json().prop_map(Change::Put),
            text().prop_map(Change::Name),
            Just(Change::Take),
            Just(Change::Double)
        ],
    );
    let changes = prop_oneof![2 => Just(Vec::new()), 3 => vec(change, 1..4)];
    (select(good), changes).prop_map(|(mut value, changes)| {
        for (place, change) in changes {
            let mut place = place.index(count(&value));
            apply(&mut value, &mut place, &change);
        }
        value
    })
}

#[derive(Debug, Clone)]
enum Change {
    Put(Value),
    Name(String),
    Take,
    Double,
}

/// The places in a value, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Changes the place with this number; true where that was in here.
fn apply(value: &mut Value, place: &mut usize, change: &Change) -> bool {
    if *place == 0 {
        match (change, value) {
            (Change::Put(new), value) => *value = new.clone(),
            (Change::Take, Value::Array(items)) => drop(items.pop()),
            (Change::Double, Value::Array(items)) => items.extend_from_within(..),
            (Change::Take, Value::Object(fields)) => {
                let first = fields.keys().next().cloned();
                first.map(|first| fields.shift_remove(&first));
            }
            (Change::Name(name), Value::Object(fields)) => {
                let last = fields.keys().next_back().cloned();
                let moved = last.and_then(|last| fields.shift_remove(&last));
                fields.insert(name.clone(), moved.unwrap_or_default());
            }
            (Change::Take | Change::Double | Change::Name(_), value) => *value = Value::Null,
        }
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| apply(item, place, change)),
        Value::Object(fields) => fields.values_mut().any(|field| apply(field, place, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The same bytes with a few of them changed, taken out, put in or cut off; often none.
pub(super) fn damaged(good: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let damage = (any::<Index>(), 0_u8..5, any::<u8>());
    (good, prop_oneof![3 => Just(Vec::new()), 1 => vec(damage, 1..4)]).prop_map(|(mut bytes, damages)| {
        for (place, kind, byte) in damages {
            let place = place.index(bytes.len() + 1);
            match kind {
                0 => bytes.truncate(place),
                1 => bytes.insert(place, byte),
                2 if place < bytes.len() => bytes[place] = byte,
                3 if place < bytes.len() => drop(bytes.remove(place)),
                _ => bytes.extend_from_within(place..),
            }
        }
        bytes
    })
}

/// Filters of general reports, of every type (contract §4).
pub(super) fn general() -> Vec<Value> {
    vec![
        json!([]),
        json!([
            {"field": "name", "filter": "web", "comparer": "contain", "typ": "string"},
            {"field": "name", "filter": "db", "comparer": "not contain", "typ": "string"},
            {"field": "cpu", "filter": "4", "comparer": "greater", "typ": "number"},
            {"field": "cpu", "filter": 64, "comparer": "less", "typ": "number"},
        ]),
        json!([
            {"field": "active", "filter": "true", "comparer": "equal", "typ": "boolean"},
            {"field": "updated_at", "filter": "2018-11-28T02:00:00.000Z", "comparer": "after", "typ": "date"},
            {"field": "updated_at", "filter": "2018-11-28T02:00:00.000Z", "comparer": "same", "typ": "date"},
        ]),
        json!([
            {"field": "os", "subfield": "base", "subfilter": "Linux", "typ": "object"},
            {"field": "tags", "subfield": "key", "subfilter": "env", "comparer": "equal", "typ": "array"},
            {"field": "tags", "subfield": "value", "subfilter": "prod", "comparer": "equal", "typ": "array"},
            {"field": "status", "filter": "running", "comparer": "equal", "typ": "select"},
        ]),
        // What the Data API cannot check.
        json!([
            {"field": "name", "filter": "b", "comparer": "contain", "typ": "string"},
            {"field": "name", "filter": "1", "comparer": "contain", "typ": "string"},
            {"field": "updated_at", "filter": "2018-01-02T00:00:00.250Z", "comparer": "after", "typ": "date"},
            {"field": "big", "filter": "9007199254740993", "comparer": "equal", "typ": "number"},
        ]),
        json!([{"field": "created_at", "filter": "2018", "comparer": "contain", "typ": "string"}]),
    ]
}

/// Filters of pivot reports.
pub(super) fn pivot() -> Vec<Value> {
    let component = |filters: Value| json!({"title": "x", "icon": "y", "enabled": true, "filters": filters});
    let off = json!({"title": "x", "icon": "y", "enabled": false, "filters": []});
    let [none, texts, dates, lists, ..] = <[Value; 6]>::try_from(general()).unwrap();
    vec![
        json!({"clients": component(texts.clone()), "systems": component(dates), "applications": component(lists), "servers": component(none)}),
        json!({"clients": off, "systems": off, "applications": component(texts), "servers": off}),
    ]
}

/// Conditions on rows, as the front API writes them.
pub(super) fn conditions() -> Vec<Value> {
    vec![
        json!({"name": {"$regex": "web", "$options": "i"}, "cpu": {"$gte": 4, "$lt": 64}}),
        json!({"_id": ["5c00000000000000000000a1"], "updated_at": {"$gt": "2018-11-28T02:00:00"}, "active": true}),
        json!({"$or": [{"os.base": "Linux"}, {"tags": {"$elemMatch": {"key": "env"}}}], "status": {"$in": ["a", null]}}),
    ]
}

/// Rows as the Data API gives them.
pub(super) fn rows() -> Vec<Value> {
    vec![
        json!([]),
        json!([
            {"_id": "5c0000000000000000000001", "name": "wéb\"1", "cpu": 4, "load": 0.5, "active": true, "updated_at": "2018-11-28T02:00:00",
             "datacenters": {"_id": "5c00000000000000000000d1", "provider": "AWS", "zone": null}, "tags": [{"key": "env", "value": "prod"}, "x"]},
            {"_id": "5c0000000000000000000002", "big": 9_007_199_254_740_993_i64, "roles": [{"_id": "5c00000000000000000000e1"}], "storage": [[1], {}]},
        ]),
    ]
}
