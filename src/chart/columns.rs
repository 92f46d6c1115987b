//! The columns of a table: fields seen, in display order.

use bson::raw::RawElement;
use bson::spec::ElementType;
use foldhash::HashSet;

/// A table has no more columns than this; fields first seen later are left out.
const MAX_COLUMNS: usize = 500;

/// Groups of fields before and after all others; within a group the order is that in which they were first seen.
const FIRST: [&[&str]; 13] = [
    &["active"],
    &["status"],
    &["_id"],
    &["name"],
    &["hostname"],
    &["ipv4_private", "ipv4_public", "tags", "role"],
    &["servers"],
    &["datacenters", "os"],
    &["storage"],
    &["services"],
    &["systems"],
    &["clients"],
    &["contacts"],
];
const LAST: [&[&str]; 4] = [&["owner"], &["roles"], &["updated_at"], &["created_at"]];

/// The top-level fields that are not null in any row, collected row by row.
///
/// Every row counts, not only the first ones. Memory is bounded: at most 500 columns.
#[derive(Debug, Default)]
pub struct Columns {
    known: HashSet<String>,
    seen: Vec<String>,
}

impl Columns {
    /// Notes one top-level field of a row.
    pub fn add(&mut self, field: &RawElement<'_>) {
        let name = field.key().as_str();
        let is_new = field.element_type() != ElementType::Null && !self.known.contains(name);
        if is_new && self.seen.len() < MAX_COLUMNS {
            self.known.insert(name.to_owned());
            self.seen.push(name.to_owned());
        }
    }

    /// The columns in display order (contract §6.4).
    #[must_use]
    pub fn finish(&self) -> Vec<String> {
        let mut columns = self.seen.clone();
        columns.sort_by_key(|field| rank(field));
        columns
    }
}

fn rank(field: &str) -> usize {
    let group = |groups: &[&[&str]]| groups.iter().position(|group| group.contains(&field));
    group(&FIRST).or_else(|| group(&LAST).map(|place| FIRST.len() + 1 + place)).unwrap_or(FIRST.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Row;
    use bson::{Bson, Document, doc};

    fn add(columns: &mut Columns, row: Document) {
        let row = Row::try_from(row).unwrap();
        row.fields().for_each(|field| columns.add(&field));
    }

    #[test]
    fn columns_stand_in_display_order_others_as_first_seen() {
        let mut columns = Columns::default();
        add(
            &mut columns,
            doc! {"created_at": 1, "zeta": 1, "roles": [], "alpha": 1, "os": {}, "hostname": "a", "_id": 1},
        );
        add(
            &mut columns,
            doc! {"active": true, "tags": [], "datacenters": {}, "owner": {}, "updated_at": 1, "ipv4_private": ""},
        );
        assert_eq!(
            columns.finish(),
            [
                "active",
                "_id",
                "hostname",
                "tags",
                "ipv4_private",
                "os",
                "datacenters",
                "zeta",
                "alpha",
                "owner",
                "roles",
                "updated_at",
                "created_at",
            ]
        );
    }

    #[test]
    fn a_field_that_only_a_late_row_has_is_a_column_and_one_that_is_always_null_is_not() {
        let mut columns = Columns::default();
        for _ in 0..60 {
            add(&mut columns, doc! {"name": "a", "family": Bson::Null});
        }
        add(&mut columns, doc! {"size": 4});
        assert_eq!(columns.finish(), ["name", "size"]);
    }

    #[test]
    fn columns_are_bounded() {
        let mut columns = Columns::default();
        (0..600).for_each(|n| add(&mut columns, doc! {format!("f{n}"): n}));
        assert_eq!(columns.finish().len(), MAX_COLUMNS);
    }
}
