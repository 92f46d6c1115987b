//! Rows that a store may not like: too large, too deep, with odd keys, with the same id.

use crate::data_api::{body, id, row, rows, whole};
use crate::scenario::{Account, Scenario};
use crate::site::{Site, TABLE};
use crate::support::fleet::{Parts, get};
use serde_json::{Value, json};

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "document_over_16_mb", run: |account| too_large(account, Parts::Embedded) },
    Scenario { name: "document_over_16_mb_on_servers", run: |account| too_large(account, Parts::Servers) },
    Scenario { name: "document_nested_too_deep", run: |account| too_deep(account, Parts::Embedded) },
    Scenario { name: "document_nested_too_deep_on_servers", run: |account| too_deep(account, Parts::Servers) },
    Scenario { name: "document_with_odd_keys", run: |account| odd_keys(account, Parts::Embedded) },
    Scenario { name: "document_with_odd_keys_on_servers", run: |account| odd_keys(account, Parts::Servers) },
    Scenario { name: "document_twice", run: |account| twice(account, Parts::Embedded) },
    Scenario { name: "document_twice_on_servers", run: |account| twice(account, Parts::Servers) },
];

const REMEDY: &str = "make the row smaller where it comes from, or leave it out with a filter";

/// The row of this number with one field more.
fn with(number: u64, name: &str, value: Value) -> Value {
    let mut row = row(number);
    row[name] = value;
    row
}

fn too_large(account: &Account, parts: Parts) {
    let Some(site) = Site::start(account, parts, &[]) else { return };
    let text = |bytes: usize| Value::from("x".repeat(bytes));
    let mut rows_: Vec<_> = (0..5).map(row).collect();

    account.fault();
    rows_[3] = with(3, "notes", text(16 * 1024 * 1024 - 400));
    site.data_api.answer(rows(rows_.clone()));
    site.finishes(0..5);

    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch(0..300);
    account.fault();
    rows_[3] = with(3, "notes", text(16 * 1024 * 1024));
    site.data_api.answer(rows(rows_));
    let message = site.fails();
    let says = format!(
        "after 3 rows: in the row with _id ObjectId(\"{}\"): expected at most 16777216 bytes of BSON; {REMEDY}",
        id(3)
    );
    assert!(message.contains(&says), "{message}");
    watch.always();
    site.close();
}

fn too_deep(account: &Account, parts: Parts) {
    let Some(site) = Site::start(account, parts, &[]) else { return };
    let deep = |levels: usize| serde_json::from_str(&format!("{}1{}", "[".repeat(levels), "]".repeat(levels))).unwrap();
    let mut rows_: Vec<_> = (0..5).map(row).collect();

    account.fault();
    rows_[4] = with(4, "deep", deep(99));
    site.data_api.answer(rows(rows_.clone()));
    site.finishes(0..5);

    let watch = site.watch(0..5);
    for levels in [100, 120] {
        account.fault();
        rows_[4] = with(4, "deep", deep(levels));
        site.data_api.answer(rows(rows_.clone()));
        let message = site.fails();
        let says = format!(
            "after 4 rows: in the row with _id ObjectId(\"{}\"): expected at most 100 levels of objects and lists; {REMEDY}",
            id(4)
        );
        assert!(message.contains(&says), "{message}");
    }
    watch.always();
    site.close();
}

fn odd_keys(account: &Account, parts: Parts) {
    let Some(site) = Site::start(account, parts, &[]) else { return };
    let odd = [
        with(1, "tags", json!({"aws.name": "web", "": "empty", "$cost": 3})),
        with(2, "tags", json!([{"$ref": "x", "$id": 5, "a.b": {"c.d": {"$e": 1}}}])),
        with(3, "a.b", json!(1)),
        with(4, "$where", json!("sleep(1000)")),
        with(5, "", json!("empty")),
        with(6, ".", json!({".": {"$": 1}})),
    ];
    let mut answer: Vec<_> = (1000..3000).map(row).collect();
    answer.extend(odd.iter().cloned());
    account.fault();
    site.data_api.answer(rows(answer.clone()));
    let record = site.ended(&site.request());
    assert_eq!((record.status.as_str(), record.message.as_str()), ("finished", ""));
    site.holds(&answer);
    let found = site.fleet.rows(&format!("{TABLE}?limit=6&orderBy=_id&ascending=1"));
    let mut odd = odd.to_vec();
    // The service writes dates in its own way.
    odd.iter_mut().for_each(|row| row["updated_at"] = found[0]["updated_at"].clone());
    assert_eq!(found, odd, "whole, with their keys");
    site.close();
}

fn twice(account: &Account, parts: Parts) {
    let Some(site) = Site::start(account, parts, &[("MAESTRO_FETCH_QTD", "2000"), ("MAESTRO_INSERT_QTD", "100")])
    else {
        return;
    };
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);

    // In one answer, near and far from each other.
    account.fault();
    let mut answer: Vec<_> = (0..1000).map(row).collect();
    answer.insert(500, row(499));
    answer.push(row(7));
    site.data_api.answer(rows(answer));
    let record = site.ended(&site.request());
    assert_eq!(record.status, "finished");
    assert_eq!(record.message, "2 rows had the _id of a row before them and were left out");
    site.holds(&(0..1000).map(row).collect::<Vec<_>>());
    let charts = get(&format!("{}/aggregation/{TABLE}", site.fleet.api.url()));
    assert_eq!(charts["aggr"]["os_base"], json!({"Linux": 1000}), "each row counts once");

    // On different pages: where rows have moved, others were missed. The next time they stay where they are.
    let watch = site.watch_change(0..1000, 0..3000);
    account.fault();
    site.data_api.answer(|ask, wire| {
        let page: Vec<_> = match (ask.number, ask.page) {
            (_, 1) => (0..2000).map(row).collect(),
            (2, _) => (1999..2999).map(row).collect(),
            _ => (2000..3000).map(row).collect(),
        };
        wire.whole(200, "application/json", &body(3000, &page))
    });
    site.finishes(0..3000);
    assert_eq!(site.data_api.asked(), 4);

    account.fault();
    site.data_api.answer(|ask, wire| {
        let page: Vec<_> = if ask.page == 1 { (0..2000).map(row).collect() } else { (1990..2990).map(row).collect() };
        wire.whole(200, "application/json", &body(3000, &page))
    });
    let message = site.fails();
    assert!(message.starts_with("the Data API gave 10 rows twice, on different pages: "), "{message}");
    watch.always();
    site.close();
}
