//! Requests to a running worker: revoking what waits and what runs.

use super::runs::Gate;
use super::*;
use crate::support::mongo;
use maestro_reports::broker::{CONTROL, EVENTS, Heard, Mailbox, Post, REPLIES};

/// Asks all workers; the first answer.
pub(super) async fn ask(bench: &Bench, method: &str, arguments: Value) -> Value {
    let air = bench.app.broker.broadcast();
    let mut answers = air.listen(Mailbox::Replies { key: "me".to_owned() }).await.unwrap();
    assert!(answers.is_there(PATIENCE).await);
    let reply_to = json!({"exchange": REPLIES, "routing_key": "me"});
    let body = json!({"method": method, "arguments": arguments, "ticket": "t", "reply_to": reply_to});
    let request = Post { exchange: CONTROL, key: String::new(), headers: Default::default(), body };
    let started = Instant::now();
    // A worker that has just begun may not listen yet.
    loop {
        assert!(started.elapsed() < PATIENCE, "no answer to {method}");
        air.post(vec![request.clone()]).await.unwrap();
        let Ok(Some(Heard::Note(note))) = timeout(Duration::from_secs(1), answers.next()).await else { continue };
        assert_eq!(note.headers["ticket"], "t");
        let answer: Value = serde_json::from_slice(&note.body).unwrap();
        return answer[&bench.app.config.worker.hostname].clone();
    }
}

/// Whether nothing is left to do.
pub(super) async fn idle(bench: &Bench) -> bool {
    let (active, reserved) = (ask(bench, "active", json!({})).await, ask(bench, "reserved", json!({})).await);
    bench.app.broker.depth(QUEUE).await.unwrap() == 0 && active == json!([]) && reserved == json!([])
}

#[actix_rt::test]
async fn a_terminated_report_is_an_error_and_keeps_its_old_rows() {
    terminate_a_report(&[]).await;
}

#[actix_rt::test]
async fn a_terminated_report_is_an_error_and_keeps_its_old_rows_on_rabbitmq_and_mongodb() {
    let (Some(url), Some(database)) = (rabbit::url(), mongo::database()) else { return };
    let settings = [
        ("CELERY_BROKER_URL", url.as_str()),
        ("MAESTRO_MONGO_URI", &database.uri),
        ("MAESTRO_MONGO_DATABASE", &database.name),
    ];
    terminate_a_report(&settings).await;
}

async fn terminate_a_report(settings: &[(&str, &str)]) {
    let gate = Gate::start(1);
    let bench = runs::bench(&gate, settings).await;
    let (first, second) = (general(), general());
    bench.request(&first.id).await;
    bench.publish(&first.to_message()).await;
    bench.work_until(async || bench.report().await.status == Status::Finished).await;
    bench.request(&second.id).await;
    bench.publish(&second.to_message()).await;
    let stop = bench.work();
    becomes(async || gate.asked() == 2).await;
    let active = ask(&bench, "active", json!({})).await;
    assert_eq!((&active[0]["id"], &active[0]["name"]), (&json!(second.id), &json!("qgeneral.api")));
    assert_eq!(active[0]["args"][1], REPORT);
    let answer = ask(&bench, "revoke", json!({"task_id": second.id, "terminate": true, "signal": "SIGTERM"})).await;
    assert_eq!(answer, json!({"ok": format!("terminate: {}", second.id)}));
    becomes(async || bench.report().await.status == Status::Error).await;
    assert_eq!(bench.report().await.message, "cancelled by an operator while it ran (terminate)");
    // The notices too.
    becomes(async || idle(&bench).await).await;
    stop.await;
    assert_eq!(bench.rows().await, 1);
    assert_eq!(bench.app.store.as_ref().unwrap().staging(&table(), &second.id).await.unwrap(), None);
    assert_eq!(bench.app.broker.depth(QUEUE).await.unwrap(), 0);
    assert!(bench.dead().await.iter().all(|(name, ..)| name != "qgeneral.api"));
}

#[actix_rt::test]
async fn a_task_that_is_published_is_told_of_where_that_is_wanted() {
    for (wanted, url) in [("on", Some(String::new())), ("on", rabbit::url()), ("off", Some(String::new()))] {
        let Some(url) = url else { continue };
        let bench = Bench::new(&[("MAESTRO_SENT_EVENTS", wanted), ("CELERY_BROKER_URL", &url)]).await;
        let mut events = bench.app.broker.broadcast().listen(Mailbox::Events).await.unwrap();
        assert!(events.is_there(PATIENCE).await);
        let id = runs::launch(&bench.app).await;
        let marker = Post { exchange: EVENTS, key: "x".to_owned(), headers: Default::default(), body: json!("marker") };
        bench.app.broker.broadcast().post(vec![marker]).await.unwrap();
        let Ok(Some(Heard::Note(note))) = timeout(PATIENCE, events.next()).await else { panic!("nothing is heard") };
        let event: Value = serde_json::from_slice(&note.body).unwrap();
        if wanted == "off" {
            assert_eq!(event, "marker");
            continue;
        }
        assert_eq!((&event["type"], &event["uuid"]), (&json!("task-sent"), &json!(id)));
        assert_eq!((&event["queue"], &event["name"]), (&json!(QUEUE), &json!("qgeneral.api")));
        assert!(event["hostname"].as_str().unwrap().starts_with(&format!("gen{}@", std::process::id())), "{event}");
    }
}

#[actix_rt::test]
async fn a_revoked_task_does_not_begin() {
    let gate = Gate::start(9);
    let bench = runs::bench(&gate, &[]).await;
    let stop = bench.work();
    let envelope = general();
    let answer = ask(&bench, "revoke", json!({"task_id": [envelope.id]})).await;
    assert_eq!(answer, json!({"ok": format!("tasks {{'{}'}} flagged as revoked", envelope.id)}));
    bench.request(&envelope.id).await;
    bench.publish(&envelope.to_message()).await;
    becomes(async || bench.report().await.status == Status::Error).await;
    assert_eq!(bench.report().await.message, "cancelled by an operator before it began (revoke)");
    assert_eq!(gate.asked(), 0);
    stop.await;
}
