//! The Data API answers, and the answer is wrong: no JSON, a wrong number, things that are no rows, odd ids.

use crate::data_api::{body, id, row, rows, whole};
use crate::scenario::{Account, Scenario};
use crate::site::Site;
use crate::support::fleet::Parts;
use serde_json::{Value, json};

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "answer_is_no_answer", run: no_answer },
    Scenario { name: "answer_announces_too_many_rows", run: too_many },
    Scenario { name: "answer_announces_too_few_rows", run: too_few },
    Scenario { name: "answer_holds_odd_ids", run: |account| odd_ids(account, Parts::Embedded) },
    Scenario { name: "answer_holds_odd_ids_on_servers", run: |account| odd_ids(account, Parts::Servers) },
];

/// Thousands of good rows and one thing more.
fn after_good_rows(thing: &str) -> String {
    let text = body(3001, &(0..3000).map(row).collect::<Vec<_>>());
    let end = text.rfind(']').unwrap();
    format!("{},{thing}{}", &text[..end], &text[end..])
}

fn no_answer(account: &Account) {
    let site = Site::start(account, Parts::Embedded, &[]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch(0..300);
    let cases = [
        ("<!doctype html><h1>maintenance</h1>".to_owned(), "after 0 rows: expected value at line 1 column 1"),
        ("[]".to_owned(), "expected an object with `items`"),
        (r#"{"error": {"msg": "no"}}"#.to_owned(), "missing field `items`"),
        (r#"{"found": 1, "items": {"_id": "a"}}"#.to_owned(), "expected a list of rows in `items`"),
        (after_good_rows("7"), "after 3000 rows: invalid type: integer `7`, expected a row (a JSON object)"),
        (after_good_rows("null"), "after 3000 rows: invalid type: null, expected a row (a JSON object)"),
        (after_good_rows(r#"{"hostname": "nobody"}"#), "after 3000 rows: a row has no `_id`"),
        (after_good_rows(r#"{"_id": null, "hostname": "nobody"}"#), "after 3000 rows: a row has no `_id`"),
        (after_good_rows("<h1>Time-out</h1>"), "after 3000 rows: expected value"),
    ];
    for (answer, says) in cases {
        account.fault();
        site.data_api.answer(move |_, wire| wire.whole(200, "application/json", &answer));
        let message = site.fails();
        assert!(message.contains("gave an answer that is not understood: ") && message.contains(says), "{message}");
        assert_eq!(site.data_api.asked(), 1, "it would be the same again");
    }
    watch.always();
    site.close();
}

fn too_many(account: &Account) {
    let site = Site::start(account, Parts::Embedded, &[]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 0..5000);

    // Rows went away between the count and the answer: the next time the number is right.
    account.fault();
    site.data_api.answer(|ask, wire| {
        let page: Vec<_> = if ask.page == 1 { (0..5000).map(row).collect() } else { Vec::new() };
        wire.whole(200, "application/json", &body(if ask.number <= 2 { 5005 } else { 5000 }, &page))
    });
    site.finishes(0..5000);

    account.fault();
    site.data_api.answer(|ask, wire| {
        let page: Vec<_> = if ask.page == 1 { (0..30).map(row).collect() } else { Vec::new() };
        wire.whole(200, "application/json", &body(31, &page))
    });
    let message = site.fails();
    assert_eq!(message, "the Data API announced 31 rows and delivered 30");
    watch.always();
    site.close();
}

fn too_few(account: &Account) {
    let site = Site::start(account, Parts::Embedded, &[("MAESTRO_FETCH_QTD", "1000")]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);

    // More than announced, but less than a page: these are all.
    account.fault();
    site.data_api
        .answer(|_, wire| wire.whole(200, "application/json", &body(2, &(0..900).map(row).collect::<Vec<_>>())));
    site.finishes(0..900);
    assert_eq!(site.data_api.asked(), 1);

    // A full page: whether there are more rows, nobody knows.
    let watch = site.watch(0..900);
    account.fault();
    site.data_api
        .answer(|_, wire| wire.whole(200, "application/json", &body(2, &(0..1000).map(row).collect::<Vec<_>>())));
    let message = site.fails();
    assert_eq!(message, "the Data API announced 2 rows and delivered 1000");
    watch.always();
    site.close();
}

/// Ids that are no ObjectId are kept as they are.
fn odd_ids(account: &Account, parts: Parts) {
    let Some(site) = Site::start(account, parts, &[]) else { return };
    let ids = [
        json!("eu-west-1"),
        json!("5c00"),
        json!(""),
        json!(7),
        json!(-1),
        json!(2.5),
        json!(9_007_199_254_740_993_i64),
        json!(true),
        json!({"cloud": "aws", "name": "web"}),
        json!({"cloud": "aws", "name": "db"}),
        json!(id(1)),
        json!("7"),
    ];
    let odd: Vec<Value> = ids.iter().map(|id| json!({"_id": id, "hostname": "x"})).collect();
    account.fault();
    site.data_api.answer(rows(odd.clone()));
    let record = site.ended(&site.request());
    assert_eq!((record.status.as_str(), record.message.as_str()), ("finished", ""));
    site.holds(&odd);

    let listed = json!([{"_id": 1}, {"_id": ["a", "b"]}]);
    account.fault();
    site.data_api.answer(rows(listed.as_array().cloned().unwrap()));
    let message = site.fails();
    assert!(
        message.ends_with(r#"to store a row: a row's _id is a list or a regular expression: ["a", "b"]"#),
        "{message}"
    );
    site.holds(&odd);
    site.close();
}
