//! The files that deploy the service name settings, commands and metrics that there are.

use crate::support::program::Program;
use maestro_reports::config::env::VARS;
use maestro_reports::metrics::DEFINITIONS;
use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names in compose.yaml that are no settings of the program.
const OF_COMPOSE: [&str; 1] = ["MAESTRO_PUBLISH"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn units() -> Vec<PathBuf> {
    let units = std::fs::read_dir(root().join("config/systemd")).unwrap().map(|entry| entry.unwrap().path());
    let units: Vec<_> = units.collect();
    assert_eq!(units.len(), 3);
    units
}

#[test]
fn every_setting_that_is_named_exists() {
    let files = ["Dockerfile", "compose.yaml", "config/compose.env.example", "docs/operating.md"].map(PathBuf::from);
    let name = Regex::new(r"\b(?:MAESTRO|CELERY)_[A-Z_]+\b").unwrap();
    for file in files.into_iter().chain(units()) {
        let text = read(&file);
        let named: BTreeSet<_> = name.find_iter(&text).map(|found| found.as_str()).collect();
        assert!(!named.is_empty(), "{}", file.display());
        for name in named {
            let base = name.strip_suffix("_FILE").unwrap_or(name);
            let is_known = OF_COMPOSE.contains(&name) || VARS.iter().any(|var| var.name == name || var.name == base);
            assert!(is_known, "{} names {name}", file.display());
        }
    }
}

#[test]
fn every_command_that_is_named_exists() {
    let compose = read("compose.yaml");
    let dockerfile = read("Dockerfile");
    let units: String = units().iter().map(read).collect();
    let docs = read("docs/operating.md");
    let mut named = BTreeSet::new();
    for (text, pattern) in [
        (&compose, r#"command: \["([a-z-]+)"\]"#),
        (&dockerfile, r#"CMD \["(?:maestro-reports", ")?([a-z-]+)"\]"#),
        (&units, r"ExecStart=/usr/local/bin/maestro-reports ([a-z-]+)"),
        (&docs, r"`maestro-reports ([a-z-]+)"),
    ] {
        let found: Vec<_> = Regex::new(pattern).unwrap().captures_iter(text).map(|c| c[1].to_owned()).collect();
        assert!(!found.is_empty(), "{pattern}");
        named.extend(found);
    }
    for command in named {
        assert!(Program::output(&[&command, "--help"], &[]).status.success(), "{command}");
    }
}

#[test]
fn a_process_is_given_longer_to_stop_than_its_tasks() {
    let shutdown = VARS.iter().find(|var| var.name == "MAESTRO_SHUTDOWN_SECONDS").unwrap();
    let shutdown: u64 = shutdown.default.parse().unwrap();
    let seconds =
        |text: &str, pattern: &str| -> u64 { Regex::new(pattern).unwrap().captures(text).unwrap()[1].parse().unwrap() };
    assert!(seconds(&read("compose.yaml"), r"stop_grace_period: (\d+)s") > shutdown);
    for unit in units() {
        assert!(seconds(&read(&unit), r"TimeoutStopSec=(\d+)\n") > shutdown, "{}", unit.display());
    }
}

#[test]
fn the_image_is_built_with_the_pinned_compiler() {
    let channel = Regex::new("channel = \"([0-9.]+)\"").unwrap();
    let pinned = channel.captures(&read("rust-toolchain.toml")).unwrap()[1].to_owned();
    assert!(read("Dockerfile").contains(&format!("FROM rust:{pinned}-slim-bookworm AS build")));
}

#[test]
fn systemd_understands_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for unit in units() {
        // As installed: the program and the settings are there.
        let installed = read(&unit).replace("/usr/local/bin/maestro-reports", env!("CARGO_BIN_EXE_maestro-reports"));
        let copy = folder.path().join(unit.file_name().unwrap());
        std::fs::write(&copy, installed.replace("EnvironmentFile=", "EnvironmentFile=-")).unwrap();
        let output = Command::new("systemd-analyze").arg("verify").arg(&copy).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.contains("maestro-reports"), "{said}");
    }
}

#[test]
fn the_manual_tells_of_every_metric() {
    let docs = read("docs/operating.md");
    for definition in DEFINITIONS {
        assert!(
            docs.contains(&format!("| `{}` |", definition.name)),
            "{} is not in docs/operating.md",
            definition.name
        );
    }
}
