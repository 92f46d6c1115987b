//! What to measure: `make bench BENCH='--sizes 1000 --parts embedded'`.

use crate::report::Kind;
use crate::support::fleet::Parts;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Where the figures of a whole run go.
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/results.md");

/// Measures how fast reports are made and read; without options everything, in about eight minutes.
#[derive(Debug, Parser)]
#[command(name = "make bench")]
pub(crate) struct Options {
    /// Servers in the sample inventories
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    pub(crate) sizes: Vec<u64>,
    /// Parts to run on
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["embedded", "servers"])]
    parts: Vec<On>,
    /// Kinds of reports to make
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["general", "pivot"])]
    kinds: Vec<Kind>,
    /// What to measure: a report of ten rows, empty tasks, reports of each size, reading the largest, files of the large ones
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["small", "tasks", "reports", "reading", "artifacts"])]
    only: Vec<Part>,
    /// File to write; a run of everything goes to bench/results.md
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Given by `cargo bench`; without it nothing runs.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    /// SQLite store and queue
    Embedded,
    /// RabbitMQ and a MongoDB server
    Servers,
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// A report of ten rows.
    Small,
    /// Empty tasks a second, and many small reports at a time.
    Tasks,
    /// Reports of each size.
    Reports,
    /// Pages, searches and requests a second, on the largest size.
    Reading,
    /// Large general reports in every format.
    Artifacts,
}

impl Options {
    /// The options of the command line; `None` where this is not a run of the benchmark (`cargo test --all-targets`).
    pub(crate) fn read() -> Option<Self> {
        let options = Self::parse();
        options.bench.then_some(options)
    }

    /// The sets of parts to run on.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Parts> {
        self.parts.iter().map(|on| match on {
            On::Embedded => Parts::Embedded,
            On::Servers => Parts::Servers,
        })
    }

    /// The kinds of reports to make.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.kinds.iter().copied()
    }

    /// Whether this part was asked for.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.contains(&part)
    }

    /// Whether tables of this size are read as well: those of the largest.
    pub(crate) fn reads_at(&self, servers: u64) -> bool {
        self.wants(Part::Reading) && self.sizes.iter().max() == Some(&servers)
    }

    /// How often a report of this size is made; the median counts.
    pub(crate) fn rounds(&self, servers: u64) -> usize {
        if servers > 20_000 { 1 } else { 3 }
    }

    /// The file for the figures; `None` where only a part is measured and no file is named.
    pub(crate) fn output(&self) -> Option<PathBuf> {
        let whole = Self::parse_from(["make bench"]);
        let is_whole = self.sizes == whole.sizes
            && self.parts == whole.parts
            && self.kinds == whole.kinds
            && self.only == whole.only;
        self.output.clone().or_else(|| is_whole.then(|| PathBuf::from(RESULTS)))
    }
}
