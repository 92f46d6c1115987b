//! The main job in one command: `demo` and `run`.

use crate::support::program::Program;
use crate::support::{mongo, rabbit};
use maestro_reports::artifact::FORMATS;
use serde_json::Value;
use std::fs;

fn demo(more: &[&str]) {
    let mut args = vec!["demo", "--once", "--sample", "300"];
    args.extend(more);
    let output = Program::output(&args, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let finished = text.lines().filter(|line| line.contains(" finished ")).count();
    let empty = text.lines().filter(|line| line.contains(" warning ") && line.contains("This report is empty")).count();
    assert_eq!((finished, empty), (11, 1), "{text}");
}

#[test]
fn the_demo_makes_its_reports_on_embedded_parts() {
    demo(&[]);
}

#[test]
fn the_demo_makes_its_reports_on_servers() {
    let (Some(database), Some(url)) = (mongo::database(), rabbit::url()) else { return };
    demo(&["--mongo-uri", &format!("{}/{}", database.uri, database.name), "--broker-url", &url]);
}

#[test]
fn one_report_is_made_without_any_service() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = r#"[{"_id": "5c0000000000000000000001", "hostname": "a", "cpu": 2, "os": {"base": "Linux"}},
        {"_id": "5c0000000000000000000002", "hostname": "b", "cpu": 8, "os": {"base": "Linux"}},
        {"_id": "5c0000000000000000000003", "hostname": "c", "cpu": 8, "os": {"base": "Windows"}}]"#;
    fs::write(folder.path().join("servers.json"), hosts).unwrap();
    let source = folder.path().to_str().unwrap();
    let file = folder.path().join("out.ndjson");
    let base = ["run", "--source", source, "--component", "Servers"];
    let run = |more: &[&str]| Program::output(&[&base[..], more].concat(), &[]);

    let wanted = ["--filter", "os.base=Linux", "--filter", "cpu>=4"];
    let output = run(&[&wanted[..], &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["hostname"], "b");

    let output = run(&["--format", "ndjson", "--output", file.to_str().unwrap()]);
    assert!(output.status.success() && output.stdout.is_empty());
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 3);

    let output = run(&["--format", "csv", "--columns", "hostname,os", "--filter", "cpu>=4"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "\"hostname\",\"os.base\"\r\n\"b\",\"Linux\"\r\n\"c\",\"Windows\"\r\n"
    );
    for format in FORMATS {
        let output = run(&["--format", format.name]);
        assert!(output.status.success() && !output.stdout.is_empty(), "{}", format.name);
    }
    assert_eq!(run(&["--format", "csv", "--columns", "hostnam"]).status.code(), Some(1));

    assert_eq!(run(&["--filter", "cpu>=99"]).status.code(), Some(3), "an empty report has an exit code of its own");
    let refused = run(&["--filter", "cpu"]);
    assert_eq!(refused.status.code(), Some(2), "a filter that is not understood is a usage error");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cpu"));
}
