//! One line of the table: a figure next to its aim.

use crate::artifacts;
use crate::reading::{PAGE_ROWS, Times};
use crate::report::{Kind, Measured};
use crate::support::fleet::Parts;
use comfy_table::{Cell, CellAlignment};
use maestro_reports::artifact::Format;
use std::fmt;

/// From so many servers on a report is compared with its floor.
pub(crate) const LARGE: u64 = 10_000;
/// The aims.
const RATIO: f64 = 1.1;
const SMALL_SECONDS: f64 = 0.15;
const PEAK_MIB: f64 = 100.0;
const PEAK_GROWTH: f64 = 1.2;
const PAGE_MS: f64 = 10.0;
const SEARCH_MS: f64 = 150.0;
const REQUESTS_A_SECOND: f64 = 1000.0;
/// How many times the tasks of Celery a second.
const TIMES_CELERY: f64 = 5.0;
/// How many times faster than Python an artifact is written, and its first byte.
const FASTER: f64 = 20.0;
const FIRST_BYTE_MS: f64 = 100.0;

/// One line of the table.
#[derive(Debug, Default)]
pub(crate) struct Line {
    what: String,
    parts: &'static str,
    rows: String,
    measured: String,
    floor: String,
    ratio: String,
    cpu: String,
    peak: String,
    aim: String,
    met: Option<bool>,
}

impl Line {
    fn of_report(parts: Parts, what: String, measured: &Measured) -> Self {
        let Measured { seconds, floor, cpu, peak, rows, .. } = measured;
        Self {
            what,
            parts: name(parts),
            rows: rows.to_string(),
            measured: format!("{seconds:.3} s"),
            floor: format!("{:.3} s ({:.3} + {:.3})", floor.seconds(), floor.fetch, floor.insert),
            ratio: format!("{:.2}", seconds / floor.seconds()),
            cpu: format!("{:.2}, {:.2}", cpu.0, cpu.1),
            peak: format!("{:.0}, {:.0}", peak.0, peak.1),
            ..Self::default()
        }
    }

    fn aiming(self, aim: String, met: bool) -> Self {
        Self { aim, met: Some(met), ..self }
    }

    /// A report of ten rows.
    pub(crate) fn small(parts: Parts, measured: &Measured) -> Self {
        let met = measured.seconds <= SMALL_SECONDS;
        Self::of_report(parts, "report of ten rows".to_owned(), measured).aiming(format!("≤ {SMALL_SECONDS} s"), met)
    }

    /// A report of many rows.
    pub(crate) fn report(parts: Parts, kind: Kind, servers: u64, measured: &Measured) -> Self {
        let line = Self::of_report(parts, format!("report: {}, {servers} servers", kind.name()), measured);
        if servers < LARGE {
            return line;
        }
        line.aiming(format!("≤ {RATIO} × floor"), measured.seconds <= RATIO * measured.floor.seconds())
    }

    /// A page in the order of a usual column.
    pub(crate) fn page(parts: Parts, column: &str, rows: u64, times: Times, floor_ms: Option<f64>) -> Self {
        let line = Self::of_times(parts, format!("page of {PAGE_ROWS} by {column}"), rows, times, floor_ms);
        line.aiming(format!("< {PAGE_MS} ms"), times.median < PAGE_MS)
    }

    /// A page in the order of a column without an index.
    pub(crate) fn other_page(parts: Parts, column: &str, rows: u64, times: Times, floor_ms: Option<f64>) -> Self {
        Self::of_times(parts, format!("page of {PAGE_ROWS} by {column} (no index)"), rows, times, floor_ms)
    }

    /// A search.
    pub(crate) fn search(parts: Parts, rows: u64, times: Times, floor_ms: Option<f64>) -> Self {
        let line = Self::of_times(parts, "search by substring".to_owned(), rows, times, floor_ms);
        line.aiming(format!("< {SEARCH_MS} ms"), times.median < SEARCH_MS)
    }

