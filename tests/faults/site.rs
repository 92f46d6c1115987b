//! An installation of which any part can be broken: a Data API that answers as a scenario says, ways to the servers
//! that can be cut, and looks at what lies inside.

use crate::data_api::{self, DataApi};
use crate::inside::{Inside, Record};
use crate::proxy::Proxy;
use crate::scenario::Account;
use crate::support::fleet::{Fleet, Parts, fleet_with};
use crate::support::platform::Call;
use crate::support::program::Program;
use crate::watch::{Watch, ids};
use serde_json::{Value, json};
use std::ops::Range;
use std::path::Path;

/// The report that scenarios make.
pub(crate) const REPORT: &str = "5f0000000000000000000007";
/// Its table.
pub(crate) const TABLE: &str = "5f0000000000000000000007_general";

/// An installation: API and one worker, on proxied servers.
pub(crate) struct Site<'a> {
    /// The scenario's account.
    pub(crate) account: &'a Account,
    /// The Data API, behind its way.
    pub(crate) data_api: DataApi,
    /// The processes.
    pub(crate) fleet: Fleet,
    /// The workers.
    pub(crate) workers: Vec<Program>,
    /// The ways to the servers.
    pub(crate) ways: Ways,
    /// Store and queue from behind.
    pub(crate) inside: Inside,
    /// Reports that ended in `error`; each leaves a dead letter.
    failed: std::cell::Cell<u64>,
}

/// The ways from the processes to the servers.
pub(crate) struct Ways {
    /// To the Data API.
    pub(crate) data_api: Proxy,
    /// To audit and WebSocket service.
    pub(crate) listeners: Option<Proxy>,
    /// To MongoDB, where it is the store.
    pub(crate) mongo: Option<Proxy>,
    /// To RabbitMQ, where it is the broker.
    pub(crate) rabbit: Option<Proxy>,
}

/// A run on its way.
pub(crate) struct Run {
    task: String,
    /// How often the platform was told of the report before.
    told: usize,
}

