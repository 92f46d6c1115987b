//! Query and residual together let exactly those rows through that the filters ask for.
//!
//! The rows pass a Data API that casts as today's does, then the residual; a plain reading of contract §4 says what
//! should be left.

use super::*;
use crate::domain::parse_date;
use crate::filter::matcher::Matcher;
use bson::oid::ObjectId;
use bson::{Bson, Document, RawDocumentBuf, doc};
use proptest::prelude::*;
use proptest::sample::select;

fn meets(condition: &Document, row: &Document) -> bool {
    Matcher::compile(condition).unwrap().matches(&RawDocumentBuf::try_from(row).unwrap())
}

/// A query as today's Data API casts it (contract §5).
fn cast_query(query: &serde_json::Map<String, Value>) -> Document {
    let second = |text: &str| {
        let date = chrono::NaiveDateTime::parse_from_str(&text[..19], "%Y-%m-%dT%H:%M:%S").unwrap();
        Bson::DateTime(date.and_utc().into())
    };
    let cast = |key: &str, value: &Value| match value {
        Value::String(text) if key.starts_with("_id") || key.contains("._id") => {
            ObjectId::parse_str(text).unwrap().into()
        }
        _ if key.starts_with("_id") || key.contains("._id") => panic!("500: {key}: {value}"),
        Value::Object(operators) if key.contains("_at") => operators
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().map_or(Bson::Null, second)))
            .collect::<Document>()
            .into(),
        _ if key.contains("_at") => panic!("no operator object: {key}: {value}"),
        _ => Bson::try_from(value.clone()).unwrap(),
    };
    query.iter().map(|(key, value)| (key.clone(), cast(key, value))).collect()
}

/// A `$match` as today's Data API casts it: only texts directly under their key.
fn cast_match(stage: &Value) -> Document {
    let cast = |(key, value): (&String, &Value)| match value {
        Value::String(text) if text.len() == 24 && (key.starts_with("_id") || key.contains("._id")) => {
            (key.clone(), ObjectId::parse_str(text).unwrap().into())
        }
        _ => {
            assert!(!key.contains("_at"), "{key}: {value}");
            (key.clone(), Bson::try_from(value.clone()).unwrap())
        }
    };
    stage.as_object().unwrap().iter().map(cast).collect()
}

fn through_query(filters: &[Value], row: &Document) -> bool {
    let general = general(&json!(filters)).unwrap();
    meets(&cast_query(&general.query), row) && general.residual.is_none_or(|residual| meets(&residual, row))
}

fn through_pipeline(root: &[Value], joined: &[Value], row: &Document) -> bool {
    let filters = json!({
        "applications": {"enabled": true, "filters": root}, "servers": {"enabled": true, "filters": joined},
    });
    let pivot = pivot(&filters, owner()).unwrap();
    let mut stages = pivot.pipeline.iter().filter_map(|stage| stage.get("$match"));
    stages.all(|stage| meets(&cast_match(stage), row)) && pivot.residual.is_none_or(|residual| meets(&residual, row))
}

/// Contract §4, read plainly.
fn asked(filters: &[Value], row: &Document) -> bool {
    filters.iter().all(|filter| {
        let text = |key: &str| filter[key].as_str().unwrap_or_default();
        let field = row.get(text("field"));
        let wanted = text("filter");
        match (text("typ"), text("comparer")) {
            ("string", "equal") => same(field, wanted),
            ("string", "contain") => field.and_then(Bson::as_str).is_some_and(|value| value.contains(wanted)),
            ("string", "not contain") => !field.and_then(Bson::as_str).is_some_and(|value| value.contains(wanted)),
            ("number", comparer) => field.and_then(Bson::as_i64).is_some_and(|value| match comparer {
                "greater" => value >= wanted.parse().unwrap(),
                "less" => value <= wanted.parse().unwrap(),
                _ => value == wanted.parse::<i64>().unwrap(),
            }),
            ("boolean", _) => field.and_then(Bson::as_bool).is_some_and(|value| value.to_string() == wanted),
            ("date", comparer) => field.and_then(Bson::as_datetime).is_some_and(|value| {
                let (value, wanted) = (value.to_chrono(), parse_date(wanted).unwrap());
                match comparer {
                    "after" => value >= wanted,
                    "before" => value <= wanted,
                    _ => value.date_naive() == wanted.date_naive(),
                }
            }),
            ("object", _) => {
                same(field.and_then(|object| object.as_document()?.get(text("subfield"))), text("subfilter"))
            }
            _ => one_element(filters, text("field"), field),
        }
    })
}

