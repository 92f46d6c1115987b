//! What the figures were taken on.

use chrono::Utc;
use std::fs;
use std::process::Command;

/// A line for people: processor, memory, kernel, time, commit, and how busy the machine was.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("?");
    format!(
        "{}, {cores} cores, {:.0} GiB of memory, Linux {}; {}; commit {}; load average at the start {load}",
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        memory_gib(),
        kernel.trim(),
        Utc::now().format("%Y-%m-%d %H:%M UTC"),
        commit(),
    )
}

fn memory_gib() -> f64 {
    let total = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kib: f64 = total.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
    kib / 1024.0 / 1024.0
}

/// The short hash, with a word where the files are not those of the commit.
fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(hash) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let is_clean = git(&["status", "--porcelain", "--", "src", "tests", "Cargo.lock"]).is_some_and(|s| s.is_empty());
    if is_clean { hash } else { format!("{hash} with changes") }
}

fn field(file: &str, name: &str) -> Option<String> {
    let line = read(file).lines().find(|line| line.starts_with(name))?.to_owned();
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}
