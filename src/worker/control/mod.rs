//! Remote control (celery.md §6): requests that every worker hears, and its answers.
//!
//! `request` reads a request and says whom it is for, `commands` is the table of what can be asked: `stats` is what a worker
//! tells of itself, `tasks` and `revoke` are about tasks, `steer` about its size and queues.

mod commands;
mod request;
mod revoke;
mod stats;
mod steer;
mod tasks;

use super::node::Node;
use crate::app::App;
use crate::broker::{Note, Post, REPLIES};
use request::Request;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What a command works with.
pub(super) struct Desk<'a> {
    app: &'a App,
    node: &'a Arc<Node>,
}

/// Does what a request asks for, where it is for this worker, and answers it, where an answer is wanted.
pub(super) async fn answer(app: App, node: Arc<Node>, note: Note) {
    let request = match serde_json::from_slice::<Request>(&note.body) {
        Ok(request) => request,
        Err(error) => return log::warn!("a request to the workers is not understood: {error}"),
    };
    node.hear_of(note.headers.get("clock").and_then(Value::as_u64).unwrap_or(0));
    match request.is_for(&node.name) {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return log::warn!("a request to the workers is not understood: {error}"),
    }
    log::debug!("request {}", request.method);
    let Some(value) = commands::run(&Desk { app: &app, node: &node }, &request).await else { return };
    let Some(reply_to) = &request.reply_to else { return };
    if reply_to.exchange != REPLIES {
        return log::warn!("an answer is wanted at the exchange {:?}, not at {REPLIES}", reply_to.exchange);
    }
    let headers = json!({"ticket": request.ticket, "clock": node.tick()});
    node.send(Post {
        exchange: REPLIES,
        key: reply_to.routing_key.clone(),
        headers: headers.as_object().cloned().unwrap_or_default(),
        body: Value::Object(Map::from_iter([(node.name.clone(), value)])),
    });
}
