//! The definitions: name, kind, labels and meaning of everything that is counted.
//!
//! Labels take few values: names of routes, tasks, peers and outcomes, never an id. docs/operating.md is tested
//! against this table.

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

/// What is measured, in Prometheus' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations in seconds, counted into buckets.
    Histogram,
}

/// One thing that is counted.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
    buckets: &'static [f64],
}

/// Answers of a server: 1 ms to 10 s.
const QUICK: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Work on a report: 10 ms to half an hour.
const LONG: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

type Labels = &'static [&'static str];

const fn counter(name: &'static str, labels: Labels, help: &'static str) -> Definition {
    Definition { name, kind: Kind::Counter, labels, help, buckets: &[] }
}

const fn gauge(name: &'static str, labels: Labels, help: &'static str) -> Definition {
    Definition { name, kind: Kind::Gauge, labels, help, buckets: &[] }
}

const fn histogram(name: &'static str, labels: Labels, buckets: &'static [f64], help: &'static str) -> Definition {
    Definition { name, kind: Kind::Histogram, labels, help, buckets }
}

/// Everything that is counted, in the order of a reader's interest.
#[rustfmt::skip]
pub static DEFINITIONS: &[&Definition] = &[
    &REQUESTS, &REQUEST_SECONDS, &LIMITED, &TASKS, &TASK_SECONDS, &STAGE_SECONDS, &REPORTS, &ROWS, &TABLES_DROPPED,
    &GENERATIONS_CLEARED, &PEER_REQUESTS, &PEER_SECONDS, &QUEUE_MESSAGES, &BROKER_UP, &BUILD,
];

pub(super) static REQUESTS: Definition = counter(
    "maestro_reports_http_requests_total",
    &["route", "method", "status"],
    "HTTP requests answered, by route, method and class of the status.",
);
pub(super) static REQUEST_SECONDS: Definition = histogram(
    "maestro_reports_http_request_duration_seconds",
    &["route"],
    QUICK,
    "Time from a request to the head of its answer.",
);
pub(super) static LIMITED: Definition =
    counter("maestro_reports_http_limited_total", &["limit"], "Clients of the API held to a limit.");
pub(super) static TASKS: Definition = counter(
    "maestro_reports_tasks_total",
    &["task", "outcome"],
    "Deliveries of tasks settled, by task and outcome; each attempt counts.",
);
pub(super) static TASK_SECONDS: Definition =
    histogram("maestro_reports_task_duration_seconds", &["task"], LONG, "Time from a delivery to its settlement.");
pub(super) static STAGE_SECONDS: Definition = histogram(
    "maestro_reports_stage_duration_seconds",
    &["stage"],
    LONG,
    "Time that a finished report spent in each stage; stages overlap.",
);
pub(super) static REPORTS: Definition = counter(
    "maestro_reports_reports_ended_total",
    &["type", "status"],
    "Reports that ended, by type and the status that they ended with.",
);
pub(super) static ROWS: Definition =
    counter("maestro_reports_rows_stored_total", &["type"], "Rows of finished reports put into the report store.");
pub(super) static TABLES_DROPPED: Definition = counter(
    "maestro_reports_tables_dropped_total",
    &["reason"],
    "Tables that retention dropped: of reports unknown to the platform, of old runs, of failed runs without rows.",
);
pub(super) static GENERATIONS_CLEARED: Definition = counter(
    "maestro_reports_generations_cleared_total",
    &[],
    "Generations of rows that retention cleared: left by lost runs, or readable before the present one.",
);
pub(super) static PEER_REQUESTS: Definition = counter(
    "maestro_reports_peer_requests_total",
    &["peer", "outcome"],
    "Calls of the platform's other services, by service and outcome.",
);
pub(super) static PEER_SECONDS: Definition = histogram(
    "maestro_reports_peer_request_duration_seconds",
    &["peer"],
    LONG,
    "Time from a call of another service to the head of its answer.",
);
pub(super) static QUEUE_MESSAGES: Definition = gauge(
    "maestro_reports_queue_messages",
    &["queue", "state"],
    "Messages in a queue: waiting, or dead. Asked of the broker when scraped.",
);
pub(super) static BROKER_UP: Definition =
    gauge("maestro_reports_broker_up", &[], "1 where the broker answered when scraped, 0 where it did not.");
pub(super) static BUILD: Definition =
    gauge("maestro_reports_build_info", &["version"], "1; the label tells the version of the program.");

impl Definition {
    pub(super) fn counter(&self, registry: &Registry) -> IntCounterVec {
        self.register(registry, IntCounterVec::new(self.opts(), self.labels))
    }

    pub(super) fn gauge(&self, registry: &Registry) -> IntGaugeVec {
        self.register(registry, IntGaugeVec::new(self.opts(), self.labels))
    }

    pub(super) fn histogram(&self, registry: &Registry) -> HistogramVec {
        let opts = HistogramOpts::new(self.name, self.help).buckets(self.buckets.to_vec());
        self.register(registry, HistogramVec::new(opts, self.labels))
    }

    fn opts(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    #[expect(clippy::expect_used, reason = "the table above is fixed, and a test goes through all of it")]
    fn register<C: Collector + Clone + 'static>(&self, registry: &Registry, made: prometheus::Result<C>) -> C {
        let collector = made.expect(self.name);
        registry.register(Box::new(collector.clone())).expect(self.name);
        collector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_prometheus_conventions() {
        for Definition { name, kind, labels, help, .. } in DEFINITIONS {
            assert!(name.starts_with("maestro_reports_") && help.ends_with('.'), "{name}: {help}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), *kind == Kind::Histogram, "{name}");
            assert!(labels.iter().all(|label| !label.contains("id")), "{name}: ids have no end of values");
        }
    }

    #[test]
    fn names_kinds_labels_and_meanings_are_kept() {
        let lines = DEFINITIONS.iter().map(|Definition { name, kind, labels, help, .. }| {
            format!("{name} {kind:?} [{}]\n    {help}\n", labels.join(", "))
        });
        insta::assert_snapshot!(lines.collect::<String>());
    }
}
