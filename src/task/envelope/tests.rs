use super::*;
use crate::domain::{ReportType, Status};
use crate::task::{Deliver, Notice, RunRows};
use bson::doc;
use bson::oid::ObjectId;
use proptest::prelude::*;
use serde_json::{Map, json};
use std::io::Write;

const REPORT: &str = "5c0000000000000000000001";
const OWNER: &str = "5c0000000000000000000002";

/// A message as Celery's producer sends it, with the given arguments.
fn celery(task: &str, args: Value, kwargs: Value) -> Message {
    let mut message = captured("qgeneral.api");
    message.headers.insert("task".into(), task.into());
    message.body = json!([args, kwargs, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}])
        .to_string()
        .into_bytes();
    message
}

/// The first captured message of this name (tests/fixtures/celery/task.jsonl).
fn captured(what: &str) -> Message {
    let lines = include_str!("../../../tests/fixtures/celery/task.jsonl").lines();
    let all = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = all.into_iter().find(|one| one["what"] == what).unwrap();
    let text = |name: &str| found["properties"][name].as_str().map(str::to_owned);
    Message {
        headers: found["properties"]["headers"].as_object().unwrap().clone(),
        body: found["body"].to_string().into_bytes(),
        content_type: text("content_type").unwrap(),
        content_encoding: text("content_encoding").unwrap(),
        correlation_id: text("correlation_id"),
        reply_to: text("reply_to"),
        priority: found["properties"]["priority"].as_u64().unwrap() as u8,
    }
}

