//! The platform's records of reports, asked for by their ids alone.
//!
//! No owner is named: the Data API then answers with every record that there is (contract §5), so that a report is not
//! taken for gone because one user may not see it. A removed report keeps its record, with `active` false: so the front
//! API removes it. An answer that does not add up is an error, and never an absence.

use super::{PeerError, Peers, TakeRow};
use crate::domain::{ReportId, Row};
use awc::http::Method;
use bson::raw::RawBsonRef;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// How the platform has a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// As one of a user's reports.
    Active,
    /// As one that was removed.
    Removed,
}

/// Which reports came in an answer.
#[derive(Default)]
struct Records(Vec<(Option<ReportId>, Known)>);

impl TakeRow for Records {
    fn take(&mut self, row: Row) -> bool {
        let id = row.get("_id").ok().flatten().and_then(RawBsonRef::as_object_id);
        let active = row.get("active").ok().flatten().and_then(RawBsonRef::as_bool);
        let known = if active == Some(false) { Known::Removed } else { Known::Active };
        self.0.push((id.and_then(|id| id.to_hex().parse().ok()), known));
        true
    }
}

impl Peers {
    /// Which of these reports the platform has; those that are not in the answer it does not have.
    ///
    /// # Errors
    /// See [`PeerError`]; `NotUnderstood` too where the answer holds other reports, one of them twice, or not as many
    /// as it says.
    pub async fn known_reports(&self, ids: &BTreeSet<ReportId>) -> Result<BTreeMap<ReportId, Known>, PeerError> {
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let body = json!({"query": json!({"_id": texts}).to_string(), "limit": ids.len(), "page": 1});
        let read = self.rows("/reports", &body, Records::default()).await?;
        let found = read.summary.and_then(|summary| summary.found);
        add_up(ids, &read.taker.0, found).map_err(|what| PeerError::NotUnderstood {
            peer: self.data_call(Method::POST, "/reports").peer,
            what: format!("{what}, of {} reports asked for", ids.len()),
        })
    }
}

fn add_up(
    ids: &BTreeSet<ReportId>,
    records: &[(Option<ReportId>, Known)],
    found: Option<u64>,
) -> Result<BTreeMap<ReportId, Known>, String> {
    let mut known = BTreeMap::new();
    for (id, how) in records {
        let Some(id) = id.filter(|id| ids.contains(id)) else {
            return Err("a record that was not asked for".to_owned());
        };
        if known.insert(id, *how).is_some() {
            return Err(format!("the record of {id} twice"));
        }
    }
    match found {
        Some(found) if found == records.len() as u64 => Ok(known),
        Some(found) => Err(format!("{} records where it says {found}", records.len())),
        None => Err("no count of records".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ReportId {
        format!("5c{number:022x}").parse().unwrap()
    }

    #[test]
    fn only_an_answer_that_adds_up_tells_who_is_missing() {
        let ids = BTreeSet::from([id(1), id(2), id(3)]);
        let (first, second) = ((Some(id(1)), Known::Active), (Some(id(2)), Known::Removed));
        let known = add_up(&ids, &[first, second], Some(2)).unwrap();
        assert_eq!(known, BTreeMap::from([(id(1), Known::Active), (id(2), Known::Removed)]));
        assert_eq!(add_up(&ids, &[], Some(0)), Ok(BTreeMap::new()));
        let wrong: [(&[_], Option<u64>); 6] = [
            (&[], None),
            (&[], Some(2)),
            (&[first], Some(3)),
            (&[first, first], Some(2)),
            (&[first, (Some(id(9)), Known::Active)], Some(2)),
            (&[first, (None, Known::Active)], Some(2)),
        ];
        for (records, found) in wrong {
            assert!(add_up(&ids, records, found).is_err(), "{records:?} {found:?}");
        }
    }
}
