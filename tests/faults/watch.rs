//! Looks at a table again and again while something is broken: every answer must be the table whole.

use crate::support::fleet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(30);

/// A table that is being looked at.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    looking: JoinHandle<Looks>,
}

/// What was seen.
#[derive(Debug, Default)]
struct Looks {
    whole: u64,
    /// Answers that were none, and the last of them.
    away: u64,
    last: String,
}

/// The ids of a table's rows as JSON texts, in order.
pub(crate) fn ids(rows: &[serde_json::Value]) -> Vec<String> {
    let mut ids: Vec<_> = rows.iter().map(|row| row["_id"].to_string()).collect();
    ids.sort_unstable();
    ids
}

impl Watch {
    /// Looks at a table's address; each answer must hold exactly the rows of one of `tables`, by their ids in order.
    pub(crate) fn begin(url: String, tables: Vec<Vec<String>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let looking = std::thread::spawn(move || {
            let mut looks = Looks::default();
            loop {
                let last = stopped.load(Ordering::SeqCst);
                match look(&url) {
                    Ok(found) if tables.contains(&found) => looks.whole += 1,
                    Ok(found) => panic!("{} rows are readable: none of the tables that should be", found.len()),
                    Err(why) => (looks.away, looks.last) = (looks.away + 1, why),
                }
                if last {
                    return looks;
                }
                std::thread::sleep(PAUSE);
            }
        });
        Self { stop, looking }
    }

    /// Ends; the table must have been readable each time.
    pub(crate) fn always(self) {
        let looks = self.end();
        assert_eq!(looks.away, 0, "the table was not readable: {}", looks.last);
    }

    /// Ends; the table may have been out of reach, but what was read was whole.
    pub(crate) fn when_there(self) {
        self.end();
    }

    fn end(self) -> Looks {
        self.stop.store(true, Ordering::SeqCst);
        let looks = self.looking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        assert!(looks.whole > 0, "the table was never read: {}", looks.last);
        looks
    }
}

/// The ids of a table, or why it was not read.
fn look(url: &str) -> Result<Vec<String>, String> {
    let request = ureq::get(url).header("Authorization", fleet::token()).config().http_status_as_error(false).build();
    let mut answer = request.call().map_err(|error| error.to_string())?;
    let status = answer.status();
    let json: serde_json::Value =
        answer.body_mut().with_config().limit(1 << 30).read_json().map_err(|error| error.to_string())?;
    match json["items"].as_array() {
        Some(items) if status == 200 => Ok(ids(items)),
        _ => Err(format!("{status}: {json}")),
    }
}
