//! The WebSocket service (Centrifugo): tells the owner's browsers that a report has ended (contract §6.5).

use super::http::{Call, Credentials};
use super::{PeerError, Peers};
use crate::domain::{OwnerId, ReportId, ReportType};
use crate::task::Notice;
use awc::http::Method;
use serde_json::{Value, json};

impl Peers {
    /// Publishes a notice on the owner's channel; nothing where no service is configured.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn notify(
        &self,
        kind: ReportType,
        report: ReportId,
        owner: OwnerId,
        notice: Notice,
    ) -> Result<(), PeerError> {
        let Some(base) = &self.config.peers.websocket_uri else { return Ok(()) };
        self.command(base, &publish(kind, report, owner, notice)).await
    }

    /// Has the service do something.
    pub(super) async fn command(&self, base: &str, command: &Value) -> Result<(), PeerError> {
        let call = Call {
            service: "WebSocket service",
            peer: format!("the WebSocket service ({base})"),
            method: Method::POST,
            url: format!("{base}/api"),
            credentials: Credentials::ApiKey(self.config.peers.websocket_secret.expose()),
            silence: self.config.peers.timeout,
            tls: &self.tls,
        };
        let answer = call.tell(command).await?;
        // Centrifugo answers a refused command with 200 and an `error`.
        match answer.get("error") {
            None | Some(Value::Null) => Ok(()),
            Some(error) => Err(PeerError::Refused { peer: call.peer, status: 400, message: error.to_string() }),
        }
    }
}

/// The command; the web client depends on the two names in `caller`.
fn publish(kind: ReportType, report: ReportId, owner: OwnerId, notice: Notice) -> Value {
    json!({"method": "publish", "params": {"channel": format!("maestro-{owner}"), "data": {
        "notify": {"title": format!("{kind} ({report})"), "msg": "Finish Sync", "type": notice.as_str()},
        "event": {"caller": ["reports-update", format!("reports-{report}")]},
    }}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_gets_what_the_web_client_expects() {
        let (report, owner) =
            ("5c0000000000000000000001".parse().unwrap(), "5c0000000000000000000002".parse().unwrap());
        insta::assert_json_snapshot!(publish(ReportType::General, report, owner, Notice::Success));
    }
}
