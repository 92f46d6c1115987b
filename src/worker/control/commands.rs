//! The table of what a worker can be asked.

use super::request::Request;
use super::{Desk, revoke, stats, steer, tasks};
use crate::task::{Life, Task};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};

/// Does what is asked; the answer, or `None` where there is none to give.
enum Command {
    AtOnce(fn(&Desk<'_>, &Request) -> Option<Value>),
    /// Asks the broker first.
    Later(for<'a> fn(&'a Desk<'a>, &'a Request) -> LocalBoxFuture<'a, Value>),
}

use Command::{AtOnce, Later};

const COMMANDS: [(&str, Command); 30] = [
    ("active", AtOnce(|desk, _| Some(desk.node.active().into()))),
    ("active_queues", AtOnce(|desk, _| Some(stats::queues(desk)))),
    ("add_consumer", Later(|desk, request| steer::add_consumer(desk, request).boxed_local())),
    ("autoscale", AtOnce(|desk, request| Some(steer::autoscale(desk, request)))),
    ("cancel_consumer", AtOnce(|desk, request| Some(steer::cancel_consumer(desk, request)))),
    ("clock", AtOnce(|desk, _| Some(json!({"clock": desk.node.tick()})))),
    ("conf", AtOnce(|desk, _| Some(stats::conf(&desk.app.config)))),
    ("disable_events", AtOnce(|desk, _| Some(switch_events(desk, false)))),
    ("election", AtOnce(|_, _| Some(Value::Null))),
    ("enable_events", AtOnce(|desk, _| Some(switch_events(desk, true)))),
    ("heartbeat", AtOnce(heartbeat)),
    ("hello", AtOnce(hello)),
    ("memsample", AtOnce(|_, _| Some(stats::memory().into()))),
    ("ping", AtOnce(|_, _| Some(json!({"ok": "pong"})))),
    ("pool_grow", AtOnce(|desk, request| Some(steer::grow(desk, request)))),
    ("pool_restart", AtOnce(|_, _| Some(json!({"error": "ValueError('Pool restarts not enabled')"})))),
    ("pool_shrink", AtOnce(|desk, request| Some(steer::shrink(desk, request)))),
    ("query_task", Later(|desk, request| tasks::query(desk, request).boxed_local())),
    ("rate_limit", AtOnce(|desk, request| Some(tasks::rate_limit(desk, request)))),
    ("registered", AtOnce(|_, _| Some(json!(Task::NAMES)))),
    ("report", AtOnce(|desk, _| Some(json!({"ok": stats::report(desk.app)})))),
    ("reserved", AtOnce(|desk, _| Some(desk.node.reserved().into()))),
    ("revoke", AtOnce(|desk, request| Some(revoke::revoke(desk, request, request.is_set("terminate"))))),
    ("revoke_by_stamped_headers", AtOnce(|desk, request| Some(revoke::revoke_stamps(desk, request)))),
    ("revoked", AtOnce(|desk, _| Some(desk.node.revoked().into()))),
    ("scheduled", Later(|desk, _| tasks::scheduled(desk).boxed_local())),
    ("shutdown", AtOnce(shutdown)),
    ("stats", AtOnce(|desk, _| Some(stats::stats(desk)))),
    ("terminate", AtOnce(|desk, request| Some(revoke::revoke(desk, request, true)))),
    ("time_limit", AtOnce(|desk, request| Some(tasks::time_limit(desk, request)))),
];

/// Does what a request asks for.
pub(super) async fn run(desk: &Desk<'_>, request: &Request) -> Option<Value> {
    match COMMANDS.iter().find(|(name, _)| *name == request.method) {
        Some((_, AtOnce(command))) => command(desk, request),
        Some((_, Later(command))) => Some(command(desk, request).await),
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

/// A worker that starts tells what it knows to be revoked, and wants to know of the others (celery.md §7).
fn hello(desk: &Desk<'_>, request: &Request) -> Option<Value> {
    if request.arguments.get("from_node").and_then(Value::as_str) == Some(&desk.node.name) {
        return Some(Value::Null);
    }
    desk.node.learn(request.arguments.get("revoked"));
    Some(json!({"revoked": desk.node.revoked(), "clock": desk.node.tick()}))
}

/// As in Celery, nobody is answered: the worker is on its way out.
fn shutdown(desk: &Desk<'_>, _: &Request) -> Option<Value> {
    desk.node.stop();
    None
}
