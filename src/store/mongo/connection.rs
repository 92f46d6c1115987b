//! The connection to MongoDB: its options, its collections, and the time limit that every call is under.

use super::error;
use crate::config::Secret;
use crate::store::StoreError;
use bson::Document;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Collection, Database};
use std::future::IntoFuture;
use std::time::Duration;

/// How long to look for a server that answers.
const SERVER_SELECTION: Duration = Duration::from_secs(5);
/// The longest that any call may take, the building of an index included.
const CALL: Duration = Duration::from_secs(120);

/// A database of a MongoDB server.
#[derive(Clone)]
pub(super) struct Connection {
    database: Database,
    hosts: String,
    query_timeout: Duration,
}

impl Connection {
    /// Reads the address and prepares the client; connections are made when they are needed.
    pub(super) async fn open(uri: &Secret, database: &str, query_timeout: Duration) -> Result<Self, StoreError> {
        let mut options = ClientOptions::parse(uri.expose()).await.map_err(|_| bad_address())?;
        options.app_name.get_or_insert_with(|| env!("CARGO_PKG_NAME").to_owned());
        options.server_selection_timeout.get_or_insert(SERVER_SELECTION);
        // A task is acknowledged after its rows are written: they must survive the loss of one server.
        options
            .write_concern
            .get_or_insert_with(|| WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
        let hosts = options.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let client = Client::with_options(options).map_err(|error| unusable(&error))?;
        Ok(Self { database: client.database(database), hosts, query_timeout })
    }

    /// Where it is, without credentials.
    pub(super) fn describe(&self) -> String {
        format!("MongoDB at {}, database {}", self.hosts, self.database.name())
    }

    /// The database.
    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// A collection.
    pub(super) fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }

    /// How long one query of rows may work.
    pub(super) fn query_timeout(&self) -> Duration {
        self.query_timeout
    }

    /// Awaits a call; `what` says for people what was tried.
    pub(super) async fn call<T>(
        &self,
        what: &str,
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(CALL, call.into_future()).await {
            Ok(result) => result.map_err(|error| error::store(error, what, self.query_timeout)),
            Err(late) => Err(StoreError::Unavailable { what: what.to_owned(), source: late.into() }),
        }
    }
}

/// A file of certificates is read now; what is wrong with it is told, without anything of the address but its path.
fn unusable(error: &Error) -> StoreError {
    let ErrorKind::InvalidTlsConfig { message, .. } = &*error.kind else { return bad_address() };
    let what = "to be spoken to over TLS (MAESTRO_CA_FILE, or the tls options of its address)".to_owned();
    StoreError::Refused { what, source: message.clone().into() }
}

/// The cause is left out: it may quote the password.
fn bad_address() -> StoreError {
    StoreError::Refused {
        what: "to read its address".to_owned(),
        source: "expected mongodb://[user:password@]host[:port][/][?options], with special characters in the user and \
                 the password percent-encoded"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_shows_credentials() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let open = async |uri: &str| Connection::open(&Secret::new(uri), "reports", CALL).await;
            let connection = open("mongodb://ann:hunter2@db1:27018,db2/admin?replicaSet=x").await.unwrap();
            assert_eq!(connection.describe(), "MongoDB at db1:27018, db2:27017, database reports");
            for bad in ["mongodb://ann:hunter2@x@db1", "http://hunter2", "mongodb://ann:hunter2@db1:port"] {
                let error = open(bad).await.err().unwrap();
                assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
            }
            let error = open("mongodb://ann:hunter2@db1/?tls=true&tlsCAFile=%2Fnowhere.pem").await.err().unwrap();
            let told = format!("{error:?}");
            assert!(told.contains("MAESTRO_CA_FILE") && told.contains("/nowhere.pem"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        });
    }
}
