//! Where no message goes: addresses of the own network, and wherever a redirect points.

use super::*;
use crate::support::receiver::Reply;

/// Gives the report an endpoint, lets a worker with these settings make it, and gives the list of dead letters.
fn refused(url: impl FnOnce(&str) -> String, reply: Reply, settings: &[(&str, &str)]) -> (String, Vec<Message>) {
    let fleet = fleet::fleet(Parts::Embedded, 20).unwrap();
    let receiver = Receiver::start(move |_| reply);
    give_endpoint(&fleet, &url(&receiver.address));
    let _worker = fleet.spawn(&["worker", "-q", "report"], settings);
    request(&fleet);
    (dead_letters(&fleet), receiver.messages("/"))
}

#[test]
fn a_loopback_address_is_refused_unless_it_is_allowed() {
    let (list, messages) = refused(str::to_owned, Reply::Status(200), &[("MAESTRO_WEBHOOK_ALLOW", "")]);
    assert!(list.contains("127.0.0.1 is at 127.0.0.1, which is loopback"), "{list}");
    assert!(messages.is_empty());
}

#[test]
fn a_name_is_judged_by_the_addresses_that_it_has() {
    let named = |address: &str| address.replace("127.0.0.1", "localhost");
    let settings = [("MAESTRO_WEBHOOK_ALLOW", "10.0.0.0/8,hooks.internal")];
    let (list, messages) = refused(named, Reply::Status(200), &settings);
    assert!(list.contains("localhost is at") && list.contains("which is loopback"), "{list}");
    assert!(messages.is_empty());
}

#[test]
fn a_redirect_is_not_followed() {
    let (list, messages) = refused(str::to_owned, Reply::Status(307), &[("MAESTRO_WEBHOOK_RETRIES", "0")]);
    assert!(list.contains("answered 307, a redirect, which is not followed"), "{list}");
    assert_eq!(messages.iter().map(|message| message.path.as_str()).collect::<Vec<_>>(), ["/"]);
}

#[test]
fn rows_do_not_travel_in_the_clear_unless_that_is_allowed() {
    let (list, messages) = refused(str::to_owned, Reply::Status(200), &[("MAESTRO_WEBHOOK_HTTP", "refuse")]);
    assert!(list.contains("would travel in the clear"), "{list}");
    assert!(messages.is_empty());
}

#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let fleet = fleet::fleet(Parts::Embedded, 20).unwrap();
    let (receiver, proxy) = (Receiver::start(|_| Reply::Status(200)), Receiver::start(|_| Reply::Status(200)));
    give_endpoint(&fleet, &receiver.address);
    let names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let settings = names.map(|name| (name, proxy.address.as_str()));
    let _worker = fleet.spawn(&["worker", "-q", "report"], &settings);
    let run = request(&fleet);
    end_of(&fleet, &receiver, &run);
    assert!(proxy.messages("/").is_empty());
}
