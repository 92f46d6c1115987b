//! `[[endpoint]]` tables of the file, and what must hold of all endpoints of the configuration.

use super::mistake::{Mistake, Origin};
use super::{DEFAULT_ENDPOINT, NamedEndpoint, Webhooks};
use crate::domain::{Endpoint, EndpointUrl, ReportId, SigningSecret};
use serde_json::Value;
use std::fmt::Display;
use std::str::FromStr;

const KEYS: [&str; 4] = ["name", "url", "secret", "reports"];
const LONGEST_NAME: usize = 64;

/// Adds the endpoints of the file and checks all; what cannot be used is added to `mistakes`, without quoting it.
pub(super) fn read(tables: &Value, path: &str, webhooks: &mut Webhooks, mistakes: &mut Vec<Mistake>) {
    if let Some(default) = webhooks.endpoints.first() {
        let mut wrong = |name: &str, expected: String| {
            mistakes.push(Mistake { what: name.to_owned(), origin: Origin::Environment, message: expected });
        };
        if default.endpoint.secrets.is_empty() {
            let expected = "expected whsec_…, as MAESTRO_WEBHOOK_URL is set: messages are signed";
            wrong("MAESTRO_WEBHOOK_SECRET", expected.to_owned());
        }
        if let Err(problem) = check(&default.endpoint.url, webhooks) {
            wrong("MAESTRO_WEBHOOK_URL", problem);
        }
    }
    let tables = match tables {
        Value::Null => return,
        Value::Array(tables) => tables,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            let message = "expected [[endpoint]] tables".to_owned();
            return mistakes.push(Mistake { what: "endpoint".into(), origin: Origin::File(path.to_owned()), message });
        }
    };
    for (index, table) in tables.iter().enumerate() {
        let mut place = Place { table, at: format!("endpoint[{index}]"), path, mistakes };
        if let Some(endpoint) = place.endpoint(webhooks) {
            webhooks.endpoints.push(endpoint);
        }
    }
}

/// What can be said against an address before its host is asked for.
fn check(url: &EndpointUrl, webhooks: &Webhooks) -> Result<(), String> {
    if url.is_plain() && !webhooks.plain {
        return Err("expected https://…, as MAESTRO_WEBHOOK_HTTP is not `allow`".to_owned());
    }
    url.check_literal(&webhooks.rule).map_err(|refused| refused.to_string())
}

/// One table of the file, and where to note its mistakes.
struct Place<'a> {
    table: &'a Value,
    at: String,
    path: &'a str,
    mistakes: &'a mut Vec<Mistake>,
}

impl Place<'_> {
    fn endpoint(&mut self, webhooks: &Webhooks) -> Option<NamedEndpoint> {
        for key in self.table.as_object().into_iter().flat_map(|table| table.keys()) {
            if !KEYS.contains(&key.as_str()) {
                self.wrong(key, format!("expected one of {}", KEYS.join(", ")));
            }
        }
        // All fields are read before the first missing one ends it, so that all mistakes are noted.
        let name = self.name(&webhooks.endpoints);
        let url = self.url(webhooks);
        let secrets = self.list::<SigningSecret>("secret");
        let reports = match self.table.get("reports") {
            None => Some(None),
            Some(_) => self.list::<ReportId>("reports").map(Some),
        };
        Some(NamedEndpoint { name: name?, endpoint: Endpoint { url: url?, secrets: secrets? }, reports: reports? })
    }

    fn wrong(&mut self, key: &str, message: String) {
        let origin = Origin::File(self.path.to_owned());
        self.mistakes.push(Mistake { what: format!("{}.{key}", self.at), origin, message });
    }

    fn name(&mut self, others: &[NamedEndpoint]) -> Option<String> {
        let name = self.table.get("name").and_then(Value::as_str).unwrap_or_default();
        let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if name.is_empty() || name.len() > LONGEST_NAME || !is_plain {
            self.wrong("name", format!("expected 1 to {LONGEST_NAME} letters, digits, - and _"));
            return None;
        }
        if name == DEFAULT_ENDPOINT || others.iter().any(|other| other.name == name) {
            self.wrong("name", format!("expected a name that no other endpoint has, nor {DEFAULT_ENDPOINT}"));
            return None;
        }
        Some(name.to_owned())
    }

    fn url(&mut self, webhooks: &Webhooks) -> Option<EndpointUrl> {
        let text = self.table.get("url").and_then(Value::as_str).unwrap_or_default();
        let checked = text.parse::<EndpointUrl>().map_err(|error| error.to_string());
        match checked.and_then(|url| check(&url, webhooks).map(|()| url)) {
            Ok(url) => Some(url),
            Err(problem) => {
                self.wrong("url", problem);
                None
            }
        }
    }

    /// One text or a list of them, at least one.
    fn list<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<Vec<T>> {
        let texts = match self.table.get(key) {
            Some(Value::Array(items)) => items.iter().map(Value::as_str).collect(),
            Some(Value::String(text)) => Some(vec![text.as_str()]),
            _ => None,
        };
        let Some(texts) = texts.filter(|texts| !texts.is_empty()) else {
            self.wrong(key, "expected a text, or a list of texts".to_owned());
            return None;
        };
        let parsed: Result<Vec<T>, T::Err> = texts.into_iter().map(str::parse).collect();
        parsed.map_err(|error| self.wrong(key, error.to_string())).ok()
    }
}
