use super::*;
use crate::broker::Outgoing;
use crate::task::Envelope;
use chrono::{DateTime, Utc};
use proptest::prelude::*;

const REPORT: &str = "5c0000000000000000000001";

fn origin() -> Origin<'static> {
    Origin {
        id: "me",
        root: "first",
        own_queue: "report",
        now: "2026-11-23T19:25:10Z".parse::<DateTime<Utc>>().unwrap(),
    }
}

fn embed(fields: Value) -> Embed {
    Embed::read(fields).unwrap()
}

/// A message as queue, headers, properties and body.
fn seen(outgoing: &Outgoing) -> Value {
    let Outgoing::Task(queue, message) = outgoing else { panic!() };
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    json!({"queue": queue, "headers": message.headers, "reply_to": message.reply_to, "priority": message.priority,
        "args": body[0], "kwargs": body[1], "embed": body[2]})
}

fn all(follow_ups: &FollowUps) -> Vec<Value> {
    follow_ups.messages.iter().map(seen).collect()
}

/// The embed of the captured message with two callbacks and an errback, or of the one with a chain.
fn captured(field: &str, count: usize) -> Embed {
    let lines = include_str!("../../../tests/fixtures/celery/task.jsonl").lines();
    let bodies = lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["body"][2].take());
    let is_it = |embed: &Value| embed[field].as_array().is_some_and(|items| items.len() == count);
    embed(bodies.into_iter().find(is_it).unwrap())
}

#[test]
fn callbacks_get_the_result_first_unless_they_are_immutable() {
    let sent = captured("callbacks", 2).on_success(origin(), &json!({"ok": 5}));
    let messages = all(&sent);
    assert_eq!((&messages[0]["args"], &messages[1]["args"]), (&json!([{"ok": 5}, 3]), &json!([1, 1])));
    for (index, message) in messages.iter().enumerate() {
        assert_eq!(message["queue"], "celery");
        let headers = &message["headers"];
        assert_eq!((&headers["task"], &headers["id"]), (&json!("q.add"), &json!(sent.ids[index])));
        assert_eq!((&headers["root_id"], &headers["parent_id"]), (&json!("first"), &json!("me")));
        assert_eq!((&headers["group"], &headers["group_index"]), (&messages[0]["headers"]["group"], &json!(index)));
        assert_eq!(headers["ignore_result"], Value::Null);
        assert_eq!(message["embed"], json!({"callbacks": null, "errbacks": null, "chain": null, "chord": null}));
    }
    assert!(messages[0]["headers"]["group"].is_string());
    assert_ne!(sent.ids[0], sent.ids[1]);
    assert_eq!(captured("callbacks", 2).on_success(origin(), &json!({"ok": 5})), sent, "the same ids each time");
    let other = captured("callbacks", 2).on_success(Origin { id: "you", ..origin() }, &Value::Null);
    assert!(other.ids.iter().all(|id| !sent.ids.contains(id)));
}

#[test]
fn errbacks_get_the_tasks_id() {
    let sent = captured("callbacks", 2).on_failure(origin());
    let messages = all(&sent);
    assert_eq!((messages.len(), &messages[0]["args"]), (1, &json!(["me"])));
    assert_eq!(messages[0]["headers"]["task"], "q.request");
    assert!(messages[0]["headers"]["group"].is_string());
    assert_eq!(captured("chain", 1).on_failure(origin()), FollowUps::default(), "a chain stops");
}

#[test]
fn a_chain_goes_on_with_its_last_element() {
    let sent = captured("chain", 1).on_success(origin(), &json!(7));
    let message = &all(&sent)[0];
    assert_eq!((&message["queue"], &message["args"]), (&json!("fzt"), &json!([7, 100])));
    assert_eq!(
        (&message["headers"]["id"], &message["reply_to"]),
        (&json!("C2"), &json!("amq.gen-hfrZ8Mn3w7P3yh8lJRzy5g"))
    );
    let one = |name: &str| json!({"task": name, "options": {"task_id": name, "chord_size": null}, "more": 1});
    let sent = embed(json!({"chain": [one("c"), one("b"), one("a")]})).on_success(origin(), &json!(7));
    let message = &all(&sent)[0];
    assert_eq!((sent.ids, &message["headers"]["id"]), (vec!["a".to_owned()], &json!("a")));
    let rest = message["embed"]["chain"].as_array().unwrap();
    assert_eq!(
        (&rest[0]["task"], &rest[1]["task"], &rest[1]["more"], rest.len()),
        (&json!("c"), &json!("b"), &json!(1), 2)
    );
}

