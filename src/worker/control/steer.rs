//! Requests about the worker's size and its queues.

use super::Desk;
use super::request::Request;
use crate::worker::pool::Wanted;
use serde_json::{Value, json};

/// The most tasks at a time.
const MOST: usize = 1024;

/// `control pool_grow`.
pub(super) fn grow(desk: &Desk<'_>, request: &Request) -> Value {
    let Some(n) = number(request, "n", 1) else { return wrong("n") };
    desk.node.pool.change(|wanted| {
        wanted.size = (wanted.size + n).min(MOST);
        stretch(wanted);
    });
    json!({"ok": "pool will grow"})
}

/// `control pool_shrink`.
pub(super) fn shrink(desk: &Desk<'_>, request: &Request) -> Value {
    let Some(n) = number(request, "n", 1) else { return wrong("n") };
    desk.node.pool.change(|wanted| {
        if n >= wanted.size {
            return json!({"error": format!("ValueError('n: expected less than the {} tasks at a time')", wanted.size)});
        }
        wanted.size -= n;
        stretch(wanted);
        json!({"ok": "pool will shrink"})
    })
}

/// `control autoscale`, for a worker that was started with it.
pub(super) fn autoscale(desk: &Desk<'_>, request: &Request) -> Value {
    desk.node.pool.change(|wanted| {
        let Some(range) = &wanted.autoscale else { return json!({"error": "ValueError('Autoscale not enabled')"}) };
        let max = number(request, "max", *range.end());
        let min = number(request, "min", *range.start());
        let (Some(max), Some(min)) = (max, min) else { return wrong("max, min") };
        if min > max {
            return json!({"error": "ValueError('min: expected no more than max')"});
        }
        wanted.autoscale = Some(min..=max);
        wanted.size = wanted.size.clamp(min, max);
        json!({"ok": format!("autoscale now max={max} min={min}")})
    })
}

/// `control add_consumer`. The queue is declared as Celery does, bound to the exchange of its name.
pub(super) async fn add_consumer(desk: &Desk<'_>, request: &Request) -> Value {
    let text = |name: &str| request.arguments.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(queue) = text("queue") else { return json!({"error": "ValueError('queue: expected a name')"}) };
    let others = [("exchange", queue), ("exchange_type", "direct"), ("routing_key", queue)];
    for (name, own) in others {
        if text(name).is_some_and(|text| text != own) {
            return json!({"error": format!("ValueError('{name}: expected {own}, as of every queue here')")});
        }
    }
    if let Err(error) = desk.app.broker.declare(queue).await {
        return json!({"error": error.to_string()});
    }
    desk.node.pool.change(|wanted| {
        if !wanted.queues.iter().any(|name| name == queue) {
            wanted.queues.push(queue.to_owned());
        }
    });
    json!({"ok": format!("add consumer {queue}")})
}

/// `control cancel_consumer`.
pub(super) fn cancel_consumer(desk: &Desk<'_>, request: &Request) -> Value {
    let queue = request.arguments.get("queue").and_then(Value::as_str).unwrap_or_default();
    desk.node.pool.change(|wanted| wanted.queues.retain(|name| name != queue));
    json!({"ok": format!("no longer consuming from {queue}")})
}

/// A worker that goes up and down by itself may come to the size that it was given.
fn stretch(wanted: &mut Wanted) {
    if let Some(range) = &wanted.autoscale {
        wanted.autoscale = Some(wanted.size.min(*range.start())..=wanted.size.max(*range.end()));
    }
}

fn number(request: &Request, name: &str, default: usize) -> Option<usize> {
    match request.arguments.get(name) {
        None | Some(Value::Null) => Some(default),
        Some(value) => usize::try_from(value.as_u64()?).ok().filter(|number| (1..=MOST).contains(number)),
    }
}

fn wrong(name: &str) -> Value {
    json!({"error": format!("ValueError('{name}: expected a whole number from 1 to {MOST}')")})
}
