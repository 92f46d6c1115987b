//! The table of figures, how to read it, and its file.

use crate::line::Line;
use crate::machine;
use crate::options::Options;
use crate::report::{Kind, Measured};
use crate::support::fleet::Parts;
use anyhow::Context;
use comfy_table::{Table, presets};
use std::io::{self, Write};
use std::path::Path;

const HEADER: [&str; 10] = [
    "what",
    "parts",
    "rows",
    "measured",
    "floor (fetch + insert)",
    "ratio",
    "CPU s (API, worker)",
    "peak MiB (API, worker)",
    "aim",
    "met",
];

/// How to read the table.
const NOTES: &str = "\
- *report*: seconds from sending `POST /reports/general|pivot` to the platform's record in the Data API saying `finished`
  (read every 2 to 20 ms), so with the queue, the commit and the notification. Each on fresh parts, with one API and one
  worker that have made one tiny report before; the median of 15 rounds for ten rows, of 3 up to 20,000 servers, else one.
  General: every server that the owner may read. Pivot: every application with its servers.
- *floor*: the same requests to the Data API read to their end and thrown away, plus the same rows, already BSON, inserted
  in the same batches into an empty store of the same kind. One after the other, in the same run; a report does them at
  the same time, so it can be below.
- *page*, *search*: the first 50 rows of the largest general report over one connection that is kept, half of them
  ascending; median and 95th percentile of 40 requests, fewer where they take over 4 s. A search is a substring of the host name in any case, found in
  all rows, in some, in one and in none. On MongoDB the floor is the same query through the driver alone: mongo-java-server,
  which stands in for MongoDB where there is none, has no index but that on `_id` and sorts all rows in memory.
- *requests a second*: pages of 50 in the default order on 4 connections for 5 s; client and API share the cores.
- *empty tasks*: `ping.api` without a result, so many that wait in a queue when the worker starts; counted from the first look at
  which one was taken to the look at which none was left. Ours with `--prefetch-multiplier 16`. *Celery*: its worker with as many processes (prefork) and all else as
  it comes, on the same RabbitMQ in the same run.
- *reports at a time*: requested at once, made by one worker with a slot for each.
- *artifact*: a large general report in one format, by `GET /reports/<table>/artifacts/<format>` in the default order, read to
  its end and thrown away. *Python*: `pandas.json_normalize(rows).to_csv`, `dicttoxml.dicttoxml(rows)` and a plain loop that writes
  hosts and groups of an inventory (without quoting, checks of names and templates), on the same rows that it has read before
  (dicttoxml, which takes minutes, up to 10,000 rows only). The peak is that of this artifact alone.
- CPU is user and system time of our two processes; the inventory, RabbitMQ, the MongoDB server and the client share the
  cores besides. Peak is the largest resident memory (VmHWM).
";

/// Largest memory of API and worker after a report.
struct Peaks {
    parts: Parts,
    kind: Kind,
    servers: u64,
    api: f64,
    worker: f64,
}

/// All figures so far.
pub(crate) struct Results {
    machine: String,
    lines: Vec<Line>,
    peaks: Vec<Peaks>,
}

impl Results {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { machine: machine::describe(), lines: Vec::new(), peaks: Vec::new() }
    }

    /// Adds a line, and says on standard error that it is there.
    pub(crate) fn add(&mut self, line: Line) -> io::Result<()> {
        writeln!(io::stderr(), "{line}")?;
        self.lines.push(line);
        Ok(())
    }

    /// Keeps the memory of a report for the comparison of sizes.
    pub(crate) fn note_peaks(&mut self, parts: Parts, kind: Kind, servers: u64, measured: &Measured) {
        let (api, worker) = measured.peak;
        self.peaks.push(Peaks { parts, kind, servers, api, worker });
    }

    /// Compares the memory of the largest reports with those next in size.
    pub(crate) fn add_memory(&mut self) {
        let Some(largest) = self.peaks.iter().map(|peaks| peaks.servers).max() else { return };
        for of in self.peaks.iter().filter(|peaks| peaks.servers == largest) {
            let alike = |peaks: &&Peaks| peaks.parts == of.parts && peaks.kind == of.kind && peaks.servers < largest;
            let smaller = self.peaks.iter().filter(alike).max_by_key(|peaks| peaks.servers);
            let line = |process, peak, before: fn(&Peaks) -> f64| {
                let smaller = smaller.map(|peaks| (peaks.servers, before(peaks)));
                Line::memory(of.parts, of.kind, process, largest, peak, smaller)
            };
            self.lines.push(line("API", of.api, |peaks| peaks.api));
            self.lines.push(line("worker", of.worker, |peaks| peaks.worker));
        }
    }

    /// Prints the table, and writes it to its file.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn show(&self, options: &Options) -> anyhow::Result<()> {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header(HEADER);
        for line in &self.lines {
            table.add_row(line.cells());
        }
        let text = format!("# How fast it is\n\n`make bench` on {}.\n\n{NOTES}\n{table}\n", self.machine);
        write!(io::stdout(), "{text}")?;
        if let Some(file) = options.output() {
            write_file(&file, &text).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        Ok(())
    }
}

fn write_file(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, text)
}