fn refused(message: &Message) -> String {
    let error = Envelope::from_message(message).unwrap_err();
    let causes = std::iter::successors(std::error::Error::source(&error), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn all_tasks() -> Vec<Task> {
    let (report, owner) = (REPORT.parse().unwrap(), OWNER.parse().unwrap());
    let id = ObjectId::parse_str(OWNER).unwrap();
    let date = bson::DateTime::parse_rfc3339_str("2018-11-28T02:00:00.25Z").unwrap();
    let row = doc! {"_id": id, "name": "é", "cpu": 4, "ratio": 0.5, "updated_at": date, "tags": [{"key": "a"}]};
    let rows = vec![row.try_into().unwrap()];
    vec![
        Task::General {
            owner,
            report,
            component: "Servers".parse().unwrap(),
            query: json!({"cpu": {"$gte": 4}, "name": {"$regex": "wéb"}}).as_object().unwrap().clone(),
            residual: Some(doc! {"updated_at": {"$gte": date}, "n": 5_i64, "$and": [{"_id": id}]}),
        },
        Task::Pivot {
            owner,
            report,
            entity: "Clients".parse().unwrap(),
            pipeline: vec![json!({"$match": {"roles._id": OWNER}}), json!({"$unwind": "$systems"})],
            residual: Some(doc! {"systems.created_at": {"$lt": date}}),
        },
        Task::Upload { report, owner, kind: ReportType::Pivot, rows: rows.clone() },
        Task::Webhook { table: TableName::new(report, ReportType::General), rows },
        Task::Notification {
            report,
            message: "This report is empty".into(),
            status: Status::Warning,
            more: json!({"columns": ["name"]}).as_object().unwrap().clone(),
        },
        Task::Audit { report, record: json!({"aggr": {}}) },
        Task::Ws { kind: ReportType::General, report, owner, notice: Notice::Info },
        Task::Deliver(Box::new(Deliver {
            table: "5c0000000000000000000001_pivot".parse().unwrap(),
            run: "73aead8f-670e-4cc7-bb80-965b9022b5d4".into(),
            endpoint: "all:warehouse".into(),
            host: "hooks.example.org:8443".into(),
            status: Status::Finished,
            message: "é".into(),
            ended_at: "2026-11-25T08:00:00.123456789Z".parse().unwrap(),
            rows: Some(RunRows { generation: 7, count: 900, batch_rows: 500, batch_bytes: 1 << 20 }),
            batch: 1,
            sent: 500,
        })),
        Task::Ping,
    ]
}

#[test]
fn every_task_survives_the_wire() {
    for task in all_tasks() {
        let mut envelope = Envelope::new(task);
        envelope.expires = Some("2030-01-02T03:04:05.678Z".parse().unwrap());
        envelope.requested_at = Some("2026-11-23T19:25:10.285Z".parse().unwrap());
        assert_eq!(Envelope::from_message(&envelope.to_message()).unwrap(), envelope);
    }
}

#[test]
fn a_written_message_has_the_headers_and_properties_of_a_captured_one() {
    let (ours, celerys) = (Envelope::new(all_tasks().remove(0)).to_message(), captured("qgeneral.api"));
    for name in celerys.headers.keys() {
        assert!(ours.headers.contains_key(name), "{name}");
    }
    assert_eq!(ours.content_type, celerys.content_type);
    assert_eq!(ours.content_encoding, celerys.content_encoding);
    assert_eq!(ours.correlation_id.as_deref(), ours.headers["id"].as_str());
    let body: Value = serde_json::from_slice(&ours.body).unwrap();
    assert_eq!(body[2], serde_json::from_slice::<Value>(&celerys.body).unwrap()[2]);
    assert_eq!(body[0][0], OWNER);
    assert_eq!(body[0][1], REPORT);
}

#[test]
fn a_captured_message_of_another_application_is_an_unknown_task() {
    for what in ["q.add", "q.retry", "no.such.task"] {
        assert!(matches!(Envelope::from_message(&captured(what)), Err(BadMessage::UnknownTask(name)) if name == what));
    }
    // Its arguments are [1, 'two', {'three': 3}] and é by name.
    assert!(refused(&captured("qgeneral.api")).starts_with("qgeneral.api: expected the arguments owner_user, "));
}

#[test]
fn arguments_may_come_by_name() {
    let kwargs = json!({"more": {"columns": []}, "status": "error", "msg": "why", "report_id": REPORT});
    let envelope = Envelope::from_message(&celery("notification.api", json!([]), kwargs)).unwrap();
    let Task::Notification { message, status, .. } = envelope.task else { panic!() };
    assert_eq!((message.as_str(), status), ("why", Status::Error));

    let mixed = celery("qgeneral.api", json!([OWNER, REPORT]), json!({"type": "Servers"}));
    let Task::General { query, .. } = Envelope::from_message(&mixed).unwrap().task else { panic!() };
    assert!(query.is_empty(), "no filters ask for everything");
}

#[test]
fn the_query_of_a_general_report_may_be_json_or_a_text_of_it() {
    for filters in [json!({"name": "a"}), json!("{\"name\": \"a\"}")] {
        let message = celery("qgeneral.api", json!([OWNER, REPORT, "Servers", filters]), json!({}));
        let Task::General { query, .. } = Envelope::from_message(&message).unwrap().task else { panic!() };
        assert_eq!(query, *json!({"name": "a"}).as_object().unwrap());
    }
    for (filters, why) in
        [(json!("{\"name\""), "expected JSON"), (json!(5), "expected an object"), (json!("7"), "expected")]
    {
        let message = celery("qgeneral.api", json!([OWNER, REPORT, "Servers", filters]), json!({}));
        assert!(refused(&message).contains(why), "{}", refused(&message));
    }
}

#[test]
fn the_web_clients_list_of_filters_is_accepted() {
    let message = celery("qgeneral.api", json!([OWNER, REPORT, "Servers", []]), json!({}));
    assert!(matches!(Envelope::from_message(&message).unwrap().task, Task::General { query, .. } if query.is_empty()));
}

#[test]
fn pythons_upload_names_the_type_as_name() {
    let rows = json!([{"_id": OWNER, "created_at": "2018-11-28T02:00:00"}]);
    for args in [json!([REPORT, OWNER, "pivot", rows]), json!([REPORT, OWNER, "Servers", rows, "pivot"])] {
        let Task::Upload { kind, rows, .. } =
            Envelope::from_message(&celery("upload.api", args, json!({}))).unwrap().task
        else {
            panic!()
        };
        assert_eq!(kind, ReportType::Pivot);
        assert!(rows[0].get_object_id("_id").is_ok());
        assert!(rows[0].get_datetime("created_at").is_ok());
    }
}

#[test]
fn kombus_wrapped_values_become_their_text() {
    let row = json!({"updated_at": {"__type__": "datetime", "__value__": "2018-11-28T02:00:00"},
        "uuid": {"__type__": "uuid", "__value__": {"hex": "ab"}}});
    let message = celery("webhook.api", json!([format!("{REPORT}_general"), [row], REPORT]), json!({}));
    let Task::Webhook { rows, .. } = Envelope::from_message(&message).unwrap().task else { panic!() };
    assert!(rows[0].get_datetime("updated_at").is_ok());
    assert_eq!(rows[0].get_str("uuid").unwrap(), "ab");
}

#[test]
fn what_is_wrong_is_named_with_what_was_expected() {
    let good = || celery("ws.api", json!(["general", REPORT, OWNER, "success"]), json!({}));
    assert!(Envelope::from_message(&good()).is_ok());
    type Spoil<'a> = &'a dyn Fn(&mut Message);
    let cases: [(Spoil<'_>, &str); 14] = [
        (&|m| drop(m.headers.remove("task")), "header task: expected the name of a task"),
        (&|m| drop(m.headers.remove("id")), "header id: expected the task's id"),
        (&|m| drop(m.headers.insert("id".into(), 5.into())), "header id: expected a text"),
        (&|m| drop(m.headers.insert("id".into(), "x".repeat(256).into())), "header id: expected the task's id"),
        (&|m| drop(m.headers.insert("retries".into(), (-1).into())), "header retries: expected a number from 0"),
        (&|m| drop(m.headers.insert("eta".into(), "".into())), "header eta: expected an ISO 8601 date"),
        (&|m| drop(m.headers.insert("expires".into(), 5.into())), "header expires: expected an ISO 8601 date"),
        (&|m| m.content_type = "application/x-python-serialize".into(), "expected application/json"),
        (&|m| m.body = b"{}".to_vec(), "body: expected an array [args, kwargs, embed]"),
        (&|m| m.body = b"[[], {}]".to_vec(), "body: expected an array of exactly three"),
        (&|m| m.body = b"[[], {}, {}".to_vec(), "body: expected JSON"),
        (&|m| m.body = b"[[NaN], {}, {}]".to_vec(), "body: expected JSON"),
        (&|m| m.body = b"[[], {}, {\"chain\": [1]}]".to_vec(), "body: embed chain: [0]: "),
        (
            &|m| drop(m.headers.insert("compression".into(), "application/x-lzma".into())),
            "compression \"application/x-lzma\"",
        ),
    ];
    for (spoil, expected) in cases {
        let mut message = good();
        spoil(&mut message);
        assert!(refused(&message).contains(expected), "{expected}: {}", refused(&message));
    }
}

#[test]
fn wrong_arguments_are_named() {
    let cases = [
        (json!(["general", REPORT, "me"]), json!({}), "argument owner_id: expected 24 hex digits"),
        (json!(["general", REPORT]), json!({}), "argument owner_id: expected a text, it is missing"),
        (json!(["other", REPORT, OWNER]), json!({}), "argument name: expected general or pivot"),
        (json!(["general", REPORT, OWNER, "danger"]), json!({}), "argument status: expected success, info or error"),
        (json!([1, 2, 3, 4, 5]), json!({}), "got 1 positional ones besides"),
        (json!(["general"]), json!({"name": "pivot"}), "\"name\" by position and by name"),
        (json!([]), json!({"filter": 1}), "expected the arguments name, report_id, owner_id, status, got \"filter\""),
    ];
    for (args, kwargs, expected) in cases {
        let text = refused(&celery("ws.api", args, kwargs));
        assert!(text.starts_with("ws.api: ") && text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_bad_message_still_tells_its_report() {
    let table = |kind| TableName::new(REPORT.parse().unwrap(), kind);
    let message = celery("qgeneral.api", json!([OWNER, REPORT, "../x", 5, 6, 7]), json!({}));
    let id = message.headers["id"].as_str().unwrap().to_owned();
    assert_eq!(Envelope::report_of(&message), Some((table(ReportType::General), id)));
    let upload = celery("upload.api", json!([REPORT, null, "pivot"]), json!({}));
    assert_eq!(Envelope::report_of(&upload).unwrap().0, table(ReportType::Pivot));
    assert_eq!(Envelope::report_of(&celery("ws.api", json!([1]), json!({}))), None);
    assert_eq!(Envelope::report_of(&captured("q.add")), None);
}

#[test]
fn a_zlib_body_is_unpacked() {
    let mut message = celery("audit.api", json!([REPORT, {"aggr": {}}]), json!({}));
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&message.body).unwrap();
    message.headers.insert("compression".into(), "application/x-gzip".into());
    assert!(refused(&message).contains("does not decompress"));
    message.body = packed.finish().unwrap();
    assert!(matches!(Envelope::from_message(&message).unwrap().task, Task::Audit { .. }));
}

/// `[["5c0000000000000000000001", {"aggr": {}}], {}, {}]` as Python 3.11's bz2 and zstd's own program pack it.
const BZIP2: &str = "QlpoOTFBWSZTWff4z/0AAAo7gCAAUARiEAAKKIAQCiAAIaQ09TJpiFMABNFVOFpp4t0qNhiRqasWBBwPi7kinChIe/xn/oA=";
const ZSTD: &str = "KLUv/QRYPQEABAJbWyI1YzAxIiwgeyJhZ2dyIjoge319XSwge30sIHt9XQEANCgCnSdafw==";

#[test]
fn bzip2_and_zstandard_are_unpacked() {
    for (name, packed) in [("application/x-bz2", BZIP2), ("application/zstd", ZSTD)] {
        let mut message = celery("audit.api", json!([]), json!({}));
        message.headers.insert("compression".into(), name.into());
        assert!(refused(&message).contains("does not decompress"), "{name}: {}", refused(&message));
        message.body = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, packed).unwrap();
        assert!(matches!(Envelope::from_message(&message).unwrap().task, Task::Audit { .. }), "{name}");
        message.body.truncate(20);
        assert!(refused(&message).contains("does not decompress"), "{name}");
    }
}

#[test]
fn a_message_of_protocol_1_becomes_one_of_protocol_2() {
    let body = json!({"task": "audit.api", "id": "t1", "args": [REPORT, {"aggr": {}}], "kwargs": null, "retries": 2,
        "eta": "2026-11-23T19:25:10", "expires": "2026-11-24T00:00:00", "utc": true, "timelimit": [5, null],
        "callbacks": [{"task": "after", "args": [], "kwargs": {}, "options": {}}], "errbacks": null, "taskset": "g",
        "chord": null});
    let old = |body: &Value| Message {
        body: body.to_string().into_bytes(),
        content_type: "application/json".into(),
        content_encoding: "utf-8".into(),
        reply_to: Some("r".into()),
        ..Message::default()
    };
    let message = Envelope::upgraded(old(&body));
    let envelope = Envelope::from_message(&message).unwrap();
    assert_eq!((envelope.id.as_str(), envelope.retries, envelope.root()), ("t1", 2, "t1"));
    assert_eq!(envelope.expires, Some("2026-11-24T00:00:00Z".parse().unwrap()));
    assert_eq!((envelope.embed.callbacks.len(), message.eta()), (1, Some("2026-11-23T19:25:10Z".parse().unwrap())));
    assert_eq!((&message.headers["timelimit"], &message.headers["group"]), (&json!([5, null]), &json!("g")));
    assert_eq!((message.correlation_id.as_deref(), message.reply_to.as_deref()), (Some("t1"), Some("r")));
    let short = json!({"task": "audit.api", "id": "t1", "args": [REPORT, {}], "kwargs": {}});
    assert!(Envelope::from_message(&Envelope::upgraded(old(&short))).is_ok());
    for none in [json!([1]), json!({"id": "t1"}), json!({"task": 5})] {
        assert_eq!(Envelope::upgraded(old(&none)), old(&none));
        assert!(refused(&old(&none)).starts_with("header task: "));
    }
    let new = captured("qgeneral.api");
    assert_eq!(Envelope::upgraded(new.clone()), new);
}

#[test]
fn what_follows_is_read_and_written() {
    let mut message = celery("audit.api", json!([REPORT, {}]), json!({}));
    let one = |name: &str| {
        json!({"task": name, "args": [1], "kwargs": {}, "options": {"queue": "q"}, "subtask_type": null,
        "immutable": false})
    };
    let embed = json!({"callbacks": [one("a")], "errbacks": [one("b")], "chain": [one("d"), one("c")], "chord": null});
    message.body = json!([[REPORT, {}], {}, embed]).to_string().into_bytes();
    message.headers.insert("parent_id".into(), "p".into());
    message.headers.insert("root_id".into(), "r".into());
    let envelope = Envelope::from_message(&message).unwrap();
    assert_eq!((envelope.root(), envelope.parent_id.as_deref()), ("r", Some("p")));
    let again = envelope.to_message();
    assert_eq!((&again.headers["root_id"], &again.headers["parent_id"]), (&json!("r"), &json!("p")));
    let body: Value = serde_json::from_slice(&again.body).unwrap();
    assert_eq!(body[2], embed);
}

#[test]
fn what_follows_a_bad_message_is_made_out_all_the_same() {
    let mut message = celery("no.such.task", json!([]), json!({}));
    message.body = json!([[], {}, {"errbacks": [{"task": "e"}]}]).to_string().into_bytes();
    assert_eq!(Envelope::embed_of(&message).errbacks.len(), 1);
    let chord = celery("qgeneral.api", json!([OWNER, REPORT, "Servers", {}]), json!({}));
    let chord =
        Message { body: json!([[OWNER, REPORT], {}, {"chord": {"task": "t"}}]).to_string().into_bytes(), ..chord };
    assert_eq!(Envelope::embed_of(&chord), Embed::default());
    assert!(Envelope::report_of(&chord).is_some(), "its report is told of it");
}

#[test]
fn the_next_attempt_keeps_everything_but_the_count_and_the_time() {
    let mut message = celery("audit.api", json!([REPORT, {}]), json!({}));
    message.headers.insert("x-mine".into(), json!({"a": [1, null]}));
    message.headers.insert("x-death".into(), json!([{"count": 1}]));
    let envelope = Envelope::from_message(&message).unwrap();
    let now = "2026-11-23T19:25:10.285943Z".parse().unwrap();
    let next = envelope.next_attempt(&message, now, Duration::from_millis(1500));
    let mut expected = message.clone();
    expected.headers.insert("retries".into(), 1.into());
    expected.headers.insert("eta".into(), "2026-11-23T19:25:11.785943+00:00".into());
    expected.headers.insert("parent_id".into(), envelope.id.clone().into());
    expected.headers.remove("x-death");
    assert_eq!(next, expected);
    assert_eq!(Envelope::from_message(&next).unwrap().retries, 1);
}

#[test]
fn a_task_expires_at_its_time() {
    let mut message = celery("audit.api", json!([REPORT, {}]), json!({}));
    message.headers.insert("expires".into(), "2026-11-23T19:26:08.285943+00:00".into());
    let envelope = Envelope::from_message(&message).unwrap();
    let before = "2026-11-23T19:26:08.285942Z".parse().unwrap();
    assert!(!envelope.has_expired(before));
    assert!(envelope.has_expired("2026-11-23T19:26:08.285943Z".parse().unwrap()));
    assert!(!Envelope::new(envelope.task).has_expired(before));
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(REPORT)),
        prop_oneof!["\\$oid", "\\$date", "__type__", "general", "application/x-gzip"].prop_map(Value::from),
    ];
    let key = prop_oneof![".{0,6}", "\\$oid", "\\$date", "\\$numberLong", "__type__", "__value__", "_id", "a_at"];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_body_and_no_header_panics(
        task in prop_oneof![
            "qgeneral.api", "qpivot.api", "upload.api", "webhook.api", "notification.api", "audit.api", "ws.api", ".*"
        ],
        spoiled in prop_oneof!["id", "task", "retries", "eta", "expires", "compression", RESIDUAL, ".*"],
        header in json_value(),
        args in prop_oneof![proptest::collection::vec(json_value(), 0..6).prop_map(Value::from), json_value()],
        kwargs in prop_oneof![Just(Value::Object(Map::new())), json_value()],
        cut in 0_usize..4000,
    ) {
        let mut message = celery(&task, args, kwargs);
        let _ = Envelope::from_message(&message);
        message.headers.insert(spoiled, header);
        if let Ok(envelope) = Envelope::from_message(&message) {
            let again = Envelope::from_message(&envelope.to_message()).unwrap();
            prop_assert_eq!(again.id, envelope.id);
        }
        let _ = Envelope::report_of(&message);
        message.body.truncate(cut);
        let _ = Envelope::from_message(&message);
    }

    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200), packed in any::<bool>()) {
        let mut message = Message { body, ..celery("upload.api", json!([]), json!({})) };
        if packed {
            message.headers.insert("compression".into(), "application/x-gzip".into());
        }
        prop_assert!(Envelope::from_message(&message).is_err());
    }
}
