//! What a delivery to a user's endpoint carries from attempt to attempt.

use crate::domain::{Status, TableName};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The namespace of the ids made here (RFC 9562, version 5): our own, at random.
const NAMESPACE: Uuid = Uuid::from_u128(0x8d1f_6a0e_3b52_4c9d_9d55_0c6f_2f0b_7a41);

/// The delivery of one ended run to one endpoint, as far as it has come. It holds no secret and no address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// The table.
    pub table: TableName,
    /// The run: its task's id.
    pub run: String,
    /// The endpoint's key (`report` or `all:<name>`).
    pub endpoint: String,
    /// Its host, for people.
    pub host: String,
    /// How the run ended.
    pub status: Status,
    /// Why, for people.
    pub message: String,
    /// When.
    pub ended_at: DateTime<Utc>,
    /// The rows; `None` where the run left none.
    pub rows: Option<RunRows>,
    /// The next batch, counted from 0.
    pub batch: u64,
    /// Rows in the batches before it.
    pub sent: u64,
}

/// The rows of a run and how they are cut: the same in every attempt, so that a batch's id always means the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRows {
    /// The generation of the table that holds them.
    pub generation: u64,
    /// How many there are.
    pub count: u64,
    /// Most rows in a batch.
    pub batch_rows: u64,
    /// Most bytes of rows in a batch.
    pub batch_bytes: u64,
}

impl Deliver {
    /// The task's id: the same however often the end of the run is announced.
    #[must_use]
    pub fn task_id(&self) -> String {
        self.id("task").to_string()
    }

    /// The idempotency id of a batch, or of the message at the end (`None`): the same in every attempt. A run that is run
    /// again under the same id ends at another time, and its messages are others.
    #[must_use]
    pub fn message_id(&self, batch: Option<u64>) -> String {
        let id = batch.map_or_else(|| self.id("end"), |number| self.id(&number.to_string()));
        format!("msg_{}", id.simple())
    }

    fn id(&self, what: &str) -> Uuid {
        let ended_at = self.ended_at.to_rfc3339_opts(SecondsFormat::Millis, true);
        // None of the other parts holds a line break.
        let name = [&*self.table.to_string(), &*self.endpoint, &*ended_at, what, &*self.run].join("\n");
        Uuid::new_v5(&NAMESPACE, name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn deliver() -> Deliver {
        Deliver {
            table: "5c0000000000000000000001_general".parse().unwrap(),
            run: "73aead8f-670e-4cc7-bb80-965b9022b5d4".into(),
            endpoint: "report".into(),
            host: "h".into(),
            status: Status::Finished,
            message: String::new(),
            ended_at: "2026-11-25T08:00:00.123Z".parse().unwrap(),
            rows: None,
            batch: 0,
            sent: 0,
        }
    }

    #[test]
    fn an_id_depends_on_run_endpoint_end_and_batch_alone() {
        let first = deliver();
        let later = Deliver { batch: 7, sent: 3500, host: "other".into(), message: "m".into(), ..deliver() };
        let precise = Deliver { ended_at: "2026-11-25T08:00:00.123456Z".parse().unwrap(), ..deliver() };
        for same in [&later, &precise] {
            assert_eq!((same.message_id(Some(7)), same.task_id()), (first.message_id(Some(7)), first.task_id()));
        }
        let others = [
            Deliver { run: "other".into(), ..deliver() },
            Deliver { endpoint: "all:a".into(), ..deliver() },
            Deliver { table: "5c0000000000000000000001_pivot".parse().unwrap(), ..deliver() },
            Deliver { ended_at: "2026-11-25T08:00:00.124Z".parse().unwrap(), ..deliver() },
        ];
        let ids: BTreeSet<String> = std::iter::once(&first)
            .chain(&others)
            .flat_map(|deliver| [None, Some(0), Some(1)].map(|batch| deliver.message_id(batch)))
            .collect();
        assert_eq!(ids.len(), 15);
        assert!(ids.iter().all(|id| id.len() == 36 && id.starts_with("msg_")), "{ids:?}");
    }
}
