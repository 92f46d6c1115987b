//! The report store is full, locked, gone, away.

use crate::data_api::{Gate, held, row, rows, whole};
use crate::disk::disk;
use crate::proxy::Proxy;
use crate::scenario::{Account, Scenario};
use crate::site::{Site, Ways};
use crate::support::fleet::{OWNER, Parts, token};
use crate::support::http;
use maestro_reports::broker::QUEUE_FILE;
use maestro_reports::store::STORE_FILE;
use rusqlite::Connection;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "store_on_a_disk_that_a_report_fills", run: fills_the_disk },
    Scenario { name: "store_on_a_full_disk", run: full_disk },
    Scenario { name: "store_is_locked", run: is_locked },
    Scenario { name: "store_is_away_when_a_run_begins_on_servers", run: away_at_the_start },
    Scenario { name: "store_is_away_in_the_middle_on_servers", run: away_in_the_middle },
    Scenario { name: "store_is_silent_in_the_middle_on_servers", run: silent_in_the_middle },
    Scenario {
        name: "store_is_away_when_a_run_fails_on_servers",
        run: |account| away_at_the_end(account, |ways| ways.mongo.as_ref()),
    },
    Scenario {
        name: "queue_is_away_when_a_run_fails_on_servers",
        run: |account| away_at_the_end(account, |ways| ways.rabbit.as_ref()),
    },
];

/// The report is larger than what is left.
fn fills_the_disk(account: &Account) {
    let Some(disk) = disk(80) else { return };
    let data = disk.path().join("data");
    let site = Site::start(account, Parts::Embedded, &[("MAESTRO_DATA_DIR", data.to_str().unwrap())]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch(0..300);
    account.fault();
    let large = |number| {
        let mut row = row(number);
        row["notes"] = "x".repeat(2000).into();
        row
    };
    site.data_api.answer(rows((0..20_000).map(large).collect()));
    let message = site.fails();
    let says = format!("to stage rows: less than 50 MiB are left on the disk of {}; make room there", data.display());
    assert!(message.contains(&says), "{message}");
    watch.always();
    // What the failed run had taken is free again.
    site.data_api.answer(whole(0..3000));
    site.finishes(0..3000);
    site.close();
}

/// Nothing at all can be written when the task is taken, until somebody makes room.
fn full_disk(account: &Account) {
    let Some(disk) = disk(80) else { return };
    let data = disk.path().join("data");
    let site = Site::start(account, Parts::Embedded, &[("MAESTRO_DATA_DIR", data.to_str().unwrap())]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 0..5000);
    let gate = Gate::default();
    site.data_api.answer(held(0..5000, 3000, gate.clone()));
    let run = site.request();
    gate.reached();
    account.fault();
    disk.fill();
    gate.open();
    site.workers[0].wait_for("disk");
    let other =
        json!({"report_id": "5f0000000000000000000008", "owner_user": OWNER, "component": "Servers", "filters": []});
    let headers = [("Authorization", &*token()), ("Content-Type", "application/json")];
    let url = format!("{}/reports/general", site.fleet.api.url());
    let answer = http::send("POST", &url, &headers, other.to_string().as_bytes());
    assert_eq!(answer.status, 503, "{}", answer.json());
    disk.clear();
    let record = site.recorded(&run);
    match record.status.as_str() {
        "finished" => site.finished(&run, 0..5000),
        _ => assert!(site.failed(&run).contains("disk"), "{record:?}"),
    }
    watch.always();
    site.finishes(0..5000);
    site.close();
}

/// Another program has both files for longer than a lease lasts.
fn is_locked(account: &Account) {
    let mut site = Site::start(account, Parts::Embedded, &[("MAESTRO_LEASE_SECONDS", "2")]).unwrap();
    site.workers.push(site.fleet.worker());
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 0..5000);
    let gate = Gate::default();
    site.data_api.answer(held(0..5000, 3000, gate.clone()));
    let run = site.request();
    gate.reached();
    account.fault();
    let folder = site.fleet.setting("MAESTRO_DATA_DIR");
    let locks = [STORE_FILE, QUEUE_FILE].map(|file| {
        let connection = Connection::open(Path::new(folder).join(file)).unwrap();
        connection.busy_timeout(Duration::from_secs(30)).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        connection
    });
    gate.open();
    std::thread::sleep(Duration::from_secs(5));
    drop(locks);
    site.finished(&run, 0..5000);
    watch.always();
    site.close();
}

/// The task is there, and the store is not.
fn away_at_the_start(account: &Account) {
    let Some(site) = Site::start(account, Parts::Servers, &[("MAESTRO_TASK_RETRIES", "0")]) else { return };
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 100..500);
    site.data_api.answer(whole(100..500));
    site.workers[0].signal("-STOP");
    let run = site.request();
    account.fault();
    let mongo = site.ways.mongo.as_ref().unwrap();
    mongo.cut();
    site.workers[0].signal("-CONT");
    // No retry is left, but as nobody can record that, the task waits for the store.
    site.workers[0].wait_for("which cannot be told yet");
    mongo.mend();
    site.finished(&run, 100..500);
    watch.when_there();
    site.close();
}

fn away_in_the_middle(account: &Account) {
    let Some(site) = Site::start(account, Parts::Servers, &[("MAESTRO_TASK_RETRIES", "5")]) else { return };
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 0..50_000);
    let gate = Gate::default();
    site.data_api.answer(held(0..50_000, 30_000, gate.clone()));
    let run = site.request();
    gate.reached();
    account.fault();
    let mongo = site.ways.mongo.as_ref().unwrap();
    mongo.cut();
    gate.open();
    site.workers[0].wait_for("the report store cannot be reached");
    mongo.mend();
    site.finished(&run, 0..50_000);
    watch.when_there();
    site.close();
}

/// Connections stay, and for longer than a hold lasts nothing comes through.
fn silent_in_the_middle(account: &Account) {
    let Some(site) = Site::start(account, Parts::Servers, &[("MAESTRO_LEASE_SECONDS", "2")]) else { return };
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 0..5000);
    let gate = Gate::default();
    site.data_api.answer(held(0..5000, 3000, gate.clone()));
    let run = site.request();
    gate.reached();
    account.fault();
    let mongo = site.ways.mongo.as_ref().unwrap();
    mongo.block();
    gate.open();
    std::thread::sleep(Duration::from_secs(4));
    mongo.mend();
    site.finished(&run, 0..5000);
    watch.when_there();
    site.close();
}

/// The run fails for another reason while store or queue are away: nobody would ever hear of it.
fn away_at_the_end(account: &Account, which: fn(&Ways) -> Option<&Proxy>) {
    let Some(site) = Site::start(account, Parts::Servers, &[("MAESTRO_TASK_RETRIES", "0")]) else { return };
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch(0..300);
    let gate = Gate::default();
    let at = gate.clone();
    site.data_api.answer(move |_, wire| {
        at.pass();
        wire.whole(422, "application/json", r#"{"error": {"msg": "no such field"}}"#)
    });
    let run = site.request();
    gate.reached();
    account.fault();
    let way = which(&site.ways).unwrap();
    way.cut();
    gate.open();
    site.workers[0].wait_for("cannot be reached");
    way.mend();
    let message = site.failed(&run);
    assert!(message.ends_with("answered 422: no such field"), "{message}");
    watch.when_there();
    site.close();
}
