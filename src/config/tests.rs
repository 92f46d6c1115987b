//! Loading as a whole: precedence, all mistakes at once, and the agreement of defaults, file and documents.

use super::*;
use crate::schedule::When;
use std::io::Write;
use tempfile::NamedTempFile;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

fn flag(key: &'static str, flag: &'static str, value: &str) -> Flag {
    Flag { key, flag, value: value.to_owned() }
}

#[test]
fn the_default_file_and_the_table_agree() {
    let settings = settings(&|_| None, None, &[]).unwrap();
    for (var, setting) in env::VARS.iter().zip(&settings) {
        assert_eq!((var.key, var.default, &Origin::Default), (setting.var.key, &*setting.text, &setting.origin));
        assert!(DEFAULTS.contains(&format!("# {}: {}", var.name, var.doc)), "{} is not described", var.name);
    }
    assert_eq!(settings.len(), env::VARS.len());
    // A copy of the reference is a valid file: it holds no key that the table lacks.
    load(&|_| None, Some(file(DEFAULTS).path()), &[]).unwrap();
}

#[test]
fn the_readme_shows_the_table() {
    let table = env::markdown();
    assert!(include_str!("../../README.md").contains(&table), "put this into README.md:\n{table}");
}

#[test]
fn the_defaults_are_the_contracts() {
    let config = load(&|_| None, None, &[]).unwrap();
    assert_eq!((config.api.port, config.api.page_rows, config.api.threads), (5005, 1500, 2));
    assert_eq!((config.stages.batch_rows, config.stages.fetch_rows, config.stages.upload), (500, 99999, Upload::Store));
    assert_eq!((config.store.mongo_uri, config.broker.url), (None, None));
    assert_eq!(
        (config.broker.queue.as_str(), config.worker.queues),
        ("report", vec!["report".into(), "reports".into()])
    );
    assert_eq!(config.peers.audit_uri.as_deref(), Some("http://localhost:10900"));
    assert_eq!(config.worker.retry_pause, Duration::from_secs(5));
    assert!(config.worker.hostname.starts_with("maestro@"));
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let file = file("[api]\nport = 1001\nthreads = 3\nhost = \"::1\"\n");
    let get = env(&[("MAESTRO_PORT", "1002"), ("MAESTRO_GWORKERS", "4")]);
    let config = load(&get, Some(file.path()), &[flag("api.port", "--port", "1003")]).unwrap();
    assert_eq!((config.api.port, config.api.threads, config.api.host.as_str()), (1003, 4, "::1"));
    assert_eq!(config.api.page_rows, 1500);
}

