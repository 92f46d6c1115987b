//! What MongoDB's errors mean to the store's callers.

use crate::store::StoreError;
use mongodb::error::{Error, ErrorKind, WriteFailure};
use std::fmt;
use std::time::Duration;

/// The code of a key that is already there.
pub(super) const DUPLICATE_KEY: i32 = 11000;
/// The code of a query over its time limit.
const MAX_TIME_EXPIRED: i32 = 50;
/// Codes of a server that is changing its role, shutting down or overloaded, and of a cursor that is gone.
const PASSING: [i32; 19] =
    [6, 7, 43, 64, 89, 91, 112, 134, 175, 189, 237, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436];

/// The store's error; `what` says what was tried.
pub(super) fn store(error: Error, what: &str, query_timeout: Duration) -> StoreError {
    let code = code(&error);
    if code == Some(MAX_TIME_EXPIRED) {
        return StoreError::TimedOut { seconds: query_timeout.as_secs() };
    }
    let unreachable = matches!(
        &*error.kind,
        ErrorKind::ServerSelection { .. }
            | ErrorKind::Io(_)
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
    );
    let (what, source) = (what.to_owned(), Told(error).into());
    if unreachable || code.is_some_and(|code| PASSING.contains(&code)) {
        StoreError::Unavailable { what, source }
    } else {
        StoreError::Refused { what, source }
    }
}

/// An error in words for people: the driver's own hold everything that it knows of the server.
#[derive(Debug)]
struct Told(Error);

impl std::error::Error for Told {}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = &*self.0.kind;
        if let ErrorKind::ServerSelection { message, .. } = kind {
            f.write_str(&no_server(message))
        } else {
            kind.fmt(f)
        }
    }
}

/// Which servers were tried, and what was wrong with each:
/// `… Servers: [ { Address: db1:27017, Type: Unknown, Error: Kind: I/O error: refused, labels: …`.
fn no_server(message: &str) -> String {
    let tried = message.split("Address: ").skip(1).map(|server| {
        let (address, state) = server.split_once(',').unwrap_or((server, ""));
        let error = state.split_once("Error: Kind: ").map_or("no answer", |(_, error)| error);
        let error = error.split_once(", labels:").map_or(error, |(error, _)| error);
        format!("{address}: {}", error.trim_start_matches("I/O error: "))
    });
    let tried: Vec<String> = tried.collect();
    if tried.is_empty() { message.to_owned() } else { format!("no server can be used ({})", tried.join("; ")) }
}

/// Whether a write failed because its key is already there.
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error) == Some(DUPLICATE_KEY)
}

/// Whether a collection was not there to be dropped. The driver sees to this itself where the server gives a code with
/// its answer; some servers give the text alone.
pub(super) fn is_nothing_to_drop(error: &Error) -> bool {
    let text = error.server_response().and_then(|answer| answer.get_str("errmsg").ok());
    text == Some("ns not found")
}

fn code(error: &Error) -> Option<i32> {
    if let ErrorKind::Command(command) = &*error.kind {
        return Some(command.code);
    }
    let ErrorKind::Write(failure) = &*error.kind else { return None };
    if let WriteFailure::WriteError(write) = failure {
        return Some(write.code);
    }
    if let WriteFailure::WriteConcernError(concern) = failure { Some(concern.code) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_which_servers_were_tried() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let uri = "mongodb://u:hunter2@127.0.0.1:1,127.0.0.1:2/?serverSelectionTimeoutMS=300&replicaSet=r";
            let client = mongodb::Client::with_uri_str(uri).await.unwrap();
            let error = client.database("d").run_command(bson::doc! { "ping": 1 }).await.unwrap_err();
            let told = Told(error).to_string();
            let refused = "Connection refused (os error 111)";
            let servers = [format!("127.0.0.1:1: {refused}"), format!("127.0.0.1:2: {refused}")];
            assert!(told.starts_with("no server can be used (127"), "{told}");
            assert!(servers.iter().all(|server| told.contains(server)) && told.len() < 130, "{told}");
        });
        assert_eq!(no_server("nothing was tried"), "nothing was tried");
    }
}
