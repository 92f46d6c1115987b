//! `GET` and `DELETE /reports/<table>`, `GET /aggregation/<table>`.

use super::{Api, TABLE, fill, numbered, on_every_store, rows_path, snapshot};
use serde_json::json;

#[test]
fn default_order_is_newest_first() {
    on_every_store(|api| {
        fill(api);
        assert_eq!(api.names(&[]), ["web2", "db.1", "web1"]);
        assert_eq!(api.names(&[("ascending", "-1")]), ["web2", "db.1", "web1"]);
        assert_eq!(api.names(&[("ascending", "0")]), ["web2", "db.1", "web1"]);
        assert_eq!(api.names(&[("ascending", "1")]), ["web1", "db.1", "web2"]);
        assert_eq!(api.names(&[("orderBy", "cpu"), ("ascending", "1")]), ["web1", "db.1", "web2"]);
        assert_eq!(api.names(&[("orderBy", "name"), ("ascending", "0")]), ["web2", "web1", "db.1"]);
        assert_eq!(api.names(&[("orderBy", "datacenters.provider")])[0], "db.1");
    });
}

#[test]
fn rows_leave_as_plain_json_and_pages_are_linked() {
    on_every_store(|api| {
        fill(api);
        let answers = [
            ("all", api.get(&rows_path(&[]))),
            ("page 2 of 3", api.get(&rows_path(&[("limit", "1"), ("page", "2")]))),
            ("beyond the last page", api.get(&rows_path(&[("limit", "2"), ("page", "9")]))),
        ];
        snapshot("rows", answers);
        assert_eq!(api.get(&format!("/reports/{TABLE}/")).status, 200);
    });
}

#[test]
fn a_query_compares_ids_dates_texts_and_numbers_as_such() {
    on_every_store(|api| {
        fill(api);
        let cases = [
            (json!({"name": "web1"}), vec!["web1"]),
            (json!({"name": {"$regex": "WEB", "$options": "i"}}), vec!["web2", "web1"]),
            (json!({"_id": "5c0000000000000000000003"}), vec!["db.1"]),
            (json!({"_id": {"$regex": "5c0000000000000000000003", "$options": "i"}}), vec!["db.1"]),
            (json!({"datacenters._id": "5c00000000000000000000d1"}), vec!["web2", "web1"]),
            (json!({"roles._id": ["5c00000000000000000000e1"]}), vec!["web1"]),
            (json!({"name": ["web1", "db.1"]}), vec!["db.1", "web1"]),
            (json!({"updated_at": {"$gte": "2019-01-01T00:00:00Z"}}), vec!["web2", "db.1"]),
            (json!({"updated_at": "2020-05-01"}), vec!["web2"]),
            (json!({"cpu": {"$gt": 4, "$lt": 16}}), vec!["db.1"]),
            (json!({"active": false}), vec!["db.1"]),
            (json!({"roles": {"$exists": false}}), vec!["web2", "db.1"]),
            (json!({"$or": [{"cpu": 4}, {"name": {"$not": {"$regex": "^web"}}}]}), vec!["db.1", "web1"]),
            (json!({}), vec!["web2", "db.1", "web1"]),
        ];
        for (query, names) in cases {
            assert_eq!(api.names(&[("query", &query.to_string())]), names, "{query}");
        }
        let found = api.get(&rows_path(&[("query", r#"{"cpu":{"$gt":4}}"#), ("limit", "1")])).json();
        assert_eq!((found["found"].as_u64(), found["total_pages"].as_u64()), (Some(2), Some(2)));
    });
}

#[test]
fn an_unlisted_operator_is_refused() {
    let api = Api::embedded();
    fill(&api);
    for query in [
        json!({"$where": "1"}),
        json!({"name": {"$where": "1"}}),
        json!({"$expr": {}}),
        json!({"a": {"$elemMatch": {}}}),
        json!({"$and": [{"name": {"$not": {"$type": 2}}}]}),
    ] {
        let answer = api.get(&rows_path(&[("query", &query.to_string())]));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["message"]["query"].as_str().unwrap().starts_with("query."), "{}", answer.json());
    }
}

#[test]
fn wrong_parameters_are_told_at_once() {
    let api = Api::embedded();
    fill(&api);
    let wrong = [("limit", "0"), ("page", "x"), ("orderBy", "$x"), ("ascending", "up"), ("query", "[1]")];
    let answers = [
        ("everything", api.get(&rows_path(&wrong))),
        ("too large a page", api.get(&rows_path(&[("limit", "100001")]))),
        ("no JSON in query", api.get(&rows_path(&[("query", "{")]))),
        ("unlisted operator", api.get(&rows_path(&[("query", r#"{"name":{"$where":"1"}}"#)]))),
        ("bad id", api.get(&rows_path(&[("query", r#"{"_id":"x"}"#)]))),
    ];
    snapshot("wrong_parameters", answers);
}

#[test]
fn a_download_without_limit_is_complete_and_a_page_says_that_it_is_none() {
    on_every_store(|api| {
        assert_eq!(api.post(&json!({"colname": TABLE, "results": numbered(0, 2500)})), 2500);
        for format in ["csv", "ndjson"] {
            let all = api.get(&format!("/reports/{TABLE}?format={format}")).body;
            let heading = usize::from(format == "csv");
            assert_eq!(all.iter().filter(|byte| **byte == b'\n').count(), 2500 + heading, "{format}");
        }
        let first = api.get(&format!("/reports/{TABLE}"));
        assert_eq!(first.header("link"), Some(format!(r#"</reports/{TABLE}?page=2>; rel="next""#).as_str()));
        let first = first.json();
        let place = ["found", "total_pages", "page", "limit"].map(|name| first[name].as_u64().unwrap());
        assert_eq!((place, first["items"].as_array().map(Vec::len)), ([2500, 2, 1, 1500], Some(1500)));
        assert_eq!(api.items(&[("page", "2")]).len(), 1000);
    });
}

#[test]
fn a_table_is_removed_once() {
    on_every_store(|api| {
        fill(api);
        let path = format!("/reports/{TABLE}");
        let answers = [
            ("first", api.call("DELETE", &path, &[], b"")),
            ("second", api.call("DELETE", &path, &[], b"")),
            ("a name that can be no table", api.call("DELETE", "/reports/users", &[], b"")),
            ("rows afterwards", api.get(&path)),
            ("counts afterwards", api.get(&format!("/aggregation/{TABLE}"))),
        ];
        snapshot("removed", answers);
    });
}

#[test]
fn rows_that_no_run_has_counted_are_counted_on_request() {
    on_every_store(|api| {
        fill(api);
        for slash in ["", "/"] {
            snapshot("aggregation", [("counted", api.get(&format!("/aggregation/{TABLE}{slash}")))]);
        }
    });
}
