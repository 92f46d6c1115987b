//! A worker among others: it sends what it has to say, gives signs of life and answers requests, on the worker's own
//! runtime, which no task keeps busy.

use super::control;
use super::node::Node;
use crate::app::App;
use crate::broker::{Broker, Heard, Mailbox, Post};
use crate::remote::{self, Request};
use crate::task::Life;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Messages sent at a time.
const AT_ONCE: usize = 100;

/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long the others may take to answer at the start.
const MINGLE: Duration = Duration::from_secs(1);

/// The pause before a mailbox is opened again.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// What runs beside the lanes.
pub(super) struct Presence {
    pub(super) node: Arc<Node>,
    sending: JoinHandle<()>,
    others: [JoinHandle<()>; 3],
}

impl Presence {
    /// Begins.
    pub(super) fn start(app: &App) -> Self {
        let (node, outbox) = Node::new(&app.config.worker);
        let sending = actix_rt::spawn(send(Arc::clone(&app.broker), outbox));
        let others = [
            actix_rt::spawn(beat(Arc::clone(&node))),
            actix_rt::spawn(listen(app.clone(), Arc::clone(&node))),
            actix_rt::spawn(mingle(app.clone(), Arc::clone(&node))),
        ];
        Self { node, sending, others }
    }

    /// Ends when what was said has been sent.
    pub(super) async fn end(self) {
        self.others.iter().for_each(JoinHandle::abort);
        self.node.fall_silent();
        // A broker that is away hears nothing.
        timeout(LAST_WORDS, self.sending).await.ok();
    }
}

/// Sends until the node says nothing any more. What a broker does not take is lost, as events may be.
async fn send(broker: Arc<dyn Broker>, mut outbox: mpsc::Receiver<Post>) {
    let (mut posts, mut is_told) = (Vec::new(), false);
    while outbox.recv_many(&mut posts, AT_ONCE).await > 0 {
        let sent = broker.broadcast().post(std::mem::take(&mut posts)).await;
        if let (Err(error), false) = (&sent, is_told) {
            log::warn!("events and answers are lost until the broker takes them again: {error}");
        }
        is_told = sent.is_err();
    }
}

async fn beat(node: Arc<Node>) {
    let Some(pause) = node.heartbeat else { return };
    loop {
        sleep(pause).await;
        node.live(Life::Heartbeat);
    }
}

/// Asks the others which tasks were revoked. Nothing waits for the answers: what has begun meanwhile and should not have
/// is cancelled.
async fn mingle(app: App, node: Arc<Node>) {
    if !app.config.worker.mingle {
        return;
    }
    let arguments = json!({"from_node": node.name, "revoked": node.revoked()});
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let request = Request { method: "hello", arguments, destination: Vec::new(), wait: MINGLE };
    let answers = match remote::ask(app.broker.as_ref(), request).await {
        Ok(answers) => answers,
        Err(error) => return log::warn!("which tasks were revoked is not known: {error}"),
    };
    for (other, answer) in answers.iter().filter(|(name, _)| **name != node.name) {
        log::debug!("{other} is there too");
        node.hear_of(answer["clock"].as_u64().unwrap_or(0));
        node.terminate(&node.learn(answer.get("revoked")));
    }
}

/// Answers requests; says that it is there as soon as it hears them.
async fn listen(app: App, node: Arc<Node>) {
    loop {
        let mailbox = Mailbox::Control { node: node.name.clone() };
        match app.broker.broadcast().listen(mailbox).await {
            Ok(mut listener) => {
                while let Some(heard) = listener.next().await {
                    match heard {
                        Heard::Listening => node.live(Life::Online),
                        Heard::Note(note) => {
                            // One that has to ask the broker keeps nobody waiting.
                            actix_rt::spawn(control::answer(app.clone(), Arc::clone(&node), note));
                        }
                    }
                }
            }
            Err(error) => log::warn!("this worker cannot be asked anything: {error}"),
        }
        sleep(LISTEN_AGAIN).await;
    }
}

/// Back when somebody asks the worker to end, from inside or by `control shutdown`; then it says that it goes.
pub(super) async fn until_stopped(node: &Node, stop: impl Future<Output = ()>) {
    tokio::select! {
        () = stop => {}
        () = node.stopped() => log::info!("stopping: somebody has asked for it"),
    }
    node.live(Life::Offline);
}
