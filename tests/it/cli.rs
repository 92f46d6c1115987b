//! The command line of the built program: usage, settings, tokens, exit codes.

use crate::support::program::Program;
use maestro_reports::artifact::FORMATS;
use maestro_reports::auth;
use maestro_reports::config::Auth;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

/// Exit code, standard output, standard error.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_lists_the_subcommands() {
    let (code, stdout, _) = told(&Program::output(&["--help"], &[]));
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(stdout);
}

#[test]
fn wrong_usage_exits_with_2() {
    for args in [&["serf"][..], &[], &["serve", "--prot", "1"], &["worker", "-l", "loud"], &["inventory"]] {
        let (code, _, stderr) = told(&Program::output(args, &[]));
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains("Usage:") || stderr.contains("--help"), "{stderr}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_with_name_and_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reports.toml");
    std::fs::write(&file, "[api]\nprot = 1\n[stages]\nbatch_rows = \"many\"\n").unwrap();
    let env = [("MAESTRO_DATA_URI", "https://u:hunter2@h"), ("CELERY_BROKER_URL", "redis://:hunter2@h")];
    let args = ["serve", "--config", file.to_str().unwrap(), "--port", "70000"];
    let (code, stdout, stderr) = told(&Program::output(&args, &env));
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    for expected in [
        &format!("api.prot (file {}): no such setting", file.display()),
        "MAESTRO_PORT (flag --port): expected a whole number from 0 to 65535, got \"70000\"",
        "MAESTRO_INSERT_QTD (file ",
        "MAESTRO_DATA_URI (environment): expected http://host:port",
        "CELERY_BROKER_URL (environment): expected amqp://",
    ] {
        assert!(stderr.contains(expected), "{expected} is not in:\n{stderr}");
    }
    assert!(!stderr.contains("hunter2"), "{stderr}");
}

#[test]
fn config_prints_the_values_in_force_without_secrets() {
    let env = [("MAESTRO_NOAUTH", "hunter2"), ("MAESTRO_MONGO_URI", "mongodb://u:hunter2@db")];
    let (code, stdout, _) = told(&Program::output(&["config"], &env));
    assert_eq!(code, Some(0));
    let line = |name: &str| {
        let line = stdout.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("MAESTRO_NOAUTH"), "*** environment");
    assert_eq!(line("MAESTRO_MONGO_URI"), "mongodb://u:***@db environment");
    assert_eq!(line("MAESTRO_INSERT_QTD"), "500 default");
    assert_eq!(line("CELERY_BROKER_URL"), "- default");
    assert!(!stdout.contains("hunter2"));
}

#[test]
fn production_refuses_default_secrets_for_every_service() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let env = [
        ("MAESTRO_ENV", "production"),
        ("MAESTRO_SECRETJWT_PRIVATE", "mine"),
        ("MAESTRO_DATA_DIR", data.to_str().unwrap()),
    ];
    let inventory = ["inventory", "--sample", "1", "--port", "0", "--dir", data.to_str().unwrap()];
    for args in [&["serve"][..], &["worker"], &["beat"], &inventory] {
        let (code, _, stderr) = told(&Program::output(args, &env));
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains("MAESTRO_NOAUTH") && stderr.contains("MAESTRO_WEBSOCKET_SECRET"), "{stderr}");
        assert!(!stderr.contains("MAESTRO_SECRETJWT_PRIVATE"), "{stderr}");
    }
    assert!(!data.exists(), "a refused start leaves nothing behind");
}

#[test]
fn default_secrets_are_warned_of_on_an_address_that_others_reach() {
    let folder = tempfile::tempdir().unwrap();
    let data = [("MAESTRO_DATA_DIR", folder.path().to_str().unwrap())];
    let exposed = Program::listening(&["serve", "--host", "0.0.0.0", "--port", "0"], &data);
    assert!(exposed.log().contains("INSECURE"), "{}", exposed.log());
    let private = Program::listening(&["serve", "--port", "0"], &data);
    assert!(!private.log().contains("INSECURE"), "{}", private.log());
}

