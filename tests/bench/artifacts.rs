//! A large table in every format, next to how long Python takes for the same rows.

use crate::line::{LARGE, Line};
use crate::process;
use crate::report::Measured;
use crate::site::Site;
use crate::stop;
use crate::support::fleet::{Parts, token};
use crate::support::python::python;
use anyhow::{Context, ensure};
use maestro_reports::artifact::FORMATS;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Instant;

/// Formats that today's service writes in Python, too.
const IN_PYTHON: [&str; 3] = ["csv", "xml", "inventory"];

/// What one artifact took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Until its last byte.
    pub(crate) seconds: f64,
    /// Until its first byte, in milliseconds.
    pub(crate) first_ms: f64,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// Its rows, as the answer says.
    pub(crate) rows: u64,
    /// CPU seconds of the API.
    pub(crate) cpu: f64,
    /// The largest memory of the API meanwhile, in MiB.
    pub(crate) peak: f64,
}

/// Fetches the table in every format; in Python once, where the parts are embedded.
///
/// # Errors
/// Where an answer is not as it should be.
pub(crate) fn measure(site: &Site<'_>, parts: Parts, of: &Measured) -> anyhow::Result<Vec<Line>> {
    let folder = tempfile::tempdir()?;
    let rows = folder.path().join("rows.ndjson");
    fetch(site, of, "ndjson", &mut File::create(&rows)?)?;
    let mut lines = Vec::new();
    // JSON is a page where no limit is asked for.
    for format in FORMATS.iter().filter(|format| format.name != "json") {
        stop::check()?;
        let times = fetch(site, of, format.name, &mut io::sink())?;
        let expected = if format.bound.is_some() { times.rows.min(of.rows) } else { of.rows };
        ensure!(times.rows == expected && times.bytes > 0, "{}: {} rows", format.name, times.rows);
        let is_slow = format.name == "xml" && of.rows > LARGE;
        let compared = parts == Parts::Embedded && IN_PYTHON.contains(&format.name) && !is_slow;
        let python = compared.then(|| in_python(format.name, &rows, folder.path())).transpose()?.flatten();
        lines.push(Line::artifact(parts, format, times, python));
    }
    Ok(lines)
}

fn fetch(site: &Site<'_>, of: &Measured, format: &str, to: &mut dyn Write) -> anyhow::Result<Times> {
    let api = site.fleet.api.id();
    // From here on VmHWM counts anew.
    std::fs::write(format!("/proc/{api}/clear_refs"), "5").context("VmHWM cannot be reset")?;
    let cpu = process::cpu_seconds(api)?;
    let url = format!("{}/reports/{}/artifacts/{format}", site.fleet.api.url(), of.table);
    let start = Instant::now();
    let answer = site.agent.get(&url).header("Authorization", token()).call()?;
    ensure!(answer.status().is_success(), "GET {url}: {}", answer.status());
    let rows = answer.headers().get("x-row-count").context("no X-Row-Count")?.to_str()?.parse()?;
    let mut body = answer.into_body().into_reader();
    let mut piece = vec![0; 1 << 16];
    let mut read = body.read(&mut piece)?;
    let first_ms = start.elapsed().as_secs_f64() * 1000.0;
    let mut bytes = 0;
    while read > 0 {
        to.write_all(&piece[..read])?;
        bytes += read as u64;
        read = body.read(&mut piece)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let (cpu, peak) = (process::cpu_seconds(api)? - cpu, process::peak_mib(api)?);
    Ok(Times { seconds, first_ms, bytes, rows, cpu, peak })
}

/// The seconds that Python takes to write the same rows, which it has read already; nothing where it is not there.
fn in_python(format: &str, rows: &Path, folder: &Path) -> anyhow::Result<Option<f64>> {
    let output = folder.join("artifact");
    let args = [format, rows.to_str().unwrap_or_default(), output.to_str().unwrap_or_default()];
    let printed = python(include_str!("equivalents.py"), &args);
    Ok(printed.map(|seconds| seconds.trim().parse()).transpose()?)
}
