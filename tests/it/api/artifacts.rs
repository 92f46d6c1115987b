//! A table in every format: how it is asked for, what the headers say, and what a client need not fetch again.

use super::{Api, TABLE, fill, on_every_store, rows_path, servers, snapshot};
use crate::support::http::Answer;
use crate::support::program::Program;
use crate::support::tools::tool;
use maestro_reports::artifact::FORMATS;
use serde_json::json;
use std::io::Read;

fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    String::from_utf8(answer.body.clone()).unwrap()
}

fn artifact(format: &str) -> String {
    format!("/reports/{TABLE}/artifacts/{format}")
}

#[test]
fn a_format_is_named_in_the_address_or_by_format_or_accepted() {
    on_every_store(|api| {
        fill(api);
        for format in FORMATS {
            let by_address = api.get(&artifact(format.name));
            assert_eq!(by_address.status, 200, "{}", format.name);
            assert_eq!(by_address.header("content-type"), Some(format.content_type));
            assert_eq!(by_address.header("x-content-type-options"), Some("nosniff"));
            assert_eq!((by_address.header("x-total-count"), by_address.header("x-row-count")), (Some("3"), Some("3")));
            let name = format!("attachment; filename=\"{TABLE}-");
            let given = by_address.header("content-disposition").unwrap();
            assert!(given.starts_with(&name) && given.ends_with(&format!(".{}\"", format.extension)), "{given}");
            let by_name = api.get(&rows_path(&[("format", format.name)]));
            let by_accept = api.call("GET", &rows_path(&[]), &[("Accept", format.media)], b"");
            assert!(by_name.body == by_address.body && by_accept.body == by_address.body, "{}", format.name);
            let head = api.call("HEAD", &artifact(format.name), &[], b"");
            for header in ["content-type", "content-disposition", "etag", "x-total-count"] {
                assert_eq!(head.header(header), by_address.header(header), "{} {header}", format.name);
            }
        }
    });
}

#[test]
fn a_format_or_an_option_that_there_is_not_is_refused() {
    let api = Api::embedded();
    fill(&api);
    let (by_address, by_name) = (api.get(&artifact("gif")), api.get(&rows_path(&[("format", "gif")])));
    assert_eq!((by_address.status, by_name.status), (404, 400));
    let names = FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
    assert_eq!(by_address.json(), json!({"error": format!("no such format; there are {names}")}));
    assert_eq!(by_name.json(), json!({"message": {"format": format!("expected one of {names}")}}));
    let answers = [
        ("options", api.get(&rows_path(&[("format", "csv"), ("sep", "x"), ("bom", "yes"), ("columns", "$a")]))),
        ("column", api.get(&rows_path(&[("format", "csv"), ("columns", "name,nam")]))),
        ("method", api.call("POST", &artifact("csv"), &[], b"")),
    ];
    snapshot("wrong_options", answers);
}

#[test]
fn columns_order_and_query_apply_to_every_format() {
    on_every_store(|api| {
        fill(api);
        let asked = |format| {
            let columns = ("columns", "name,datacenters.provider");
            [("format", format), columns, ("orderBy", "name"), ("ascending", "1"), ("query", r#"{"active":true}"#)]
        };
        let csv = text(&api.get(&rows_path(&asked("csv"))));
        let lines = ["\"name\",\"datacenters.provider\"", "\"web1\",\"AWS\"", "\"web2\",\"AWS\"", ""];
        assert_eq!(csv, lines.join("\r\n"));
        let rows = json!([
            {"name": "web1", "datacenters": {"provider": "AWS"}}, {"name": "web2", "datacenters": {"provider": "AWS"}},
        ]);
        assert_eq!(api.items(&asked("json")), *rows.as_array().unwrap());
        let ndjson = text(&api.get(&rows_path(&asked("ndjson"))));
        let read: Vec<serde_json::Value> = ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json!(read), rows);
        let page = text(&api.get(&rows_path(&[("format", "ndjson"), ("limit", "1"), ("page", "2")])));
        assert!(page.contains("db.1") && page.lines().count() == 1, "{page}");
    });
}

#[test]
fn csv_is_written_as_asked() {
    let api = Api::embedded();
    fill(&api);
    let asked = [("format", "csv"), ("columns", "name,cpu"), ("index", "1"), ("bom", "1"), ("sep", ";")];
    let csv = text(&api.get(&rows_path(&asked)));
    assert_eq!(csv, "\u{feff}\"\";\"name\";\"cpu\"\r\n0;\"web2\";16\r\n1;\"db.1\";8\r\n2;\"web1\";4\r\n");
}

#[test]
fn what_a_client_has_is_not_sent_again_until_the_rows_change() {
    on_every_store(|api| {
        fill(api);
        let path = artifact("csv");
        let first = api.get(&path);
        let tag = first.header("etag").unwrap().to_owned();
        for known in [tag.as_str(), "*", &format!("\"other\", {tag}"), tag.trim_start_matches("W/")] {
            let again = api.call("GET", &path, &[("If-None-Match", known)], b"");
            assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag.as_str())), "{known}");
        }
        assert_eq!(api.call("GET", &path, &[("If-None-Match", "\"other\"")], b"").status, 200);
        assert_ne!(api.get(&format!("{path}?bom=1")).header("etag"), Some(tag.as_str()));
        assert_ne!(api.get(&artifact("ndjson")).header("etag"), Some(tag.as_str()));
        // The same ids, so no row more.
        api.send_json("POST", "/reports", &json!({"colname": TABLE, "results": servers()}));
        let changed = api.call("GET", &path, &[("If-None-Match", &tag)], b"");
        assert_eq!((changed.status, changed.body == first.body), (200, true));
        assert_ne!(changed.header("etag"), Some(tag.as_str()));
    });
}

