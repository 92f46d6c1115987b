//! Publishing with confirms: a thread with a connection of its own.
//!
//! RabbitMQ stops reading from a publishing connection while it is short of memory or disk, so consumers do not
//! share this one. Whoever waits for a confirm waits no longer than the limit. While RabbitMQ is known to take nothing,
//! nothing is sent, so that what was told to have failed is not stored later.

use super::alarm::Alarm;
use super::dial::Dialer;
use super::link::{self, MaxPriority};
use super::wire;
use crate::broker::{BrokerError, Message};
use amiquip::{Channel, Confirm, ConfirmSmoother, Connection, ConnectionBlockedNotification, Publish};
use crossbeam_channel::{Receiver, Sender, TrySendError, select};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The longest time until a publish is confirmed.
const LIMIT: Duration = Duration::from_secs(15);

/// The longest wait for the end of an alarm: callers have time limits of their own.
const BLOCKED_LIMIT: Duration = Duration::from_secs(5);

/// Publishes that may wait for the thread.
const MAX_WAITING: usize = 1024;

/// The async half.
pub(super) struct Publisher {
    jobs: Sender<Job>,
    alarm: Alarm,
}

/// One message on its way.
struct Job {
    queue: String,
    /// Whether it is for a caller who waits: neither stored durably nor its queue declared.
    is_answer: bool,
    message: Message,
    deadline: Instant,
    /// Whether it was sent over an earlier connection that was lost before the confirm.
    again: bool,
    reply: oneshot::Sender<Result<(), BrokerError>>,
}

impl Publisher {
    /// Starts the thread; it connects when there is something to publish.
    pub(super) fn start(dialer: Dialer) -> Result<Self, BrokerError> {
        let (sender, jobs) = crossbeam_channel::bounded(MAX_WAITING);
        let alarm = Alarm::default();
        let heard = alarm.clone();
        let thread = std::thread::Builder::new().name("amqp-publisher".to_owned());
        thread.spawn(move || run(&dialer, &jobs, &heard)).map_err(|error| BrokerError::Unavailable {
            what: "starting the publisher".to_owned(),
            source: error.into(),
        })?;
        Ok(Self { jobs: sender, alarm })
    }

    /// Publishes to the default exchange; back when RabbitMQ has confirmed it.
    pub(super) async fn publish(&self, queue: &str, message: Message) -> Result<(), BrokerError> {
        self.send(queue, message, false).await
    }

    /// As [`Publisher::publish`] for a caller who waits: lost where the queue is not there any more.
    pub(super) async fn answer(&self, queue: &str, message: Message) -> Result<(), BrokerError> {
        self.send(queue, message, true).await
    }

    async fn send(&self, queue: &str, message: Message, is_answer: bool) -> Result<(), BrokerError> {
        let (reply, answer) = oneshot::channel();
        let limit = if self.alarm.is_on() { BLOCKED_LIMIT } else { LIMIT };
        let deadline = Instant::now() + limit;
        let job = Job { queue: queue.to_owned(), is_answer, message, deadline, again: false, reply };
        self.jobs.try_send(job).map_err(|error| {
            let source = match error {
                TrySendError::Full(_) => "too many messages wait for their confirmation",
                TrySendError::Disconnected(_) => "the publisher has ended",
            };
            BrokerError::Unavailable { what: "sending a message".to_owned(), source: source.into() }
        })?;
        match timeout(limit, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(self.alarm.error().unwrap_or(BrokerError::Unconfirmed(limit))),
        }
    }
}

/// One connection, as long as it lasts.
struct Line {
    channel: Channel,
    confirms: Receiver<Confirm>,
    notifications: Receiver<ConnectionBlockedNotification>,
    alarm: Alarm,
    smoother: ConfirmSmoother,
    /// Messages sent and not yet confirmed, by their number on this channel.
    unconfirmed: BTreeMap<u64, Job>,
    last_number: u64,
    max_priority: MaxPriority,
    // After the channel: fields are dropped in order, and the channel is closed first.
    _connection: Connection,
}

/// The connection is of no use any more.
struct Lost;

/// Publishes until the async half is dropped.
fn run(dialer: &Dialer, jobs: &Receiver<Job>, alarm: &Alarm) {
    let mut again = VecDeque::new();
    loop {
        let Some(job) = again.pop_front().or_else(|| jobs.recv().ok()) else { return };
        match Line::open(dialer, alarm) {
            Ok(line) => {
                again.push_front(job);
                again = line.serve(again, jobs);
            }
            Err(error) => job.answer(Err(error)),
        }
    }
}

impl Job {
    fn is_late(&self) -> bool {
        self.deadline <= Instant::now()
    }

    fn answer(self, result: Result<(), BrokerError>) {
        // Nobody waits any more: the time was up.
        self.reply.send(result).ok();
    }
}

