//! A whole installation for one test: inventory, API and workers as processes of the built program, on either set of
//! parts, with the platform's other services recorded.

use super::mongo::{self, Database};
use super::platform::Platform;
use super::program::Program;
use super::rabbit;
use maestro_reports::auth;
use maestro_reports::config::Auth;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Who may read most of the sample inventory.
pub(crate) const OWNER: &str = "5c0000000000000000000001";
/// Who may read the rest.
pub(crate) const OTHER_OWNER: &str = "5c0000000000000000000002";

/// How long a report may take in a test.
const PATIENCE: Duration = Duration::from_secs(180);

/// The settings of an installation's processes: variables and their values.
pub(crate) type Settings = BTreeMap<&'static str, String>;

/// Which parts an installation stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// SQLite store and queue.
    Embedded,
    /// MongoDB and RabbitMQ.
    Servers,
}

/// An installation; everything ends with it.
pub(crate) struct Fleet {
    /// The API.
    pub(crate) api: Program,
    /// What audit and WebSocket service were told.
    pub(crate) platform: Platform,
    env: Settings,
    inventory: Option<Program>,
    folder: TempDir,
    database: Option<Database>,
}

/// Starts the parts, the sample inventory and the API; `None` where the servers are not there (and it says SKIPPED).
pub(crate) fn fleet(parts: Parts, servers: u64) -> Option<Fleet> {
    let folder = tempfile::tempdir().unwrap();
    let inventory = sample(&folder, servers);
    let data_uri = inventory.url().to_owned();
    fleet_on(parts, &data_uri, folder, Some(inventory), |_| {})
}

/// As [`fleet`], with a Data API of the test's own.
pub(crate) fn fleet_reading(parts: Parts, data_uri: &str) -> Option<Fleet> {
    fleet_with(parts, data_uri, |_| {})
}

/// As [`fleet_reading`], with the settings of all its processes changed before any of them starts.
pub(crate) fn fleet_with(parts: Parts, data_uri: &str, change: impl FnOnce(&mut Settings)) -> Option<Fleet> {
    fleet_on(parts, data_uri, tempfile::tempdir().unwrap(), None, change)
}

/// As [`fleet`] on the embedded store and this RabbitMQ, with all tasks in the queue `reports`.
pub(crate) fn fleet_sharing(url: &str, servers: u64) -> Fleet {
    let folder = tempfile::tempdir().unwrap();
    let inventory = sample(&folder, servers);
    let data_uri = inventory.url().to_owned();
    let change = |env: &mut Settings| {
        env.insert("CELERY_BROKER_URL", url.to_owned());
        env.insert("CELERY_DEFAULT_QUEUE", "reports".to_owned());
    };
    fleet_on(Parts::Embedded, &data_uri, folder, Some(inventory), change).unwrap()
}

/// Starts an inventory of so many servers in a folder.
fn sample(folder: &TempDir, servers: u64) -> Program {
    let (servers, dir) = (servers.to_string(), folder.path().join("inventory"));
    Program::listening(&["inventory", "--port", "0", "--sample", &servers, "--dir", dir.to_str().unwrap()], &[])
}

fn fleet_on(
    parts: Parts,
    data_uri: &str,
    folder: TempDir,
    inventory: Option<Program>,
    change: impl FnOnce(&mut Settings),
) -> Option<Fleet> {
    let platform = Platform::accepting();
    let mut env = Settings::from([
        ("MAESTRO_DATA_DIR", folder.path().join("data").to_str().unwrap().to_owned()),
        ("MAESTRO_DATA_URI", data_uri.to_owned()),
        ("MAESTRO_AUDIT_URI", platform.address.clone()),
        ("MAESTRO_WEBSOCKET_URI", platform.address.clone()),
        ("MAESTRO_RETRY_SECONDS", "1".to_owned()),
        // Benchmarks ask as fast as they can.
        ("MAESTRO_RATE", "0".to_owned()),
        ("MAESTRO_TASK_RETRIES", "1".to_owned()),
        ("MAESTRO_WEBHOOK_HTTP", "allow".to_owned()),
        ("MAESTRO_WEBHOOK_ALLOW", "127.0.0.1".to_owned()),
        ("MAESTRO_WEBHOOK_RETRY_SECONDS", "1".to_owned()),
    ]);
    let mut database = None;
    if parts == Parts::Servers {
        let own = mongo::database()?;
        env.insert("CELERY_BROKER_URL", rabbit::url()?);
        env.insert("MAESTRO_MONGO_URI", own.uri.clone());
        env.insert("MAESTRO_MONGO_DATABASE", own.name.clone());
        database = Some(own);
    }
    change(&mut env);
    if parts == Parts::Servers {
        let migrated = Program::output(&["migrate"], &borrowed(&env));
        assert!(migrated.status.success(), "migrate: {}", String::from_utf8_lossy(&migrated.stderr));
    }
    let api = Program::listening(&["serve"], &borrowed(&env));
    Some(Fleet { api, platform, env, inventory, folder, database })
}

