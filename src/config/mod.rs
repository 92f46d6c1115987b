//! The configuration in force: typed groups, read from flags, environment, file and defaults, in this order of strength.
//!
//! `env` is the table of all settings, `layers` merges the sources, `kind` checks values, `load` builds the types.
//! Nothing here reads the process environment or reaches a server.

mod endpoint;
pub mod env;
mod kind;
mod layers;
mod load;
mod mistake;
mod mongo_tls;
mod node;
pub mod redact;
mod schedule;
mod secrets;
mod show;
#[cfg(test)]
mod tests;

pub use kind::Kind;
pub use layers::{DEFAULTS, Flag, Setting};
pub use load::{load, log_format, node_name, settings};
pub use mistake::{ConfigError, Mistake, Origin};
pub use node::expand_path;
pub use show::table;

use crate::artifact::Bound;
use crate::domain::{AddressRule, Endpoint, ReportId};
use crate::schedule::Schedule;
use chrono::TimeDelta;
use chrono_tz::Tz;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Every setting, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether this is a production system (`MAESTRO_ENV`): default secrets are refused.
    pub production: bool,
    /// How the log is written (`MAESTRO_LOG_FORMAT`).
    pub log_format: LogFormat,
    /// Where metrics are shown, `host:port` (`MAESTRO_METRICS_BIND`); `None`: on the port of the API.
    pub metrics_bind: Option<String>,
    /// The API.
    pub api: Api,
    /// Files made of tables.
    pub artifacts: Artifacts,
    /// What clients of the API may take.
    pub clients: Clients,
    /// Tokens between services.
    pub auth: Auth,
    /// Encrypted connections.
    pub tls: Tls,
    /// The report store.
    pub store: Store,
    /// The queue.
    pub broker: Broker,
    /// The platform's other services.
    pub peers: Peers,
    /// The stages of a report.
    pub stages: Stages,
    /// The worker.
    pub worker: Worker,
    /// One run at a time for a report.
    pub runs: Runs,
    /// How long tables stay.
    pub retention: Retention,
    /// Delivery to users' endpoints.
    pub webhooks: Webhooks,
    /// Where schedules come from.
    pub timetable: Timetable,
    /// The schedules of the files, as they were when the process started.
    pub schedules: Vec<Schedule>,
}

impl Config {
    /// All queues that these settings use, each once: where tasks are published, where a worker takes from, deliveries.
    #[must_use]
    pub fn all_queues(&self) -> BTreeSet<String> {
        let named = self.worker.queues.iter().chain([&self.broker.queue]).cloned();
        named.chain([self.broker.webhook_queue()]).collect()
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Settings of the API.
#[derive(Debug, Clone)]
pub struct Api {
    /// Address to listen on (`MAESTRO_HOST`).
    pub host: String,
    /// Port (`MAESTRO_PORT`).
    pub port: u16,
    /// Worker threads (`MAESTRO_GWORKERS`).
    pub threads: usize,
    /// Default page size when rows are read (`MAESTRO_REPORT_RESULT_QTD`).
    pub page_rows: u64,
    /// Largest page size (`MAESTRO_REPORT_RESULT_MAX`).
    pub max_page_rows: u64,
    /// Largest request body in bytes (`MAESTRO_MAX_BODY_BYTES`).
    pub max_body_bytes: usize,
    /// Longest time for one query of rows (`MAESTRO_QUERY_SECONDS`).
    pub query_timeout: Duration,
}

/// The most rows in files that cannot be streamed.
#[derive(Debug, Clone, Copy)]
pub struct Artifacts {
    /// In a PDF (`MAESTRO_PDF_ROWS`).
    pub pdf_rows: u64,
    /// In a workbook (`MAESTRO_XLSX_ROWS`).
    pub xlsx_rows: u64,
    /// In an inventory in YAML (`MAESTRO_YAML_ROWS`).
    pub yaml_rows: u64,
}

impl Artifacts {
    /// The setting that bounds a format.
    #[must_use]
    pub fn rows(&self, bound: Bound) -> u64 {
        match bound {
            Bound::Pdf => self.pdf_rows,
            Bound::Xlsx => self.xlsx_rows,
            Bound::Yaml => self.yaml_rows,
        }
    }
}

/// Limits of the API's clients.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Connections at a time (`MAESTRO_MAX_CONNECTIONS`).
    pub max_connections: usize,
    /// How long a client may keep a body, or an answer, waiting (`MAESTRO_CLIENT_SECONDS`).
    pub patience: Duration,
    /// Requests a second of one caller (`MAESTRO_RATE`); `None` (0): without limit.
    pub rate: Option<NonZeroU32>,
    /// Requests of one caller at once (`MAESTRO_RATE_BURST`).
    pub burst: NonZeroU32,
    /// Refused tokens a minute of one address (`MAESTRO_REFUSED_RATE`); `None` (0): without limit.
    pub refused_per_minute: Option<NonZeroU32>,
    /// Proxies whose header `X-Forwarded-For` is believed (`MAESTRO_TRUSTED_PROXIES`).
    pub proxies: Vec<IpNet>,
}

/// Settings of tokens between services.
#[derive(Debug, Clone)]
pub struct Auth {
    /// The HS256 key that signs, and is accepted (`MAESTRO_SECRETJWT_PRIVATE`).
    pub key: Secret,
    /// Further keys that are accepted (`MAESTRO_SECRETJWT_ACCEPTED`).
    pub accepted_keys: Vec<Secret>,
    /// The pass inside our tokens, and accepted in others' (`MAESTRO_NOAUTH`).
    pub noauth: Secret,
    /// Further passes that are accepted (`MAESTRO_NOAUTH_ACCEPTED`).
    pub accepted_noauths: Vec<Secret>,
    /// How long our tokens are valid (`MAESTRO_TOKEN_SECONDS`); `None` (0): for ever.
    pub token_lifetime: Option<Duration>,
}

impl Auth {
    /// One key, one pass, and tokens that do not end.
    #[must_use]
    pub fn new(key: &str, noauth: &str) -> Self {
        let (key, noauth) = (Secret::new(key), Secret::new(noauth));
        Self { key, accepted_keys: Vec::new(), noauth, accepted_noauths: Vec::new(), token_lifetime: None }
    }

