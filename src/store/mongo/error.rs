//! What MongoDB's errors mean to the store's callers.

use crate::store::StoreError;
use mongodb::error::{Error, ErrorKind, WriteFailure};
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
    let what = what.to_owned();
    if unreachable || code.is_some_and(|code| PASSING.contains(&code)) {
        StoreError::Unavailable { what, source: error.into() }
    } else {
        StoreError::Refused { what, source: error.into() }
    }
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
