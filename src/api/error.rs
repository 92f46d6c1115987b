//! Every failure of the API: its status and its body. The one place that knows both.
//!
//! Bodies are the contract's, as the platform's front API reads them: `{"message": …}` for what the caller can put right,
//! `{"error": "…"}` where an address leads nowhere, `{"error": {"msg": "…"}}` otherwise.

use super::pace::MIN_RATE;
use crate::beat::{ListError, RunError};
use crate::broker::BrokerError;
use crate::export::ExportError;
use crate::filter::FilterError;
use crate::peers::PeerError;
use crate::request::RequestError;
use crate::stages::AnnounceError;
use crate::store::StoreError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is wrong with each argument, and what was expected.
pub(super) type Mistakes = BTreeMap<&'static str, String>;

/// Seconds after which a client may try again what failed for want of the store or the broker.
const RETRY_AFTER_SECONDS: &str = "5";

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// Arguments are missing or wrong.
    #[error("wrong arguments: {0:?}")]
    Arguments(Mistakes),
    /// Fields of what was sent are missing or wrong, by their paths.
    #[error("wrong fields: {0:?}")]
    Fields(BTreeMap<String, String>),
    /// The request as a whole is not understood.
    #[error("{0}")]
    NotUnderstood(String),
    /// No good token.
    #[error("{0}")]
    Unauthorized(String),
    /// Nothing is served at this address.
    #[error("Resource not found")]
    Resource,
    /// There is no such table.
    #[error("{0}")]
    NoTable(String),
    /// The address is served, but not with this method.
    #[error("Method not allowed; allowed: {allow}")]
    Method {
        /// The methods that are served.
        allow: &'static str,
    },
    /// No representation is served that the client accepts.
    #[error("cannot answer in a type of the header Accept; available: {}", available.join(", "))]
    NotAcceptable {
        /// The types that are served.
        available: Vec<&'static str>,
    },
    /// The client took too long to send the body.
    #[error("the body came too slowly: expected {MIN_RATE} bytes a second")]
    Slow,
    /// The caller, or the address, has used up what it may ask.
    #[error("{what}; try again in {} s", seconds(*wait))]
    TooMany {
        /// Of what there were too many.
        what: &'static str,
        /// When there will be room again.
        wait: Duration,
    },
    /// The state of the table does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The body is too large.
    #[error("expected a body of at most {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The query string is too long.
    #[error("expected a query string of at most {limit_bytes} bytes")]
    UriTooLong {
        /// The limit.
        limit_bytes: usize,
    },
    /// The body is of a type that is not read.
    #[error("expected a body of type application/json or application/x-www-form-urlencoded, got {0:?}")]
    MediaType(String),
    /// This process has no report store.
    #[error("this host has no report store (MAESTRO_UPLOAD=api)")]
    NoStore,
    /// A table could not be written in a format.
    #[error(transparent)]
    Artifact(ExportError),
    /// The report store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Another service of the platform failed.
    #[error(transparent)]
    Peer(#[from] PeerError),
}

impl ApiError {
    /// One wrong argument.
    pub(super) fn argument(name: &'static str, expected: impl Into<String>) -> Self {
        Self::Arguments(Mistakes::from([(name, expected.into())]))
    }

    /// The message with its causes, for the log.
    pub(super) fn full(&self) -> String {
        with_causes(self)
    }

    /// What the caller is told: the detail of a failure of ours stays in the log.
    fn body(&self) -> Value {
        match self {
            Self::Arguments(mistakes) => json!({"message": mistakes}),
            Self::Fields(fields) => json!({"message": fields}),
            Self::NotUnderstood(text) => json!({"message": text}),
            Self::Resource | Self::NoTable(_) | Self::Method { .. } => json!({"error": self.to_string()}),
            Self::Store(StoreError::Unavailable { .. }) => {
                message("the report store cannot be reached; try again later")
            }
            Self::Broker(BrokerError::Blocked { .. }) => {
                message("the broker takes no messages for now; try again later")
            }
            Self::Broker(BrokerError::Unavailable { .. } | BrokerError::Unconfirmed(_)) => {
                message("the broker cannot be reached; try again later")
            }
            Self::Peer(_) => message("the platform does not answer as expected; try again later"),
            Self::Store(StoreError::Refused { .. } | StoreError::Corrupt { .. })
            | Self::Broker(BrokerError::Refused { .. } | BrokerError::Stale)
            | Self::Artifact(_) => message("internal error; the log tells more under this request's id"),
            Self::Unauthorized(_)
            | Self::NotAcceptable { .. }
            | Self::Slow
            | Self::TooMany { .. }
            | Self::Conflict(_)
            | Self::TooLarge { .. }
            | Self::UriTooLong { .. }
            | Self::MediaType(_)
            | Self::NoStore
            | Self::Store(
                StoreError::TimedOut { .. } | StoreError::Superseded { .. } | StoreError::Incomplete { .. },
            ) => message(&self.to_string()),
        }
    }
}

