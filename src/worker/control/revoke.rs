//! Revoking tasks: they do not begin, or are cancelled while they run. The answers are Celery's.

use super::Desk;
use super::request::Request;
use crate::worker::revoked::{Stamps, values};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Marks tasks as revoked; with `terminate` those that run are cancelled too.
pub(super) fn revoke(desk: &Desk<'_>, request: &Request, terminate: bool) -> Value {
    let ids: BTreeSet<String> = request.texts("task_id").into_iter().collect();
    let ids: Vec<String> = ids.into_iter().collect();
    desk.node.revoke(&ids);
    if !terminate {
        log::info!("revoked: {}", ids.join(", "));
        return json!({"ok": format!("tasks {} flagged as revoked", set(&ids))});
    }
    let mut found = desk.node.terminate(&ids);
    found.dedup();
    if found.is_empty() {
        return json!({"ok": "terminate: tasks unknown"});
    }
    let found = found.join(", ");
    log::info!("cancelled: {found}");
    json!({"ok": format!("terminate: {found}")})
}

/// The same for tasks that carry one of these stamps.
pub(super) fn revoke_stamps(desk: &Desk<'_>, request: &Request) -> Value {
    let stamps = match request.arguments.get("headers") {
        Some(Value::Object(headers)) => headers.iter().map(|(name, value)| (name.clone(), values(value))).collect(),
        Some(_) | None => pairs(&request.texts("headers")),
    };
    desk.node.revoke_stamps(&stamps);
    let shown = dict(request.arguments.get("headers"), &stamps);
    if !request.is_set("terminate") {
        log::info!("revoked by stamps: {shown}");
        return json!({"ok": format!("headers {shown} flagged as revoked, but not terminated")});
    }
    let found = desk.node.terminate_stamps(&stamps);
    if found.is_empty() {
        return json!({"ok": format!("headers {shown} were not terminated")});
    }
    log::info!("cancelled by stamps {shown}: {}", found.join(", "));
    json!({"ok": format!("headers {shown} revoked")})
}

/// `name=value` each.
fn pairs(texts: &[String]) -> Stamps {
    let mut stamps = Stamps::new();
    for (name, value) in texts.iter().filter_map(|text| text.split_once('=')) {
        stamps.entry(name.to_owned()).or_default().insert(value.to_owned());
    }
    stamps
}

/// A set of texts as Python writes it.
fn set(ids: &[String]) -> String {
    if ids.is_empty() { "set()".to_owned() } else { format!("{{{}}}", quoted(ids)) }
}

/// Stamps as Python writes them: one value is a text, several that were sent as a list are one.
fn dict(sent: Option<&Value>, stamps: &Stamps) -> String {
    let entry = |(name, values): (&String, &BTreeSet<String>)| {
        let is_list = sent.and_then(|sent| sent.get(name)).is_some_and(Value::is_array);
        let values: Vec<String> = values.iter().cloned().collect();
        let value = if is_list { format!("[{}]", quoted(&values)) } else { quoted(&values) };
        format!("'{name}': {value}")
    };
    format!("{{{}}}", stamps.iter().map(entry).collect::<Vec<_>>().join(", "))
}

fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("'{text}'")).collect::<Vec<_>>().join(", ")
}
