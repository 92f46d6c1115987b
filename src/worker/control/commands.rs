//! The table of what a worker can be asked.

use super::request::Request;
use super::{Desk, revoke, stats};
use crate::task::{Life, Task};
use serde_json::{Map, Value, json};

/// Does what is asked; the answer, or `None` where there is none to give.
type Command = fn(&Desk<'_>, &Request) -> Option<Value>;

const COMMANDS: [(&str, Command); 22] = [
    ("active", |desk, _| Some(desk.node.active().into())),
    ("active_queues", |desk, _| Some(stats::queues(&desk.app.config))),
    ("clock", |desk, _| Some(json!({"clock": desk.node.tick()}))),
    ("conf", |desk, _| Some(stats::conf(&desk.app.config))),
    ("disable_events", |desk, _| Some(switch_events(desk, false))),
    ("election", |_, _| Some(Value::Null)),
    ("enable_events", |desk, _| Some(switch_events(desk, true))),
    ("heartbeat", heartbeat),
    ("hello", hello),
    ("memsample", |_, _| Some(stats::memory().into())),
    ("ping", |_, _| Some(json!({"ok": "pong"}))),
    ("pool_restart", |_, _| Some(json!({"error": "ValueError('Pool restarts not enabled')"}))),
    ("query_task", |desk, request| Some(query_task(desk, request))),
    ("registered", |_, _| Some(json!(Task::NAMES))),
    ("report", |desk, _| Some(json!({"ok": stats::report(desk.app)}))),
    ("reserved", |desk, _| Some(desk.node.reserved().into())),
    ("revoke", |desk, request| Some(revoke::revoke(desk, request, request.is_set("terminate")))),
    ("revoked", |desk, _| Some(desk.node.revoked().into())),
    ("scheduled", |_, _| Some(json!([]))),
    ("shutdown", shutdown),
    ("stats", |desk, _| Some(stats::stats(desk))),
    ("terminate", |desk, request| Some(revoke::revoke(desk, request, true))),
];

/// Does what a request asks for.
pub(super) fn run(desk: &Desk<'_>, request: &Request) -> Option<Value> {
    match COMMANDS.into_iter().find(|(name, _)| *name == request.method) {
        Some((_, command)) => command(desk, request),
        None => Some(json!({"error": format!("KeyError('{}')", request.method.escape_default())})),
    }
}

fn switch_events(desk: &Desk<'_>, on: bool) -> Value {
    let was_on = desk.node.tell_tasks(on);
    let word = if on { "enabled" } else { "disabled" };
    json!({"ok": if was_on == on { format!("task events already {word}") } else { format!("task events {word}") }})
}

fn heartbeat(desk: &Desk<'_>, _: &Request) -> Option<Value> {
    desk.node.live(Life::Heartbeat);
    Some(Value::Null)
}

/// A worker that starts tells what it knows to be revoked, and wants to know of the others (celery.md §7). Older ones
/// send a table by id, newer ones a list.
fn hello(desk: &Desk<'_>, request: &Request) -> Option<Value> {
    if request.arguments.get("from_node").and_then(Value::as_str) == Some(&desk.node.name) {
        return Some(Value::Null);
    }
    match request.arguments.get("revoked") {
        Some(Value::Object(table)) => desk.node.revoke(&table.keys().cloned().collect::<Vec<_>>()),
        Some(_) | None => desk.node.revoke(&request.texts("revoked")),
    }
    Some(json!({"revoked": desk.node.revoked(), "clock": desk.node.tick()}))
}

fn query_task(desk: &Desk<'_>, request: &Request) -> Value {
    let ids = request.texts("ids");
    let active = desk.node.active().into_iter().map(|info| ("active", info));
    let known = active.chain(desk.node.reserved().into_iter().map(|info| ("reserved", info)));
    let known = known.filter_map(|(state, info)| {
        let id = info["id"].as_str().filter(|id| ids.iter().any(|asked| asked == id))?.to_owned();
        Some((id, json!([state, info])))
    });
    Value::Object(known.collect::<Map<_, _>>())
}

/// As in Celery, nobody is answered: the worker is on its way out.
fn shutdown(desk: &Desk<'_>, _: &Request) -> Option<Value> {
    desk.node.stop();
    None
}
