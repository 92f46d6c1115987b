//! Asking workers, ours and Python's, on RabbitMQ or the embedded queue (celery.md §6): `inspect`, `control`, `status`, and
//! following their events.
//!
//! `methods` is the table of what can be asked, with its arguments.

mod methods;

pub use methods::{Kind, UsageError, list, read};

use crate::broker::{Broker, BrokerError, CONTROL, Heard, Mailbox, Note, Post, REPLIES};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// How long the broker may take until answers can be heard.
const OPENING: Duration = Duration::from_secs(15);
/// How long what nobody answers is good for: clocks of hosts differ.
const HEARD_WITHIN: Duration = Duration::from_secs(60);

/// A request to workers.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What is asked.
    pub method: &'static str,
    /// With which arguments.
    pub arguments: Map<String, Value>,
    /// Node names; all workers where there are none.
    pub destination: Vec<String>,
    /// How long answers are waited for; not so long once all of `destination` have answered.
    pub wait: Duration,
}

/// The answers by node, in the order of the names.
pub type Answers = std::collections::BTreeMap<String, Value>;

/// Why nobody was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The broker did not take the request.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The broker was not reached.
    #[error("the broker was not reached within {OPENING:?}")]
    NoMailbox,
}

/// Tells all workers, and waits for no answers.
///
/// # Errors
/// Where the broker does not take it.
pub async fn tell(broker: &dyn Broker, method: &str, arguments: Map<String, Value>) -> Result<(), BrokerError> {
    post(broker, body(method, arguments, &[]), HEARD_WITHIN).await
}

fn body(method: &str, arguments: Map<String, Value>, destination: &[String]) -> Value {
    json!({
        "method": method,
        "arguments": arguments,
        "destination": Some(destination).filter(|names| !names.is_empty()),
        "pattern": null,
        "matcher": null,
    })
}

async fn post(broker: &dyn Broker, body: Value, good_for: Duration) -> Result<(), BrokerError> {
    let expires = (Utc::now() + good_for).timestamp_millis() as f64 / 1000.0;
    let headers = Map::from_iter([("clock".to_owned(), 1.into()), ("expires".to_owned(), expires.into())]);
    broker.broadcast().post(vec![Post { exchange: CONTROL, key: String::new(), headers, body }]).await
}

/// Asks, and collects the answers.
///
/// # Errors
/// See [`RemoteError`].
pub async fn ask(broker: &dyn Broker, request: Request) -> Result<Answers, RemoteError> {
    let (key, ticket) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let mut mailbox = broker.broadcast().listen(Mailbox::Replies { key: key.clone() }).await?;
    if !mailbox.is_there(OPENING).await {
        return Err(RemoteError::NoMailbox);
    }
    let Request { method, arguments, destination, wait } = request;
    let mut body = body(method, arguments, &destination);
    body["ticket"] = ticket.as_str().into();
    body["reply_to"] = json!({"exchange": REPLIES, "routing_key": key});
    post(broker, body, wait).await?;
    let (mut answers, deadline) = (Answers::new(), Instant::now() + wait);
    while destination.is_empty() || answers.len() < destination.len() {
        let Ok(Some(heard)) = timeout_at(deadline, mailbox.next()).await else { break };
        if let Heard::Note(note) = heard
            && note.headers.get("ticket").and_then(Value::as_str) == Some(ticket.as_str())
            && let Ok(answer) = serde_json::from_slice::<Answers>(&note.body)
        {
            answers.extend(answer);
        }
    }
    Ok(answers)
}

/// Answers for people: each node with `OK` or `ERROR`, and what it said below.
#[must_use]
pub fn text(answers: &Answers) -> String {
    answers.iter().map(|(node, answer)| one(node, answer)).collect()
}

fn one(node: &str, answer: &Value) -> String {
    let (word, said) = match (answer.get("error"), answer.get("ok")) {
        (Some(error), _) => ("ERROR", error),
        (None, Some(ok)) => ("OK", ok),
        (None, None) => ("OK", answer),
    };
    let said = said.as_str().map_or_else(|| format!("{said:#}"), |said| said.trim().to_owned());
    let lines: String = said.lines().map(|line| format!("    {}\n", clean(line))).collect();
    format!("->  {}: {word}\n{lines}", clean(node))
}

/// Who is there, as `status` tells.
#[must_use]
pub fn status(answers: &Answers) -> String {
    let lines: String = answers.keys().map(|node| format!("{}: OK\n", clean(node))).collect();
    let nodes = if answers.len() == 1 { "node" } else { "nodes" };
    format!("{lines}\n{} {nodes} online.\n", answers.len())
}

/// Hands each event to `show`, a line each, until `show` says that it is enough.
///
/// # Errors
/// See [`RemoteError`], and what `show` fails with.
pub async fn follow<E: From<RemoteError>>(
    broker: &dyn Broker,
    mut show: impl FnMut(String) -> Result<bool, E>,
) -> Result<(), E> {
    let mut events = broker.broadcast().listen(Mailbox::Events).await.map_err(RemoteError::from)?;
    if !events.is_there(OPENING).await {
        return Err(RemoteError::NoMailbox.into());
    }
    while let Some(heard) = events.next().await {
        let Heard::Note(note) = heard else { continue };
        for event in read_events(&note) {
            if !show(line(&event))? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Python's workers send task events in batches.
fn read_events(note: &Note) -> Vec<Value> {
    match serde_json::from_slice(&note.body) {
        Ok(Value::Array(events)) => events,
        Ok(event) => vec![event],
        Err(_) => Vec::new(),
    }
}

/// An event as a line: when, where, what, and the rest as JSON.
fn line(event: &Value) -> String {
    let mut rest = event.as_object().cloned().unwrap_or_default();
    let mut take = |name: &str| rest.shift_remove(name).unwrap_or_default();
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, node, seconds) = (text(take("type")), text(take("hostname")), take("timestamp").as_f64());
    for name in ["clock", "utcoffset", "pid"] {
        take(name);
    }
    let at = seconds.and_then(|seconds| DateTime::from_timestamp_millis((seconds * 1000.0) as i64)).unwrap_or_default();
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    format!("{at} {} {} {}\n", clean(&node), clean(&kind), Value::Object(rest))
}

/// A text without characters that steer a terminal.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_shown_by_node_with_ok_or_error() {
        let answers = Answers::from([
            ("a@h".to_owned(), json!({"ok": "pong"})),
            ("b@h".to_owned(), json!({"error": "unknown task"})),
            ("c\u{1b}[2J@h".to_owned(), json!(["x", {"y": 1}])),
        ]);
        let expected = "->  a@h: OK\n    pong\n->  b@h: ERROR\n    unknown task\n->  c[2J@h: OK\n    [\n      \"x\",\n      {\n        \"y\": 1\n      }\n    ]\n";
        assert_eq!(text(&answers), expected);
        assert!(status(&answers).ends_with("\n3 nodes online.\n"));
    }

    #[test]
    fn captured_events_become_a_line_each() {
        let lines: Vec<String> = include_str!("../../tests/fixtures/celery/event.jsonl")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].to_string().into_bytes())
            .flat_map(|body| read_events(&Note { headers: Map::new(), body }))
            .map(|event| line(&event))
            .collect();
        assert!(lines[0].starts_with("2026-11-23T19:24:15.386Z w1@vm worker-online {\"freq\":2.0"), "{}", lines[0]);
        assert!(lines.iter().any(|line| line.contains("w1@vm task-succeeded {\"uuid\":\"73aead8f")), "{lines:?}");
    }
}