impl<'a> Site<'a> {
    /// Starts an installation with settings of its own besides; `None` where its servers are not there.
    pub(crate) fn start(account: &'a Account, parts: Parts, more: &[(&'static str, &str)]) -> Option<Self> {
        let data_api = DataApi::start();
        let mut ways = Ways { data_api: Proxy::before(data_api.address()), listeners: None, mongo: None, rabbit: None };
        let mut inside = None;
        let data_uri = ways.data_api.url(data_api.address());
        let fleet = fleet_with(parts, &data_uri, |settings| {
            let temporary = Path::new(&settings["MAESTRO_DATA_DIR"]).with_file_name("temporary");
            std::fs::create_dir(&temporary).unwrap();
            settings.insert("TMPDIR", temporary.to_str().unwrap().to_owned());
            settings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
            let of = |name: &str| settings[name].as_str();
            inside = Some(match parts {
                Parts::Embedded => Inside::Embedded(of("MAESTRO_DATA_DIR").into()),
                Parts::Servers => {
                    Inside::servers(of("MAESTRO_MONGO_URI"), of("MAESTRO_MONGO_DATABASE"), of("CELERY_BROKER_URL"))
                }
            });
            let mut through = |names: &[&'static str]| {
                let way = Proxy::before(settings.get(names[0])?);
                for name in names {
                    settings.insert(name, way.url(&settings[name]));
                }
                Some(way)
            };
            ways.listeners = through(&["MAESTRO_AUDIT_URI", "MAESTRO_WEBSOCKET_URI"]);
            ways.mongo = through(&["MAESTRO_MONGO_URI"]);
            ways.rabbit = through(&["CELERY_BROKER_URL"]);
        })?;
        let workers = vec![fleet.worker()];
        Some(Self { account, data_api, fleet, workers, ways, inside: inside?, failed: Default::default() })
    }

    /// Requests the report.
    pub(crate) fn request(&self) -> Run {
        let told = self.data_api.told(REPORT).len();
        let task = self.fleet.request(REPORT, "general", "Servers", &json!([]));
        self.account.requested();
        Run { task, told }
    }

    /// The last run, to tell later ones from it.
    pub(crate) fn last_run(&self) -> Run {
        Run { task: self.inside.record(TABLE).unwrap().task, told: self.data_api.told(REPORT).len() }
    }

    /// The run that was requested since, if any, for requests whose answer nobody knows.
    pub(crate) fn requested_since(&self, last: &Run) -> Option<Run> {
        let task = self.inside.record(TABLE)?.task;
        let is_new = task != last.task;
        is_new.then(|| {
            self.account.requested();
            Run { task, told: last.told }
        })
    }

    /// Kills a process (SIGKILL).
    pub(crate) fn kill(&self, mut process: Program) {
        self.account.fault();
        process.signal("-KILL");
        process.end();
    }

    /// Waits until the running report has staged so many rows.
    pub(crate) fn staged(&self, rows: u64) {
        self.fleet.wait("rows to be staged", || (self.inside.staged(TABLE) >= rows).then_some(()));
    }

    /// Whether a run has ended in the store.
    pub(crate) fn has_ended(&self, run: &Run) -> bool {
        self.inside.record(TABLE).is_some_and(|record| record.task == run.task && record.status != "process")
    }

    /// Waits until a run has ended in the store; how.
    pub(crate) fn recorded(&self, run: &Run) -> Record {
        self.fleet.wait("the report to end", || {
            let record = self.inside.record(TABLE)?;
            (record.task == run.task && record.status != "process").then_some(record)
        })
    }

    /// Waits until a run has ended and the platform was told of it; how.
    pub(crate) fn ended(&self, run: &Run) -> Record {
        let record = self.recorded(run);
        self.fleet.wait("the platform to be told", || {
            let told = self.data_api.told(REPORT);
            let told = told
                .get(run.told..)?
                .iter()
                .any(|told| told["status"] == record.status && told["msg"] == record.message);
            told.then_some(())
        });
        self.account.ended();
        record
    }

    /// Makes the report, which must be `finished` with exactly the rows of these numbers.
    pub(crate) fn finishes(&self, numbers: Range<u64>) {
        self.finished(&self.request(), numbers);
    }

    /// Waits for a run, which must be `finished` with exactly the rows of these numbers.
    pub(crate) fn finished(&self, run: &Run, numbers: Range<u64>) {
        let record = self.ended(run);
        assert_eq!((record.status.as_str(), record.message.as_str()), ("finished", ""));
        self.holds_numbers(numbers);
    }

    /// Makes the report, which must end in `error`; its message.
    pub(crate) fn fails(&self) -> String {
        self.failed(&self.request())
    }

    /// Waits for a run, which must end in `error` and be told to the browsers; its message.
    pub(crate) fn failed(&self, run: &Run) -> String {
        let record = self.ended(run);
        assert_eq!(record.status, "error", "{record:?}");
        self.failed.set(self.failed.get() + 1);
        let is_error = |call: &Call| call.body["params"]["data"]["notify"]["type"] == "error";
        self.fleet.wait("the browsers to be told", || {
            let told = self.fleet.platform.calls("/api").iter().filter(|call| is_error(call)).count();
            (told as u64 >= self.failed.get()).then_some(())
        });
        record.message
    }

    /// Waits for a run that no worker got: it must end by itself and say how long it has waited.
    pub(crate) fn ended_unworked(&self, run: &Run, limit: &str) {
        let record = self.ended(run);
        let says = format!("no worker took this report within {limit}: start a worker");
        assert!(record.status == "error" && record.message.starts_with(&says), "{record:?}");
    }

    /// The table must hold exactly the rows of these numbers.
    pub(crate) fn holds_numbers(&self, numbers: Range<u64>) {
        self.holds(&numbers.map(data_api::row).collect::<Vec<_>>());
    }

    /// The table must hold exactly these rows, by their ids.
    pub(crate) fn holds(&self, rows: &[Value]) {
        let found = self.fleet.rows(&format!("{TABLE}?limit=100000"));
        self.account.rows(ids(rows), ids(&found));
    }

    /// Watches the table: each look must find exactly the rows of these numbers.
    pub(crate) fn watch(&self, table: Range<u64>) -> Watch {
        Watch::begin(self.table_url(), vec![expected(table)])
    }

    /// Watches the table: each look must find exactly the rows of the one or of the other numbers.
    pub(crate) fn watch_change(&self, old: Range<u64>, new: Range<u64>) -> Watch {
        Watch::begin(self.table_url(), vec![expected(old), expected(new)])
    }

    /// As [`Site::watch_change`] by another API of this installation.
    pub(crate) fn watch_by(&self, api: &Program, old: Range<u64>, new: Range<u64>) -> Watch {
        let url = self.table_url().replacen(self.fleet.api.url(), api.url(), 1);
        Watch::begin(url, vec![expected(old), expected(new)])
    }

    fn table_url(&self) -> String {
        format!("{}/reports/{TABLE}?limit=100000", self.fleet.api.url())
    }

    /// Stops all processes in good order; nothing may be left behind but a dead letter for each failed report.
    pub(crate) fn close(mut self) {
        self.fleet.wait("the queue to be empty", || (self.inside.queued() == 0).then_some(()));
        for program in self.workers.iter_mut().chain([&mut self.fleet.api]) {
            program.terminate();
            let ended = program.end();
            assert!(ended.success(), "{ended}:\n{}", program.log());
        }
        let mut left = self.inside.left_behind();
        let temporary = std::fs::read_dir(self.fleet.setting("TMPDIR")).unwrap();
        left.extend(temporary.map(|entry| format!("the temporary file {:?}", entry.unwrap().file_name())));
        assert_eq!(left, Vec::<String>::new(), "left behind");
        assert_eq!(self.inside.dead_letters(), self.failed.get(), "a dead letter for each failed report");
    }
}

/// The ids of the rows of these numbers.
fn expected(numbers: Range<u64>) -> Vec<String> {
    ids(&numbers.map(data_api::row).collect::<Vec<_>>())
}
