//! A listener's queue on RabbitMQ: exclusive, deleted with its connection, without acknowledgements.

use super::dial::Dialer;
use super::session::LAST_WORD;
use super::{link, wire};
use crate::broker::broadcast::{Ear, Heard, Listener, Mailbox, Note};
use crate::broker::{BrokerError, CONTROL, EVENTS, REPLIES};
use crate::task::RetryPolicy;
use amiquip::{
    AmqpValue, Channel, Consumer, ConsumerMessage, ConsumerOptions, Error, ExchangeDeclareOptions, ExchangeType,
    FieldTable, QueueDeclareOptions,
};
use crossbeam_channel::select;
use std::time::Duration;

/// The pauses between attempts to connect. RabbitMQ keeps an exclusive queue for a while after its connection was lost.
const RECONNECT: RetryPolicy =
    RetryPolicy { max_retries: u32::MAX, base: Duration::from_millis(500), cap: Duration::from_secs(10) };

/// Starts a listener's thread.
pub(super) fn listen(dialer: Dialer, mailbox: Mailbox) -> Result<Listener, BrokerError> {
    wire::check_queue(&Queue::of(&mailbox).name)?;
    let (listener, ear) = Listener::pair();
    let thread = std::thread::Builder::new().name("amqp-listener".to_owned());
    thread
        .spawn(move || run(&dialer, &mailbox, &ear))
        .map_err(|error| BrokerError::Unavailable { what: "starting a listener".to_owned(), source: error.into() })?;
    Ok(listener)
}

/// Listens, through reconnects, until the listener is dropped.
fn run(dialer: &Dialer, mailbox: &Mailbox, ear: &Ear) {
    let mut failures = 0;
    loop {
        let error = match open(dialer, mailbox, ear, &mut failures) {
            Ok(()) => return,
            Err(error) => error,
        };
        let pause = RECONNECT.pause(failures, rand::random()).unwrap_or(RECONNECT.cap);
        failures = failures.saturating_add(1);
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        log::warn!("{error}: {cause}; listening again in {:.1} s", pause.as_secs_f64());
        if ear.is_closed_within(pause) {
            return;
        }
    }
}

/// One connection, as long as it lasts; `Ok` where the listener was dropped.
fn open(dialer: &Dialer, mailbox: &Mailbox, ear: &Ear, failures: &mut u32) -> Result<(), BrokerError> {
    let mut connection = dialer.connect()?;
    let error = |error| link::broker_error(&format!("listening to {}", mailbox.exchange()), error);
    let channel = connection.open_channel(None).map_err(error)?;
    declare_exchanges(&channel).map_err(error)?;
    let Queue { name, key, options } = Queue::of(mailbox);
    channel.queue_declare(&name, options).map_err(error)?;
    channel.queue_bind(&name, mailbox.exchange(), key, FieldTable::new()).map_err(error)?;
    let options = ConsumerOptions { no_ack: true, ..ConsumerOptions::default() };
    let consumer = channel.basic_consume(&name, options).map_err(error)?;
    *failures = 0;
    if ear.hand(Heard::Listening) {
        hear(&consumer, ear).map_err(error)?;
    }
    leave(&consumer).map_err(error)
}

fn hear(consumer: &Consumer<'_>, ear: &Ear) -> Result<(), Error> {
    loop {
        let message = select! {
            recv(ear.closed) -> _ => return Ok(()),
            recv(consumer.receiver()) -> message => message.map_err(|_| Error::UnexpectedSocketClose)?,
        };
        match message {
            ConsumerMessage::Delivery(delivery) => {
                let message = wire::message(&delivery.properties, delivery.body);
                if !ear.hand(Heard::Note(Note { headers: message.headers, body: message.body })) {
                    return Ok(());
                }
            }
            ConsumerMessage::ServerClosedChannel(error) | ConsumerMessage::ServerClosedConnection(error) => {
                return Err(error);
            }
            ConsumerMessage::ServerCancelled
            | ConsumerMessage::ClientCancelled
            | ConsumerMessage::ClientClosedChannel
            | ConsumerMessage::ClientClosedConnection => return Err(Error::UnexpectedSocketClose),
        }
    }
}

/// Ends the reading. amiquip tells the consumer of its end after it has answered: whoever left before that would take the
/// whole connection down.
fn leave(consumer: &Consumer<'_>) -> Result<(), Error> {
    consumer.cancel()?;
    while let Ok(ConsumerMessage::Delivery(_)) = consumer.receiver().recv_timeout(LAST_WORD) {}
    Ok(())
}

/// Declares the exchanges as Celery does (celery.md §1): RabbitMQ forgets those that are not durable when it restarts.
pub(super) fn declare_exchanges(channel: &Channel) -> Result<(), Error> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(ExchangeType::Topic, EVENTS, durable)?;
    channel.exchange_declare(ExchangeType::Fanout, CONTROL, ExchangeDeclareOptions::default())?;
    channel.exchange_declare(ExchangeType::Direct, REPLIES, ExchangeDeclareOptions::default())?;
    Ok(())
}

/// A mailbox in RabbitMQ's words.
struct Queue {
    name: String,
    /// What it is bound with.
    key: String,
    options: QueueDeclareOptions,
}

impl Queue {
    fn of(mailbox: &Mailbox) -> Self {
        let (name, key, expires, ttl) = match mailbox {
            Mailbox::Events => (format!("{EVENTS}.{}", uuid::Uuid::new_v4()), "#".to_owned(), 60_000, 5_000),
            Mailbox::Control { node } => (format!("{node}.{CONTROL}"), String::new(), 10_000, 300_000),
            Mailbox::Replies { key } => (format!("{key}.{REPLIES}"), key.clone(), 10_000, 300_000),
        };
        let mut arguments = FieldTable::new();
        arguments.insert("x-expires".to_owned(), AmqpValue::LongInt(expires));
        arguments.insert("x-message-ttl".to_owned(), AmqpValue::LongInt(ttl));
        let options = QueueDeclareOptions { durable: false, exclusive: true, auto_delete: true, arguments };
        Self { name, key, options }
    }
}
