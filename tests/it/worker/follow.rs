//! What follows a task on the embedded queue: callbacks, chains, errbacks, and messages of protocol 1.

use super::*;
use maestro_reports::broker::Delivery;

/// The message of a task with what follows it.
fn followed(envelope: &Envelope, embed: Value) -> Message {
    let message = envelope.to_message();
    let mut body: Value = serde_json::from_slice(&message.body).unwrap();
    body[2] = embed;
    Message { body: body.to_string().into_bytes(), ..message }
}

fn signature(name: &str) -> Value {
    json!({"task": name, "args": [], "kwargs": {}, "options": {"queue": "theirs"}, "subtask_type": null, "immutable": false})
}

/// The tasks in another application's queue, by name with their arguments.
async fn theirs(bench: &Bench, count: usize) -> Vec<(String, Value)> {
    let reader = bench.app.broker.consume(&["theirs".to_owned()], 10).await.unwrap();
    let seen = |delivery: &Delivery| {
        let mut body: Value = serde_json::from_slice(&delivery.message.body).unwrap();
        (delivery.message.headers["task"].as_str().unwrap().to_owned(), body[0].take())
    };
    let mut all = Vec::new();
    for _ in 0..count {
        let delivery = timeout(PATIENCE, reader.next()).await.unwrap().unwrap();
        all.push(seen(&delivery));
        reader.ack(&delivery).await.unwrap();
    }
    assert!(timeout(Duration::from_millis(300), reader.next()).await.is_err(), "no more than {count}");
    all
}

async fn drained(bench: &Bench) -> bool {
    bench.app.broker.depth(QUEUE).await.unwrap() == 0
}

#[actix_rt::test]
async fn callbacks_and_the_chain_go_on_after_a_success() {
    let bench = Bench::new(&[]).await;
    let embed = json!({"callbacks": [signature("one")], "errbacks": [signature("bad")], "chain": [signature("two")]});
    bench.publish(&followed(&webhook(), embed)).await;
    bench.work_until(async || bench.rows().await == 1 && drained(&bench).await).await;
    let result = json!([{"name": "webhook.api", "report_id": REPORT, "colname": format!("{REPORT}_general")}]);
    assert_eq!(theirs(&bench, 2).await, [("one".to_owned(), result.clone()), ("two".to_owned(), result)]);
}

#[actix_rt::test]
async fn errbacks_go_on_after_a_failure_and_after_a_refusal() {
    let bench = Bench::new(&[("MAESTRO_TASK_RETRIES", "1")]).await;
    let embed = json!({"callbacks": [signature("good")], "errbacks": [signature("bad")], "chain": [signature("good")]});
    let failing = general();
    bench.request(&failing.id).await;
    bench.publish(&followed(&failing, embed.clone())).await;
    let mut refused = followed(&webhook(), embed);
    refused.headers.insert("task".into(), "no.such.task".into());
    bench.publish(&refused).await;
    let dead = async || bench.dead().await.iter().filter(|(name, _, _)| name != "notification.api").count();
    bench.work_until(async || dead().await == 2).await;
    let mut expected = [&json!(failing.id), &refused.headers["id"]].map(|id| ("bad".to_owned(), json!([id])));
    let mut seen = theirs(&bench, 2).await;
    seen.sort_by_key(|(_, args)| args.to_string());
    expected.sort_by_key(|(_, args)| args.to_string());
    assert_eq!(seen, expected);
}

#[actix_rt::test]
async fn a_chord_is_refused_and_its_report_says_so() {
    let bench = Bench::new(&[]).await;
    let envelope = general();
    bench.request(&envelope.id).await;
    bench.publish(&followed(&envelope, json!({"chord": signature("body")}))).await;
    bench.work_until(async || bench.report().await.status == Status::Error).await;
    assert!(bench.report().await.message.contains("chords are not supported"), "{}", bench.report().await.message);
}

#[actix_rt::test]
async fn an_expired_task_is_followed_by_nothing() {
    let bench = Bench::new(&[]).await;
    let envelope = Envelope { expires: Some(Utc::now() - TimeDelta::seconds(1)), ..webhook() };
    let embed = json!({"callbacks": [signature("good")], "errbacks": [signature("bad")]});
    bench.publish(&followed(&envelope, embed)).await;
    bench.work_until(async || drained(&bench).await).await;
    assert!(theirs(&bench, 0).await.is_empty());
    assert_eq!(bench.rows().await, 0);
}

#[actix_rt::test]
async fn a_message_of_protocol_1_runs_at_its_time() {
    let bench = Bench::new(&[]).await;
    let started = Instant::now();
    for (row, millis) in [(1, 1500), (2, -1500)] {
        let rows = json!([{"_id": format!("5c{row:022x}")}]);
        let eta =
            (Utc::now() + TimeDelta::milliseconds(millis)).naive_utc().format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        let body = json!({"task": "webhook.api", "id": format!("old-{row}"), "args": [table(), rows, REPORT], "kwargs": {},
            "eta": eta, "retries": 0});
        let message =
            Message { headers: Default::default(), body: body.to_string().into_bytes(), ..webhook().to_message() };
        bench.publish(&message).await;
    }
    let stop = bench.work();
    becomes(async || bench.rows().await == 1).await;
    assert!(started.elapsed() < Duration::from_millis(1400));
    becomes(async || bench.rows().await == 2).await;
    assert!(started.elapsed() > Duration::from_millis(1400));
    stop.await;
    assert!(bench.dead().await.is_empty());
}
