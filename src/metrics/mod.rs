//! What this process counts, for Prometheus.
//!
//! `table` defines everything that is counted; the functions here are called once each from where the work is done.
//! `queue` asks the broker for the depth of its queues when somebody looks. Each process shows its own counts.

mod queue;
mod table;

pub use queue::refresh;
pub use table::{DEFINITIONS, Definition, Kind};

use crate::domain::{ReportType, StageSeconds, Status};
use prometheus::process_collector::ProcessCollector;
use prometheus::{Encoder, HistogramVec, IntCounterVec, IntGaugeVec, Registry, TextEncoder};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How a delivery of a task was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskOutcome {
    /// Its work is done.
    Done,
    /// It came after its time.
    Expired,
    /// An operator has cancelled it.
    Revoked,
    /// It failed and is tried again.
    Retried,
    /// It failed for good and lies with the dead letters.
    Dead,
    /// It was interrupted and given back.
    GivenBack,
    /// It was put back while another run makes its report.
    Waits,
    /// It was left to a newer request of its report.
    Replaced,
    /// Its report or its endpoint was removed.
    Removed,
    /// A delivery made way for others and goes on later.
    MadeWay,
    /// The broker did not take the settlement; it hands the task out again.
    Unsettled,
}

impl TaskOutcome {
    /// The label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Retried => "retried",
            Self::Dead => "dead",
            Self::GivenBack => "given_back",
            Self::Waits => "waits",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::MadeWay => "made_way",
            Self::Unsettled => "unsettled",
        }
    }
}

/// The limit that a client was held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// It asked or read too slowly; its connection was shut down.
    Slow,
    /// It asked more often than one caller may; it got 429.
    Rate,
    /// It came with bad tokens more often than one address may; it got 429.
    Refused,
}

impl Limited {
    /// The label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Rate => "rate",
            Self::Refused => "refused",
        }
    }
}

/// Why retention drops a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The platform does not know its report any more.
    Unknown,
    /// Its last run is too long ago.
    Old,
    /// It never had rows, and its last run is too long ago.
    Failed,
}

impl DropReason {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Old, Self::Failed];

    /// The label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Old => "old",
            Self::Failed => "failed",
        }
    }
}

/// The task's name where a message is no task.
pub const NO_TASK: &str = "unreadable";

struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    limited: IntCounterVec,
    tasks: IntCounterVec,
    task_seconds: HistogramVec,
    stage_seconds: HistogramVec,
    reports: IntCounterVec,
    rows: IntCounterVec,
    tables_dropped: IntCounterVec,
    generations_cleared: IntCounterVec,
    peer_requests: IntCounterVec,
    peer_seconds: HistogramVec,
    queue_messages: IntGaugeVec,
    broker_up: IntGaugeVec,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

impl Metrics {
    fn new() -> Self {
        let registry = Registry::new();
        table::BUILD.gauge(&registry).with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        if let Err(error) = registry.register(Box::new(ProcessCollector::for_self())) {
            log::warn!("the process's own metrics are not shown: {error}");
        }
        let metrics = Self {
            requests: table::REQUESTS.counter(&registry),
            request_seconds: table::REQUEST_SECONDS.histogram(&registry),
            limited: table::LIMITED.counter(&registry),
            tasks: table::TASKS.counter(&registry),
            task_seconds: table::TASK_SECONDS.histogram(&registry),
            stage_seconds: table::STAGE_SECONDS.histogram(&registry),
            reports: table::REPORTS.counter(&registry),
            rows: table::ROWS.counter(&registry),
            tables_dropped: table::TABLES_DROPPED.counter(&registry),
            generations_cleared: table::GENERATIONS_CLEARED.counter(&registry),
            peer_requests: table::PEER_REQUESTS.counter(&registry),
            peer_seconds: table::PEER_SECONDS.histogram(&registry),
            queue_messages: table::QUEUE_MESSAGES.gauge(&registry),
            broker_up: table::BROKER_UP.gauge(&registry),
            registry,
        };
        metrics.begin_at_zero();
        metrics
    }

