//! Steering a running worker, on both brokers: its size, its queues, limits of tasks, and what it has not begun.

use super::control::{ask, idle};
use super::runs::Gate;
use super::*;
use maestro_reports::broker::{Heard, Mailbox, Post, REPLIES};

const STEPS: Duration = Duration::from_secs(60);

/// A request of a report of its own.
fn general_of(number: u64) -> (Envelope, TableName) {
    let report = format!("5c{number:022x}").parse().unwrap();
    let Task::General { owner, component, query, residual, .. } = general().task else { unreachable!() };
    let envelope = Envelope::new(Task::General { owner, report, component, query, residual });
    (envelope, TableName::new(report, ReportType::General))
}

/// Runs a test on the embedded queue, and on RabbitMQ where there is one.
async fn on_both_brokers(test: impl AsyncFn(String)) {
    test(String::new()).await;
    if let Some(url) = rabbit::url() {
        test(url).await;
    }
}

async fn bench_on(url: &str, gate: &Gate, settings: &[(&str, &str)]) -> Bench {
    let mut all = vec![("CELERY_BROKER_URL", url), ("MAESTRO_CONCURRENCY", "1")];
    all.extend(settings);
    runs::bench(gate, &all).await
}

async fn status(bench: &Bench, table: &TableName) -> Option<(Status, String)> {
    let report = bench.app.store.as_ref().unwrap().report(table).await.unwrap()?;
    Some((report.status, report.message))
}

fn ids(tasks: &Value) -> Vec<&str> {
    tasks.as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect()
}

#[actix_rt::test]
async fn a_worker_grows_and_shrinks() {
    on_both_brokers(async |url| {
        let gate = Gate::start(0);
        let bench = bench_on(&url, &gate, &[]).await;
        let stop = bench.work();
        for number in 1..=4 {
            bench.publish(&general_of(number).0.to_message()).await;
        }
        becomes(async || gate.asked() == 1).await;
        assert_eq!(ask(&bench, "pool_grow", json!({"n": 2})).await, json!({"ok": "pool will grow"}));
        becomes(async || gate.asked() == 3).await;
        let stats = ask(&bench, "stats", json!({})).await;
        assert_eq!((&stats["pool"]["max-concurrency"], &stats["prefetch_count"]), (&json!(3), &json!(3)));
        let refused = ask(&bench, "pool_shrink", json!({"n": 3})).await;
        assert_eq!(refused["error"], "ValueError('n: expected less than the 3 tasks at a time')");
        assert_eq!(ask(&bench, "pool_shrink", json!({"n": 2})).await, json!({"ok": "pool will shrink"}));
        let no_number = ask(&bench, "pool_grow", json!({"n": "many"})).await;
        assert_eq!(no_number["error"], "ValueError('n: expected a whole number from 1 to 1024')");
        // Two end; the fourth does not begin, as one of the three runs still.
        gate.open(2);
        becomes(async || ids(&ask(&bench, "active", json!({})).await).len() == 1).await;
        assert_eq!(gate.asked(), 3);
        gate.open(9);
        becomes(async || gate.asked() == 4 && idle(&bench).await).await;
        stop.await;
    })
    .await;
}

#[actix_rt::test]
async fn a_worker_follows_its_work_between_two_sizes() {
    let gate = Gate::start(0);
    let bench = bench_on("", &gate, &[("MAESTRO_AUTOSCALE", "3,1")]).await;
    let stop = bench.work();
    for number in 1..=5 {
        bench.publish(&general_of(number).0.to_message()).await;
    }
    becomes(async || gate.asked() == 3).await;
    assert_eq!(ask(&bench, "stats", json!({})).await["pool"]["max-concurrency"], 3);
    let wrong = ask(&bench, "autoscale", json!({"max": 1, "min": 2})).await;
    assert_eq!(wrong["error"], "ValueError('min: expected no more than max')");
    assert_eq!(ask(&bench, "autoscale", json!({"max": 5, "min": 2})).await, json!({"ok": "autoscale now max=5 min=2"}));
    becomes(async || gate.asked() == 5).await;
    gate.open(9);
    stop.await;
}

