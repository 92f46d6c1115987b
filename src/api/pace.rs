//! How fast a client must be.

use std::time::Duration;

/// Bytes a second that a client must send of a body, and take of an answer, in the long run.
pub(super) const MIN_RATE: u32 = 16 * 1024;

/// The time that a client has left. Bytes that move earn it time, up to the whole again: it may pause, or be slow for a
/// while, but not trickle for ever.
#[derive(Debug)]
pub(super) struct Pace {
    most: Duration,
    left: Duration,
}

impl Pace {
    /// The whole time.
    pub(super) fn new(most: Duration) -> Self {
        Self { most, left: most }
    }

    /// How long it may take for the next bytes.
    pub(super) fn left(&self) -> Duration {
        self.left
    }

    /// Bytes have moved, and that took the client so long.
    pub(super) fn moved(&mut self, bytes: usize, took: Duration) {
        let earned = Duration::from_secs(1).mul_f64(bytes as f64 / f64::from(MIN_RATE));
        self.left = self.left.saturating_sub(took).saturating_add(earned).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn whoever_is_slower_than_the_rate_runs_out_of_time_and_others_do_not() {
        let half = MIN_RATE as usize / 2;
        let steps = |bytes: usize| {
            let mut pace = Pace::new(10 * SECOND);
            (1..=1000).find(|_| {
                pace.moved(bytes, SECOND);
                pace.left() < SECOND
            })
        };
        assert_eq!((steps(1), steps(half), steps(2 * half)), (Some(10), Some(19), None));
    }

    #[test]
    fn bytes_earn_no_more_than_the_whole() {
        let mut pace = Pace::new(10 * SECOND);
        pace.moved(1 << 40, 5 * SECOND);
        assert_eq!(pace.left(), 10 * SECOND);
    }
}
