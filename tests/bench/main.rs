//! `make bench`: how fast reports are made and read, against the floor of what they are made of.
//!
//! Drives the release binary as separate processes, as an installation runs them: inventory, API and worker, on embedded
//! parts and on RabbitMQ with a MongoDB server. Each figure stands next to its aim; nothing here passes or fails by time.
//!
//! ```text
//! options   what to measure        site      an installation and its processes
//! report    request to `finished`  floor     the same work without us: bare requests, bare inserts
//! reading   pages and searches     load      requests a second
//! bare      the MongoDB server alone         artifacts  files in every format
//! tasks     empty tasks a second, many small reports at a time
//! process   CPU and memory         machine   what it ran on
//! results   the table and its file    line      a figure next to its aim
//! ```

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking, as tests do")]

#[expect(dead_code, reason = "the tests share more than is measured here")]
#[path = "../support/mod.rs"]
mod support;

mod artifacts;
mod bare;
mod floor;
mod line;
mod load;
mod machine;
mod options;
mod process;
mod reading;
mod report;
mod results;
mod site;
mod stop;
mod tasks;

use crate::support::fleet::Parts;
use line::Line;
use options::{Options, Part};
use report::{Kind, Measured};
use results::Results;
use site::{Inventory, Site};
use tokio::runtime::{Builder, Runtime};

/// Servers of which the owner may read ten.
const SERVERS_FOR_TEN_ROWS: u64 = 11;
/// How often a small report is made; large ones are made less often (`Options::rounds`).
const SMALL_ROUNDS: usize = 15;
/// Servers of which the owner may read a hundred.
const SERVERS_FOR_HUNDRED_ROWS: u64 = 111;

fn main() -> anyhow::Result<()> {
    let Some(options) = Options::read() else { return Ok(()) };
    stop::at_signals();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut results = Results::new();
    let measured = measure(&options, &runtime, &mut results);
    results.add_memory();
    // What was measured before a failure is worth showing too.
    results.show(&options)?;
    measured
}

fn measure(options: &Options, runtime: &Runtime, results: &mut Results) -> anyhow::Result<()> {
    if options.wants(Part::Small) {
        let inventory = Inventory::start(SERVERS_FOR_TEN_ROWS)?;
        for parts in options.parts() {
            let Some(mut site) = Site::start(parts, &inventory, runtime)? else { continue };
            let measured = report::measure(&mut site, Kind::General, SMALL_ROUNDS)?;
            results.add(Line::small(parts, &measured))?;
        }
    }
    if options.wants(Part::Tasks) {
        let inventory = Inventory::start(SERVERS_FOR_HUNDRED_ROWS)?;
        for parts in options.parts() {
            let Some(site) = Site::start(parts, &inventory, runtime)? else { continue };
            results.add(tasks::measure(&site, parts)?)?;
            results.add(tasks::many(&site, parts)?)?;
        }
    }
    for &servers in &options.sizes {
        let inventory = Inventory::start(servers)?;
        for parts in options.parts() {
            for kind in options.kinds() {
                measure_size(options, runtime, results, &inventory, (parts, kind))?;
            }
        }
    }
    Ok(())
}

/// One kind of report at one size, on an installation of its own; the largest table is read as well.
fn measure_size(
    options: &Options,
    runtime: &Runtime,
    results: &mut Results,
    inventory: &Inventory,
    (parts, kind): (Parts, Kind),
) -> anyhow::Result<()> {
    let reads = kind == Kind::General && options.reads_at(inventory.servers);
    let exports = kind == Kind::General && options.wants(Part::Artifacts) && inventory.servers >= line::LARGE;
    if !options.wants(Part::Reports) && !reads && !exports {
        return Ok(());
    }
    let Some(mut site) = Site::start(parts, inventory, runtime)? else { return Ok(()) };
    let measured: Measured = report::measure(&mut site, kind, options.rounds(inventory.servers))?;
    if options.wants(Part::Reports) {
        results.add(Line::report(parts, kind, inventory.servers, &measured))?;
        results.note_peaks(parts, kind, inventory.servers, &measured);
    }
    if reads {
        for line in reading::measure(&site, parts, &measured)? {
            results.add(line)?;
        }
        results.add(load::measure(&site, parts, &measured)?)?;
    }
    if exports {
        for line in artifacts::measure(&site, parts, &measured)? {
            results.add(line)?;
        }
    }
    Ok(())
}
