//! What can happen to RabbitMQ while it is used: nothing is lost, and nobody waits for ever.

use super::{PATIENCE, Place, QUEUE, consumer, message, next, text};
use crate::support::fleet::{OWNER, token};
use crate::support::http;
use crate::support::program::Program;
use crate::support::rabbit::{self, Rabbit};
use amiquip::{Connection, QueueDeleteOptions};
use maestro_reports::broker::BrokerError;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

#[actix_rt::test]
async fn a_deleted_queue_is_taken_from_again_and_other_deliveries_stay_in_hand() {
    let Some(url) = rabbit::url() else { return };
    let broker = Place::new(Some(url.clone())).open().await;
    let consumer = broker.consume(&["deleted".to_owned(), "kept".to_owned()], 4).await.unwrap();
    for queue in ["kept", "deleted"] {
        broker.publish(queue, &message(queue)).await.unwrap();
    }
    let (first, second) = (next(&*consumer).await, next(&*consumer).await);
    let mut connection = Connection::insecure_open(&url).unwrap();
    let channel = connection.open_channel(None).unwrap();
    channel.queue_delete("deleted", QueueDeleteOptions::default()).unwrap();
    broker.publish("deleted", &message("after")).await.unwrap();
    let third = next(&*consumer).await;
    assert_eq!((text(&third), third.redelivered, third.tag.session), ("after", false, first.tag.session));
    for delivery in [first, second, third] {
        consumer.ack(&delivery).await.unwrap();
    }
    assert_eq!(broker.depth("kept").await.unwrap(), 0);
}

#[actix_rt::test]
async fn a_silent_server_is_left_after_two_heartbeats() {
    let Some(rabbit) = Rabbit::start() else { return };
    let broker = Place::new(Some(format!("{}?heartbeat=1", rabbit.url("t0")))).open().await;
    let consumer = consumer(&broker, 1).await;
    broker.publish(QUEUE, &message("a")).await.unwrap();
    let held = next(&*consumer).await;
    rabbit.signal("-STOP");
    // An answer would be waited for without end; the connection is given up instead.
    let settled = consumer.give_back(&held).await;
    assert!(matches!(settled, Err(BrokerError::Stale)), "{settled:?}");
    rabbit.signal("-CONT");
    let again = next(&*consumer).await;
    assert_eq!((text(&again), again.redelivered), ("a", true));
    consumer.ack(&again).await.unwrap();
}

#[actix_rt::test]
async fn a_server_short_of_memory_is_waited_for_with_a_limit_and_told_of() {
    let Some(rabbit) = Rabbit::start() else { return };
    let url = rabbit.url("t0");
    let broker = Place::new(Some(url.clone())).open().await;
    broker.publish(QUEUE, &message("before")).await.unwrap();
    rabbit.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    for text in ["sent before the alarm was known", "never sent"] {
        let error = broker.publish(QUEUE, &message(text)).await.unwrap_err();
        assert_eq!(error.to_string(), "the broker takes no messages for now: low on memory", "{error:?}");
    }
    serve_says_when_to_come_again(&url);
    // Looking and taking go on over connections of their own.
    let consumer = consumer(&broker, 9).await;
    assert_eq!(text(&next(&*consumer).await), "before");
    rabbit.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    broker.publish(QUEUE, &message("after")).await.unwrap();
    let mut texts = vec![text(&next(&*consumer).await).to_owned()];
    while texts.last().is_some_and(|text| text != "after") {
        texts.push(text(&next(&*consumer).await).to_owned());
    }
    assert!(!texts.iter().any(|text| text == "never sent"), "{texts:?}");
}

fn serve_says_when_to_come_again(broker_url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().display().to_string();
    let serve = Program::listening(&["serve"], &[("CELERY_BROKER_URL", broker_url), ("MAESTRO_DATA_DIR", &data_dir)]);
    let report = "5c0000000000000000000009";
    let body = json!({"report_id": report, "owner_user": OWNER, "component": "Servers", "filters": "[]"});
    let authorization = token();
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    let url = format!("{}/reports/general", serve.url());
    let answer = http::send("POST", &url, &headers, body.to_string().as_bytes());
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(answer.json()["error"]["msg"], "the broker takes no messages for now; try again later");
}

#[actix_rt::test]
async fn what_was_confirmed_outlives_a_crash_in_the_middle_of_publishing() {
    let Some(rabbit) = Rabbit::start() else { return };
    let (url, ca_file) = rabbit.tls_url("t0");
    let broker = Place::trusting(Some(url), Some(&ca_file)).open().await;
    let consumer = consumer(&broker, 500).await;
    let publishing = actix_rt::spawn({
        let broker = Arc::clone(&broker);
        async move {
            for number in 0..400 {
                while broker.publish(QUEUE, &message(&number.to_string())).await.is_err() {
                    sleep(Duration::from_millis(200)).await;
                }
            }
        }
    });
    let mut seen = BTreeSet::new();
    while seen.len() < 100 {
        // Not acknowledged, so that it must come again.
        seen.insert(text(&next(&*consumer).await).to_owned());
    }
    seen.clear();
    let _rabbit = actix_rt::task::spawn_blocking(move || {
        rabbit.end("-KILL");
        rabbit.start_again();
        rabbit
    })
    .await
    .unwrap();
    timeout(PATIENCE, publishing).await.unwrap().unwrap();
    while seen.len() < 400 {
        let delivery = next(&*consumer).await;
        if consumer.ack(&delivery).await.is_ok() {
            seen.insert(text(&delivery).to_owned());
        }
    }
}
