//! Dead letters on both brokers, by the built program: listed, sent again, dropped.

use crate::support::program::Program;
use maestro_reports::broker::{self, Broker, Letters, Message};
use maestro_reports::config;
use maestro_reports::task::{Envelope, Task};
use maestro_reports::tls;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

const QUEUE: &str = "report";
const REPORT: &str = "5c0000000000000000000001";
const PATIENCE: Duration = Duration::from_secs(20);

/// A broker and the program's settings to reach it.
struct Place {
    broker: Arc<dyn Broker>,
    env: Vec<(&'static str, String)>,
    _folder: TempDir,
}

impl Place {
    async fn new(url: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut env = vec![("MAESTRO_DATA_DIR", folder.path().display().to_string())];
        env.extend(url.map(|url| ("CELERY_BROKER_URL", url)));
        let get = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let broker = broker::open(&config::load(&get, None, &[]).unwrap(), &tls::client(None).unwrap()).await.unwrap();
        Self { broker, env, _folder: folder }
    }

    /// Exit code, standard output, standard error of `maestro-reports dead-letters <args>`.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let args: Vec<&str> = std::iter::once("dead-letters").chain(args.iter().copied()).collect();
        let env: Vec<(&str, &str)> = self.env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let output = Program::output(&args, &env);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    async fn bury(&self, message: &Message, reason: &str) {
        self.broker.publish(QUEUE, message).await.unwrap();
        let consumer = self.broker.consume(&[QUEUE.to_owned()], 1).await.unwrap();
        let delivery = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
        consumer.bury(&delivery, reason).await.unwrap();
        consumer.stop().await;
    }

    /// Takes the next message of the queue for good.
    async fn next(&self) -> Message {
        let consumer = self.broker.consume(&[QUEUE.to_owned()], 1).await.unwrap();
        let delivery = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
        consumer.ack(&delivery).await.unwrap();
        consumer.stop().await;
        delivery.message
    }
}

fn general() -> Envelope {
    Envelope::new(Task::General {
        owner: REPORT.parse().unwrap(),
        report: REPORT.parse().unwrap(),
        component: "Servers".parse().unwrap(),
        query: Default::default(),
        residual: None,
    })
}

/// A message of a third attempt, with what other programs have put into its headers.
fn tried_twice(envelope: &Envelope) -> Message {
    let mut message = envelope.to_message();
    let headers = [("retries", json!(2)), ("eta", json!("2026-11-23T19:25:10+00:00")), ("theirs", json!({"a": 1}))];
    message.headers.extend(headers.map(|(name, value)| (name.to_owned(), value)));
    message
}

async fn letters_are_listed_sent_again_and_dropped(place: Place) {
    let (first, second) = (general(), general());
    place.bury(&tried_twice(&first), "the Data API was\u{1b}[2J silent").await;
    place.bury(&tried_twice(&second), "no reason").await;
    let nameless = Message { content_type: "application/json".into(), body: b"{".to_vec(), ..Message::default() };
    place.bury(&nameless, "header task: expected the name of a task").await;

    let (code, listed, _) = place.run(&["list"]);
    assert_eq!(code, 0);
    let lines: Vec<&str> = listed.lines().collect();
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(fields(lines[0]), ["when", "queue", "task", "id", "report", "endpoint", "reason"]);
    assert_eq!(fields(lines[1])[1..7], [QUEUE, "qgeneral.api", &first.id, REPORT, "-", "the"], "{listed}");
    assert_eq!(fields(lines[3])[1..7], [QUEUE, "-", "-", "-", "-", "header"], "{listed}");
    assert!(lines.len() == 4 && !listed.contains('\u{1b}'), "{listed}");
    assert_eq!(place.run(&["list", "--limit", "1"]).1.lines().count(), 2);

    assert_eq!(place.run(&["resend", &first.id]).1, "sent again: 1 dead letter of report, reports, report.webhooks\n");
    let mut expected = tried_twice(&first);
    expected.headers.insert("retries".into(), 0.into());
    expected.headers.insert("eta".into(), Value::Null);
    assert_eq!(place.next().await, expected);
    let (code, _, stderr) = place.run(&["resend", &first.id]);
    assert!(
        code == 1 && stderr.contains("no dead letter of report, reports, report.webhooks has such a task id"),
        "{stderr}"
    );

    assert_eq!(place.run(&["drop", "-q", QUEUE, &second.id, "no-such-id"]).1, "dropped: 1 dead letter of report\n");
    assert_eq!(place.run(&["resend", "--all"]).1, "sent again: 1 dead letter of report, reports, report.webhooks\n");
    assert_eq!(place.next().await, nameless);
    assert_eq!(place.run(&["list"]).1, "no dead letters of report, reports, report.webhooks\n");
    assert_eq!(place.run(&["drop", "--all", "-q", "nowhere"]).1, "dropped: 0 dead letters of nowhere\n");
    assert_eq!(place.broker.depth(QUEUE).await.unwrap(), 0);
    assert_eq!(place.run(&["resend"]).0, 2, "which ones must be said");
}

/// What a worker does with a task that fails at once.
async fn a_letter_that_comes_back_does_not_go_round(place: Place) {
    for _ in 0..5 {
        place.bury(&general().to_message(), "first").await;
    }
    let consumer = place.broker.consume(&[QUEUE.to_owned()], 1).await.unwrap();
    let bury = async {
        for _ in 0..5 {
            let delivery = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
            consumer.bury(&delivery, "second").await.unwrap();
        }
    };
    let (sent, ()) = futures_util::join!(place.broker.resend(QUEUE, &Letters::All), bury);
    assert_eq!(sent.unwrap(), 5);
    let letters = place.broker.dead_letters(QUEUE, 10).await.unwrap();
    assert!(letters.len() == 5 && letters.iter().all(|letter| letter.reason == "second"), "{letters:?}");
}

macro_rules! on_both_brokers {
    ($($rule:ident),+ $(,)?) => {
        mod embedded {
            $(#[actix_rt::test]
            async fn $rule() {
                super::$rule(super::Place::new(None).await).await;
            })+
        }
        mod rabbitmq {
            $(#[actix_rt::test]
            async fn $rule() {
                if let Some(url) = crate::support::rabbit::url() {
                    super::$rule(super::Place::new(Some(url)).await).await;
                }
            })+
        }
    };
}
on_both_brokers!(letters_are_listed_sent_again_and_dropped, a_letter_that_comes_back_does_not_go_round);
