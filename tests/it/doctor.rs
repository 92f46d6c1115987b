//! `doctor` against parts that are well, and against each that is not.

use crate::support::fleet::{Parts, fleet};
use crate::support::mongo;
use crate::support::platform::Platform;
use crate::support::program::Program;
use crate::support::rabbit;
use actix_web::HttpResponse;
use serde_json::{Value, json};
use std::path::Path;

/// Everything that these tests set, in an installation where all is well.
struct Patient {
    platform: Platform,
    folder: tempfile::TempDir,
}

impl Patient {
    /// With services that answer so.
    fn with(platform: Platform) -> Self {
        let patient = Self { platform, folder: tempfile::tempdir().unwrap() };
        assert!(Program::output(&["migrate"], &patient.env(&[])).status.success());
        patient
    }

    fn well() -> Self {
        Self::with(Platform::start(|_| HttpResponse::Ok().json(json!({"found": 0, "items": []}))))
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    fn env(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, &str)> {
        let address = self.platform.address.as_str();
        let mut env = vec![
            ("MAESTRO_SECRETJWT_PRIVATE", "mine"),
            ("MAESTRO_NOAUTH", "mine"),
            ("MAESTRO_WEBSOCKET_SECRET", "mine"),
            ("MAESTRO_DATA_URI", address),
            ("MAESTRO_AUDIT_URI", address),
            ("MAESTRO_WEBSOCKET_URI", address),
        ];
        let data: &'static str = self.data().leak();
        env.push(("MAESTRO_DATA_DIR", data));
        for (name, value) in more {
            env.retain(|(known, _)| known != name);
            // The tests' own texts: a few short ones.
            env.push((name, (*value).to_owned().leak()));
        }
        env
    }

    /// The exit code, and the findings that are not ok.
    fn complaints(&self, more: &[(&'static str, &str)]) -> (Option<i32>, Value) {
        let output = Program::output(&["doctor", "--json"], &self.env(more));
        let said = String::from_utf8(output.stdout).unwrap();
        let told: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        let checks = told["checks"].as_array().unwrap();
        assert!(checks.iter().all(|check| check["state"] == "ok" || check["advice"] != ""), "{told}");
        (output.status.code(), checks.iter().filter(|check| check["state"] != "ok").cloned().collect())
    }

    /// Compares the complaints with a snapshot, without what differs from run to run.
    fn snapshot(&self, name: &str, code: i32, more: &[(&'static str, &str)]) {
        let (exit, complaints) = self.complaints(more);
        assert_eq!(exit, Some(code), "{complaints}");
        let mut shown = serde_json::to_string_pretty(&complaints).unwrap();
        shown = shown.replace(&self.platform.address, "http://SERVICE");
        shown = shown.replace(self.folder.path().to_str().unwrap(), "FOLDER");
        insta::assert_snapshot!(name, shown);
    }
}

/// A service that refuses every credential.
fn refusing() -> Platform {
    Platform::start(|_| HttpResponse::Unauthorized().json(json!({"error": {"msg": "no rights"}})))
}

#[test]
fn all_is_well_on_embedded_parts() {
    let patient = Patient::well();
    assert_eq!(patient.complaints(&[]), (Some(0), json!([])));
    let output = Program::output(&["doctor"], &patient.env(&[]));
    let said = String::from_utf8(output.stdout).unwrap();
    for line in ["data folder", "report store", "Data API", "audit service", "WebSocket service", "clock"] {
        assert!(said.lines().any(|said| said.starts_with("ok ") && said.contains(line)), "{line}:\n{said}");
    }
    assert!(!said.contains('\u{1b}') && !said.contains("mine"), "{said}");
}

#[test]
fn all_is_well_on_servers_and_what_waits_is_told() {
    let Some(fleet) = fleet(Parts::Servers, 5) else { return };
    let env: Vec<_> = [
        "CELERY_BROKER_URL",
        "MAESTRO_MONGO_URI",
        "MAESTRO_MONGO_DATABASE",
        "MAESTRO_DATA_URI",
        "MAESTRO_AUDIT_URI",
        "MAESTRO_WEBSOCKET_URI",
    ]
    .map(|name| (name, fleet.setting(name)))
    .to_vec();
    let look = || String::from_utf8(Program::output(&["doctor"], &env).stdout).unwrap();
    let before = look();
    assert!(!before.contains("failed"), "{before}");
    assert!(before.contains("report: 0 waiting, 0 dead letters, 0 workers"), "{before}");
    fleet.request("5c00000000000000000000f1", "general", "Servers", &json!([]));
    let waiting = look();
    assert!(waiting.contains("report: 1 waiting") && waiting.contains("start `maestro-reports worker`"), "{waiting}");
}

#[test]
fn a_first_start_finds_nothing_wrong_and_leaves_nothing() {
    let patient = Patient::well();
    let fresh = patient.folder.path().join("fresh");
    assert_eq!(patient.complaints(&[("MAESTRO_DATA_DIR", fresh.to_str().unwrap())]), (Some(0), json!([])));
    assert!(!fresh.exists());
}

#[test]
fn wrong_settings_are_findings() {
    Patient::well().snapshot("settings", 1, &[("MAESTRO_PORT", "many"), ("MAESTRO_DATA_URI", "nowhere")]);
}

#[test]
fn default_secrets_are_told_and_refused_in_production() {
    let patient = Patient::well();
    patient.snapshot("secrets", 0, &[("MAESTRO_NOAUTH", "defaultSecretNoAuthToken")]);
    let (code, told) =
        patient.complaints(&[("MAESTRO_NOAUTH", "defaultSecretNoAuthToken"), ("MAESTRO_ENV", "production")]);
    assert_eq!((code, &told[0]["state"]), (Some(1), &json!("failed")));
}

#[test]
fn services_that_refuse_us_are_told_with_the_secret_to_correct() {
    Patient::with(refusing()).snapshot("credentials", 1, &[]);
}

#[test]
fn services_that_are_away_do_not_keep_the_others_from_being_looked_at() {
    let nobody = "http://127.0.0.1:1";
    Patient::well().snapshot("away", 1, &[("MAESTRO_DATA_URI", nobody), ("MAESTRO_AUDIT_URI", nobody)]);
}

#[test]
fn a_clock_an_hour_off_is_told() {
    let patient = Patient::with(Platform::start(|_| {
        let date = (chrono::Utc::now() - chrono::TimeDelta::hours(1)).to_rfc2822();
        HttpResponse::Ok().insert_header(("Date", date)).json(json!({"found": 0, "items": []}))
    }));
    let (code, told) = patient.complaints(&[]);
    assert_eq!((code, &told[0]["check"], &told[0]["state"]), (Some(1), &json!("clock"), &json!("failed")), "{told}");
    assert!(told[0]["found"].as_str().unwrap().contains("ahead of the Data API's"), "{told}");
}

#[test]
fn a_broker_that_is_away_or_refuses_is_told() {
    let patient = Patient::well();
    patient.snapshot("broker", 1, &[("CELERY_BROKER_URL", "amqp://u:hunter2@127.0.0.1:1/v")]);
    let Some(url) = rabbit::url() else { return };
    let (code, told) = patient.complaints(&[("CELERY_BROKER_URL", &url.replace("guest:guest", "guest:hunter2"))]);
    assert_eq!((code, &told[0]["check"]), (Some(1), &json!("broker")), "{told}");
    assert!(!told.to_string().contains("hunter2"), "{told}");
}

#[test]
fn a_store_that_is_away_or_lacks_migrations_is_told() {
    let patient = Patient::well();
    let uri = "mongodb://u:hunter2@127.0.0.1:1/?serverSelectionTimeoutMS=300";
    let (code, told) = patient.complaints(&[("MAESTRO_MONGO_URI", uri)]);
    assert_eq!((code, &told[0]["check"]), (Some(1), &json!("report store")), "{told}");
    assert!(!told.to_string().contains("hunter2"), "{told}");
    let Some(database) = mongo::database() else { return };
    let (code, told) =
        patient.complaints(&[("MAESTRO_MONGO_URI", &database.uri), ("MAESTRO_MONGO_DATABASE", &database.name)]);
    assert_eq!((code, &told[0]["advice"]), (Some(1), &json!("run `maestro-reports migrate`")), "{told}");
}

#[test]
fn a_damaged_store_and_a_folder_that_cannot_be_written_are_told() {
    let patient = Patient::well();
    std::fs::write(Path::new(&patient.data()).join("reports.sqlite3"), "no database at all, and long enough").unwrap();
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(Path::new(&patient.data()).join(format!("reports.sqlite3{suffix}"))).ok();
    }
    patient.snapshot("damaged", 1, &[]);
    // Nobody may make files there, not even root.
    patient.snapshot("folder", 1, &[("MAESTRO_DATA_DIR", "/proc")]);
}