/// An error's message with its causes.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Whole seconds, upwards.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn message(text: &str) -> Value {
    json!({"error": {"msg": text}})
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Arguments(_) | Self::Fields(_) | Self::NotUnderstood(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Resource | Self::NoTable(_) => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable { .. } => StatusCode::NOT_ACCEPTABLE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong { .. } => StatusCode::URI_TOO_LONG,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoStore => StatusCode::SERVICE_UNAVAILABLE,
            Self::Artifact(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Peer(_) => StatusCode::BAD_GATEWAY,
            Self::Store(error) => match error {
                StoreError::Unavailable { .. } | StoreError::TimedOut { .. } => StatusCode::SERVICE_UNAVAILABLE,
                StoreError::Superseded { .. } | StoreError::Incomplete { .. } => StatusCode::CONFLICT,
                StoreError::Refused { .. } | StoreError::Corrupt { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Broker(error) => match error {
                BrokerError::Unavailable { .. } | BrokerError::Blocked { .. } | BrokerError::Unconfirmed(_) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                BrokerError::Refused { .. } | BrokerError::Stale => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if let Self::Method { allow } = self {
            response.insert_header((header::ALLOW, *allow));
        } else if let Self::TooMany { wait, .. } = self {
            response.insert_header((header::RETRY_AFTER, seconds(*wait)));
        } else if status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "JWT"));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        response.json(self.body())
    }
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> Self {
        Self::NotUnderstood(error.to_string())
    }
}

impl From<AnnounceError> for ApiError {
    fn from(error: AnnounceError) -> Self {
        match error {
            AnnounceError::Store(error) => error.into(),
            AnnounceError::Broker(error) => error.into(),
        }
    }
}

impl From<ListError> for ApiError {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Store(error) => error.into(),
            ListError::Peer(error) => error.into(),
        }
    }
}

impl From<RunError> for ApiError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Request(error) => error.into(),
            RunError::Peer(error) => error.into(),
            RunError::NoReport(text) => Self::Conflict(text),
        }
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Filter(error) => error.into(),
            RequestError::NoComponent => Self::argument("component", error.to_string()),
            RequestError::Store(error) => error.into(),
            RequestError::Broker(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Box<dyn std::error::Error + Send + Sync> {
        "connect to mongodb://user:pass@host".into()
    }

    #[test]
    fn the_detail_of_our_failures_stays_in_the_log() {
        let failures: [ApiError; 4] = [
            StoreError::Unavailable { what: "count".into(), source: source() }.into(),
            StoreError::Refused { what: "count".into(), source: source() }.into(),
            BrokerError::Unavailable { what: "publish".into(), source: source() }.into(),
            BrokerError::Refused { what: "publish".into(), source: source() }.into(),
        ];
        for failure in failures {
            assert!(failure.status_code().is_server_error());
            assert!(failure.full().contains("mongodb://"), "{}", failure.full());
            assert!(!failure.body().to_string().contains("mongodb://"), "{}", failure.body());
            assert!(failure.body()["error"]["msg"].is_string());
        }
    }

    #[test]
    fn what_the_caller_can_put_right_is_a_message() {
        assert_eq!(ApiError::argument("page", "expected 1").body(), json!({"message": {"page": "expected 1"}}));
        let filter = FilterError { path: "filters[0].field".into(), expected: "expected a path".into() };
        assert_eq!(ApiError::from(filter).body(), json!({"message": "filters[0].field: expected a path"}));
    }
}