#[actix_rt::test]
async fn a_task_that_is_reserved_is_shown_and_can_be_terminated() {
    on_both_brokers(async |url| {
        let gate = Gate::start(0);
        let bench = bench_on(&url, &gate, &[("MAESTRO_PREFETCH_MULTIPLIER", "2")]).await;
        let stop = bench.work();
        let (first, (second, table), third) = (general_of(1).0, general_of(2), general_of(3).0);
        for task in [&first, &second, &third] {
            bench.publish(&task.to_message()).await;
        }
        becomes(async || !ids(&ask(&bench, "reserved", json!({})).await).is_empty() && gate.asked() == 1).await;
        let reserved = ask(&bench, "reserved", json!({})).await;
        assert_eq!(ids(&reserved), [&second.id]);
        assert_eq!((&reserved[0]["time_start"], &reserved[0]["worker_pid"]), (&Value::Null, &Value::Null));
        assert_eq!(ids(&ask(&bench, "active", json!({})).await), [&first.id]);
        let found = ask(&bench, "query_task", json!({"ids": [first.id, second.id, third.id]})).await;
        assert_eq!((&found[&first.id][0], &found[&second.id][0]), (&json!("active"), &json!("reserved")));
        assert_eq!(found.as_object().unwrap().len(), 2, "the third is in the broker");
        let answer = ask(&bench, "terminate", json!({"task_id": [second.id], "signal": "KILL"})).await;
        assert_eq!(answer, json!({"ok": format!("terminate: {}", second.id)}));
        gate.open(9);
        becomes(async || gate.asked() == 2 && idle(&bench).await).await;
        let (status, message) = status(&bench, &table).await.unwrap();
        assert_eq!((status, message.as_str()), (Status::Error, "cancelled by an operator before it began (revoke)"));
        stop.await;
    })
    .await;
}

#[actix_rt::test]
async fn a_task_for_later_is_scheduled() {
    on_both_brokers(async |url| {
        let gate = Gate::start(0);
        let bench = bench_on(&url, &gate, &[]).await;
        let stop = bench.work();
        let envelope = general();
        bench.publish(&Envelope::postponed(&envelope.to_message(), Utc::now(), STEPS)).await;
        becomes(async || ask(&bench, "scheduled", json!({})).await != json!([])).await;
        let scheduled = ask(&bench, "scheduled", json!({})).await;
        let request = &scheduled[0]["request"];
        assert_eq!((&request["id"], &request["type"]), (&json!(envelope.id), &json!("qgeneral.api")));
        assert!(scheduled[0]["eta"].as_str().unwrap().ends_with("+00:00"), "{scheduled}");
        let found = ask(&bench, "query_task", json!({"ids": [envelope.id]})).await;
        assert_eq!(found[&envelope.id][0], "scheduled");
        stop.await;
        assert_eq!(bench.app.broker.depth(QUEUE).await.unwrap(), 1);
    })
    .await;
}

