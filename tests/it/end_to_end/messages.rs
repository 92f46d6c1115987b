//! Tasks as others send them: a Python producer, a second delivery, a worker without a store.

use crate::support::fleet::{self, OWNER, Parts};
use crate::support::rabbit;
use amiquip::{AmqpProperties, AmqpValue, Connection, Exchange, FieldTable, Publish};
use serde_json::{Value, json};

const REPORT: &str = "5f0000000000000000000003";
const TABLE: &str = "5f0000000000000000000003_general";

/// Publishes `qgeneral.api` the way Celery's `send_task` does: no header that we could do without is left out.
fn publish_like_python(url: &str, queue: &str, id: &str, args: &Value) {
    let mut connection = Connection::insecure_open(url).unwrap();
    let channel = connection.open_channel(None).unwrap();
    let text = |value: &str| AmqpValue::LongString(value.to_owned());
    let mut headers = FieldTable::default();
    for (name, value) in [
        ("lang", text("py")),
        ("task", text("qgeneral.api")),
        ("id", text(id)),
        ("shadow", AmqpValue::Void),
        ("eta", AmqpValue::Void),
        ("expires", AmqpValue::Void),
        ("retries", AmqpValue::LongInt(0)),
        ("timelimit", AmqpValue::FieldArray(vec![AmqpValue::Void, AmqpValue::Void])),
        ("root_id", text(id)),
        ("parent_id", AmqpValue::Void),
        ("argsrepr", text("(...)")),
        ("kwargsrepr", text("{}")),
        ("origin", text("gen1@python")),
        ("ignore_result", AmqpValue::Boolean(false)),
    ] {
        headers.insert(name.to_owned(), value);
    }
    let properties = AmqpProperties::default()
        .with_headers(headers)
        .with_content_type("application/json".to_owned())
        .with_content_encoding("utf-8".to_owned())
        .with_correlation_id(id.to_owned())
        .with_reply_to("41c2efc8-46f8-3c37-b431-0a2d02ac2f8c".to_owned())
        .with_delivery_mode(2)
        .with_priority(0);
    let body = json!([args, {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]).to_string();
    Exchange::direct(&channel).publish(Publish::with_properties(body.as_bytes(), queue, properties)).unwrap();
    connection.close().unwrap();
}

#[test]
fn a_python_producer_can_enqueue_a_report_here() {
    let Some(fleet) = fleet::fleet(Parts::Servers, 100) else { return };
    let worker = fleet.spawn(&["worker"], &[]);
    worker.wait_for("reports");
    let url = fleet.setting("CELERY_BROKER_URL").to_owned();
    // The queue exists once the worker has declared it.
    fleet.wait("the worker's queues", || {
        let listed = rabbit::ctl(&["list_queues", "-q", "-p", rabbit::vhost(&url), "name"]);
        listed.lines().any(|name| name == "reports").then_some(())
    });
    publish_like_python(
        &url,
        "reports",
        "73aead8f-670e-4cc7-bb80-965b9022b5d3",
        &json!([OWNER, REPORT, "Servers", {"active": true}]),
    );
    let record = fleet.ended(REPORT);
    assert_eq!(record["status"], "finished", "{record}");
    let rows = fleet.rows(TABLE);
    assert!(!rows.is_empty() && rows.iter().all(|row| row["active"] == true));
}

#[test]
fn a_task_delivered_twice_leaves_the_same_rows() {
    let Some(fleet) = fleet::fleet(Parts::Servers, 100) else { return };
    let worker = fleet.spawn(&["worker", "-q", "report"], &[]);
    let first = fleet.request(REPORT, "general", "Servers", &json!([]));
    fleet.ended(REPORT);
    let rows = fleet.rows(TABLE);
    let url = fleet.setting("CELERY_BROKER_URL").to_owned();
    for id in [first.as_str(), "73aead8f-670e-4cc7-bb80-965b9022b5d4"] {
        publish_like_python(&url, "report", id, &json!([OWNER, REPORT, "Servers", {}]));
        fleet.wait("the notices of one more delivery", || {
            let finished =
                worker.log().lines().filter(|line| line.contains(id) && line.contains("qgeneral.api")).count();
            (finished > 0).then_some(())
        });
    }
    fleet.wait("four notices", || (fleet.platform.calls("/api").len() >= 3).then_some(()));
    assert_eq!(fleet.rows(TABLE), rows);
}

#[test]
fn a_worker_without_a_store_hands_its_rows_to_the_api() {
    let Some(fleet) = fleet::fleet(Parts::Servers, 300) else { return };
    let api = fleet.api.url().to_owned();
    let settings = [
        ("MAESTRO_UPLOAD", "api"),
        ("MAESTRO_REPORT_URI", api.as_str()),
        ("MAESTRO_INSERT_QTD", "64"),
        ("MAESTRO_MONGO_URI", "mongodb://127.0.0.1:9"),
    ];
    let _worker = fleet.spawn(&["worker", "-q", "report"], &settings);
    fleet.request(REPORT, "general", "Servers", &json!([]));
    assert_eq!(fleet.ended(REPORT)["status"], "finished");
    let rows = fleet.rows(TABLE);
    assert!(rows.len() > 200);
    fleet.request(REPORT, "general", "Servers", &json!([]));
    fleet.wait("the second run", || (fleet.platform.calls("/api").len() >= 2).then_some(()));
    assert_eq!(fleet.rows(TABLE), rows, "replaced, not appended");
    let charts = fleet::get(&format!("{api}/aggregation/{TABLE}"));
    assert!(charts["aggr"]["os_base"]["Linux"].as_u64() > Some(0), "{charts}");
}
