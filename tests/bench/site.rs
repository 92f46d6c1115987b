//! An installation to measure: a shared inventory, and API and worker on parts of their own.

use crate::stop;
use crate::support::fleet::{self, Fleet, Parts};
use crate::support::program::Program;
use anyhow::{Context, ensure};
use maestro_reports::config;
use maestro_reports::store::{self, Store};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use ureq::Agent;

/// How long one query of rows may work, for the benchmark's own store.
const QUERY_TIME: Duration = Duration::from_secs(60);
/// How long anything may take before the benchmark gives it up.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause between two looks at a record: a hundredth of the time gone by, within these.
const LOOK: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));

/// A sample inventory, served by a process of its own.
pub(crate) struct Inventory {
    /// How many servers it holds.
    pub(crate) servers: u64,
    program: Program,
    /// Its files, and its own temporary ones, which it cannot remove when it is killed.
    _folder: TempDir,
}

impl Inventory {
    /// Makes up so many servers and serves them.
    pub(crate) fn start(servers: u64) -> anyhow::Result<Self> {
        stop::check()?;
        let folder = TempDir::with_prefix("maestro-bench-")?;
        let place = folder.path().to_str().context("the temporary folder has an odd name")?;
        let args = ["inventory", "--port", "0", "--sample", &servers.to_string(), "--dir", place];
        let program = Program::listening(&args, &[("TMPDIR", place)]);
        Ok(Self { servers, program, _folder: folder })
    }
}

/// An installation with one worker.
pub(crate) struct Site<'a> {
    /// API, settings and the platform's other services.
    pub(crate) fleet: Fleet,
    /// The worker.
    pub(crate) worker: Program,
    /// Which parts it stands on.
    pub(crate) parts: Parts,
    /// Its store, as the benchmark reads it.
    pub(crate) store: Arc<dyn Store>,
    /// Where the benchmark's own asynchronous work runs.
    pub(crate) runtime: &'a Runtime,
    /// A client that keeps its connections.
    pub(crate) agent: Agent,
}

impl<'a> Site<'a> {
    /// Starts fresh parts, API and worker; `None` where the servers are not there (and it says SKIPPED).
    pub(crate) fn start(parts: Parts, inventory: &Inventory, runtime: &'a Runtime) -> anyhow::Result<Option<Self>> {
        stop::check()?;
        let Some(fleet) = fleet::fleet_reading(parts, inventory.program.url()) else { return Ok(None) };
        let worker = fleet.worker();
        worker.wait_for("takes from");
        let mongo_uri = Some(fleet.setting("MAESTRO_MONGO_URI")).filter(|uri| !uri.is_empty());
        let settings = config::Store {
            mongo_uri: mongo_uri.map(config::Secret::new),
            mongo_database: fleet.setting("MAESTRO_MONGO_DATABASE").to_owned(),
            data_dir: fleet.setting("MAESTRO_DATA_DIR").into(),
        };
        let store = runtime.block_on(store::connect(&settings, QUERY_TIME))?;
        Ok(Some(Self { fleet, worker, parts, store, runtime, agent: agent() }))
    }

    /// Waits until `look` sees something.
    ///
    /// # Errors
    /// After a signal, or where it does not come.
    pub(crate) fn wait<T>(&self, what: &str, look: impl Fn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
        let start = Instant::now();
        loop {
            if let Some(seen) = look()? {
                return Ok(seen);
            }
            stop::check()?;
            let spent = start.elapsed();
            ensure!(spent < PATIENCE, "waited {PATIENCE:?} for {what}\n{}", self.worker.log());
            std::thread::sleep((spent / 100).clamp(LOOK.0, LOOK.1));
        }
    }

    /// The JSON answer to a GET; nothing where there is no such thing.
    ///
    /// # Errors
    /// Where the answer is neither good nor 404.
    pub(crate) fn get(&self, url: &str) -> anyhow::Result<Option<Value>> {
        let mut answer = self.agent.get(url).header("Authorization", fleet::token()).call()?;
        if answer.status() == 404 {
            return Ok(None);
        }
        ensure!(answer.status().is_success(), "GET {url}: {}", answer.status());
        Ok(Some(answer.body_mut().read_json()?))
    }
}

/// An HTTP client that keeps its connections and leaves the judgement of a status to its caller.
pub(crate) fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into()
}
