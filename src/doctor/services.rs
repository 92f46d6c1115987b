//! The platform's other services: whether they answer and take our credentials; and our clock by that of the Data API.

use super::{Finding, with_causes};
use crate::config::Config;
use crate::peers::{PeerError, Peers};
use chrono::{TimeDelta, Utc};

const DATA_API: &str = "Data API";
const AUDIT: &str = "audit service";
const WEBSOCKET: &str = "WebSocket service";
const CLOCK: &str = "clock";

/// How far clocks may be apart: the header has whole seconds, and the answer took its time.
const CLOSE: TimeDelta = TimeDelta::seconds(5);
/// So far apart, tokens are refused and leases end early.
const FAR: TimeDelta = TimeDelta::seconds(60);

/// Looks at the Data API, and at the clock by its answer.
pub(super) async fn data_api(config: &Config, peers: &Peers) -> Vec<Finding> {
    let uri = &config.peers.data_uri;
    match peers.probe_data_api().await {
        Ok(date) => {
            let clock = date.map(|date| judge_clock(Utc::now() - date, config));
            [Finding::ok(DATA_API, format!("{uri} answers and takes our token"))].into_iter().chain(clock).collect()
        }
        Err(error) => vec![refused(DATA_API, &error, "MAESTRO_DATA_URI", TOKEN)],
    }
}

/// Looks at the audit service. It has no call that asks for a token and changes nothing.
pub(super) async fn audit(config: &Config, peers: &Peers) -> Vec<Finding> {
    let Some(uri) = &config.peers.audit_uri else { return Vec::new() };
    let finding = match peers.probe_audit().await {
        Ok(()) => Finding::ok(AUDIT, format!("{uri} answers")),
        Err(error) => refused(AUDIT, &error, "MAESTRO_AUDIT_URI (empty: not told)", TOKEN),
    };
    vec![finding]
}

/// Looks at the WebSocket service.
pub(super) async fn websocket(config: &Config, peers: &Peers) -> Vec<Finding> {
    let Some(uri) = &config.peers.websocket_uri else { return Vec::new() };
    let finding = match peers.probe_websocket().await {
        Ok(()) => Finding::ok(WEBSOCKET, format!("{uri} answers and takes our key")),
        Err(error) => refused(WEBSOCKET, &error, "MAESTRO_WEBSOCKET_URI (empty: not told)", KEY),
    };
    vec![finding]
}

const TOKEN: &str = "give MAESTRO_SECRETJWT_PRIVATE and MAESTRO_NOAUTH the values that the service has";
const KEY: &str = "give MAESTRO_WEBSOCKET_SECRET the value of the service's API key";

fn refused(check: &'static str, error: &PeerError, address: &str, credentials: &str) -> Finding {
    let advice = match error {
        PeerError::Refused { status: 401 | 403, .. } => credentials.to_owned(),
        PeerError::Untrusted { .. } => "name the authority of its certificate in MAESTRO_CA_FILE".to_owned(),
        PeerError::Refused { status: 500.., .. } => "look into the log of that service".to_owned(),
        PeerError::Refused { .. } | PeerError::NotUnderstood { .. } => {
            format!("see whether another service answers there: correct {address}")
        }
        PeerError::Unreachable { .. } | PeerError::TimedOut { .. } | PeerError::BrokenOff { .. } => {
            format!("start the service, or correct {address}")
        }
    };
    Finding::failed(check, with_causes(error), advice)
}

fn judge_clock(ahead: TimeDelta, config: &Config) -> Finding {
    let tokens = config.auth.token_lifetime.map_or_else(
        || "tokens do not end".to_owned(),
        |lifetime| format!("tokens last {}", humantime::format_duration(lifetime)),
    );
    let (apart, side) = (ahead.abs(), if ahead < TimeDelta::zero() { "behind" } else { "ahead of" });
    if apart <= CLOSE {
        return Finding::ok(CLOCK, format!("agrees with the Data API's; {tokens}"));
    }
    let found = format!("{} s {side} the Data API's; {tokens}", apart.num_seconds());
    let advice = "let both hosts follow a time server (chrony, systemd-timesyncd)";
    if apart <= FAR { Finding::warning(CLOCK, found, advice) } else { Finding::failed(CLOCK, found, advice) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn clocks_apart_are_told_on_either_side() {
        let config = crate::config::load(&|_| None, None, &[]).unwrap();
        for (seconds, state, said) in [
            (-5, State::Ok, "agrees"),
            (6, State::Warning, "6 s ahead of the Data API's"),
            (-60, State::Warning, "60 s behind the Data API's"),
            (3600, State::Failed, "3600 s ahead of"),
        ] {
            let finding = judge_clock(TimeDelta::seconds(seconds), &config);
            assert_eq!(finding.state, state, "{seconds}");
            assert!(finding.found.contains(said) && finding.found.contains("tokens last 1h"), "{}", finding.found);
        }
    }
}
