//! The log: to standard error, as text for people or as one JSON object a line for machines.
//!
//! `context` knows the request or the task that a line belongs to, `json` writes the lines of JSON. Which levels are
//! logged is env_logger's business (`RUST_LOG`).

mod context;
mod json;

pub use context::about;

use crate::config::LogFormat;
use env_logger::fmt::{Formatter, default_kv_format};
use env_logger::{Builder, Env, Logger, Target};
use log::kv::{Key, Source};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// The field of a request's id.
pub const REQUEST_ID: &str = "request_id";
/// The field of a task's id.
pub const TASK_ID: &str = "task.id";

/// A library that writes the broker's password into its log while it connects, at the levels below this one.
const INDISCREET: (&str, Level) = ("amiquip", Level::Info);

/// A library that logs as errors what clients send; anybody could fill the log of errors. Its lines count as these.
const EXCITABLE: (&str, Level) = ("actix_http::h1::dispatcher", Level::Debug);

/// Starts the log, at the end of `file` where one is given. `level` is stronger than `RUST_LOG`, which is stronger than
/// `default`.
///
/// # Errors
/// Where the file cannot be written.
pub fn start(format: LogFormat, level: Option<LevelFilter>, default: &str, file: Option<&Path>) -> io::Result<()> {
    let mut log = Builder::from_env(Env::default().default_filter_or(default));
    if let Some(level) = level {
        log.filter_level(level);
    }
    if let Some(file) = file {
        log.target(Target::Pipe(Box::new(OpenOptions::new().append(true).create(true).open(file)?)));
    }
    match format {
        LogFormat::Text => log.format_key_values(text_fields),
        LogFormat::Json => log.format(|line, record| json::write(line, record, chrono::Utc::now())),
    };
    let log = log.build();
    log::set_max_level(log.filter());
    // Fails where the log was started already; then that one goes on.
    log::set_boxed_logger(Box::new(Discreet(log))).ok();
    Ok(())
}

/// The log without what no setting may bring into it.
struct Discreet(Logger);

impl Log for Discreet {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let (library, level) = INDISCREET;
        let is_secret = metadata.level() > level && metadata.target().starts_with(library);
        let (excitable, level) = EXCITABLE;
        if metadata.target() == excitable {
            return self.0.enabled(&Metadata::builder().target(excitable).level(level.max(metadata.level())).build());
        }
        !is_secret && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

/// The fields of a text line: its own, and that of the work around it.
fn text_fields(line: &mut Formatter, fields: &dyn Source) -> io::Result<()> {
    default_kv_format(line, fields)?;
    match context::current() {
        Some((key, id)) if fields.get(Key::from_str(key)).is_none() => write!(line, " {key}={id}"),
        Some(_) | None => Ok(()),
    }
}
