//! Retention as whoever runs the service meets it: the built program, with times that lie in the past.

use crate::support::fleet::{Fleet, OWNER, Parts, fleet, fleet_reading, get};
use crate::support::http;
use crate::support::mongo::Database;
use crate::support::platform::Platform;
use crate::support::program::Program;
use actix_web::HttpResponse;
use chrono::{DateTime, TimeDelta, Utc};
use maestro_reports::config;
use maestro_reports::domain::{Row, StageSeconds, Status, TableName};
use maestro_reports::store::{self, Absence, Outcome, Store, TableState, Taken, Taker};
use serde_json::{Value, json};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

const REMOVED: &str = "5c00000000000000000000d1";
const OLD: &str = "5c00000000000000000000d2";
const HELD: &str = "5c00000000000000000000d3";
const HOLDER: &str = "w/1";
const FRESH: &str = "5c00000000000000000000d4";

fn days_ago(days: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::days(days)
}

fn general(report: &str) -> TableName {
    format!("{report}_general").parse().unwrap()
}

/// Works with the store of an installation, beside its processes.
fn in_store<T>(fleet: &Fleet, work: impl AsyncFnOnce(Arc<dyn Store>) -> T) -> T {
    let settings = fleet.database().map_or_else(
        || config::Store {
            mongo_uri: None,
            mongo_database: String::new(),
            data_dir: fleet.setting("MAESTRO_DATA_DIR").into(),
        },
        Database::config,
    );
    actix_rt::System::new()
        .block_on(async { work(store::connect(&settings, Duration::from_secs(20)).await.unwrap()).await })
}

/// Makes a table whose only run was so many days ago.
async fn fill(store: &dyn Store, table: &TableName, days: i64) {
    let at = days_ago(days);
    // Held, so that nobody takes the run for one that was lost so long ago.
    take(store, table, days).await;
    let staging = store.begin(table, "run", at).await.unwrap();
    let row: Row = bson::doc! { "_id": 1, "name": "a" }.try_into().unwrap();
    store.stage(&staging, vec![row]).await.unwrap();
    let outcome = Outcome {
        status: Status::Finished,
        message: String::new(),
        rows: 1,
        columns: vec!["name".into()],
        paths: Vec::new(),
        aggr: Value::Null,
        stages: StageSeconds::new(),
        ended_at: at,
    };
    store.commit(&staging, &outcome).await.unwrap();
    store.leave(table, HOLDER, at).await.unwrap();
}

/// Takes a table so many days ago, until tomorrow.
async fn take(store: &dyn Store, table: &TableName, days: i64) {
    let taker = Taker { task_id: "run".into(), holder: HOLDER.into(), requested_at: None };
    let ttl = TimeDelta::days(days + 1).to_std().unwrap();
    assert!(matches!(store.take(table, &taker, ttl, days_ago(days)).await.unwrap(), Taken::Held { .. }));
}

fn state(fleet: &Fleet, report: &str) -> Option<TableState> {
    let states = in_store(fleet, async |store| store.tables(None, 1000).await.unwrap());
    states.into_iter().find(|state| state.table == general(report))
}

/// The looks of the days before: the last `days` ago, and often enough.
fn missed_for(fleet: &Fleet, report: &str, days: i64) {
    let absence = Absence { since: days_ago(days), last: days_ago(days), looks: 2 };
    in_store(fleet, async |store| store.note_absence(&general(report), Some(&absence)).await.unwrap());
}

fn has_table(fleet: &Fleet, report: &str) -> bool {
    get(&format!("{}/reports/{report}_general", fleet.api.url()))["found"].is_u64()
}

