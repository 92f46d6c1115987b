//! Arguments, from a JSON body, a form body or the query string alike; the body wins.

use super::error::{ApiError, Mistakes};
use super::pace::Pace;
use super::params::Params;
use crate::config::Config;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Instant;

/// The arguments of a request by name.
#[derive(Debug, Default)]
pub(super) struct Args(Map<String, Value>);

impl Args {
    /// Reads body and query string, within the limits of the configuration.
    ///
    /// # Errors
    /// 400, 408, 413, 414 or 415: what does not read as arguments.
    pub(super) async fn read(request: &HttpRequest, payload: web::Payload, config: &Config) -> Result<Self, ApiError> {
        let params = Params::of(request)?;
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let in_body = decode(kind, &body(payload, config).await?)?;
        let mut args = texts(params);
        args.extend(in_body);
        Ok(Self(args))
    }

    /// The argument, if there is one; null counts as absent.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.swap_remove(name).filter(|value| !value.is_null())
    }

    /// The argument as a checked text; what is wrong with it goes to `mistakes`. An empty text counts as absent.
    pub(super) fn text<T>(&mut self, name: &'static str, mistakes: &mut Mistakes) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let parsed = match self.take(name)?.as_str() {
            Some("") => return None,
            Some(text) => text.parse().map_err(|error: T::Err| error.to_string()),
            None => Err("expected a text".to_owned()),
        };
        parsed.map_err(|mistake| mistakes.insert(name, mistake)).ok()
    }

    /// All arguments.
    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

impl From<Map<String, Value>> for Args {
    fn from(args: Map<String, Value>) -> Self {
        Self(args)
    }
}

async fn body(mut payload: web::Payload, config: &Config) -> Result<Bytes, ApiError> {
    let (limit_bytes, mut pace) = (config.api.max_body_bytes, Pace::new(config.clients.patience));
    let mut body = BytesMut::new();
    loop {
        let asked = Instant::now();
        let Ok(piece) = tokio::time::timeout(pace.left(), payload.next()).await else { return Err(ApiError::Slow) };
        let Some(piece) = piece else { return Ok(body.freeze()) };
        let piece = piece.map_err(|error| ApiError::NotUnderstood(format!("the body broke off: {error}")))?;
        if piece.len() > limit_bytes - body.len() {
            return Err(ApiError::TooLarge { limit_bytes });
        }
        pace.moved(piece.len(), asked.elapsed());
        body.extend_from_slice(&piece);
    }
}

/// Reads a body by its content type; one without a type is taken for JSON.
fn decode(kind: &str, body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" | "" => match serde_json::from_slice(body) {
            Ok(Value::Object(args)) => Ok(args),
            Ok(_) => Err(ApiError::NotUnderstood("the body: expected a JSON object of arguments".to_owned())),
            Err(error) => Err(ApiError::NotUnderstood(format!("the body: expected JSON: {error}"))),
        },
        "application/x-www-form-urlencoded" => Ok(texts(Params::parse(&String::from_utf8_lossy(body)))),
        _ => Err(ApiError::MediaType(kind.chars().take(64).collect())),
    }
}

fn texts(params: Params) -> Map<String, Value> {
    // Reversed, so that of several arguments of one name the first counts.
    params.into_pairs().into_iter().rev().map(|(name, text)| (name, Value::String(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ReportId;
    use serde_json::json;

    #[test]
    fn json_and_forms_read_alike() {
        let json = decode("application/json; charset=utf-8", br#"{"a": "1"}"#).unwrap();
        assert_eq!(json, decode("application/x-www-form-urlencoded", b"a=1&a=2").unwrap());
        assert_eq!(json, decode("", br#"{"a": "1"}"#).unwrap());
        assert!(decode("text/xml", b"").unwrap().is_empty());
    }

    #[test]
    fn a_body_that_is_not_understood_is_refused() {
        assert!(matches!(decode("application/json", b"{"), Err(ApiError::NotUnderstood(_))));
        assert!(matches!(decode("application/json", b"[1]"), Err(ApiError::NotUnderstood(_))));
        assert!(matches!(decode("application/json", b"\xff"), Err(ApiError::NotUnderstood(_))));
        assert!(matches!(decode("text/xml", b"<a/>"), Err(ApiError::MediaType(_))));
    }

    #[test]
    fn a_wrong_text_is_a_mistake_and_an_empty_one_is_absent() {
        let sent = json!({"id": 5, "short": "5c", "none": null, "empty": "", "good": "5c0000000000000000000001"});
        let (mut args, mut mistakes) = (Args(sent.as_object().cloned().unwrap()), Mistakes::new());
        assert!(args.text::<ReportId>("good", &mut mistakes).is_some());
        for name in ["id", "short", "none", "empty", "missing"] {
            assert!(args.text::<ReportId>(name, &mut mistakes).is_none());
        }
        assert_eq!(mistakes.keys().copied().collect::<Vec<_>>(), ["id", "short"]);
    }
}
