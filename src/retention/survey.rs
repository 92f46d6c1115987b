//! Which reports the platform does not know any more.

use super::{Sweep, SweepError, believe, decide::Doubt};
use crate::beat;
use crate::domain::ReportId;
use crate::peers::{Known, PeerError};
use std::collections::{BTreeSet, HashSet};

/// Why it is not known which.
#[derive(Debug, thiserror::Error)]
pub(super) enum SurveyError {
    /// The store failed, or the lease was lost.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The Data API failed.
    #[error("{0}; no table is dropped as unknown")]
    Peer(#[from] PeerError),
    /// Its answer is not believed.
    #[error(transparent)]
    Doubt(#[from] Doubt),
}

/// Asks the platform for the report of every table, but for those of our own timetable.
///
/// # Errors
/// Where one of the answers fails, or all together are not believed.
pub(super) async fn survey(sweep: &Sweep<'_>) -> Result<HashSet<ReportId>, SurveyError> {
    let own = beat::own(&sweep.app.config, sweep.store).await.map_err(SweepError::from)?;
    let own: HashSet<ReportId> = own.iter().map(|listed| listed.schedule.report_id).collect();
    let (mut asked, mut found, mut gone) = (0, 0, HashSet::new());
    let mut last = None;
    while let Some(page) = sweep.page(last.as_ref()).await? {
        last = page.last().map(|state| state.table);
        let reports: BTreeSet<ReportId> =
            page.iter().map(|state| state.table.report).filter(|report| !own.contains(report)).collect();
        if reports.is_empty() {
            continue;
        }
        let known = sweep.app.peers.known_reports(&reports).await?;
        asked += reports.len();
        found += known.len();
        gone.extend(reports.into_iter().filter(|report| known.get(report) != Some(&Known::Active)));
    }
    believe(asked, found, gone.len(), sweep.rules.max_share)?;
    Ok(gone)
}
