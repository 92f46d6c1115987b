//! A report from its request to `finished`, some rounds of it, each next to its floor.

use crate::floor::{self, Floor};
use crate::process;
use crate::site::Site;
use crate::support::fleet::{OWNER, token};
use anyhow::{Context, ensure};
use clap::ValueEnum;
use maestro_reports::domain::TableName;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A kind of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Every server.
    General,
    /// Every application with its servers.
    Pivot,
}

impl Kind {
    /// Its name in addresses and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Pivot => "pivot",
        }
    }

    /// Its filters as the web client sends them.
    pub(crate) fn filters(self) -> Value {
        match self {
            Self::General => json!([]),
            Self::Pivot => {
                json!({"applications": {"enabled": true, "filters": []}, "servers": {"enabled": true, "filters": []}})
            }
        }
    }
}

/// What was measured of a report: medians of the rounds.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The table of the last round.
    pub(crate) table: TableName,
    /// Its rows.
    pub(crate) rows: u64,
    /// Seconds from the request to the platform's record saying `finished`.
    pub(crate) seconds: f64,
    /// The floor.
    pub(crate) floor: Floor,
    /// CPU seconds a round of API and worker.
    pub(crate) cpu: (f64, f64),
    /// Largest memory of API and worker so far, MiB.
    pub(crate) peak: (f64, f64),
}

/// Makes the report `rounds` times, and measures its floor as often.
///
/// # Errors
/// Where a report does not end as `finished`.
pub(crate) fn measure(site: &mut Site<'_>, kind: Kind, rounds: usize) -> anyhow::Result<Measured> {
    // The inventory reads its files and the worker connects where nobody measures it.
    floor::fetch(site, kind)?;
    make(site, Kind::General, "Datacenters")?;
    let (mut seconds, mut fetches, mut inserts) = (Vec::new(), Vec::new(), Vec::new());
    let mut cpu = (0.0, 0.0);
    let mut last = None;
    for _ in 0..rounds {
        fetches.push(floor::fetch(site, kind)?);
        let before = cpu_now(site)?;
        let (table, spent) = make(site, kind, "Servers")?;
        let after = cpu_now(site)?;
        cpu = (cpu.0 + after.0 - before.0, cpu.1 + after.1 - before.1);
        seconds.push(spent);
        inserts.push(floor::insert(site, &table)?);
        last = Some(table);
    }
    let table = last.context("no round was asked for")?;
    let record = site.runtime.block_on(site.store.report(&table))?.context("the report has no record")?;
    let each = |total: f64| total / rounds as f64;
    Ok(Measured {
        table,
        rows: record.rows,
        seconds: median(&mut seconds),
        floor: Floor { fetch: median(&mut fetches), insert: median(&mut inserts) },
        cpu: (each(cpu.0), each(cpu.1)),
        peak: (process::peak_mib(site.fleet.api.id())?, process::peak_mib(site.worker.id())?),
    })
}

/// The value in the middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn cpu_now(site: &Site<'_>) -> anyhow::Result<(f64, f64)> {
    Ok((process::cpu_seconds(site.fleet.api.id())?, process::cpu_seconds(site.worker.id())?))
}

/// Requests a report and waits for it; its table, and the seconds until the platform's record said `finished`.
fn make(site: &Site<'_>, kind: Kind, component: &str) -> anyhow::Result<(TableName, f64)> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let id = format!("5f{:022x}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let body = json!({
        "report_id": id, "owner_user": OWNER, "component": component, "filters": kind.filters().to_string(),
    });
    let told = site.fleet.platform.calls("/api").len();
    let url = format!("{}/reports/{}", site.fleet.api.url(), kind.name());
    let request = site.agent.post(&url).header("Authorization", token()).content_type("application/json");
    let start = Instant::now();
    let mut answer = request.send(body.to_string())?;
    ensure!(answer.status().is_success(), "POST {url}: {} {}", answer.status(), answer.body_mut().read_to_string()?);
    drop(answer.body_mut().read_to_vec()?);
    let record = format!("{}/reports/{id}", site.fleet.data_uri());
    let record =
        site.wait("a report to end", || Ok(site.get(&record)?.filter(|record| record["status"] != "process")))?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(record["status"] == "finished", "the report ended as {}: {}", record["status"], record["msg"]);
    // The browser's notice is the last thing that is done for a report; the next round begins on a quiet installation.
    site.wait("the browser's notice", || Ok((site.fleet.platform.calls("/api").len() > told).then_some(())))?;
    Ok((format!("{id}_{}", kind.name()).parse()?, seconds))
}
