//! Endpoints at `https://` addresses.

use super::*;
use crate::support::receiver::{Reply, verify};
use crate::support::tls::{Authority, TlsProxy};

/// A receiver behind TLS for `localhost`, and its address.
fn behind_tls(authority: &Authority, host: &str) -> (Receiver, TlsProxy, String) {
    let receiver = Receiver::start(|_| Reply::Status(200));
    let proxy = TlsProxy::before(&authority.issue(host), &receiver.address);
    let address = format!("https://localhost:{}/hooks", proxy.port);
    (receiver, proxy, address)
}

#[test]
fn an_endpoint_of_the_ca_file_is_trusted() {
    let fleet = fleet::fleet(Parts::Embedded, 50).unwrap();
    let authority = Authority::new();
    let (receiver, _proxy, address) = behind_tls(&authority, "localhost");
    let secret = give_endpoint(&fleet, &address);
    let file = authority.file();
    let settings = [("MAESTRO_CA_FILE", file.to_str().unwrap()), ("MAESTRO_WEBHOOK_HTTP", "refuse")];
    let _worker = fleet.spawn(&["worker", "-q", "report"], &settings);
    let run = request(&fleet);
    end_of(&fleet, &receiver, &run);
    hold_exactly(&batches(&receiver.taken("/hooks"), &run), &fleet.rows(TABLE));
    receiver.messages("/").iter().for_each(|message| verify(message, &secret));
}

#[test]
fn an_endpoint_that_is_not_trusted_gets_nothing_and_the_reason_is_told() {
    let fleet = fleet::fleet(Parts::Embedded, 20).unwrap();
    let authority = Authority::new();
    let (receiver, _proxy, address) = behind_tls(&authority, "elsewhere");
    give_endpoint(&fleet, &address);
    let file = authority.file();
    let settings = [("MAESTRO_CA_FILE", file.to_str().unwrap()), ("MAESTRO_WEBHOOK_RETRIES", "0")];
    let _worker = fleet.spawn(&["worker", "-q", "report"], &settings);
    request(&fleet);
    let list = dead_letters(&fleet);
    assert!(list.contains("is not trusted: its certificate is for elsewhere and not for localhost"), "{list}");
    assert!(receiver.messages("/").is_empty());
}