/// What the platform's record of a report becomes.
fn put(fleet: &Fleet, record: &Value) {
    let body = json!({"body": [record]}).to_string();
    let headers = [("Authorization", crate::support::fleet::token()), ("Content-Type", "application/json".into())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(http::send("PUT", &format!("{}/reports", fleet.data_uri()), &headers, body.as_bytes()).status, 200);
}

fn prune(fleet: &Fleet, args: &[&str]) -> Output {
    fleet.output(&[&["prune"], args].concat())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs `prune`; what it said. It must end well.
fn pruned(fleet: &Fleet, args: &[&str]) -> String {
    let output = prune(fleet, args);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn a_removed_report_goes_after_the_grace_time_and_not_before(parts: Parts) {
    let Some(fleet) = fleet(parts, 20) else { return };
    let _worker = fleet.worker();
    fleet.request(FRESH, "general", "Servers", &json!([]));
    fleet.ended(FRESH);
    in_store(&fleet, async |store| fill(&*store, &general(REMOVED), 30).await);
    put(&fleet, &json!({"_id": REMOVED, "status": "finished", "active": true}));
    let week = ["--unknown-days", "7"];
    assert!(pruned(&fleet, &week).contains("0 tables dropped, 0 on notice"));
    // The front API removes a report so.
    put(&fleet, &json!({"_id": REMOVED, "active": false}));
    assert!(pruned(&fleet, &[&week[..], &["--dry-run"]].concat()).contains("stays until"));
    assert_eq!(state(&fleet, REMOVED).unwrap().absence, None, "a dry run notes nothing");
    let first = pruned(&fleet, &week);
    assert!(first.contains("0 tables dropped, 1 on notice") && first.contains("one look"), "{first}");
    missed_for(&fleet, REMOVED, 6);
    assert!(pruned(&fleet, &week).contains("0 tables dropped, 1 on notice"), "a day too early");
    assert!(has_table(&fleet, REMOVED));
    // It was there again in between.
    put(&fleet, &json!({"_id": REMOVED, "active": true}));
    assert!(pruned(&fleet, &week).contains("0 on notice"));
    put(&fleet, &json!({"_id": REMOVED, "active": false}));
    assert!(pruned(&fleet, &week).contains("one look"));
    missed_for(&fleet, REMOVED, 7);
    let would = pruned(&fleet, &[&week[..], &["--dry-run"]].concat());
    assert!(would.contains("1 table would be dropped") && would.contains("nothing was changed"), "{would}");
    assert!(has_table(&fleet, REMOVED));
    let dropped = pruned(&fleet, &week);
    assert!(dropped.contains("1 table dropped, 0 on notice") && dropped.contains("3 looks over 7 days"), "{dropped}");
    assert!(!has_table(&fleet, REMOVED) && has_table(&fleet, FRESH));
    assert_eq!(state(&fleet, REMOVED), None);
}

#[test]
fn a_removed_report_goes_on_embedded_parts() {
    a_removed_report_goes_after_the_grace_time_and_not_before(Parts::Embedded);
}

#[test]
fn a_removed_report_goes_on_servers() {
    a_removed_report_goes_after_the_grace_time_and_not_before(Parts::Servers);
}

fn old_runs_go_and_held_tables_stay(parts: Parts) {
    let Some(fleet) = fleet(parts, 20) else { return };
    let _worker = fleet.worker();
    fleet.request(FRESH, "general", "Servers", &json!([]));
    fleet.ended(FRESH);
    in_store(&fleet, async |store| {
        for report in [OLD, HELD] {
            fill(&*store, &general(report), 91).await;
        }
        take(&*store, &general(HELD), 91).await;
    });
    let off = pruned(&fleet, &[]);
    assert!(off.contains("every table stays") && off.contains("0 tables dropped"), "{off}");
    assert!(pruned(&fleet, &["--run-days", "92"]).contains("0 tables dropped"));
    let dropped = pruned(&fleet, &["--run-days", "90"]);
    assert!(dropped.contains("1 table dropped") && dropped.contains("its last run was 91 days ago"), "{dropped}");
    assert_eq!([OLD, HELD, FRESH].map(|report| has_table(&fleet, report)), [false, true, true]);
    // Who looks for the report at the platform learns why it is empty.
    let record = fleet.ended(OLD);
    assert_eq!(record["status"], "warning", "{record}");
    assert!(record["msg"].as_str().unwrap().starts_with("Dropped: its last run was 91 days ago."), "{record}");
    // The run that had the table has ended.
    in_store(&fleet, async |store| store.leave(&general(HELD), HOLDER, days_ago(91)).await.unwrap());
    assert!(pruned(&fleet, &["--run-days", "90"]).contains("1 table dropped"));
    assert!(!has_table(&fleet, HELD));
}

#[test]
fn old_runs_go_on_embedded_parts() {
    old_runs_go_and_held_tables_stay(Parts::Embedded);
}

#[test]
fn old_runs_go_on_servers() {
    old_runs_go_and_held_tables_stay(Parts::Servers);
}

/// An answer to the ids that were asked for.
type Answer = fn(&Value) -> HttpResponse;

/// Answers that must cost nobody's rows.
fn odd_answers() -> Vec<(&'static str, Answer)> {
    fn one(ids: &Value) -> Value {
        json!({"_id": ids[0], "active": true})
    }
    vec![
        ("500", |_| HttpResponse::InternalServerError().body("<h1>oops</h1>")),
        ("401", |_| HttpResponse::Unauthorized().json(json!({"error": {"msg": "no"}}))),
        ("nothing", |_| HttpResponse::Ok().json(json!({"found": 0, "items": []}))),
        ("an object", |_| HttpResponse::Ok().json(json!({}))),
        ("HTML", |_| HttpResponse::Ok().content_type("text/html").body("<html><h1>Welcome</h1></html>")),
        ("less than it says", |ids| HttpResponse::Ok().json(json!({"found": 12, "items": [one(ids)]}))),
        ("one of many", |ids| HttpResponse::Ok().json(json!({"found": 1, "items": [one(ids)]}))),
        ("another's", |_| HttpResponse::Ok().json(json!({"found": 1, "items": [{"_id": "5c00000000000000000000ee"}]}))),
        ("broken off", |_| {
            HttpResponse::Ok().content_type("application/json").body(r#"{"found": 12, "items": [{"_id""#)
        }),
    ]
}

#[test]
fn an_answer_that_cannot_be_believed_drops_nothing_and_is_no_look() {
    for (name, answer) in odd_answers() {
        let api = Platform::start(move |call| {
            let query: Value = serde_json::from_str(call.body["query"].as_str().unwrap_or("{}")).unwrap();
            answer(&query["_id"])
        });
        let fleet = fleet_reading(Parts::Embedded, &api.address).unwrap();
        let reports: Vec<String> = (0..12).map(|number| format!("5c{number:022x}")).collect();
        in_store(&fleet, async |store| {
            for report in &reports {
                fill(&*store, &general(report), 30).await;
                let absence = Absence { since: days_ago(20), last: days_ago(1), looks: 9 };
                store.note_absence(&general(report), Some(&absence)).await.unwrap();
            }
        });
        let before = reports.iter().map(|report| state(&fleet, report)).collect::<Vec<_>>();
        let output = prune(&fleet, &["--unknown-days", "7"]);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", said(&output));
        assert!(
            said(&output).contains("no table is dropped as unknown") || said(&output).contains("No table"),
            "{name}"
        );
        assert!(said(&output).contains("0 tables dropped"), "{name}: {}", said(&output));
        assert_eq!(reports.iter().map(|report| state(&fleet, report)).collect::<Vec<_>>(), before, "{name}");
        assert_eq!(api.calls("/reports").len(), 1, "{name}");
        // Old runs go all the same.
        let output = prune(&fleet, &["--unknown-days", "7", "--run-days", "30"]);
        assert!(said(&output).contains("12 tables dropped"), "{name}: {}", said(&output));
    }
}

#[test]
fn of_several_that_sweep_each_table_is_dropped_once() {
    let Some(fleet) = fleet(Parts::Embedded, 5) else { return };
    let reports: Vec<String> = (0..40).map(|number| format!("5c{number:022x}")).collect();
    in_store(&fleet, async |store| {
        for report in &reports {
            fill(&*store, &general(report), 30).await;
        }
    });
    let beat = |_| fleet.spawn(&["beat"], &[("MAESTRO_RETENTION_RUN_DAYS", "7")]);
    let beats: Vec<Program> = (0..2).map(beat).collect();
    let prune = |_| fleet.spawn(&["prune", "--run-days", "7", "--loglevel", "info"], &[]);
    let mut prunes: Vec<Program> = (0..4).map(prune).collect();
    let ends: Vec<Option<i32>> = prunes.iter_mut().map(|prune| prune.end().code()).collect();
    fleet.wait("all tables to be dropped", || {
        reports.iter().all(|report| state(&fleet, report).is_none()).then_some(())
    });
    let logs: Vec<String> = prunes.iter().chain(&beats).map(Program::log).collect();
    let log = logs.join("\n");
    for report in &reports {
        assert_eq!(log.matches(&format!("{report}_general dropped: ")).count(), 1, "{report}:\n{log}");
    }
    // Whoever came while another was at it says so.
    assert!(ends.iter().all(|code| matches!(code, Some(0 | 1))), "{ends:?}:\n{log}");
    assert_eq!(
        ends.iter().filter(|code| **code == Some(1)).count(),
        log.matches("error: another process is sweeping").count()
    );
}

#[test]
fn beat_sweeps_by_itself_and_counts() {
    let Some(fleet) = fleet(Parts::Embedded, 5) else { return };
    in_store(&fleet, async |store| {
        fill(&*store, &general(OLD), 30).await;
        let failed =
            store::End { status: Status::Error, message: "no".into(), stages: StageSeconds::new(), at: days_ago(30) };
        store.end(&general(REMOVED), "t", &failed).await.unwrap();
    });
    let env = [("MAESTRO_RETENTION_RUN_DAYS", "7"), ("MAESTRO_METRICS_BIND", "127.0.0.1:0")];
    let beat = fleet.spawn(&["beat"], &env);
    let line = beat.wait_for("metrics on http://");
    let url = line.split("metrics on ").nth(1).unwrap().to_owned();
    beat.wait_for(&format!("{OLD}_general dropped: its last run was 30 days ago"));
    beat.wait_for(&format!("{REMOVED}_general dropped: it has no rows, and its last run was 30 days ago"));
    let text = String::from_utf8(http::send("GET", &url, &[], b"").body).unwrap();
    for line in [
        r#"maestro_reports_tables_dropped_total{reason="old"} 1"#,
        r#"maestro_reports_tables_dropped_total{reason="failed"} 1"#,
        r#"maestro_reports_tables_dropped_total{reason="unknown"} 0"#,
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    assert!(!text.contains(OLD) && !text.contains(OWNER));
}

#[test]
fn prune_refuses_settings_that_are_none() {
    let output = Program::output(&["prune", "--run-days", "soon", "--max-share", "0"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    assert!(text.contains("--run-days") && text.contains("a whole number of days from 0 to 3650"), "{text}");
    assert!(text.contains("--max-share"), "{text}");
}
