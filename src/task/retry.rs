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
        Some(bound.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0)))
    }
}
