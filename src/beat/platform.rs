//! The platform's schedules (contract §8): followed while the process runs, made by the leader, and told what became of
//! them.
//!
//! Beside the loop over our own schedules, so that a platform that answers slowly, or not at all, holds up its own alone.
//! What it is told follows from the marks, so that a leader that dies leaves nothing untold.

use super::lead::Leading;
use super::run::{Run, RunError, named};
use super::{marks, pause};
use crate::app::App;
use crate::peers::PeerError;
use crate::schedule::{self, Mark, Outcome, Schedule, WrongField};
use crate::store::Store;
use chrono::Utc;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How often the records are read: how soon a change of one takes effect.
const READ: Duration = Duration::from_secs(1);
/// How long the platform is left alone after it did not answer.
const REST: Duration = Duration::from_secs(5);
/// How the message of a record begins that cannot be used.
const LEFT_OUT: &str = "left out: ";
/// How long stopping may take.
const STOPPING: Duration = Duration::from_secs(2);

/// Follows the records until it is stopped or dropped.
pub(super) struct Follower {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Starts to follow them; `None` where they do not count.
    pub(super) fn start(app: &App, store: &Arc<dyn Store>, leading: &Leading) -> Option<Self> {
        let (stop, stopped) = oneshot::channel();
        let platform = Platform {
            app: app.clone(),
            store: Arc::clone(store),
            leading: leading.clone(),
            schedules: Vec::new(),
            read_at: None,
        };
        app.config.timetable.platform.then(|| Self { stop, task: actix_rt::spawn(platform.follow(stopped)) })
    }

