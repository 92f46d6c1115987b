//! The folder: formats, changes, broken files, size.

use super::{Inventory, good_token};
use crate::support::program::Program;
use awc::http::Method;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;

#[test]
fn every_format_gives_the_same_documents() {
    let id = "5c0000000000000000000010";
    let canonical = format!(
        r#"{{"_id":{{"$oid":"{id}"}},"name":"a","cpu":{{"$numberInt":"4"}},"made_at":{{"$date":{{"$numberLong":"1543370400000"}}}},"os":{{"base":"Linux"}}}}"#
    );
    let relaxed = format!(
        r#"[{{"_id":{{"$oid":"{id}"}},"name":"a","cpu":4,"made_at":{{"$date":"2018-11-28T02:00:00Z"}},"os":{{"base":"Linux"}}}}]"#
    );
    let plain =
        format!(r#"{{"_id":"{id}","name":"a","cpu":4,"made_at":"2018-11-28T02:00:00","os":{{"base":"Linux"}}}}"#);
    let csv = format!("_id,name,cpu,made_at,os.base\n{id},a,4,2018-11-28T02:00:00Z,Linux\n");
    let inventory = Inventory::of(&[
        ("canonical.json", &canonical),
        ("relaxed.json", &relaxed),
        ("plain.ndjson", &plain),
        ("cells.csv", &csv),
    ]);
    let file = std::fs::File::create(inventory.folder().join("packed.ndjson.gz")).unwrap();
    GzEncoder::new(file, flate2::Compression::fast()).write_all(plain.as_bytes()).unwrap();
    let wanted = json!([{"_id": id, "name": "a", "cpu": 4, "made_at": "2018-11-28T02:00:00", "os": {"base": "Linux"}}]);
    for component in ["canonical", "relaxed", "plain", "cells", "packed", "Plain"] {
        let query = json!({"_id": id, "cpu": {"$gte": 4}, "made_at": "2018-11-28T02:00:00"});
        assert_eq!(inventory.find(component, &query, 10, 1)["items"], wanted, "{component}");
    }
}

#[test]
fn a_changed_file_is_read_again() {
    let inventory = Inventory::of(&[("servers.ndjson", r#"{"name": "a"}"#)]);
    assert_eq!(inventory.names("servers", &json!({})), ["a"]);
    std::fs::write(inventory.folder().join("servers.ndjson"), "{\"name\": \"a\"}\n{\"name\": \"b\"}").unwrap();
    assert_eq!(inventory.names("servers", &json!({})), ["a", "b"]);
    std::fs::write(inventory.folder().join("systems.json"), r#"[{"name": "s"}]"#).unwrap();
    assert_eq!(inventory.names("systems", &json!({})), ["s"]);
    std::fs::remove_file(inventory.folder().join("servers.ndjson")).unwrap();
    inventory.refused(404, "/servers", &json!({}));
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    let inventory =
        Inventory::of(&[("servers.ndjson", "{\"name\": \"a\"}\n{\"name\": }\n"), ("systems.csv", "a,b\n1\n")]);
    let message = inventory.refused(500, "/servers", &json!({}));
    assert!(message.contains("servers.ndjson: line 2"), "{message}");
    let message = inventory.refused(500, "/systems", &json!({}));
    assert!(message.contains("systems.csv: line 2"), "{message}");
    std::fs::write(inventory.folder().join("servers.json"), "[]").unwrap();
    assert!(inventory.refused(500, "/servers", &json!({})).contains("one file"));
}

#[test]
fn a_sample_is_never_written_over_files() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let nothing = Program::output(&["inventory", "--dir", dir, "--port", "0"], &[]);
    assert!(!nothing.status.success());
    std::fs::write(folder.path().join("clients.json"), "[]").unwrap();
    let refused = Program::output(&["inventory", "--dir", dir, "--port", "0", "--sample", "5"], &[]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("clients"));
    assert!(!folder.path().join("servers.ndjson").exists());
}

#[test]
fn private_files_go_when_it_is_told_to_end() {
    let mut inventory = Inventory::sample(20);
    inventory.find("servers", &json!({}), 5, 1);
    let private = inventory.private.path().to_owned();
    let left = || std::fs::read_dir(&private).unwrap().count();
    assert_eq!(left(), 1);
    inventory.program.terminate();
    assert!(inventory.program.end().success());
    assert_eq!(left(), 0);
}

/// 14,000 servers more are about 20 MB more of JSON; reading, querying and joining them must not hold them.
#[test]
fn memory_stays_flat() {
    // The smaller one is large enough that every buffer has been filled once.
    let small = peak_mb(2_000);
    let large = peak_mb(16_000);
    assert!(large < small + 12, "{small} MB with 2,000 servers, {large} MB with 16,000");
}

fn peak_mb(servers: u32) -> u64 {
    let inventory = Inventory::sample(servers);
    let owner = maestro_reports::inventory::SAMPLE_OWNER;
    let call = |path: &str, body: &Value| {
        let (status, bytes) = inventory.bytes(&good_token(), Method::POST, path, body);
        assert_eq!(status, 200);
        assert!(bytes.len() as u32 > servers * 1000, "{} bytes", bytes.len());
        bytes
    };
    let answer = call("/servers", &json!({"query": json!({"roles._id": owner}).to_string(), "limit": 99_999}));
    assert!(answer.starts_with(format!("{{\"found\":{},", servers * 9 / 10).as_bytes()));
    let pipeline = json!([
        {"$match": {"roles._id": owner}},
        {"$lookup": {"from": "servers", "localField": "_id", "foreignField": "applications._id", "as": "servers"}},
        {"$unwind": {"path": "$servers", "preserveNullAndEmptyArrays": true}},
        {"$match": {"servers.roles._id": owner}},
    ]);
    call("/aggregate", &json!({"entity": "Applications", "pipeline": pipeline.to_string()}));
    let status = std::fs::read_to_string(format!("/proc/{}/status", inventory.program.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}
