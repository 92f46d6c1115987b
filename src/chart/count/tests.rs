//! What is counted of which rows.

use super::*;
use crate::domain::Row;
use bson::{Bson, Document, doc};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn count(component: &str, rows: &[Document]) -> Counts {
    let mut counts = Counts::new(component);
    for row in rows {
        let row = Row::try_from(row.clone()).unwrap();
        row.fields().for_each(|field| counts.add(&field));
    }
    counts
}

fn counted(component: &str, rows: &[Document]) -> Value {
    count(component, rows).finish()
}

fn aggr(rows: &[Document], key: &str) -> Value {
    counted("servers", rows)[key]["aggr"].take()
}

#[test]
fn an_object_is_counted_at_the_lens_and_null_is_skipped() {
    let rows = [
        doc! {"datacenters": {"provider": "AWS", "name": Bson::Null}},
        doc! {"datacenters": {"provider": "Azure"}},
        doc! {"datacenters": {"provider": "AWS"}},
        doc! {"datacenters": Bson::Null},
        doc! {},
    ];
    assert_eq!(aggr(&rows, "datacenters_provider"), json!({"label": ["AWS", "Azure"], "data": [2, 1]}));
    assert_eq!(aggr(&rows, "datacenters_name"), Value::Null);
}

#[test]
fn each_element_of_a_list_is_counted_at_the_sublens_or_as_it_is() {
    let rows = [
        doc! {"tags": [{"key": "env"}, {"key": "team"}, "loose", {"other": 1}]},
        doc! {"tags": [{"key": "env"}]},
        doc! {"regions": ["eu", "us", "eu"]},
    ];
    assert_eq!(aggr(&rows, "tags"), json!({"label": ["env", "loose", "team"], "data": [2, 1, 1]}));
    assert_eq!(aggr(&rows, "regions"), json!({"label": ["eu", "us"], "data": [2, 1]}));
}

#[test]
fn joined_components_are_counted_below_their_object() {
    let rows = [doc! {
        "servers": {"hostname": "web1", "datacenters": {"provider": "AWS"}, "os": {"base": "Linux"}},
        "systems": {"name": "shop", "clients": [{"name": "ACME"}, {"name": "Initech"}]},
    }];
    for (key, label) in [
        ("servers_datacenters.provider", json!(["AWS"])),
        ("servers_os.base", json!(["Linux"])),
        ("servers_hostname", json!(["web1"])),
        ("systems_name", json!(["shop"])),
        ("systems_clients", json!(["ACME", "Initech"])),
    ] {
        assert_eq!(aggr(&rows, key)["label"], label, "{key}");
    }
}

#[test]
fn labels_are_texts() {
    let rows = [doc! {"active": true}, doc! {"active": 4}, doc! {"active": 1.5}, doc! {"active": {"no": "label"}}];
    assert_eq!(aggr(&rows, "active"), json!({"label": ["1.5", "4", "true"], "data": [1, 1, 1]}));
}

#[test]
fn options_say_how_a_chart_is_drawn() {
    let charts = counted("servers", &[doc! {"active": true, "datacenters": {"instance": "t2", "zone": "a"}}]);
    assert_eq!(charts["active"]["opts"], json!({"ct": "pie", "txt": "Active", "order": 18, "limit": 12}));
    assert_eq!(
        charts["datacenters_instance"]["opts"],
        json!({"ct": "bar", "txt": "Instances", "order": 6, "size": "col-sm-8", "legend": false, "limit": 16})
    );
    assert_eq!(charts.as_object().map(Map::len), Some(3));
}

#[test]
fn zones_of_data_centers_are_counted_for_servers_only() {
    let row = [doc! {"datacenters": {"zone": "eu-1a"}}];
    assert_eq!(counted("servers", &row)["datacenters_zone"]["aggr"]["label"], json!(["eu-1a"]));
    assert_eq!(counted("applications", &row), json!({}));
}

