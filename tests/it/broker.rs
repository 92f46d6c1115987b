//! Both brokers by one conformance suite, and what is special about RabbitMQ.

mod accidents;
mod broadcast;
mod conformance;
mod rabbitmq;

use crate::support::rabbit;
use chrono::{TimeDelta, Utc};
use maestro_reports::broker::{self, Broker, Consumer, Delivery, Message};
use maestro_reports::config::{self, Config};
use maestro_reports::tls;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const QUEUE: &str = "report";
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a broker keeps its messages: they outlive the `Broker`.
struct Place {
    config: Config,
    _folder: TempDir,
}

impl Place {
    fn embedded() -> Option<Self> {
        Some(Self::new(None))
    }

    fn rabbitmq() -> Option<Self> {
        rabbit::url().map(|url| Self::new(Some(url)))
    }

    fn rabbitmq_over_tls() -> Option<Self> {
        rabbit::tls_url().map(|(url, ca_file)| Self::trusting(Some(url), Some(&ca_file)))
    }

    fn new(url: Option<String>) -> Self {
        Self::trusting(url, None)
    }

    fn trusting(url: Option<String>, ca_file: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let get = |name: &str| match name {
            "MAESTRO_DATA_DIR" => Some(folder.path().display().to_string()),
            "CELERY_BROKER_URL" => url.clone(),
            "MAESTRO_CA_FILE" => ca_file.map(|file| file.display().to_string()),
            _ => None,
        };
        Self { config: config::load(&get, None, &[]).unwrap(), _folder: folder }
    }

    async fn open(&self) -> Arc<dyn Broker> {
        broker::open(&self.config, &tls::client(self.config.tls.ca_file.as_deref()).unwrap()).await.unwrap()
    }
}

fn message(text: &str) -> Message {
    let headers = json!({"id": text, "task": "x", "retries": 0});
    Message {
        headers: headers.as_object().unwrap().clone(),
        body: text.as_bytes().to_vec(),
        content_type: "application/json".into(),
        content_encoding: "utf-8".into(),
        correlation_id: Some(text.into()),
        reply_to: None,
        priority: 0,
    }
}

fn due_in(mut message: Message, millis: i64) -> Message {
    let eta = Utc::now() + TimeDelta::milliseconds(millis);
    message.headers.insert("eta".into(), eta.to_rfc3339().into());
    message
}

async fn publish(broker: &Arc<dyn Broker>, texts: &[&str]) {
    for text in texts {
        broker.publish(QUEUE, &message(text)).await.unwrap();
    }
}

async fn consumer(broker: &Arc<dyn Broker>, prefetch: u16) -> Box<dyn Consumer> {
    broker.consume(&[QUEUE.to_owned()], prefetch).await.unwrap()
}

async fn next(consumer: &dyn Consumer) -> Delivery {
    timeout(PATIENCE, consumer.next()).await.expect("a delivery in time").expect("a consumer that goes on")
}

async fn nothing_comes(consumer: &dyn Consumer) {
    let got = timeout(Duration::from_millis(400), consumer.next()).await;
    assert!(got.is_err(), "{got:?}");
}

fn text(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.message.body).unwrap()
}

async fn depth_becomes(broker: &Arc<dyn Broker>, expected: u64) {
    let started = Instant::now();
    loop {
        let depth = broker.depth(QUEUE).await.unwrap();
        if depth == expected {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{depth} messages instead of {expected}");
        sleep(Duration::from_millis(30)).await;
    }
}
