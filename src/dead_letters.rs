//! Dead letters for people: listed as a table, sent again, dropped.

use crate::broker::{Broker, BrokerError, DeadLetter, Letters, Message};
use crate::task::{Envelope, Task};
use anyhow::bail;
use chrono::SecondsFormat;
use comfy_table::{Table, presets};

/// What to do with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Show the oldest of each queue, at most so many.
    List(usize),
    /// Put them back in their queues, as at their first attempt.
    Resend(Letters),
    /// Remove them.
    Drop(Letters),
}

/// Does it for each of the queues; what to print.
///
/// # Errors
/// Where the broker fails, or none of the letters that were named is there.
pub async fn run(broker: &dyn Broker, queues: &[String], action: &Action) -> anyhow::Result<String> {
    let place = queues.join(", ");
    let (which, count, did) = match action {
        Action::List(limit) => return Ok(list(broker, queues, *limit).await?),
        Action::Resend(which) => {
            (which, each(queues, async |queue| broker.resend(queue, which).await).await?, "sent again")
        }
        Action::Drop(which) => {
            (which, each(queues, async |queue| broker.discard(queue, which).await).await?, "dropped")
        }
    };
    if count == 0 && *which != Letters::All {
        bail!("no dead letter of {place} has such a task id: `maestro-reports dead-letters list` shows them");
    }
    Ok(format!("{did}: {count} dead letter{} of {place}\n", if count == 1 { "" } else { "s" }))
}

async fn each(queues: &[String], work: impl AsyncFn(&str) -> Result<u64, BrokerError>) -> Result<u64, BrokerError> {
    let mut count = 0;
    for queue in queues {
        count += work(queue).await?;
    }
    Ok(count)
}

async fn list(broker: &dyn Broker, queues: &[String], limit: usize) -> Result<String, BrokerError> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["when", "queue", "task", "id", "report", "endpoint", "reason"]);
    for queue in queues {
        for letter in broker.dead_letters(queue, limit).await? {
            table.add_row(row(queue, &letter));
        }
    }
    if table.row_count() == 0 {
        return Ok(format!("no dead letters of {}\n", queues.join(", ")));
    }
    Ok(table.trim_fmt() + "\n")
}

fn row(queue: &str, DeadLetter { message, reason, at }: &DeadLetter) -> [String; 7] {
    let when = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let [report, endpoint] = about(message);
    [when, queue.to_owned(), header(message, "task"), header(message, "id"), report, endpoint, plain(reason)]
}

fn header(message: &Message, name: &str) -> String {
    message.headers.get(name).and_then(|value| value.as_str()).map_or_else(|| "-".to_owned(), plain)
}

/// The report, and for a delivery the endpoint's host and the batch that it goes on with.
fn about(message: &Message) -> [String; 2] {
    let task = Envelope::from_message(message).ok().map(|envelope| envelope.task);
    let read = task.as_ref().and_then(Task::report);
    let report = read.or_else(|| Envelope::report_of(message).map(|(table, _)| table.report));
    let endpoint = match &task {
        Some(Task::Deliver(deliver)) => plain(&format!("{} batch {}", deliver.host, deliver.batch)),
        _ => "-".to_owned(),
    };
    [report.map_or_else(|| "-".to_owned(), |report| report.to_string()), endpoint]
}

/// A text from outside on one line, without what could steer a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
