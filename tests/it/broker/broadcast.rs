//! Messages for whoever listens, on both brokers; `conformance` runs them.

use super::{PATIENCE, Place};
use maestro_reports::broker::{Broker, CONTROL, EVENTS, Heard, Listener, Mailbox, Note, Post, REPLIES};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

fn post(exchange: &'static str, key: &str, body: Value) -> Post {
    let headers = json!({"hostname": "w1@vm", "clock": 3, "expires": 1795461984.5});
    Post { exchange, key: key.to_owned(), headers: headers.as_object().unwrap().clone(), body }
}

async fn listen(broker: &Arc<dyn Broker>, mailbox: Mailbox) -> Listener {
    let mut listener = broker.broadcast().listen(mailbox).await.unwrap();
    assert!(listener.is_there(PATIENCE).await);
    listener
}

async fn control(broker: &Arc<dyn Broker>, node: &str) -> Listener {
    listen(broker, Mailbox::Control { node: node.to_owned() }).await
}

async fn replies(broker: &Arc<dyn Broker>, key: &str) -> Listener {
    listen(broker, Mailbox::Replies { key: key.to_owned() }).await
}

async fn note(listener: &mut Listener) -> Note {
    match timeout(PATIENCE, listener.next()).await.expect("a message in time") {
        Some(Heard::Note(note)) => note,
        other => panic!("{other:?}"),
    }
}

async fn body(listener: &mut Listener) -> Value {
    serde_json::from_slice(&note(listener).await.body).unwrap()
}

async fn silence(listener: &mut Listener) {
    let heard = timeout(Duration::from_millis(300), listener.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

pub(super) async fn every_worker_hears_a_request(place: Place) {
    let (broker, other) = (place.open().await, place.open().await);
    let (mut first, mut second) = (control(&broker, "w1@vm").await, control(&other, "w2@vm").await);
    let mut events = listen(&broker, Mailbox::Events).await;
    let request = post(CONTROL, "", json!({"method": "ping", "arguments": {"é": [null]}}));
    other.broadcast().post(vec![request.clone()]).await.unwrap();
    for listener in [&mut first, &mut second] {
        let heard = note(listener).await;
        assert_eq!(heard.headers, request.headers);
        assert_eq!(serde_json::from_slice::<Value>(&heard.body).unwrap(), request.body);
    }
    silence(&mut events).await;
}

pub(super) async fn an_answer_reaches_its_asker_alone(place: Place) {
    let broker = place.open().await;
    let (mut first, mut second) = (replies(&broker, "a").await, replies(&broker, "b").await);
    let answers = [("b", 1), ("nobody", 2), ("b", 3)].map(|(key, number)| post(REPLIES, key, json!(number)));
    broker.broadcast().post(answers.to_vec()).await.unwrap();
    assert_eq!([body(&mut second).await, body(&mut second).await], [json!(1), json!(3)]);
    silence(&mut first).await;
}

pub(super) async fn events_come_in_their_order_and_only_to_who_listens(place: Place) {
    let broker = place.open().await;
    let event = |number: u64| post(EVENTS, "task.started", json!({"type": "task-started", "clock": number}));
    broker.broadcast().post(vec![event(0)]).await.unwrap();
    let mut early = listen(&broker, Mailbox::Events).await;
    broker.broadcast().post((1..=30).map(event).collect()).await.unwrap();
    let mut late = listen(&broker, Mailbox::Events).await;
    broker.broadcast().post((31..=60).map(event).collect()).await.unwrap();
    for (listener, first) in [(&mut early, 1), (&mut late, 31)] {
        for expected in first..=60 {
            assert_eq!(body(listener).await["clock"], expected);
        }
    }
}

pub(super) async fn a_name_is_free_when_its_listener_has_gone(place: Place) {
    let broker = place.open().await;
    drop(control(&broker, "w1@vm").await);
    let mut again = control(&broker, "w1@vm").await;
    broker.broadcast().post(vec![post(CONTROL, "", json!({"method": "ping"}))]).await.unwrap();
    assert_eq!(body(&mut again).await["method"], "ping");
}
