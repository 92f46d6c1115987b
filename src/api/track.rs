//! What every request has: an id, a line in the access log, and a place where its failure is logged once.

use super::connection::{Connection, Paced};
use super::error::ApiError;
use crate::{logging, metrics};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use std::time::Instant;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const MAX_ID_BYTES: usize = 64;
const MAX_LOGGED_PATH: usize = 200;

/// The id of a request: the caller's own, where it is a plain word, else a new one.
#[derive(Debug, Clone)]
pub(super) struct RequestId(String);

impl RequestId {
    /// The id of a request that has passed through [`track`].
    pub(super) fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(Self::random)
    }

    fn new(headers: &HeaderMap) -> Self {
        let sane = |id: &&str| {
            (1..=MAX_ID_BYTES).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
        };
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(sane);
        given.map_or_else(Self::random, |id| Self(id.to_owned()))
    }

    fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// The id as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Gives the request its id, and logs how it was answered. The query string is not logged: it may hold a user's data.
pub(super) async fn track(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Paced>, Error> {
    let began = Instant::now();
    let answering = request.conn_data::<Connection>().map(Connection::begin);
    let id = RequestId::new(request.headers());
    let method = request.method().clone();
    let path: String = request.path().chars().filter(|c| !c.is_control()).take(MAX_LOGGED_PATH).collect();
    request.extensions_mut().insert(id.clone());
    let mut response = logging::about(logging::REQUEST_ID, id.as_str(), next.call(request)).await?;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    // What kept the answer from being compressed again is no coding that goes out (RFC 9110 §8.4.1).
    if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding == "identity") {
        response.headers_mut().remove(CONTENT_ENCODING);
    }
    let status = response.status();
    if let Some(error) = response.response().error().filter(|_| status.is_server_error()) {
        let detail = error.as_error::<ApiError>().map_or_else(|| error.to_string(), ApiError::full);
        log::error!(request_id = id.as_str(); "{method} {path} failed: {detail}");
    }
    let route = response.request().match_pattern();
    metrics::request(route.as_deref(), method.as_str(), status.as_u16(), began.elapsed());
    let duration_ms = began.elapsed().as_millis();
    log::info!(request_id = id.as_str(); "{method} {path} {} {duration_ms} ms", status.as_u16());
    Ok(response.map_body(|_, body| Paced::new(body.boxed(), answering)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static(given));
        RequestId::new(&headers).0
    }

    #[test]
    fn a_plain_id_of_the_caller_is_kept() {
        assert_eq!(id_for("trace-1:a.b_C"), "trace-1:a.b_C");
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_replaced() {
        for bad in ["", "a b", "a=b", "x\"y", "0123456789012345678901234567890123456789012345678901234567890123456789"]
        {
            assert_ne!(id_for(bad), bad);
        }
    }
}
