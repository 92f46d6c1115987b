//! One run at a time for a report: waiting, merging, taking over, giving up.

use super::*;
use actix_web::{App as Web, HttpResponse, HttpServer, dev::ServerHandle, web};
use maestro_reports::app::App;
use maestro_reports::reaper::Reaper;
use maestro_reports::store::{Store, Taken, Taker};
use std::sync::Mutex;
use tokio::sync::Semaphore;

const LONG: Duration = Duration::from_secs(60);

/// A Data API that answers as many questions as it is let: answer number n, from 1, holds n rows.
pub(super) struct Gate {
    uri: String,
    asked: Arc<AtomicUsize>,
    open: Arc<Semaphore>,
    told: Arc<Mutex<Vec<Value>>>,
    server: ServerHandle,
}

impl Gate {
    pub(super) fn start(open: usize) -> Self {
        let (asked, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(open)));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (sender, started) = std::sync::mpsc::channel();
        let (count, gate, notices) = (Arc::clone(&asked), Arc::clone(&open), Arc::clone(&told));
        std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let (count, gate, notices) = (Arc::clone(&count), Arc::clone(&gate), Arc::clone(&notices));
                    let servers = move || {
                        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                        let gate = Arc::clone(&gate);
                        async move {
                            gate.acquire().await.unwrap().forget();
                            let items: Vec<_> =
                                (0..number).map(|row| json!({"_id": format!("5c{row:022x}")})).collect();
                            HttpResponse::Ok().json(json!({"found": number, "items": items}))
                        }
                    };
                    let reports = move |body: web::Json<Value>| {
                        notices.lock().unwrap().push(body["body"][0].clone());
                        std::future::ready(HttpResponse::Ok().json(json!({})))
                    };
                    Web::new().route("/servers", web::post().to(servers)).route("/reports", web::put().to(reports))
                });
                let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
                let uri = format!("http://{}", server.addrs()[0]);
                let server = server.run();
                sender.send((uri, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (uri, server) = started.recv().unwrap();
        Self { uri, asked, open, told, server }
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Lets it answer so many more.
    pub(super) fn open(&self, answers: usize) {
        self.open.add_permits(answers);
    }

    /// The statuses that the platform was told.
    fn statuses(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().map(|told| told["status"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

pub(super) async fn bench(gate: &Gate, settings: &[(&str, &str)]) -> Bench {
    // The first of a name counts.
    let rest = [("MAESTRO_DATA_URI", gate.uri.as_str()), ("MAESTRO_CONCURRENCY", "3")];
    Bench::new(&[settings, &rest].concat()).await
}

fn store(bench: &Bench) -> &Arc<dyn Store> {
    bench.app.store.as_ref().unwrap()
}

/// Requests the report as the API does; the task's id.
pub(super) async fn launch(app: &App) -> String {
    let request = maestro_reports::request::Request {
        report: REPORT.parse().unwrap(),
        owner: OWNER.parse().unwrap(),
        kind: ReportType::General,
        component: Some("Servers".parse().unwrap()),
        filters: json!([]),
        name: String::new(),
        task_id: None,
    };
    maestro_reports::request::launch(app, request, Utc::now()).await.unwrap().task_id
}

async fn idle(bench: &Bench) -> bool {
    bench.app.broker.depth(QUEUE).await.unwrap() == 0
}

async fn has_finished(bench: &Bench) -> bool {
    bench.report().await.status == Status::Finished && idle(bench).await
}

/// Generations in the store's file.
fn generations(bench: &Bench) -> i64 {
    let file = rusqlite::Connection::open(bench.app.config.store.data_dir.join("reports.sqlite3")).unwrap();
    file.query_row("SELECT count(*) FROM generations", [], |row| row.get(0)).unwrap()
}

/// Lets a worker that is never heard of again take the table; for `ttl` from `at`.
async fn taken_by_a_lost_worker(bench: &Bench, task_id: &str, ttl: Duration) -> u32 {
    let holder = format!("lost@host/{}", uuid::Uuid::new_v4());
    let taker = Taker { task_id: task_id.to_owned(), holder, requested_at: None };
    match store(bench).take(&table(), &taker, ttl, Utc::now()).await.unwrap() {
        Taken::Held { attempt } => attempt,
        busy @ (Taken::Busy { .. } | Taken::Replaced) => panic!("{busy:?}"),
    }
}

#[actix_rt::test]
async fn requests_of_one_report_run_one_after_the_other_and_the_newest_wins() {
    let gate = Gate::start(0);
    let bench = bench(&gate, &[]).await;
    launch(&bench.app).await;
    let newest = std::cell::RefCell::new(String::new());
    bench
        .work_until(async || {
            if gate.asked() == 1 && newest.borrow().is_empty() {
                launch(&bench.app).await;
                // Two requests in one millisecond would both run.
                sleep(Duration::from_millis(5)).await;
                *newest.borrow_mut() = launch(&bench.app).await;
                // Long enough for the other two to be taken and put back.
                sleep(Duration::from_millis(600)).await;
                assert_eq!(gate.asked(), 1, "one run at a time");
                assert_eq!(bench.report().await.status, Status::Process);
                gate.open.add_permits(9);
            }
            gate.asked() > 1 && has_finished(&bench).await
        })
        .await;
    assert_eq!(gate.asked(), 2, "of the two that waited, the newer one ran");
    assert_eq!((bench.report().await.task_id, bench.rows().await), (newest.into_inner(), 2));
    assert_eq!(gate.statuses().last().unwrap(), "finished");
    assert!(bench.dead().await.is_empty());
    assert_eq!(generations(&bench), 1);
}

#[actix_rt::test]
async fn the_task_of_another_producer_waits_and_runs_beside_a_request() {
    let gate = Gate::start(0);
    let bench = bench(&gate, &[]).await;
    launch(&bench.app).await;
    bench.publish(&general().to_message()).await;
    bench
        .work_until(async || {
            if gate.asked() == 1 && gate.open.available_permits() == 0 {
                sleep(Duration::from_millis(400)).await;
                assert_eq!(gate.asked(), 1, "one run at a time");
                gate.open.add_permits(9);
            }
            gate.asked() == 2 && has_finished(&bench).await
        })
        .await;
    assert_eq!(bench.rows().await, 2);
}

#[actix_rt::test]
async fn a_run_whose_worker_is_lost_is_taken_over_when_its_hold_ends() {
    let gate = Gate::start(9);
    let bench = bench(&gate, &[]).await;
    let envelope = general();
    bench.request(&envelope.id).await;
    let hold = Duration::from_millis(1500);
    let lost = Instant::now();
    assert_eq!(taken_by_a_lost_worker(&bench, &envelope.id, hold).await, 1);
    let staging = store(&bench).begin(&table(), &envelope.id, Utc::now()).await.unwrap();
    store(&bench).stage(&staging, vec![bson::rawdoc! {"_id": "of the lost run"}.into()]).await.unwrap();
    bench.publish(&envelope.to_message()).await;
    bench.work_until(async || has_finished(&bench).await).await;
    assert!(lost.elapsed() >= hold, "not before its time is over");
    assert_eq!((gate.asked(), bench.rows().await, generations(&bench)), (1, 1, 1));
}

#[actix_rt::test]
async fn a_task_that_ends_its_workers_is_given_up() {
    let gate = Gate::start(9);
    let bench = bench(&gate, &[("MAESTRO_CRASHES", "2")]).await;
    let envelope = general();
    bench.request(&envelope.id).await;
    for attempt in 1..=2 {
        assert_eq!(taken_by_a_lost_worker(&bench, &envelope.id, Duration::ZERO).await, attempt);
        store(&bench).begin(&table(), &envelope.id, Utc::now()).await.unwrap();
    }
    bench.publish(&envelope.to_message()).await;
    bench.work_until(async || bench.dead().await.len() == 1 && idle(&bench).await).await;
    let report = bench.report().await;
    assert_eq!(report.status, Status::Error);
    assert!(report.message.starts_with("making this report ended the worker 2 times in a row"), "{}", report.message);
    assert_eq!(bench.dead().await[0].1, report.message);
    assert_eq!((gate.asked(), gate.statuses()), (0, vec!["error".to_owned()]));
    assert_eq!(generations(&bench), 0, "what the last of them has staged is gone");
    // Once it is sent again by hand, it has all its attempts.
    bench.publish(&envelope.to_message()).await;
    bench.work_until(async || has_finished(&bench).await).await;
}

#[actix_rt::test]
async fn a_run_ends_quietly_when_its_report_is_removed() {
    let gate = Gate::start(0);
    let bench = bench(&gate, &[("MAESTRO_LEASE_SECONDS", "1")]).await;
    launch(&bench.app).await;
    let removed = std::cell::Cell::new(false);
    bench
        .work_until(async || {
            if gate.asked() == 1 && !removed.replace(true) {
                assert!(store(&bench).drop_table(&table()).await.unwrap());
                // The message is acknowledged, so nothing comes again and nothing waits.
                return false;
            }
            removed.get() && store(&bench).report(&table()).await.unwrap().is_none() && idle(&bench).await && {
                sleep(Duration::from_millis(900)).await;
                true
            }
        })
        .await;
    assert_eq!((gate.asked(), bench.dead().await.len()), (1, 0));
    assert!(idle(&bench).await, "acknowledged");
    assert!(store(&bench).report(&table()).await.unwrap().is_none());
    assert_eq!((generations(&bench), gate.statuses().len()), (0, 0));
}

#[actix_rt::test]
async fn a_run_that_lost_its_hold_stops_and_comes_again() {
    let gate = Gate::start(0);
    let bench = bench(&gate, &[("MAESTRO_LEASE_SECONDS", "1")]).await;
    launch(&bench.app).await;
    let thief = Taker { task_id: "thief".into(), holder: "thief".into(), requested_at: None };
    let stolen = std::cell::Cell::new(false);
    bench
        .work_until(async || {
            if gate.asked() == 1 && !stolen.replace(true) {
                // As a worker does whose clock says that the hold is over.
                let later = Utc::now() + LONG;
                let taken = store(&bench).take(&table(), &thief, Duration::ZERO, later).await.unwrap();
                assert_eq!(taken, Taken::Held { attempt: 1 });
                store(&bench).keep(&table(), "thief", Duration::from_secs(1), Utc::now()).await.unwrap();
                gate.open.add_permits(9);
            }
            has_finished(&bench).await
        })
        .await;
    assert_eq!((bench.rows().await, generations(&bench)), (gate.asked() as u64, 1));
    assert!(bench.dead().await.is_empty());
}

#[actix_rt::test]
async fn a_report_that_no_worker_takes_ends_by_itself_and_is_repaired_when_one_comes() {
    let gate = Gate::start(9);
    let limits = [("MAESTRO_WAIT_SECONDS", "1"), ("MAESTRO_LOST_SECONDS", "600")];
    let bench = bench(&gate, &limits).await;
    let task_id = launch(&bench.app).await;
    let reapers = [Reaper::start(&bench.app).unwrap(), Reaper::start(&bench.app).unwrap()];
    let started = Instant::now();
    while bench.report().await.status == Status::Process {
        assert!(started.elapsed() < PATIENCE, "it stays in process");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(started.elapsed() > Duration::from_millis(900), "not before the limit");
    for reaper in reapers {
        reaper.stop().await;
    }
    let report = bench.report().await;
    assert_eq!((report.status, report.task_id), (Status::Error, task_id));
    assert!(report.message.starts_with("no worker took this report within 1s: start a worker"), "{}", report.message);
    // The report's task, and one notice each to the platform and the browser.
    assert_eq!(bench.app.broker.depth(QUEUE).await.unwrap(), 3);
    bench.work_until(async || has_finished(&bench).await).await;
    let mut told = gate.statuses();
    told.sort();
    assert_eq!((told, bench.rows().await), (vec!["error".to_owned(), "finished".to_owned()], 1));
}

#[actix_rt::test]
async fn a_report_whose_worker_is_lost_ends_by_itself_unless_it_is_held_or_waits_for_its_next_attempt() {
    let bench = Bench::new(&[("MAESTRO_LOST_SECONDS", "1"), ("MAESTRO_WAIT_SECONDS", "600")]).await;
    bench.request("task").await;
    taken_by_a_lost_worker(&bench, "task", LONG).await;
    let reaper = Reaper::start(&bench.app).unwrap();
    sleep(Duration::from_millis(2500)).await;
    assert_eq!(bench.report().await.status, Status::Process, "held");
    reaper.stop().await;

    assert!(store(&bench).drop_table(&table()).await.unwrap());
    bench.request("task").await;
    taken_by_a_lost_worker(&bench, "task", Duration::ZERO).await;
    let reaper = Reaper::start(&bench.app).unwrap();
    let started = Instant::now();
    while bench.report().await.status == Status::Process {
        assert!(started.elapsed() < PATIENCE, "it stays in process");
        sleep(Duration::from_millis(20)).await;
    }
    reaper.stop().await;
    let message = bench.report().await.message;
    assert!(message.starts_with("the worker lost@host that made this report was lost "), "{message}");
}

#[actix_rt::test]
async fn a_failed_task_of_another_producer_leaves_a_record_that_says_why() {
    let bench = Bench::new(&[("MAESTRO_TASK_RETRIES", "0")]).await;
    let unread = with_body(&general(), json!([OWNER, REPORT, "../adminer", {}]));
    bench.publish(&unread).await;
    let is_told =
        async || matches!(store(&bench).report(&table()).await, Ok(Some(report)) if report.status == Status::Error);
    bench.work_until(is_told).await;
    assert!(
        bench.report().await.message.starts_with("qgeneral.api: argument type"),
        "{}",
        bench.report().await.message
    );
    store(&bench).drop_table(&table()).await.unwrap();
    bench.publish(&general().to_message()).await;
    bench.work_until(is_told).await;
    assert!(bench.report().await.message.starts_with("the Data API ("), "{}", bench.report().await.message);
}