impl Line {
    fn open(dialer: &Dialer, alarm: &Alarm) -> Result<Self, BrokerError> {
        let mut connection = dialer.connect()?;
        let error = |error| link::broker_error("opening a channel", error);
        let channel = connection.open_channel(None).map_err(error)?;
        channel.enable_publisher_confirms().map_err(error)?;
        let confirms = channel.listen_for_publisher_confirms().map_err(error)?;
        let notifications = connection.listen_for_connection_blocked().map_err(error)?;
        Ok(Self {
            channel,
            confirms,
            notifications,
            alarm: alarm.clone(),
            smoother: ConfirmSmoother::new(),
            unconfirmed: BTreeMap::new(),
            last_number: 0,
            max_priority: dialer.max_priority,
            _connection: connection,
        })
    }

    /// Sends messages and takes confirms until the connection is lost or nobody publishes any more; what was not
    /// confirmed and may be sent once more comes back, the oldest first.
    fn serve(mut self, first: VecDeque<Job>, jobs: &Receiver<Job>) -> VecDeque<Job> {
        let mut result = Ok(());
        let mut later = first.into_iter();
        while result.is_ok() {
            result = match later.next() {
                Some(job) => self.send(job),
                None => self.turn(jobs),
            };
        }
        self.alarm.clear();
        let (spent, mut again): (VecDeque<_>, VecDeque<_>) =
            self.unconfirmed.into_values().partition(|job| job.again || job.is_late());
        for job in spent {
            let what = "the connection was lost before a message was confirmed".to_owned();
            job.answer(Err(BrokerError::Unavailable { what, source: "sent twice".into() }));
        }
        again.iter_mut().for_each(|job| job.again = true);
        again.extend(later);
        again
    }

    /// Waits for the next message, confirm or alarm. Messages wait while RabbitMQ takes none.
    fn turn(&mut self, jobs: &Receiver<Job>) -> Result<(), Lost> {
        let full = crossbeam_channel::never();
        let jobs = if self.unconfirmed.len() < MAX_WAITING && !self.alarm.is_on() { jobs } else { &full };
        select! {
            recv(jobs) -> job => match job {
                Ok(job) => self.send(job),
                Err(_) => Err(Lost),
            },
            recv(self.confirms) -> confirm => match confirm {
                Ok(confirm) => {
                    self.confirm(confirm);
                    Ok(())
                }
                Err(_) => Err(Lost),
            },
            recv(self.notifications) -> notification => match notification {
                Ok(notification) => {
                    self.alarm.hear(notification);
                    Ok(())
                }
                Err(_) => Err(Lost),
            },
        }
    }

    fn send(&mut self, job: Job) -> Result<(), Lost> {
        if job.is_late() {
            return Ok(());
        }
        let properties = match wire::check_queue(&job.queue).and_then(|()| wire::properties(&job.message)) {
            Ok(properties) if job.is_answer => properties.with_delivery_mode(1),
            Ok(properties) => properties,
            Err(error) => {
                job.answer(Err(error.into()));
                return Ok(());
            }
        };
        match self.declare(&job) {
            Ok(()) if job.is_late() => return Ok(()),
            Ok(()) => {}
            Err(error @ BrokerError::Refused { .. }) if job.again => {
                job.answer(Err(error));
                return Err(Lost);
            }
            Err(_) => return self.keep(job, Err(Lost)),
        }
        let publish = Publish::with_properties(&job.message.body, job.queue.clone(), properties);
        let sent = self.channel.basic_publish("", publish).map_err(|_| Lost);
        self.keep(job, sent)
    }

    /// Declares the queue of each message: one that somebody deleted is there again, and no message is lost.
    /// Waiting for the answer each time would be slow. A refusal closes the channel under all that are on their way;
    /// the second time each waits for its answer, and the refusal meets the right one.
    fn declare(&self, job: &Job) -> Result<(), BrokerError> {
        if job.is_answer {
            return Ok(());
        }
        if job.again {
            return link::declare(&self.channel, &job.queue, self.max_priority);
        }
        link::declare_in_passing(&self.channel, &job.queue, self.max_priority)
            .map_err(|error| link::broker_error("a declaration", error))
    }

    fn keep(&mut self, job: Job, sent: Result<(), Lost>) -> Result<(), Lost> {
        self.last_number += 1;
        self.unconfirmed.insert(self.last_number, job);
        sent
    }

    fn confirm(&mut self, confirm: Confirm) {
        for confirm in self.smoother.process(confirm) {
            let (number, accepted) = match confirm {
                Confirm::Ack(payload) => (payload.delivery_tag, true),
                Confirm::Nack(payload) => (payload.delivery_tag, false),
            };
            let Some(job) = self.unconfirmed.remove(&number) else { continue };
            let refused = || BrokerError::Refused {
                what: format!("storing a message in the queue {}", job.queue),
                source: "RabbitMQ did not accept it".into(),
            };
            let result = if accepted { Ok(()) } else { Err(refused()) };
            job.answer(result);
        }
    }
}
