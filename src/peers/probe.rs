//! Calls that change nothing: whether a service answers, and takes our credentials.

use super::http::Call;
use super::{PeerError, Peers};
use awc::http::Method;
use awc::http::header::DATE;
use chrono::{DateTime, Utc};
use serde_json::json;

/// An id that no record has.
const NOBODY: &str = "000000000000000000000000";

impl Peers {
    /// Asks the Data API for a record that is not there; its time, where it says so.
    ///
    /// # Errors
    /// See [`PeerError`]; `Refused` with 401 where it does not take our token.
    pub async fn probe_data_api(&self) -> Result<Option<DateTime<Utc>>, PeerError> {
        let body = json!({"query": json!({"_id": NOBODY}).to_string(), "limit": 1, "page": 1});
        let answer = self.data_call(Method::POST, "/reports").send(&body).await?;
        let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
        Ok(date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(Into::into))
    }

    /// Asks the audit service for its first page; any answer will do.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn probe_audit(&self) -> Result<(), PeerError> {
        let Some(base) = &self.config.peers.audit_uri else { return Ok(()) };
        let call = Call::service(self, "audit service", Method::GET, base, "/");
        match call.send(&json!({})).await {
            Ok(_) | Err(PeerError::Refused { status: 404 | 405, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks the WebSocket service how it is.
    ///
    /// # Errors
    /// See [`PeerError`]; `Refused` with 401 where it does not take our key.
    pub async fn probe_websocket(&self) -> Result<(), PeerError> {
        let Some(base) = &self.config.peers.websocket_uri else { return Ok(()) };
        self.command(base, &json!({"method": "info", "params": {}})).await
    }
}
