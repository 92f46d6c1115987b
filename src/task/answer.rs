//! Celery's results (celery.md §4): what a caller who waits is told of its task, as a message to the queue that it named.

use crate::broker::{Message, Outgoing};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How a task stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It runs, on this node.
    Started {
        /// The node's name.
        node: String,
    },
    /// It is done.
    Success {
        /// What came out.
        result: Value,
        /// The ids of the tasks that follow.
        children: Vec<String>,
    },
    /// It failed and will be tried again.
    Retry(Fault),
    /// It failed for good.
    Failure(Fault),
    /// It was not run to its end, and nobody tries again: `expired`, `revoked`, `terminated`, or for people.
    Revoked(&'static str),
}

/// An error as the exception that Python raises at the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    kind: &'static str,
    module: &'static str,
    message: String,
}

impl Fault {
    /// A task failed: `ReportError`, which Python makes up where it does not know it.
    #[must_use]
    pub fn failed(message: &str) -> Self {
        Self { kind: "ReportError", module: "maestro_reports", message: message.to_owned() }
    }

    /// There is no such task: Celery's `NotRegistered`.
    #[must_use]
    pub fn unknown(task: &str) -> Self {
        Self { kind: "NotRegistered", module: "celery.exceptions", message: task.to_owned() }
    }

    /// The message is not what the task needs: Python's `ValueError`.
    #[must_use]
    pub fn bad_message(message: &str) -> Self {
        Self { kind: "ValueError", module: "builtins", message: message.to_owned() }
    }

    /// The task ran for longer than it may: Celery's `TimeLimitExceeded`.
    #[must_use]
    pub fn too_long(limit: Duration) -> Self {
        let message = limit.as_secs_f64().to_string();
        Self { kind: "TimeLimitExceeded", module: "billiard.exceptions", message }
    }

    fn to_value(&self) -> Value {
        json!({"exc_type": self.kind, "exc_message": [self.message], "exc_module": self.module})
    }
}

impl Answer {
    /// The message that tells the caller; `None` where nobody waits: there is no `reply_to`, or the header
    /// `ignore_result` is true. (Null means the task's own default, and all of ours give results, as Python's do.)
    #[must_use]
    pub fn to(&self, asked: &Message, now: DateTime<Utc>) -> Option<Outgoing> {
        let header = |name: &str| asked.headers.get(name).filter(|value| !value.is_null());
        let queue = asked.reply_to.as_ref().filter(|queue| !queue.is_empty())?;
        if header("ignore_result") == Some(&Value::Bool(true)) {
            return None;
        }
        let id = header("id").and_then(Value::as_str).or(asked.correlation_id.as_deref())?;
        let mut body = self.body(id, now);
        for (name, from) in [("parent_id", "parent_id"), ("group_id", "group")] {
            if let Some(value) = header(from) {
                body.insert(name.to_owned(), value.clone());
            }
        }
        let message = Message {
            headers: Map::new(),
            body: Value::Object(body).to_string().into_bytes(),
            content_type: "application/json".to_owned(),
            content_encoding: "utf-8".to_owned(),
            correlation_id: Some(asked.correlation_id.clone().unwrap_or_else(|| id.to_owned())),
            reply_to: None,
            priority: 0,
        };
        Some(Outgoing::Answer(queue.clone(), message))
    }

