//! Calls of all peers: the service token, a limit on every silence, and what an error answer says.

use super::{PeerError, Peers, client};
use crate::auth;
use crate::config::Auth;
use crate::metrics;
use crate::tls;
use awc::ClientResponse;
use awc::error::{ConnectError, SendRequestError};
use awc::http::Method;
use awc::http::header::{AUTHORIZATION, HeaderValue};
use futures_util::StreamExt;
use rustls::ClientConfig;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// The longest part of an error answer that is read for its message.
const ERROR_BYTES: usize = 16 * 1024;
/// The longest message taken over from a peer.
const MESSAGE_CHARS: usize = 300;

/// How a peer wants to be told who calls.
pub(super) enum Credentials<'a> {
    /// `Authorization: JWT <token>` (contract §1).
    Service(&'a Auth),
    /// `Authorization: apikey <secret>` (Centrifugo).
    ApiKey(&'a str),
}

/// A call of a peer: who, where and how long it may be silent.
pub(super) struct Call<'a> {
    /// The service's name: `Data API`.
    pub(super) service: &'static str,
    /// The service for people, with its address: `the Data API (http://…)`.
    pub(super) peer: String,
    /// The method.
    pub(super) method: Method,
    /// The address.
    pub(super) url: String,
    /// Who calls.
    pub(super) credentials: Credentials<'a>,
    /// The longest silence.
    pub(super) silence: Duration,
    /// Whom to trust.
    pub(super) tls: &'a Arc<ClientConfig>,
}

impl<'a> Call<'a> {
    /// A call with the service token.
    pub(super) fn service(peers: &'a Peers, name: &'static str, method: Method, base: &str, path: &str) -> Self {
        Self {
            service: name,
            peer: format!("the {name} ({base})"),
            method,
            url: format!("{base}{path}"),
            credentials: Credentials::Service(&peers.config.auth),
            silence: peers.config.peers.timeout,
            tls: &peers.tls,
        }
    }

    /// Sends a JSON body; back when the head of a good answer has arrived.
    /// A peer that refuses one accepted secret is asked with the next: while secrets are changed it may have either.
    pub(super) async fn send(&self, body: &impl Serialize) -> Result<ClientResponse, PeerError> {
        let began = Instant::now();
        let answered = self.ask(body).await;
        metrics::peer(self.service, answered.as_ref().map_or_else(PeerError::kind, |_| "ok"), began);
        answered
    }

    async fn ask(&self, body: &impl Serialize) -> Result<ClientResponse, PeerError> {
        let mut authorizations = self.authorizations()?.into_iter();
        loop {
            match self.attempt(body, authorizations.next()).await {
                Err(PeerError::Refused { status: 401, .. }) if authorizations.len() > 0 => {}
                sent => return sent,
            }
        }
    }

    async fn attempt(
        &self,
        body: &impl Serialize,
        authorization: Option<HeaderValue>,
    ) -> Result<ClientResponse, PeerError> {
        let mut request = client::client(self.tls).request(self.method.clone(), &self.url);
        if let Some(authorization) = authorization {
            request = request.insert_header((AUTHORIZATION, authorization));
        }
        let sent = request.send_json(body);
        let response = timeout(self.silence, sent).await.map_err(|_| self.silent())?;
        let mut response = response.map_err(|error| self.unsent(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let message = error_message(&read_some(&mut response, self.silence).await);
        Err(PeerError::Refused { peer: self.peer.clone(), status: response.status().as_u16(), message })
    }

    /// Sends a JSON body and reads the answer to its end, as JSON where it is JSON.
    pub(super) async fn tell(&self, body: &impl Serialize) -> Result<serde_json::Value, PeerError> {
        let mut response = self.send(body).await?;
        let bytes = read_some(&mut response, self.silence).await;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub(super) fn silent(&self) -> PeerError {
        PeerError::TimedOut { peer: self.peer.clone(), silence: self.silence }
    }

    /// What may be tried as the header `Authorization`, in this order.
    fn authorizations(&self) -> Result<Vec<HeaderValue>, PeerError> {
        let unsent = |source| PeerError::Unreachable { peer: self.peer.clone(), source };
        let value = |text: String| {
            let mut value = HeaderValue::from_str(&text).map_err(|error| unsent(error.into()))?;
            value.set_sensitive(true);
            Ok(value)
        };
        match self.credentials {
            Credentials::Service(auth) => {
                let tokens = auth::tokens(auth).map(|token| token.map_err(|error| unsent(error.into())));
                tokens.map(|token| value(format!("JWT {}", token?))).collect()
            }
            Credentials::ApiKey(key) => Ok(vec![value(format!("apikey {key}"))?]),
        }
    }

    fn unsent(&self, error: &SendRequestError) -> PeerError {
        if let SendRequestError::Timeout = error {
            return self.silent();
        }
        if let SendRequestError::Connect(ConnectError::Timeout) = error {
            return PeerError::TimedOut { peer: self.peer.clone(), silence: client::CONNECT };
        }
        if let SendRequestError::Connect(ConnectError::Io(error)) = error
            && let Some(why) = tls::distrust(error)
        {
            return PeerError::Untrusted { peer: self.peer.clone(), why };
        }
        // awc's error cannot leave its thread; its text is what is left of it.
        PeerError::Unreachable { peer: self.peer.clone(), source: error.to_string().into() }
    }
}

/// The beginning of an answer; what cannot be read is left out.
async fn read_some(response: &mut ClientResponse, silence: Duration) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < ERROR_BYTES {
        match timeout(silence, response.next()).await {
            Ok(Some(Ok(chunk))) => bytes.extend_from_slice(&chunk),
            Ok(Some(Err(_)) | None) | Err(_) => break,
        }
    }
    bytes
}

/// What an error answer says: `{"error": {"msg"}}`, `{"error"}`, `{"message"}`, or that it is a page of HTML.
fn error_message(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let said = serde_json::from_slice::<serde_json::Value>(bytes).ok().and_then(|json| {
        let places = [json.pointer("/error/msg"), json.get("error"), json.get("message"), json.get("msg")];
        let place = places.into_iter().flatten().next()?;
        Some(place.as_str().map_or_else(|| place.to_string(), str::to_owned))
    });
    match said {
        Some(message) => message.chars().take(MESSAGE_CHARS).collect(),
        None if text.trim_start().starts_with('<') => "an HTML page instead of JSON".to_owned(),
        None if text.trim().is_empty() => "without saying why".to_owned(),
        None => text.trim().chars().take(MESSAGE_CHARS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_an_error_answer_is_found_in_every_shape() {
        let cases = [
            (r#"{"error": {"msg": "no rights"}}"#, "no rights"),
            (r#"{"error": "Resource not found"}"#, "Resource not found"),
            (r#"{"message": {"query": "required"}}"#, r#"{"query":"required"}"#),
            ("<!doctype html><h1>500</h1>", "an HTML page instead of JSON"),
            ("", "without saying why"),
            ("overloaded", "overloaded"),
        ];
        for (body, message) in cases {
            assert_eq!(error_message(body.as_bytes()), message);
        }
    }
}
