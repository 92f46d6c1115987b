//! The SQL of the dead letters.

use super::file::{COLUMNS, File, FileError, insert, message};
use crate::broker::{DeadLetter, Letters};
use crate::task::Envelope;
use chrono::{DateTime, Utc};
use rusqlite::params;
use serde_json::Value;

/// Selects the letters of a queue (`?1`): all, or those of the task ids in a JSON list (`?2`).
const CHOSEN: &str =
    "queue = ?1 AND (?2 IS NULL OR json_extract(headers, '$.id') IN (SELECT value FROM json_each(?2)))";

impl File {
    /// The oldest dead letters of a queue.
    pub(super) fn dead_letters(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, FileError> {
        let sql = format!("SELECT {COLUMNS}, reason, died_at FROM dead_letters WHERE queue = ?1 ORDER BY id LIMIT ?2");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.0.prepare_cached(&sql)?;
        let letters = statement.query_map(params![queue, limit], |row| {
            let at = DateTime::from_timestamp_millis(row.get("died_at")?).unwrap_or_default();
            Ok(DeadLetter { message: message(row)?, reason: row.get("reason")?, at })
        })?;
        Ok(letters.collect::<Result<_, _>>()?)
    }

    /// Puts the chosen letters back in their queue, all in one step; how many.
    pub(super) fn resend(&mut self, queue: &str, which: &Letters, now: DateTime<Utc>) -> Result<u64, FileError> {
        let write = self.write()?;
        let mut sent = 0;
        {
            let mut chosen =
                write.prepare(&format!("SELECT {COLUMNS} FROM dead_letters WHERE {CHOSEN} ORDER BY id"))?;
            let mut rows = chosen.query(params![queue, ids(which)])?;
            while let Some(row) = rows.next()? {
                insert(&write, queue, &Envelope::first_attempt(&message(row)?), now)?;
                sent += 1;
            }
        }
        write.execute(&format!("DELETE FROM dead_letters WHERE {CHOSEN}"), params![queue, ids(which)])?;
        write.commit()?;
        Ok(sent)
    }

    /// Removes the chosen letters; how many.
    pub(super) fn discard(&mut self, queue: &str, which: &Letters) -> Result<u64, FileError> {
        let sql = format!("DELETE FROM dead_letters WHERE {CHOSEN}");
        Ok(self.0.execute(&sql, params![queue, ids(which)])? as u64)
    }
}

fn ids(which: &Letters) -> Option<String> {
    match which {
        Letters::All => None,
        Letters::Of(ids) => Some(Value::from(ids.as_slice()).to_string()),
    }
}
