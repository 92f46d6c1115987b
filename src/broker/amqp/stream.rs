//! TLS for amiquip: a stream that gives and takes plain bytes without waiting, over a socket of mio 0.6.
//!
//! amiquip waits for the socket's events, once for each change (edge-triggered), reads until `WouldBlock`, and offers
//! the same bytes again after a write that ended in `WouldBlock`. So `read` says `WouldBlock` only when nothing decrypted
//! is left and the socket is empty, and `write` takes bytes only when their ciphertext has gone to the socket.

use amiquip::IoStream;
use mio_06::net::TcpStream;
use mio_06::{Evented, Poll, PollOpt, Ready, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::io::{self, ErrorKind, Read, Write};
use std::net;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection over which both sides have agreed on a secret.
pub(super) struct TlsStream {
    tls: ClientConnection,
    socket: TcpStream,
    /// Bytes of the last write that are encrypted and not all sent.
    accepted: usize,
}

impl TlsStream {
    /// Checks that the server is `host` and agrees with it on a secret, in at most `limit`.
    ///
    /// # Errors
    /// With rustls' error inside where the server is not trusted.
    pub(super) fn connect(
        socket: net::TcpStream,
        host: &str,
        config: &Arc<ClientConfig>,
        limit: Duration,
    ) -> io::Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let deadline = Instant::now() + limit;
        while tls.is_handshaking() || tls.wants_write() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(ErrorKind::TimedOut, format!("no TLS handshake within {limit:?}")));
            }
            socket.set_read_timeout(Some(left))?;
            socket.set_write_timeout(Some(left))?;
            match shake_hands(&mut tls, &socket) {
                // The socket's time is up: the deadline has passed.
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                done => done?,
            }
        }
        Ok(Self { tls, socket: TcpStream::from_stream(socket)?, accepted: 0 })
    }

    /// Sends what is encrypted.
    fn send(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                sent => drop(sent?),
            }
        }
        Ok(())
    }

    /// Takes what the socket has and decrypts it.
    fn receive(&mut self) -> io::Result<()> {
        match self.tls.read_tls(&mut self.socket) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            // Nothing more comes: the next read of decrypted bytes says so.
            received => drop(received?),
        }
        let decrypted = self.tls.process_new_packets();
        // An answer of TLS itself, or the alert that tells the server what is wrong. What the socket does not take now
        // goes with the next write.
        match self.send() {
            Err(error) if error.kind() != ErrorKind::WouldBlock && decrypted.is_ok() => return Err(error),
            Ok(()) | Err(_) => {}
        }
        decrypted.map(drop).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    }
}

/// One step of the handshake; waits for the socket.
fn shake_hands(tls: &mut ClientConnection, mut socket: &net::TcpStream) -> io::Result<()> {
    if tls.wants_write() {
        return tls.write_tls(&mut socket).map(drop);
    }
    if tls.read_tls(&mut socket)? == 0 {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection in the TLS handshake"));
    }
    tls.process_new_packets().map(drop).map_err(|error| {
        // The alert that tells the server what is wrong; it need not arrive.
        tls.write_tls(&mut socket).ok();
        io::Error::new(ErrorKind::InvalidData, error)
    })
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.receive()?,
                read => return read,
            }
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // What was accepted and could not be sent is offered again; it must not be encrypted twice.
        if self.accepted == 0 {
            self.accepted = self.tls.writer().write(buffer)?;
        }
        self.send()?;
        Ok(std::mem::take(&mut self.accepted))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Evented for TlsStream {
    fn register(&self, poll: &Poll, token: Token, interest: Ready, options: PollOpt) -> io::Result<()> {
        self.socket.register(poll, token, interest, options)
    }

    fn reregister(&self, poll: &Poll, token: Token, interest: Ready, options: PollOpt) -> io::Result<()> {
        self.socket.reregister(poll, token, interest, options)
    }

    fn deregister(&self, poll: &Poll) -> io::Result<()> {
        self.socket.deregister(poll)
    }
}

impl IoStream for TlsStream {}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.tls.send_close_notify();
        // The socket is closed next, which tells the same less politely.
        self.send().ok();
    }
}

#[cfg(test)]
mod tests;
