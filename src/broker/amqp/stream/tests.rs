//! The stream against a TLS server on a thread, with sockets that take little at a time.

use super::*;
use mio_06::Events;
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::JoinHandle;

const LIMIT: Duration = Duration::from_secs(10);

/// More than the buffers of both sockets hold.
const BYTES: usize = 24 << 20;

/// Runs `serve` on the first connection of a server that is `localhost`; its address, and whom to trust.
fn server<T: Send + 'static>(
    serve: impl FnOnce(StreamOwned<ServerConnection, net::TcpStream>) -> T + Send + 'static,
) -> (SocketAddr, Arc<ClientConfig>, JoinHandle<T>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.unwrap().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], secret);
    let config = Arc::new(config.unwrap());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = Arc::new(client.with_root_certificates(roots).with_no_client_auth());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        serve(StreamOwned::new(ServerConnection::new(config).unwrap(), socket))
    });
    (address, client, serving)
}

fn connect(address: SocketAddr, host: &str, config: &Arc<ClientConfig>) -> io::Result<TlsStream> {
    TlsStream::connect(net::TcpStream::connect(address).unwrap(), host, config, LIMIT)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// Waits for the socket as amiquip does: edge-triggered, registered again for each wait.
fn wait(poll: &Poll, stream: &TlsStream, interest: Ready) {
    poll.reregister(stream, Token(0), interest, PollOpt::edge()).unwrap();
    let mut events = Events::with_capacity(8);
    poll.poll(&mut events, Some(LIMIT)).unwrap();
    assert!(!events.is_empty(), "no event within {LIMIT:?}");
}

fn poll(stream: &TlsStream) -> Poll {
    let poll = Poll::new().unwrap();
    poll.register(stream, Token(0), Ready::writable(), PollOpt::edge()).unwrap();
    poll
}

#[test]
fn what_the_socket_does_not_take_is_offered_again_and_sent_once() {
    let (refused, was_refused) = mpsc::channel();
    let (address, config, serving) = server(move |mut stream| {
        stream.conn.complete_io(&mut stream.sock).unwrap();
        was_refused.recv_timeout(LIMIT).unwrap();
        let mut got = vec![0; BYTES];
        stream.read_exact(&mut got).unwrap();
        stream.write_all(b".").unwrap();
        (got, stream.read(&mut [0]).unwrap())
    });
    let mut stream = connect(address, "localhost", &config).unwrap();
    let poll = poll(&stream);
    let outgoing = pattern(BYTES);
    let mut sent = 0;
    while sent < BYTES {
        match stream.write(&outgoing[sent..]) {
            Ok(taken) => sent += taken,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                refused.send(()).ok();
                wait(&poll, &stream, Ready::readable() | Ready::writable());
            }
        }
    }
    let mut answer = [0];
    while let Err(error) = stream.read(&mut answer) {
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        wait(&poll, &stream, Ready::readable());
    }
    drop(stream);
    let (got, rest) = serving.join().unwrap();
    assert!(got == outgoing, "other bytes have arrived");
    assert_eq!((answer, rest), (*b".", 0), "the answer has come, and the end was announced");
}

#[test]
fn all_that_was_decrypted_is_read_before_the_socket_is_waited_for() {
    let (address, config, serving) = server(|mut stream| {
        stream.write_all(&pattern(BYTES)).unwrap();
        stream.flush().unwrap();
        // Held open, so that the end of the connection wakes nobody up.
        stream.read(&mut [0]).unwrap()
    });
    let mut stream = connect(address, "localhost", &config).unwrap();
    let poll = poll(&stream);
    let mut got = Vec::new();
    // Smaller than a record of TLS: most reads leave decrypted bytes behind.
    let mut buffer = [0; 1000];
    while got.len() < BYTES {
        match stream.read(&mut buffer) {
            Ok(read) => got.extend_from_slice(&buffer[..read]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                wait(&poll, &stream, Ready::readable());
            }
        }
    }
    assert!(got == pattern(BYTES), "other bytes have arrived");
    drop(stream);
    assert_eq!(serving.join().unwrap(), 0);
}

#[test]
fn the_end_of_the_connection_is_read_as_such() {
    let (address, config, serving) = server(|mut stream| {
        stream.write_all(b"x").unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
    });
    let mut stream = connect(address, "localhost", &config).unwrap();
    serving.join().unwrap();
    let mut buffer = [0; 8];
    assert_eq!(stream.read(&mut buffer).unwrap(), 1);
    assert_eq!(stream.read(&mut buffer).unwrap(), 0);
}

#[test]
fn another_host_is_refused_before_anything_is_sent() {
    let (address, config, serving) = server(|mut stream| stream.read(&mut [0; 8]).map_err(|error| error.to_string()));
    let error = connect(address, "elsewhere", &config).err().unwrap();
    assert!(crate::tls::distrust(&error).unwrap().contains("for localhost and not for elsewhere"), "{error}");
    assert!(serving.join().unwrap().unwrap_err().contains("alert"));
}

#[test]
fn a_silent_server_is_given_up() {
    let (_, config, _) = server(drop);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let error = TlsStream::connect(socket, "localhost", &config, Duration::from_millis(100)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
}