#[test]
fn options_become_headers_and_properties() {
    let options = json!({"queue": "q", "priority": 7, "countdown": 1.5, "expires": 60, "shadow": "s", "time_limit": 30,
        "soft_time_limit": 20, "reply_to": "r", "ignore_result": true, "headers": {"x-mine": 1, "id": "not this"},
        "link": {"task": "l"}, "link_error": [{"task": "e"}]});
    let sent = embed(json!({"callbacks": {"task": "t", "args": null, "kwargs": {"k": 1}, "options": options}}));
    let message = &all(&sent.on_success(origin(), &json!(0)))[0];
    let headers = &message["headers"];
    assert_eq!((&message["queue"], &message["priority"], &message["reply_to"]), (&json!("q"), &json!(7), &json!("r")));
    assert_eq!(headers["eta"], "2026-11-23T19:25:11.500000+00:00");
    assert_eq!(headers["expires"], "2026-11-23T19:26:10.000000+00:00");
    assert_eq!((&headers["shadow"], &headers["timelimit"]), (&json!("s"), &json!([30, 20])));
    assert_eq!((&headers["ignore_result"], &headers["x-mine"]), (&json!(true), &json!(1)));
    assert_ne!(headers["id"], "not this");
    assert_eq!((&message["args"], &message["kwargs"]), (&json!([0]), &json!({"k": 1})));
    let embed = &message["embed"];
    assert_eq!((&embed["callbacks"][0]["task"], &embed["errbacks"][0]["task"]), (&json!("l"), &json!("e")));
}

#[test]
fn dates_may_be_wrapped_and_bad_ones_are_left_out() {
    let wrapped = json!({"__type__": "datetime", "__value__": "2026-11-24T00:00:00"});
    for (eta, expected) in [(wrapped, json!("2026-11-24T00:00:00.000000+00:00")), (json!(""), json!(null))] {
        let sent = embed(json!({"chain": [{"task": "t", "options": {"eta": eta, "expires": "soon"}}]}));
        let message = &all(&sent.on_success(origin(), &json!(0)))[0];
        assert_eq!((&message["headers"]["eta"], &message["headers"]["expires"]), (&expected, &json!(null)));
    }
}

#[test]
fn tasks_without_a_queue_go_where_their_workers_are() {
    let to = |signature: Value| {
        all(&embed(json!({"chain": [signature]})).on_success(origin(), &json!(0)))[0]["queue"].take()
    };
    assert_eq!(to(json!({"task": "t"})), "celery");
    assert_eq!(to(json!({"task": "ws.api"})), "report");
    assert_eq!(to(json!({"task": "ws.api", "options": {"queue": "q"}})), "q");
    assert_eq!(to(json!({"task": "t", "options": {"queue": null, "routing_key": "k", "exchange": ""}})), "k");
    assert_eq!(to(json!({"task": "t", "options": {"routing_key": "k", "exchange": "topics"}})), "celery");
}

