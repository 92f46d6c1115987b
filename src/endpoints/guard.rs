//! Connections to endpoints, and only to addresses that the rule allows.
//!
//! A host is resolved once; of its addresses those that the rule refuses are left out, and the connection goes to one of the
//! others, as a number. A name that resolves to something else a moment later gains nothing. No proxy of the environment
//! is used, no redirect is followed.

use crate::domain::{AddressRule, NotAllowed};
use actix_rt::net::TcpStream;
use actix_tls::connect::tcp::TcpConnector;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection, Resolver};
use actix_web::dev::Service;
use awc::http::Uri;
use awc::{Client, Connector};
use futures_util::future::LocalBoxFuture;
use rustls::ClientConfig;
use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long a connection is kept for the next message. Short: the batches of a report follow each other at once, and a
/// connection that the endpoint closes just as it is used again costs a retry.
const KEEP: Duration = Duration::from_secs(2);

/// Where connections may go, and whom they must be to.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) rule: AddressRule,
    pub(super) tls: Arc<ClientConfig>,
    /// The longest time to connect.
    pub(super) timeout: Duration,
}

thread_local! {
    /// awc's client belongs to its thread. Beside it what it was made for.
    static CLIENT: RefCell<Option<(Arc<Trust>, Client)>> = const { RefCell::new(None) };
}

/// This thread's client.
pub(super) fn client(trust: &Arc<Trust>) -> Client {
    CLIENT.with_borrow_mut(|kept| {
        kept.take_if(|(made_for, _)| !Arc::ptr_eq(made_for, trust));
        kept.get_or_insert_with(|| (Arc::clone(trust), make(trust))).1.clone()
    })
}

fn make(trust: &Arc<Trust>) -> Client {
    let connector = Connector::new()
        .connector(Guard(Arc::clone(trust)))
        .timeout(trust.timeout)
        .handshake_timeout(trust.timeout)
        .conn_keep_alive(KEEP)
        .rustls_0_23(Arc::clone(&trust.tls));
    Client::builder().disable_timeout().disable_redirects().connector(connector).finish()
}

/// Resolves, checks and connects.
#[derive(Clone)]
struct Guard(Arc<Trust>);

impl Service<ConnectInfo<Uri>> for Guard {
    type Response = Connection<Uri, TcpStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, ConnectError>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, info: ConnectInfo<Uri>) -> Self::Future {
        let trust = Arc::clone(&self.0);
        Box::pin(async move {
            let mut info = Resolver::default().service().call(info).await?;
            let mut refused: Option<NotAllowed> = None;
            let mut allowed = Vec::new();
            for address in info.take_addrs() {
                match trust.rule.check(info.hostname(), address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
            match refused {
                Some(refused) if allowed.is_empty() => Err(ConnectError::Resolver(Box::new(refused))),
                // These are numbers now: nothing is resolved again.
                _ => TcpConnector::default().service().call(info.set_addrs(allowed)).await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls;
    use std::net::TcpListener;

    async fn connect(allow: &str, uri: &str) -> Result<Connection<Uri, TcpStream>, ConnectError> {
        let tls = tls::client(None).unwrap();
        let trust = Trust { rule: allow.parse().unwrap(), tls, timeout: Duration::from_secs(5) };
        Guard(Arc::new(trust)).call(ConnectInfo::new(uri.parse().unwrap())).await
    }

    fn refusal(error: ConnectError) -> NotAllowed {
        let ConnectError::Resolver(error) = error else { panic!("{error}") };
        *error.downcast().unwrap()
    }

    #[actix_rt::test]
    async fn every_way_to_write_this_host_is_refused_and_allowed_by_its_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
            let uri = format!("http://{host}:{port}/");
            let refused = refusal(connect("", &uri).await.unwrap_err());
            assert_eq!(refused.what, "loopback", "{host}");
            let connection = connect("127.0.0.1", &uri).await.unwrap_or_else(|error| panic!("{host}: {error}"));
            assert_eq!(connection.io_ref().peer_addr().unwrap().port(), port);
        }
        // A name on the list may be anywhere.
        connect("localhost", &format!("http://localhost:{port}/")).await.unwrap();
        refusal(connect("localhost", &format!("http://127.0.0.1:{port}/")).await.unwrap_err());
    }
}
