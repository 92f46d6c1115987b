//! Connections to RabbitMQ, in the clear or over TLS, as its address says.

use super::address::{Address, Addresses};
use super::link::{self, MaxPriority};
use super::stream::TlsStream;
use crate::broker::BrokerError;
use crate::tls;
use amiquip::{Connection, ConnectionTuning};
use mio_06::net::TcpStream;
use rustls::ClientConfig;
use std::error::Error;
use std::io;
use std::net::{self, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// The longest time to connect, and again to agree on a secret.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// Where RabbitMQ is and whom to trust.
#[derive(Clone)]
pub(super) struct Dialer {
    addresses: Addresses,
    tls: Arc<ClientConfig>,
    /// What queues are declared with over its connections.
    pub(super) max_priority: MaxPriority,
}

impl Dialer {
    /// Connects to these addresses; nothing is connected yet.
    pub(super) fn new(addresses: Addresses, tls: Arc<ClientConfig>, max_priority: MaxPriority) -> Self {
        Self { addresses, tls, max_priority }
    }

    /// The addresses for people, without user and password.
    pub(super) fn shown(&self) -> &str {
        &self.addresses.shown
    }

    /// A connection to the first of the addresses that answers. The last one's failure is told.
    pub(super) fn connect(&self) -> Result<Connection, BrokerError> {
        let mut result = Err(self.unavailable("there is no address".into()));
        for address in &self.addresses.all {
            result = self.open(address);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn open(&self, address: &Address) -> Result<Connection, BrokerError> {
        let socket = connect(address).map_err(|error| self.unavailable(error.into()))?;
        let (options, tuning) = (address.options(), ConnectionTuning::default());
        let opened = if address.tls {
            let stream = TlsStream::connect(socket, &address.host, &self.tls, LIMIT)
                .map_err(|error| self.unavailable(tls::distrust(&error).map_or_else(|| error.into(), Into::into)))?;
            Connection::insecure_open_stream(stream, options, tuning)
        } else {
            let stream = TcpStream::from_stream(socket).map_err(|error| self.unavailable(error.into()))?;
            Connection::insecure_open_stream(stream, options, tuning)
        };
        opened.map_err(|error| link::broker_error(&self.attempt(), error))
    }

    fn attempt(&self) -> String {
        format!("connecting to {}", self.shown())
    }

    fn unavailable(&self, source: Box<dyn Error + Send + Sync>) -> BrokerError {
        BrokerError::Unavailable { what: self.attempt(), source }
    }
}

fn connect(address: &Address) -> io::Result<net::TcpStream> {
    let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    for place in (address.host.as_str(), address.port).to_socket_addrs()? {
        result = reach(&place);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn reach(place: &SocketAddr) -> io::Result<net::TcpStream> {
    let socket = net::TcpStream::connect_timeout(place, LIMIT)?;
    // Small messages that are waited for: acknowledgements, declarations.
    socket.set_nodelay(true)?;
    Ok(socket)
}
