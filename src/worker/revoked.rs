//! The ids of tasks that must not begin, as many and for as long as Celery remembers them (celery.md §3.8).

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const MAX_IDS: usize = 50_000;
const LIFE: Duration = Duration::from_secs(3 * 3600);

/// Ids, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    since: HashMap<String, Instant>,
    order: VecDeque<(Instant, String)>,
}

impl Revoked {
    /// Remembers one.
    pub(super) fn add(&mut self, id: &str, now: Instant) {
        if self.since.insert(id.to_owned(), now).is_none() {
            self.order.push_back((now, id.to_owned()));
        }
        while let Some((since, id)) = self.order.front()
            && (self.order.len() > MAX_IDS || now.saturating_duration_since(*since) > LIFE)
        {
            self.since.remove(id);
            self.order.pop_front();
        }
    }

    /// Whether it is remembered.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.since.contains_key(id)
    }

    /// All, the oldest first.
    pub(super) fn all(&self) -> Vec<String> {
        self.order.iter().map(|(_, id)| id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_forgotten_when_they_are_old_or_too_many() {
        let start = Instant::now();
        let mut revoked = Revoked::default();
        revoked.add("a", start);
        revoked.add("b", start + LIFE);
        revoked.add("b", start + LIFE);
        assert_eq!(revoked.all(), ["a", "b"]);
        revoked.add("c", start + LIFE + Duration::from_secs(1));
        assert_eq!((revoked.all(), revoked.holds("a")), (vec!["b".to_owned(), "c".to_owned()], false));
        (0..MAX_IDS).for_each(|number| revoked.add(&number.to_string(), start + LIFE));
        assert_eq!((revoked.all().len(), revoked.holds("c"), revoked.holds("0")), (MAX_IDS, false, true));
    }
}
