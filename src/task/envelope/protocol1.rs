//! Celery's message protocol 1: all in the body, nothing in the headers. Old producers speak it, and simple ones.

use super::body;
use crate::broker::Message;
use serde_json::{Map, Value, json};

/// The message as protocol 2 has it; as it is where it is no message of protocol 1.
pub(super) fn upgraded(message: Message) -> Message {
    if message.headers.get("task").is_some_and(|task| !task.is_null()) {
        return message;
    }
    let Ok(plain) = body::decompress(&message) else { return message };
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(&plain) else { return message };
    if !fields.get("task").is_some_and(Value::is_string) {
        return message;
    }
    let embed = json!({
        "callbacks": fields.remove("callbacks"),
        "errbacks": fields.remove("errbacks"),
        "chain": null,
        "chord": fields.remove("chord"),
    });
    let or = |value: Option<Value>, default: Value| value.filter(|value| !value.is_null()).unwrap_or(default);
    let (args, kwargs) = (or(fields.remove("args"), json!([])), or(fields.remove("kwargs"), json!({})));
    let mut headers = Map::new();
    for name in ["task", "id", "retries", "eta", "expires", "timelimit"] {
        headers.insert(name.to_owned(), fields.remove(name).unwrap_or_default());
    }
    headers.insert("root_id".to_owned(), headers.get("id").cloned().unwrap_or_default());
    headers.insert("group".to_owned(), fields.remove("taskset").unwrap_or_default());
    let id = headers.get("id").and_then(Value::as_str).map(str::to_owned);
    let correlation_id = message.correlation_id.or(id);
    headers.extend(message.headers.into_iter().filter(|(name, value)| name != "compression" && !value.is_null()));
    Message { headers, body: json!([args, kwargs, embed]).to_string().into_bytes(), correlation_id, ..message }
}
