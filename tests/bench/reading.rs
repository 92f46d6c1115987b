//! The first page of a large table in the orders that people ask for, and a search in it.

use crate::bare::Bare;
use crate::line::Line;
use crate::report::{Measured, median};
use crate::site::Site;
use crate::stop;
use crate::support::fleet::{Parts, token};
use anyhow::ensure;
use std::time::{Duration, Instant};
use url::Url;

/// Rows on a page.
pub(crate) const PAGE_ROWS: u64 = 50;
/// Requests for one figure, or as many as begin within the time, where a server is slow.
const REQUESTS: usize = 40;
const TIME: Duration = Duration::from_secs(4);
/// The columns of servers by which rows are usually sorted.
const COLUMNS: [&str; 5] = ["updated_at", "created_at", "_id", "hostname", "status"];
/// One that has no index.
const OTHER_COLUMN: &str = "cpu";
/// Parts of host names: found in all rows, in some, in one, in none.
pub(crate) const SEARCHES: [&str; 4] = ["-", "WEB-pro", "-00042", "no such"];

/// What one kind of request took, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// The middle one.
    pub(crate) median: f64,
    /// Of a hundred requests, 95 are quicker.
    pub(crate) p95: f64,
}

/// Reads pages of the table and searches it.
///
/// # Errors
/// Where an answer is not as it should be.
pub(crate) fn measure(site: &Site<'_>, parts: Parts, of: &Measured) -> anyhow::Result<Vec<Line>> {
    let bare = Bare::open(site, of)?;
    let mut lines = Vec::new();
    for column in COLUMNS.into_iter().chain([OTHER_COLUMN]) {
        let urls = ["1", "-1"].map(|ascending| address(site, of, &[("orderBy", column), ("ascending", ascending)]));
        check(site, &urls[0], of.rows)?;
        let floor = bare.as_ref().map(|bare| bare.page(column)).transpose()?;
        let times = times(site, &urls)?;
        lines.push(if column == OTHER_COLUMN {
            Line::other_page(parts, column, of.rows, times, floor)
        } else {
            Line::page(parts, column, of.rows, times, floor)
        });
    }
    let urls = SEARCHES.map(|text| {
        // As the platform's front API writes a search.
        let query = serde_json::json!({"hostname": {"$regex": text, "$options": "i"}}).to_string();
        address(site, of, &[("query", &query)])
    });
    let floor = bare.as_ref().map(Bare::search).transpose()?;
    lines.push(Line::search(parts, of.rows, times(site, &urls)?, floor));
    Ok(lines)
}

/// The address of the table's first page.
pub(crate) fn address(site: &Site<'_>, of: &Measured, more: &[(&str, &str)]) -> String {
    let base = format!("{}/reports/{}", site.fleet.api.url(), of.table);
    let limit = PAGE_ROWS.to_string();
    let url = Url::parse_with_params(&base, [("limit", limit.as_str())].iter().chain(more));
    url.map_or(base, String::from)
}

fn check(site: &Site<'_>, url: &str, rows: u64) -> anyhow::Result<()> {
    let page = site.get(url)?.unwrap_or_default();
    let items = page["items"].as_array().map_or(0, Vec::len) as u64;
    ensure!(page["found"] == rows && items == PAGE_ROWS.min(rows), "{url}: found {}", page["found"]);
    Ok(())
}

/// Sends these requests in turn.
fn times(site: &Site<'_>, urls: &[String]) -> anyhow::Result<Times> {
    let (mut spent, began) = (Vec::new(), Instant::now());
    for (number, url) in urls.iter().cycle().take(REQUESTS + urls.len()).enumerate() {
        stop::check()?;
        if began.elapsed() > TIME && number >= 2 * urls.len() {
            break;
        }
        let start = Instant::now();
        let mut answer = site.agent.get(url).header("Authorization", token()).call()?;
        ensure!(answer.status().is_success(), "GET {url}: {}", answer.status());
        answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
        // The first of each is for the caches.
        if number >= urls.len() {
            spent.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let median = median(&mut spent);
    let p95 = spent.get(spent.len() * 95 / 100).copied().unwrap_or(median);
    Ok(Times { median, p95 })
}
