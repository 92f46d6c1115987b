//! Settling a delivery while the broker is away.

use super::failure::with_causes;
use crate::broker::BrokerError;
use std::future::Future;
use std::time::Duration;
use tokio::time::sleep;

/// Settles, again and again while the broker is away or takes nothing: a delivery that nobody settles is handed out again
/// only when its connection ends. A stale delivery needs no settlement, the broker hands it out again; what is refused
/// once is refused again.
pub(super) async fn until_taken<F>(pause: Duration, settle: impl Fn() -> F) -> Result<(), BrokerError>
where
    F: Future<Output = Result<(), BrokerError>>,
{
    loop {
        match settle().await {
            Err(error @ (BrokerError::Stale | BrokerError::Refused { .. })) => return Err(error),
            Err(error) => log::warn!("{}; trying again in {pause:?}", with_causes(&error)),
            Ok(()) => return Ok(()),
        }
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const PAUSE: Duration = Duration::from_millis(1);

    #[actix_rt::test]
    async fn a_broker_that_takes_nothing_is_outlasted() {
        let attempts = Cell::new(0);
        let settle = async || {
            attempts.set(attempts.get() + 1);
            match attempts.get() {
                1..=9 => Err(BrokerError::Blocked { reason: "low on memory".to_owned() }),
                10..=19 => Err(BrokerError::Unconfirmed(PAUSE)),
                _ => Ok(()),
            }
        };
        until_taken(PAUSE, settle).await.unwrap();
        assert_eq!(attempts.get(), 20);
    }

    #[actix_rt::test]
    async fn what_cannot_be_settled_any_more_is_told_at_once() {
        let settled = until_taken(PAUSE, async || Err(BrokerError::Stale)).await;
        assert!(matches!(settled, Err(BrokerError::Stale)));
        let refuse = async || Err(BrokerError::Refused { what: "storing".to_owned(), source: "no".into() });
        assert!(matches!(until_taken(PAUSE, refuse).await, Err(BrokerError::Refused { .. })));
    }
}