    /// What has not happened yet is shown as 0, so that the first time is seen as an increase.
    fn begin_at_zero(&self) {
        for limit in [Limited::Slow, Limited::Rate, Limited::Refused] {
            self.limited.with_label_values(&[limit.as_str()]);
        }
        self.generations_cleared.with_label_values::<&str>(&[]);
        for reason in DropReason::ALL {
            self.tables_dropped.with_label_values(&[reason.as_str()]);
        }
        for kind in [ReportType::General, ReportType::Pivot] {
            self.rows.with_label_values(&[kind.as_str()]);
            for status in [Status::Finished, Status::Warning, Status::Error] {
                self.reports.with_label_values(&[kind.as_str(), status.as_str()]);
            }
        }
    }
}

/// A request was answered. `route` is the template of its address, not the address.
pub fn request(route: Option<&str>, method: &str, status: u16, took: Duration) {
    let route = route.unwrap_or("other");
    let method = if ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method) { method } else { "other" };
    let class = format!("{}xx", status / 100);
    METRICS.requests.with_label_values(&[route, method, class.as_str()]).inc();
    METRICS.request_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
}

/// A client was held to a limit.
pub fn limited(limit: Limited) {
    METRICS.limited.with_label_values(&[limit.as_str()]).inc();
}

/// A delivery of a task was settled.
pub fn task(name: &str, outcome: TaskOutcome, took: Duration) {
    METRICS.tasks.with_label_values(&[name, outcome.as_str()]).inc();
    METRICS.task_seconds.with_label_values(&[name]).observe(took.as_secs_f64());
}

/// A report ended with a new result.
pub fn report(kind: ReportType, status: Status, rows: u64, stages: &StageSeconds) {
    report_ended(kind, status);
    METRICS.rows.with_label_values(&[kind.as_str()]).inc_by(rows);
    for (stage, seconds) in stages {
        METRICS.stage_seconds.with_label_values(&[stage]).observe(*seconds);
    }
}

/// A report ended, with or without a new result.
pub fn report_ended(kind: ReportType, status: Status) {
    METRICS.reports.with_label_values(&[kind.as_str(), status.as_str()]).inc();
}

/// Retention dropped a table.
pub fn table_dropped(reason: DropReason) {
    METRICS.tables_dropped.with_label_values(&[reason.as_str()]).inc();
}

/// Retention cleared so many generations.
pub fn generations_cleared(count: u64) {
    METRICS.generations_cleared.with_label_values::<&str>(&[]).inc_by(count);
}

/// A call of another service was answered, or not.
pub fn peer(name: &str, outcome: &str, began: Instant) {
    METRICS.peer_requests.with_label_values(&[name, outcome]).inc();
    METRICS.peer_seconds.with_label_values(&[name]).observe(began.elapsed().as_secs_f64());
}

/// Everything counted so far, in Prometheus' text format 0.0.4.
#[must_use]
pub fn text() -> String {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&METRICS.registry.gather(), &mut text) {
        log::error!("metrics cannot be written: {error}");
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The media type of [`text`].
pub const MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_table_can_be_counted_and_is_shown() {
        request(Some("/reports/{table}"), "GET", 200, Duration::from_millis(3));
        request(None, "BREW", 404, Duration::ZERO);
        limited(Limited::Slow);
        task("qgeneral.api", TaskOutcome::Done, Duration::from_secs(1));
        report(ReportType::Pivot, Status::Finished, 12, &[("pivot".to_owned(), 0.5)].into());
        peer("Data API", "ok", Instant::now());
        METRICS.queue_messages.with_label_values(&["report", "dead"]).set(3);
        METRICS.broker_up.with_label_values::<&str>(&[]).set(1);
        let text = text();
        for definition in DEFINITIONS {
            let kind = format!("# TYPE {} {}", definition.name, format!("{:?}", definition.kind).to_lowercase());
            assert!(text.contains(&kind), "{kind} is not in:\n{text}");
        }
        for line in [
            r#"maestro_reports_http_requests_total{method="other",route="other",status="4xx"} 1"#,
            r#"maestro_reports_rows_stored_total{type="pivot"} 12"#,
            r#"maestro_reports_reports_ended_total{status="error",type="general"} 0"#,
            "process_cpu_seconds_total",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
    }
}
