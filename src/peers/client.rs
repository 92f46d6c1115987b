//! One awc client a thread: its connections are kept and used again, no redirects are followed, and only servers that
//! the process trusts are spoken to.

use awc::{Client, Connector};
use rustls::ClientConfig;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// The longest time to connect, and again to agree on a secret.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

thread_local! {
    /// awc's client belongs to its thread. Beside it whom it trusts.
    static CLIENT: RefCell<Option<(Arc<ClientConfig>, Client)>> = const { RefCell::new(None) };
}

/// The configuration for HTTP. HTTP/1.1 alone is offered: every peer speaks it, a report's rows have a connection of
/// their own, and the small windows of awc's HTTP/2 would slow them down.
pub(crate) fn http(tls: &ClientConfig) -> Arc<ClientConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(tls)
}

/// This thread's client; made anew where the thread served another configuration before.
pub(super) fn client(tls: &Arc<ClientConfig>) -> Client {
    CLIENT.with_borrow_mut(|kept| {
        kept.take_if(|(trusted, _)| !Arc::ptr_eq(trusted, tls));
        kept.get_or_insert_with(|| (Arc::clone(tls), make(tls))).1.clone()
    })
}

fn make(tls: &Arc<ClientConfig>) -> Client {
    let connector = Connector::new().timeout(CONNECT).handshake_timeout(CONNECT).rustls_0_23(Arc::clone(tls));
    Client::builder().disable_timeout().disable_redirects().connector(connector).finish()
}