#[test]
fn memory_stays_bounded_and_no_row_is_lost() {
    let rows: Vec<Document> = (0..30_000)
        .map(|n| doc! {"provider": if n % 2 == 0 { "AWS".to_owned() } else { format!("p{n}{}", "x".repeat(300)) }})
        .collect();
    let counts = count("servers", &rows);
    for (_, labels) in counts.by_field.values().flatten() {
        assert!(labels.known.len() <= MAX_LABELS);
        assert!(labels.known.keys().all(|label| label.chars().count() <= MAX_LABEL_CHARS));
    }
    let aggr = counts.finish()["provider"]["aggr"].take();
    let data: Vec<u64> = serde_json::from_value(aggr["data"].clone()).unwrap();
    assert_eq!((data[0], data.len(), data.iter().sum::<u64>()), (15_000, MAX_SHOWN + 1, 30_000));
    assert_eq!(aggr["label"][MAX_SHOWN], json!(OTHER));
}

/// The labels that a rule finds in a row, read from its tree as the contract's §7 says it.
fn labels_of(rule: &Rule, row: &Document) -> Vec<String> {
    let at = |object: &Document, path: &str| -> Option<Bson> {
        path.split('.').try_fold(Bson::from(object.clone()), |value, name| value.as_document()?.get(name).cloned())
    };
    let found = match row.get(rule.field) {
        Some(Bson::Document(object)) => at(object, rule.lens),
        other => other.cloned(),
    };
    let item = |item: Bson| if let Bson::Document(object) = item { at(&object, rule.sublens) } else { Some(item) };
    let values = if let Some(Bson::Array(items)) = found {
        items.into_iter().filter_map(item).collect()
    } else {
        Vec::from_iter(found)
    };
    let label = |value: Bson| {
        let text = value.as_str().map(|text| text.chars().take(MAX_LABEL_CHARS).collect());
        text.or_else(|| (value.as_bool().is_some() || value.as_i32().is_some()).then(|| value.to_string()))
    };
    values.into_iter().filter_map(label).collect()
}

/// Rows of the fields that the rules know, with values of every shape.
fn any_row() -> impl Strategy<Value = Document> {
    let leaf = prop_oneof![
        prop_oneof![Just("AWS"), Just("Azure"), Just("")].prop_map(Bson::from),
        "[a-cé]{95,105}".prop_map(Bson::from),
        any::<bool>().prop_map(Bson::from),
        (0..3).prop_map(Bson::from),
        Just(Bson::Null),
    ];
    let names = ["provider", "name", "datacenters", "base", "key", "family", "clients", "refs", ""];
    let value = leaf.prop_recursive(3, 20, 4, move |inner| {
        let fields = prop::collection::vec((prop::sample::select(names.to_vec()), inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Bson::from),
            fields.prop_map(|fields| Document::from_iter(fields.into_iter().map(|(k, v)| (k.to_owned(), v))).into()),
        ]
    });
    let fields: Vec<&str> = RULES.iter().map(|rule| rule.field).chain(["other"]).collect();
    prop::collection::vec((prop::sample::select(fields), value), 0..8)
        .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

proptest! {
    #[test]
    fn counting_in_the_bytes_finds_what_a_plain_reading_finds(rows in prop::collection::vec(any_row(), 0..12)) {
        let charts = counted("servers", &rows);
        for rule in RULES {
            let mut wanted = BTreeMap::<String, u64>::new();
            rows.iter().flat_map(|row| labels_of(rule, row)).for_each(|label| *wanted.entry(label).or_default() += 1);
            let mut wanted: Vec<(String, u64)> = wanted.into_iter().collect();
            wanted.sort_by_key(|(_, count)| Reverse(*count));
            let (label, data): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
            let aggr = if label.is_empty() { Value::Null } else { json!({"label": label, "data": data}) };
            prop_assert_eq!(&charts[rule.key()]["aggr"], &aggr, "{}", rule.key());
        }
    }
}
