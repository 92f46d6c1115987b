//! What arrives: every row once, signed, and how the run ended.

use super::*;
use crate::support::receiver::{Reply, verify};

on_both_sets_of_parts!(
    every_row_arrives_once_by_its_id_although_the_endpoint_fails_now_and_then,
    an_empty_run_and_a_failed_one_send_one_message,
    a_newer_run_takes_the_place_of_an_older_ones_rows,
);

fn every_row_arrives_once_by_its_id_although_the_endpoint_fails_now_and_then(parts: Parts) {
    let Some(fleet) = fleet::fleet(parts, 300) else { return };
    let mut count = 0;
    let receiver = Receiver::start(move |_| {
        count += 1;
        match count % 4 {
            1 => Reply::Status(500),
            3 => Reply::Later(1),
            _ => Reply::Status(204),
        }
    });
    let all = format!("{}/all?token=hunter2", receiver.address);
    let old_secret = "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xk";
    let secrets = format!("{SECRET},{old_secret}");
    let settings =
        [("MAESTRO_WEBHOOK_URL", all.as_str()), ("MAESTRO_WEBHOOK_SECRET", &secrets), ("MAESTRO_WEBHOOK_ROWS", "60")];
    let own_secret = give_endpoint(&fleet, &format!("{}/own", receiver.address));
    let worker = fleet.spawn(&["worker", "-q", "report"], &settings);
    let run = request(&fleet);
    assert_eq!(fleet.ended(REPORT)["status"], "finished");
    let rows = fleet.rows(TABLE);
    for (path, secrets) in [("/all", vec![SECRET, old_secret]), ("/own", vec![&*own_secret])] {
        let end = fleet.wait("the message at the end", || {
            receiver.taken(path).into_iter().find(|message| message.kind() == "report.finished")
        });
        for message in receiver.messages(path) {
            secrets.iter().for_each(|secret| verify(&message, secret));
            assert_eq!(message.header("content-type"), "application/json");
            assert!(message.header("user-agent").starts_with("maestro-reports/"));
        }
        let batches = batches(&receiver.taken(path), &run);
        assert!(batches.len() > 3, "{}", batches.len());
        hold_exactly(&batches, &rows);
        let data = &end.json["data"];
        assert_eq!(
            (data["batch_count"].as_u64(), data["row_count"].as_u64()),
            (Some(batches.len() as u64), Some(rows.len() as u64))
        );
        assert_eq!(
            (&data["report"], &data["table"], &data["run"]),
            (&REPORT.into(), &TABLE.into(), &run.clone().into())
        );
        assert!(data["columns"].as_array().unwrap().contains(&"_id".into()) && data["aggr"]["os_base"].is_object());
        assert!(batches.iter().all(|batch| batch.json["timestamp"] == end.json["timestamp"]));
    }
    assert!(!worker.log().contains("hunter2") && !worker.log().contains("whsec_"), "{}", worker.log());
    assert!(fleet.run(&["dead-letters", "list"]).starts_with("no dead letters"));
}

fn an_empty_run_and_a_failed_one_send_one_message(parts: Parts) {
    let Some(mut fleet) = fleet::fleet(parts, 20) else { return };
    let receiver = Receiver::start(|_| Reply::Status(200));
    give_endpoint(&fleet, &receiver.address);
    let _worker = fleet.worker();
    let nothing = json!([{"field": "hostname", "filter": "no such host", "typ": "string", "comparer": "equal"}]);
    let run = fleet.request(REPORT, "general", "Servers", &nothing);
    let end = end_of(&fleet, &receiver, &run);
    assert_eq!((end.kind(), &end.json["data"]["message"]), ("report.warning", &"This report is empty".into()));
    fleet.stop_inventory();
    let run = request(&fleet);
    let end = end_of(&fleet, &receiver, &run);
    assert_eq!((end.kind(), &end.json["data"]["status"]), ("report.error", &"error".into()));
    assert!(end.json["data"]["message"].as_str().unwrap().contains("Data API"), "{}", end.json);
    assert_eq!((&end.json["data"]["row_count"], &end.json["data"]["batch_count"]), (&0.into(), &0.into()));
    assert_eq!(receiver.messages("/").len(), 2);
}

fn a_newer_run_takes_the_place_of_an_older_ones_rows(parts: Parts) {
    let Some(fleet) = fleet::fleet(parts, 200) else { return };
    // Takes one batch and no other, until the newer run is there.
    let receiver = Receiver::start(|message| match message.json["data"]["batch"].as_u64() {
        Some(0) => Reply::Status(200),
        _ => Reply::Later(1),
    });
    give_endpoint(&fleet, &receiver.address);
    let worker = fleet.spawn(&["worker", "-q", "report"], &[("MAESTRO_WEBHOOK_ROWS", "50")]);
    let older = request(&fleet);
    fleet.wait("a refused batch", || receiver.messages("/").iter().any(|message| !message.is_taken()).then_some(()));
    let newer = request(&fleet);
    let committed = || worker.log().matches("task qgeneral.api: done").count() == 2;
    fleet.wait("the newer run", || committed().then_some(()));
    receiver.answer_with(|_| Reply::Status(200));
    worker.wait_for("task deliver.api: left to a newer");
    end_of(&fleet, &receiver, &newer);
    let taken = receiver.taken("/");
    hold_exactly(&batches(&taken, &newer), &fleet.rows(TABLE));
    assert!(
        taken.iter().all(|message| message.json["data"]["run"] != older.as_str() || message.kind() == "report.rows")
    );
    assert!(fleet.run(&["dead-letters", "list"]).starts_with("no dead letters"));
}

/// A worker without a store leaves its rows to another host's API, which has another worker deliver them.
#[test]
fn rows_that_came_by_the_api_are_delivered_by_a_worker_with_a_store() {
    let fleet = fleet::fleet(Parts::Embedded, 100).unwrap();
    let receiver = Receiver::start(|_| Reply::Status(200));
    let secret = give_endpoint(&fleet, &receiver.address);
    let api = fleet.api.url().to_owned();
    let settings = [("MAESTRO_UPLOAD", "api"), ("MAESTRO_REPORT_URI", api.as_str())];
    let _making = fleet.spawn(&["worker", "-q", "report"], &settings);
    let run = request(&fleet);
    assert_eq!(fleet.ended(REPORT)["status"], "finished");
    assert!(receiver.messages("/").is_empty(), "nobody delivers yet");
    let _delivering = fleet.spawn(&["worker", "-q", "another"], &[]);
    end_of(&fleet, &receiver, &run);
    hold_exactly(&batches(&receiver.taken("/"), &run), &fleet.rows(TABLE));
    receiver.messages("/").iter().for_each(|message| verify(message, &secret));
}
