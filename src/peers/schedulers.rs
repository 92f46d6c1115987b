//! The platform's schedules, and the definitions of the reports that they make (contract §8).

use super::{PeerError, Peers, TakeRow};
use crate::domain::{JsonRow, OwnerId, ReportId, Row};
use awc::http::Method;
use serde_json::{Map, Value, json};

/// Records on a page.
const PAGE: usize = 500;

/// The records of an answer.
#[derive(Default)]
struct Records(Vec<Map<String, Value>>);

impl TakeRow for Records {
    fn take(&mut self, row: Row) -> bool {
        if let Ok(Value::Object(record)) = serde_json::to_value(JsonRow(&row)) {
            self.0.push(record);
        }
        true
    }
}

impl Peers {
    /// The schedules of reports that were not removed, as the platform has them.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn schedulers(&self) -> Result<Vec<Map<String, Value>>, PeerError> {
        let query = json!({"task": "reports", "active": true});
        let mut all = Vec::new();
        for page in 1.. {
            let mut records = self.records("/schedulers", &query, PAGE, page).await?;
            let is_last = records.len() < PAGE;
            all.append(&mut records);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Changes a schedule's record: fields to be set, and MongoDB's operators, which the Data API passes on.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn put_scheduler(&self, id: &str, mut change: Map<String, Value>) -> Result<(), PeerError> {
        change.insert("_id".to_owned(), id.into());
        self.data_call(Method::PUT, "/schedulers").tell(&json!({"body": [change]})).await.map(drop)
    }

    /// How the platform has defined a report of this owner; `None` where it was removed or belongs to somebody else.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn defined_report(
        &self,
        report: ReportId,
        owner: OwnerId,
    ) -> Result<Option<Map<String, Value>>, PeerError> {
        let query = json!({"_id": report.to_string(), "owner._id": owner.to_string(), "active": true});
        Ok(self.records("/reports", &query, 1, 1).await?.pop())
    }

    async fn records(
        &self,
        path: &str,
        query: &Value,
        limit: usize,
        page: u64,
    ) -> Result<Vec<Map<String, Value>>, PeerError> {
        let body = json!({"query": query.to_string(), "limit": limit, "page": page});
        Ok(self.rows(path, &body, Records::default()).await?.taker.0)
    }
}
