//! The figures of the scenarios that held, as a table.

use crate::scenario::Sums;
use comfy_table::{CellAlignment, Table, presets};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// The figures so far, by scenario.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<BTreeMap<&'static str, (Sums, Duration)>>);

impl Figures {
    /// Adds a scenario that held.
    pub(crate) fn add(&self, scenario: &'static str, sums: Sums, took: Duration) {
        self.0.lock().unwrap().insert(scenario, (sums, took));
    }

    /// Prints the table, with the sum of all as its last line.
    #[expect(clippy::print_stdout, reason = "what the suite shows")]
    pub(crate) fn print(&self) {
        let figures = self.0.lock().unwrap();
        if !figures.is_empty() {
            println!("{}", table(&figures));
        }
    }
}

fn table(figures: &BTreeMap<&'static str, (Sums, Duration)>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "scenario",
        "seconds",
        "reports run",
        "faults injected",
        "rows lost",
        "rows doubled",
        "reports left unended",
    ]);
    let mut all = Sums::default();
    let mut all_took = Duration::ZERO;
    for (name, (sums, took)) in figures {
        table.add_row(row(name, *took, sums));
        all_took += *took;
        all.reports += sums.reports;
        all.faults += sums.faults;
        all.lost += sums.lost;
        all.doubled += sums.doubled;
        all.unended += sums.unended;
    }
    table.add_row(row("all", all_took, &all));
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

fn row(name: &str, took: Duration, sums: &Sums) -> [String; 7] {
    let Sums { reports, faults, lost, doubled, unended } = sums;
    let numbers = [reports, faults, lost, doubled, unended].map(u64::to_string);
    let [reports, faults, lost, doubled, unended] = numbers;
    [name.to_owned(), took.as_secs().to_string(), reports, faults, lost, doubled, unended]
}
