//! `/schedules`.

use super::{Api, REPORT, on_every_store, snapshot};
use crate::support::http::Answer;
use serde_json::{Value, json};

const OWNER: &str = "5c00000000000000000000aa";

fn fields(name: &str) -> Value {
    json!({
        "name": name, "every": "1h", "report_id": REPORT, "owner_user": OWNER, "type": "general", "component": "Servers",
    })
}

/// What changes from one run of the tests to the next is masked.
fn masked(mut answer: Answer) -> Answer {
    let mut body = answer.json();
    for at in ["/next_run", "/task_id", "/last_run/task_id", "/last_run/requested_at"] {
        if let Some(value) = body.pointer_mut(at).filter(|value| !value.is_null()) {
            *value = json!("***");
        }
    }
    answer.body = body.to_string().into_bytes();
    answer
}

#[test]
fn a_schedule_is_made_shown_changed_run_and_removed() {
    on_every_store(|api| {
        let path = "/schedules/servers%20of%20%22a%2Fb%22";
        let patch = |body: Value| masked(api.send_json("PATCH", path, &body));
        let mut cron = fields("servers of \"a/b\"");
        cron["every"] = Value::Null;
        cron["cron"] = json!({"hour": 3, "day": "last fri"});
        let answers = [
            ("none yet", api.get("/schedules")),
            ("made", masked(api.send_json("POST", "/schedules", &cron))),
            ("again", api.send_json("POST", "/schedules", &cron)),
            ("shown", masked(api.get(path))),
            ("zone and end", patch(json!({"timezone": "Asia/Kolkata", "enabled_until": "2020-01-01T00:00:00Z"}))),
            ("interval", patch(json!({"cron": null, "every": "15m", "enabled_until": null}))),
            ("paused", patch(json!({"paused": true}))),
            ("run", masked(api.call("POST", &format!("{path}/run"), &[], b""))),
            ("after", masked(api.get(path))),
            ("goes on", patch(json!({"paused": false, "jitter": "1m"}))),
        ];
        snapshot("schedules", answers);
        assert_eq!(api.get("/schedules").json()["found"], 1);
        let removed = api.call("DELETE", path, &[], b"");
        assert_eq!((removed.status, removed.body.len()), (204, 0));
        assert_eq!([api.get(path).status, api.call("DELETE", path, &[], b"").status], [404, 404]);
        assert_eq!(api.get("/schedules").json(), json!({"found": 0, "items": []}));
    });
}

#[test]
fn what_is_wrong_is_named() {
    let api = Api::embedded();
    api.send_json("POST", "/schedules", &fields("one"));
    let mut cron = fields("two");
    cron["cron"] = json!("0 25 * *");
    let answers = [
        ("nothing", api.send_json("POST", "/schedules", &json!({}))),
        ("both", api.send_json("POST", "/schedules", &cron)),
        ("no such schedule", api.get("/schedules/two")),
        ("no such schedule to run", api.call("POST", "/schedules/two/run", &[], b"")),
        ("nothing to change", api.send_json("PATCH", "/schedules/one", &json!({}))),
        ("renamed", api.send_json("PATCH", "/schedules/one", &json!({"name": "two"}))),
        ("a field too much", api.send_json("PATCH", "/schedules/one", &json!({"retries": 1, "grace": "soon"}))),
        ("half paused", api.send_json("PATCH", "/schedules/one", &json!({"paused": "yes"}))),
        ("method", api.call("PUT", "/schedules/one", &[], b"{}")),
    ];
    snapshot("schedules_wrong", answers);
    let url = format!("{}/schedules", api.program.url());
    assert_eq!(crate::support::http::send("GET", &url, &[], b"").status, 401);
}

#[test]
fn a_schedule_of_a_file_is_shown_paused_and_run_and_changed_in_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schedules.toml");
    let table = |every: &str| {
        format!(
            "[[schedule]]\nname = \"nightly\"\nevery = \"{every}\"\nreport_id = \"{REPORT}\"\nowner_user = \"{OWNER}\"\n\
             type = \"general\"\ncomponent = \"Servers\"\n"
        )
    };
    std::fs::write(&file, table("1d")).unwrap();
    let api = Api::start_with(&[("MAESTRO_SCHEDULES_FILE", file.to_str().unwrap())]);
    let path = "/schedules/nightly";
    assert_eq!(api.get(path).json()["origin"], "file");
    assert_eq!(api.send_json("PATCH", path, &json!({"every": "2d"})).status, 409);
    assert_eq!(api.call("DELETE", path, &[], b"").status, 409);
    assert_eq!(api.send_json("POST", "/schedules", &fields("nightly")).status, 409);
    assert_eq!(api.send_json("PATCH", path, &json!({"paused": true})).json()["paused"], "paused by a request");
    assert_eq!(api.call("POST", &format!("{path}/run"), &[], b"").status, 202);
    std::fs::write(&file, table("3d")).unwrap();
    assert_eq!(api.get(path).json()["every"], "3d");
}
