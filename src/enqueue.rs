//! Publishing a task, and telling those who watch of it.

use crate::app::App;
use crate::broker::BrokerError;
use crate::task::{About, Envelope, Event, Stamp, Step};
use chrono::Utc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counted on with each event of this process's tasks.
static CLOCK: AtomicU64 = AtomicU64::new(0);

/// Publishes a task; back when the broker has it. Where `MAESTRO_SENT_EVENTS` says so, a `task-sent` event tells of it.
///
/// # Errors
/// Where the broker does not take the task. An event that it does not take is lost, as events may be.
pub async fn enqueue(app: &App, queue: &str, envelope: &Envelope) -> Result<(), BrokerError> {
    let message = envelope.to_message();
    app.broker.publish(queue, &message).await?;
    if app.config.broker.sent_events {
        let step = Step::Sent { about: About::of(&message), queue: queue.to_owned() };
        // As Celery names those who send.
        let node = format!("gen{}@{}", std::process::id(), gethostname::gethostname().to_string_lossy());
        let clock = CLOCK.fetch_add(1, Ordering::Relaxed) + 1;
        let stamp = Stamp { node: &node, clock, timestamp: Utc::now().timestamp_micros() as f64 / 1e6 };
        let post = Event::Task(envelope.id.clone(), step).to_post(stamp);
        if let Err(error) = app.broker.broadcast().post(vec![post]).await {
            log::debug!("nobody hears that the task {} was sent: {error}", envelope.id);
        }
    }
    Ok(())
}
