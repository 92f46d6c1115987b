//! What is special about RabbitMQ: what Celery declares, addresses, connections that are lost.

use super::{PATIENCE, Place, QUEUE, consumer, message, next, nothing_comes, publish, text};
use crate::support::rabbit;
use amiquip::{AmqpProperties, AmqpValue, Connection, ExchangeDeclareOptions, ExchangeType, FieldTable, Publish};
use amiquip::{QueueDeclareOptions, Result as AmqpResult};
use maestro_reports::broker::{BrokerError, CONTROL, Change, Heard, Letters, Mailbox, Message, Post};
use maestro_reports::task::{Envelope, Task};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// What Celery's own worker and producer declare (celery.md §1).
fn declare_as_celery(url: &str, queue: &str) -> AmqpResult<()> {
    let mut connection = Connection::insecure_open(url)?;
    let channel = connection.open_channel(None)?;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(ExchangeType::Direct, queue, durable)?;
    channel.queue_declare(queue, QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() })?;
    channel.queue_bind(queue, queue, queue, FieldTable::new())?;
    channel.close()?;
    connection.close()
}

#[actix_rt::test]
async fn celery_may_declare_our_queues_again_and_before_us() {
    let Some(url) = rabbit::url() else { return };
    let broker = Place::new(Some(url.clone())).open().await;
    declare_as_celery(&url, "theirs").unwrap();
    broker.publish("theirs", &message("a")).await.unwrap();
    broker.publish("ours", &message("a")).await.unwrap();
    let _consumer = broker.consume(&["taken".to_owned()], 1).await.unwrap();
    for queue in ["ours", "taken"] {
        declare_as_celery(&url, queue).unwrap();
    }
}

#[actix_rt::test]
async fn a_queue_declared_otherwise_is_refused_and_others_go_on() {
    let Some(url) = rabbit::url() else { return };
    let mut connection = Connection::insecure_open(&url).unwrap();
    let channel = connection.open_channel(None).unwrap();
    channel.queue_declare("transient", QueueDeclareOptions::default()).unwrap();
    let broker = Place::new(Some(url)).open().await;
    let refused = broker.publish("transient", &message("a")).await.unwrap_err();
    assert!(matches!(refused, BrokerError::Refused { .. }), "{refused:?}");
    publish(&broker, &["b"]).await;
    assert!(matches!(broker.consume(&["transient".to_owned()], 1).await, Err(BrokerError::Refused { .. })));
}