    /// All accepted keys; the first one signs.
    pub fn keys(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.key).chain(&self.accepted_keys)
    }

    /// All accepted passes; the first one goes into our tokens.
    pub fn noauths(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.noauth).chain(&self.accepted_noauths)
    }
}

/// Settings of encrypted connections.
#[derive(Debug, Clone)]
pub struct Tls {
    /// PEM file of authorities to trust besides the system's (`MAESTRO_CA_FILE`).
    pub ca_file: Option<PathBuf>,
}

/// Settings of the report store.
#[derive(Debug, Clone)]
pub struct Store {
    /// `mongodb://…`, completed from a bare host name (`MAESTRO_MONGO_URI`); `None`: the embedded store.
    pub mongo_uri: Option<Secret>,
    /// The database (`MAESTRO_MONGO_DATABASE`).
    pub mongo_database: String,
    /// The folder of the embedded store and queue (`MAESTRO_DATA_DIR`).
    pub data_dir: PathBuf,
}

/// Settings of the queue.
#[derive(Debug, Clone)]
pub struct Broker {
    /// `amqp://…` (`CELERY_BROKER_URL`); `None`: the embedded queue in the data folder.
    pub url: Option<Secret>,
    /// The queue that `serve` and `beat` publish to (`CELERY_DEFAULT_QUEUE`).
    pub queue: String,
    /// Whether `task-sent` events tell of tasks that are published (`MAESTRO_SENT_EVENTS`).
    pub sent_events: bool,
    /// The highest priority of RabbitMQ's queues (`MAESTRO_MAX_PRIORITY`); `None`: they have none.
    pub max_priority: Option<u8>,
}

impl Broker {
    /// The queue of deliveries to users' endpoints. Workers of the Python service, which drop what they do not know, do
    /// not take from it.
    #[must_use]
    pub fn webhook_queue(&self) -> String {
        format!("{}.webhooks", self.queue)
    }
}

/// Settings of the platform's other services. Addresses have no trailing slash.
#[derive(Debug, Clone)]
pub struct Peers {
    /// The Data API (`MAESTRO_DATA_URI`).
    pub data_uri: String,
    /// The Reports API of another host (`MAESTRO_REPORT_URI`).
    pub report_uri: String,
    /// The audit service (`MAESTRO_AUDIT_URI`); `None` (an empty value): not told.
    pub audit_uri: Option<String>,
    /// The WebSocket service (`MAESTRO_WEBSOCKET_URI`); `None` (an empty value): not told.
    pub websocket_uri: Option<String>,
    /// Its API key (`MAESTRO_WEBSOCKET_SECRET`).
    pub websocket_secret: Secret,
    /// Longest silence of a peer, to connect, to begin an answer and between its pieces (`MAESTRO_PEER_SECONDS`).
    pub timeout: Duration,
}

/// Settings of the stages.
#[derive(Debug, Clone)]
pub struct Stages {
    /// Rows in one insert batch (`MAESTRO_INSERT_QTD`).
    pub batch_rows: usize,
    /// Batches between fetch and store (`MAESTRO_BATCHES_IN_FLIGHT`).
    pub batches_in_flight: usize,
    /// Rows asked of the Data API in one answer (`MAESTRO_FETCH_QTD`).
    pub fetch_rows: u64,
    /// Where a worker puts rows (`MAESTRO_UPLOAD`).
    pub upload: Upload,
}

/// Where a worker puts rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload {
    /// Into its own store.
    Store,
    /// To the Reports API of another host.
    Api,
}

