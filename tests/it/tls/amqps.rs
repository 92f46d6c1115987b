//! RabbitMQ at an `amqps://` address. (What a broker does is shown over TLS too, in `broker/conformance.rs`.)

use crate::support::rabbit;
use crate::support::tls::{Authority, TlsProxy};
use futures_util::future::try_join_all;
use maestro_reports::broker::{self, Broker, BrokerError, Message};
use maestro_reports::config;
use maestro_reports::tls;
use std::error::Error;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const QUEUE: &str = "report";
const PATIENCE: Duration = Duration::from_secs(60);

async fn open(url: &str, ca_file: Option<&Path>) -> Arc<dyn Broker> {
    let get = |name: &str| match name {
        "CELERY_BROKER_URL" => Some(url.to_owned()),
        _ => None,
    };
    broker::open(&config::load(&get, None, &[]).unwrap(), &tls::client(ca_file).unwrap()).await.unwrap()
}

/// A message whose body is larger than a record of TLS and the buffers of the sockets.
fn large(seed: u32) -> Message {
    let body = (0..6_000_000).map(|at: u32| (at.wrapping_mul(seed) >> 7) as u8).collect();
    Message { body, content_type: "application/json".into(), content_encoding: "utf-8".into(), ..Message::default() }
}

fn full(error: &BrokerError) -> String {
    format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
}

#[actix_rt::test]
async fn messages_larger_than_every_buffer_go_both_ways() {
    let Some((url, ca_file)) = rabbit::tls_url() else { return };
    let broker = open(&url, Some(&ca_file)).await;
    let sent: Vec<_> = (1..=6).map(large).collect();
    let consumer = broker.consume(&[QUEUE.to_owned()], 3).await.unwrap();
    try_join_all(sent.iter().map(|message| broker.publish(QUEUE, message))).await.unwrap();
    for message in &sent {
        let delivery = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
        assert!(delivery.message.body == message.body, "another body has arrived");
        consumer.ack(&delivery).await.unwrap();
    }
}

#[actix_rt::test]
async fn a_connection_that_was_closed_is_made_again() {
    let Some((url, ca_file)) = rabbit::tls_url() else { return };
    let broker = open(&url, Some(&ca_file)).await;
    let consumer = broker.consume(&[QUEUE.to_owned()], 1).await.unwrap();
    for seed in 1..=2 {
        broker.publish(QUEUE, &large(seed)).await.unwrap();
        let delivery = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
        consumer.ack(&delivery).await.unwrap();
        rabbit::ctl(&["close_all_connections", "--vhost", rabbit::vhost(&url), "a test"]);
    }
}

#[actix_rt::test]
async fn a_server_that_is_not_trusted_is_not_used_and_the_reason_is_told() {
    let (Some((url, ca_file)), Some(plain)) = (rabbit::tls_url(), rabbit::url()) else { return };
    let authority = Authority::new();
    let server = plain.split('@').nth(1).and_then(|rest| rest.split('/').next()).unwrap().parse().unwrap();
    let expired = TlsProxy::start(&authority.issue_expired("localhost"), server);
    let expired_url = format!("amqps://guest:hidden@localhost:{}//", expired.port);
    let other_name = url.replace("guest@localhost", "hidden@127.0.0.1");
    let cases = [
        (url.replace("guest@", "hidden@"), authority.file(), "issued by an unknown authority (MAESTRO_CA_FILE"),
        (other_name, ca_file, "is for localhost and not for 127.0.0.1"),
        (expired_url, authority.file(), "expired on 2020-12-31"),
        (plain.replace("amqp://guest:guest", "amqps://guest:hidden"), authority.file(), "does not speak TLS"),
    ];
    for (url, ca_file, why) in cases {
        let broker = open(&url, Some(&ca_file)).await;
        for error in [broker.ping().await.unwrap_err(), broker.publish(QUEUE, &large(1)).await.unwrap_err()] {
            assert!(matches!(error, BrokerError::Unavailable { .. }), "{error:?}");
            assert!(full(&error).contains(why), "{}", full(&error));
            assert!(!format!("{error:?} {}", broker.describe()).contains("hidden"), "{error:?}");
        }
    }
}

#[actix_rt::test]
async fn nothing_but_a_handshake_leaves_before_the_server_is_trusted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut bytes = vec![0; 16 * 1024];
        let read = client.read(&mut bytes).unwrap();
        bytes.truncate(read);
        bytes
    });
    let broker = open(&format!("amqps://visible-user:visible-password@localhost:{port}/visible-host"), None).await;
    let error = broker.ping().await.unwrap_err();
    assert!(full(&error).contains("closed the connection in the TLS handshake"), "{}", full(&error));
    let seen = seen.join().unwrap();
    // A record of the handshake, as TLS numbers them.
    assert_eq!(seen[0], 22);
    let text = String::from_utf8_lossy(&seen);
    assert!(!text.contains("AMQP") && !text.contains("visible"), "{text}");
}
