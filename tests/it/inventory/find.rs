//! `POST /<component>`: cast rules, paging, refusals.

use super::{Inventory, OWNER, token};
use awc::http::Method;
use serde_json::{Value, json};

const SERVERS: &str = r#"[
    {"_id": "5c0000000000000000000010", "name": "a", "cpu": 2, "tags": ["x", "y"], "made_at": "2018-11-28T02:00:00",
     "roles": [{"_id": "5c0000000000000000000001"}], "owner": {"_id": "5c0000000000000000000001"}},
    {"_id": "5c0000000000000000000011", "name": "b", "cpu": 4, "made_at": "2018-11-29T02:00:00.123456Z",
     "roles": [{"_id": "5c0000000000000000000002"}, {"_id": "5c0000000000000000000001"}]},
    {"_id": "5c0000000000000000000012", "name": "c", "cpu": 4.5, "tags": ["z"], "made_at": "2018-11-30T02:00:00",
     "roles": [{"_id": "5c0000000000000000000002"}]}
]"#;

#[test]
fn a_page_has_the_platforms_shape_and_keys_in_order() {
    let inventory = Inventory::of(&[("servers.json", SERVERS)]);
    let answer = inventory.find("servers", &json!({"roles._id": OWNER}), 1, 2);
    let item = json!({
        "_id": "5c0000000000000000000011", "name": "b", "cpu": 4, "made_at": "2018-11-29T02:00:00.123000",
        "roles": [{"_id": "5c0000000000000000000002"}, {"_id": "5c0000000000000000000001"}],
    });
    assert_eq!(answer, json!({"found": 2, "total_pages": 2, "page": 2, "limit": 1, "items": [item]}));
    let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["found", "total_pages", "page", "limit", "items"]);
    let (_, everything) = inventory.call(Method::POST, "/servers", &json!({}));
    assert_eq!((&everything["found"], &everything["limit"], &everything["page"]), (&json!(3), &json!(200), &json!(1)));
    assert_eq!(everything["items"][0]["made_at"], "2018-11-28T02:00:00");
    assert_eq!(inventory.find("servers", &json!({}), 2, 9)["items"], json!([]));
}

#[test]
fn ids_dates_and_lists_are_cast() {
    let inventory = Inventory::of(&[("servers.json", SERVERS)]);
    let id = "5c0000000000000000000012";
    for (query, names) in [
        (json!({"_id": id}), vec!["c"]),
        (json!({"_id": [id, "5c0000000000000000000010"]}), vec!["a", "c"]),
        (json!({"roles._id": OWNER, "cpu": {"$gte": 3}}), vec!["b"]),
        (json!({"cpu": [2, 4.5]}), vec!["a", "c"]),
        (json!({"tags": ["y", "z"]}), vec!["a", "c"]),
        (json!({"name": {"$regex": "^[AB]$", "$options": "i"}}), vec!["a", "b"]),
        (json!({"made_at": "2018-11-28T02:00:00.999Z"}), vec!["a"]),
        (json!({"made_at": {"$gt": "2018-11-28T02:00:00", "$lte": "2018-11-30T02:00:00"}}), vec!["b", "c"]),
        (json!({"made_at": {"$lt": 5}}), vec![]),
        (json!({"owner": {"_id": OWNER}}), vec![]),
    ] {
        assert_eq!(inventory.names("servers", &query), names, "{query}");
    }
}

#[test]
fn what_the_platform_refuses_is_refused() {
    let inventory = Inventory::of(&[("servers.json", SERVERS)]);
    for query in [
        json!({"_id": {"$in": [OWNER]}}),
        json!({"roles._id": "5c"}),
        json!({"made_at": "yesterday"}),
        json!({"$or": [{"cpu": 2}, {"cpu": 4}]}),
        json!({"$and": [{"cpu": 2}]}),
        json!({"$where": "1"}),
        json!({"name": {"$regex": "("}}),
    ] {
        let message = inventory.refused(500, "/servers", &json!({"query": query.to_string()}));
        assert!(message.starts_with("query"), "{query}: {message}");
    }
    assert!(inventory.refused(404, "/sorcerers", &json!({"query": "{}"})).contains("sorcerers"));
    inventory.refused(404, "/..%2Fetc", &json!({"query": "{}"}));
    inventory.refused(400, "/servers", &json!({"query": "{}", "limit": 0}));
    inventory.refused(400, "/servers", &json!({"query": {"name": "a"}}));
}

#[test]
fn only_a_good_token_is_let_in() {
    let inventory = Inventory::of(&[("servers.json", SERVERS)]);
    let good = token("defaultSecretNoAuthToken");
    for (authorization, status) in [
        (format!("JWT {good}"), 200),
        (format!("Bearer {good}"), 200),
        (format!("JWT {}", token("other")), 401),
        (good, 401),
        (String::new(), 401),
    ] {
        let (got, answer) = inventory.call_as(&authorization, Method::POST, "/servers", &json!({}));
        assert_eq!(got, status, "{answer}");
        assert_eq!(answer["error"]["msg"].is_string(), status == 401, "{answer}");
    }
    for (method, path) in
        [(Method::POST, "/aggregate"), (Method::PUT, "/reports"), (Method::GET, "/reports/5c0000000000000000000010")]
    {
        let body = json!({"entity": "Servers", "pipeline": "[]", "body": []});
        assert_eq!(inventory.call_as("JWT none", method, path, &body).0, 401, "{path}");
    }
    let (status, about) = inventory.call_as("", Method::GET, "/", &Value::Null);
    assert_eq!((status, &about["version"]), (200, &json!(env!("CARGO_PKG_VERSION"))));
}
