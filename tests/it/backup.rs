//! Backups made while processes work, and put back; and what refuses to.

use crate::support::fleet::{Fleet, Parts, fleet, get};
use crate::support::program::Program;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

const REPORT: &str = "5c00000000000000000000d1";
const LATER: &str = "5c00000000000000000000d2";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(args: &[&str], data: &Path) -> Output {
    Program::output(args, &[("MAESTRO_DATA_DIR", text(data))])
}

/// Runs to the end that is expected; what it said on both outputs.
#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

fn data(fleet: &Fleet) -> PathBuf {
    PathBuf::from(fleet.setting("MAESTRO_DATA_DIR"))
}

/// The rows of a table, in an order of their own.
fn rows(fleet: &Fleet, report: &str) -> Vec<String> {
    let mut rows: Vec<String> = fleet.rows(&format!("{report}_general")).iter().map(Value::to_string).collect();
    rows.sort_unstable();
    rows
}

/// What lies in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_backup_taken_while_a_worker_writes_gives_the_same_rows_back() {
    let mut fleet = fleet(Parts::Embedded, 3000).unwrap();
    let mut worker = fleet.spawn(&["worker", "-q", "report"], &[("MAESTRO_INSERT_QTD", "20")]);
    fleet.request(REPORT, "general", "Servers", &json!([]));
    fleet.ended(REPORT);
    let expected = rows(&fleet, REPORT);
    assert!(!expected.is_empty());
    // The next one is on its way while the backup is made.
    fleet.request(LATER, "general", "Servers", &json!([]));
    let backups = tempfile::tempdir().unwrap();
    let target = backups.path().join("monday");
    let made = said(&run(&["backup", text(&target)], &data(&fleet)), 0);
    assert!(made.contains("backup made: "), "{made}");
    assert_eq!(names(&target), ["queue.sqlite3", "reports.sqlite3"]);
    assert_eq!(names(backups.path()), ["monday"]);
    fleet.ended(LATER);

    let refused = said(&run(&["restore", text(&target)], &data(&fleet)), 1);
    assert!(refused.contains("is in use: stop serve, worker, beat and demo first"), "{refused}");
    worker.terminate();
    assert!(worker.end().success());
    fleet.api.terminate();
    assert!(fleet.api.end().success());
    let restored = said(&run(&["restore", text(&target)], &data(&fleet)), 0);
    assert!(restored.contains("before-restore-"), "{restored}");
    let aside = names(&data(&fleet)).into_iter().find(|name| name.starts_with("before-restore-")).unwrap();
    assert!(names(&data(&fleet).join(aside)).contains(&"reports.sqlite3".to_owned()));

    fleet.restart_api();
    assert_eq!(rows(&fleet, REPORT), expected);
    // The report that was on its way is on its way again, and ends.
    let _worker = fleet.worker();
    fleet.wait("the later report", || {
        let found = get(&format!("{}/reports/{LATER}_general?limit=1", fleet.api.url()))["found"].as_u64();
        (found == Some(expected.len() as u64)).then_some(())
    });
}

/// A data folder with a migrated store.
fn migrated(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    said(&run(&["migrate"], &data), 0);
    data
}

#[test]
fn a_folder_that_is_there_gets_a_backup_named_after_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let data = migrated(folder.path());
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    said(&run(&["backup", text(&backups)], &data), 0);
    let made = names(&backups);
    assert!(made.len() == 1 && made[0].starts_with("maestro-reports-20"), "{made:?}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(said(&run(&["backup", text(&file)], &data), 1).contains("is there already"));
}

#[test]
fn what_is_no_backup_or_of_a_newer_program_is_refused_and_nothing_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let data = migrated(folder.path());
    let before = names(&data);
    let backup = folder.path().join("backup");
    said(&run(&["backup", text(&backup)], &data), 0);

    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(said(&run(&["restore", text(&empty)], &data), 1).contains("is no backup"));
    let file = backup.join("reports.sqlite3");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(said(&run(&["restore", text(&backup)], &data), 1).contains("cannot be copied"));
    std::fs::write(&file, &whole).unwrap();
    rusqlite::Connection::open(&file).unwrap().execute("INSERT INTO migrations VALUES ('9999_new', 0)", []).unwrap();
    assert!(said(&run(&["restore", text(&backup)], &data), 1).contains("a newer version of the program wrote it"));
    assert_eq!(
        names(&data).into_iter().filter(|name| name != "in-use.lock").collect::<Vec<_>>(),
        before.into_iter().filter(|name| name != "in-use.lock").collect::<Vec<_>>()
    );
}

#[test]
fn after_a_restore_that_was_cut_short_nothing_starts_until_it_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = migrated(folder.path());
    let backup = folder.path().join("backup");
    said(&run(&["backup", text(&backup)], &data), 0);
    // As a power cut between the two renames leaves it.
    std::fs::write(data.join("restore-unfinished"), "").unwrap();
    std::fs::remove_file(data.join("reports.sqlite3")).unwrap();
    assert!(said(&run(&["serve"], &data), 1).contains("was cut short: run `maestro-reports restore` again"));
    said(&run(&["restore", text(&backup)], &data), 0);
    assert!(said(&run(&["migrate"], &data), 0).contains("up to date"));
}

#[test]
fn a_backup_that_is_interrupted_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = migrated(folder.path());
    // Enough for the copy to be still at work when the signal comes.
    let store = rusqlite::Connection::open(data.join("reports.sqlite3")).unwrap();
    store.execute_batch("CREATE TABLE ballast (x BLOB)").unwrap();
    for _ in 0..400 {
        store.execute("INSERT INTO ballast VALUES (zeroblob(1000000))", []).unwrap();
    }
    drop(store);
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    let target = backups.join("b");
    let mut backup = Program::spawn(&["backup", text(&target)], &[("MAESTRO_DATA_DIR", text(&data))]);
    while names(&backups).is_empty() {
        std::thread::yield_now();
    }
    backup.terminate();
    assert_eq!(backup.end().code(), Some(1), "{}", backup.log());
    assert!(backup.log().contains("interrupted"), "{}", backup.log());
    assert!(names(&backups).is_empty(), "{:?}", names(&backups));
}

#[test]
fn mongodb_has_tools_of_its_own() {
    let env = [("MAESTRO_MONGO_URI", "mongodb://db"), ("MAESTRO_MONGO_DATABASE", "r1")];
    for command in ["backup", "restore"] {
        let said = said(&Program::output(&[command, "x"], &env), 1);
        assert!(said.contains("mongodump --db r1"), "{said}");
    }
}

#[test]
fn a_process_is_asked_whether_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    let data = [("MAESTRO_DATA_DIR", text(folder.path()))];
    let api = Program::listening(&["serve"], &data);
    let port = api.url().rsplit(':').next().unwrap().to_owned();
    let env = [("MAESTRO_PORT", port.as_str())];
    said(&Program::output(&["healthcheck"], &env), 0);
    let elsewhere = format!("{}/nothing", api.url());
    assert!(said(&Program::output(&["healthcheck", &elsewhere], &env), 1).contains("404"));
    drop(api);
    assert!(said(&Program::output(&["healthcheck"], &env), 1).contains("does not answer"));
}
