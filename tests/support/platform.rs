//! A stand-in for the platform's other services at their wire: it records every call, and answers as a test says.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use std::sync::{Arc, Mutex, mpsc};

/// One call as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The method.
    pub(crate) method: String,
    /// The path.
    pub(crate) path: String,
    /// The header `Authorization`.
    pub(crate) authorization: String,
    /// The body as JSON; null where it is none.
    pub(crate) body: serde_json::Value,
}

type Answer = dyn Fn(&Call) -> HttpResponse + Send + Sync;

/// A running stand-in; it stops when dropped.
pub(crate) struct Platform {
    /// `http://127.0.0.1:<port>`.
    pub(crate) address: String,
    calls: Arc<Mutex<Vec<Call>>>,
    server: ServerHandle,
    /// Lets those go who wait for an answer, when dropped.
    _waiting: Option<mpsc::Sender<()>>,
}

impl Platform {
    /// Starts a stand-in that answers every call with `answer`.
    pub(crate) fn start(answer: impl Fn(&Call) -> HttpResponse + Send + Sync + 'static) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (recorded, answer): (_, Arc<Answer>) = (Arc::clone(&calls), Arc::new(answer));
        let (sender, started) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let (recorded, answer) = (Arc::clone(&recorded), Arc::clone(&answer));
                    let handle = move |request: HttpRequest, body: web::Bytes| {
                        let call = call(&request, &body);
                        recorded.lock().unwrap().push(call.clone());
                        std::future::ready(answer(&call))
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
        Self { address, calls, server, _waiting: None }
    }

    /// Starts a stand-in that takes calls and answers none while it is there.
    pub(crate) fn silent() -> Self {
        let (waiting, end) = mpsc::channel();
        let end = Mutex::new(end);
        let mut platform = Self::start(move |_| {
            let _ = end.lock().unwrap().recv();
            HttpResponse::InternalServerError().finish()
        });
        platform._waiting = Some(waiting);
        platform
    }

    /// Starts a stand-in that takes everything: 200 and an empty object.
    pub(crate) fn accepting() -> Self {
        Self::start(|_| HttpResponse::Ok().json(serde_json::json!({})))
    }

    /// The calls so far to paths that begin with `prefix`.
    pub(crate) fn calls(&self, prefix: &str) -> Vec<Call> {
        self.calls.lock().unwrap().iter().filter(|call| call.path.starts_with(prefix)).cloned().collect()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // Told, not awaited: its thread ends by itself.
        drop(self.server.stop(false));
    }
}

fn call(request: &HttpRequest, body: &web::Bytes) -> Call {
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    Call {
        method: request.method().to_string(),
        path: request.path().to_owned(),
        authorization: authorization.unwrap_or_default().to_owned(),
        body: serde_json::from_slice(body).unwrap_or_default(),
    }
}
