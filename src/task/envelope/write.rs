//! From a task to a message.

use super::{Envelope, REQUESTED_AT, RESIDUAL, tasks};
use crate::broker::Message;
use crate::task::Task;
use bson::Bson;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

/// Longest representation of the arguments in the headers, in characters; Celery cuts at about as many.
const REPR_CHARS: usize = 1000;

/// The message of a first attempt, in the shape of Celery's own producer.
pub(super) fn message(envelope: &Envelope) -> Message {
    let arguments = Value::Array(tasks::write(&envelope.task));
    let embed = json!({"callbacks": null, "errbacks": null, "chain": null, "chord": null});
    let headers = headers(envelope, &arguments);
    Message {
        headers,
        body: json!([arguments, {}, embed]).to_string().into_bytes(),
        content_type: "application/json".to_owned(),
        content_encoding: "utf-8".to_owned(),
        correlation_id: Some(envelope.id.clone()),
        reply_to: None,
        priority: 0,
    }
}

fn headers(envelope: &Envelope, arguments: &Value) -> Map<String, Value> {
    let expires = envelope.expires.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, false));
    let headers = json!({
        "lang": "rs",
        "task": envelope.task.name(),
        "id": envelope.id,
        "shadow": null,
        "eta": null,
        "expires": expires,
        "group": null,
        "group_index": null,
        "retries": envelope.retries,
        "timelimit": [null, null],
        "root_id": envelope.id,
        "parent_id": null,
        "argsrepr": arguments.to_string().chars().take(REPR_CHARS).collect::<String>(),
        "kwargsrepr": "{}",
        "origin": format!("gen{}@maestro-reports", std::process::id()),
        "ignore_result": true,
        "replaced_task_nesting": 0,
        "stamped_headers": null,
        "stamps": {},
    });
    let Value::Object(mut headers) = headers else { return Map::new() };
    if let Some(at) = envelope.requested_at {
        headers.insert(REQUESTED_AT.to_owned(), at.to_rfc3339_opts(SecondsFormat::Millis, true).into());
    }
    if let Task::General { residual: Some(condition), .. } | Task::Pivot { residual: Some(condition), .. } =
        &envelope.task
    {
        let text = Bson::Document(condition.clone()).into_canonical_extjson().to_string();
        headers.insert(RESIDUAL.to_owned(), text.into());
    }
    headers
}
