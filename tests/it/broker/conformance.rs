//! One conformance suite for both brokers, and for RabbitMQ in the clear and over TLS.

use super::broadcast::{
    a_name_is_free_when_its_listener_has_gone, an_answer_reaches_its_asker_alone,
    events_come_in_their_order_and_only_to_who_listens, every_worker_hears_a_request,
};
use super::{PATIENCE, Place, QUEUE, consumer, depth_becomes, due_in, message, next, nothing_comes, publish, text};
use chrono::{TimeDelta, Utc};
use maestro_reports::broker::{BrokerError, Change, Consumer, Message, Outgoing};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

macro_rules! conformance {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[actix_rt::test]
            async fn $name() {
                super::$name(super::Place::embedded().unwrap()).await;
            })*
        }

        mod rabbitmq {
            $(#[actix_rt::test]
            async fn $name() {
                if let Some(place) = super::Place::rabbitmq() {
                    super::$name(place).await;
                }
            })*
        }

        mod rabbitmq_over_tls {
            $(#[actix_rt::test]
            async fn $name() {
                if let Some(place) = super::Place::rabbitmq_over_tls() {
                    super::$name(place).await;
                }
            })*
        }
    };
}

conformance! {
    messages_come_in_their_order,
    messages_outlive_the_broker_and_its_consumers,
    no_more_than_the_prefetch_is_handed_out,
    what_is_not_acknowledged_comes_again,
    a_retry_takes_the_place_of_its_delivery_at_its_time,
    a_buried_message_is_a_dead_letter_with_its_reason,
    what_follows_goes_out_with_the_settlement,
    what_is_given_back_comes_again,
    a_message_waits_for_its_eta_and_holds_up_nobody,
    many_waiting_messages_hold_up_nobody,
    two_consumers_share_a_queue,
    one_consumer_takes_from_several_queues,
    a_message_comes_as_it_was_sent,
    a_stopped_consumer_takes_nothing_more,
    a_delivery_is_settled_once,
    a_waiting_next_can_be_given_up,
    a_queue_that_is_not_there_is_empty,
    every_worker_hears_a_request,
    an_answer_reaches_its_asker_alone,
    events_come_in_their_order_and_only_to_who_listens,
    a_name_is_free_when_its_listener_has_gone,
    a_consumer_takes_more_at_a_time_and_fewer,
    a_consumer_takes_from_other_queues,
    what_waits_for_its_time_is_told,
    a_purged_queue_is_empty_but_for_what_is_held,
}

async fn a_consumer_takes_more_at_a_time_and_fewer(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a", "b", "c", "d"]).await;
    let consumer = consumer(&broker, 1).await;
    let first = next(&*consumer).await;
    consumer.change(Change::Prefetch(3)).await.unwrap();
    let rest = [next(&*consumer).await, next(&*consumer).await];
    nothing_comes(&*consumer).await;
    consumer.change(Change::Prefetch(1)).await.unwrap();
    consumer.ack(&first).await.unwrap();
    consumer.ack(&rest[0]).await.unwrap();
    nothing_comes(&*consumer).await;
    consumer.ack(&rest[1]).await.unwrap();
    assert_eq!(text(&next(&*consumer).await), "d");
}

async fn a_consumer_takes_from_other_queues(place: Place) {
    let broker = place.open().await;
    let consumer = consumer(&broker, 9).await;
    broker.declare("other").await.unwrap();
    for _ in 0..2 {
        consumer.change(Change::Add("other".to_owned())).await.unwrap();
    }
    broker.publish("other", &message("a")).await.unwrap();
    let delivery = next(&*consumer).await;
    assert_eq!((text(&delivery), delivery.queue.as_str()), ("a", "other"));
    consumer.change(Change::Remove("other".to_owned())).await.unwrap();
    broker.publish("other", &message("b")).await.unwrap();
    nothing_comes(&*consumer).await;
    consumer.ack(&delivery).await.unwrap();
    publish(&broker, &["c"]).await;
    assert_eq!(text(&next(&*consumer).await), "c");
    assert_eq!(broker.depth("other").await.unwrap(), 1);
}