/// Several filters on one list must hold in the same element.
fn one_element(filters: &[Value], name: &str, list: Option<&Bson>) -> bool {
    let of_list = |filter: &&Value| filter["typ"] == "array" && filter["field"] == name;
    list.and_then(Bson::as_array).is_some_and(|elements| {
        elements.iter().any(|element| {
            filters.iter().filter(of_list).all(|filter| {
                let wanted = filter["subfilter"].as_str().unwrap();
                match element {
                    Bson::Document(object) => same(object.get(filter["subfield"].as_str().unwrap()), wanted),
                    plain => same(Some(plain), wanted),
                }
            })
        })
    })
}

fn same(value: Option<&Bson>, wanted: &str) -> bool {
    match value {
        Some(Bson::String(text)) => text == wanted,
        Some(Bson::Int64(number)) => wanted == number.to_string(),
        Some(Bson::Boolean(flag)) => wanted == flag.to_string(),
        Some(Bson::ObjectId(id)) => wanted == id.to_hex(),
        _ => false,
    }
}

const WORDS: [&str; 7] = ["web", "web.1", "5", "true", "w", "", "^web|x"];
const DATES: [&str; 5] = [
    "2020-01-02T00:00:00Z",
    "2020-01-02T23:59:59.999Z",
    "2020-01-03T00:00:00Z",
    "2020-01-02T10:00:00.250Z",
    "2020-01-02T10:00:00Z",
];
const IDS: [&str; 2] = [HEX, OWNER];

fn filter() -> impl Strategy<Value = Value> {
    let word = || select(WORDS.as_slice());
    prop_oneof![
        4 => (select(vec!["equal", "contain", "not contain"]), word()).prop_map(|(c, w)| string("name", c, w)),
        3 => (select(vec!["equal", "greater", "less"]), 3..7_i64).prop_map(|(c, n)| number("cpu", c, &n.to_string())),
        3 => (select(vec!["same", "after", "before"]), select(DATES.as_slice())).prop_map(|(c, d)| date("seen_at", c, d)),
        1 => any::<bool>().prop_map(|flag| boolean("active", &flag.to_string())),
        2 => word().prop_map(|w| object("os", "base", w)),
        1 => select(IDS.as_slice()).prop_map(|id| object("dc", "_id", id)),
        4 => (select(vec!["key", "value"]), word()).prop_map(|(s, w)| array("tags", s, w)),
        1 => select(IDS.as_slice()).prop_map(|id| array("tags", "_id", id)),
        1 => select(IDS.as_slice()).prop_map(|id| array("roles", "_id", id)),
        1 => word().prop_map(|w| array("regions", "value", w)),
    ]
}

fn row() -> impl Strategy<Value = Document> {
    let id = || select(IDS.as_slice()).prop_map(|id| Bson::from(ObjectId::parse_str(id).unwrap()));
    let value = || prop_oneof![4 => select(WORDS.as_slice()).prop_map(Bson::from), 1 => Just(Bson::Int64(5)), 1 => Just(Bson::from(true))];
    let at = select(DATES.as_slice()).prop_map(|text| bson::DateTime::parse_rfc3339_str(text).unwrap());
    let tag = (value(), value(), id()).prop_map(|(key, value, id)| doc! {"key": key, "value": value, "_id": id});
    let region = prop_oneof![value(), value().prop_map(|value| doc! {"value": value}.into())];
    let lists = (prop::collection::vec(tag, 0..3), prop::collection::vec(region, 0..3));
    (prop::option::of(value()), 3..7_i64, at, any::<bool>(), value(), id(), lists).prop_map(
        |(name, cpu, at, active, base, dc, (tags, regions))| {
            let roles = [doc! {"_id": ObjectId::parse_str(OWNER).unwrap()}];
            let mut row = doc! {
                "cpu": cpu, "seen_at": at, "active": active, "os": {"base": base}, "dc": {"_id": dc}, "tags": tags,
                "regions": regions, "roles": roles,
            };
            row.extend(name.map(|name| ("name".to_owned(), name)));
            row
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_general_report_holds_the_rows_that_were_asked_for(filters in prop::collection::vec(filter(), 0..5), row in row()) {
        prop_assert_eq!(through_query(&filters, &row), asked(&filters, &row));
    }

    #[test]
    fn a_pivot_report_holds_the_rows_that_were_asked_for(
        root in prop::collection::vec(filter(), 0..3),
        joined in prop::collection::vec(filter(), 0..3),
        row in row(),
        server in row(),
    ) {
        let asked = asked(&root, &row) && asked(&joined, &server);
        let mut row = row;
        row.insert("servers", server);
        prop_assert_eq!(through_pipeline(&root, &joined, &row), asked);
    }
}
