//! The SQL of the queue's file. Each call is one short transaction.

use crate::broker::{MAX_POSTPONED, Message, Postponed};
use chrono::{DateTime, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use serde_json::Value;
use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

/// Each script brings the file from the version of its index to the next (`PRAGMA user_version`).
const MIGRATIONS: [&str; 1] = [include_str!("../../../migrations/queue/0001_queue.sql")];

/// The version of a file that this program has migrated.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// How long a call waits while another process writes.
const BUSY: Duration = Duration::from_secs(10);

/// The columns of a message, as [`message`] reads them.
pub(super) const COLUMNS: &str = "headers, body, content_type, content_encoding, correlation_id, reply_to, priority";

/// One connection to the file.
pub(super) struct File(pub(super) Connection);

/// Why the file did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// SQLite refused.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// A newer program has migrated the file.
    #[error("the file has version {found}, this program knows versions up to {}", MIGRATIONS.len())]
    Newer { found: u32 },
}

/// A message taken for a consumer.
pub(super) struct Claimed {
    pub(super) id: i64,
    pub(super) queue: String,
    pub(super) redelivered: bool,
    pub(super) message: Message,
}

/// Which messages a consumer takes: `number` for its first delivery, counted on for each further one, up to `most`.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) queues: &'a [String],
    pub(super) first: Claim<'a>,
    pub(super) most: usize,
}

/// Who holds a message: the consumer and its number for the delivery.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) holder: &'a str,
    pub(super) number: u64,
}

