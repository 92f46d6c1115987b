//! The command line: what can be typed, and which settings it overrides. Runs nothing.

mod artifact;
mod dead_letters;
mod operation;
mod operator;
mod shell;
mod worker;

pub use artifact::{ExportArgs, FormatArgs};
pub use dead_letters::DeadLettersArgs;
pub use operation::{BackupArgs, BeatArgs, DoctorArgs, HealthcheckArgs, PruneArgs, RestoreArgs};
pub use operator::{AskArgs, EventsArgs, RequestArgs};
pub use shell::{CompletionsArgs, ManArgs, completions, man_page, man_pages};
pub use worker::{NoQueue, WorkerArgs};

use crate::config::Flag;
use crate::domain::{Component, OwnerId};
use crate::remote::{self, Kind};
use clap::{Args, Parser, Subcommand};
use log::LevelFilter;
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes: 0 when all went well, 1 when something failed, 2 for a mistake in usage or configuration, \
    3 when run found no rows.";

/// Inventory reports for the Maestro platform.
///
/// Every setting can also be given by environment variable or file; `maestro-reports config` lists them.
#[derive(Debug, Parser)]
#[command(name = "maestro-reports", version, after_long_help = EXIT_CODES)]
pub struct Cli {
    /// TOML file with settings; environment variables and flags are stronger
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// DEBUG, INFO, WARNING, ERROR, CRITICAL or FATAL in any case [default: RUST_LOG, else INFO]
    #[arg(short, long, global = true, value_name = "LEVEL", value_parser = level)]
    pub loglevel: Option<LevelFilter>,
    /// text or json [default: MAESTRO_LOG_FORMAT, else text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the Reports API
    Serve(ServeArgs),
    /// Take tasks from the queue and make reports
    Worker(Box<WorkerArgs>),
    /// Request reports on their timetable
    Beat(BeatArgs),
    /// Make a dozen reports of a sample inventory, all parts in one process
    Demo(DemoArgs),
    /// Make one report without any service, to a file or standard output
    Run(RunArgs),
    /// Write a table of the report store to a file or standard output
    Export(ExportArgs),
    /// Serve a Data API over a folder of files
    Inventory(InventoryArgs),
    /// Bring the report store's schema up to date
    Migrate,
    /// Check configuration, store, broker, services and clock, and say what to do
    Doctor(DoctorArgs),
    /// Drop tables that are due by the settings of retention
    Prune(PruneArgs),
    /// Copy the embedded store and queue while they are in use
    Backup(BackupArgs),
    /// Put a backup in place of the embedded store and queue
    Restore(RestoreArgs),
    /// Ask a running process whether it answers
    Healthcheck(HealthcheckArgs),
    /// List tasks that could not be worked on, send them again or drop them
    DeadLetters(DeadLettersArgs),
    /// Ask running workers, ours and Python's, how they are
    #[command(after_help = methods(Kind::Inspect))]
    Inspect(RequestArgs),
    /// Steer running workers, ours and Python's
    #[command(after_help = methods(Kind::Control))]
    Control(RequestArgs),
    /// List the workers that are there
    Status(AskArgs),
    /// Show what workers tell of themselves and their tasks, a line for each event
    Events(EventsArgs),
    /// Print a token for calling the services
    Token(TokenArgs),
    /// Print all settings in force and where they come from
    Config,
    /// Print a script by which a shell completes commands, options and formats
    Completions(CompletionsArgs),
    /// Print the man page, or write one of each command into a folder
    Man(ManArgs),
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on
    #[arg(long)]
    pub host: Option<String>,
    /// Port to listen on; 0 takes a free one
    #[arg(short, long)]
    pub port: Option<String>,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Exit when the reports have ended; with an error where one did not end as it should
    #[arg(long)]
    pub once: bool,
    /// Servers in the sample inventory
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub sample: u64,
    /// Port of the API; 0 takes a free one
    #[arg(short, long)]
    pub port: Option<String>,
    /// MongoDB for the report store instead of the embedded one
    #[arg(long, value_name = "URI")]
    pub mongo_uri: Option<String>,
    /// RabbitMQ for the queue instead of the embedded one
    #[arg(long, value_name = "URL")]
    pub broker_url: Option<String>,
    /// New or empty folder for inventory, store and queue [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Folder of inventory files, or address of a Data API
    #[arg(long, value_name = "DIR|URL")]
    pub source: String,
    /// What to report on, such as Servers
    #[arg(long)]
    pub component: Component,
    /// Condition such as 'os.base=Linux' or 'cpu>=4'; all given ones must hold
    #[arg(long = "filter", value_name = "CONDITION")]
    pub filters: Vec<String>,
    /// Only what this user or team may see
    #[arg(long, value_name = "ID")]
    pub owner: Option<OwnerId>,
    /// The format.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Options of `inventory`.
#[derive(Debug, Args)]
pub struct InventoryArgs {
    /// Folder with servers.json, .ndjson or .csv (also .gz), and so on for each component
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(short, long, default_value_t = 5010)]
    pub port: u16,
    /// Write a made-up inventory of so many servers into the folder first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub sample: Option<u64>,
}

