//! Rows at users' endpoints: the built program, a real receiver over HTTP, on both sets of parts.

mod accidents;
mod addresses;
mod rows;
mod secure;
mod slices;

use crate::support::fleet::{self, Fleet, Parts};
use crate::support::receiver::{Message, Receiver};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const REPORT: &str = "5f0000000000000000000031";
const TABLE: &str = "5f0000000000000000000031_general";
/// The secret of the endpoint for all reports.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

/// Makes each rule (an `fn(Parts)`) a test over both sets of parts.
macro_rules! on_both_sets_of_parts {
    ($($rule:ident),+ $(,)?) => {
        mod embedded {
            $(#[test] fn $rule() { super::$rule(crate::support::fleet::Parts::Embedded); })+
        }
        mod servers {
            $(#[test] fn $rule() { super::$rule(crate::support::fleet::Parts::Servers); })+
        }
    };
}
use on_both_sets_of_parts;

/// Gives the report an endpoint of its own; the secret that was made for it.
fn give_endpoint(fleet: &Fleet, url: &str) -> String {
    let answer = fleet::put(&format!("{}/reports/{TABLE}/webhook", fleet.api.url()), &json!({"url": url}));
    answer["secret"].as_str().unwrap_or_else(|| panic!("no secret: {answer}")).to_owned()
}

/// Requests the report of all servers; the run's id.
fn request(fleet: &Fleet) -> String {
    fleet.request(REPORT, "general", "Servers", &json!([]))
}

/// Waits for the message at the end of a run.
fn end_of(fleet: &Fleet, receiver: &Receiver, run: &str) -> Message {
    fleet.wait("the message at the end", || {
        let taken = receiver.taken("/").into_iter();
        taken.filter(|message| message.json["data"]["run"] == run).find(|message| message.kind() != "report.rows")
    })
}

/// Waits for a dead letter, and gives the list.
fn dead_letters(fleet: &Fleet) -> String {
    fleet.wait("a dead letter", || {
        let list = fleet.run(&["dead-letters", "list"]);
        list.contains("deliver.api").then_some(list)
    })
}

/// The batches of rows among these messages.
fn batches(messages: &[Message], run: &str) -> Vec<Message> {
    let of_run = messages.iter().filter(|message| message.json["data"]["run"] == run);
    of_run.filter(|message| message.kind() == "report.rows").cloned().collect()
}

/// Fails unless the batches hold each of the rows once and nothing else.
fn hold_exactly(batches: &[Message], rows: &[Value]) {
    let delivered: Vec<&Value> =
        batches.iter().flat_map(|batch| batch.json["data"]["rows"].as_array().unwrap()).collect();
    assert_eq!(delivered.len(), rows.len());
    let texts = |rows: Vec<&Value>| rows.into_iter().map(Value::to_string).collect::<BTreeSet<_>>();
    assert_eq!(texts(delivered), texts(rows.iter().collect()));
    let numbers: Vec<u64> = batches.iter().map(|batch| batch.json["data"]["batch"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..batches.len() as u64).collect::<Vec<_>>(), "in order, none missing");
}