#[actix_rt::test]
async fn an_answer_reaches_its_callers_queue_and_declares_nothing() {
    let Some(url) = rabbit::url() else { return };
    let mut connection = Connection::insecure_open(&url).unwrap();
    let channel = connection.open_channel(None).unwrap();
    // As Celery's rpc:// has it: another declaration would be refused.
    let callers = QueueDeclareOptions { auto_delete: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("caller", callers).unwrap();
    let broker = Place::new(Some(url)).open().await;
    broker.answer("gone", &message("lost")).await.unwrap();
    broker.answer("caller", &message("a")).await.unwrap();
    let got = channel.basic_get("caller", true).unwrap().unwrap().delivery;
    assert_eq!((got.body.as_slice(), got.properties.delivery_mode()), (&b"a"[..], &Some(1)));
    assert_eq!(got.properties.correlation_id().as_deref(), Some("a"));
    assert!(channel.queue_declare_passive("gone").is_err(), "it was not declared");
}

#[actix_rt::test]
async fn queues_have_priorities_where_they_are_wanted() {
    let Some(url) = rabbit::url() else { return };
    let mut place = Place::new(Some(url.clone()));
    place.config.broker.max_priority = Some(9);
    let broker = place.open().await;
    for (text, priority) in [("low", 1), ("high", 9), ("middle", 5)] {
        broker.publish(QUEUE, &Message { priority, ..message(text) }).await.unwrap();
    }
    let reader = consumer(&broker, 1).await;
    for expected in ["high", "middle", "low"] {
        let delivery = next(&*reader).await;
        assert_eq!(text(&delivery), expected);
        reader.bury(&delivery, "why").await.unwrap();
    }
    assert_eq!(broker.resend(QUEUE, &Letters::All).await.unwrap(), 3);
    assert_eq!(text(&next(&*reader).await), "high");
    // The dead letters' queue is as it would be without.
    let plain = Place::new(Some(url)).open().await;
    plain.declare(&format!("{QUEUE}.dead")).await.unwrap();
    assert!(matches!(plain.declare(QUEUE).await, Err(BrokerError::Refused { .. })));
}

#[actix_rt::test]
async fn a_message_that_python_sent_is_understood() {
    let Some(url) = rabbit::url() else { return };
    let broker = Place::new(Some(url.clone())).open().await;
    let consumer = broker.consume(&["reports".to_owned()], 1).await.unwrap();
    let captured: Value =
        serde_json::from_str(include_str!("../../fixtures/celery/task.jsonl").lines().next().unwrap()).unwrap();
    let sent = &captured["properties"];
    let text = |name: &str| sent[name].as_str().unwrap().to_owned();
    let AmqpValue::FieldTable(mut headers) = AmqpValue::from(&sent["headers"]) else { panic!() };
    headers.insert("retries".into(), AmqpValue::LongInt(0));
    let properties = AmqpProperties::default()
        .with_content_type(text("content_type"))
        .with_content_encoding(text("content_encoding"))
        .with_correlation_id(text("correlation_id"))
        .with_reply_to(text("reply_to"))
        .with_delivery_mode(2)
        .with_priority(0)
        .with_headers(headers);
    // As json.dumps writes it, with \u escapes and blanks.
    let body = br#"[["5c0000000000000000000002", "5c0000000000000000000001", "Servers", {"name": "\u00e9"}], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]"#;
    let mut connection = Connection::insecure_open(&url).unwrap();
    let channel = connection.open_channel(None).unwrap();
    channel.basic_publish("", Publish::with_properties(body, "reports", properties)).unwrap();

    let delivery = next(&*consumer).await;
    assert_eq!(delivery.message.headers, *sent["headers"].as_object().unwrap());
    assert_eq!(delivery.message.reply_to.as_deref(), sent["reply_to"].as_str());
    let envelope = Envelope::from_message(&delivery.message).unwrap();
    assert_eq!(envelope.id, text("correlation_id"));
    assert!(matches!(envelope.task, Task::General { query, .. } if query["name"] == "é"));
}

#[actix_rt::test]
async fn a_lost_connection_is_made_again() {
    let Some(url) = rabbit::url() else { return };
    let broker = Place::new(Some(url.clone())).open().await;
    publish(&broker, &["a"]).await;
    let consumer = consumer(&broker, 1).await;
    let delivery = next(&*consumer).await;
    broker.declare("other").await.unwrap();
    consumer.change(Change::Add("other".to_owned())).await.unwrap();
    rabbit::ctl(&["close_all_connections", "--vhost", rabbit::vhost(&url), "a test"]);
    let again = next(&*consumer).await;
    assert_eq!((text(&again), again.redelivered), ("a", true));
    assert!(matches!(consumer.ack(&delivery).await, Err(BrokerError::Stale)));
    assert!(matches!(consumer.bury(&delivery, "stale").await, Err(BrokerError::Stale)));
    consumer.ack(&again).await.unwrap();
    publish(&broker, &["b"]).await;
    let delivery = next(&*consumer).await;
    assert_eq!(text(&delivery), "b");
    consumer.ack(&delivery).await.unwrap();
    broker.publish("other", &message("c")).await.unwrap();
    assert_eq!(text(&next(&*consumer).await), "c");
    assert!(broker.dead_letters(QUEUE, 5).await.unwrap().is_empty());
}

#[actix_rt::test]
async fn whoever_listens_hears_again_after_a_lost_connection() {
    let Some(url) = rabbit::url() else { return };
    let broker = Place::new(Some(url.clone())).open().await;
    let mut listener = broker.broadcast().listen(Mailbox::Control { node: "w1@vm".to_owned() }).await.unwrap();
    assert!(listener.is_there(PATIENCE).await);
    let post =
        |text: &str| Post { exchange: CONTROL, key: String::new(), headers: Default::default(), body: json!(text) };
    for text in ["before", "after"] {
        broker.broadcast().post(vec![post(text)]).await.unwrap();
        let Some(Heard::Note(note)) = timeout(PATIENCE, listener.next()).await.unwrap() else {
            panic!("nothing is heard")
        };
        assert_eq!(note.body, json!(text).to_string().into_bytes());
        rabbit::ctl(&["close_all_connections", "--vhost", rabbit::vhost(&url), "a test"]);
        assert!(listener.is_there(PATIENCE).await);
    }
}

#[actix_rt::test]
async fn wrong_credentials_are_refused_without_being_told() {
    let Some(url) = rabbit::url() else { return };
    let broker = Place::new(Some(url.replace("guest:guest", "guest:hidden"))).open().await;
    let refused = [
        broker.ping().await.unwrap_err(),
        broker.publish(QUEUE, &message("a")).await.unwrap_err(),
        broker.consume(&[QUEUE.to_owned()], 1).await.err().unwrap(),
    ];
    for error in refused {
        assert!(matches!(error, BrokerError::Refused { .. }), "{error:?}");
        assert!(!format!("{error:?} {error} {}", broker.describe()).contains("hidden"));
    }
}

#[actix_rt::test]
async fn a_rabbitmq_that_is_not_there_is_waited_for() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let broker = Place::new(Some(format!("amqp://guest:hidden@{closed}//"))).open().await;
    for error in [broker.ping().await.unwrap_err(), broker.publish(QUEUE, &message("a")).await.unwrap_err()] {
        assert!(matches!(error, BrokerError::Unavailable { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("hidden"));
    }
    let consumer = consumer(&broker, 1).await;
    nothing_comes(&*consumer).await;
    timeout(Duration::from_secs(5), consumer.stop()).await.unwrap();
}