fn borrowed(env: &Settings) -> Vec<(&str, &str)> {
    env.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

impl Fleet {
    /// Starts another process of this installation, with settings of its own besides.
    pub(crate) fn spawn(&self, args: &[&str], more: &[(&str, &str)]) -> Program {
        let mut env = borrowed(&self.env);
        env.extend(more);
        Program::spawn(args, &env)
    }

    /// Runs a command of this installation to its end.
    pub(crate) fn output(&self, args: &[&str]) -> Output {
        Program::output(args, &borrowed(&self.env))
    }

    /// Its database, where it stands on servers.
    pub(crate) fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// Runs a command of this installation to its end; its standard output.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a worker as the platform's manual does.
    pub(crate) fn worker(&self) -> Program {
        self.spawn(&["worker", "-q", "report"], &[])
    }

    /// A setting of this installation's processes.
    pub(crate) fn setting(&self, name: &str) -> &str {
        self.env.get(name).map_or("", String::as_str)
    }

    /// The address of its Data API.
    pub(crate) fn data_uri(&self) -> &str {
        self.setting("MAESTRO_DATA_URI")
    }

    /// The folder that its inventory serves.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts another API.
    pub(crate) fn serve(&self) -> Program {
        Program::listening(&["serve"], &borrowed(&self.env))
    }

    /// Starts the API again, after it has ended.
    pub(crate) fn restart_api(&mut self) {
        self.api = self.serve();
    }

    /// Stops the Data API.
    pub(crate) fn stop_inventory(&mut self) {
        self.inventory = None;
    }

    /// Requests a report of the owner; the task's id.
    pub(crate) fn request(&self, report: &str, kind: &str, component: &str, filters: &Value) -> String {
        let body = json!({
            "report_id": report, "owner_user": OWNER, "component": component, "filters": filters.to_string(),
        });
        let answer = post(&format!("{}/reports/{kind}", self.api.url()), &body);
        answer[format!("{kind}-id")].as_str().unwrap_or_else(|| panic!("no task id: {answer}")).to_owned()
    }

    /// All rows of a table, or those that a query string behind its name asks for.
    pub(crate) fn rows(&self, table: &str) -> Vec<Value> {
        let all = if table.contains('?') { "" } else { "?limit=100000" };
        let answer = get(&format!("{}/reports/{table}{all}", self.api.url()));
        answer["items"].as_array().unwrap_or_else(|| panic!("no rows: {answer}")).clone()
    }

    /// Waits until the platform's record of a report says that it has ended.
    pub(crate) fn ended(&self, report: &str) -> Value {
        let url = format!("{}/reports/{report}", self.data_uri());
        self.wait(&format!("report {report} to end"), || {
            let record = get(&url);
            record["status"].as_str().is_some_and(|status| status != "process").then_some(record)
        })
    }

    /// Waits until `look` sees something.
    pub(crate) fn wait<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}\n--- API ---\n{}", self.api.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A service token with the default secrets.
pub(crate) fn token() -> String {
    let auth = Auth::new("defaultSecretKeyPrivate", "defaultSecretNoAuthToken");
    format!("JWT {}", auth::sign(&auth).unwrap())
}

/// The JSON answer to a GET, whatever its status.
pub(crate) fn get(url: &str) -> Value {
    answer(ureq::get(url).header("Authorization", token()).config().http_status_as_error(false).build().call())
}

/// The JSON answer to a POST of JSON, whatever its status.
pub(crate) fn post(url: &str, body: &Value) -> Value {
    let request = ureq::post(url).header("Authorization", token()).content_type("application/json");
    answer(request.config().http_status_as_error(false).build().send(body.to_string()))
}

/// The JSON answer to a PATCH of JSON, whatever its status.
pub(crate) fn patch(url: &str, body: &Value) -> Value {
    let request = ureq::patch(url).header("Authorization", token()).content_type("application/json");
    answer(request.config().http_status_as_error(false).build().send(body.to_string()))
}

/// The JSON answer to a PUT of JSON, whatever its status.
pub(crate) fn put(url: &str, body: &Value) -> Value {
    let request = ureq::put(url).header("Authorization", token()).content_type("application/json");
    answer(request.config().http_status_as_error(false).build().send(body.to_string()))
}

fn answer(sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    sent.unwrap().body_mut().with_config().limit(1 << 30).read_json().unwrap_or_default()
}
