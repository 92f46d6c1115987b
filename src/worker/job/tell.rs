//! What events tell of a delivery.

use super::Outcome;
use crate::task::{Problem, Step};
use std::time::Duration;

/// What events tell of the end of a delivery; nothing of one that goes on later.
pub(super) fn step(outcome: &Outcome, took: Duration) -> Option<Step> {
    let succeeded = |result: &str| Step::Succeeded { result: result.to_owned(), runtime: took.as_secs_f64() };
    let problem = |why: &str| Problem { message: why.to_owned(), detail: why.to_owned() };
    Some(match outcome {
        Outcome::Done => succeeded("None"),
        Outcome::Replaced => succeeded("'left to a newer request of the report'"),
        Outcome::Removed => succeeded("'its report or endpoint was removed'"),
        Outcome::Expired => Step::Revoked { terminated: false, expired: true },
        Outcome::Revoked(terminated) => Step::Revoked { terminated: *terminated, expired: false },
        Outcome::Retried(_, why) | Outcome::Unended(why) => Step::Retried(problem(why)),
        Outcome::Buried(why) => Step::Failed(problem(why)),
        Outcome::GivenBack => Step::Rejected,
        Outcome::Waits(_) | Outcome::MadeWay => return None,
    })
}
