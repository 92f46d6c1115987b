//! A user's endpoint: it records every message as it came, and answers as a test says.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};
use serde_json::Value;
use standardwebhooks::Webhook;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use ureq::http::HeaderMap;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Answer with this status.
    Status(u16),
    /// Answer 503 with `Retry-After: <seconds>`.
    Later(u16),
    /// Never answer.
    Hang,
}

/// A message as it came over the wire, and what was answered.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The path.
    pub(crate) path: String,
    /// All headers.
    pub(crate) headers: HeaderMap,
    /// The body's bytes.
    pub(crate) body: Vec<u8>,
    /// The body as JSON.
    pub(crate) json: Value,
    /// The answer.
    pub(crate) reply: Reply,
}

impl Message {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The message's type.
    pub(crate) fn kind(&self) -> &str {
        self.json["type"].as_str().unwrap_or_default()
    }

    /// Whether it was answered with 2xx.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self.reply, Reply::Status(200..=299))
    }
}

type Answer = dyn FnMut(&Message) -> Reply + Send;

/// A running endpoint; it stops when dropped.
pub(crate) struct Receiver {
    /// `http://127.0.0.1:<port>`.
    pub(crate) address: String,
    messages: Arc<Mutex<Vec<Message>>>,
    answer: Arc<Mutex<Box<Answer>>>,
    server: ServerHandle,
}

impl Receiver {
    /// Starts an endpoint that answers every message, at any path, with what `answer` says.
    pub(crate) fn start(answer: impl FnMut(&Message) -> Reply + Send + 'static) -> Self {
        let messages = Arc::new(Mutex::new(Vec::new()));
        let answer: Arc<Mutex<Box<Answer>>> = Arc::new(Mutex::new(Box::new(answer)));
        let (recorded, answering) = (Arc::clone(&messages), Arc::clone(&answer));
        let (sender, started) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let (recorded, answering) = (Arc::clone(&recorded), Arc::clone(&answering));
                    let handle = move |request: HttpRequest, body: web::Bytes| {
                        let mut message = message(&request, &body);
                        message.reply = answering.lock().unwrap()(&message);
                        recorded.lock().unwrap().push(message.clone());
                        respond(message.reply)
                    };
                    App::new().app_data(web::PayloadConfig::new(64 << 20)).default_service(web::to(handle))
                });
                let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
                let address = format!("http://{}", server.addrs()[0]);
                let server = server.run();
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, server) = started.recv().unwrap();
        Self { address, messages, answer, server }
    }

    /// Answers as `answer` says from now on.
    pub(crate) fn answer_with(&self, answer: impl FnMut(&Message) -> Reply + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// The messages so far to paths that begin with `prefix`, each attempt one.
    pub(crate) fn messages(&self, prefix: &str) -> Vec<Message> {
        self.messages.lock().unwrap().iter().filter(|message| message.path.starts_with(prefix)).cloned().collect()
    }

    /// The messages that were taken, each once by its `webhook-id` as a receiver should; fails where two of one id differ.
    pub(crate) fn taken(&self, prefix: &str) -> Vec<Message> {
        let mut by_id: BTreeMap<String, Message> = BTreeMap::new();
        let mut taken = Vec::new();
        for message in self.messages(prefix) {
            let id = message.header("webhook-id").to_owned();
            if let Some(same) = by_id.get(&id) {
                assert_eq!(same.body, message.body, "two messages of the id {id} differ");
            }
            if message.is_taken() && !by_id.get(&id).is_some_and(Message::is_taken) {
                taken.push(message.clone());
            }
            if message.is_taken() || !by_id.contains_key(&id) {
                by_id.insert(id, message);
            }
        }
        taken
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Told, not awaited: its thread ends by itself.
        drop(self.server.stop(false));
    }
}

/// Fails where a message is not signed with the secret.
pub(crate) fn verify(message: &Message, secret: &str) {
    let verified = Webhook::new(secret).unwrap().verify(&message.body, &message.headers);
    verified.unwrap_or_else(|error| panic!("{error}: {:?}", message.headers));
}

async fn respond(reply: Reply) -> HttpResponse {
    match reply {
        Reply::Status(status) => {
            let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
            if (300..400).contains(&status) {
                response.insert_header(("Location", "/elsewhere"));
            }
            response.body("this text is nobody's business")
        }
        Reply::Later(seconds) => {
            HttpResponse::ServiceUnavailable().insert_header(("Retry-After", seconds.to_string())).finish()
        }
        Reply::Hang => std::future::pending().await,
    }
}

fn message(request: &HttpRequest, body: &web::Bytes) -> Message {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers() {
        headers.insert(
            ureq::http::HeaderName::from_bytes(name.as_str().as_bytes()).unwrap(),
            ureq::http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    Message {
        path: request.path().to_owned(),
        headers,
        body: body.to_vec(),
        json: serde_json::from_slice(body).unwrap(),
        reply: Reply::Hang,
    }
}
