//! The report store and the broker: reached, of the right schema, writable; what waits there.

use super::{Finding, with_causes};
use crate::broker::{self, Broker, BrokerError, QUEUE_FILE, QueueState};
use crate::config::{Config, Upload};
use crate::store::{self, STORE_FILE, Store, StoreError};
use chrono::Utc;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;

const STORE: &str = "report store";
const BROKER: &str = "broker";

/// Looks at the report store.
pub(super) async fn store(config: &Config) -> Vec<Finding> {
    let embedded = config.store.mongo_uri.is_none();
    let file = config.store.data_dir.join(STORE_FILE);
    if embedded && !file.exists() {
        let is_needed = config.stages.upload == Upload::Store;
        let found = if is_needed { "not there yet; the first start makes it" } else { "none: a worker posts its rows" };
        return vec![Finding::ok(STORE, found)];
    }
    let looked = async {
        let store = store::open(config).await?;
        look_at_store(store.as_ref(), embedded).await
    };
    vec![looked.await.unwrap_or_else(|error: StoreError| {
        let advice = if embedded {
            "let the user that runs the service read and write the file; `maestro-reports restore` puts a backup back"
        } else {
            "start MongoDB, or correct MAESTRO_MONGO_URI (host, port, user, password)"
        };
        Finding::failed(STORE, with_causes(&error), advice)
    })]
}

async fn look_at_store(store: &dyn Store, embedded: bool) -> Result<Finding, StoreError> {
    store.ping().await?;
    let schema = store.schema().await?;
    let shown = store.describe();
    if !schema.unknown.is_empty() {
        let found = format!("{shown}: migrated by a newer version ({})", schema.unknown.join(", "));
        return Ok(Finding::failed(STORE, found, "use that version of maestro-reports"));
    }
    if !schema.missing.is_empty() {
        let found = format!("{shown}: lacks the migrations {}", schema.missing.join(", "));
        return Ok(if embedded {
            Finding::warning(STORE, found, "the next start applies them; make a `maestro-reports backup` before")
        } else {
            Finding::failed(STORE, found, "run `maestro-reports migrate`")
        });
    }
    let holder = uuid::Uuid::new_v4().to_string();
    store.lease("doctor", &holder, Duration::from_secs(60), Utc::now()).await?;
    store.release("doctor", &holder).await?;
    let newest = schema.applied.last().map_or("none", String::as_str);
    Ok(Finding::ok(STORE, format!("{shown}, can be written, schema {newest}")))
}

/// Looks at the broker and at each queue that `serve`, `beat` or a worker uses.
pub(super) async fn broker(config: &Config, tls: &Arc<ClientConfig>) -> Vec<Finding> {
    let embedded = config.broker.url.is_none();
    if embedded && !config.store.data_dir.join(QUEUE_FILE).exists() {
        return vec![Finding::ok(BROKER, "not there yet; the first start makes it")];
    }
    let failed = |error: BrokerError| {
        let advice = if embedded {
            "let the user that runs the service read and write the file"
        } else {
            "start RabbitMQ, or correct CELERY_BROKER_URL (host, port, user, password, virtual host)"
        };
        vec![Finding::failed(BROKER, with_causes(&error), advice)]
    };
    match broker::open(config, tls).await {
        Ok(broker) => look_at_broker(config, broker.as_ref()).await.unwrap_or_else(failed),
        Err(error) => failed(error),
    }
}

async fn look_at_broker(config: &Config, broker: &dyn Broker) -> Result<Vec<Finding>, BrokerError> {
    broker.ping().await?;
    let mut findings = vec![Finding::ok(BROKER, broker.describe())];
    for queue in config.all_queues() {
        let looked = async {
            broker.declare(&queue).await?;
            broker.state(&queue).await
        };
        findings.push(match looked.await {
            Ok(state) => judge(&queue, state),
            Err(error) => {
                let advice = "Celery declares it durable and without arguments: delete it where it was made otherwise";
                Finding::failed("queue", format!("{queue}: {}", with_causes(&error)), advice)
            }
        });
    }
    Ok(findings)
}

fn judge(queue: &str, state: QueueState) -> Finding {
    let QueueState { waiting, dead, consumers } = state;
    let readers = consumers.map_or_else(String::new, |count| format!(", {count} workers"));
    let found = format!("{queue}: {waiting} waiting, {dead} dead letters{readers}");
    if waiting > 0 && consumers == Some(0) {
        Finding::warning("queue", found, "start `maestro-reports worker`: nobody takes from it")
    } else if dead > 0 {
        Finding::warning("queue", found, "see why with `maestro-reports dead-letters list`")
    } else {
        Finding::ok("queue", found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_queue_that_nobody_reads_and_dead_letters_are_told() {
        let judged = |waiting, dead, consumers| judge("report", QueueState { waiting, dead, consumers }).state;
        assert_eq!(judged(3, 0, Some(1)), State::Ok);
        assert_eq!(judged(3, 0, None), State::Ok);
        assert_eq!(judged(0, 0, Some(0)), State::Ok);
        assert_eq!(judged(3, 0, Some(0)), State::Warning);
        assert_eq!(judged(0, 1, Some(2)), State::Warning);
    }
}
