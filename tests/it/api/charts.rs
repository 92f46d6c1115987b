//! `GET /reports/<table>/charts/<key>.svg`.

use super::{Api, TABLE, fill, numbered, on_every_store};
use roxmltree::Document;
use serde_json::json;

fn path(key: &str) -> String {
    format!("/reports/{TABLE}/charts/{key}.svg")
}

#[test]
fn a_chart_is_drawn_from_the_counts_of_the_rows() {
    on_every_store(|api| {
        fill(api);
        let counts = api.get(&format!("/aggregation/{TABLE}")).json()["aggr"].clone();
        let keys: Vec<&String> = counts.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["datacenters_provider", "active"]);
        for key in keys {
            let answer = api.get(&path(key));
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/svg+xml")), "{key}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
            assert_eq!(answer.header("content-security-policy"), Some(policy));
            let text = String::from_utf8(answer.body).unwrap();
            let document = Document::parse(&text).unwrap();
            let titles: Vec<_> = document.descendants().filter(|node| node.has_tag_name("title")).collect();
            for (label, count) in counts[key].as_object().unwrap() {
                let wanted = format!("{label}: {count} (");
                assert!(titles.iter().any(|title| title.text().unwrap().starts_with(&wanted)), "{wanted} in {text}");
            }
        }
    });
}

#[test]
fn what_a_client_has_is_not_drawn_into_its_answer_again() {
    let api = Api::embedded();
    fill(&api);
    let first = api.get(&path("active"));
    let tag = first.header("etag").unwrap().to_owned();
    let again = api.call("GET", &path("active"), &[("If-None-Match", &tag)], b"");
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag.as_str())));
    let head = api.call("HEAD", &path("active"), &[], b"");
    assert_eq!(
        (head.status, head.header("etag"), head.header("content-type")),
        (200, Some(tag.as_str()), Some("image/svg+xml"))
    );
    api.post(&json!({"colname": TABLE, "results": [{"_id": "5c0000000000000000000009", "active": true}]}));
    let changed = api.call("GET", &path("active"), &[("If-None-Match", &tag)], b"");
    assert_eq!((changed.status, changed.body == first.body), (200, false));
}

#[test]
fn a_chart_that_there_is_not_is_answered_with_those_that_there_are() {
    on_every_store(|api| {
        let missing = |key: &str| {
            let answer = api.get(&path(key));
            (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(missing("active"), (404, format!("no such table: {TABLE}")));
        api.post(&json!({"colname": TABLE, "results": numbered(0, 1)}));
        assert_eq!(missing("active"), (404, "no such chart; the table has none".to_owned()));
        fill(api);
        let there = (404, "no such chart; there are datacenters_provider, active".to_owned());
        assert_eq!(missing("os_base"), there);
        assert_eq!(missing("%22%3E%3Cscript%3E"), there);
    });
}
