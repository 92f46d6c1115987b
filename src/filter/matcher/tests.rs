//! MongoDB's documented rules, one by one; `tests/it/inventory.rs` compares the whole with a server.

use super::*;
use bson::{Bson, doc};

fn holds(condition: Document, document: Document) -> bool {
    let raw = bson::RawDocumentBuf::try_from(&document).unwrap();
    Matcher::compile(&condition).unwrap().matches(&raw)
}

#[track_caller]
fn check(document: &Document, met: &[Document], unmet: &[Document]) {
    for condition in met {
        assert!(holds(condition.clone(), document.clone()), "{condition} should select {document}");
    }
    for condition in unmet {
        assert!(!holds(condition.clone(), document.clone()), "{condition} should not select {document}");
    }
}

#[test]
fn equality_compares_numbers_across_types_and_documents_in_order() {
    check(
        &doc! {"n": 4_i32, "o": {"a": 1, "b": "x"}, "t": "4"},
        &[doc! {}, doc! {"n": 4.0}, doc! {"n": 4_i64}, doc! {"o": {"a": 1.0, "b": "x"}}, doc! {"o.b": "x"}],
        &[doc! {"n": "4"}, doc! {"t": 4}, doc! {"o": {"b": "x", "a": 1}}, doc! {"o": {"a": 1}}, doc! {"o.a.b": 1}],
    );
}

#[test]
fn null_matches_missing() {
    check(
        &doc! {"n": null, "a": [{"b": 1}, {"c": 2}], "s": [1, 2], "e": []},
        &[
            doc! {"n": null},
            doc! {"x": null},
            doc! {"x.y": null},
            doc! {"a.b": null},
            doc! {"x": {"$in": [null]}},
            doc! {"x": {"$gte": null}},
            doc! {"s.b": {"$ne": null}},
            doc! {"e.b": {"$ne": null}},
        ],
        &[doc! {"n": {"$gt": null}}, doc! {"x": {"$nin": [1, null]}}, doc! {"s.b": null}, doc! {"e": null}],
    );
}

#[test]
fn an_array_matches_by_element_or_as_a_whole() {
    check(
        &doc! {"a": [1, 2, [3, 4]], "o": [{"k": 1}, {"k": [5, 6]}]},
        &[
            doc! {"a": 1},
            doc! {"a": [3, 4]},
            doc! {"a": [1, 2, [3, 4]]},
            doc! {"a.1": 2},
            doc! {"a.2": [3, 4]},
            doc! {"a.2.0": 3},
            doc! {"o.k": 6},
            doc! {"o.k": [5, 6]},
            doc! {"o.0.k": 1},
            doc! {"o": {"k": 1}},
            doc! {"a": {"$ne": 9}},
        ],
        &[doc! {"a": 3}, doc! {"a.2": 3}, doc! {"a.01": 2}, doc! {"a": {"$ne": 1}}, doc! {"o.1.k": 1}],
    );
}

#[test]
fn comparisons_stay_within_a_type() {
    let date = bson::DateTime::from_millis(1000);
    check(
        &doc! {"n": 4, "s": "m", "d": date, "b": true, "x": f64::NAN, "l": [1, 9]},
        &[
            doc! {"n": {"$gte": 4.0, "$lt": 4.5}},
            doc! {"s": {"$gt": "a"}},
            doc! {"d": {"$lte": date}},
            doc! {"b": {"$gt": false}},
            doc! {"x": {"$gte": f64::NAN}},
            doc! {"l": {"$lt": 2, "$gt": 8}},
        ],
        &[
            doc! {"n": {"$gt": "a"}},
            doc! {"s": {"$gt": 1}},
            doc! {"n": {"$lt": date}},
            doc! {"x": {"$lt": 5}},
            doc! {"n": {"$lt": f64::NAN}},
            doc! {"y": {"$lt": 5}},
        ],
    );
}

#[test]
fn exists_looks_for_the_path() {
    check(
        &doc! {"n": null, "a": [{"b": 1}], "e": []},
        &[
            doc! {"n": {"$exists": true}},
            doc! {"a.b": {"$exists": 1}},
            doc! {"e": {"$exists": true}},
            doc! {"a.1": {"$exists": false}},
            doc! {"x": {"$exists": 0}},
        ],
        &[doc! {"x": {"$exists": true}}, doc! {"n": {"$exists": null}}, doc! {"e.b": {"$exists": true}}],
    );
}

#[test]
fn patterns_look_at_texts_and_elements() {
    check(
        &doc! {"h": "Web-01", "n": 1, "t": ["a", "web"]},
        &[
            doc! {"h": {"$regex": "web", "$options": "i"}},
            doc! {"h": {"$options": "i", "$regex": "^WEB"}},
            doc! {"t": {"$regex": "^web$"}},
            doc! {"n": {"$not": {"$regex": "1"}}},
            doc! {"h": Bson::RegularExpression(bson::Regex { pattern: bson::raw::cstr!("01$").into(), options: bson::raw::cstr!("").into() })},
            doc! {"h": {"$regex": "", "$ne": "x"}},
        ],
        &[doc! {"h": {"$regex": "web"}}, doc! {"n": {"$regex": "1"}}, doc! {"t": {"$not": {"$regex": "web"}}}],
    );
}

