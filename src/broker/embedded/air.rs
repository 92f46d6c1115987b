//! Messages for listeners on one host: a SQLite file beside the queue's, whose rows live for a minute.
//!
//! A file of its own, because nothing in it has to survive: it is written without waiting for the disk, it is in no
//! backup, and whoever posts keeps nobody from the queue.

use super::broker_error;
use super::file::FileError;
use crate::broker::BrokerError;
use crate::broker::broadcast::{Ear, Heard, Listener, Mailbox, Note, Post};
use chrono::Utc;
use rusqlite::{Connection, TransactionBehavior, params};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a message is kept for a listener that is slow.
const LIFE: Duration = Duration::from_secs(60);

/// How often a listener asks whether there is something new, which takes some microseconds.
const GLANCE: Duration = Duration::from_millis(20);

/// The pause after the file could not be read.
const AFTER_ERROR: Duration = Duration::from_secs(2);

/// How long a call waits while another process writes.
const BUSY: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    CREATE TABLE IF NOT EXISTS posts (
        id       INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: listeners go on behind the last that they know
        exchange TEXT    NOT NULL,
        key      TEXT    NOT NULL,
        headers  TEXT    NOT NULL, -- a JSON object
        body     TEXT    NOT NULL, -- JSON
        sent_at  INTEGER NOT NULL  -- milliseconds since 1970, UTC
    ) STRICT;";

/// One connection to the file.
pub(super) struct Air(Connection);

impl Air {
    /// Opens the file, makes it where it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    /// Stores these for whoever listens, and drops those whose time is over.
    pub(super) fn post(&mut self, posts: &[Post]) -> Result<(), FileError> {
        let now = Utc::now().timestamp_millis();
        let write = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let life = i64::try_from(LIFE.as_millis()).unwrap_or(i64::MAX);
        write.execute("DELETE FROM posts WHERE sent_at NOT BETWEEN ?1 AND ?2", [now - life, now + life])?;
        for post in posts {
            write.execute(
                "INSERT INTO posts (exchange, key, headers, body, sent_at) VALUES (?, ?, ?, ?, ?)",
                params![
                    post.exchange,
                    post.key,
                    Value::Object(post.headers.clone()).to_string(),
                    post.body.to_string(),
                    now
                ],
            )?;
        }
        Ok(write.commit()?)
    }

    /// The number of the last message that was ever posted.
    fn last(&self) -> Result<i64, FileError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'posts'";
        Ok(self.0.query_row(sql, [], |row| row.get(0))?)
    }

    /// A number that changes when another connection writes to the file.
    fn version(&self) -> Result<i64, FileError> {
        let mut statement = self.0.prepare_cached("PRAGMA data_version")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Messages after the number `last`, with their numbers.
    fn since(&self, last: i64, mailbox: &Mailbox) -> Result<Vec<(i64, Note)>, FileError> {
        let key = match mailbox {
            Mailbox::Events | Mailbox::Control { .. } => None,
            Mailbox::Replies { key } => Some(key),
        };
        let mut statement = self.0.prepare_cached(
            "SELECT id, headers, body FROM posts
             WHERE id > ?1 AND exchange = ?2 AND (?3 IS NULL OR key = ?3) ORDER BY id",
        )?;
        let rows = statement.query_map(params![last, mailbox.exchange(), key], |row| {
            let (headers, body): (String, String) = (row.get("headers")?, row.get("body")?);
            let headers = serde_json::from_str(&headers).unwrap_or_default();
            Ok((row.get("id")?, Note { headers, body: body.into_bytes() }))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Starts a listener's thread.
pub(super) fn listen(path: PathBuf, mailbox: Mailbox) -> Result<Listener, BrokerError> {
    let air = Air::open(&path).map_err(|error| broker_error("opening the file for listeners", error))?;
    let (listener, ear) = Listener::pair();
    let thread = std::thread::Builder::new().name("queue-listener".to_owned());
    thread
        .spawn(move || run(&path, air, &mailbox, &ear))
        .map_err(|error| BrokerError::Unavailable { what: "starting a listener".to_owned(), source: error.into() })?;
    Ok(listener)
}

/// Listens until the listener is dropped; opens the file anew where it cannot be read.
fn run(path: &Path, air: Air, mailbox: &Mailbox, ear: &Ear) {
    let mut opened = Ok(air);
    loop {
        let error = match opened.and_then(|air| hear(&air, mailbox, ear)) {
            Ok(()) => return,
            Err(error) => error,
        };
        log::warn!("the file for listeners cannot be read: {error}");
        if ear.is_closed_within(AFTER_ERROR) {
            return;
        }
        opened = Air::open(path);
    }
}

fn hear(air: &Air, mailbox: &Mailbox, ear: &Ear) -> Result<(), FileError> {
    let (mut last, mut version) = (air.last()?, air.version()?);
    if !ear.hand(Heard::Listening) {
        return Ok(());
    }
    while !ear.is_closed_within(GLANCE) {
        let now = air.version()?;
        if now == version {
            continue;
        }
        version = now;
        for (id, note) in air.since(last, mailbox)? {
            last = id;
            if !ear.hand(Heard::Note(note)) {
                return Ok(());
            }
        }
    }
    Ok(())
}
