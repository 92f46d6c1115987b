//! What all made-up records share: ids, owners, dates and tags.

use super::random::Random;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// The owner who may read most of a sample inventory.
pub const SAMPLE_OWNER: &str = "5c0000000000000000000001";
/// The owner who may read the rest.
const OTHER_OWNER: &str = "5c0000000000000000000002";

/// 2023-01-01T00:00:00Z, when the made-up company began to write down its inventory.
const BEGIN: i64 = 1_672_531_200;
/// Days from the first record to the last change.
const DAYS: u64 = 1390;

/// The kinds of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Client = 1,
    System,
    Application,
    Datacenter,
    Server,
}

impl Kind {
    /// The stream of numbers of a record.
    pub(super) fn random(self, index: u64) -> Random {
        Random::of(self as u64, index)
    }

    /// The id of a record: 24 hex digits.
    pub(super) fn id(self, index: u64) -> String {
        format!("5c{:06x}{index:016x}", 0x10_0000 * self as u64)
    }
}

/// Whether a record belongs to the other owner: each tenth.
pub(super) fn is_others(index: u64) -> bool {
    index % 10 == 9
}

/// Chooses one of `count` records for a record to refer to: one with the same owner, where there is one.
pub(super) fn partner(random: &mut Random, count: u64, others: bool) -> u64 {
    if !others {
        let index = random.below(count);
        return if is_others(index) { index - 1 } else { index };
    }
    match count / 10 {
        0 => random.below(count),
        tens => random.below(tens) * 10 + 9,
    }
}

/// Adds `owner`, `roles`, `created_at`, `updated_at` and `active` to a record.
pub(super) fn sign(record: &mut Value, random: &mut Random, index: u64) {
    let (id, name, refs) =
        if is_others(index) { (OTHER_OWNER, "Data platform", "teams") } else { (SAMPLE_OWNER, "Ana Souza", "users") };
    let created = random.below(DAYS * 86_400);
    let updated = created + random.below(DAYS * 86_400 - created);
    record["owner"] = json!({"_id": id, "name": name, "refs": refs});
    record["roles"] = json!([{"_id": id, "name": name, "refs": refs, "role": 7}]);
    record["created_at"] = json!(date(created));
    record["updated_at"] = json!(date(updated));
    record["active"] = json!(!random.percent(3));
}

/// One to three tags of different keys.
pub(super) fn tags(random: &mut Random) -> Value {
    let mut tags =
        vec![json!({"key": "team", "value": random.one(&["core", "payments", "growth", "data", "platform"])})];
    if random.percent(60) {
        tags.push(json!({"key": "costcenter", "value": format!("cc-{}", 100 + random.below(40))}));
    }
    if random.percent(40) {
        tags.push(json!({"key": "backup", "value": random.one(&["daily", "weekly", "none"])}));
    }
    Value::Array(tags)
}

fn date(seconds: u64) -> String {
    let date: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::seconds(BEGIN.saturating_add_unsigned(seconds));
    date.format("%Y-%m-%dT%H:%M:%S").to_string()
}
