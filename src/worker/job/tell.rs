//! What events tell of a delivery.

use super::Outcome;
use super::limit::too_long;
use crate::task::{Problem, Step};
use serde_json::Value;
use std::time::Duration;

/// What events tell of the end of a delivery; nothing of one that goes on later.
pub(super) fn step(outcome: &Outcome, result: &Value, took: Duration) -> Option<Step> {
    let problem = |why: &str| Problem { message: why.to_owned(), detail: why.to_owned() };
    Some(match outcome {
        Outcome::Done => Step::Succeeded { result: result.to_string(), runtime: took.as_secs_f64() },
        // Its caller is told so too: what was to follow does not.
        Outcome::Replaced | Outcome::Removed => Step::Revoked { terminated: false, expired: false },
        Outcome::Expired => Step::Revoked { terminated: false, expired: true },
        Outcome::Revoked(terminated) => Step::Revoked { terminated: *terminated, expired: false },
        Outcome::Retried(_, why) | Outcome::Unended(why) => Step::Retried(problem(why)),
        Outcome::Buried(why) => Step::Failed(problem(why)),
        Outcome::TooLong(limit) => Step::Failed(problem(&too_long(*limit))),
        Outcome::GivenBack => Step::Rejected,
        Outcome::Waits(_) | Outcome::MadeWay => return None,
    })
}