#[test]
fn chains_and_groups_are_taken_apart() {
    let task = |name: &str| json!({"task": name, "options": {"task_id": name}});
    let several = |kind: &str, options: Value, tasks: Vec<Value>| json!({"task": format!("celery.{kind}"), "kwargs": {"tasks": tasks}, "subtask_type": kind, "options": options});
    let chain = several("chain", json!({"link": [task("l")], "link_error": [task("e")]}), vec![task("a"), task("b")]);
    let sent = embed(json!({"callbacks": [chain]})).on_success(origin(), &json!(0));
    let message = &all(&sent)[0];
    assert_eq!(sent.ids, ["a"]);
    assert_eq!((&message["embed"]["callbacks"], &message["embed"]["errbacks"][0]["task"]), (&json!(null), &json!("e")));
    let rest = &message["embed"]["chain"];
    assert_eq!((&rest[0]["task"], &rest[0]["options"]["link"][0]["task"]), (&json!("b"), &json!("l")));

    let group = several(
        "group",
        json!({"task_id": "g"}),
        vec![task("a"), several("chain", json!({}), vec![task("b"), task("c")])],
    );
    let sent = embed(json!({"chain": [group.clone()]})).on_success(origin(), &json!(0));
    let messages = all(&sent);
    assert_eq!(sent.ids, ["a", "b"]);
    assert_eq!((&messages[1]["headers"]["group"], &messages[1]["headers"]["group_index"]), (&json!("g"), &json!(1)));
    assert_eq!(messages[1]["embed"]["chain"][0]["task"], "c");

    for (embed, expected) in [
        (json!({"chain": [task("after"), group.clone()]}), "embed chain: a group that a task follows"),
        (json!({"callbacks": [several("chain", json!({}), vec![group, task("z")])]}), "embed callbacks: a group that"),
        (json!({"callbacks": [several("chain", json!({}), vec![])]}), "a chain of no tasks"),
        (json!({"errbacks": [several("chord", json!({}), vec![])]}), "embed errbacks: chords are not supported"),
        (json!({"chord": task("a")}), "embed chord: chords are not supported"),
        (json!({"callbacks": [task("a"), 5]}), "embed callbacks: [1]: "),
        (json!({"chain": [{"args": []}]}), "embed chain: [0]: missing field `task`"),
        (json!([1]), "expected embed to be an object or null"),
    ] {
        let error = Embed::read(embed).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn what_follows_one_of_our_tasks_is_one_of_our_tasks() {
    let signature =
        json!({"task": "webhook.api", "args": [format!("{REPORT}_general"), [], REPORT], "immutable": true});
    let sent = embed(json!({"chain": [signature]})).on_success(origin(), &json!(0));
    let Outgoing::Task(_, message) = &sent.messages[0] else { panic!() };
    let envelope = Envelope::from_message(message).unwrap();
    assert_eq!(
        (envelope.task.name(), envelope.root(), envelope.parent_id.as_deref()),
        ("webhook.api", "first", Some("me"))
    );
}

/// Signatures of every kind, some of them spoilt.
fn signature() -> impl Strategy<Value = Value> {
    let options = prop_oneof![
        Just(json!({})),
        Just(
            json!({"queue": "q", "task_id": "t", "countdown": 1e300, "expires": -1e300, "priority": 900, "headers": [1]})
        ),
        Just(json!({"eta": {"__type__": "datetime", "__value__": 5}, "link": 7, "link_error": [{}], "chain": {}})),
        Just(json!(null)),
    ];
    let leaf = (options.clone(), any::<Option<bool>>())
        .prop_map(|(options, immutable)| json!({"task": "t", "args": [1], "options": options, "immutable": immutable}));
    let leaf = prop_oneof![9 => leaf, 1 => Just(json!({"task": 5})), 1 => Just(json!(null))];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let kind = prop_oneof!["chain", "group", "chord", "other"];
        (kind, proptest::collection::vec(inner, 0..3), options.clone()).prop_map(|(kind, tasks, options)| {
            json!({"task": "c", "subtask_type": kind, "kwargs": {"tasks": tasks}, "options": options})
        })
    })
}

proptest! {
    #[test]
    fn what_is_read_is_sent_and_nothing_panics(
        callbacks in proptest::collection::vec(signature(), 0..3),
        errbacks in signature(),
        chain in proptest::collection::vec(signature(), 0..3),
    ) {
        let fields = json!({"callbacks": callbacks, "errbacks": [errbacks], "chain": chain});
        if let Ok(embed) = Embed::read(fields) {
            for sent in [embed.on_success(origin(), &json!(1)), embed.on_failure(origin())] {
                prop_assert_eq!(sent.messages.len(), sent.ids.len());
                for message in all(&sent) {
                    prop_assert!(message["headers"]["task"].is_string() && message["args"].is_array());
                }
            }
            prop_assert_eq!(Embed::read(embed.to_value()).unwrap(), embed);
        }
    }
}
