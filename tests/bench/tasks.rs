//! Empty tasks a second through one worker, ours and Celery's, and the memory of many small reports at a time.

use crate::line::Line;
use crate::process;
use crate::site::Site;
use crate::stop;
use crate::support::fleet::{OWNER, Parts};
use crate::support::python;
use anyhow::{Context, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use maestro_reports::broker::{self, Broker};
use maestro_reports::config;
use maestro_reports::task::{Envelope, Task};
use maestro_reports::tls;
use serde_json::json;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Threads of our worker, processes of Celery's.
const CONCURRENCY: &str = "2";
/// Messages that our worker takes at a time for each thread: what short tasks ask for.
const PREFETCH: &str = "16";
/// Tasks that wait in the queue when a worker starts, so that it is measured for a second or more.
const OUR_TASKS: u64 = 40_000;
const CELERYS_TASKS: u64 = 8_000;
/// Tasks that are published at a time.
const PUBLISHING: usize = 200;
/// The pause between two looks at a queue.
const LOOK: Duration = Duration::from_millis(20);
/// Reports in flight at a time.
const REPORTS: usize = 100;

/// Tasks a second of our worker and, on RabbitMQ, of Celery's.
///
/// # Errors
/// Where queue or worker fail.
pub(crate) fn measure(site: &Site<'_>, parts: Parts) -> anyhow::Result<Line> {
    let setting = |name: &str| Some(site.fleet.setting(name).to_owned()).filter(|value| !value.is_empty());
    let config = config::load(&setting, None, &[])?;
    let broker = site.runtime.block_on(broker::open(&config, &tls::client(None)?))?;
    let ours = drained(site, &broker, "bench-ours", OUR_TASKS, |queue| {
        let args = ["worker", "-q", queue, "-c", CONCURRENCY, "--prefetch-multiplier", PREFETCH, "-l", "warning"];
        Ok(site.fleet.spawn(&args, &[]))
    })?;
    let celery = match setting("CELERY_BROKER_URL") {
        Some(url) if python::exists() => Some(drained(site, &broker, "bench-celery", CELERYS_TASKS, |queue| {
            Ok(Python(python::command(include_str!("celery_worker.py"), &[&url, queue, CONCURRENCY]).spawn()?))
        })?),
        _ => None,
    };
    Ok(Line::tasks(parts, CONCURRENCY, ours, celery))
}

/// A process of Python, which ends with this value.
struct Python(std::process::Child);

impl Drop for Python {
    fn drop(&mut self) {
        // A quick end of the worker's processes with it; the queue is empty.
        crate::support::program::signal(self.0.id(), "-TERM");
        self.0.wait().ok();
    }
}

/// Fills a queue, starts a worker on it, and watches it from the first task taken to the last; tasks a second.
fn drained<W>(
    site: &Site<'_>,
    broker: &Arc<dyn Broker>,
    queue: &str,
    tasks: u64,
    start: impl FnOnce(&str) -> anyhow::Result<W>,
) -> anyhow::Result<f64> {
    site.runtime.block_on(async {
        broker.declare(queue).await?;
        let publishing =
            stream::iter(0..tasks).map(async |_| broker.publish(queue, &Envelope::new(Task::Ping).to_message()).await);
        publishing.buffer_unordered(PUBLISHING).try_collect::<()>().await
    })?;
    let depth = || site.runtime.block_on(broker.depth(queue));
    let _worker = start(queue)?;
    let mut begun = None;
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        stop::check()?;
        let (left, now) = (depth()?, Instant::now());
        if begun.is_none() && left < tasks {
            begun = Some((left, now));
        }
        if left == 0 {
            let (first, since) = begun.context("the queue was never full")?;
            return Ok(first as f64 / now.duration_since(since).as_secs_f64());
        }
        ensure!(now < deadline, "{left} of {tasks} tasks are left in {queue}");
        sleep(LOOK);
    }
}

/// The largest memory of a worker that makes many small reports at the same time.
///
/// # Errors
/// Where a report does not end as `finished`.
pub(crate) fn many(site: &Site<'_>, parts: Parts) -> anyhow::Result<Line> {
    site.worker.terminate();
    let worker = site.fleet.spawn(&["worker", "-q", "report", "-c", &REPORTS.to_string()], &[]);
    worker.wait_for("takes from");
    let ids: Vec<String> = (0..REPORTS).map(|number| format!("5e{number:022x}")).collect();
    let start = Instant::now();
    for id in &ids {
        site.fleet.request(id, "general", "Servers", &json!([]));
    }
    for id in &ids {
        let record = format!("{}/reports/{id}", site.fleet.data_uri());
        let ended =
            site.wait("a report to end", || Ok(site.get(&record)?.filter(|found| found["status"] != "process")))?;
        ensure!(ended["status"] == "finished", "the report ended as {}: {}", ended["status"], ended["msg"]);
    }
    let seconds = start.elapsed().as_secs_f64();
    let rows = site.fleet.rows(&format!("{}_general", ids[0])).len();
    ensure!(rows > 0, "{OWNER} may read no row");
    Ok(Line::many(parts, REPORTS, rows, seconds, process::peak_mib(worker.id())?))
}
