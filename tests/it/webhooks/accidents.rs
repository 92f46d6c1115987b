//! Endpoints that hang, vanish or are gone; workers that are killed; dead deliveries sent again.

use super::*;
use crate::support::receiver::Reply;

on_both_sets_of_parts!(
    a_worker_killed_in_the_middle_leaves_nothing_out,
    hanging_endpoints_hold_up_no_report_and_dead_deliveries_are_sent_again,
);

fn a_worker_killed_in_the_middle_leaves_nothing_out(parts: Parts) {
    let Some(fleet) = fleet::fleet(parts, 200) else { return };
    let receiver = Receiver::start(|message| match message.json["data"]["batch"].as_u64() {
        Some(0..=2) => Reply::Status(200),
        _ => Reply::Hang,
    });
    give_endpoint(&fleet, &receiver.address);
    let settings = [("MAESTRO_WEBHOOK_ROWS", "20"), ("MAESTRO_LEASE_SECONDS", "2")];
    let mut worker = fleet.spawn(&["worker", "-q", "report"], &settings);
    let run = request(&fleet);
    fleet.wait("a batch that hangs", || {
        receiver.messages("/").iter().any(|message| message.reply == Reply::Hang).then_some(())
    });
    worker.signal("-KILL");
    worker.end();
    receiver.answer_with(|_| Reply::Status(200));
    // It cuts batches as the first one did, whatever its own settings say.
    let settings = [("MAESTRO_WEBHOOK_ROWS", "33"), ("MAESTRO_LEASE_SECONDS", "2")];
    let _worker = fleet.spawn(&["worker", "-q", "report"], &settings);
    end_of(&fleet, &receiver, &run);
    hold_exactly(&batches(&receiver.taken("/"), &run), &fleet.rows(TABLE));
}

fn hanging_endpoints_hold_up_no_report_and_dead_deliveries_are_sent_again(parts: Parts) {
    let Some(fleet) = fleet::fleet(parts, 100) else { return };
    let receiver = Receiver::start(|_| Reply::Hang);
    give_endpoint(&fleet, &format!("{}/path?token=hunter2", receiver.address));
    let settings =
        [("MAESTRO_WEBHOOK_SECONDS", "1"), ("MAESTRO_WEBHOOK_RETRIES", "2"), ("MAESTRO_WEBHOOK_CONCURRENCY", "1")];
    let worker = fleet.spawn(&["worker", "-q", "report", "-c", "1"], &settings);
    let run = request(&fleet);
    fleet.wait("the first message", || (!receiver.messages("/").is_empty()).then_some(()));
    let other = "5f0000000000000000000032";
    fleet.request(other, "general", "Servers", &json!([]));
    assert_eq!(fleet.ended(other)["status"], "finished");

    let list = dead_letters(&fleet);
    assert_eq!(receiver.messages("/").len(), 3, "one attempt and two retries");
    let host = receiver.address.trim_start_matches("http://");
    insta::assert_snapshot!("dead_deliveries", masked(&list, host, &run));
    assert!(!worker.log().contains("hunter2"));
    let doctor = fleet.spawn(&["doctor"], &[]);
    doctor.wait_for("report.webhooks: 0 waiting, 1 dead letters");

    receiver.answer_with(|_| Reply::Status(200));
    assert!(fleet.run(&["dead-letters", "resend", "--all"]).starts_with("sent again: 1 dead letter"));
    end_of(&fleet, &receiver, &run);
    hold_exactly(&batches(&receiver.taken("/"), &run), &fleet.rows(TABLE));
}

/// The list with what differs from run to run taken out, and one space between columns.
fn masked(list: &str, host: &str, run: &str) -> String {
    let words = |line: &str| line.split_whitespace().map(|word| mask(word, host, run)).collect::<Vec<_>>().join(" ");
    list.lines().map(words).collect::<Vec<_>>().join("\n")
}

fn mask(word: &str, host: &str, run: &str) -> String {
    assert!(!word.contains(run), "the run is no business of a delivery's id");
    if word.len() == 20 && word.ends_with('Z') {
        return "TIME".to_owned();
    }
    if word.len() == 36 && word.matches('-').count() == 4 { "ID".to_owned() } else { word.replace(host, "HOST") }
}

#[test]
fn an_endpoint_that_is_gone_is_asked_once() {
    let fleet = fleet::fleet(Parts::Embedded, 20).unwrap();
    let receiver = Receiver::start(|_| Reply::Status(410));
    give_endpoint(&fleet, &receiver.address);
    let _worker = fleet.worker();
    request(&fleet);
    let list = dead_letters(&fleet);
    assert!(list.contains("answered 410: the endpoint is gone for good"), "{list}");
    assert!(!list.contains("nobody's business"), "{list}");
    assert_eq!(receiver.messages("/").len(), 1);
}

#[test]
fn a_removed_endpoint_gets_nothing_more() {
    let fleet = fleet::fleet(Parts::Embedded, 20).unwrap();
    let receiver = Receiver::start(|_| Reply::Later(1));
    give_endpoint(&fleet, &receiver.address);
    let worker = fleet.worker();
    request(&fleet);
    fleet.wait("an attempt", || (!receiver.messages("/").is_empty()).then_some(()));
    let url = format!("{}/reports/{TABLE}/webhook", fleet.api.url());
    let removed = ureq::delete(&url).header("Authorization", fleet::token()).call().unwrap();
    assert_eq!(removed.status(), 204);
    worker.wait_for("task deliver.api: stopped: its report or endpoint was removed");
    assert!(fleet.run(&["dead-letters", "list"]).starts_with("no dead letters"));
}
