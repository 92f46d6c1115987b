//! Every setting: its variable, its key in the file, its default, what it must look like and what it means.
//!
//! The one place that knows variable names. `config/default.toml` and the table of README.md are tested against it.

use super::kind::Kind;

/// One setting.
#[derive(Debug)]
pub struct Var {
    /// The environment variable.
    pub name: &'static str,
    /// The path in the TOML file, and the setting's name inside the program.
    pub key: &'static str,
    /// The default as text, the same as in `config/default.toml`.
    pub default: &'static str,
    /// What a value must look like.
    pub kind: Kind,
    /// What it means, for people.
    pub doc: &'static str,
}

const fn var(name: &'static str, key: &'static str, default: &'static str, kind: Kind, doc: &'static str) -> Var {
    Var { name, key, default, kind, doc }
}

const fn number(min: u64, max: u64, unit: &'static str) -> Kind {
    Kind::Number { min, max, unit }
}

/// The largest number that TOML holds and nobody needs.
const MANY: u64 = 1_000_000_000;

/// All settings, in the order of the file.
#[rustfmt::skip]
pub static VARS: &[Var] = &[
    var("MAESTRO_ENV", "env", "development", Kind::Choice(&["development", "production"]), "`production` refuses default secrets"),
    var("MAESTRO_LOG_FORMAT", "log.format", "text", Kind::Choice(&["text", "json"]), "how the log is written: lines of text, or a JSON object a line"),
    var("MAESTRO_METRICS_BIND", "metrics.bind", "", Kind::Bind, "address and port for `/metrics`, `/healthz` and `/readyz`, `127.0.0.1:9105`; empty: `serve` shows them on its own port, `worker` and `beat` do not listen"),
    var("MAESTRO_HOST", "api.host", "127.0.0.1", Kind::Host, "address that `serve` listens on"),
    var("MAESTRO_PORT", "api.port", "5005", number(0, 65_535, ""), "port that `serve` listens on; 0 takes a free one"),
    var("MAESTRO_GWORKERS", "api.threads", "2", number(1, 1024, "threads"), "worker threads of the API"),
    var("MAESTRO_REPORT_RESULT_QTD", "api.page_rows", "1500", number(1, MANY, "rows"), "page size when rows are read without `limit`"),
    var("MAESTRO_REPORT_RESULT_MAX", "api.max_page_rows", "100000", number(1, MANY, "rows"), "largest page size"),
    var("MAESTRO_MAX_BODY_BYTES", "api.max_body_bytes", "16777216", number(1024, MANY, "bytes"), "largest request body"),
    var("MAESTRO_QUERY_SECONDS", "api.query_seconds", "10", number(1, 3600, "seconds"), "longest time for one query of rows"),
    var("MAESTRO_PDF_ROWS", "artifacts.pdf_rows", "10000", number(1, 100_000, "rows"), "most rows in a PDF"),
    var("MAESTRO_XLSX_ROWS", "artifacts.xlsx_rows", "100000", number(1, 1_000_000, "rows"), "most rows in an XLSX workbook"),
    var("MAESTRO_YAML_ROWS", "artifacts.yaml_rows", "100000", number(1, 1_000_000, "rows"), "most rows in an Ansible inventory in YAML"),
    var("MAESTRO_MAX_CONNECTIONS", "clients.max_connections", "400", number(1, 100_000, "connections"), "connections of clients that `serve` holds at a time, two open files each"),
    var("MAESTRO_CLIENT_SECONDS", "clients.patience_seconds", "30", number(1, 3600, "seconds"), "how long a client may keep a body, or an answer that it does not read, waiting"),
    var("MAESTRO_RATE", "clients.rate", "500", number(0, 1_000_000, "requests"), "requests a second of one caller in the long run; 0: without limit"),
    var("MAESTRO_RATE_BURST", "clients.rate_burst", "2000", number(1, 1_000_000, "requests"), "requests of one caller at once"),
    var("MAESTRO_REFUSED_RATE", "clients.refused_rate", "60", number(0, 1_000_000, "tokens"), "refused tokens a minute of one address; 0: without limit"),
    var("MAESTRO_TRUSTED_PROXIES", "clients.trusted_proxies", "", Kind::Networks, "addresses and networks of proxies whose `X-Forwarded-For` is believed, separated by commas: `10.0.0.0/8,192.0.2.1`"),
    var("MAESTRO_SECRETJWT_PRIVATE", "auth.key", "defaultSecretKeyPrivate", Kind::Secret, "key that signs tokens between services"),
    var("MAESTRO_SECRETJWT_ACCEPTED", "auth.accepted_keys", "", Kind::Secrets, "further keys whose tokens are accepted, separated by commas, while a key is changed"),
    var("MAESTRO_NOAUTH", "auth.noauth", "defaultSecretNoAuthToken", Kind::Secret, "pass inside the token"),
    var("MAESTRO_NOAUTH_ACCEPTED", "auth.accepted_noauths", "", Kind::Secrets, "further passes that are accepted, separated by commas, while the pass is changed"),
    var("MAESTRO_TOKEN_SECONDS", "auth.token_seconds", "3600", number(0, MANY, "seconds"), "how long our own tokens are valid; 0: for ever"),
    var("MAESTRO_CA_FILE", "tls.ca_file", "", Kind::File, "PEM file of authorities to trust besides the system's, for `amqps`, `https` and MongoDB; empty: the system's alone"),
    var("MAESTRO_MONGO_URI", "store.mongo_uri", "", Kind::Mongo, "MongoDB of the report store, `mongodb://…` or a host name; empty: the embedded store"),
    var("MAESTRO_MONGO_DATABASE", "store.mongo_database", "maestro-reports", Kind::Database, "database of the report store"),
    var("MAESTRO_DATA_DIR", "store.data_dir", "./data", Kind::Folder, "folder of the embedded store and queue"),
    var("CELERY_BROKER_URL", "broker.url", "", Kind::Amqp, "RabbitMQ, `amqp://…` or `amqps://…`; empty: the embedded queue"),
    var("CELERY_DEFAULT_QUEUE", "broker.queue", "report", Kind::Queue, "queue that `serve` and `beat` publish to"),
    var("MAESTRO_SENT_EVENTS", "broker.sent_events", "off", Kind::Choice(&["off", "on"]), "whether `task-sent` events tell of tasks that are published, as Celery's `task_send_sent_event`"),
    var("MAESTRO_MAX_PRIORITY", "broker.max_priority", "0", number(0, 255, "level"), "highest priority of the queues on RabbitMQ, as Celery's `task_queue_max_priority`; 0: queues without priorities, as Celery declares them"),
    var("MAESTRO_DATA_URI", "peers.data_uri", "http://localhost:5010", Kind::Http { optional: false }, "Data API, where the inventory is read"),
    var("MAESTRO_REPORT_URI", "peers.report_uri", "http://localhost:5005", Kind::Http { optional: false }, "Reports API that gets rows with `MAESTRO_UPLOAD=api`"),
    var("MAESTRO_AUDIT_URI", "peers.audit_uri", "http://localhost:10900", Kind::Http { optional: true }, "audit service; empty: not told"),
    var("MAESTRO_WEBSOCKET_URI", "peers.websocket_uri", "http://localhost:8000", Kind::Http { optional: true }, "WebSocket service; empty: not told"),
    var("MAESTRO_WEBSOCKET_SECRET", "peers.websocket_secret", "wsSecretKey", Kind::Secret, "API key of the WebSocket service"),
    var("MAESTRO_PEER_SECONDS", "peers.timeout_seconds", "120", number(1, 3600, "seconds"), "longest silence of another service"),
    var("MAESTRO_INSERT_QTD", "stages.batch_rows", "500", number(1, 100_000, "rows"), "rows in one insert batch"),
    var("MAESTRO_BATCHES_IN_FLIGHT", "stages.batches_in_flight", "4", number(1, 64, "batches"), "batches between fetch and store"),
    var("MAESTRO_FETCH_QTD", "stages.fetch_rows", "99999", number(1, MANY, "rows"), "rows asked of the Data API in one answer"),
    var("MAESTRO_UPLOAD", "stages.upload", "store", Kind::Choice(&["store", "api"]), "where a worker puts rows: its own store, or the API at `MAESTRO_REPORT_URI`"),
    var("MAESTRO_QUEUES", "worker.queues", "report,reports", Kind::Queues, "queues that a worker takes from, separated by commas"),
    var("MAESTRO_CONCURRENCY", "worker.concurrency", "auto", Kind::Concurrency, "tasks at a time; `auto`: one for each processor"),
    var("MAESTRO_AUTOSCALE", "worker.autoscale", "", Kind::Autoscale, "most and fewest tasks at a time, `10,2`, between which a worker goes up and down with its work; empty: `worker.concurrency` always"),
    var("MAESTRO_PREFETCH_MULTIPLIER", "worker.prefetch_multiplier", "1", number(0, 1000, "messages"), "messages that a worker has for each task at a time, those that run included; 0: as many as there are"),
    var("MAESTRO_TIME_LIMIT", "worker.time_limit_seconds", "0", number(0, MANY, "seconds"), "how long a task may run before it ends in `error`; a task's own limit is stronger; 0: as long as it takes"),
    var("MAESTRO_SOFT_TIME_LIMIT", "worker.soft_time_limit_seconds", "0", number(0, MANY, "seconds"), "the same, named as Celery names it; the shorter of the two counts"),
    var("MAESTRO_HOSTNAME", "worker.hostname", "maestro@%h", Kind::Node, "node name of a worker; `%h` host name, `%n` its first label, `%d` the rest"),
    var("MAESTRO_TASK_EVENTS", "worker.task_events", "off", Kind::Choice(&["off", "on"]), "whether a worker tells of its tasks from the start, as Celery's `-E`; Flower turns it on by itself"),
    var("MAESTRO_MINGLE", "worker.mingle", "on", Kind::Choice(&["off", "on"]), "whether a worker that starts asks the others which tasks were revoked"),
    var("MAESTRO_TRACK_STARTED", "worker.track_started", "off", Kind::Choice(&["off", "on"]), "whether a caller is told that a worker has begun its task, as Celery's `task_track_started`"),
    var("MAESTRO_HEARTBEAT_SECONDS", "worker.heartbeat_seconds", "2", number(0, 60, "seconds"), "pause between the signs of life that Flower and other workers hear; 0: none"),
    var("MAESTRO_SHUTDOWN_SECONDS", "worker.shutdown_seconds", "30", number(0, 3600, "seconds"), "how long running tasks may go on after SIGTERM"),
    var("MAESTRO_TASK_RETRIES", "worker.task_retries", "3", number(0, 100, "retries"), "retries of a report task"),
    var("MAESTRO_NOTICE_RETRIES", "worker.notice_retries", "24", number(0, 100, "retries"), "retries of a notice to another service; the default lasts for an hour and a half at least"),
    var("MAESTRO_RETRY_SECONDS", "worker.retry_seconds", "5", number(1, 600, "seconds"), "pause before the first retry; each further one is twice as long, up to ten minutes"),
    var("MAESTRO_LEASE_SECONDS", "runs.lease_seconds", "15", number(1, 600, "seconds"), "how long a report, and a message of the embedded queue, stays with a worker that gives no sign of life"),
    var("MAESTRO_CRASHES", "runs.crashes", "3", number(1, 100, "crashes"), "workers that one task may take with it before its report ends in `error`"),
    var("MAESTRO_WAIT_SECONDS", "runs.wait_seconds", "900", number(1, 604_800, "seconds"), "how long a report may wait for a worker before it ends in `error`"),
    var("MAESTRO_LOST_SECONDS", "runs.lost_seconds", "300", number(1, 604_800, "seconds"), "how long a report whose worker was lost may wait for another one before it ends in `error`"),
    var("MAESTRO_BEAT_SOURCE", "beat.source", "own", Kind::Choice(&["own", "platform"]), "which schedules `beat` runs: `own` ones, of files and requests, or those and the ones of the `platform`'s Scheduler, in its place"),
    var("MAESTRO_BEAT_TIMEZONE", "beat.timezone", "UTC", Kind::Zone, "time zone of the platform's cron schedules: the one that its Scheduler ran in"),
    var("MAESTRO_SCHEDULES_FILE", "beat.schedules_file", "config/schedules.toml", Kind::File, "TOML file of `[[schedule]]` tables, besides those of the file of `--config`; it need not be there, and `beat` follows its changes"),
    var("MAESTRO_RETENTION_UNKNOWN_DAYS", "retention.unknown_days", "0", number(0, 3650, "days"), "days that a table stays although the platform does not know its report any more; 0: for ever"),
    var("MAESTRO_RETENTION_RUN_DAYS", "retention.run_days", "0", number(0, 3650, "days"), "days that a table stays after its last run; 0: for ever"),
    var("MAESTRO_RETENTION_MAX_SHARE", "retention.max_share", "20", number(1, 100, "percent"), "percent of the reports that the platform may not know; where it does not know more than that, its answer is not believed"),
    var("MAESTRO_WEBHOOK_URL", "webhooks.url", "", Kind::Endpoint, "endpoint that gets the rows of every report, `https://…`; empty: none. `[[endpoint]]` tables of the file name more"),
    var("MAESTRO_WEBHOOK_SECRET", "webhooks.secret", "", Kind::SigningSecrets, "what signs the messages to it, `whsec_…`; several, the newest first, while it is changed"),
    var("MAESTRO_WEBHOOK_ALLOW", "webhooks.allow", "", Kind::Allow, "addresses, ranges (`10.1.0.0/16`) and host names that an endpoint may have although they are not of the public internet"),
    var("MAESTRO_WEBHOOK_HTTP", "webhooks.http", "refuse", Kind::Choice(&["refuse", "allow"]), "`allow` takes endpoints at `http://` too, to which rows travel in the clear"),
    var("MAESTRO_WEBHOOK_SECONDS", "webhooks.timeout_seconds", "15", number(1, 300, "seconds"), "longest time for one message to an endpoint, its answer included"),
    var("MAESTRO_WEBHOOK_RETRIES", "webhooks.retries", "24", number(0, 100, "retries"), "retries of one message to an endpoint"),
    var("MAESTRO_WEBHOOK_RETRY_SECONDS", "webhooks.retry_seconds", "5", number(1, 600, "seconds"), "pause before the first of them; each further one is twice as long, up to four hours"),
    var("MAESTRO_WEBHOOK_ROWS", "webhooks.batch_rows", "500", number(1, 100_000, "rows"), "most rows in one message to an endpoint"),
    var("MAESTRO_WEBHOOK_BYTES", "webhooks.batch_bytes", "1048576", number(1024, MANY, "bytes"), "most bytes of rows in one message to an endpoint; a row that is larger goes alone"),
    var("MAESTRO_WEBHOOK_CONCURRENCY", "webhooks.concurrency", "2", number(0, 64, "endpoints"), "endpoints that a worker sends to at a time, beside its reports; 0: it leaves this to others"),
];

/// The setting with this key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Var> {
    VARS.iter().find(|var| var.key == key)
}

/// The settings as a Markdown table, as README.md shows them.
#[must_use]
pub fn markdown() -> String {
    let mut table = String::from("| variable | key in the file | default | meaning |\n|---|---|---|---|\n");
    for Var { name, key, default, kind, doc } in VARS {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        let unit = match kind.unit() {
            unit if doc.contains(unit) => String::new(),
            unit => format!(" ({unit})"),
        };
        table.push_str(&format!("| `{name}` | `{key}` | {default} | {doc}{unit} |\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_keys_are_unique_and_every_default_is_valid() {
        let names: BTreeSet<_> = VARS.iter().map(|var| var.name).collect();
        let keys: BTreeSet<_> = VARS.iter().map(|var| var.key).collect();
        assert_eq!((names.len(), keys.len()), (VARS.len(), VARS.len()));
        for var in VARS {
            assert!(var.kind.check(var.default).is_ok(), "{}", var.name);
        }
    }
}