    fn body(&self, id: &str, now: DateTime<Utc>) -> Map<String, Value> {
        let (status, result, is_done) = match self {
            Self::Started { node } => ("STARTED", json!({"pid": std::process::id(), "hostname": node}), false),
            Self::Success { result, .. } => ("SUCCESS", result.clone(), true),
            Self::Retry(fault) => ("RETRY", fault.to_value(), false),
            Self::Failure(fault) => ("FAILURE", fault.to_value(), true),
            Self::Revoked(why) => {
                let fault = Fault { kind: "TaskRevokedError", module: "celery.exceptions", message: (*why).to_owned() };
                ("REVOKED", fault.to_value(), true)
            }
        };
        let children = if let Self::Success { children, .. } = self { children.as_slice() } else { &[] };
        let fields = [
            ("status", status.into()),
            ("result", result),
            ("traceback", Value::Null),
            ("children", children.iter().map(|child| json!([[child, null], null])).collect()),
            ("date_done", is_done.then(|| now.to_rfc3339_opts(SecondsFormat::Micros, false)).into()),
            ("task_id", id.into()),
        ];
        fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The captured result of this status (tests/fixtures/celery/result.jsonl).
    fn captured(status: &str) -> Value {
        let lines = include_str!("../../tests/fixtures/celery/result.jsonl").lines();
        let mut all = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.find(|one| one["body"]["status"] == status).unwrap()
    }

    fn asked(captured: &Value) -> Message {
        let id = &captured["body"]["task_id"];
        let headers = json!({"id": id, "ignore_result": null, "parent_id": null, "group": null});
        Message {
            headers: headers.as_object().unwrap().clone(),
            correlation_id: id.as_str().map(str::to_owned),
            reply_to: captured["routing_keys"][0].as_str().map(str::to_owned),
            ..Message::default()
        }
    }

    fn now() -> DateTime<Utc> {
        "2026-11-23T19:29:21.665504Z".parse().unwrap()
    }

    fn sent(answer: &Answer, asked: &Message) -> (String, Message, Value) {
        let Some(Outgoing::Answer(queue, message)) = answer.to(asked, now()) else { panic!() };
        let body = serde_json::from_slice(&message.body).unwrap();
        (queue, message, body)
    }

    #[test]
    fn results_are_those_of_python() {
        let result = json!({"a": [1, "two", {"three": 3}], "k": {"é": null}});
        let exception = |kind, module, message: &str| Fault { kind, module, message: message.to_owned() };
        for (status, answer) in [
            ("SUCCESS", Answer::Success { result, children: Vec::new() }),
            ("FAILURE", Answer::Failure(exception("ValueError", "builtins", "boom"))),
            ("RETRY", Answer::Retry(exception("KeyError", "builtins", "K"))),
            ("REVOKED", Answer::Revoked("revoked")),
        ] {
            let captured = captured(status);
            let (queue, message, mut body) = sent(&answer, &asked(&captured));
            assert_eq!(queue, captured["routing_keys"][0].as_str().unwrap());
            for (name, ours) in [
                ("correlation_id", message.correlation_id.as_deref()),
                ("content_type", Some(message.content_type.as_str())),
                ("content_encoding", Some(message.content_encoding.as_str())),
            ] {
                assert_eq!(captured["properties"][name].as_str(), ours, "{status}");
            }
            let mut expected = captured["body"].clone();
            // Ours have no Python frames, and another time; Python's retries are children of themselves.
            expected["traceback"] = Value::Null;
            expected["children"] = json!([]);
            assert_eq!(body["date_done"].is_null(), expected["date_done"].is_null(), "{status}");
            body["date_done"].take();
            expected["date_done"].take();
            assert_eq!(body, expected, "{status}");
        }
    }

    #[test]
    fn started_tells_where() {
        let captured = captured("STARTED");
        let (_, _, mut body) = sent(&Answer::Started { node: "w1@vm".into() }, &asked(&captured));
        assert_eq!(body["result"]["pid"], std::process::id());
        body["result"]["pid"] = captured["body"]["result"]["pid"].clone();
        assert_eq!(body, captured["body"]);
    }

    #[test]
    fn parent_group_and_children_are_told() {
        let mut asked = asked(&captured("SUCCESS"));
        asked.headers.insert("parent_id".into(), "p".into());
        asked.headers.insert("group".into(), "g".into());
        let (_, _, body) = sent(&Answer::Success { result: Value::Null, children: vec!["c".into()] }, &asked);
        assert_eq!((&body["parent_id"], &body["group_id"]), (&json!("p"), &json!("g")));
        assert_eq!(body["children"], json!([[["c", null], null]]));
    }

    #[test]
    fn nobody_is_told_who_does_not_wait() {
        let asked = asked(&captured("SUCCESS"));
        let answer = Answer::Revoked("expired");
        for silent in [
            Message { reply_to: None, ..asked.clone() },
            Message { reply_to: Some(String::new()), ..asked.clone() },
            Message {
                headers: json!({"id": "a", "ignore_result": true}).as_object().unwrap().clone(),
                ..asked.clone()
            },
        ] {
            assert_eq!(answer.to(&silent, now()), None);
        }
        let bare = Message { headers: Map::new(), ..asked.clone() };
        assert_eq!(sent(&answer, &bare).2["task_id"], asked.correlation_id.unwrap());
    }
}
