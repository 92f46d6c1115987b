//! Readers of artifacts that are not ours: Python with packages from PyPI, which `setup.sh` puts into a folder of `target`.

use std::path::Path;
use std::process::Command;

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-services/python/bin/python");

/// Whether there is such a Python.
pub(crate) fn exists() -> bool {
    Path::new(PYTHON).exists()
}

/// A script to run, which finds `args` in `sys.argv[1:]`; as UTF-8 whatever the locale is.
pub(crate) fn command(script: &str, args: &[&str]) -> Command {
    let mut command = Command::new(PYTHON);
    command.args(["-X", "utf8", "-c", script]).args(args);
    command
}

/// Runs a script, which finds `args` in `sys.argv[1:]`; what it printed. `None` (and a word on it) where there is no such Python.
///
/// # Panics
/// Where the script fails, with what it wrote to standard error; with `CI=true` also where there is no such Python.
#[expect(clippy::print_stderr, reason = "the place where a person looks for skipped tests")]
pub(crate) fn python(script: &str, args: &[&str]) -> Option<String> {
    if !exists() {
        let must = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!must, "{PYTHON} is missing and CI=true: tests/support/setup.sh services makes it");
        eprintln!("SKIPPED: {PYTHON} is missing; artifacts are not read back by Python");
        return None;
    }
    let output = command(script, args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