#[test]
fn a_token_is_good_for_the_secrets_in_force_only() {
    let env = [("MAESTRO_SECRETJWT_PRIVATE", "key"), ("MAESTRO_NOAUTH", "pass")];
    let (code, stdout, _) = told(&Program::output(&["token", "--name", "scheduler"], &env));
    assert_eq!(code, Some(0));
    assert_eq!(auth::verify(&Auth::new("key", "pass"), stdout.trim()).unwrap().name, "scheduler");
    assert!(auth::verify(&Auth::new("other", "pass"), stdout.trim()).is_err());
    let (_, over, _) = told(&Program::output(&["token", "--valid-for", "0s"], &env));
    while auth::verify(&Auth::new("key", "pass"), over.trim()).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_worker_says_which_parts_it_uses_and_which_options_mean_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let env =
        [("MAESTRO_DATA_DIR", folder.path().to_str().unwrap()), ("MAESTRO_DATA_URI", "http://data.example:5010/")];
    let args = ["worker", "-A", "maestro", "-Q", "report", "-l", "INFO", "--without-gossip"];
    let mut worker = Program::spawn(&args, &env);
    worker.wait_for("without effect here: --app");
    for part in ["store: ", "broker: ", "queue: report", "Data API: http://data.example:5010"] {
        worker.wait_for(part);
    }
    worker.wait_for("takes from report,");
    worker.terminate();
    assert_eq!(worker.end().code(), Some(0), "{}", worker.log());
}

#[test]
fn migrate_says_what_it_applied_and_then_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let env = [("MAESTRO_DATA_DIR", folder.path().to_str().unwrap())];
    let (code, stdout, stderr) = told(&Program::output(&["migrate"], &env));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.lines().count() > 0 && stdout.lines().all(|line| line.starts_with("applied ")), "{stdout}");
    let (_, again, _) = told(&Program::output(&["migrate"], &env));
    assert_eq!(again, "the report store is up to date\n");
}

#[test]
fn a_failure_exits_with_1() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (code, _, stderr) =
        told(&Program::output(&["migrate"], &[("MAESTRO_DATA_DIR", file.path().to_str().unwrap())]));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("MAESTRO_DATA_DIR"), "{stderr}");
}

/// What bash offers for the last of these words.
fn offered(script: &Path, words: &[&str]) -> BTreeSet<String> {
    let ask = r#"
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        # The function that was registered, called as bash calls it.
        $(complete -p maestro-reports | sed 's/.*-F \([^ ]*\).*/\1/') "$1" "${@: -1}" "${@: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash").args(["-c", ask, "bash"]).arg(script).args(words).output().unwrap();
    let (code, stdout, stderr) = told(&output);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{words:?}");
    stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_formats() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    std::fs::write(&script, Program::output(&["completions", "bash"], &[]).stdout).unwrap();
    let commands = offered(&script, &["maestro-reports", ""]);
    assert!(["serve", "export", "completions"].iter().all(|name| commands.contains(*name)), "{commands:?}");
    assert_eq!(offered(&script, &["maestro-reports", "dead-letters", "re"]), ["resend".to_owned()].into());
    assert_eq!(offered(&script, &["maestro-reports", "prune", "--dr"]), ["--dry-run".to_owned()].into());
    let formats: BTreeSet<String> = FORMATS.iter().map(|format| format.name.to_owned()).collect();
    for command in ["run", "export"] {
        assert_eq!(offered(&script, &["maestro-reports", command, "--format", ""]), formats, "{command}");
    }
}

#[test]
fn every_shell_has_a_script_with_the_formats() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, stdout, _) = told(&Program::output(&["completions", shell], &[]));
        assert_eq!(code, Some(0), "{shell}");
        assert!(stdout.contains("dead-letters"), "{shell}");
        // Their scripts leave out the values of options.
        if !["elvish", "powershell"].contains(&shell) {
            assert!(FORMATS.iter().all(|format| stdout.contains(format.name)), "{shell}");
        }
    }
}

#[test]
fn the_man_page_tells_what_the_program_is() {
    let (code, stdout, _) = told(&Program::output(&["man"], &[]));
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(stdout);
}

#[test]
#[expect(clippy::print_stderr, reason = "the place where a person looks for skipped tests")]
fn every_command_has_a_man_page_without_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("new/man1");
    assert_eq!(
        told(&Program::output(&["man", "--dir", pages.to_str().unwrap()], &[])),
        (Some(0), "".into(), "".into())
    );
    let files: Vec<_> = std::fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().path()).collect();
    for name in ["maestro-reports.1", "maestro-reports-export.1", "maestro-reports-dead-letters-resend.1"] {
        assert!(files.contains(&pages.join(name)), "{files:?}");
    }
    for file in files {
        let run = Command::new("man").args(["--warnings", "--local-file"]).arg(&file).env("LC_ALL", "C.UTF-8").output();
        let Ok(output) = run else {
            eprintln!("SKIPPED: there is no man, so nobody has looked for mistakes in the pages");
            return;
        };
        let (code, stdout, stderr) = told(&output);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{}", file.display());
        assert!(stdout.contains("SYNOPSIS"), "{stdout}");
    }
    let taken = told(&Program::output(&["man", "--dir", "/dev/null"], &[]));
    assert!(taken.0 == Some(1) && taken.2.contains("/dev/null cannot be written"), "{taken:?}");
}
