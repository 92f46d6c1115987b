//! The Reports API of another host: takes the rows of a worker that has no store (contract §3, `POST /reports`).

use super::http::Call;
use super::{PeerError, Peers};
use crate::domain::{Batch, JsonRow};
use awc::http::Method;

impl Peers {
    /// Posts one batch; how many of its rows were new there.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn post_batch(&self, batch: &Batch<JsonRow<'_>>) -> Result<u64, PeerError> {
        let base = &self.config.peers.report_uri;
        let call = Call::service(self, "Reports API", Method::POST, base, "/reports");
        let answer = call.tell(batch).await?;
        answer.get("nUpserted").and_then(serde_json::Value::as_u64).ok_or_else(|| PeerError::NotUnderstood {
            peer: call.peer,
            what: "the answer to a batch has no nUpserted".to_owned(),
        })
    }
}
