//! What the demo prints: a line a report while they run, the table of results, and how to go on.

use crate::app::App;
use crate::auth;
use crate::config::Config;
use crate::domain::{Report, Status, TableName};
use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

/// Prints one line.
pub(super) fn say(line: fmt::Arguments<'_>) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Prints which parts are in use.
pub(super) fn parts(app: &App) -> io::Result<()> {
    if let Some(store) = &app.store {
        say(format_args!("Store      {}", store.describe()))?;
    }
    say(format_args!("Broker     {}", app.broker.describe()))?;
    say(format_args!("Data API   {}\n", app.config.peers.data_uri))
}

/// Prints how to read the first report's rows.
pub(super) fn invitation(config: &Config, address: &str, table: &str) -> anyhow::Result<()> {
    let token = auth::sign(&config.auth)?;
    say(format_args!("\nServing on {address}. Read the first report with\n"))?;
    say(format_args!("curl -H 'Authorization: JWT {token}' '{address}/reports/{table}?limit=5'"))?;
    Ok(say(format_args!("\nCtrl-C stops."))?)
}

/// The reports of the demo, in the order of their requests.
pub(super) struct Board {
    lines: Vec<Line>,
    bars: MultiProgress,
}

struct Line {
    name: &'static str,
    table: TableName,
    report: Option<Report>,
    bar: ProgressBar,
}

impl Line {
    fn ended(&self) -> Option<&Report> {
        self.report.as_ref().filter(|report| report.status.has_ended())
    }
}

impl Board {
    /// An empty board; it draws on standard error, where that is a terminal.
    pub(super) fn new() -> Self {
        Self { lines: Vec::new(), bars: MultiProgress::new() }
    }

    /// Adds a requested report.
    pub(super) fn add(&mut self, name: &'static str, table: TableName) {
        let bar = self.bars.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("{spinner} {prefix:32} {elapsed:>5} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(name);
        bar.set_message("requested");
        bar.enable_steady_tick(Duration::from_millis(100));
        self.lines.push(Line { name, table, report: None, bar });
    }

    /// Whether a report has not ended.
    pub(super) fn is_running(&self) -> bool {
        self.lines.iter().any(|line| line.ended().is_none())
    }

    /// The tables of the reports that have not ended.
    pub(super) fn running(&self) -> Vec<TableName> {
        self.lines.iter().filter(|line| line.ended().is_none()).map(|line| line.table).collect()
    }

    /// Shows where a report stands.
    pub(super) fn update(&mut self, report: Report) {
        let Some(line) = self.lines.iter_mut().find(|line| line.table == report.table) else { return };
        if report.status.has_ended() {
            line.bar.finish_with_message(format!("{} · {} rows", report.status, report.rows));
        } else if report.message.is_empty() {
            line.bar.set_message(if report.started_at.is_some() { "running" } else { "waiting" });
        } else {
            line.bar.set_message(report.message.clone());
        }
        line.report = Some(report);
    }

    /// How a report ended.
    pub(super) fn status(&self, name: &str) -> Option<Status> {
        let line = self.lines.iter().find(|line| line.name == name)?;
        line.report.as_ref().map(|report| report.status)
    }

    /// The first report's table.
    pub(super) fn first_table(&self) -> Option<TableName> {
        self.lines.first().map(|line| line.table)
    }

    /// Prints the table of results in place of the progress lines.
    pub(super) fn print(&self) -> io::Result<()> {
        self.bars.clear()?;
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(vec!["Report", "Type", "Status", "Rows", "Seconds", "Message"]);
        for line in &self.lines {
            let Some(report) = &line.report else { continue };
            let number = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            table.add_row(vec![
                Cell::new(line.name),
                Cell::new(report.table.kind),
                Cell::new(report.status),
                number(report.rows.to_string()),
                number(format!("{:.2}", seconds(report))),
                Cell::new(&report.message),
            ]);
        }
        say(format_args!("{table}"))
    }
}

/// Seconds from request to end.
fn seconds(report: &Report) -> f64 {
    let end = report.ended_at.unwrap_or(report.requested_at);
    (end - report.requested_at).as_seconds_f64().max(0.0)
}
