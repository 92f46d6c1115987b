//! The worker on the embedded queue and store, and the built program under signals on both brokers.

mod control;
mod follow;
mod options;
mod runs;
mod steer;

use crate::support::program::Program;
use crate::support::rabbit;
use chrono::{TimeDelta, Utc};
use maestro_reports::app::App;
use maestro_reports::broker::{self, Message};
use maestro_reports::config;
use maestro_reports::domain::{NewReport, Report, ReportType, Status, TableName};
use maestro_reports::task::{Envelope, Task};
use maestro_reports::tls;
use maestro_reports::worker;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

const QUEUE: &str = "report";
const REPORT: &str = "5c0000000000000000000001";
const OWNER: &str = "5c0000000000000000000002";
const PATIENCE: Duration = Duration::from_secs(20);

/// A worker in this process, and what it works with.
struct Bench {
    app: App,
    _folder: TempDir,
}

impl Bench {
    /// Settings beside those of an embedded worker whose peers are not there.
    async fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let get = |name: &str| {
            let given = settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| match name {
                "MAESTRO_DATA_DIR" => Some(folder.path().display().to_string()),
                "MAESTRO_DATA_URI" => Some(format!("http://{closed}")),
                "MAESTRO_AUDIT_URI" | "MAESTRO_WEBSOCKET_URI" => Some(String::new()),
                "MAESTRO_MINGLE" => Some("off".to_owned()),
                "MAESTRO_NOTICE_RETRIES" => Some("0".to_owned()),
                _ => None,
            })
        };
        let mut config = config::load(&get, None, &[]).unwrap();
        config.worker.retry_pause = Duration::from_millis(50);
        let app = App::open_migrated(config).await.unwrap();
        Self { app, _folder: folder }
    }

    /// Runs a worker until `done` says so, then stops it; fails where either takes too long.
    async fn work_until(&self, done: impl AsyncFn() -> bool) {
        let stop = self.work();
        becomes(done).await;
        stop.await;
    }

    /// Runs a worker until the future that comes back is awaited.
    fn work(&self) -> impl Future<Output = ()> + use<> {
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = actix_rt::spawn(worker::work_until(self.app.clone(), async {
            stopped.await.ok();
        }));
        async {
            stop.send(()).unwrap();
            timeout(PATIENCE, worker).await.expect("an end in time").unwrap().unwrap();
        }
    }

    async fn publish(&self, message: &Message) {
        self.app.broker.publish(QUEUE, message).await.unwrap();
    }

    /// Records a general report as requested by this task.
    async fn request(&self, task_id: &str) {
        let report = NewReport {
            table: table(),
            name: String::new(),
            component: "Servers".to_owned(),
            filters: json!([]),
            owner: OWNER.parse().unwrap(),
            task_id: task_id.to_owned(),
        };
        self.app.store.as_ref().unwrap().request(&report, Utc::now()).await.unwrap();
    }

    async fn report(&self) -> Report {
        self.app.store.as_ref().unwrap().report(&table()).await.unwrap().unwrap()
    }

    async fn rows(&self) -> u64 {
        self.app.store.as_ref().unwrap().count(&table(), &bson::doc! {}).await.unwrap().unwrap_or(0)
    }

    /// Names, reasons and retries of the dead letters.
    async fn dead(&self) -> Vec<(String, String, u64)> {
        let letters = self.app.broker.dead_letters(QUEUE, 100).await.unwrap();
        let of = |message: &Message| {
            (message.headers["task"].as_str().unwrap().to_owned(), message.headers["retries"].as_u64().unwrap())
        };
        letters
            .into_iter()
            .map(|letter| {
                let (name, retries) = of(&letter.message);
                (name, letter.reason, retries)
            })
            .collect()
    }
}

/// Waits until `done` says so; fails where that takes too long.
async fn becomes(done: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !done().await {
        assert!(started.elapsed() < PATIENCE, "the worker does not get there");
        sleep(Duration::from_millis(20)).await;
    }
}

fn table() -> TableName {
    TableName::new(REPORT.parse().unwrap(), ReportType::General)
}

fn general() -> Envelope {
    Envelope::new(Task::General {
        owner: OWNER.parse().unwrap(),
        report: REPORT.parse().unwrap(),
        component: "Servers".parse().unwrap(),
        query: Default::default(),
        residual: None,
    })
}

/// A task that ends well without any peer.
fn webhook() -> Envelope {
    Envelope::new(Task::Webhook { table: table(), rows: vec![bson::rawdoc! {"_id": OWNER, "name": "a"}.into()] })
}

fn with_body(envelope: &Envelope, args: Value) -> Message {
    Message { body: json!([args, {}, {}]).to_string().into_bytes(), ..envelope.to_message() }
}

#[actix_rt::test]
async fn poison_goes_to_the_dead_letters_and_the_next_task_is_worked() {
    let bench = Bench::new(&[]).await;
    let mut unknown = webhook().to_message();
    unknown.headers.insert("task".into(), "no.such.task".into());
    let broken = Message { body: b"\xff{".to_vec(), ..webhook().to_message() };
    let envelope = general();
    bench.request(&envelope.id).await;
    let wrong = with_body(&envelope, json!([OWNER, REPORT, "../adminer", {}]));
    for message in [unknown, broken, wrong, webhook().to_message()] {
        bench.publish(&message).await;
    }
    // The refused report's notification finds no Data API and is the fourth.
    bench.work_until(async || bench.rows().await == 1 && bench.dead().await.len() == 4).await;

    let mut dead = bench.dead().await;
    dead.sort();
    let reasons: Vec<_> = dead.iter().map(|(name, reason, _)| (name.as_str(), reason.as_str())).collect();
    assert_eq!(reasons[0], ("no.such.task", "unknown task \"no.such.task\""));
    assert_eq!(reasons[1].0, "notification.api");
    let component = "qgeneral.api: argument type: expected a component such as Servers";
    assert!(reasons[2].1.starts_with(component), "{reasons:?}");
    assert!(reasons[3].0 == "webhook.api" && reasons[3].1.starts_with("body: expected JSON"), "{reasons:?}");
    let report = bench.report().await;
    assert_eq!(report.status, Status::Error);
    assert!(report.message.starts_with(component), "{}", report.message);
}