async fn what_waits_for_its_time_is_told(place: Place) {
    let broker = place.open().await;
    for (name, millis) in [("last", 90_000), ("first", 60_000)] {
        broker.publish(QUEUE, &due_in(message(name), millis)).await.unwrap();
    }
    publish(&broker, &["now"]).await;
    let consumer = consumer(&broker, 1).await;
    assert_eq!(text(&next(&*consumer).await), "now");
    let started = Instant::now();
    while consumer.postponed().await.unwrap().len() < 2 {
        assert!(started.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    }
    let postponed = consumer.postponed().await.unwrap();
    let bodies: Vec<_> = postponed.iter().map(|message| message.message.body.as_slice()).collect();
    assert_eq!(bodies, [b"first".as_slice(), b"last"]);
    assert_eq!(postponed[0].queue, QUEUE);
    let left = postponed[0].due - Utc::now();
    assert!((TimeDelta::seconds(1)..TimeDelta::seconds(61)).contains(&left), "{left}");
}

async fn a_purged_queue_is_empty_but_for_what_is_held(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a", "b", "c"]).await;
    let consumer = consumer(&broker, 1).await;
    let held = next(&*consumer).await;
    depth_becomes(&broker, 2).await;
    assert_eq!(broker.purge(QUEUE).await.unwrap(), 2);
    assert_eq!(broker.purge("no such queue").await.unwrap(), 0);
    consumer.ack(&held).await.unwrap();
    nothing_comes(&*consumer).await;
}

async fn messages_come_in_their_order(place: Place) {
    let broker = place.open().await;
    let sent: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    publish(&broker, &sent.iter().map(String::as_str).collect::<Vec<_>>()).await;
    depth_becomes(&broker, 20).await;
    let consumer = consumer(&broker, 3).await;
    for expected in &sent {
        let delivery = next(&*consumer).await;
        assert_eq!((text(&delivery), delivery.redelivered, delivery.queue.as_str()), (expected.as_str(), false, QUEUE));
        consumer.ack(&delivery).await.unwrap();
    }
    depth_becomes(&broker, 0).await;
}

async fn messages_outlive_the_broker_and_its_consumers(place: Place) {
    let first = place.open().await;
    publish(&first, &["a", "b"]).await;
    let reader = consumer(&first, 1).await;
    let delivery = next(&*reader).await;
    reader.ack(&delivery).await.unwrap();
    drop((reader, first));
    let second = place.open().await;
    second.ping().await.unwrap();
    assert_eq!(text(&next(&*consumer(&second, 1).await).await), "b");
}

async fn no_more_than_the_prefetch_is_handed_out(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a", "b", "c"]).await;
    let consumer = consumer(&broker, 2).await;
    let first = next(&*consumer).await;
    next(&*consumer).await;
    nothing_comes(&*consumer).await;
    consumer.ack(&first).await.unwrap();
    assert_eq!(text(&next(&*consumer).await), "c");
}

async fn what_is_not_acknowledged_comes_again(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a", "b"]).await;
    let first = consumer(&broker, 2).await;
    let delivery = next(&*first).await;
    assert!(!delivery.redelivered);
    drop(first);
    // Given back in the background; until then the other message may come first.
    depth_becomes(&broker, 2).await;
    let second = consumer(&broker, 1).await;
    let again = next(&*second).await;
    assert_eq!((text(&again), again.redelivered), ("a", true));
    assert_eq!(again.message, delivery.message);
}

async fn a_retry_takes_the_place_of_its_delivery_at_its_time(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a"]).await;
    let consumer = consumer(&broker, 1).await;
    let delivery = next(&*consumer).await;
    let mut attempt = due_in(delivery.message.clone(), 700);
    attempt.headers.insert("retries".into(), 1.into());
    let started = Instant::now();
    consumer.retry(&delivery, &attempt).await.unwrap();
    let again = next(&*consumer).await;
    let waited = started.elapsed();
    assert!(waited > Duration::from_millis(600) && waited < Duration::from_millis(3000), "{waited:?}");
    assert_eq!((again.message.clone(), again.redelivered), (attempt, false));
    consumer.ack(&again).await.unwrap();
    nothing_comes(&*consumer).await;
    depth_becomes(&broker, 0).await;
}

async fn a_buried_message_is_a_dead_letter_with_its_reason(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a", "b"]).await;
    let consumer = consumer(&broker, 1).await;
    for reason in ["unknown task \"é\"", "why not"] {
        let delivery = next(&*consumer).await;
        consumer.bury(&delivery, reason).await.unwrap();
    }
    for _ in 0..2 {
        // Looking at them leaves them where they are.
        let letters = broker.dead_letters(QUEUE, 10).await.unwrap();
        let seen: Vec<_> = letters.iter().map(|letter| (letter.message.clone(), letter.reason.as_str())).collect();
        assert_eq!(seen, [(message("a"), "unknown task \"é\""), (message("b"), "why not")]);
        assert!((Utc::now() - letters[0].at).abs() < TimeDelta::minutes(1));
    }
    assert_eq!(broker.dead_letters(QUEUE, 1).await.unwrap().len(), 1);
    nothing_comes(&*consumer).await;
    depth_becomes(&broker, 0).await;
}

async fn what_follows_goes_out_with_the_settlement(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a", "b"]).await;
    let reader = consumer(&broker, 2).await;
    let (first, second) = (next(&*reader).await, next(&*reader).await);
    let then = |text: &str, queue: &str| vec![Outgoing::Task(queue.to_owned(), message(text))];
    reader.ack_with(&first, &then("after a", "after")).await.unwrap();
    reader.bury_with(&second, "why", &then("after b", "after")).await.unwrap();
    let after = broker.consume(&["after".to_owned()], 5).await.unwrap();
    for expected in ["after a", "after b"] {
        let delivery = next(&*after).await;
        assert_eq!(text(&delivery), expected);
        after.ack(&delivery).await.unwrap();
    }
    nothing_comes(&*after).await;
    assert_eq!(broker.dead_letters(QUEUE, 9).await.unwrap().len(), 1);
    depth_becomes(&broker, 0).await;
}

async fn what_is_given_back_comes_again(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a"]).await;
    let consumer = consumer(&broker, 1).await;
    let delivery = next(&*consumer).await;
    consumer.give_back(&delivery).await.unwrap();
    let again = next(&*consumer).await;
    assert_eq!((text(&again), again.redelivered), ("a", true));
}

async fn a_message_waits_for_its_eta_and_holds_up_nobody(place: Place) {
    let broker = place.open().await;
    let started = Instant::now();
    for (name, millis) in [("late", 1200), ("soon", 600), ("past", -5000)] {
        broker.publish(QUEUE, &due_in(message(name), millis)).await.unwrap();
    }
    publish(&broker, &["now"]).await;
    let consumer = consumer(&broker, 1).await;
    for expected in ["past", "now", "soon", "late"] {
        let delivery = next(&*consumer).await;
        assert_eq!(text(&delivery), expected);
        consumer.ack(&delivery).await.unwrap();
    }
    assert!(started.elapsed() > Duration::from_millis(1150));
}

async fn many_waiting_messages_hold_up_nobody(place: Place) {
    let broker = place.open().await;
    for number in 0..30 {
        broker.publish(QUEUE, &due_in(message(&format!("later {number}")), 60_000)).await.unwrap();
    }
    let consumer = consumer(&broker, 2).await;
    for name in ["a", "b", "c"] {
        publish(&broker, &[name]).await;
        let delivery = next(&*consumer).await;
        assert_eq!(text(&delivery), name);
        consumer.ack(&delivery).await.unwrap();
    }
    consumer.stop().await;
    depth_becomes(&broker, 30).await;
}

async fn two_consumers_share_a_queue(place: Place) {
    let broker = place.open().await;
    let (one, two) = (consumer(&broker, 1).await, consumer(&broker, 1).await);
    publish(&broker, &["a", "b"]).await;
    let (first, second) = (next(&*one).await, next(&*two).await);
    let mut both = [text(&first), text(&second)];
    both.sort_unstable();
    assert_eq!(both, ["a", "b"]);
    one.ack(&first).await.unwrap();
    nothing_comes(&*one).await;
    drop(two);
    assert_eq!(text(&next(&*one).await), text(&second));
}

async fn one_consumer_takes_from_several_queues(place: Place) {
    let broker = place.open().await;
    let consumer = broker.consume(&["report".to_owned(), "reports".to_owned()], 1).await.unwrap();
    for queue in ["reports", "report"] {
        broker.publish(queue, &message(queue)).await.unwrap();
        let delivery = next(&*consumer).await;
        assert_eq!((text(&delivery), delivery.queue.as_str()), (queue, queue));
        consumer.ack(&delivery).await.unwrap();
    }
}

async fn a_message_comes_as_it_was_sent(place: Place) {
    let broker = place.open().await;
    let consumer = consumer(&broker, 1).await;
    let headers = json!({"null": null, "int": -7, "long": 5_000_000_000_i64, "real": 1.5, "yes": true, "é": "ü\u{1F600}",
        "list": [30, null, ["a"]], "table": {"deep": {"er": [1]}}, "empty": {}, "none": [], "blank": ""});
    let plain = Message {
        headers: headers.as_object().unwrap().clone(),
        body: (0..1_000_000_u32).map(|number| number as u8).collect(),
        content_type: "application/json".into(),
        content_encoding: "utf-8".into(),
        correlation_id: Some("73aead8f".into()),
        reply_to: Some("41c2efc8".into()),
        priority: 4,
    };
    let bare = Message { body: Vec::new(), headers: Default::default(), priority: 0, ..message("bare") };
    for sent in [plain, bare] {
        broker.publish(QUEUE, &sent).await.unwrap();
        let delivery = next(&*consumer).await;
        assert_eq!(delivery.message.headers, sent.headers);
        assert!(delivery.message == sent, "properties or body differ");
        consumer.ack(&delivery).await.unwrap();
    }
}

async fn a_stopped_consumer_takes_nothing_more(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a", "b", "c"]).await;
    let consumer: Arc<dyn Consumer> = consumer(&broker, 3).await.into();
    let held = next(&*consumer).await;
    consumer.stop().await;
    assert!(timeout(PATIENCE, consumer.next()).await.unwrap().is_none());
    depth_becomes(&broker, 2).await;
    consumer.ack(&held).await.unwrap();
    drop(consumer);
    depth_becomes(&broker, 2).await;

    let waiting: Arc<dyn Consumer> = broker.consume(&["other".to_owned()], 1).await.unwrap().into();
    let next = actix_rt::spawn({
        let waiting = Arc::clone(&waiting);
        async move { waiting.next().await }
    });
    sleep(Duration::from_millis(100)).await;
    waiting.stop().await;
    assert!(timeout(PATIENCE, next).await.unwrap().unwrap().is_none());
}

async fn a_delivery_is_settled_once(place: Place) {
    let broker = place.open().await;
    publish(&broker, &["a"]).await;
    let consumer = consumer(&broker, 1).await;
    let delivery = next(&*consumer).await;
    consumer.ack(&delivery).await.unwrap();
    assert!(matches!(consumer.ack(&delivery).await, Err(BrokerError::Stale)));
    assert!(matches!(consumer.give_back(&delivery).await, Err(BrokerError::Stale)));
}

async fn a_waiting_next_can_be_given_up(place: Place) {
    let broker = place.open().await;
    let consumer = consumer(&broker, 1).await;
    for number in 0..20 {
        let name = number.to_string();
        publish(&broker, &[&name]).await;
        let mut delivery = None;
        while delivery.is_none() {
            delivery = timeout(Duration::from_micros(300), consumer.next()).await.ok().flatten();
        }
        let delivery = delivery.unwrap();
        assert_eq!(text(&delivery), name);
        consumer.ack(&delivery).await.unwrap();
    }
}

async fn a_queue_that_is_not_there_is_empty(place: Place) {
    let broker = place.open().await;
    assert_eq!(broker.depth("nowhere").await.unwrap(), 0);
    assert!(broker.dead_letters("nowhere", 5).await.unwrap().is_empty());
}