    fn of_times(parts: Parts, what: String, rows: u64, times: Times, floor_ms: Option<f64>) -> Self {
        let Times { median, p95 } = times;
        Self {
            what,
            parts: name(parts),
            rows: rows.to_string(),
            measured: format!("{median:.1} ms (95 %: {p95:.1})"),
            floor: floor_ms.map(|floor| format!("{floor:.1} ms (the server alone)")).unwrap_or_default(),
            ratio: floor_ms.map(|floor| format!("{:.2}", median / floor)).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Pages under load.
    pub(crate) fn load(parts: Parts, rows: u64, a_second: f64, cpu_ms: f64) -> Self {
        let line = Self {
            what: format!("pages of {PAGE_ROWS}, 4 connections"),
            parts: name(parts),
            rows: rows.to_string(),
            measured: format!("{a_second:.0} requests a second"),
            cpu: format!("{cpu_ms:.2} ms a request"),
            ..Self::default()
        };
        line.aiming(format!("≥ {REQUESTS_A_SECOND}"), a_second >= REQUESTS_A_SECOND)
    }

    /// Empty tasks a second, and how many Celery's worker does.
    pub(crate) fn tasks(parts: Parts, concurrency: &str, ours: f64, celery: Option<f64>) -> Self {
        let line = Self {
            what: format!("empty tasks, {concurrency} at a time"),
            parts: name(parts),
            measured: format!("{ours:.0} a second"),
            floor: celery.map(|celery| format!("{celery:.0} a second (Celery)")).unwrap_or_default(),
            ratio: celery.map(|celery| format!("{:.2}", ours / celery)).unwrap_or_default(),
            ..Self::default()
        };
        match celery {
            Some(celery) => line.aiming(format!("≥ {TIMES_CELERY} × Celery"), ours >= TIMES_CELERY * celery),
            None => line,
        }
    }

    /// Small reports at the same time.
    pub(crate) fn many(parts: Parts, reports: usize, rows: usize, seconds: f64, peak: f64) -> Self {
        let line = Self {
            what: format!("{reports} reports at a time"),
            parts: name(parts),
            rows: rows.to_string(),
            measured: format!("{seconds:.3} s for all"),
            peak: format!("worker {peak:.0}"),
            ..Self::default()
        };
        line.aiming(format!("< {PEAK_MIB} MiB"), peak < PEAK_MIB)
    }

    /// A table in one format, and how long Python takes for it.
    pub(crate) fn artifact(parts: Parts, format: &Format, times: artifacts::Times, python: Option<f64>) -> Self {
        let artifacts::Times { seconds, first_ms, bytes, rows, cpu, peak } = times;
        let a_second = rows as f64 / seconds;
        let line = Self {
            what: format!("artifact: {}, {:.1} MB", format.name, bytes as f64 / 1e6),
            parts: name(parts),
            rows: rows.to_string(),
            measured: format!("{seconds:.3} s, first byte {first_ms:.0} ms, {a_second:.0} rows/s"),
            floor: python.map(|python| format!("{python:.2} s (Python)")).unwrap_or_default(),
            ratio: python.map(|python| format!("{:.3}", seconds / python)).unwrap_or_default(),
            cpu: format!("{cpu:.2}"),
            peak: format!("{peak:.0}"),
            ..Self::default()
        };
        match python {
            Some(python) => {
                let met = seconds * FASTER <= python && first_ms < FIRST_BYTE_MS;
                line.aiming(format!("≤ {} × Python, < {FIRST_BYTE_MS} ms", 1.0 / FASTER), met)
            }
            None => line,
        }
    }

    /// The largest memory of one process, and how it grew with ten times the servers.
    pub(crate) fn memory(
        parts: Parts,
        kind: Kind,
        process: &str,
        servers: u64,
        peak: f64,
        smaller: Option<(u64, f64)>,
    ) -> Self {
        let grown = smaller.map(|(servers, before)| (servers, peak / before));
        let more = grown.map(|(servers, times)| format!(", {times:.2} × that of {servers}")).unwrap_or_default();
        let line = Self {
            what: format!("memory of the {process}: {}, {servers} servers", kind.name()),
            parts: name(parts),
            measured: format!("{peak:.0} MiB{more}"),
            ..Self::default()
        };
        let met = peak < PEAK_MIB && grown.is_none_or(|(_, times)| times <= PEAK_GROWTH);
        line.aiming(format!("< {PEAK_MIB} MiB, ≤ {PEAK_GROWTH} ×"), met)
    }

    /// The line's cells, in the order of the table's header.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let met = self.met.map_or("", |met| if met { "yes" } else { "NO" });
        let right = |text: &str| Cell::new(text).set_alignment(CellAlignment::Right);
        vec![
            Cell::new(&self.what),
            Cell::new(self.parts),
            right(&self.rows),
            right(&self.measured),
            right(&self.floor),
            right(&self.ratio),
            right(&self.cpu),
            right(&self.peak),
            Cell::new(&self.aim),
            Cell::new(met),
        ]
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}: {}", self.what, self.parts, self.measured)
    }
}

fn name(parts: Parts) -> &'static str {
    match parts {
        Parts::Embedded => "embedded",
        Parts::Servers => "RabbitMQ, MongoDB",
    }
}
