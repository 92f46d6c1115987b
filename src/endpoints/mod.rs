//! Messages to users' endpoints: signed as the Standard Webhooks specification says, sent only where the rule for
//! addresses allows, one attempt for a bounded time. Nothing here tries again.
//!
//! `guard` connects, `sign` makes the signatures, `error` says what went wrong without showing an address.

mod error;
mod guard;
mod sign;

pub use error::EndpointError;

use crate::config::Webhooks;
use crate::domain::{Endpoint, EndpointUrl};
use crate::metrics;
use crate::peers;
use awc::ClientResponse;
use awc::http::header::{CONTENT_TYPE, USER_AGENT};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use guard::Trust;
use rustls::ClientConfig;
use sign::Signed;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// The name under which calls are counted.
const PEER: &str = "endpoint";

/// The longest answer that is read; it is thrown away, but the connection can be used again.
const ANSWER_BYTES: usize = 16 * 1024;

/// How messages to endpoints are sent.
#[derive(Debug, Clone)]
pub struct Endpoints {
    trust: Arc<Trust>,
    plain: bool,
    timeout: Duration,
}

/// A message: its id, the same in every attempt, and its body.
#[derive(Debug, Clone)]
pub struct Message {
    /// The idempotency id.
    pub id: String,
    /// JSON.
    pub body: Bytes,
}

impl Endpoints {
    /// With these settings; `https` endpoints must be such as `tls` trusts.
    #[must_use]
    pub fn new(webhooks: &Webhooks, tls: &ClientConfig) -> Self {
        let trust = Trust { rule: webhooks.rule.clone(), tls: peers::http_only(tls), timeout: webhooks.timeout };
        Self { trust: Arc::new(trust), plain: webhooks.plain, timeout: webhooks.timeout }
    }

    /// Checks an address as far as that can be done without asking for its host's: the scheme, and a host in numbers.
    ///
    /// # Errors
    /// What a message to it would fail with.
    pub fn accepts(&self, url: &EndpointUrl) -> Result<(), EndpointError> {
        if url.is_plain() && !self.plain {
            return Err(EndpointError::Plain { host: url.host() });
        }
        Ok(url.check_literal(&self.trust.rule)?)
    }

    /// Sends a message; back when the endpoint has taken it (2xx).
    ///
    /// # Errors
    /// See [`EndpointError`]; whether the endpoint has seen the message is not known then.
    pub async fn send(&self, endpoint: &Endpoint, message: &Message, now: DateTime<Utc>) -> Result<(), EndpointError> {
        let began = Instant::now();
        let host = || endpoint.url.host();
        let sent = timeout(self.timeout, self.attempt(endpoint, message, now)).await;
        let sent = sent.unwrap_or_else(|_| Err(EndpointError::TimedOut { host: host(), limit: self.timeout }));
        metrics::peer(PEER, sent.as_ref().map_or_else(EndpointError::kind, |()| "ok"), began);
        sent
    }

    async fn attempt(&self, endpoint: &Endpoint, message: &Message, now: DateTime<Utc>) -> Result<(), EndpointError> {
        self.accepts(&endpoint.url)?;
        let host = endpoint.url.host();
        let Signed { timestamp, signatures } = sign::sign(&endpoint.secrets, &message.id, &message.body, now)
            .map_err(|error| EndpointError::Unsigned { host: host.clone(), source: error })?;
        let request = guard::client(&self.trust)
            .post(endpoint.url.expose())
            .insert_header((USER_AGENT, concat!("maestro-reports/", env!("CARGO_PKG_VERSION"))))
            .insert_header((CONTENT_TYPE, "application/json"))
            .insert_header((standardwebhooks::HEADER_WEBHOOK_ID, message.id.as_str()))
            .insert_header((standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, timestamp))
            .insert_header((standardwebhooks::HEADER_WEBHOOK_SIGNATURE, signatures));
        let answer = request.send_body(message.body.clone()).await;
        let mut answer = answer.map_err(|error| EndpointError::unsent(host.clone(), &error))?;
        let judged = EndpointError::judge(host, answer.status(), answer.headers(), now);
        skim(&mut answer).await;
        judged
    }
}

/// Reads an answer that nobody needs, as far as it is short. What it says is never shown: whoever names an endpoint
/// could read through it what only this network should.
async fn skim(answer: &mut ClientResponse) {
    let mut read = 0;
    while read < ANSWER_BYTES {
        match answer.next().await {
            Some(Ok(chunk)) => read += chunk.len(),
            Some(Err(_)) | None => return,
        }
    }
}
