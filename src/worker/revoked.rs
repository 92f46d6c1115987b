//! Which tasks must not begin: their ids, as many and for as long as Celery remembers them (celery.md §3.8), and the stamps
//! that producers put on them.

use crate::broker::Message;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

const MAX_IDS: usize = 50_000;
const LIFE: Duration = Duration::from_secs(3 * 3600);

/// A name, and the values under it.
pub(super) type Stamps = BTreeMap<String, BTreeSet<String>>;

/// Values that are remembered under a name; further ones are not taken.
const MAX_STAMPS: usize = 1000;

/// Ids, the oldest first, and stamps.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    stamps: Stamps,
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

    /// Remembers stamps.
    pub(super) fn add_stamps(&mut self, stamps: &Stamps) {
        for (name, values) in stamps {
            if self.stamps.len() < MAX_STAMPS || self.stamps.contains_key(name) {
                let known = self.stamps.entry(name.clone()).or_default();
                let room = MAX_STAMPS.saturating_sub(known.len());
                known.extend(values.iter().take(room).cloned());
            }
        }
    }

    /// Whether one of these stamps is remembered.
    pub(super) fn holds_any(&self, stamps: &Stamps) -> bool {
        shares(&self.stamps, stamps)
    }

    /// All ids, the oldest first.
    pub(super) fn all(&self) -> Vec<String> {
        self.order.iter().map(|(_, id)| id.clone()).collect()
    }
}

/// Whether the two have a value of the same name in common.
pub(super) fn shares(one: &Stamps, other: &Stamps) -> bool {
    one.iter().any(|(name, values)| other.get(name).is_some_and(|others| !values.is_disjoint(others)))
}

/// The stamps on a message: `stamped_headers` names those of the header `stamps` that count.
pub(super) fn stamps_of(message: &Message) -> Stamps {
    let names = message.headers.get("stamped_headers").and_then(Value::as_array);
    let stamp = |name: &Value| {
        let name = name.as_str()?;
        Some((name.to_owned(), values(message.headers.get("stamps")?.get(name)?)))
    };
    names.map(|names| names.iter().filter_map(stamp).collect()).unwrap_or_default()
}

/// One value, or several.
pub(super) fn values(value: &Value) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    value.as_array().map_or_else(|| BTreeSet::from([text(value)]), |items| items.iter().map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stamps_are_found_on_messages() {
        let headers = json!({"stamped_headers": ["a", "b"], "stamps": {"a": "x", "b": ["y", 5], "c": "z"}});
        let message = Message { headers: headers.as_object().unwrap().clone(), ..Message::default() };
        let stamps = stamps_of(&message);
        assert_eq!(stamps["b"], BTreeSet::from(["y".to_owned(), "5".to_owned()]));
        let mut revoked = Revoked::default();
        revoked.add_stamps(&Stamps::from([("c".to_owned(), values(&json!("z")))]));
        assert!(!revoked.holds_any(&stamps), "c is no stamp of the message");
        revoked.add_stamps(&Stamps::from([("b".to_owned(), values(&json!(["q", "5"])))]));
        assert!(revoked.holds_any(&stamps));
        assert_eq!(stamps_of(&Message::default()), Stamps::new());
    }

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
