//! What workers can be asked (celery.md §6), and the arguments of each on a command line.

use serde_json::{Map, Value};

/// Whether a request only looks, or changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `inspect`.
    Inspect,
    /// `control`.
    Control,
}

/// How an argument is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Number,
    /// All that is left, at least one.
    Texts,
}

use Form::{Number, Text, Texts};
use Kind::{Control, Inspect};

/// A method, its arguments, and how many of these must be given.
type Method = (Kind, &'static str, &'static [(&'static str, Form)], usize);

const METHODS: [Method; 28] = [
    (Inspect, "active", &[], 0),
    (Inspect, "active_queues", &[], 0),
    (Inspect, "clock", &[], 0),
    (Inspect, "conf", &[], 0),
    (Inspect, "memsample", &[], 0),
    (Inspect, "ping", &[], 0),
    (Inspect, "query_task", &[("ids", Texts)], 1),
    (Inspect, "registered", &[], 0),
    (Inspect, "report", &[], 0),
    (Inspect, "reserved", &[], 0),
    (Inspect, "revoked", &[], 0),
    (Inspect, "scheduled", &[], 0),
    (Inspect, "stats", &[], 0),
    (
        Control,
        "add_consumer",
        &[("queue", Text), ("exchange", Text), ("exchange_type", Text), ("routing_key", Text)],
        1,
    ),
    (Control, "autoscale", &[("max", Number), ("min", Number)], 2),
    (Control, "cancel_consumer", &[("queue", Text)], 1),
    (Control, "disable_events", &[], 0),
    (Control, "enable_events", &[], 0),
    (Control, "heartbeat", &[], 0),
    (Control, "pool_grow", &[("n", Number)], 0),
    (Control, "pool_restart", &[], 0),
    (Control, "pool_shrink", &[("n", Number)], 0),
    (Control, "rate_limit", &[("task_name", Text), ("rate_limit", Text)], 2),
    (Control, "revoke", &[("task_id", Texts)], 1),
    (Control, "revoke_by_stamped_headers", &[("headers", Texts)], 1),
    (Control, "shutdown", &[], 0),
    (Control, "terminate", &[("signal", Text), ("task_id", Texts)], 2),
    (Control, "time_limit", &[("task_name", Text), ("soft", Number), ("hard", Number)], 2),
];

/// A command line that asks for nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// There is no such method.
    #[error("expected one of {expected}, got {got:?}")]
    Method {
        /// Those that there are.
        expected: String,
        /// What was given.
        got: String,
    },
    /// The number of arguments is another.
    #[error("{method}: expected the arguments {expected}")]
    Arguments {
        /// The method.
        method: &'static str,
        /// Their names.
        expected: String,
    },
    /// An argument is no number.
    #[error("{method}: {name}: expected a number, got {got:?}")]
    Number {
        /// The method.
        method: &'static str,
        /// The argument.
        name: &'static str,
        /// What was given.
        got: String,
    },
}

/// The methods of a kind, separated by commas.
#[must_use]
pub fn list(kind: Kind) -> String {
    let names = METHODS.iter().filter(|method| method.0 == kind).map(|method| method.1);
    names.collect::<Vec<_>>().join(", ")
}

/// The method and its arguments as they are sent.
///
/// # Errors
/// See [`UsageError`].
pub fn read(kind: Kind, name: &str, given: &[String]) -> Result<(&'static str, Map<String, Value>), UsageError> {
    let found = METHODS.into_iter().find(|method| (method.0, method.1) == (kind, name));
    let unknown = || UsageError::Method { expected: list(kind), got: name.to_owned() };
    let (_, method, names, least) = found.ok_or_else(unknown)?;
    let takes_all = names.last().is_some_and(|(_, form)| *form == Texts);
    if given.len() < least || given.len() > names.len() && !takes_all {
        let expected: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        return Err(UsageError::Arguments { method, expected: format!("({})", expected.join(", ")) });
    }
    let mut arguments = Map::new();
    for (at, (name, form)) in names.iter().enumerate() {
        let Some(text) = given.get(at) else { break };
        let value = match form {
            Text => text.clone().into(),
            Texts => given.get(at..).unwrap_or_default().into(),
            Number => {
                let wrong = |_| UsageError::Number { method, name, got: text.clone() };
                serde_json::from_str::<serde_json::Number>(text).map_err(wrong)?.into()
            }
        };
        arguments.insert((*name).to_owned(), value);
    }
    Ok((method, arguments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_sent_by_their_names() {
        let given = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (name, words, expected) in [
            ("revoke", &["a", "b"] as &[&str], json!({"task_id": ["a", "b"]})),
            ("terminate", &["KILL", "a"], json!({"signal": "KILL", "task_id": ["a"]})),
            ("time_limit", &["q", "5"], json!({"task_name": "q", "soft": 5})),
            ("pool_grow", &[], json!({})),
        ] {
            let (method, arguments) = read(Kind::Control, name, &given(words)).unwrap();
            assert_eq!((method, Value::Object(arguments)), (name, expected));
        }
        let error = |name: &str, words: &[&str]| read(Kind::Control, name, &given(words)).unwrap_err().to_string();
        assert!(error("ping", &[]).starts_with("expected one of add_consumer, autoscale, "));
        assert_eq!(error("revoke", &[]), "revoke: expected the arguments (task_id)");
        assert_eq!(error("pool_grow", &["many"]), "pool_grow: n: expected a number, got \"many\"");
        assert_eq!(error("shutdown", &["now"]), "shutdown: expected the arguments ()");
    }
}
