//! Slow clients: a connection is shut down whose client takes too long to ask, or to take what it asked for.
//!
//! actix-web bounds the head of a connection's first request, and the silence after an answer; neither a later head that
//! trickles in, nor an answer that is not read, which would hold its query for ever. Its side of the connection cannot be
//! told to give up, so a second handle of the socket shuts it down.

use super::pace::Pace;
use super::server::{HEAD_TIME, IDLE_TIME};
use crate::metrics::{self, Limited};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use actix_web::rt::task::JoinHandle;
use actix_web::web::Bytes;
use rustix::net::Shutdown;
use std::any::Any;
use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The longest time from an answer to the end of the next request's head.
const WAITING_TIME: Duration = IDLE_TIME.saturating_add(HEAD_TIME);

/// A watched connection; the watch ends with it.
pub(super) struct Connection {
    shared: Rc<Shared>,
    watch: JoinHandle<()>,
}

struct Shared {
    socket: OwnedFd,
    patience: Duration,
    waiting: Duration,
    /// Until when the client has time; `None`: it is not the one that is waited for.
    until: Cell<Option<Instant>>,
}

/// Begins to watch connections, for `HttpServer::on_connect`; a client may keep an answer waiting for `patience`.
pub(super) fn watch(patience: Duration) -> impl Fn(&dyn Any, &mut Extensions) + Send + Sync + Clone + 'static {
    watch_for(patience, WAITING_TIME)
}

fn watch_for(
    patience: Duration,
    waiting: Duration,
) -> impl Fn(&dyn Any, &mut Extensions) + Send + Sync + Clone + 'static {
    move |io, extensions| {
        let Some(stream) = io.downcast_ref::<TcpStream>() else { return };
        match stream.as_fd().try_clone_to_owned() {
            Ok(socket) => drop(extensions.insert(Connection::new(socket, patience, waiting))),
            Err(error) => log::warn!("a connection is not watched for slowness: {error}"),
        }
    }
}

impl Connection {
    fn new(socket: OwnedFd, patience: Duration, waiting: Duration) -> Self {
        let until = Cell::new(Some(Instant::now() + waiting));
        let shared = Rc::new(Shared { socket, patience, waiting, until });
        let watch = actix_web::rt::spawn(guard(Rc::clone(&shared)));
        Self { shared, watch }
    }

    /// A request has come.
    pub(super) fn begin(&self) -> Answering {
        self.shared.until.set(None);
        Answering(Rc::clone(&self.shared))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Looks often enough that little is added to the client's time.
async fn guard(shared: Rc<Shared>) {
    let pause = shared.patience.min(shared.waiting) / 4;
    while shared.until.get().is_none_or(|until| Instant::now() < until) {
        tokio::time::sleep(pause).await;
    }
    metrics::limited(Limited::Slow);
    if let Err(error) = rustix::net::shutdown(&shared.socket, Shutdown::Both) {
        log::debug!("the connection of a slow client was gone already: {error}");
    }
}

/// A request at work; when it is over, the client's time for the next one begins.
pub(super) struct Answering(Rc<Shared>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.until.set(Some(Instant::now() + self.0.waiting));
    }
}

/// The body of an answer, whose client must take it at the least [pace](Pace).
pub(super) struct Paced {
    body: BoxBody,
    answering: Option<Answering>,
    pace: Pace,
    given: Option<Instant>,
}

impl Paced {
    /// The body of an answer on this connection; `None`: on one that is not watched.
    pub(super) fn new(body: BoxBody, answering: Option<Answering>) -> Self {
        let patience = answering.as_ref().map_or(Duration::MAX, |answering| answering.0.patience);
        Self { body, answering, pace: Pace::new(patience), given: None }
    }
}

impl MessageBody for Paced {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        // Whoever asks for a piece has room for it again: the client has taken most of the last one.
        if let Some(given) = self.given.take() {
            self.pace.moved(0, given.elapsed());
        }
        let polled = Pin::new(&mut self.body).poll_next(context);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            self.pace.moved(piece.len(), Duration::ZERO);
            self.given = Some(Instant::now());
        }
        if let Some(Answering(shared)) = &self.answering {
            shared.until.set(self.given.map(|given| given + self.pace.left()));
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::track;
    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpResponse, HttpServer, web};
    use futures_util::stream;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream as Client};

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const PATIENCE: Duration = Duration::from_millis(200);

    /// Serves an endless answer at `/endless` and a short one elsewhere while a client does something.
    async fn serve<T: Send + 'static>(client: impl FnOnce(SocketAddr) -> T + Send + 'static) -> T {
        let endless = || async {
            let pieces = stream::repeat_with(|| Ok::<_, actix_web::Error>(Bytes::from(vec![b'x'; 1 << 16])));
            HttpResponse::Ok().streaming(pieces)
        };
        let app = move || {
            App::new()
                .route("/endless", web::get().to(endless))
                .default_service(web::to(|| async { "short" }))
                .wrap(from_fn(track::track))
        };
        let server = HttpServer::new(app).workers(1).on_connect(watch_for(PATIENCE, 4 * PATIENCE)).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let seen = web::block(move || client(address)).await.unwrap();
        handle.stop(false).await;
        seen
    }

    fn connect(address: SocketAddr) -> Client {
        let client = Client::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        client
    }

    /// Sends a byte of a head now and then until the other side has closed; how long that took.
    fn trickle(client: &mut Client) -> Duration {
        let began = Instant::now();
        client.set_read_timeout(Some(PATIENCE / 4)).unwrap();
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX: ".iter().chain(std::iter::repeat(&b'x')).take(100) {
            let closed = client.write_all(&[*byte]).is_err() || matches!(client.read(&mut [0; 64]), Ok(0));
            if closed {
                return began.elapsed();
            }
        }
        panic!("still open after {:?}", began.elapsed());
    }

    #[actix_web::test]
    async fn a_head_that_trickles_in_is_cut_off_after_an_answer_too() {
        let took = serve(|address| {
            let mut client = connect(address);
            client.write_all(ASK).unwrap();
            let mut answer = [0; 1024];
            let count = client.read(&mut answer).unwrap();
            assert!(answer[..count].starts_with(b"HTTP/1.1 200"));
            trickle(&mut client)
        });
        assert!(took.await >= 3 * PATIENCE);
    }

    #[actix_web::test]
    async fn an_answer_that_is_not_read_is_cut_off() {
        let read = serve(|address| {
            let mut client = connect(address);
            client.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            std::thread::sleep(3 * PATIENCE);
            // What the system held is still there to be read; then it ends, in whatever way.
            let mut read = Vec::new();
            let _ = client.read_to_end(&mut read);
            read.len()
        });
        assert!(read.await < 100 << 20);
    }

    #[actix_web::test]
    async fn a_client_that_reads_is_not_cut_off() {
        let read = serve(|address| {
            let mut client = connect(address);
            client.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let (began, mut read, mut piece) = (Instant::now(), 0, vec![0; 1 << 16]);
            while began.elapsed() < 8 * PATIENCE {
                read += client.read(&mut piece).unwrap();
            }
            read
        });
        assert!(read.await > 1 << 20);
    }
}