#[test]
fn secrets_may_stand_in_files() {
    let (key, keys, url) = (file("hunter2\n"), file("old,key\nolder\n"), file("amqp://guest:hunter2@h//"));
    let path = |file: &NamedTempFile| file.path().display().to_string();
    let (key, keys, url) = (path(&key), path(&keys), path(&url));
    let pairs: [(&str, &str); 4] = [
        ("MAESTRO_SECRETJWT_PRIVATE_FILE", &key),
        ("MAESTRO_SECRETJWT_ACCEPTED_FILE", &keys),
        ("CELERY_BROKER_URL_FILE", &url),
        ("MAESTRO_NOAUTH_FILE", ""),
    ];
    let get = env(&pairs);
    let config = load(&get, None, &[]).unwrap();
    let accepted: Vec<&str> = config.auth.keys().map(Secret::expose).collect();
    assert_eq!(accepted, ["hunter2", "old,key", "older"]);
    assert_eq!(config.broker.url.unwrap().expose(), "amqp://guest:hunter2@h//");
    assert_eq!(config.auth.noauth.expose(), "defaultSecretNoAuthToken");
    let shown = table(&settings(&get, None, &[]).unwrap());
    assert!(shown.contains(&format!("file {key}")) && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_file_of_a_secret_that_is_missing_or_beside_its_variable_is_a_mistake() {
    let both = file("hunter2");
    let both = both.path().display().to_string();
    let pairs: [(&str, &str); 4] = [
        ("MAESTRO_SECRETJWT_PRIVATE_FILE", "/nowhere/key"),
        ("MAESTRO_NOAUTH", "hunter2"),
        ("MAESTRO_NOAUTH_FILE", &both),
        ("MAESTRO_PORT_FILE", "/nowhere/port"),
    ];
    let get = env(&pairs);
    let error = load(&get, None, &[]).unwrap_err();
    let names: Vec<_> = error.mistakes.iter().map(|mistake| mistake.what.as_str()).collect();
    assert_eq!(names, ["MAESTRO_SECRETJWT_PRIVATE_FILE", "MAESTRO_NOAUTH_FILE"]);
    assert!(error.to_string().contains("/nowhere/key") && !error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn an_empty_peer_is_not_told() {
    let config = load(&env(&[("MAESTRO_AUDIT_URI", ""), ("MAESTRO_WEBSOCKET_URI", "")]), None, &[]).unwrap();
    assert_eq!((config.peers.audit_uri, config.peers.websocket_uri), (None, None));
}

#[test]
fn all_mistakes_come_at_once_with_name_origin_and_expectation() {
    let file = file(concat!(
        "colour = \"red\"\n[api]\nthreads = 0\nprot = 1\npage_rows = [1, 2]\n[stages]\nupload = { to = \"store\" }\n",
        "[peers]\naudit_uri = \"ftp://audit\"\n[[schedule]]\nname = \"x\"\nevery = \"soon\"\n"
    ));
    let get = env(&[
        ("MAESTRO_MONGO_URI", "mongodb+srv://u:hunter2@h"),
        ("CELERY_BROKER_URL", "redis://guest:hunter2@h//"),
        ("MAESTRO_NOAUTH", ""),
    ]);
    let error = load(&get, Some(file.path()), &[flag("api.port", "--port", "http")]).unwrap_err();
    let text = error.to_string().replace(&file.path().display().to_string(), "FILE");
    insta::assert_snapshot!(text);
    assert!(!text.contains("hunter2"));
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake_and_none_of_it_is_quoted() {
    let missing = load(&|_| None, Some(std::path::Path::new("/nowhere/x.toml")), &[]).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/x.toml"), "{missing}");
    let broken = file("[auth]\nkey = hunter2\n");
    let error = load(&|_| None, Some(broken.path()), &[]).unwrap_err().to_string();
    assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
}

#[test]
fn the_table_shows_origins_and_hides_secrets() {
    let file = file("[auth]\nkey = \"hunter2\"\n[store]\nmongo_uri = \"mongodb://u:hunter2@db\"\n");
    let get = env(&[("CELERY_BROKER_URL", "amqp://guest:hunter2@h//"), ("MAESTRO_NOAUTH", "hunter2")]);
    let settings = settings(&get, Some(file.path()), &[flag("api.port", "--port", "0")]).unwrap();
    let table = table(&settings).replace(&file.path().display().to_string(), "FILE");
    assert!(!table.contains("hunter2"));
    insta::assert_snapshot!(table);
}

#[test]
fn schedules_are_read_with_filters_as_value_or_text() {
    let file = file(concat!(
        "[[schedule]]\nname = \"a\"\nevery = \"1h 30m\"\nreport_id = \"5c0000000000000000000001\"\n",
        "owner_user = \"5c0000000000000000000002\"\ntype = \"general\"\ncomponent = \"Servers\"\n",
        "filters = [{ field = \"os.base\", filter = \"Linux\", typ = \"string\" }]\n",
        "[[schedule]]\nname = \"b\"\nevery = \"1d\"\nreport_id = \"5c0000000000000000000001\"\n",
        "owner_user = \"5c0000000000000000000002\"\ntype = \"pivot\"\n",
        "filters = '{\"servers\": {\"enabled\": true, \"filters\": []}}'\n",
    ));
    let schedules = load(&|_| None, Some(file.path()), &[]).unwrap().schedules;
    assert_eq!(schedules[0].when, When::Every(Duration::from_secs(5400)));
    assert_eq!(schedules[0].filters[0]["field"], "os.base");
    assert_eq!(schedules[1].when, When::Every(Duration::from_secs(86_400)));
    assert_eq!(schedules[1].filters["servers"]["enabled"], true);
}

#[test]
fn schedules_come_from_a_file_of_their_own_too() {
    let table = |name: &str, when: &str| {
        format!(
            "[[schedule]]\nname = \"{name}\"\n{when}\nreport_id = \"5c0000000000000000000001\"\n\
             owner_user = \"5c0000000000000000000002\"\ntype = \"general\"\ncomponent = \"Servers\"\n"
        )
    };
    let first = file(&table("a", "every = \"1h\"\nenabled_until = 2027-01-31T18:00:00Z"));
    let second = file(&table("b", "cron = { minute = 5, day = \"last fri\" }\ntimezone = \"Europe/Berlin\""));
    let path = second.path().display().to_string();
    let pairs = [("MAESTRO_SCHEDULES_FILE", path.as_str())];
    let config = load(&env(&pairs), Some(first.path()), &[]).unwrap();
    let shown: Vec<String> = config.schedules.iter().map(Schedule::shown).collect();
    assert_eq!(shown, ["every 1h", "day=last fri minute=5 Europe/Berlin"]);
    assert_eq!(config.schedules[0].enabled_until.unwrap().timestamp(), 1_801_418_400);
    assert_eq!(config.timetable.read().unwrap(), config.schedules);

    std::fs::write(second.path(), format!("{}[api]\nport = 1\n", table("a", "cron = \"0 25 * * *\"").repeat(2)))
        .unwrap();
    let mistakes = config.timetable.read().unwrap_err().mistakes;
    let places: Vec<_> = mistakes.iter().map(|mistake| mistake.what.as_str()).collect();
    assert_eq!(places, ["api", "schedule[0].cron.hour", "schedule[1].cron.hour"]);
    assert!(mistakes.iter().all(|mistake| mistake.origin == Origin::File(path.clone())));
    std::fs::write(second.path(), table("a", "every = \"2h\"")).unwrap();
    let error = config.timetable.read().unwrap_err();
    assert_eq!(error.mistakes[0].message, "expected a name that no other schedule has");
    second.close().unwrap();
    assert_eq!(config.timetable.read().unwrap().len(), 1, "it need not be there");
}

#[test]
fn mistakes_in_schedules_name_their_place() {
    let file = file(concat!(
        "[[schedule]]\nname = \"a\"\nevery = \"0s\"\nreport_id = \"5c\"\nowner_user = \"5c0000000000000000000002\"\n",
        "type = \"general\"\nfilters = [{ field = \"$where\", filter = \"1\", typ = \"string\" }]\nevrey = 1\n",
    ));
    let error = load(&|_| None, Some(file.path()), &[]).unwrap_err();
    let places: Vec<_> = error.mistakes.iter().map(|mistake| mistake.what.as_str()).collect();
    assert_eq!(
        places,
        [
            "schedule[0].evrey",
            "schedule[0].every",
            "schedule[0].report_id",
            "schedule[0].component",
            "schedule[0].filters[0].field"
        ]
    );
}

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

#[test]
fn endpoints_come_from_environment_and_file() {
    let file = file(&format!(
        "[webhooks]\nhttp = \"allow\"\nallow = [\"10.0.0.0/8\", \"hooks.internal\"]\n\
         [[endpoint]]\nname = \"a\"\nurl = \"http://10.1.2.3/x\"\nsecret = \"{SECRET}\"\n\
         [[endpoint]]\nname = \"b\"\nurl = \"https://h\"\nsecret = [\"{SECRET}\", \"{SECRET}\"]\n\
         reports = [\"5c0000000000000000000001\"]\n"
    ));
    let get = env(&[("MAESTRO_WEBHOOK_URL", "https://h/?token=1"), ("MAESTRO_WEBHOOK_SECRET", SECRET)]);
    let webhooks = load(&get, Some(file.path()), &[]).unwrap().webhooks;
    let seen: Vec<_> = webhooks
        .endpoints
        .iter()
        .map(|named| (&*named.name, named.endpoint.url.expose(), named.endpoint.secrets.len(), named.reports.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            ("default", "https://h/?token=1", 1, false),
            ("a", "http://10.1.2.3/x", 1, false),
            ("b", "https://h/", 2, true)
        ]
    );
    assert!(webhooks.plain && load(&|_| None, None, &[]).unwrap().webhooks.endpoints.is_empty());
}

#[test]
fn mistakes_in_endpoints_name_their_place_and_quote_nothing() {
    let file = file(&format!(
        "[[endpoint]]\nname = \"default\"\nurl = \"https://u:hunter2@h\"\nsecret = \"hunter2\"\nurll = 1\n\
         [[endpoint]]\nname = \"a\"\nurl = \"http://h?hunter2\"\nsecret = \"{SECRET}\"\nreports = [\"hunter2x\"]\n\
         [[endpoint]]\nname = \"b\"\nurl = \"https://127.0.0.1/hunter2\"\nsecret = []\nreports = []\n"
    ));
    let get = env(&[("MAESTRO_WEBHOOK_URL", "http://h/hunter2"), ("MAESTRO_WEBHOOK_ALLOW", "10.0.0.0/40")]);
    let error = load(&get, Some(file.path()), &[]).unwrap_err();
    let text = error.to_string().replace(&file.path().display().to_string(), "FILE");
    insta::assert_snapshot!(text.replace("hunter2x", "ID"));
    assert!(!text.replace("hunter2x", "").contains("hunter2"), "{text}");
}
