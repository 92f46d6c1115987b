//! MongoDB at an address with `tls=true`.

use crate::support::mongo;
use crate::support::tls::{Authority, Identity, TlsProxy};
use maestro_reports::config;
use maestro_reports::store::{self, StoreError};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// Reaches a MongoDB server with this identity, with a file of authorities and more options in the address.
async fn ping(identity: &Identity, ca_file: &Path, options: &str) -> Option<Result<(), StoreError>> {
    let database = mongo::database()?;
    let proxy = TlsProxy::before(identity, &database.uri);
    let get = |name: &str| match name {
        "MAESTRO_MONGO_URI" => Some(format!("mongodb://localhost:{}/?tls=true{options}", proxy.port)),
        "MAESTRO_MONGO_DATABASE" => Some(database.name.clone()),
        "MAESTRO_CA_FILE" => Some(ca_file.display().to_string()),
        _ => None,
    };
    let settings = config::load(&get, None, &[]).unwrap().store;
    let store = store::connect(&settings, Duration::from_secs(10)).await.unwrap();
    let reached = store.ping().await;
    if reached.is_ok() {
        assert!(!store.migrate().await.unwrap().is_empty());
    }
    Some(reached)
}

#[actix_rt::test]
async fn a_server_of_the_ca_file_is_trusted() {
    let authority = Authority::new();
    if let Some(reached) = ping(&authority.issue("localhost"), &authority.file(), "").await {
        reached.unwrap();
    }
}

#[actix_rt::test]
async fn a_file_in_the_address_is_stronger() {
    let (authority, other) = (Authority::new(), Authority::new());
    let own = format!("&tlsCAFile={}", authority.file().display());
    if let Some(reached) = ping(&authority.issue("localhost"), &other.file(), &own).await {
        reached.unwrap();
    }
}

#[actix_rt::test]
async fn a_server_that_is_not_trusted_is_not_used_and_the_reason_is_told() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let cases = [
        (ours.issue("localhost"), theirs.file(), "invalid peer certificate"),
        (ours.issue("elsewhere"), ours.file(), "not valid for name \"localhost\""),
        (ours.issue_expired("localhost"), ours.file(), "certificate expired"),
    ];
    for (identity, ca_file, why) in cases {
        let Some(reached) = ping(&identity, &ca_file, "&serverSelectionTimeoutMS=2000").await else { return };
        let error = reached.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains(why), "{cause}");
    }
}
