//! Celery's events (celery.md §5): what a worker tells those who watch it, as JSON.

use crate::broker::{EVENTS, Message, Post};
use serde_json::{Map, Value, json};

/// Longest representation of a result or an error, in characters; Celery cuts at about as many.
const REPR_CHARS: usize = 1000;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The worker is there, goes on, or is about to end.
    Worker(Life, Pulse),
    /// A task, by its id.
    Task(String, Step),
}

/// The kinds of a worker's signs of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It takes tasks from now on.
    Online,
    /// It goes on.
    Heartbeat,
    /// It takes no more tasks.
    Offline,
}

/// How a worker is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pulse {
    /// Seconds between two signs of life; after twice as long a silence it counts as gone.
    pub freq: f64,
    /// Tasks that run.
    pub active: usize,
    /// Tasks begun since its start.
    pub processed: u64,
    /// The host's load in the last 1, 5 and 15 minutes.
    pub load: [f64; 3],
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It is in a queue.
    Sent {
        /// What its message says.
        about: About,
        /// The queue.
        queue: String,
    },
    /// A worker has it.
    Received(About),
    /// It runs.
    Started,
    /// Something of it is done; for us alone, Celery knows no such event.
    Progress {
        /// What is being done.
        stage: &'static str,
        /// Rows written so far.
        rows: u64,
        /// Rows found, where that is known.
        found: Option<u64>,
    },
    /// It is done.
    Succeeded {
        /// What came out, as Python writes it.
        result: String,
        /// Seconds.
        runtime: f64,
    },
    /// It failed for good.
    Failed(Problem),
    /// It failed and will be tried again.
    Retried(Problem),
    /// It was revoked, or came after its time.
    Revoked {
        /// Whether it ran.
        terminated: bool,
        /// Whether it came after its time.
        expired: bool,
    },
    /// It was given back to its queue.
    Rejected,
}

/// What a message says of its task.
#[derive(Debug, Clone, PartialEq)]
pub struct About(Map<String, Value>);

/// Why a task failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// For people.
    pub message: String,
    /// The message with its causes.
    pub detail: String,
}

/// Who tells, and when.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The node's name.
    pub node: &'a str,
    /// Counted on with each message.
    pub clock: u64,
    /// Seconds since 1970.
    pub timestamp: f64,
}

impl Event {
    /// The type on the wire.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Worker(Life::Online, _) => "worker-online",
            Self::Worker(Life::Heartbeat, _) => "worker-heartbeat",
            Self::Worker(Life::Offline, _) => "worker-offline",
            Self::Task(_, step) => step.kind(),
        }
    }

    /// The message that tells of it. Without `utcoffset`: monitors in another zone would shift the time by it.
    #[must_use]
    pub fn to_post(&self, stamp: Stamp<'_>) -> Post {
        let kind = self.kind();
        let common = json!({"hostname": stamp.node, "pid": std::process::id(), "clock": stamp.clock});
        let rest = json!({"timestamp": stamp.timestamp, "type": kind});
        let fields = [common, self.fields(), rest].into_iter().filter_map(into_object).flatten();
        Post {
            exchange: EVENTS,
            key: kind.replacen('-', ".", 1),
            headers: Map::from_iter([("hostname".to_owned(), stamp.node.into())]),
            body: Value::Object(fields.collect()),
        }
    }

    fn fields(&self) -> Value {
        match self {
            Self::Worker(_, pulse) => json!({
                "freq": pulse.freq,
                "active": pulse.active,
                "processed": pulse.processed,
                "loadavg": pulse.load,
                "sw_ident": env!("CARGO_PKG_NAME"),
                "sw_ver": env!("CARGO_PKG_VERSION"),
                "sw_sys": "Linux",
            }),
            Self::Task(id, step) => {
                let mut fields = into_object(step.fields()).unwrap_or_default();
                fields.shift_insert(0, "uuid".to_owned(), id.clone().into());
                Value::Object(fields)
            }
        }
    }
}

impl Step {
    fn kind(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "task-sent",
            Self::Received(_) => "task-received",
            Self::Started => "task-started",
            Self::Progress { .. } => "task-progress",
            Self::Succeeded { .. } => "task-succeeded",
            Self::Failed(_) => "task-failed",
            Self::Retried(_) => "task-retried",
            Self::Revoked { .. } => "task-revoked",
            Self::Rejected => "task-rejected",
        }
    }

    fn fields(&self) -> Value {
        match self {
            Self::Sent { about: About(fields), queue } => {
                let mut fields = fields.clone();
                let route = [("queue", queue.as_str()), ("exchange", ""), ("routing_key", queue)];
                fields.extend(route.map(|(name, value)| (name.to_owned(), value.into())));
                Value::Object(fields)
            }
            Self::Received(About(fields)) => Value::Object(fields.clone()),
            Self::Started => json!({}),
            Self::Progress { stage, rows, found } => json!({"stage": stage, "rows": rows, "found": found}),
            Self::Succeeded { result, runtime } => json!({"result": cut(result), "runtime": runtime}),
            Self::Failed(problem) | Self::Retried(problem) => json!({
                "exception": cut(&format!("ReportError({:?})", problem.message)),
                "traceback": cut(&problem.detail),
            }),
            Self::Revoked { terminated, expired } => {
                let signal = terminated.then_some(SIGTERM);
                json!({"terminated": terminated, "signum": signal, "expired": expired})
            }
            Self::Rejected => json!({"requeue": true}),
        }
    }
}