    /// Stops; what is under way then is left to the next leader.
    pub(super) async fn stop(mut self) {
        drop(self.stop);
        if timeout(STOPPING, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

struct Platform {
    app: App,
    store: Arc<dyn Store>,
    leading: Leading,
    /// As the platform last told them.
    schedules: Vec<Schedule>,
    read_at: Option<Instant>,
}

impl Platform {
    async fn follow(mut self, mut stopped: oneshot::Receiver<()>) {
        loop {
            let wait = match self.look().await {
                Ok(true) => pause(&self.schedules, Utc::now()),
                Ok(false) => REST,
                Err(error) => {
                    log::warn!("beat: the platform's schedules wait: {error}; trying again");
                    REST
                }
            };
            tokio::select! {
                _ = &mut stopped => break,
                () = sleep(wait) => {}
            }
        }
    }

    /// One look at all of them; whether each could be dealt with.
    async fn look(&mut self) -> Result<bool, RunError> {
        if self.leading.fence().is_none() {
            return Ok(true);
        }
        if self.read_at.is_none_or(|at| at.elapsed() >= READ) {
            self.read().await?;
        }
        let mut marks = marks(self.store.as_ref()).await?;
        let (mut told, mut all) = (false, true);
        for schedule in &self.schedules {
            let Some(fence) = self.leading.fence() else { return Ok(true) };
            match self.deal_with(schedule, marks.remove(&schedule.name), fence).await {
                Ok(change) => told |= change,
                Err(error) if error.is_general() => return Err(error),
                Err(error) => {
                    log::warn!("{}: {error}; trying again", named(schedule));
                    all = false;
                }
            }
        }
        // What was told is to be seen before it is told again.
        self.read_at = self.read_at.filter(|_| !told);
        Ok(all)
    }

    /// Whether the platform was told something.
    async fn deal_with(&self, schedule: &Schedule, mark: Option<Mark>, fence: u64) -> Result<bool, RunError> {
        let run = Run { app: &self.app, store: self.store.as_ref(), leading: &self.leading, schedule, fence };
        match run.look(mark).await? {
            Some(mark) => self.tell(schedule, mark).await,
            None => Ok(false),
        }
    }

    async fn read(&mut self) -> Result<(), PeerError> {
        let records = self.app.peers.schedulers().await?;
        self.read_at = Some(Instant::now());
        let mut schedules = Vec::new();
        for record in &records {
            let read = schedule::read_record(record, self.app.config.timetable.zone);
            // One record that is refused must not keep the others from being run.
            if let Err(error) = self.tell_mistakes(record, read.as_ref().err()).await {
                log::warn!("beat: the platform was not told of a mistake: {error}");
            }
            schedules.extend(read);
        }
        if schedules.len() != self.schedules.len() {
            log::info!("beat: {} schedules of the platform", schedules.len());
        }
        self.schedules = schedules;
        Ok(())
    }

    /// Tells why a record is left out, unless it says so already; takes that back where it is not.
    async fn tell_mistakes(
        &self,
        record: &Map<String, Value>,
        mistakes: Option<&Vec<WrongField>>,
    ) -> Result<(), PeerError> {
        let text = |name| record.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, said) = (text("_id"), text("msg"));
        let message = match mistakes {
            Some(mistakes) => {
                let texts: Vec<_> =
                    mistakes.iter().map(|WrongField { field, expected }| format!("{field}: {expected}")).collect();
                format!("{LEFT_OUT}{}", texts.join("; "))
            }
            None if said.starts_with(LEFT_OUT) => String::new(),
            None => return Ok(()),
        };
        if message == said {
            return Ok(());
        }
        if !message.is_empty() {
            log::error!("schedule {id} of the platform is {message}");
        }
        self.app.peers.put_scheduler(id, Map::from_iter([("msg".to_owned(), message.into())])).await
    }

    /// Tells the platform what its record does not say yet; whether there was anything to tell.
    async fn tell(&self, schedule: &Schedule, mark: Mark) -> Result<bool, RunError> {
        let mut told = mark.clone();
        let change = change(schedule, &mut told);
        if !change.is_empty() {
            self.app.peers.put_scheduler(&schedule.name, change.clone()).await?;
        }
        if told != mark {
            // Where somebody else notes something meanwhile, it is told once more.
            self.store.put_mark(&told).await?;
        }
        Ok(!change.is_empty())
    }
}

/// What is to be changed of a record, and in `mark` what it will have been told then.
fn change(schedule: &Schedule, mark: &mut Mark) -> Map<String, Value> {
    let mut change = Map::new();
    if mark.runs > mark.told.runs {
        change.insert("$inc".to_owned(), json!({"total_run_count": mark.runs - mark.told.runs}));
        mark.told.runs = mark.runs;
    }
    let message = message(mark);
    if let Some(message) = message.filter(|message| *message != mark.told.message) {
        change.insert("msg".to_owned(), message.as_str().into());
        mark.told.message = message;
    }
    if mark.paused.is_some() && schedule.enabled && !mark.told.disabled {
        change.insert("enabled".to_owned(), false.into());
        mark.told.disabled = true;
    }
    if schedule.asks() && mark.told.run_immediately {
        change.insert("$unset".to_owned(), json!({"run_immediately": true}));
    }
    mark.told.run_immediately &= schedule.asks();
    change
}

/// Why it is paused, or how the last run failed: empty where it did not, `None` while it is not known.
fn message(mark: &Mark) -> Option<String> {
    let run = mark.run.as_ref();
    mark.paused.clone().or_else(|| match run?.outcome {
        Outcome::Error => Some(run?.message.clone()),
        Outcome::Finished | Outcome::Warning => Some(String::new()),
        Outcome::Process | Outcome::Replaced => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::LastRun;

    fn schedule(more: Value) -> Schedule {
        let mut record = json!({
            "_id": "5c0000000000000000000001", "name": "nightly", "endpoint": "reports/general", "method": "PATCH",
            "args": [
                {"key": "report_id", "value": "5c00000000000000000000a1"},
                {"key": "owner_user", "value": "5c00000000000000000000aa"},
            ],
            "period_type": "interval", "interval": {"every": 1, "period": "days"}, "enabled": true, "active": true,
        });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        schedule::read_record(record.as_object().unwrap(), chrono_tz::Tz::UTC).unwrap()
    }

    /// What is told after the marks so far; the mark is as after it.
    fn told(schedule: &Schedule, mark: &mut Mark) -> Value {
        Value::Object(change(schedule, mark))
    }

    #[test]
    fn the_platform_is_told_what_its_record_does_not_say_and_nothing_twice() {
        let enabled = schedule(json!({}));
        let mut mark = Mark::at(&enabled, None, Utc::now(), 1);
        assert_eq!(told(&enabled, &mut mark), json!({}));
        for _ in 0..2 {
            mark.requested(LastRun {
                task_id: "t".into(),
                table: enabled.table(),
                due: None,
                requested_at: Utc::now(),
                outcome: Outcome::Process,
                message: String::new(),
                ended_at: None,
            });
        }
        assert_eq!(told(&enabled, &mut mark), json!({"$inc": {"total_run_count": 2}}));
        mark.ended(Outcome::Error, "no rows", Utc::now(), None);
        assert_eq!(told(&enabled, &mut mark), json!({"msg": "no rows"}));
        assert_eq!(told(&enabled, &mut mark), json!({}));
        mark.ended(Outcome::Finished, "", Utc::now(), None);
        assert_eq!(told(&enabled, &mut mark), json!({"msg": ""}));
    }

    #[test]
    fn it_is_told_of_a_pause_and_of_a_run_taken_up_until_its_record_says_so() {
        let asking = schedule(json!({"run_immediately": true}));
        let mut mark = Mark::at(&asking, None, Utc::now(), 1);
        assert_eq!(told(&asking, &mut mark), json!({}), "not taken up yet");
        (mark.paused, mark.told.run_immediately) = (Some("paused".to_owned()), true);
        let unset = json!({"run_immediately": true});
        assert_eq!(told(&asking, &mut mark), json!({"msg": "paused", "enabled": false, "$unset": unset}));
        assert_eq!(told(&asking, &mut mark), json!({"$unset": unset}));
        assert_eq!(told(&schedule(json!({"enabled": false})), &mut mark), json!({}));
        assert!(!mark.told.run_immediately, "it may ask again");
    }
}