/// Options of `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Who will call
    #[arg(long, default_value = "maestro-reports")]
    pub name: String,
    /// How long it is valid, such as 30d [default: MAESTRO_TOKEN_SECONDS]
    #[arg(long, value_name = "TIME")]
    pub valid_for: Option<humantime::Duration>,
}

impl Cli {
    /// The settings that the options override.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = given([("log.format", "--log-format", &self.log_format)]);
        flags.extend(self.command.flags());
        flags
    }
}

impl Command {
    /// The settings that the command's options override.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        match self {
            Self::Serve(args) => given([("api.host", "--host", &args.host), ("api.port", "--port", &args.port)]),
            Self::Demo(args) => given([
                ("api.port", "--port", &args.port),
                ("store.mongo_uri", "--mongo-uri", &args.mongo_uri),
                ("broker.url", "--broker-url", &args.broker_url),
            ]),
            Self::Worker(args) => args.flags(),
            Self::DeadLetters(args) => args.flags(),
            Self::Prune(args) => args.flags(),
            Self::Beat(_)
            | Self::Run(_)
            | Self::Export(_)
            | Self::Inventory(_)
            | Self::Migrate
            | Self::Doctor(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Healthcheck(_)
            | Self::Inspect(_)
            | Self::Control(_)
            | Self::Status(_)
            | Self::Events(_)
            | Self::Token(_)
            | Self::Config
            | Self::Completions(_)
            | Self::Man(_) => Vec::new(),
        }
    }

    /// Where the log goes, if not to standard error; with `%` marks.
    #[must_use]
    pub fn logfile(&self) -> Option<&str> {
        if let Self::Worker(args) = self { args.logfile.as_deref() } else { None }
    }

    /// The level of the log where neither `--loglevel` nor `RUST_LOG` is given: commands that show
    /// their own progress log warnings only.
    #[must_use]
    pub fn quietness(&self) -> &'static str {
        match self {
            Self::Serve(_) | Self::Worker(_) | Self::Inventory(_) | Self::Beat(BeatArgs { list: false }) => "info",
            // It says itself what it finds.
            Self::Doctor(_) => "off",
            Self::Demo(_)
            | Self::Beat(_)
            | Self::Run(_)
            | Self::Export(_)
            | Self::Migrate
            | Self::DeadLetters(_)
            | Self::Prune(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Healthcheck(_)
            | Self::Inspect(_)
            | Self::Control(_)
            | Self::Status(_)
            | Self::Events(_)
            | Self::Token(_)
            | Self::Config
            | Self::Completions(_)
            | Self::Man(_) => "warn",
        }
    }
}

/// The last lines of the help of `inspect` and `control`.
fn methods(kind: Kind) -> String {
    format!("What to ask: {}", remote::list(kind))
}

fn given<const N: usize>(options: [(&'static str, &'static str, &Option<String>); N]) -> Vec<Flag> {
    let flags = options.into_iter().filter_map(|(key, flag, value)| Some(Flag { key, flag, value: value.clone()? }));
    flags.collect()
}

/// Celery's level names beside the log crate's.
fn level(text: &str) -> Result<LevelFilter, String> {
    match text.to_ascii_uppercase().as_str() {
        "TRACE" => Ok(LevelFilter::Trace),
        "DEBUG" => Ok(LevelFilter::Debug),
        "INFO" => Ok(LevelFilter::Info),
        "WARNING" | "WARN" => Ok(LevelFilter::Warn),
        "ERROR" | "CRITICAL" | "FATAL" => Ok(LevelFilter::Error),
        _ => Err("expected DEBUG, INFO, WARNING, ERROR, CRITICAL or FATAL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn level_names_are_celerys_in_any_case() {
        for (text, expected) in
            [("debug", LevelFilter::Debug), ("WARNING", LevelFilter::Warn), ("Fatal", LevelFilter::Error)]
        {
            assert_eq!(level(text), Ok(expected));
        }
        assert!(level("loud").is_err());
    }

    #[test]
    fn options_override_settings_that_exist() {
        let lines: [&[&str]; 3] = [
            &["x", "serve", "--host", "::1", "-p", "0"],
            &["x", "demo", "--port", "0", "--mongo-uri", "db", "--broker-url", "amqp://h"],
            &["x", "worker", "-Q", "a,b", "-c", "4", "-n", "w@%h", "-b", "amqp://h", "--log-format", "json"],
        ];
        for (line, count) in lines.into_iter().zip([2, 3, 5]) {
            let flags = Cli::try_parse_from(line).unwrap().flags();
            assert_eq!(flags.len(), count);
            crate::config::load(&|_| None, None, &flags).unwrap();
        }
    }
}
