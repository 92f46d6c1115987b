//! What a worker tells of itself, in the shapes of Celery's.

use super::Desk;
use crate::app::App;
use crate::config::Config;
use procfs::process::Process;
use serde_json::{Value, json};
use url::Url;

/// `inspect stats`.
pub(super) fn stats(desk: &Desk<'_>) -> Value {
    let (config, node, wanted) = (&desk.app.config, desk.node, desk.node.pool.wanted());
    let process = Process::myself().and_then(|process| process.stat()).ok();
    let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
    let usage =
        process.map(|stat| json!({"utime": seconds(stat.utime), "stime": seconds(stat.stime), "maxrss": peak()}));
    json!({
        "total": node.totals(),
        "pid": std::process::id(),
        "clock": node.tick().to_string(),
        "uptime": node.started.elapsed().as_secs(),
        "pool": {
            "implementation": "maestro_reports:threads",
            "max-concurrency": wanted.size,
            "threads": wanted.size,
            "processes": [std::process::id()],
            "max-tasks-per-child": "N/A",
            "put-guarded-by-semaphore": true,
            "timeouts": [0, 0],
            "writes": "N/A",
        },
        "broker": broker(config),
        "prefetch_count": wanted.prefetch(),
        "rusage": usage.unwrap_or_else(|| json!({})),
    })
}

fn broker(config: &Config) -> Value {
    let url = config.broker.url.as_ref().and_then(|url| Url::parse(url.expose().split(';').next()?).ok());
    let Some(url) = url else {
        return json!({"hostname": null, "port": null, "userid": null, "virtual_host": null, "transport": "sqlite"});
    };
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let ssl = url.scheme() == "amqps";
    json!({
        "hostname": url.host_str(),
        "userid": decoded(url.username()),
        "virtual_host": decoded(url.path().trim_start_matches('/')),
        "port": url.port().unwrap_or(if ssl { 5671 } else { 5672 }),
        "insist": false,
        "ssl": ssl,
        "transport": "amqp",
        "connect_timeout": 5,
        "transport_options": {},
        "login_method": "PLAIN",
        "uri_prefix": null,
        "heartbeat": 60.0,
        "failover_strategy": "round-robin",
        "alternates": [],
        "credential_provider": null,
    })
}

/// `inspect active_queues`.
pub(super) fn queues(desk: &Desk<'_>) -> Value {
    let mut names = desk.node.pool.wanted().queues;
    if desk.app.delivers() {
        names.push(desk.app.config.broker.webhook_queue());
    }
    names.iter().map(|name| queue(name)).collect()
}

fn queue(name: &str) -> Value {
    json!({
        "name": name,
        "exchange": {"name": name, "type": "direct", "arguments": null, "durable": true, "passive": false,
            "auto_delete": false, "delivery_mode": null, "no_declare": false},
        "routing_key": name,
        "queue_arguments": null,
        "binding_arguments": null,
        "consumer_arguments": null,
        "durable": true,
        "exclusive": false,
        "auto_delete": false,
        "no_ack": false,
        "alias": null,
        "bindings": [],
        "no_declare": null,
        "expires": null,
        "message_ttl": null,
        "max_length": null,
        "max_length_bytes": null,
        "max_priority": null,
    })
}

/// `inspect conf`: the settings that have a name in Celery, without secrets.
pub(super) fn conf(config: &Config) -> Value {
    let url = config.broker.url.as_ref().and_then(|url| Url::parse(url.expose().split(';').next()?).ok());
    let shown = url.map(|mut url| {
        if url.password().is_some() && url.set_password(Some("********")).is_err() {
            return String::new();
        }
        url.to_string()
    });
    json!({
        "broker_url": shown,
        "task_default_queue": config.broker.queue,
        "worker_concurrency": config.worker.concurrency,
        "worker_prefetch_multiplier": config.worker.prefetch_multiplier,
        "worker_send_task_events": config.worker.task_events,
        "task_acks_late": true,
        "task_ignore_result": true,
    })
}

/// `inspect report`.
pub(super) fn report(app: &App) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let parts = app.parts().join("\n");
    format!(
        "\nsoftware -> maestro-reports:{version}\nplatform -> system:Linux arch:{}\n{parts}\n",
        std::env::consts::ARCH
    )
}

/// `inspect memsample`: the memory in use, as Celery writes it.
pub(super) fn memory() -> Option<String> {
    let process = Process::myself().and_then(|process| process.status()).ok()?;
    Some(format!("{:.2}MB", process.vmrss? as f64 / 1024.0))
}

/// The most memory that was in use, in KiB.
fn peak() -> Option<u64> {
    Process::myself().and_then(|process| process.status()).ok()?.vmhwm
}
