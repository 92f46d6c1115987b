//! A request: what is asked, of whom, and where the answer goes.

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A request as it comes.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) method: String,
    #[serde(default)]
    pub(super) arguments: Map<String, Value>,
    /// Node names; all where it is missing or empty.
    destination: Option<Vec<String>>,
    /// Names that it is for where there is no destination.
    pattern: Option<String>,
    /// How the pattern is meant: `glob` or `pcre`.
    matcher: Option<String>,
    pub(super) ticket: Option<String>,
    pub(super) reply_to: Option<ReplyTo>,
}

/// Where the answer goes.
#[derive(Debug, Deserialize)]
pub(super) struct ReplyTo {
    pub(super) exchange: String,
    pub(super) routing_key: String,
}

impl Request {
    /// Whether it is for this node.
    ///
    /// # Errors
    /// For a pattern that is not understood.
    pub(super) fn is_for(&self, node: &str) -> Result<bool, regex::Error> {
        if let Some(names) = self.destination.as_ref().filter(|names| !names.is_empty()) {
            return Ok(names.iter().any(|name| name == node));
        }
        match (&self.pattern, self.matcher.as_deref()) {
            (Some(pattern), Some("pcre")) => Ok(Regex::new(&format!("^(?:{pattern})"))?.is_match(node)),
            (Some(pattern), Some(_)) => Ok(Regex::new(&glob(pattern))?.is_match(node)),
            (Some(_), None) | (None, _) => Ok(true),
        }
    }

    /// An argument that is a list of texts, or one of them.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        match self.arguments.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(_) | None => Vec::new(),
        }
    }

    /// An argument that is a switch.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.arguments.get(name).is_some_and(|value| *value == Value::Bool(true))
    }
}

/// A pattern of file names as an expression: `*` is any text, `?` any character, `[…]` one of these.
fn glob(pattern: &str) -> String {
    let pattern = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    let pattern = pattern.replace(r"\[!", "[^").replace(r"\[", "[").replace(r"\]", "]").replace(r"\-", "-");
    format!("^(?s:{pattern})$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn is_for(destination: Value, pattern: Value, matcher: Value) -> bool {
        let request = json!({"method": "ping", "arguments": {}, "destination": destination, "pattern": pattern,
            "matcher": matcher, "ticket": "t"});
        serde_json::from_value::<Request>(request).unwrap().is_for("w1@vm").unwrap()
    }

    #[test]
    fn a_request_is_for_its_destination_else_for_its_pattern_else_for_all() {
        let none = Value::Null;
        for (destination, expected) in [(json!(["w1@vm", "x"]), true), (json!(["w2@vm"]), false), (json!([]), true)] {
            assert_eq!(is_for(destination, none.clone(), none.clone()), expected);
        }
        for (pattern, expected) in [
            ("w?@*", true),
            ("w[12]@vm", true),
            ("w[!1]@vm", false),
            ("*@v", false),
            ("w1.vm", false),
            ("[0-9]*", false),
        ] {
            assert_eq!(is_for(none.clone(), json!(pattern), json!("glob")), expected, "{pattern}");
        }
        for (pattern, expected) in [("w", true), ("w[0-9]+@", true), ("vm", false)] {
            assert_eq!(is_for(json!([]), json!(pattern), json!("pcre")), expected, "{pattern}");
        }
        assert!(!is_for(json!(["w2@vm"]), json!("*"), json!("glob")));
    }

    #[test]
    fn captured_requests_are_read() {
        for line in include_str!("../../../tests/fixtures/celery/control.jsonl").lines() {
            let captured: Value = serde_json::from_str(line).unwrap();
            let request: Request = serde_json::from_value(captured["body"].clone()).unwrap();
            assert_eq!(request.method, captured["body"]["method"].as_str().unwrap());
        }
    }
}
