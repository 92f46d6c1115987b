//! Requests about single tasks: what waits for its time, where a task is, and limits by the task's name.

use super::Desk;
use super::request::Request;
use crate::task::Task;
use crate::worker::limits;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

/// The priority of Celery's timer, which `inspect scheduled` shows.
const TIMER_PRIORITY: u8 = 6;

/// `inspect scheduled`: what waits for its time.
pub(super) async fn scheduled(desk: &Desk<'_>) -> Value {
    let mut found = Vec::new();
    for consumer in desk.node.consumers() {
        // A broker that is away has taken them back.
        for message in consumer.postponed().await.unwrap_or_default() {
            let eta = message.due.to_rfc3339_opts(SecondsFormat::Micros, false);
            let request = desk.node.info(&message.message, &message.queue);
            found.push(json!({"eta": eta, "priority": TIMER_PRIORITY, "request": request}));
        }
    }
    found.into()
}

/// `inspect query_task`: those of these tasks that are here, and whether they run.
pub(super) async fn query(desk: &Desk<'_>, request: &Request) -> Value {
    let ids = request.texts("ids");
    let mut scheduled = scheduled(desk).await;
    let scheduled = scheduled.as_array_mut().into_iter().flatten().map(|found| ("scheduled", found["request"].take()));
    let reserved = desk.node.reserved().into_iter().map(|info| ("reserved", info));
    let active = desk.node.active().into_iter().map(|info| ("active", info));
    let known = scheduled.chain(reserved).chain(active).filter_map(|(state, info)| {
        let id = info["id"].as_str().filter(|id| ids.iter().any(|asked| asked == id))?.to_owned();
        Some((id, json!([state, info])))
    });
    Value::Object(known.collect::<Map<_, _>>())
}

/// `control rate_limit`.
pub(super) fn rate_limit(desk: &Desk<'_>, request: &Request) -> Value {
    let rate = request.arguments.get("rate_limit").unwrap_or(&Value::Null);
    let Some(every) = limits::pause(rate) else {
        let rate = rate.as_str().map_or_else(|| rate.to_string(), str::to_owned);
        return json!({"error": format!("Invalid rate limit string: expected 5, 5/s, 10/m or 2/h, got {rate:?}")});
    };
    let Some(task) = known(request) else { return json!({"error": "unknown task"}) };
    desk.node.limits.set_rate(task, every);
    desk.node.pool.ring();
    let word = if every.is_some() { "new rate limit set" } else { "rate limit disabled" };
    json!({"ok": format!("{word} successfully")})
}

/// `control time_limit`, for tasks that begin from now on.
pub(super) fn time_limit(desk: &Desk<'_>, request: &Request) -> Value {
    let Some(task) = known(request) else { return json!({"error": "unknown task"}) };
    let limit = |name: &str| limits::seconds(request.arguments.get(name).unwrap_or(&Value::Null));
    let (Some(soft), Some(hard)) = (limit("soft"), limit("hard")) else {
        return json!({"error": "ValueError('soft, hard: expected seconds')"});
    };
    desk.node.limits.set_time(task, soft.into_iter().chain(hard).min());
    json!({"ok": "time limits set successfully"})
}

fn known(request: &Request) -> Option<&'static str> {
    let name = request.arguments.get("task_name")?.as_str()?;
    Task::NAMES.into_iter().find(|known| *known == name)
}
