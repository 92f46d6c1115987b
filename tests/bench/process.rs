//! What the system says of a process: its CPU time and its largest memory.

use anyhow::Context;
use std::fs;

/// The unit of CPU time in /proc, a second's hundredth on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// CPU seconds of a process so far, user and system.
///
/// # Errors
/// Where the process is gone.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("a process is gone")?;
    // The name in parentheses may hold anything; utime and stime are the 12th and 13th field behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    let ticks: f64 = fields.take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_A_SECOND)
}

/// The largest resident memory of a process so far, in MiB.
///
/// # Errors
/// Where the process is gone.
pub(crate) fn peak_mib(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("a process is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in /proc")?;
    let kib: f64 = line.split_whitespace().next().context("no VmHWM in /proc")?.parse()?;
    Ok(kib / 1024.0)
}
