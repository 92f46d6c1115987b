//! `make test-faults`: every part of an installation fails in the middle of reports.
//!
//! Each scenario drives the built program against real servers, breaks something, and accounts for every report: whether
//! it ended, with which rows, and whether anything was left behind. The figures of all scenarios are printed as a table
//! at the end; a row lost or doubled, or a report that did not end, fails its scenario.
//!
//! ```text
//! scenario   what a scenario is, and the account that it keeps
//! figures    the table at the end
//! site       an installation of which any part can be broken
//! data_api   a Data API that answers as a scenario says     proxy   a way to a server that can be cut
//! watch      looks at a table all along                     inside  what lies in store and queue
//! ```

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking, as tests do")]

#[expect(dead_code, reason = "the integration tests share more than is broken here")]
#[path = "../support/mod.rs"]
mod support;

mod answers;
mod beats_killed;
mod data_api;
mod data_api_fails;
mod disk;
mod documents;
mod figures;
mod folders;
mod inside;
mod listeners;
mod many_reports;
mod mongodb_killed;
mod one_run;
mod proxy;
mod rabbitmq;
mod scenario;
mod serve_killed;
mod site;
mod stores;
mod watch;
mod workers_killed;

use figures::Figures;
use libtest_mimic::{Arguments, Trial};
use scenario::Scenario;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// All scenarios, a table for each part that fails.
static SCENARIOS: &[&[Scenario]] = &[
    data_api_fails::SCENARIOS,
    answers::SCENARIOS,
    listeners::SCENARIOS,
    stores::SCENARIOS,
    folders::SCENARIOS,
    documents::SCENARIOS,
    rabbitmq::SCENARIOS,
    workers_killed::SCENARIOS,
    serve_killed::SCENARIOS,
    mongodb_killed::SCENARIOS,
    one_run::SCENARIOS,
    many_reports::SCENARIOS,
    beats_killed::SCENARIOS,
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let figures = Arc::new(Figures::default());
    let trials = SCENARIOS.iter().copied().flatten().map(|scenario| {
        let figures = Arc::clone(&figures);
        Trial::test(scenario.name, move || {
            let began = Instant::now();
            figures.add(scenario.name, scenario.account(), began.elapsed());
            Ok(())
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    figures.print();
    conclusion.exit_code()
}