impl File {
    /// Opens the file, makes it where it is missing and migrates it.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        // A confirmed message must survive a power cut: FULL syncs the write-ahead log at each commit.
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        migrate(&mut connection)?;
        Ok(Self(connection))
    }

    /// As [`File::open`], for a consumer: what it notes of deliveries may be forgotten in a power cut, which only hands them
    /// out again. So its commits need not wait for the disk.
    pub(super) fn open_to_take(path: &Path) -> Result<Self, FileError> {
        let file = Self::open(path)?;
        file.0.execute_batch("PRAGMA synchronous = NORMAL;")?;
        Ok(file)
    }

    /// Reads something from the file.
    pub(super) fn ping(&self) -> Result<(), FileError> {
        self.0.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(())
    }

    /// A number that changes when another connection writes to the file.
    pub(super) fn version(&self) -> Result<i64, FileError> {
        let mut statement = self.0.prepare_cached("PRAGMA data_version")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Adds a message.
    pub(super) fn publish(&mut self, queue: &str, message: &Message, now: DateTime<Utc>) -> Result<(), FileError> {
        let write = self.write()?;
        insert(&write, queue, message, now)?;
        Ok(write.commit()?)
    }

    /// Takes the first messages that may be handed out, and leases them.
    pub(super) fn claim(
        &mut self,
        wish: Wish<'_>,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<Vec<Claimed>, FileError> {
        let now = now.timestamp_millis();
        let mut claimed = Vec::new();
        // Looking first leaves the write lock alone while there is nothing to take.
        if next_id(&self.0, wish.queues, now)?.is_none() {
            return Ok(claimed);
        }
        let until = now.saturating_add(millis(lease));
        let write = self.write()?;
        while claimed.len() < wish.most
            && let Some(id) = next_id(&write, wish.queues, now)?
        {
            let number = wish.first.number + claimed.len() as u64;
            claimed.push(take(&write, id, Claim { number, ..wish.first }, until)?);
        }
        write.commit()?;
        Ok(claimed)
    }

    /// Renews all leases of a consumer.
    pub(super) fn renew(&mut self, holder: &str, now: DateTime<Utc>, lease: Duration) -> Result<(), FileError> {
        let until = now.timestamp_millis().saturating_add(millis(lease));
        self.0.execute("UPDATE messages SET leased_until = ?2 WHERE holder = ?1", params![holder, until])?;
        Ok(())
    }

    /// Removes a message and adds those that follow from it, in one step; whether the claim still held.
    pub(super) fn remove(
        &mut self,
        id: i64,
        claim: Claim<'_>,
        follow: &[(String, Message)],
        now: DateTime<Utc>,
    ) -> Result<bool, FileError> {
        let write = self.write()?;
        insert_all(&write, follow, now)?;
        Ok(delete(&write, id, claim)? && write.commit().map(|()| true)?)
    }

    /// Puts `next` in the queue in place of a message, in one step; whether the claim still held.
    pub(super) fn replace(
        &mut self,
        id: i64,
        claim: Claim<'_>,
        queue: &str,
        next: &Message,
        now: DateTime<Utc>,
    ) -> Result<bool, FileError> {
        let write = self.write()?;
        insert(&write, queue, next, now)?;
        Ok(delete(&write, id, claim)? && write.commit().map(|()| true)?)
    }

    /// Moves a message to the dead letters and adds those that follow from it, in one step; whether the claim still held.
    pub(super) fn bury(
        &mut self,
        id: i64,
        claim: Claim<'_>,
        reason: &str,
        follow: &[(String, Message)],
        now: DateTime<Utc>,
    ) -> Result<bool, FileError> {
        let write = self.write()?;
        insert_all(&write, follow, now)?;
        let sql = format!(
            "INSERT INTO dead_letters (queue, {COLUMNS}, reason, died_at)
             SELECT queue, {COLUMNS}, ?2, ?3 FROM messages WHERE id = ?1"
        );
        write.execute(&sql, params![id, reason, now.timestamp_millis()])?;
        Ok(delete(&write, id, claim)? && write.commit().map(|()| true)?)
    }

    /// Gives a message back; whether the claim still held.
    pub(super) fn give_back(&mut self, id: i64, claim: Claim<'_>) -> Result<bool, FileError> {
        let sql = "UPDATE messages SET holder = NULL, claim = NULL, leased_until = NULL
                   WHERE id = ?1 AND holder = ?2 AND claim = ?3";
        Ok(self.0.execute(sql, params![id, claim.holder, claim.number as i64])? == 1)
    }

    /// Gives back all that a consumer holds.
    pub(super) fn give_all_back(&mut self, holder: &str) -> Result<(), FileError> {
        let sql = "UPDATE messages SET holder = NULL, claim = NULL, leased_until = NULL WHERE holder = ?1";
        self.0.execute(sql, [holder])?;
        Ok(())
    }

    /// Messages that nobody holds.
    pub(super) fn depth(&self, queue: &str, now: DateTime<Utc>) -> Result<u64, FileError> {
        let sql = "SELECT count(*) FROM messages WHERE queue = ?1 AND (leased_until IS NULL OR leased_until <= ?2)";
        let count: i64 = self.0.query_row(sql, params![queue, now.timestamp_millis()], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The first messages of these queues that wait for their time.
    pub(super) fn postponed(&self, queues: &[String], now: DateTime<Utc>) -> Result<Vec<Postponed>, FileError> {
        let sql = format!(
            "SELECT {COLUMNS}, queue, available_at FROM messages
             WHERE queue IN (SELECT value FROM json_each(?1)) AND available_at > ?2 ORDER BY available_at, id LIMIT ?3"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let queues = Value::from(queues).to_string();
        let found = statement.query_map(params![queues, now.timestamp_millis(), MAX_POSTPONED as i64], |row| {
            let due = DateTime::from_timestamp_millis(row.get("available_at")?).unwrap_or(now);
            Ok(Postponed { due, queue: row.get("queue")?, message: message(row)? })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Drops the messages of a queue that nobody holds; how many.
    pub(super) fn purge(&self, queue: &str, now: DateTime<Utc>) -> Result<u64, FileError> {
        let sql = "DELETE FROM messages WHERE queue = ?1 AND (leased_until IS NULL OR leased_until <= ?2)";
        Ok(self.0.execute(sql, params![queue, now.timestamp_millis()])? as u64)
    }

    /// Dead letters of a queue.
    pub(super) fn dead_depth(&self, queue: &str) -> Result<u64, FileError> {
        let sql = "SELECT count(*) FROM dead_letters WHERE queue = ?1";
        let count: i64 = self.0.query_row(sql, [queue], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Begins to write; whoever comes next waits.
    pub(super) fn write(&mut self) -> Result<Transaction<'_>, FileError> {
        Ok(self.0.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

fn migrate(connection: &mut Connection) -> Result<(), FileError> {
    let write = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = write.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let missing = MIGRATIONS.get(found as usize..).ok_or(FileError::Newer { found })?;
    for script in missing {
        write.execute_batch(script)?;
    }
    write.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
    Ok(write.commit()?)
}

/// The first message of several queues. Each is asked by itself: only so does SQLite read it in the order of its index.
fn next_id(connection: &Connection, queues: &[String], now: i64) -> Result<Option<i64>, FileError> {
    let mut statement = connection.prepare_cached(
        "SELECT priority, id FROM messages
         WHERE queue = ?1 AND available_at <= ?2 AND (leased_until IS NULL OR leased_until <= ?2)
         ORDER BY priority DESC, id LIMIT 1",
    )?;
    let mut first: Option<(i64, Reverse<i64>)> = None;
    for queue in queues {
        let own = statement.query_row(params![queue, now], |row| Ok((row.get(0)?, Reverse(row.get(1)?)))).optional()?;
        first = first.max(own);
    }
    Ok(first.map(|(_, Reverse(id))| id))
}

fn take(write: &Transaction<'_>, id: i64, claim: Claim<'_>, until: i64) -> Result<Claimed, FileError> {
    let mut statement = write.prepare_cached(&format!(
        "UPDATE messages SET holder = ?2, claim = ?3, leased_until = ?4, hand_outs = hand_outs + 1
         WHERE id = ?1 RETURNING {COLUMNS}, queue, hand_outs"
    ))?;
    Ok(statement.query_row(params![id, claim.holder, claim.number as i64, until], |row| {
        let (queue, hand_outs): (String, i64) = (row.get("queue")?, row.get("hand_outs")?);
        Ok(Claimed { id, queue, redelivered: hand_outs > 1, message: message(row)? })
    })?)
}

/// Adds a message.
pub(super) fn insert(
    write: &Transaction<'_>,
    queue: &str,
    message: &Message,
    now: DateTime<Utc>,
) -> Result<(), FileError> {
    let sql = format!("INSERT INTO messages (queue, available_at, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    let available_at = message.eta().map_or(now, |eta| eta.max(now)).timestamp_millis();
    write.execute(
        &sql,
        params![
            queue,
            available_at,
            Value::Object(message.headers.clone()).to_string(),
            message.body,
            message.content_type,
            message.content_encoding,
            message.correlation_id,
            message.reply_to,
            message.priority,
        ],
    )?;
    Ok(())
}

fn insert_all(write: &Transaction<'_>, messages: &[(String, Message)], now: DateTime<Utc>) -> Result<(), FileError> {
    messages.iter().try_for_each(|(queue, message)| insert(write, queue, message, now))
}

fn delete(write: &Transaction<'_>, id: i64, claim: Claim<'_>) -> Result<bool, FileError> {
    let mut statement = write.prepare_cached("DELETE FROM messages WHERE id = ?1 AND holder = ?2 AND claim = ?3")?;
    Ok(statement.execute(params![id, claim.holder, claim.number as i64])? == 1)
}

/// Reads a message.
pub(super) fn message(row: &Row<'_>) -> Result<Message, rusqlite::Error> {
    let headers: String = row.get("headers")?;
    let headers = serde_json::from_str(&headers)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))?;
    Ok(Message {
        headers,
        body: row.get("body")?,
        content_type: row.get("content_type")?,
        content_encoding: row.get("content_encoding")?,
        correlation_id: row.get("correlation_id")?,
        reply_to: row.get("reply_to")?,
        priority: row.get("priority")?,
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
