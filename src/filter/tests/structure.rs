//! No text that a user types changes the structure of what is asked.

use super::*;
use proptest::prelude::*;

const SECOND: &str = "another text";

/// A filter list for every place where a user's text can stand.
fn uses(text: &str) -> Vec<Value> {
    let mut uses = vec![
        json!([{"field": "a", "typ": "select", "filter": text}]),
        json!([object("os", "base", text)]),
        json!([object("os", "base", text), object("os", "base", SECOND)]),
        json!([object("x", "seen_at", text)]),
        json!([array("services", "name", text)]),
        json!([array("services", "name", text), array("services", "version", text)]),
        json!([array("services", "name", text), array("services", "_id", HEX)]),
        json!([array("regions", "value", text)]),
        json!([array("tags", "value", text), array("tags", "key", text), array("tags", "key", SECOND)]),
    ];
    for comparer in ["equal", "not equal", "contain", "not contain"] {
        for field in ["name", "os.base", "created_at", "x_at.y"] {
            uses.push(json!([string(field, comparer, text)]));
            uses.push(json!([
                string(field, comparer, text),
                string(field, comparer, SECOND),
                number(field, "less", "4")
            ]));
        }
    }
    uses
}

/// The keys of a value in their places; of a list of plain values only that it is one.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => json!([]),
        Value::Array(items) => items.iter().map(shape).collect(),
        _ => Value::Null,
    }
}

/// Everything that leaves for a database, as JSON.
fn sent(filters: &Value) -> [Value; 4] {
    let general = general(filters).unwrap();
    let components = json!({
        "applications": {"enabled": true, "filters": filters}, "servers": {"enabled": true, "filters": filters},
    });
    let pivot = pivot(&components, owner()).unwrap();
    assert!(pivot.pipeline[0]["$match"]["roles._id"] == OWNER, "{:?}", pivot.pipeline);
    assert!(general.query.keys().all(|key| !key.starts_with('$') && key != "roles._id"), "{:?}", general.query);
    let plain = |condition: Option<bson::Document>| {
        condition.map_or(Value::Null, |condition| shape(&bson_json(condition.into())))
    };
    [
        shape(&Value::Object(general.query)),
        plain(general.residual),
        shape(&json!(pivot.pipeline)),
        plain(pivot.residual),
    ]
}

/// BSON as JSON with scalars of any type as null.
fn bson_json(value: bson::Bson) -> Value {
    match value {
        bson::Bson::Document(members) => members.into_iter().map(|(key, value)| (key, bson_json(value))).collect(),
        bson::Bson::Array(items) => items.into_iter().map(bson_json).collect(),
        _ => Value::Null,
    }
}

/// Texts of people and of attackers.
fn typed() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[^\0]{0,40}",
        2 => "[ -~]{0,40}",
        2 => r#"[$.{}\[\]()|*+?^\\"':,a-z0-9]{0,30}"#,
        1 => prop::sample::select(vec![
            "$where", r#"{"$ne": 1}"#, r#"", "roles._id": ""#, "5", "-0", "1e9", "true", "null", "2018-11-28",
            "2018-11-28T02:00:00.000000Z", HEX, r"\E.*", "a|b", "(?i)a", "_id", "roles._id", "", " ",
        ]).prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_text_gives_the_structure_of_a_harmless_one(text in typed()) {
        for (filters, harmless) in uses(&text).iter().zip(uses("harmless")) {
            prop_assert_eq!(sent(filters), sent(&harmless), "{}", filters);
        }
    }

    #[test]
    fn a_contained_text_is_found_as_it_is_and_nothing_else(text in typed(), other in typed()) {
        let general = general(&json!([string("name", "contain", &text)])).unwrap();
        let pattern = regex::Regex::new(general.query["name"]["$regex"].as_str().unwrap()).unwrap();
        let around = format!("<{text}>");
        prop_assert!(pattern.is_match(&around));
        prop_assert_eq!(pattern.is_match(&other), other.contains(&text));
    }

    #[test]
    fn no_field_name_reaches_a_query_unless_it_is_a_plain_path(field in "\\PC{0,20}", sub in "[a-z.$]{0,8}") {
        let plain = |path: &str| {
            path.split('.').all(|s| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)))
        };
        let is_id = |path: &str| path.rsplit('.').next() == Some("_id");
        let filters = json!([string(&field, "equal", HEX)]);
        prop_assert_eq!(general(&filters).is_ok(), plain(&field));
        prop_assert_eq!(general(&json!([array("tags", &sub, "x")])).is_ok(), plain(&sub) && !is_id(&sub));
    }

    #[test]
    fn no_json_makes_the_compilers_panic(text in "[\\[\\]{}\",:a-z$0-9_]{0,60}", typ in "[a-z]{0,7}") {
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let _ = general(&value);
        let _ = pivot(&value, owner());
        let _ = general(&json!([{"field": value, "typ": typ, "filter": value, "subfield": value, "subfilter": value}]));
    }
}
