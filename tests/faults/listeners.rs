//! Audit and WebSocket service are away when a report ends.

use crate::data_api::whole;
use crate::scenario::{Account, Scenario};
use crate::site::Site;
use crate::support::fleet::Parts;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "audit_and_websocket_are_down", run: |account| are_down(account, Parts::Embedded) },
    Scenario { name: "audit_and_websocket_are_down_on_servers", run: |account| are_down(account, Parts::Servers) },
];

/// Time is compressed here: the pauses begin with a second. That the usual ones last for more than an hour is shown
/// beside the policy (`worker/failure.rs`).
fn are_down(account: &Account, parts: Parts) {
    let Some(site) = Site::start(account, parts, &[]) else { return };
    site.data_api.answer(whole(0..300));
    account.fault();
    let listeners = site.ways.listeners.as_ref().unwrap();
    listeners.cut();
    site.finishes(0..300);
    for notice in ["task audit.api: failed, next attempt", "task ws.api: failed, next attempt"] {
        site.fleet.wait(notice, || (site.workers[0].log().matches(notice).count() >= 3).then_some(()));
    }
    assert!(site.fleet.platform.calls("/").is_empty());
    listeners.mend();
    let audit = site.fleet.wait("audit to be told", || site.fleet.platform.calls("/audit/reports/").pop());
    assert!(audit.body["aggr"]["os_base"].is_object(), "{audit:?}");
    let told = site.fleet.wait("the browsers to be told", || site.fleet.platform.calls("/api").pop());
    assert_eq!(told.body["params"]["data"]["notify"]["type"], "success");
    site.close();
}
