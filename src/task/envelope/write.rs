//! From a task to a message.

use super::{Envelope, REQUESTED_AT, RESIDUAL, tasks};
use crate::broker::Message;
use crate::task::Task;
use bson::Bson;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

/// Longest representation of the arguments in the headers, in characters; Celery cuts at about as many.
const REPR_CHARS: usize = 1000;

/// What every task message holds.
pub(in crate::task) struct Frame<'a> {
    pub(in crate::task) name: &'a str,
    pub(in crate::task) id: &'a str,
    /// A list.
    pub(in crate::task) args: Value,
    pub(in crate::task) kwargs: Map<String, Value>,
    pub(in crate::task) embed: Value,
}

impl Frame<'_> {
    /// The message of a first attempt, to be run at once, in the shape of Celery's own producer. Its result is the
    /// business of the task's own default.
    pub(in crate::task) fn into_message(self) -> Message {
        let Self { name, id, args, kwargs, embed } = self;
        let repr = |text: String| text.chars().take(REPR_CHARS).collect::<String>();
        let headers = json!({
            "lang": "rs",
            "task": name,
            "id": id,
            "shadow": null,
            "eta": null,
            "expires": null,
            "group": null,
            "group_index": null,
            "retries": 0,
            "timelimit": [null, null],
            "root_id": id,
            "parent_id": null,
            "argsrepr": repr(args.to_string()),
            "kwargsrepr": repr(Value::Object(kwargs.clone()).to_string()),
            "origin": format!("gen{}@maestro-reports", std::process::id()),
            "ignore_result": null,
            "replaced_task_nesting": 0,
            "stamped_headers": null,
            "stamps": {},
        });
        Message {
            headers: if let Value::Object(headers) = headers { headers } else { Map::new() },
            body: json!([args, kwargs, embed]).to_string().into_bytes(),
            content_type: "application/json".to_owned(),
            content_encoding: "utf-8".to_owned(),
            correlation_id: Some(id.to_owned()),
            reply_to: None,
            priority: 0,
        }
    }
}

/// The message of an envelope.
pub(super) fn message(envelope: &Envelope) -> Message {
    let (name, id) = (envelope.task.name(), envelope.id.as_str());
    let args = Value::Array(tasks::write(&envelope.task));
    let frame = Frame { name, id, args, kwargs: Map::new(), embed: envelope.embed.to_value() };
    let mut message = frame.into_message();
    let expires = envelope.expires.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, false));
    for (name, value) in [
        ("retries", envelope.retries.into()),
        ("expires", expires.into()),
        ("root_id", envelope.root().into()),
        ("parent_id", envelope.parent_id.clone().into()),
        // Nobody waits for what we send.
        ("ignore_result", true.into()),
    ] {
        message.headers.insert(name.to_owned(), value);
    }
    if let Some(at) = envelope.requested_at {
        message.headers.insert(REQUESTED_AT.to_owned(), at.to_rfc3339_opts(SecondsFormat::Millis, true).into());
    }
    if let Task::General { residual: Some(condition), .. } | Task::Pivot { residual: Some(condition), .. } =
        &envelope.task
    {
        let text = Bson::Document(condition.clone()).into_canonical_extjson().to_string();
        message.headers.insert(RESIDUAL.to_owned(), text.into());
    }
    message
}
