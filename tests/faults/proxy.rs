//! A way to a server that can be cut or blocked and mended again, while the server itself goes on.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of bytes and connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections stay, and nothing passes.
    Blocked,
    /// Connections end, and nobody listens.
    Cut,
}

/// A way to a server, open at first; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    server: String,
    way: watch::Sender<Way>,
    trap: Arc<Mutex<Option<Trap>>>,
}

/// Where bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// Whoever has connected.
    Client,
    /// The server.
    Server,
}

/// Bytes at which the way is cut.
#[derive(Debug)]
struct Trap {
    from: From,
    bytes: &'static [u8],
    arrive: bool,
    way: watch::Sender<Way>,
}

impl Proxy {
    /// A way to the server of a URL (`scheme://[user@]HOST:PORT[/…]`).
    pub(crate) fn before(url: &str) -> Self {
        let server = authority(url).to_owned();
        let (way, told) = watch::channel(Way::Open);
        let trap = Arc::<Mutex<Option<Trap>>>::default();
        let passing = Passing { way: told, trap: Arc::clone(&trap) };
        let (sender, started) = mpsc::channel();
        let to = server.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                run(listener, &to, passing).await;
            });
        });
        Self { address: started.recv().unwrap(), server, way, trap }
    }

    /// The same URL by this way.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replacen(&self.server, &self.address.to_string(), 1)
    }

    /// Ends all connections; new ones are refused.
    pub(crate) fn cut(&self) {
        self.way.send_replace(Way::Cut);
        // Whoever was about to be accepted is through before nobody listens any more.
        while std::net::TcpStream::connect(self.address).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets nothing pass; connections stay.
    pub(crate) fn block(&self) {
        self.way.send_replace(Way::Blocked);
    }

    /// Cuts the way as soon as these bytes come from there in one piece; whether they still arrive.
    pub(crate) fn cut_at(&self, from: From, bytes: &'static [u8], arrive: bool) {
        *self.trap.lock().unwrap() = Some(Trap { from, bytes, arrive, way: self.way.clone() });
    }

    /// Back when the way was cut at the bytes.
    pub(crate) fn was_cut(&self) {
        let started = Instant::now();
        while self.trap.lock().unwrap().is_some() {
            assert!(started.elapsed() < Duration::from_secs(90), "the bytes do not come");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.cut();
    }

    /// Opens the way again; back when it can be gone.
    pub(crate) fn mend(&self) {
        self.way.send_replace(Way::Open);
        while std::net::TcpStream::connect(self.address).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn authority(url: &str) -> &str {
    let rest = url.split("://").nth(1).unwrap();
    let authority = rest.split(['/', '?']).next().unwrap();
    authority.rsplit('@').next().unwrap()
}

/// What a connection knows of its way.
#[derive(Clone)]
struct Passing {
    way: watch::Receiver<Way>,
    trap: Arc<Mutex<Option<Trap>>>,
}

impl Passing {
    /// The trap, once, where these bytes come from there and hold what it waits for.
    fn sprung(&self, from: From, bytes: &[u8]) -> Option<Trap> {
        let is_it =
            |trap: &mut Trap| trap.from == from && bytes.windows(trap.bytes.len()).any(|part| part == trap.bytes);
        self.trap.lock().unwrap().take_if(is_it)
    }
}

/// Back when the proxy is dropped.
async fn run(mut listener: TcpListener, server: &str, passing: Passing) {
    let mut way = passing.way.clone();
    let address = listener.local_addr().unwrap();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                tokio::spawn(pass(accepted.unwrap().0, server.to_owned(), passing.clone()));
                continue;
            }
            cut = way.wait_for(|way| *way == Way::Cut) => if cut.is_err() { return },
        }
        drop(listener);
        if way.wait_for(|way| *way != Way::Cut).await.is_err() {
            return;
        }
        listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
    }
}

async fn pass(client: TcpStream, server: String, mut passing: Passing) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let both = futures_util::future::join(
        copy(From::Client, from_client, to_server, passing.clone()),
        copy(From::Server, from_server, to_client, passing.clone()),
    );
    tokio::select! {
        _ = both => {}
        // Either cut, or the proxy is gone.
        _ = passing.way.wait_for(|way| *way == Way::Cut) => {}
    }
}

async fn copy(side: From, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut passing: Passing) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if passing.way.wait_for(|way| *way == Way::Open).await.is_err() {
            return;
        }
        let trap = passing.sprung(side, &buffer[..count]);
        let arrive = trap.as_ref().is_none_or(|trap| trap.arrive);
        if arrive && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        if let Some(trap) = trap {
            trap.way.send_replace(Way::Cut);
            return;
        }
    }
}
