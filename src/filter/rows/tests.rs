#![expect(clippy::wildcard_enum_match_arm, reason = "tests look at the few types that they use")]

use super::*;
use proptest::prelude::*;
use serde_json::json;

const HEX: &str = "5c0000000000000000000001";

fn compile(query: Value) -> Result<Document, RowsError> {
    rows(query.as_object().expect("an object"))
}

fn at(text: &str) -> bson::DateTime {
    bson::DateTime::parse_rfc3339_str(text).unwrap()
}

#[test]
fn values_lists_and_operators_are_cast_by_their_key() {
    let id = ObjectId::parse_str(HEX).unwrap();
    let noon = at("2020-01-02T12:00:00Z");
    for (query, document) in [
        (json!({}), doc! {}),
        (json!({"name": "a.b", "cpu": 4, "x": 1.5, "on": true, "none": null}), {
            doc! {"name": "a.b", "cpu": 4_i64, "x": 1.5, "on": true, "none": null}
        }),
        (json!({"name": {"$regex": "web", "$options": "i"}}), doc! {"name": {"$regex": "web", "$options": "i"}}),
        (json!({"name": ["a", "b"]}), doc! {"name": {"$in": ["a", "b"]}}),
        (json!({"_id": HEX}), doc! {"_id": id}),
        (json!({"servers._id": [HEX]}), doc! {"servers._id": {"$in": [id]}}),
        (json!({"_id": {"$ne": HEX, "$exists": true}}), doc! {"_id": {"$ne": id, "$exists": true}}),
        (json!({"updated_at": "2020-01-02T12:00:00"}), doc! {"updated_at": noon}),
        (json!({"updated_at": {"$gte": "2020-01-02T12:00:00.000Z"}}), doc! {"updated_at": {"$gte": noon}}),
        (json!({"updated_at": {"$gte": "2020-01-02"}}), doc! {"updated_at": {"$gte": at("2020-01-02T00:00:00Z")}}),
        (json!({"$or": [{"cpu": {"$not": {"$gt": 4}}}, {"$and": [{"_id": HEX}]}]}), {
            doc! {"$or": [{"cpu": {"$not": {"$gt": 4_i64}}}, {"$and": [{"_id": id}]}]}
        }),
    ] {
        assert_eq!(compile(query.clone()), Ok(document), "{query}");
    }
}

#[test]
fn a_day_alone_means_all_of_it() {
    let day = doc! {"a.seen_at": {"$gte": at("2020-01-02T00:00:00Z"), "$lt": at("2020-01-03T00:00:00Z")}};
    assert_eq!(compile(json!({"a.seen_at": "2020-01-02"})), Ok(day.clone()));
    assert_eq!(compile(json!({"a.seen_at": {"$regex": "2020-01-02", "$options": "i"}})), Ok(day));
}

#[test]
fn a_search_for_a_whole_id_is_equality() {
    let id = ObjectId::parse_str(HEX).unwrap();
    assert_eq!(compile(json!({"_id": {"$regex": HEX, "$options": "i"}})), Ok(doc! {"_id": {"$eq": id}}));
}

#[test]
fn anything_else_is_refused_at_its_place() {
    let deep = json!({"$or": [{"$or": [{"$or": [{"$or": [{"$or": [{"a": 1}]}]}]}]}]});
    for (query, place) in [
        (json!({"$where": "sleep(1000)"}), "query.$where"),
        (json!({"name": {"$where": "1"}}), "query.name.$where"),
        (json!({"name": {"$not": {"$type": 2}}}), "query.name.$not.$type"),
        (json!({"$or": [{"a": 1}, {"b": {"$gt": {"$ne": 1}}}]}), "query.$or[1].b.$gt"),
        (json!({"$or": []}), "query.$or"),
        (json!({"$and": [1]}), "query.$and[0]"),
        (json!({"$nor": [{"a": 1}]}), "query.$nor"),
        (json!({"$expr": {}}), "query.$expr"),
        (json!({"a.$where": "1"}), "query.a.$where"),
        (json!({"a..b": 1}), "query.a..b"),
        (json!({"": 1}), "query."),
        (json!({"a": {}}), "query.a"),
        (json!({"a": {"b": 1}}), "query.a.b"),
        (json!({"a": [["b"]]}), "query.a[0]"),
        (json!({"a": {"$in": "b"}}), "query.a.$in"),
        (json!({"a": {"$in": [{"$regex": "b"}]}}), "query.a.$in[0]"),
        (json!({"a": {"$exists": "yes"}}), "query.a.$exists"),
        (json!({"a": {"$regex": 1}}), "query.a.$regex"),
        (json!({"a": {"$regex": "("}}), "query.a.$regex"),
        (json!({"a": {"$regex": "(?=b)"}}), "query.a.$regex"),
        (json!({"a": {"$regex": "(a)\\1"}}), "query.a.$regex"),
        (json!({"a": {"$regex": "(a{1000}){1000}"}}), "query.a.$regex"),
        (json!({"a": {"$regex": "x".repeat(501)}}), "query.a.$regex"),
        (json!({"a": {"$regex": "b", "$options": "g"}}), "query.a.$options"),
        (json!({"a": {"$options": "i"}}), "query.a.$options"),
        (json!({"a": {"$not": "b"}}), "query.a.$not"),
        (json!({"a": "x".repeat(1001)}), "query.a"),
        (json!({"a": vec![1; 1001]}), "query.a"),
        (json!({"_id": "5c"}), "query._id"),
        (json!({"_id": 5}), "query._id"),
        (json!({"x._id": {"$regex": "5c", "$options": "i"}}), "query.x._id.$regex"),
        (json!({"_id": [HEX, "x"]}), "query._id[1]"),
        (json!({"updated_at": "never"}), "query.updated_at"),
        (json!({"updated_at": {"$gte": 5}}), "query.updated_at.$gte"),
        (json!({"updated_at": {"$regex": "2020"}}), "query.updated_at.$regex"),
        (deep, "query.$or[0].$or[0].$or[0].$or[0].$or[0]"),
    ] {
        assert_eq!(compile(query.clone()).unwrap_err().path, place, "{query}");
    }
    let many: Map<String, Value> = (0..51).map(|n| (format!("f{n}"), json!(1))).collect();
    assert_eq!(rows(&many).unwrap_err().path, "query.f50");
}

/// Any JSON, with operators and ids strewn in.
fn anything() -> impl Strategy<Value = Value> {
    let key = prop_oneof!["\\PC{0,8}", "\\$[a-z]{1,6}", Just("_id".into()), Just("a_at".into()), Just("$regex".into())];
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!(HEX)),
        Just(json!("2020-01-02")),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn operators(value: &Bson, found: &mut Vec<String>) {
    match value {
        Bson::Document(members) => members.iter().for_each(|(key, value)| {
            found.extend(key.starts_with('$').then(|| key.clone()));
            operators(value, found);
        }),
        Bson::Array(values) => values.iter().for_each(|value| operators(value, found)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_query_brings_another_operator_to_the_database(query in anything()) {
        let Value::Object(query) = query else { return Ok(()) };
        if let Ok(document) = rows(&query) {
            let mut found = Vec::new();
            operators(&document.into(), &mut found);
            let allowed = ["$regex", "$options", "$in", "$nin", "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$exists", "$not", "$and", "$or"];
            prop_assert!(found.iter().all(|operator| allowed.contains(&operator.as_str())), "{found:?}");
        }
    }

    #[test]
    fn a_text_is_compared_as_it_is(text in "[^\0]{0,40}") {
        prop_assert_eq!(compile(json!({"name": text})), Ok(doc! {"name": &text}));
    }
}
