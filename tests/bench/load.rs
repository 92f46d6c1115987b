//! How many pages a second the API serves: a few connections, each asking again as soon as it has its answer.

use crate::line::Line;
use crate::process;
use crate::reading::address;
use crate::report::Measured;
use crate::site::{self, Site};
use crate::stop;
use crate::support::fleet::{Parts, token};
use anyhow::{anyhow, ensure};
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 4;
const TIME: Duration = Duration::from_secs(5);
/// Requests of one connection at most.
const MOST: u64 = 20_000;

/// Asks for the first page in the default order.
///
/// # Errors
/// Where an answer is not good.
pub(crate) fn measure(site: &Site<'_>, parts: Parts, of: &Measured) -> anyhow::Result<Line> {
    stop::check()?;
    let url = address(site, of, &[]);
    ask(&url, Duration::from_millis(500))?;
    let before = process::cpu_seconds(site.fleet.api.id())?;
    let start = Instant::now();
    let answered: u64 = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| ask(&url, TIME))).collect();
        asking
            .into_iter()
            .map(|asking| asking.join().map_err(|_| anyhow!("a connection failed"))?)
            .sum::<anyhow::Result<u64>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = process::cpu_seconds(site.fleet.api.id())? - before;
    Ok(Line::load(parts, of.rows, answered as f64 / seconds, cpu / answered as f64 * 1000.0))
}

/// Asks on one connection for a time; how many answers there were.
fn ask(url: &str, time: Duration) -> anyhow::Result<u64> {
    let (agent, token, start) = (site::agent(), token(), Instant::now());
    let mut answered = 0;
    while answered < MOST && start.elapsed() < time {
        stop::check()?;
        let mut answer = agent.get(url).header("Authorization", &token).call()?;
        ensure!(answer.status().is_success(), "GET {url}: {}", answer.status());
        answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
        answered += 1;
    }
    Ok(answered)
}
