//! The audit service: gets the chart counts of each finished report (contract §6.5).

use super::http::Call;
use super::{PeerError, Peers};
use crate::domain::ReportId;
use awc::http::Method;
use serde_json::Value;

impl Peers {
    /// Gives a record such as `{"aggr": …}` to the audit service; nothing where none is configured.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn audit(&self, report: ReportId, record: &Value) -> Result<(), PeerError> {
        let Some(base) = &self.config.peers.audit_uri else { return Ok(()) };
        let path = format!("/audit/reports/{report}");
        Call::service(self, "audit service", Method::PUT, base, &path).tell(record).await.map(drop)
    }
}
