//! The depth of the queues, asked of the broker when somebody looks.

use super::METRICS;
use crate::broker::{Broker, BrokerError, QueueState};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long the broker may take; a scrape is answered all the same.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// How long an answer is good: several may scrape, and a look at RabbitMQ is a connection.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// When the broker was last asked. Whoever comes while it is being asked waits for that answer.
static LAST: Mutex<Option<Instant>> = Mutex::const_new(None);

/// Brings the gauges of these queues up to date. Where the broker does not answer in time, they are not shown.
pub async fn refresh(broker: &dyn Broker, queues: &BTreeSet<String>) {
    let mut last = LAST.lock().await;
    if last.is_some_and(|at| at.elapsed() < GOOD_FOR) {
        return;
    }
    let looked = tokio::time::timeout(LONGEST_LOOK, look(broker, queues)).await;
    METRICS.queue_messages.reset();
    let answered = match looked {
        Ok(Ok(states)) => {
            for (queue, state) in queues.iter().zip(&states) {
                show(queue, state);
            }
            true
        }
        Ok(Err(error)) => {
            log::warn!("metrics: the queues are not shown: {error}");
            false
        }
        Err(_) => {
            log::warn!("metrics: the queues are not shown: no answer within {LONGEST_LOOK:?}");
            false
        }
    };
    METRICS.broker_up.with_label_values::<&str>(&[]).set(answered.into());
    *last = Some(Instant::now());
}

async fn look(broker: &dyn Broker, queues: &BTreeSet<String>) -> Result<Vec<QueueState>, BrokerError> {
    let mut states = Vec::with_capacity(queues.len());
    for queue in queues {
        states.push(broker.state(queue).await?);
    }
    Ok(states)
}

fn show(queue: &str, state: &QueueState) {
    for (name, count) in [("waiting", state.waiting), ("dead", state.dead)] {
        METRICS.queue_messages.with_label_values(&[queue, name]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
