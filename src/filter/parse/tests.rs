use super::*;
use serde_json::json;

fn parse(item: Value) -> Result<Filter, FilterError> {
    filter(&item, "filters[2]")
}

fn place(item: Value) -> String {
    parse(item).unwrap_err().path
}

#[test]
fn every_typ_is_parsed_with_its_comparers() {
    for (item, test) in [
        (json!({"typ": "string", "filter": "a", "comparer": "contain"}), Test::Text(TextOp::Contain, "a".into())),
        (
            json!({"typ": "string", "filter": "a", "comparer": "not contain"}),
            Test::Text(TextOp::NotContain, "a".into()),
        ),
        (json!({"typ": "boolean", "filter": "true", "comparer": "equal"}), Test::Flag(true)),
        (json!({"typ": "boolean", "filter": false}), Test::Flag(false)),
        (json!({"typ": "select", "filter": "staging"}), Test::Choice("staging".into())),
        (
            json!({"typ": "number", "filter": " 4 ", "comparer": "greater"}),
            Test::Number(NumberOp::AtLeast, Bson::Int64(4)),
        ),
        (
            json!({"typ": "number", "filter": 1.5, "comparer": "less"}),
            Test::Number(NumberOp::AtMost, Bson::Double(1.5)),
        ),
        (
            json!({"typ": "object", "subfield": "base", "subfilter": "Linux"}),
            Test::Object(Sub { field: "base".into(), value: "Linux".into() }),
        ),
        (
            json!({"typ": "array", "subfield": "size", "subfilter": 100, "comparer": null}),
            Test::Array(Sub { field: "size".into(), value: "100".into() }),
        ),
    ] {
        let mut item = item;
        item["field"] = json!("x.y");
        assert_eq!(parse(item.clone()), Ok(Filter { field: "x.y".into(), test }), "{item}");
    }
}

#[test]
fn an_absent_or_empty_comparer_means_equal() {
    for comparer in [json!(null), json!("")] {
        let test = |typ, value| {
            parse(json!({"field": "seen_at", "typ": typ, "filter": value, "comparer": comparer})).unwrap().test
        };
        assert_eq!(test("string", "a"), Test::Text(TextOp::Equal, "a".into()));
        assert_eq!(test("number", "4"), Test::Number(NumberOp::Equal, Bson::Int64(4)));
        assert!(matches!(test("date", "2020-01-02"), Test::Date(DateOp::SameDay, _)));
    }
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    let refused = parse(json!({"field": "cpu", "typ": "number", "filter": "four"})).unwrap_err();
    assert_eq!(refused.to_string(), "filters[2].filter: expected a number, got \"four\"");
    for (item, at) in [
        (json!("x"), ""),
        (json!({"field": "a", "filter": "b"}), ".typ"),
        (json!({"field": "a", "filter": "b", "typ": "text"}), ".typ"),
        (json!({"field": "a", "filter": "b", "typ": {"$gt": ""}}), ".typ"),
        (json!({"field": "a", "filter": "b", "typ": "string", "comparer": "greater"}), ".comparer"),
        (json!({"field": "a", "filter": "b", "typ": "boolean", "comparer": "contain"}), ".comparer"),
        (json!({"field": "a", "typ": "object", "comparer": "contain"}), ".comparer"),
        (json!({"field": "a", "typ": "string"}), ".filter"),
        (json!({"field": "a", "typ": "string", "filter": null}), ".filter"),
        (json!({"field": "a", "typ": "string", "filter": {"$ne": 1}}), ".filter"),
        (json!({"field": "a", "typ": "select", "filter": ["x"]}), ".filter"),
        (json!({"field": "a", "typ": "string", "filter": "a\u{0}b"}), ".filter"),
        (json!({"field": "a", "typ": "string", "filter": "x".repeat(1001)}), ".filter"),
        (json!({"field": "a", "typ": "boolean", "filter": "yes"}), ".filter"),
        (json!({"field": "a", "typ": "number", "filter": "NaN"}), ".filter"),
        (json!({"field": "a", "typ": "number", "filter": true}), ".filter"),
        (json!({"field": "a", "typ": "number", "filter": ""}), ".filter"),
        (json!({"field": "a_at", "typ": "date", "filter": "yesterday"}), ".filter"),
        (json!({"field": "a_at", "typ": "date", "filter": 5}), ".filter"),
        (json!({"field": "a_at", "typ": "date", "filter": "9999-12-31"}), ".filter"),
        (json!({"field": "name", "typ": "date", "filter": "2020-01-02"}), ".field"),
        (json!({"field": "a", "typ": "object", "subfilter": "x"}), ".subfield"),
        (json!({"field": "a", "typ": "array", "subfield": "$where", "subfilter": "x"}), ".subfield"),
        (json!({"field": "a", "typ": "array", "subfield": "b", "subfilter": {"$ne": 1}}), ".subfilter"),
        (json!({"field": "a", "typ": "object", "subfield": "_id", "subfilter": "5c"}), ".subfilter"),
        (json!({"field": "_id", "typ": "string", "filter": "5c"}), ".filter"),
        (json!({"field": "x._id", "typ": "string", "filter": "5c", "comparer": "contain"}), ".comparer"),
    ] {
        assert_eq!(place(item.clone()), format!("filters[2]{at}"), "{item}");
    }
}

#[test]
fn only_plain_paths_name_a_field() {
    for bad in ["", ".", "a.", ".a", "a..b", "$where", "a.$b", "a b", "ä", "a\0", &"x".repeat(121)] {
        assert_eq!(place(json!({"field": bad, "typ": "string", "filter": "x"})), "filters[2].field", "{bad:?}");
    }
    assert_eq!(place(json!({"field": {"$ne": 1}, "typ": "string", "filter": "x"})), "filters[2].field");
    assert!(parse(json!({"field": "a-b_c.0.D", "typ": "string", "filter": "x"})).is_ok());
}

#[test]
fn a_found_value_is_shown_cut() {
    let refused = parse(json!({"field": "cpu", "typ": "number", "filter": "9".repeat(900) + "x"})).unwrap_err();
    assert!(refused.expected.len() < 120, "{refused}");
}

#[test]
fn nothing_is_no_filters_and_too_many_are_refused() {
    for none in [None, Some(json!(null)), Some(json!("")), Some(json!([]))] {
        assert_eq!(list(none.as_ref(), "filters"), Ok(vec![]));
    }
    let item = json!({"field": "a", "typ": "string", "filter": "b"});
    assert_eq!(list(Some(&json!(vec![item.clone(); 100])), "filters").unwrap().len(), 100);
    assert_eq!(list(Some(&json!(vec![item; 101])), "filters").unwrap_err().path, "filters");
    assert_eq!(list(Some(&json!({"a": 1})), "filters").unwrap_err().path, "filters");
}

#[test]
fn a_text_of_json_is_decoded_and_a_blank_one_is_null() {
    assert_eq!(decode(&json!("[1]")), Ok(json!([1])));
    assert_eq!(decode(&json!([1])), Ok(json!([1])));
    assert_eq!(decode(&json!(" ")), Ok(json!(null)));
    assert_eq!(decode(&json!("[1")).unwrap_err().path, "filters");
}
