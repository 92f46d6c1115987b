//! The Data API refuses, is away, is slow, breaks off.

use crate::data_api::Gate;
use crate::data_api::{Wire, body, held, id, row, whole};
use crate::scenario::{Account, Scenario};
use crate::site::Site;
use crate::support::fleet::Parts;
use std::io;
use std::time::Duration;

pub(crate) static SCENARIOS: &[Scenario] = &[
    Scenario { name: "data_api_refuses", run: refuses },
    Scenario { name: "data_api_is_down_and_comes_back", run: comes_back },
    Scenario { name: "data_api_is_down_for_longer_than_the_retries", run: stays_away },
    Scenario { name: "data_api_is_slow", run: is_slow },
    Scenario { name: "data_api_breaks_off", run: breaks_off },
    Scenario {
        name: "data_api_breaks_off_at_row_30000_of_50000",
        run: |account| breaks_off_late(account, Parts::Embedded),
    },
    Scenario {
        name: "data_api_breaks_off_at_row_30000_of_50000_on_servers",
        run: |account| breaks_off_late(account, Parts::Servers),
    },
    Scenario { name: "data_api_is_cut_in_the_middle", run: is_cut },
];

/// Answers that refuse, what they say, and what the report must say.
const REFUSALS: [(u16, &str, &str); 5] = [
    (401, r#"{"error": {"msg": "no token"}}"#, "answered 401: no token"),
    (403, r#"{"error": {"msg": "no rights"}}"#, "answered 403: no rights"),
    (422, r#"{"error": {"msg": "no such field"}}"#, "answered 422: no such field"),
    (500, r#"{"error": {"msg": "database is gone"}}"#, "answered 500: database is gone"),
    (502, "<html><h1>Bad gateway</h1></html>", "answered 502: an HTML page instead of JSON"),
];

fn refuses(account: &Account) {
    let site = Site::start(account, Parts::Embedded, &[]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch(0..300);
    for (status, body, says) in REFUSALS {
        account.fault();
        site.data_api.answer(move |_, wire| wire.whole(status, "application/json", body));
        let message = site.fails();
        assert!(message.starts_with("the Data API (http://127.0.0.1:") && message.ends_with(says), "{message}");
        // What may pass is tried again; what the caller did wrong is not.
        assert_eq!(site.data_api.asked(), if status < 500 { 1 } else { 2 }, "{status}");
    }
    watch.always();
    site.close();
}

fn comes_back(account: &Account) {
    let site = Site::start(account, Parts::Embedded, &[("MAESTRO_TASK_RETRIES", "20")]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 100..500);
    account.fault();
    site.ways.data_api.cut();
    site.data_api.answer(whole(100..500));
    let run = site.request();
    site.workers[0].wait_for("cannot be reached");
    site.ways.data_api.mend();
    site.finished(&run, 100..500);
    watch.always();
    site.close();
}

fn stays_away(account: &Account) {
    let site = Site::start(account, Parts::Embedded, &[]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch(0..300);
    account.fault();
    site.ways.data_api.cut();
    let run = site.request();
    let record = site.recorded(&run);
    assert_eq!(record.status, "error");
    assert!(record.message.starts_with("the Data API (http://127.0.0.1:"), "{record:?}");
    assert!(record.message.contains("cannot be reached"), "{record:?}");
    site.ways.data_api.mend();
    // It is the Data API that keeps the platform's record: told as soon as it is back.
    assert_eq!(site.failed(&run), record.message);
    watch.always();
    site.finishes(0..300);
    site.close();
}

fn is_slow(account: &Account) {
    let site =
        Site::start(account, Parts::Embedded, &[("MAESTRO_PEER_SECONDS", "3"), ("MAESTRO_TASK_RETRIES", "0")]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);

    account.fault();
    site.data_api.answer(|_, wire| {
        // Longer in all than it may be silent at a time.
        let text = body(40, &(0..40).map(row).collect::<Vec<_>>());
        wire.head(200, "application/json", text.len())?;
        text.as_bytes().chunks(text.len() / 8 + 1).try_for_each(|piece| {
            std::thread::sleep(Duration::from_millis(500));
            wire.send(std::str::from_utf8(piece).map_err(io::Error::other)?)
        })
    });
    site.finishes(0..40);

    let watch = site.watch(0..40);
    let silences: [fn(&mut Wire) -> io::Result<()>; 2] =
        [|_| Ok(()), |wire| wire.chunked().and_then(|()| wire.chunk(&body(300, &[row(1), row(2)])[..200]))];
    for before in silences {
        account.fault();
        site.data_api.answer(move |_, wire| before(wire).and_then(|()| wire.outlast()));
        let message = site.fails();
        assert!(message.ends_with("was silent for 3s"), "{message}");
    }
    watch.always();
    site.close();
}

fn breaks_off(account: &Account) {
    let site = Site::start(account, Parts::Embedded, &[("MAESTRO_TASK_RETRIES", "0")]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch(0..300);
    let ends: [fn(&str, &mut Wire) -> io::Result<()>; 4] = [
        // The connection ends before the length that was announced, between two chunks, and in one of them.
        |text, wire| wire.head(200, "application/json", text.len()).and_then(|()| wire.send(in_a_row(text))),
        |text, wire| wire.chunked().and_then(|()| wire.chunk(in_a_row(text))),
        |text, wire| wire.chunked().and_then(|()| wire.send(&format!("{:x}\r\n{}", text.len(), in_a_row(text)))),
        // The answer ends in good order, and what it holds does not.
        |text, wire| wire.whole(200, "application/json", in_a_row(text)),
    ];
    for end in ends {
        account.fault();
        site.data_api.answer(move |_, wire| end(&body(1000, &(0..1000).map(row).collect::<Vec<_>>()), wire));
        let message = site.fails();
        assert!(message.contains("broke off its answer after ") && message.ends_with(" bytes"), "{message}");
    }
    watch.always();
    site.close();
}

/// An answer up to the middle of the row in its middle.
fn in_a_row(text: &str) -> &str {
    let half = text.len() / 2;
    &text[..half + text[half..].find("hostname").unwrap()]
}

/// The first answer breaks off late, the second is whole.
fn breaks_off_late(account: &Account, parts: Parts) {
    let Some(site) = Site::start(account, parts, &[]) else { return };
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 0..50_000);
    account.fault();
    let text = body(50_000, &(0..50_000).map(row).collect::<Vec<_>>());
    let cut = text.find(&id(30_000)).unwrap();
    site.data_api.answer(move |ask, wire| {
        wire.head(200, "application/json", text.len())?;
        wire.send(if ask.number == 1 { &text[..cut] } else { &text })
    });
    site.finishes(0..50_000);
    assert_eq!(site.data_api.asked(), 2);
    watch.always();
    site.close();
}

/// The connection is cut while both sides have more to say.
fn is_cut(account: &Account) {
    let site = Site::start(account, Parts::Embedded, &[("MAESTRO_TASK_RETRIES", "5")]).unwrap();
    site.data_api.answer(whole(0..300));
    site.finishes(0..300);
    let watch = site.watch_change(0..300, 0..5000);
    let gate = Gate::default();
    site.data_api.answer(held(0..5000, 3000, gate.clone()));
    let run = site.request();
    gate.reached();
    account.fault();
    site.ways.data_api.cut();
    gate.open();
    site.ways.data_api.mend();
    site.finished(&run, 0..5000);
    watch.always();
    site.close();
}