#[actix_rt::test]
async fn a_failing_task_is_tried_again_and_then_given_up() {
    let bench = Bench::new(&[("MAESTRO_TASK_RETRIES", "2")]).await;
    let envelope = general();
    bench.request(&envelope.id).await;
    bench.publish(&envelope.to_message()).await;
    let given_up = async || bench.dead().await.iter().any(|(name, _, _)| name == "qgeneral.api");
    bench.work_until(given_up).await;
    let (_, reason, retries) = bench.dead().await.into_iter().find(|(name, _, _)| name == "qgeneral.api").unwrap();
    assert_eq!(retries, 2, "two attempts after the first");
    assert!(!reason.is_empty());
    let report = bench.report().await;
    assert_eq!(report.status, Status::Error);
    assert!(reason.starts_with(&report.message), "{reason} / {}", report.message);
}

#[actix_rt::test]
async fn an_expired_task_is_not_run_and_its_report_says_so() {
    let bench = Bench::new(&[]).await;
    let envelope = Envelope { expires: Some(Utc::now() - TimeDelta::seconds(1)), ..general() };
    bench.request(&envelope.id).await;
    bench.publish(&envelope.to_message()).await;
    let depth = async || bench.app.broker.depth(QUEUE).await.unwrap();
    bench.work_until(async || bench.report().await.status == Status::Error && depth().await == 0).await;
    assert!(bench.report().await.message.starts_with("the task expired at "), "{}", bench.report().await.message);
    assert!(bench.dead().await.iter().all(|(name, _, _)| name != "qgeneral.api"));
    assert_eq!(depth().await, 0, "settled");
}

/// A peer that takes connections and never answers.
struct Silent {
    uri: String,
    connections: Arc<AtomicUsize>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for connection in listener.incoming() {
                held.push(connection);
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { uri, connections }
    }

    fn was_asked(&self) -> bool {
        self.connections.load(Ordering::SeqCst) > 0
    }

    async fn is_asked(&self) {
        let started = Instant::now();
        while !self.was_asked() {
            assert!(started.elapsed() < PATIENCE, "nobody asks");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[actix_rt::test]
async fn a_task_that_does_not_end_in_time_is_given_back() {
    let peer = Silent::start();
    let bench = Bench::new(&[("MAESTRO_DATA_URI", &peer.uri), ("MAESTRO_SHUTDOWN_SECONDS", "1")]).await;
    let envelope = general();
    bench.request(&envelope.id).await;
    bench.publish(&envelope.to_message()).await;
    bench.work_until(async || peer.was_asked()).await;
    assert_eq!(bench.app.broker.depth(QUEUE).await.unwrap(), 1);
    assert_eq!(bench.report().await.status, Status::Process);
    let consumer = bench.app.broker.consume(&[QUEUE.to_owned()], 1).await.unwrap();
    let again = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
    assert!(again.redelivered);
    assert_eq!(Envelope::from_message(&again.message).unwrap(), envelope);
}

/// Starts the built program as a worker on a task that never ends, and sends it these signals; the time it took.
async fn terminate(broker_url: Option<String>, shutdown: &str, signals: &[&str]) -> Duration {
    let (peer, folder) = (Silent::start(), tempfile::tempdir().unwrap());
    let folder = folder.path().display().to_string();
    let mut env = vec![("MAESTRO_DATA_DIR", folder.as_str()), ("MAESTRO_DATA_URI", peer.uri.as_str())];
    env.push(("MAESTRO_SHUTDOWN_SECONDS", shutdown));
    if let Some(url) = &broker_url {
        env.push(("CELERY_BROKER_URL", url));
    }
    let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let broker = broker::open(&config::load(&get, None, &[]).unwrap(), &tls::client(None).unwrap()).await.unwrap();
    broker.publish(QUEUE, &general().to_message()).await.unwrap();

    let mut program = Program::spawn(&["worker", "-c", "1"], &env);
    peer.is_asked().await;
    let started = Instant::now();
    for signal in signals {
        program.signal(signal);
        sleep(Duration::from_millis(300)).await;
    }
    let status = program.end();
    let took = started.elapsed();
    assert_eq!(status.code(), Some(0), "{}", program.log());
    assert!(program.log().contains("interrupted and given back"), "{}", program.log());
    let consumer = broker.consume(&[QUEUE.to_owned()], 1).await.unwrap();
    assert!(timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().redelivered);
    took
}

#[actix_rt::test]
async fn sigterm_ends_the_program_in_the_stated_time() {
    let took = terminate(None, "2", &["-TERM"]).await;
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
}

#[actix_rt::test]
async fn a_second_sigterm_ends_it_at_once() {
    let took = terminate(None, "60", &["-TERM", "-TERM"]).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[actix_rt::test]
async fn sigquit_ends_it_at_once() {
    let took = terminate(rabbit::url(), "60", &["-QUIT"]).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[actix_rt::test]
async fn sigterm_gives_back_to_rabbitmq_too() {
    let Some(url) = rabbit::url() else { return };
    terminate(Some(url), "2", &["-TERM"]).await;
}