/// Settings of the worker.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Queues to take from (`-q`).
    pub queues: Vec<String>,
    /// Tasks at a time (`--concurrency`).
    pub concurrency: usize,
    /// Between how many tasks at a time it goes up and down with its work (`--autoscale`).
    pub autoscale: Option<RangeInclusive<usize>>,
    /// Messages that it has for each task at a time (`--prefetch-multiplier`); 0: as many as there are.
    pub prefetch_multiplier: u16,
    /// How long a task may run (`--time-limit`, `--soft-time-limit`: the shorter one).
    pub time_limit: Option<Duration>,
    /// The node's name (`--hostname`).
    pub hostname: String,
    /// Whether task events are sent from the start (`--task-events`, `MAESTRO_TASK_EVENTS`).
    pub task_events: bool,
    /// Whether it asks the others at its start which tasks were revoked (`--without-mingle`).
    pub mingle: bool,
    /// Whether callers are told when a worker begins their tasks (`MAESTRO_TRACK_STARTED`).
    pub track_started: bool,
    /// The pause between a worker's signs of life (`--heartbeat-interval`, `MAESTRO_HEARTBEAT_SECONDS`); `None`: none.
    pub heartbeat: Option<Duration>,
    /// How long running tasks may go on after SIGTERM (`MAESTRO_SHUTDOWN_SECONDS`).
    pub shutdown: Duration,
    /// Retries of a report task (`MAESTRO_TASK_RETRIES`).
    pub task_retries: u32,
    /// Retries of a notice to a peer: notification, audit, ws (`MAESTRO_NOTICE_RETRIES`).
    pub notice_retries: u32,
    /// The pause before the first retry (`MAESTRO_RETRY_SECONDS`); each further one is twice as long, up to ten minutes.
    pub retry_pause: Duration,
}

/// Settings of the runs of reports.
#[derive(Debug, Clone)]
pub struct Runs {
    /// How long a report stays with a worker that gives no sign of life (`MAESTRO_LEASE_SECONDS`).
    pub lease: Duration,
    /// Workers that one task may take with it (`MAESTRO_CRASHES`).
    pub crashes: u32,
    /// How long a report may wait for a worker (`MAESTRO_WAIT_SECONDS`).
    pub wait_limit: Duration,
    /// How long a report whose worker was lost may wait for another (`MAESTRO_LOST_SECONDS`).
    pub lost_limit: Duration,
}

/// How long tables stay.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// How long one stays although the platform does not know its report (`MAESTRO_RETENTION_UNKNOWN_DAYS`); `None` (0):
    /// for ever.
    pub unknown: Option<TimeDelta>,
    /// How long one stays after its last run (`MAESTRO_RETENTION_RUN_DAYS`); `None` (0): for ever.
    pub runs: Option<TimeDelta>,
    /// The largest part of all reports that the platform may not know, in percent (`MAESTRO_RETENTION_MAX_SHARE`).
    pub max_share: usize,
}

/// The name of the endpoint of `MAESTRO_WEBHOOK_URL`.
pub const DEFAULT_ENDPOINT: &str = "default";

/// Settings of the delivery of rows to users' endpoints.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// Endpoints of all reports, or of those that they name (`MAESTRO_WEBHOOK_URL`, and the file).
    pub endpoints: Vec<NamedEndpoint>,
    /// Which addresses endpoints may have (`MAESTRO_WEBHOOK_ALLOW`).
    pub rule: AddressRule,
    /// Whether they may be at `http://` (`MAESTRO_WEBHOOK_HTTP`).
    pub plain: bool,
    /// Longest time for one message (`MAESTRO_WEBHOOK_SECONDS`).
    pub timeout: Duration,
    /// Retries of one message (`MAESTRO_WEBHOOK_RETRIES`).
    pub retries: u32,
    /// The pause before the first retry (`MAESTRO_WEBHOOK_RETRY_SECONDS`); each further one is twice as long.
    pub retry_pause: Duration,
    /// Most rows in one message (`MAESTRO_WEBHOOK_ROWS`).
    pub batch_rows: u64,
    /// Most bytes of rows in one message (`MAESTRO_WEBHOOK_BYTES`).
    pub batch_bytes: u64,
    /// Endpoints that a worker sends to at a time (`MAESTRO_WEBHOOK_CONCURRENCY`).
    pub concurrency: usize,
    /// How long a delivery goes on before it makes way for others. No setting: it is as long as rows are read at a stretch.
    pub slice: Duration,
}

/// An endpoint of many reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEndpoint {
    /// A unique name.
    pub name: String,
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The reports whose rows it gets; `None` for all.
    pub reports: Option<Vec<ReportId>>,
}

/// Where schedules come from, besides the requests for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timetable {
    /// Whether the platform's records count too.
    pub platform: bool,
    /// In which their cron schedules are due.
    pub zone: Tz,
    /// The file of `--config`.
    pub config_file: Option<PathBuf>,
    /// A file of schedules alone, which need not be there.
    pub schedules_file: Option<PathBuf>,
}

/// A text that no log and no error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
