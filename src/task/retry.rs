//! When to try again.

use std::time::Duration;

/// Growing, jittered pauses, bounded in number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Attempts after the first.
    pub max_retries: u32,
    /// The pause before the first retry; each further one is twice as long.
    pub base: Duration,
    /// The longest pause.
    pub cap: Duration,
}

impl RetryPolicy {
    /// The pause before retry number `retries + 1`, between half and all of the growing bound as `jitter` (0..1) says;
    /// `None` when no retry is left.
    #[must_use]
    pub fn pause(&self, retries: u32, jitter: f64) -> Option<Duration> {
        if retries >= self.max_retries {
            return None;
        }
        let bound = self.base.saturating_mul(2_u32.saturating_pow(retries)).min(self.cap);
        let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
        Some(bound.mul_f64(0.5 + 0.5 * jitter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy =
        RetryPolicy { max_retries: 40, base: Duration::from_secs(2), cap: Duration::from_secs(600) };

    #[test]
    fn pauses_double_up_to_the_cap_and_end() {
        let seconds = |retries| POLICY.pause(retries, 1.0).map(|pause| pause.as_secs());
        assert_eq!([0, 1, 2, 8, 9, 39].map(seconds), [2, 4, 8, 512, 600, 600].map(Some));
        assert_eq!(seconds(40), None);
        assert_eq!(RetryPolicy { max_retries: 0, ..POLICY }.pause(0, 0.5), None);
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        let pause = |jitter| POLICY.pause(1, jitter).unwrap();
        assert_eq!([0.0, 0.5, 1.0].map(pause), [2, 3, 4].map(Duration::from_secs));
        assert_eq!([-1.0, f64::NAN, 7.0].map(pause), [2, 2, 4].map(Duration::from_secs));
    }
}