#[test]
fn answers_are_compressed_for_whom_can_read_it() {
    let api = Api::embedded();
    fill(&api);
    let plain = api.get(&artifact("csv"));
    assert_eq!(plain.header("content-encoding"), None);
    let gzip = api.call("GET", &artifact("csv"), &[("Accept-Encoding", "gzip")], b"");
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    let mut read = Vec::new();
    flate2::read::GzDecoder::new(&*gzip.body).read_to_end(&mut read).unwrap();
    assert_eq!(read, plain.body);
    let brotli = api.call("GET", &artifact("csv"), &[("Accept-Encoding", "br")], b"");
    assert_eq!(brotli.header("content-encoding"), Some("br"));
    assert_eq!(gzip.header("etag"), plain.header("etag"), "weak: the same content in other bytes");
    for format in FORMATS.iter().filter(|format| format.is_compressed) {
        let answer = api.call("GET", &artifact(format.name), &[("Accept-Encoding", "gzip, br")], b"");
        assert_eq!(answer.header("content-encoding"), None, "{}", format.name);
    }
}

#[test]
fn the_command_line_writes_what_the_api_answers() {
    let api = Api::embedded();
    fill(&api);
    let data = api.data.path().to_str().unwrap();
    let env = [("MAESTRO_DATA_DIR", data)];
    let file = api.data.path().join("artifact");
    for format in FORMATS.iter().filter(|format| format.name != "json") {
        let to_file = ["export", TABLE, "--format", format.name, "--output", file.to_str().unwrap()];
        let made = Program::output(&to_file, &env);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        assert!(std::fs::read(&file).unwrap() == api.get(&artifact(format.name)).body, "{}", format.name);
    }
    let line = ["export", TABLE, "--format=csv", "--columns=name,cpu", "--sep=;", "--order-by=name", "--ascending"];
    let some = Program::output(&[&line[..], &[r#"--query={"cpu":{"$gt":4}}"#, "--limit=1"]].concat(), &env);
    assert_eq!(String::from_utf8(some.stdout).unwrap(), "\"name\";\"cpu\"\r\n\"db.1\";8\r\n");
    let page = Program::output(&["export", TABLE, "--limit", "2"], &env).stdout;
    let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
    assert_eq!((page["found"].as_u64(), page["items"].as_array().map(Vec::len)), (Some(3), Some(2)));
}

#[test]
fn an_export_that_cannot_be_made_says_why() {
    let api = Api::embedded();
    fill(&api);
    let env = [("MAESTRO_DATA_DIR", api.data.path().to_str().unwrap())];
    let other = "5c00000000000000000000a2_general";
    let file = api.data.path().join("none");
    for (line, code, said) in [
        (vec!["export", other], 1, "there is no table 5c00000000000000000000a2_general"),
        (vec!["export", "users"], 2, "invalid value 'users'"),
        (vec!["export", TABLE, "--format", "gif"], 2, "[possible values: json, "),
        (vec!["export", TABLE, "--format", "csv", "--columns", "nam"], 1, "there is no column \"nam\""),
        (vec!["export", TABLE, "--columns", "$a"], 2, "expected a path of letters, digits"),
        (vec!["export", TABLE, "--query", "["], 1, "--query: expected a JSON object"),
        (vec!["export", TABLE, "--query", r#"{"$where":"1"}"#], 1, "--query"),
        (vec!["export", TABLE, "--sep", "x"], 2, "expected , ; | or tab"),
        (vec!["export", TABLE, "--output", "/nowhere/x"], 1, "--output /nowhere/x"),
    ] {
        let ended = Program::output(
            &[&line[..], &["-o", file.to_str().unwrap()][..usize::from(!line.contains(&"--output")) * 2]].concat(),
            &env,
        );
        let log = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.code() == Some(code) && log.contains(said), "{line:?} {:?}: {log}", ended.status);
        assert!(!file.exists(), "{line:?}");
    }
}

#[test]
fn a_format_that_is_bounded_says_how_many_rows_of_how_many_it_holds() {
    let settings = ["MAESTRO_PDF_ROWS", "MAESTRO_XLSX_ROWS", "MAESTRO_YAML_ROWS"].map(|name| (name, "2"));
    let api = Api::start_with(&settings);
    fill(&api);
    let bounded: Vec<_> = FORMATS.iter().filter(|format| format.bound.is_some()).collect();
    assert_eq!(bounded.len(), 3);
    let file = api.data.path().join("artifact");
    let env = [&settings[..], &[("MAESTRO_DATA_DIR", api.data.path().to_str().unwrap())]].concat();
    for format in bounded {
        let answer = api.get(&artifact(format.name));
        let counts = ["x-row-count", "x-total-count"].map(|name| answer.header(name));
        assert_eq!(counts, [Some("2"), Some("3")], "{}", format.name);
        let made = Program::output(&["export", TABLE, "-o", file.to_str().unwrap(), "--format", format.name], &env);
        let said = String::from_utf8(made.stderr).unwrap();
        assert!(made.status.success() && said.contains("2 of 3 rows"), "{}: {said}", format.name);
        assert!(said.contains(format.bound.unwrap().variable()), "{said}");
    }
    let yaml = text(&api.get(&artifact("inventory-yaml")));
    assert!(yaml.lines().next().unwrap().contains("2 of 3 rows"), "{yaml}");
    std::fs::write(&file, api.get(&artifact("pdf")).body).unwrap();
    let Some(page) = tool("pdftotext", &["-l", "1", file.to_str().unwrap(), "-"]) else { return };
    assert!(page.contains("2 of 3 rows"), "{page}");
}
