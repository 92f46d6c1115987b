//! Peers at `https://` addresses.

use crate::support::platform::Platform;
use crate::support::tls::{Authority, Identity, TlsProxy};
use maestro_reports::config::{self, Config};
use maestro_reports::peers::{PeerError, Peers};
use maestro_reports::store::Verdict;
use maestro_reports::tls;
use serde_json::json;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

const REPORT: &str = "5c0000000000000000000001";

/// Tells an audit service with this identity, reached as `https://<host>`, and says how it went.
async fn tell(identity: &Identity, host: &str, ca_file: Option<PathBuf>) -> (Result<(), PeerError>, Platform) {
    let platform = Platform::accepting();
    let proxy = TlsProxy::before(identity, &platform.address);
    let told = audit(format!("https://{host}:{}", proxy.port), ca_file).await;
    (told, platform)
}

async fn audit(address: String, ca_file: Option<PathBuf>) -> Result<(), PeerError> {
    let get = |name: &str| (name == "MAESTRO_AUDIT_URI").then(|| address.clone());
    let config: Config = config::load(&get, None, &[]).unwrap();
    let peers = Peers::new(Arc::new(config), &tls::client(ca_file.as_deref()).unwrap());
    peers.audit(REPORT.parse().unwrap(), &json!({"aggr": {}})).await
}

#[actix_rt::test]
async fn a_server_of_the_ca_file_is_trusted() {
    let authority = Authority::new();
    for host in ["localhost", "127.0.0.1"] {
        let (told, platform) = tell(&authority.issue(host), host, Some(authority.file())).await;
        told.unwrap();
        assert_eq!(platform.calls("/audit/reports")[0].body, json!({"aggr": {}}));
    }
}

#[actix_rt::test]
async fn a_server_that_is_not_trusted_gets_nothing_and_the_reason_is_told() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let cases = [
        (ours.issue("localhost"), Some(theirs.file()), "issued by an unknown authority (MAESTRO_CA_FILE"),
        (ours.issue("localhost"), None, "issued by an unknown authority"),
        (ours.issue("elsewhere"), Some(ours.file()), "is for elsewhere and not for localhost"),
        (ours.issue_expired("localhost"), Some(ours.file()), "expired on 2020-12-31"),
    ];
    for (identity, ca_file, why) in cases {
        let (told, platform) = tell(&identity, "localhost", ca_file).await;
        let error = told.unwrap_err();
        assert!(matches!(error, PeerError::Untrusted { .. }), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.to_string().starts_with("the audit service (https://localhost:"), "{error}");
        assert_eq!(error.verdict(), Verdict::Retry);
        assert!(platform.calls("/").is_empty());
    }
}

#[actix_rt::test]
async fn a_server_without_tls_gets_no_token() {
    let platform = Platform::accepting();
    let address = platform.address.replace("http://", "https://");
    let error = audit(address, None).await.unwrap_err();
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    assert!(platform.calls("/").is_empty());
}

#[actix_rt::test]
async fn a_server_that_does_not_shake_hands_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let error = audit(address, None).await.unwrap_err();
    assert!(error.to_string().ends_with("was silent for 5s"), "{error}");
}
