//! How much one caller may ask, and how often one address may come with a token that is refused.
//!
//! A caller is the name (and the user, where it says one) in a good token together with its address: tokens are signed,
//! so a name cannot be made up, and two hosts of one service do not take each other's share. Without a good token only
//! the address is left. Each process counts for itself, in a bounded number of places.

use super::address::Network;
use super::error::ApiError;
use crate::auth::Claims;
use crate::config::Clients;
use crate::metrics::{self, Limited};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Callers, and addresses, that are told apart at a time. Those above the number share one place.
const MAX_PLACES: usize = 10_000;
/// How often places are looked through for those that are free again.
const TIDY_EVERY: Duration = Duration::from_secs(1);
/// How long an address from which a good token came is not blocked for bad ones: it may be a proxy's, with many behind it.
const TRUST_TIME: Duration = Duration::from_secs(600);

/// The limits of an API's callers.
pub(super) struct Limits {
    callers: Option<Budget>,
    refusals: Option<Budget>,
    addresses: Mutex<HashMap<Network, Known>>,
    broom: Broom,
}

/// What is known of an address.
#[derive(Default)]
struct Known {
    blocked_until: Option<Instant>,
    trusted_until: Option<Instant>,
}

impl Limits {
    pub(super) fn new(config: &Clients) -> Self {
        let callers = config.rate.map(|rate| Quota::per_second(rate).allow_burst(config.burst));
        let refusals = config.refused_per_minute.map(Quota::per_minute);
        Self {
            callers: callers.map(Budget::new),
            refusals: refusals.map(Budget::new),
            addresses: Mutex::default(),
            broom: Broom::default(),
        }
    }

    /// Whether a token from this address is looked at: not while bad ones have used up what it had, or else guessing
    /// would go on behind the refusals.
    ///
    /// # Errors
    /// 429 while it is blocked.
    pub(super) fn admit(&self, from: Network) -> Result<(), ApiError> {
        let (blocked, trusted) = self.known(from);
        if blocked.is_zero() || !trusted.is_zero() { Ok(()) } else { Err(refused_too_often(blocked)) }
    }

    /// For how long the address is blocked, and for how long it is trusted.
    fn known(&self, from: Network) -> (Duration, Duration) {
        let (now, addresses) = (Instant::now(), self.addresses.lock().unwrap_or_else(PoisonError::into_inner));
        let left = |until: Option<Instant>| until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        addresses
            .get(&from)
            .map_or_else(Default::default, |known| (left(known.blocked_until), left(known.trusted_until)))
    }

    /// A good token came: one more request of its caller.
    ///
    /// # Errors
    /// 429 where the caller has none left.
    pub(super) fn accepted(&self, from: Network, claims: &Claims) -> Result<(), ApiError> {
        self.note(from, |known, now| known.trusted_until = Some(now + TRUST_TIME));
        let Some(callers) = &self.callers else { return Ok(()) };
        callers.take(&(&claims.name, &claims.sub, from)).map_err(|wait| {
            metrics::limited(Limited::Rate);
            ApiError::TooMany { what: "too many requests of this caller", wait }
        })
    }

    /// A bad token came, or none. Where good ones come from too it does not count: a service that does not know which of
    /// two secrets is in force tries both, and is told by 401.
    ///
    /// # Errors
    /// 429 where there were too many from this address.
    pub(super) fn refused(&self, from: Network) -> Result<(), ApiError> {
        let Some(refusals) = self.refusals.as_ref().filter(|_| self.known(from).1.is_zero()) else { return Ok(()) };
        refusals.take(&from).map_err(|wait| {
            self.note(from, |known, now| known.blocked_until = Some(now + wait));
            log::warn!("too many refused tokens from {from}");
            refused_too_often(wait)
        })
    }

    fn note(&self, from: Network, change: impl FnOnce(&mut Known, Instant)) {
        let now = Instant::now();
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= MAX_PLACES && self.broom.is_due() {
            let ends = |known: &Known| known.blocked_until.max(known.trusted_until);
            addresses.retain(|_, known| ends(known).is_some_and(|end| end > now));
        }
        if addresses.len() < MAX_PLACES || addresses.contains_key(&from) {
            change(addresses.entry(from).or_default(), now);
        }
    }
}

fn refused_too_often(wait: Duration) -> ApiError {
    metrics::limited(Limited::Refused);
    ApiError::TooMany { what: "too many refused tokens from this address", wait }
}

/// Says when to look through all places: seldom, or whoever fills them would make us busy too.
#[derive(Default)]
struct Broom(Mutex<Option<Instant>>);

impl Broom {
    fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= TIDY_EVERY);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

/// A quota for each of many.
struct Budget {
    limiter: DefaultKeyedRateLimiter<u64>,
    hasher: RandomState,
    clock: DefaultClock,
    broom: Broom,
}

impl Budget {
    fn new(quota: Quota) -> Self {
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            hasher: RandomState::new(),
            clock: DefaultClock::default(),
            broom: Broom::default(),
        }
    }

    /// Takes one from what `who` has; how long it must wait where nothing is left.
    fn take(&self, who: &impl Hash) -> Result<(), Duration> {
        // Hashed, so that a place is of one size whatever a name's.
        let place = if self.has_room() { self.hasher.hash_one(who) } else { 0 };
        self.limiter.check_key(&place).map_err(|denied| denied.wait_time_from(self.clock.now()))
    }

    fn has_room(&self) -> bool {
        if self.limiter.len() < MAX_PLACES {
            return true;
        }
        if self.broom.is_due() {
            self.limiter.retain_recent();
        }
        self.limiter.len() < MAX_PLACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroU32;

    #[test]
    fn any_number_of_addresses_takes_a_bounded_number_of_places() {
        let one = NonZeroU32::MIN;
        let limits = Limits::new(&Clients {
            max_connections: 1,
            patience: Duration::ZERO,
            rate: Some(one),
            burst: one,
            refused_per_minute: Some(one),
            proxies: Vec::new(),
        });
        let network = |n: u32| Network::from(IpAddr::from(Ipv4Addr::from_bits(n)));
        for n in 0..30_000 {
            let first = limits.refused(network(n));
            assert_eq!(first.is_ok(), n < 10_000, "{n}");
            let _ = limits.refused(network(n));
        }
        assert!(limits.refusals.as_ref().unwrap().limiter.len() <= MAX_PLACES + 1);
        assert_eq!(limits.addresses.lock().unwrap().len(), MAX_PLACES);
        // Whoever was there keeps its place, and whoever found none is not blocked.
        assert!(limits.admit(network(5)).is_err() && limits.admit(network(29_999)).is_ok());
    }
}
