//! From a message to a task.

use super::{BadMessage, Envelope, REQUESTED_AT, body, tasks};
use crate::broker::Message;
use crate::domain::{TableName, parse_date};
use crate::task::Embed;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Longest task id in bytes: it travels as `correlation_id` too, and AMQP has no longer short texts.
const MAX_ID_BYTES: usize = 255;

/// Reads a whole message.
pub(super) fn envelope(message: &Message) -> Result<Envelope, BadMessage> {
    let headers = &message.headers;
    let name = task_name(headers)?;
    let id = task_id(headers)?;
    let retries = retries(headers)?;
    date(headers, "eta")?;
    let expires = date(headers, "expires")?;
    let requested_at = date(headers, REQUESTED_AT)?;
    let signature = tasks::signature(name).ok_or_else(|| BadMessage::UnknownTask(name.chars().take(120).collect()))?;
    check_content(message)?;
    let (arguments, embed) = body::read(message)?;
    let embed = Embed::read(embed)?;
    let task = tasks::read(signature, arguments, headers)?;
    let [root_id, parent_id] = ["root_id", "parent_id"].map(|name| Some(headers.get(name)?.as_str()?.to_owned()));
    let root_id = root_id.filter(|root| *root != id);
    Ok(Envelope { id, retries, task, expires, requested_at, root_id, parent_id, embed })
}

/// What follows the task of a message that may be bad; nothing where that cannot be made out.
pub(super) fn embed_of(message: &Message) -> Embed {
    body::read(message).and_then(|(_, embed)| Embed::read(embed)).unwrap_or_default()
}

/// What can be made out of a bad message: its report and the task id.
pub(super) fn report_of(message: &Message) -> Option<(TableName, String)> {
    let signature = tasks::signature(task_name(&message.headers).ok()?)?;
    let id = task_id(&message.headers).ok()?;
    let (arguments, _) = body::read(message).ok()?;
    let table = tasks::report_of(signature, arguments)?;
    Some((table, id))
}

fn task_name(headers: &Map<String, Value>) -> Result<&str, BadMessage> {
    const MISSING: BadMessage =
        BadMessage::Header { name: "task", expected: "the name of a task, here or in a body of message protocol 1" };
    text(headers, "task")?.ok_or(MISSING)
}

fn task_id(headers: &Map<String, Value>) -> Result<String, BadMessage> {
    let id = text(headers, "id")?.filter(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES);
    Ok(id.ok_or(BadMessage::Header { name: "id", expected: "the task's id, a text of 1 to 255 bytes" })?.to_owned())
}

fn retries(headers: &Map<String, Value>) -> Result<u32, BadMessage> {
    let value = headers.get("retries").filter(|value| !value.is_null());
    let count = value.map_or(Some(0), |value| value.as_u64().and_then(|count| u32::try_from(count).ok()));
    count.ok_or(BadMessage::Header { name: "retries", expected: "a number from 0, or null" })
}

fn date(headers: &Map<String, Value>, name: &'static str) -> Result<Option<DateTime<Utc>>, BadMessage> {
    let wrong = BadMessage::Header { name, expected: "an ISO 8601 date and time, or null" };
    match headers.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => parse_date(text).map(Some).ok_or(wrong),
        Some(_) => Err(wrong),
    }
}

fn text<'a>(headers: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, BadMessage> {
    match headers.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(BadMessage::Header { name, expected: "a text" }),
    }
}

fn check_content(message: &Message) -> Result<(), BadMessage> {
    let encoding = message.content_encoding.to_ascii_lowercase();
    if message.content_type == "application/json" && matches!(encoding.as_str(), "" | "utf-8" | "utf8" | "us-ascii") {
        return Ok(());
    }
    let seen = format!("{}; {}", message.content_type, message.content_encoding);
    Err(BadMessage::ContentType(seen.chars().take(120).collect()))
}
