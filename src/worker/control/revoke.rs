//! Revoking tasks: they do not begin, or are cancelled while they run.

use super::Desk;
use super::request::Request;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Marks tasks as revoked; with `terminate` those that run are cancelled too. The answers are Celery's.
pub(super) fn revoke(desk: &Desk<'_>, request: &Request, terminate: bool) -> Value {
    let ids: BTreeSet<String> = request.texts("task_id").into_iter().collect();
    let ids: Vec<String> = ids.into_iter().collect();
    desk.node.revoke(&ids);
    if !terminate {
        log::info!("revoked: {}", ids.join(", "));
        return json!({"ok": format!("tasks {} flagged as revoked", set(&ids))});
    }
    let cancelled = desk.node.terminate(&ids);
    if cancelled.is_empty() {
        return json!({"ok": "terminate: tasks unknown"});
    }
    let cancelled = cancelled.join(", ");
    log::info!("cancelled: {cancelled}");
    json!({"ok": format!("terminate: {cancelled}")})
}

/// A set of texts as Python writes it.
fn set(ids: &[String]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    if quoted.is_empty() { "set()".to_owned() } else { format!("{{{}}}", quoted.join(", ")) }
}