#[actix_rt::test]
async fn queues_are_added_and_left() {
    on_both_brokers(async |url| {
        let gate = Gate::start(0);
        let bench = bench_on(&url, &gate, &[]).await;
        let stop = bench.work();
        let names = async || {
            let queues = ask(&bench, "active_queues", json!({})).await;
            queues
                .as_array()
                .unwrap()
                .iter()
                .map(|queue| queue["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names().await, [QUEUE, "reports", "report.webhooks"]);
        assert_eq!(ask(&bench, "add_consumer", json!({"queue": "more"})).await, json!({"ok": "add consumer more"}));
        bench.app.broker.publish("more", &webhook().to_message()).await.unwrap();
        becomes(async || bench.rows().await == 1).await;
        let other = ask(&bench, "add_consumer", json!({"queue": "q", "exchange": "x"})).await;
        assert_eq!(other["error"], "ValueError('exchange: expected q, as of every queue here')");
        let left = ask(&bench, "cancel_consumer", json!({"queue": "more"})).await;
        assert_eq!(left, json!({"ok": "no longer consuming from more"}));
        assert_eq!(names().await, [QUEUE, "reports", "report.webhooks"]);
        stop.await;
    })
    .await;
}

#[actix_rt::test]
async fn tasks_begin_as_often_as_their_rate_says() {
    let gate = Gate::start(0);
    let bench = bench_on("", &gate, &[("MAESTRO_PREFETCH_MULTIPLIER", "0")]).await;
    let stop = bench.work();
    let limit =
        async |task: &str, rate: Value| ask(&bench, "rate_limit", json!({"task_name": task, "rate_limit": rate})).await;
    assert_eq!(limit("no.such", json!("1/m")).await, json!({"error": "unknown task"}));
    assert!(
        limit("webhook.api", json!("fast")).await["error"].as_str().unwrap().starts_with("Invalid rate limit string")
    );
    assert_eq!(limit("webhook.api", json!("2/h")).await, json!({"ok": "new rate limit set successfully"}));
    for _ in 0..3 {
        bench.publish(&webhook().to_message()).await;
    }
    becomes(async || bench.rows().await == 1 && ids(&ask(&bench, "reserved", json!({})).await).len() == 2).await;
    // What is not limited overtakes them.
    bench.publish(&general().to_message()).await;
    becomes(async || gate.asked() == 1).await;
    gate.open(1);
    assert_eq!(limit("webhook.api", json!(null)).await, json!({"ok": "rate limit disabled successfully"}));
    becomes(async || idle(&bench).await).await;
    stop.await;
}

#[actix_rt::test]
async fn a_report_ends_in_error_when_its_time_is_up() {
    let gate = Gate::start(0);
    let bench = bench_on("", &gate, &[]).await;
    let stop = bench.work();
    let (own, named) = (general_of(1), general_of(2));
    let mut message = own.0.to_message();
    message.headers.insert("timelimit".to_owned(), json!([0.3, null]));
    bench.publish(&message).await;
    let ended = async |table: &TableName| {
        becomes(async || status(&bench, table).await.is_some_and(|(status, _)| status == Status::Error)).await;
        status(&bench, table).await.unwrap().1
    };
    assert_eq!(ended(&own.1).await, "the task ran for longer than its time limit of 0.3 s");
    let limits = json!({"task_name": "qgeneral.api", "soft": 0.5, "hard": 9});
    assert_eq!(ask(&bench, "time_limit", limits).await, json!({"ok": "time limits set successfully"}));
    let unknown = ask(&bench, "time_limit", json!({"task_name": "x", "soft": 1})).await;
    assert_eq!(unknown, json!({"error": "unknown task"}));
    bench.publish(&named.0.to_message()).await;
    assert_eq!(ended(&named.1).await, "the task ran for longer than its time limit of 0.5 s");
    stop.await;
}

#[actix_rt::test]
async fn tasks_are_revoked_by_their_stamps() {
    let gate = Gate::start(0);
    let bench = bench_on("", &gate, &[]).await;
    let stop = bench.work();
    let stamped = |number| {
        let (envelope, table) = general_of(number);
        let mut message = envelope.to_message();
        message.headers.insert("stamped_headers".to_owned(), json!(["batch"]));
        message.headers.insert("stamps".to_owned(), json!({"batch": [format!("b{number}")]}));
        (message, table)
    };
    let ((runs, first), (waits, second)) = (stamped(1), stamped(2));
    bench.publish(&runs).await;
    becomes(async || gate.asked() == 1).await;
    bench.publish(&waits).await;
    let both = json!({"headers": ["batch=b1", "batch=b2"]});
    let answer = ask(&bench, "revoke_by_stamped_headers", both).await;
    assert!(answer["ok"].as_str().unwrap().ends_with(" flagged as revoked, but not terminated"), "{answer}");
    assert_eq!(gate.asked(), 1);
    let one = json!({"headers": {"batch": "b1"}, "terminate": true});
    assert_eq!(ask(&bench, "revoke_by_stamped_headers", one).await, json!({"ok": "headers {'batch': 'b1'} revoked"}));
    for (table, when) in [(first, "while it ran (terminate)"), (second, "before it began (revoke)")] {
        becomes(async || status(&bench, &table).await.is_some_and(|(status, _)| status == Status::Error)).await;
        assert_eq!(status(&bench, &table).await.unwrap().1, format!("cancelled by an operator {when}"));
    }
    stop.await;
}

#[actix_rt::test]
async fn what_others_know_to_be_revoked_is_learnt_at_the_start() {
    let gate = Gate::start(0);
    let bench = bench_on("", &gate, &[("MAESTRO_MINGLE", "on")]).await;
    let air = bench.app.broker.broadcast();
    let mut other = air.listen(Mailbox::Control { node: "other@host".to_owned() }).await.unwrap();
    assert!(other.is_there(PATIENCE).await);
    let envelope = general();
    bench.request(&envelope.id).await;
    bench.publish(&envelope.to_message()).await;
    let stop = bench.work();
    let Ok(Some(Heard::Note(note))) = timeout(PATIENCE, other.next()).await else { panic!("nothing is asked") };
    let asked: Value = serde_json::from_slice(&note.body).unwrap();
    assert_eq!((&asked["method"], &asked["arguments"]["revoked"]), (&json!("hello"), &json!([])));
    let key = asked["reply_to"]["routing_key"].as_str().unwrap().to_owned();
    let headers = json!({"ticket": asked["ticket"]}).as_object().unwrap().clone();
    let body = json!({"other@host": {"revoked": [envelope.id], "clock": 9}});
    air.post(vec![Post { exchange: REPLIES, key, headers, body }]).await.unwrap();
    becomes(async || bench.report().await.status == Status::Error).await;
    assert!(bench.report().await.message.starts_with("cancelled by an operator"));
    stop.await;
}
