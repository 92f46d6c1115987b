//! Ids and dates that a source wrote as texts: the key above a text says what it is.

use bson::oid::ObjectId;
use bson::{Bson, Document};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Whether the last segment of a dotted path names an id: `_id` itself.
#[must_use]
pub fn is_id_key(path: &str) -> bool {
    path.strip_suffix("_id").is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether the last segment of a dotted path names a date: it ends in `_at`.
#[must_use]
pub fn is_date_key(path: &str) -> bool {
    path.ends_with("_at")
}

/// Reads an ISO 8601 text: with or without a zone (then UTC), any number of decimals, or a day alone (its midnight).
#[must_use]
pub fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // What the Data API writes lacks only the zone of RFC 3339, and chrono's parser for that is several times faster.
    let rfc3339 = DateTime::parse_from_rfc3339(text);
    if let Ok(date) = rfc3339.or_else(|_| DateTime::parse_from_rfc3339(&format!("{text}Z"))) {
        return Some(date.to_utc());
    }
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .ok()
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))?;
    Some(naive.and_utc())
}

/// What the key above a text says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Date,
    Plain,
}

/// A text that is more than a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    Id(ObjectId),
    Date(bson::DateTime),
}

impl Kind {
    pub(super) fn of(key: &str) -> Self {
        if is_id_key(key) {
            Self::Id
        } else if is_date_key(key) {
            Self::Date
        } else {
            Self::Plain
        }
    }

    /// The typed value of a text, where its key asks for a type and the text has it.
    pub(super) fn typed(self, text: &str) -> Option<Typed> {
        match self {
            Self::Id => ObjectId::parse_str(text).ok().map(Typed::Id),
            Self::Date => parse_date(text).map(|date| Typed::Date(date.into())),
            Self::Plain => None,
        }
    }
}

/// Gives the texts under `_id` and `*_at` keys of a tree their types, at any depth.
///
/// The Data API writes ids and dates as texts (contract §5). A text that does not read as an id or a date stays as it is.
pub fn cast_row(row: &mut Document) {
    for (key, value) in row.iter_mut() {
        cast_value(Kind::of(key), value);
    }
}

pub(super) fn cast_value(kind: Kind, value: &mut Bson) {
    if let Bson::String(text) = value {
        match kind.typed(text) {
            Some(Typed::Id(id)) => *value = Bson::ObjectId(id),
            Some(Typed::Date(date)) => *value = Bson::DateTime(date),
            None => {}
        }
    } else if let Bson::Document(inner) = value {
        cast_row(inner);
    } else if let Bson::Array(items) = value {
        items.iter_mut().for_each(|item| cast_value(kind, item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    #[test]
    fn ids_and_dates_get_their_types_at_any_depth() {
        let hex = "5c0000000000000000000001";
        let mut row = doc! {
            "_id": hex, "name": hex, "created_at": "2018-11-28T02:00:00",
            "roles": [{"_id": hex}], "datacenters": {"_id": "eu-1", "checked_at": "never"},
        };
        cast_row(&mut row);
        let id = ObjectId::parse_str(hex).unwrap();
        let date = bson::DateTime::parse_rfc3339_str("2018-11-28T02:00:00Z").unwrap();
        assert_eq!(
            row,
            doc! {
                "_id": id, "name": hex, "created_at": date,
                "roles": [{"_id": id}], "datacenters": {"_id": "eu-1", "checked_at": "never"},
            }
        );
    }

    #[test]
    fn the_last_segment_of_a_path_says_what_it_is() {
        for (path, is_id, is_date) in [
            ("_id", true, false),
            ("roles._id", true, false),
            ("agent_id", false, false),
            ("_id.x", false, false),
            ("created_at", false, true),
            ("systems.created_at", false, true),
            ("_at.x", false, false),
            ("at", false, false),
            ("a.at", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_id_key(path), is_date_key(path)), (is_id, is_date), "{path}");
        }
    }

    #[test]
    fn dates_are_read_with_and_without_zone() {
        let noon = "2020-01-02T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
        for text in [
            "2020-01-02T12:00:00",
            "2020-01-02 12:00:00.000000",
            "2020-01-02T14:00:00+02:00",
            "2020-01-02T12:00:00.000Z",
        ] {
            assert_eq!(parse_date(text), Some(noon), "{text}");
        }
        assert_eq!(parse_date("2020-01-02").unwrap().to_rfc3339(), "2020-01-02T00:00:00+00:00");
        assert_eq!(parse_date("yesterday"), None);
    }
}
