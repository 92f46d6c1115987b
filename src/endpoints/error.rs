//! Why an endpoint did not take a message. Nothing here shows more of an endpoint than its host.

use crate::domain::NotAllowed;
use crate::store::Verdict;
use crate::tls;
use awc::error::{ConnectError, SendRequestError};
use awc::http::StatusCode;
use awc::http::header::{HeaderMap, HttpDate, RETRY_AFTER};
use chrono::{DateTime, Utc};
use standardwebhooks::WebhookError;
use std::time::Duration;

/// The longest pause that an endpoint may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// A message that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Its address may not be sent to; nothing was.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// It is at `http://`, which the settings refuse; nothing was sent.
    #[error(
        "messages to {host} would travel in the clear: give an address at https://, or set MAESTRO_WEBHOOK_HTTP=allow"
    )]
    Plain {
        /// The endpoint's host.
        host: String,
    },
    /// No connection, or it was lost before the answer began.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The endpoint's host.
        host: String,
        /// The cause, which awc does not let leave its thread as itself.
        why: String,
    },
    /// There was a connection, but none that can be trusted; nothing was sent over it.
    #[error("{host} is not trusted: {why}")]
    Untrusted {
        /// The endpoint's host.
        host: String,
        /// What is wrong with its certificate or its TLS.
        why: String,
    },
    /// The exchange took too long.
    #[error("{host} did not answer within {limit:?}")]
    TimedOut {
        /// The endpoint's host.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// It sent the message elsewhere.
    #[error("{host} answered {status}, a redirect, which is not followed: give the endpoint's final address")]
    Redirected {
        /// The endpoint's host.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// It is there no more, and says so (410).
    #[error("{host} answered 410: the endpoint is gone for good")]
    Gone {
        /// The endpoint's host.
        host: String,
    },
    /// It answered with an error.
    #[error("{host} answered {status}")]
    Refused {
        /// The endpoint's host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The pause that it asks for.
        retry_after: Option<Duration>,
    },
    /// The message could not be signed.
    #[error("the message for {host} could not be signed")]
    Unsigned {
        /// The endpoint's host.
        host: String,
        /// The cause.
        #[source]
        source: WebhookError,
    },
}

impl EndpointError {
    /// What kind of failure it is, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotAllowed(_) | Self::Plain { .. } => "not_allowed",
            Self::Unreachable { .. } => "unreachable",
            Self::Untrusted { .. } => "untrusted",
            Self::TimedOut { .. } => "timed_out",
            Self::Redirected { .. } => "redirected",
            Self::Gone { .. } => "gone",
            Self::Refused { .. } => "refused",
            Self::Unsigned { .. } => "unsigned",
        }
    }

    /// Whether trying again later may help. An endpoint that refuses may have been put right by then; an address that is
    /// not allowed needs somebody to look.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Unreachable { .. }
            | Self::Untrusted { .. }
            | Self::TimedOut { .. }
            | Self::Redirected { .. }
            | Self::Refused { .. } => Verdict::Retry,
            Self::NotAllowed(_) | Self::Plain { .. } | Self::Gone { .. } | Self::Unsigned { .. } => Verdict::GiveUp,
        }
    }

    /// The pause that the endpoint asks for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Refused { retry_after, .. } = self { *retry_after } else { None }
    }

    /// What an answer says: only 2xx takes the message.
    pub(super) fn judge(
        host: String,
        status: StatusCode,
        headers: &HeaderMap,
        now: DateTime<Utc>,
    ) -> Result<(), EndpointError> {
        match status.as_u16() {
            200..=299 => Ok(()),
            status @ 300..=399 => Err(Self::Redirected { host, status }),
            410 => Err(Self::Gone { host }),
            status @ (429 | 503) => Err(Self::Refused { host, status, retry_after: retry_after(headers, now) }),
            status => Err(Self::Refused { host, status, retry_after: None }),
        }
    }

    /// What kept a request from being answered.
    pub(super) fn unsent(host: String, error: &SendRequestError) -> Self {
        if let SendRequestError::Connect(ConnectError::Resolver(error)) = error
            && let Some(refused) = error.downcast_ref::<NotAllowed>()
        {
            return refused.clone().into();
        }
        if let SendRequestError::Connect(ConnectError::Io(error)) = error
            && let Some(why) = tls::distrust(error)
        {
            return Self::Untrusted { host, why };
        }
        // The address itself is in none of awc's errors.
        Self::Unreachable { host, why: error.to_string() }
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3); nothing where it is neither.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = DateTime::<Utc>::from(std::time::SystemTime::from(text.parse::<HttpDate>().ok()?));
            (at - now).to_std().unwrap_or_default()
        }
    };
    Some(pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use awc::http::header::HeaderValue;

    fn judged(status: u16, retry_after: &str) -> Result<(), EndpointError> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after).unwrap());
        let now = "2026-11-25T08:00:00Z".parse().unwrap();
        EndpointError::judge("h".into(), StatusCode::from_u16(status).unwrap(), &headers, now)
    }

    #[test]
    fn only_2xx_takes_a_message_and_only_410_ends_it() {
        for status in [200, 201, 202, 204, 299] {
            assert!(judged(status, "").is_ok());
        }
        for status in [301, 302, 307, 308, 304] {
            let error = judged(status, "").unwrap_err();
            assert_eq!((error.kind(), error.verdict()), ("redirected", Verdict::Retry));
            assert!(error.to_string().contains("a redirect, which is not followed"), "{error}");
        }
        for status in [400, 401, 404, 408, 429, 500, 502, 503, 504] {
            assert_eq!(judged(status, "").unwrap_err().verdict(), Verdict::Retry, "{status}");
        }
        assert_eq!(judged(410, "").unwrap_err().verdict(), Verdict::GiveUp);
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_to_within_a_day() {
        let seconds = |status, text| judged(status, text).unwrap_err().retry_after().map(|pause| pause.as_secs());
        assert_eq!([seconds(429, "120"), seconds(503, "7"), seconds(500, "7")], [Some(120), Some(7), None]);
        assert_eq!(seconds(503, "Wed, 25 Nov 2026 08:01:30 GMT"), Some(90));
        assert_eq!(seconds(503, "Wed, 25 Nov 2020 08:01:30 GMT"), Some(0));
        assert_eq!([seconds(429, "99999999"), seconds(429, "soon"), seconds(429, "")], [Some(86_400), None, None]);
    }
}
