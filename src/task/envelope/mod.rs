//! Celery's message protocol 2 (celery.md §2), read and written.
//!
//! `read` and `write` deal with headers and properties, `body` with the bytes, `tasks` with the arguments of each task,
//! `protocol1` with messages of the older protocol.

mod body;
mod protocol1;
mod read;
mod tasks;
mod write;

pub(super) use body::plain_value;
pub(super) use write::Frame;

use super::{Embed, Task};
use crate::broker::Message;
use crate::domain::TableName;
use crate::filter::FilterError;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use std::time::Duration;

/// The header that carries a general report's residual condition, as a text of Extended JSON.
const RESIDUAL: &str = "maestro_residual";

/// The header that says when the report was requested here; other producers do not set it.
const REQUESTED_AT: &str = "maestro_requested_at";

/// A task with what travels beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The task id.
    pub id: String,
    /// Attempts so far.
    pub retries: u32,
    /// The task.
    pub task: Task,
    /// The time after which the task must not be run.
    pub expires: Option<DateTime<Utc>>,
    /// When the report was requested, for a request made here: a newer one takes its place.
    pub requested_at: Option<DateTime<Utc>>,
    /// The first of the tasks of which this is one; `None`: this one.
    pub root_id: Option<String>,
    /// The task that this one comes from.
    pub parent_id: Option<String>,
    /// The tasks that follow this one.
    pub embed: Embed,
}

/// Why a message is no task of ours. Such a message goes to the dead letters.
#[derive(Debug, thiserror::Error)]
pub enum BadMessage {
    /// The name is not in the contract.
    #[error("unknown task {0:?}")]
    UnknownTask(String),
    /// A header is missing or of the wrong kind.
    #[error("header {name}: expected {expected}")]
    Header {
        /// Its name.
        name: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// The body is not in a format that is understood.
    #[error("content type {0:?}: expected application/json in utf-8")]
    ContentType(String),
    /// The body is compressed in a way that is not understood.
    #[error(
        "header compression {0:?}: expected application/x-gzip (zlib), application/x-bz2, application/zstd or none"
    )]
    Compression(String),
    /// The body is not what its compression says, or grows beyond the limit.
    #[error("the body does not decompress to at most {} MiB", body::MAX_BYTES >> 20)]
    Decompress(#[source] std::io::Error),
    /// The body is no JSON.
    #[error("body: expected JSON")]
    Json(#[source] serde_json::Error),
    /// The body's parts are not those of protocol 2.
    #[error("body: expected {0}")]
    Body(&'static str),
    /// What follows the task is not understood.
    #[error("body: embed {field}: {problem}")]
    Embed {
        /// `callbacks`, `errbacks`, `chain` or `chord`.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// An argument is missing or wrong.
    #[error("{task}: argument {name}: {problem}")]
    Argument {
        /// The task.
        task: &'static str,
        /// The argument's name in the contract.
        name: &'static str,
        /// What was expected.
        problem: String,
    },
    /// There are arguments that the contract does not know.
    #[error("{task}: expected the arguments {expected}, got {got} besides")]
    Unexpected {
        /// The task.
        task: &'static str,
        /// The names of the contract.
        expected: String,
        /// The first that is too much.
        got: String,
    },
    /// The filters of a general report are not understood.
    #[error("qgeneral.api: argument filters")]
    Filters(#[source] FilterError),
}

impl Envelope {
    /// A first attempt with a new random id.
    #[must_use]
    pub fn new(task: Task) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            retries: 0,
            task,
            expires: None,
            requested_at: None,
            root_id: None,
            parent_id: None,
            embed: Embed::default(),
        }
    }

    /// The same as one that comes from another task.
    #[must_use]
    pub fn child_of(self, parent_id: &str, root_id: &str) -> Self {
        Self { root_id: Some(root_id.to_owned()), parent_id: Some(parent_id.to_owned()), ..self }
    }

    /// The first of the tasks of which this is one.
    #[must_use]
    pub fn root(&self) -> &str {
        self.root_id.as_ref().unwrap_or(&self.id)
    }

    /// Whether the task must not be run any more.
    #[must_use]
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// The message for a broker, to be run at once.
    #[must_use]
    pub fn to_message(&self) -> Message {
        write::message(self)
    }

    /// Reads a message.
    ///
    /// # Errors
    /// Says which header or argument is missing or wrong, and what was expected.
    pub fn from_message(message: &Message) -> Result<Self, BadMessage> {
        read::envelope(message)
    }

    /// The message in protocol 2, where it is one of protocol 1.
    #[must_use]
    pub fn upgraded(message: Message) -> Message {
        protocol1::upgraded(message)
    }

    /// The tasks that follow the one of a message that is otherwise bad, as far as they can be made out.
    #[must_use]
    pub fn embed_of(message: &Message) -> Embed {
        read::embed_of(message)
    }

    /// The report that a message would have run and the task id, as far as they can be made out in a message that is
    /// otherwise bad: so that the report does not stay in `process`.
    #[must_use]
    pub fn report_of(message: &Message) -> Option<(TableName, String)> {
        read::report_of(message)
    }

    /// The message of the next attempt, to be run after `pause`: the message that brought this envelope, with one
    /// more retry. Everything else stays, headers that nobody here knows included (celery.md §3.4).
    #[must_use]
    pub fn next_attempt(&self, message: &Message, now: DateTime<Utc>, pause: Duration) -> Message {
        let mut next = Self::postponed(message, now, pause);
        next.headers.insert("retries".to_owned(), self.retries.saturating_add(1).into());
        if next.headers.get("parent_id").is_none_or(Value::is_null) {
            next.headers.insert("parent_id".to_owned(), self.id.clone().into());
        }
        next
    }

    /// The message of the same task with what it carries by now, as at a first attempt.
    #[must_use]
    pub fn moved_on(&self, task: Task) -> Self {
        Self { task, retries: 0, ..self.clone() }
    }

    /// The message as at its first attempt: to be run at once, with all its retries, even if it was to expire.
    #[must_use]
    pub fn first_attempt(message: &Message) -> Message {
        let mut first = message.clone();
        first.headers.retain(|name, _| !is_broker_header(name));
        for (name, value) in [("retries", Value::from(0)), ("eta", Value::Null), ("expires", Value::Null)] {
            if let Some(header) = first.headers.get_mut(name) {
                *header = value;
            }
        }
        first
    }

    /// The same attempt, to be run after `pause`.
    #[must_use]
    pub fn postponed(message: &Message, now: DateTime<Utc>, pause: Duration) -> Message {
        let mut later = message.clone();
        later.headers.retain(|name, _| !is_broker_header(name));
        let eta = chrono::TimeDelta::from_std(pause).ok().and_then(|pause| now.checked_add_signed(pause));
        let eta = eta.unwrap_or(DateTime::<Utc>::MAX_UTC).to_rfc3339_opts(SecondsFormat::Micros, false);
        later.headers.insert("eta".to_owned(), eta.into());
        later
    }
}

/// Headers in which a broker counts deliveries; they say nothing of the next attempt.
fn is_broker_header(name: &str) -> bool {
    ["x-death", "x-first-death-", "x-last-death-", "x-delivery-count"].iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests;
