//! What a worker shows of itself at its start, as Celery's do.

use crate::app::App;
use crate::task::Task;
use std::fmt::Write;

/// The banner of a worker with these parts, for a terminal.
#[must_use]
pub fn banner(app: &App) -> String {
    let (worker, version) = (&app.config.worker, env!("CARGO_PKG_VERSION"));
    let mut text = format!("\n {} v{version} (maestro-reports), process {}\n\n", worker.hostname, std::process::id());
    let tasks = match &worker.autoscale {
        Some(range) => format!("{} to {}, with the work", range.start(), range.end()),
        None => worker.concurrency.to_string(),
    };
    let events = if worker.task_events { "on" } else { "off (-E turns them on, and Flower does by itself)" };
    text += "[config]\n";
    for (name, value) in [("broker", app.broker.describe()), ("concurrency", tasks), ("task events", events.to_owned())]
    {
        // Nothing fails that is written to a text.
        writeln!(text, ".> {:<13}{value}", format!("{name}:")).ok();
    }
    text += "\n[queues]\n";
    let deliveries = app.delivers().then(|| app.config.broker.webhook_queue());
    for queue in worker.queues.iter().chain(&deliveries) {
        writeln!(text, ".> {queue:<16} exchange={queue}(direct) key={queue}").ok();
    }
    text += "\n[tasks]\n";
    for task in Task::NAMES {
        writeln!(text, "  . {task}").ok();
    }
    text.push('\n');
    text
}