#[test]
fn elem_match_binds_conditions_to_one_element() {
    check(
        &doc! {"t": [{"key": "a", "value": 1}, {"key": "b", "value": 2}], "n": [1, 9], "nn": [[1, 2], [7]]},
        &[
            doc! {"t": {"$elemMatch": {"key": "b", "value": {"$gt": 1}}}},
            doc! {"n": {"$elemMatch": {"$gt": 1, "$lte": 9}}},
            doc! {"t": {"$elemMatch": {"$or": [{"key": "x"}, {"value": 1}]}}},
            doc! {"nn": {"$elemMatch": {"$elemMatch": {"$gt": 6}}}},
            doc! {"nn": {"$elemMatch": {"0": 7}}},
            doc! {"t": {"$all": [{"$elemMatch": {"key": "a"}}, {"$elemMatch": {"key": "b"}}]}},
            doc! {"t": {"$not": {"$elemMatch": {"key": "a", "value": 2}}}},
        ],
        &[
            doc! {"t": {"$elemMatch": {"key": "a", "value": 2}}},
            doc! {"n": {"$elemMatch": {"$gt": 1, "$lt": 9}}},
            doc! {"t.key": {"$elemMatch": {"$eq": "a"}}},
        ],
    );
}

/// The rules that `tests/it/inventory/matcher.rs` cannot compare with mongo-java-server.
#[test]
fn paths_through_lists_follow_the_server_to_the_letter() {
    check(
        &doc! {"l": [{"a": 1}, {"b": 2}], "s": [0, 3], "e": [], "n": false, "ll": [[], 1], "o": [{"a": 1, "b": 2}]},
        &[
            doc! {"l.1.b": null},
            doc! {"l.a": null},
            doc! {"s": {"$lt": 1, "$eq": 3}},
            doc! {"s": {"$not": {"$gt": 1, "$lt": 0}}},
            doc! {"s.x": {"$exists": false}},
            doc! {"e.x": {"$not": {"$exists": true}}},
            doc! {"n": {"$all": [false]}},
            doc! {"ll": []},
            doc! {"l": {"$elemMatch": {"a": {"$not": {"$gt": 1}}}}},
        ],
        &[
            doc! {"l.a": {"$exists": false}},
            doc! {"s.x": null},
            doc! {"s.9": null},
            doc! {"s": {"$elemMatch": {"x": {"$exists": false}}}},
            doc! {"x": {}},
            doc! {"n": {"x": null}},
            doc! {"o": {"a": 1}},
            doc! {"n": {"$regex": "false"}},
            doc! {"e.x": {"$all": []}},
        ],
    );
}

#[test]
fn logical_operators_and_lists_combine() {
    check(
        &doc! {"a": 1, "t": ["x", "y"]},
        &[
            doc! {"$or": [{"a": 2}, {"t": "y"}]},
            doc! {"$nor": [{"a": 2}, {"t": "z"}]},
            doc! {"$and": [{"a": 1}, {"a": {"$in": [3, 1.0, "q"]}}]},
            doc! {"t": {"$all": ["x", "y"]}},
            doc! {"t": {"$nin": ["z"]}},
            doc! {"t": {"$in": [["x", "y"]]}},
            doc! {"a": {"$not": {"$gt": 1}}},
        ],
        &[
            doc! {"t": {"$all": ["x", "z"]}},
            doc! {"t": {"$all": []}},
            doc! {"t": {"$in": []}},
            doc! {"a": {"$nin": [1]}},
        ],
    );
}

#[test]
fn what_is_not_understood_is_named() {
    let cases = [
        (doc! {"$where": "1"}, "$where: unknown operator"),
        (doc! {"a": {"$size": 1}}, "a.$size: unknown operator"),
        (doc! {"$or": [{"a": 1}, {"a": {"$gt": 1, "b": 2}}]}, "$or[1].a.b: unknown operator"),
        (doc! {"$and": []}, "$and: expected at least one condition"),
        (doc! {"a": {"$options": "i"}}, "a.$options: expected $regex beside it"),
        (doc! {"a": {"$in": [{"$gt": 1}]}}, "a.$in[0]: expected a plain value"),
        (doc! {"a": {"$not": 1}}, "a.$not: expected operators or a regular expression"),
        (doc! {"a": {"$gt": Bson::MaxKey}}, "a.$gt: expected a value of data, not code or a marker"),
        (doc! {"a": {"$elemMatch": 1}}, "a.$elemMatch: expected an object"),
    ];
    for (condition, message) in cases {
        assert_eq!(Matcher::compile(&condition).unwrap_err().to_string(), message);
    }
    let deep = (0..100).fold(doc! {"a": 1}, |inner, _| doc! {"$and": [inner]});
    assert!(Matcher::compile(&deep).is_err());
}