/// The signal that Python's workers end a task with.
const SIGTERM: u8 = 15;

impl About {
    /// What a message's headers say of its task.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let header = |name: &str| message.headers.get(name).cloned().unwrap_or_default();
        let text = |name: &str| header(name).as_str().map(str::to_owned);
        let (name, id) = (text("shadow").or_else(|| text("task")).unwrap_or_default(), header("id"));
        let root = text("root_id").map_or(id, Value::String);
        let repr = |name: &str, empty: &str| text(name).map_or_else(|| empty.to_owned(), |text| cut(&text));
        let fields = json!({
            "name": name,
            "args": repr("argsrepr", "[]"),
            "kwargs": repr("kwargsrepr", "{}"),
            "root_id": root,
            "parent_id": header("parent_id"),
            "retries": header("retries").as_u64().unwrap_or(0),
            "eta": header("eta"),
            "expires": header("expires"),
        });
        Self(into_object(fields).unwrap_or_default())
    }
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(fields) = value { Some(fields) } else { None }
}

fn cut(text: &str) -> String {
    text.chars().take(REPR_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const FIXTURES: &str = include_str!("../../tests/fixtures/celery/event.jsonl");

    /// The captured events of Python's worker, those in batches one by one.
    fn captured() -> Vec<Value> {
        let bodies = FIXTURES.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].take());
        bodies.flat_map(|body| if let Value::Array(events) = body { events } else { vec![body] }).collect()
    }

    fn ours() -> Vec<Event> {
        let pulse = Pulse { freq: 2.0, active: 1, processed: 7, load: [0.5, 0.25, 0.0] };
        let problem = || Problem { message: "no \"rows\"".to_owned(), detail: "no rows: refused".to_owned() };
        let headers = json!({"id": "u", "task": "qgeneral.api", "argsrepr": "[1]", "kwargsrepr": "{}", "retries": 2});
        let message = Message { headers: headers.as_object().unwrap().clone(), ..Message::default() };
        let steps = [
            Step::Sent { about: About::of(&message), queue: "reports".to_owned() },
            Step::Received(About::of(&message)),
            Step::Started,
            Step::Succeeded { result: "None".to_owned(), runtime: 0.5 },
            Step::Failed(problem()),
            Step::Retried(problem()),
            Step::Revoked { terminated: true, expired: false },
            Step::Rejected,
        ];
        let lives = [Life::Online, Life::Heartbeat, Life::Offline].map(|life| Event::Worker(life, pulse));
        lives.into_iter().chain(steps.map(|step| Event::Task("u".to_owned(), step))).collect()
    }

    #[test]
    fn every_event_has_the_fields_of_pythons() {
        let captured = captured();
        for event in ours() {
            let post = event.to_post(Stamp { node: "w1@vm", clock: 3, timestamp: 1.5 });
            let names = |event: &Value| -> BTreeSet<String> {
                event.as_object().unwrap().keys().filter(|name| *name != "utcoffset").cloned().collect()
            };
            let theirs = captured.iter().find(|theirs| theirs["type"] == event.kind());
            let theirs = theirs.unwrap_or_else(|| panic!("{} was not captured", event.kind()));
            assert_eq!(names(&post.body), names(theirs), "{}", event.kind());
            assert_eq!(post.key, event.kind().replace('-', "."));
            assert_eq!(post.headers["hostname"], "w1@vm");
        }
    }

    #[test]
    fn a_task_is_told_of_by_its_display_name_and_is_its_own_root() {
        let headers = json!({"id": "u", "task": "qgeneral.api", "shadow": "mine", "argsrepr": "x".repeat(3000)});
        let message = Message { headers: headers.as_object().unwrap().clone(), ..Message::default() };
        let About(fields) = About::of(&message);
        assert_eq!(
            (&fields["name"], &fields["root_id"], &fields["kwargs"]),
            (&json!("mine"), &json!("u"), &json!("{}"))
        );
        assert_eq!(fields["args"].as_str().unwrap().len(), REPR_CHARS);
    }
}
