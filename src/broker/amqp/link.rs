//! Declarations as Celery makes them, and amiquip's errors in our words.

use super::letters;
use crate::broker::BrokerError;
use amiquip::{AmqpValue, Channel, Error, ExchangeDeclareOptions, ExchangeType, FieldTable, QueueDeclareOptions};

/// AMQP reply codes.
const FORCED: u16 = 320;
pub(super) const NOT_FOUND: u16 = 404;
const RESOURCE_ERROR: u16 = 506;
const INTERNAL_ERROR: u16 = 541;

/// The highest priority of queues of tasks; `None`: they have no priorities.
pub(super) type MaxPriority = Option<u8>;

/// Declares a queue as Celery does (celery.md §1): a durable queue, without arguments unless it has priorities, bound to a
/// durable direct exchange of the same name. Declaring it otherwise would be refused, here or at the Python side.
pub(super) fn declare(channel: &Channel, queue: &str, highest: MaxPriority) -> Result<(), BrokerError> {
    try_declare(channel, queue, highest).map_err(|error| broker_error(&format!("declaring the queue {queue}"), error))
}

/// As [`declare`] with amiquip's error.
pub(super) fn try_declare(channel: &Channel, queue: &str, highest: MaxPriority) -> Result<(), Error> {
    channel.exchange_declare(ExchangeType::Direct, queue, durable_exchange())?;
    channel.queue_declare(queue, durable_queue(queue, highest))?;
    channel.queue_bind(queue, queue, queue, FieldTable::new())
}

/// As [`declare`] without waiting for the answers; a refusal closes the channel.
pub(super) fn declare_in_passing(channel: &Channel, queue: &str, highest: MaxPriority) -> Result<(), Error> {
    channel.exchange_declare_nowait(ExchangeType::Direct, queue, durable_exchange())?;
    channel.queue_declare_nowait(queue, durable_queue(queue, highest))?;
    channel.queue_bind_nowait(queue, queue, queue, FieldTable::new())
}

fn durable_exchange() -> ExchangeDeclareOptions {
    ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() }
}

fn durable_queue(queue: &str, highest: MaxPriority) -> QueueDeclareOptions {
    // Dead letters lie in the order of their deaths.
    let highest = highest.filter(|_| !letters::is_dead_queue(queue));
    let priority = highest.map(|highest| ("x-max-priority".to_owned(), AmqpValue::LongInt(highest.into())));
    QueueDeclareOptions { durable: true, arguments: priority.into_iter().collect(), ..QueueDeclareOptions::default() }
}

/// amiquip's error in our words. `Refused` where trying again without a change at either side is of no use.
pub(super) fn broker_error(what: &str, error: Error) -> BrokerError {
    let what = what.to_owned();
    if is_refusal(&error) {
        BrokerError::Refused { what, source: error.into() }
    } else {
        BrokerError::Unavailable { what, source: error.into() }
    }
}

fn is_refusal(error: &Error) -> bool {
    let passing = [FORCED, RESOURCE_ERROR, INTERNAL_ERROR];
    if let Error::ServerClosedConnection { code, .. } | Error::ServerClosedChannel { code, .. } = error {
        return !passing.contains(code);
    }
    matches!(error, Error::InvalidCredentials | Error::UnsupportedAuthMechanism { .. })
}
