//! One report over encrypted connections only, made by processes of the built program.

use crate::support::fleet::{OWNER, get, post};
use crate::support::platform::Platform;
use crate::support::program::Program;
use crate::support::tls::{Authority, TlsProxy};
use crate::support::{mongo, rabbit};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

const REPORT: &str = "5c00000000000000000000e5";
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn a_report_is_made_over_https_amqps_and_mongodb_with_tls() {
    let (Some((broker_url, broker_ca)), Some(database)) = (rabbit::tls_url(), mongo::database()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("inventory");
    let sample = ["inventory", "--port", "0", "--sample", "300", "--dir", dir.to_str().unwrap()];
    let inventory = Program::listening(&sample, &[]);
    let platform = Platform::accepting();
    let authority = Authority::new();
    let identity = authority.issue("localhost");
    let before = |url: &str| TlsProxy::before(&identity, url);
    let (data, notices, store) = (before(inventory.url()), before(&platform.address), before(&database.uri));
    // Two authorities: that of the broker and that of all others.
    let ca_file = folder.path().join("both.pem");
    let both = [broker_ca, authority.file()].map(|file| fs::read_to_string(file).unwrap());
    fs::write(&ca_file, both.concat()).unwrap();
    let settings = [
        ("MAESTRO_CA_FILE", ca_file.display().to_string()),
        ("MAESTRO_DATA_DIR", folder.path().join("data").display().to_string()),
        ("MAESTRO_DATA_URI", format!("https://localhost:{}", data.port)),
        ("MAESTRO_AUDIT_URI", format!("https://localhost:{}", notices.port)),
        ("MAESTRO_WEBSOCKET_URI", format!("https://localhost:{}", notices.port)),
        ("MAESTRO_MONGO_URI", format!("mongodb://localhost:{}/?tls=true", store.port)),
        ("MAESTRO_MONGO_DATABASE", database.name.clone()),
        ("CELERY_BROKER_URL", broker_url),
    ];
    let env = settings.each_ref().map(|(name, value)| (*name, value.as_str()));

    assert!(Program::output(&["migrate"], &env).status.success());
    let serve = Program::listening(&["serve"], &env);
    let worker = Program::spawn(&["worker"], &env);
    let body = json!({"report_id": REPORT, "owner_user": OWNER, "component": "Servers", "filters": "[]"});
    post(&format!("{}/reports/general", serve.url()), &body);
    let record = ended(&inventory, &worker);
    assert_eq!(record["status"], "finished", "{record}");
    let rows = get(&format!("{}/reports/{REPORT}_general?limit=1", serve.url()));
    let query = json!({"query": json!({"roles._id": OWNER}).to_string(), "limit": 1});
    let servers = post(&format!("{}/servers", inventory.url()), &query);
    assert!(servers["found"].as_u64().unwrap() > 100, "{servers}");
    assert_eq!(rows["found"], servers["found"]);
    wait("the audit service is told", &worker, || {
        (!platform.calls(&format!("/audit/reports/{REPORT}")).is_empty()).then_some(())
    });
}

/// The platform's record of the report when it has ended.
fn ended(inventory: &Program, worker: &Program) -> Value {
    wait("the report to end", worker, || {
        let record = get(&format!("{}/reports/{REPORT}", inventory.url()));
        record["status"].as_str().is_some_and(|status| status != "process").then_some(record)
    })
}

fn wait<T>(what: &str, worker: &Program, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}:\n{}", worker.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
