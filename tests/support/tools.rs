//! Programs that read artifacts back: Debian's packages, which `setup.sh` installs.

use std::io::ErrorKind;
use std::process::Command;

/// Runs a program; what it printed. `None` (and a word on it) where it is not installed.
///
/// # Panics
/// Where the program fails, with what it wrote; with `CI=true` also where it is not installed.
#[expect(clippy::print_stderr, reason = "the place where a person looks for skipped tests")]
pub(crate) fn tool(program: &str, args: &[&str]) -> Option<String> {
    let output = match Command::new(program).args(args).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let must = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!must, "{program} is missing and CI=true: tests/support/setup.sh services installs it");
            eprintln!("SKIPPED: {program} is missing; artifacts are not read back by it");
            return None;
        }
        output => output.unwrap(),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program}: {}{}", text(&output.stdout), text(&output.stderr));
    Some(text(&output.stdout))
}
