//! The columns by which people usually sort: their indexes are made with a table, as soon as it can be read.

/// The column that rows are sorted by where nothing else is asked for.
pub const DEFAULT_ORDER: &str = "updated_at";

/// The columns; each costs some time of every large report.
const COLUMNS: [&str; 5] = [DEFAULT_ORDER, "created_at", "name", "hostname", "status"];

/// Fewer rows are sorted quickly enough without an index.
const MIN_ROWS: u64 = 2_000;

/// The column of this name, where it is a usual one.
pub(super) fn column(path: &str) -> Option<&'static str> {
    COLUMNS.into_iter().find(|column| *column == path)
}

/// The columns to index of a table with these columns and so many rows.
pub(super) fn indexed(columns: &[String], rows: u64) -> impl Iterator<Item = &'static str> {
    columns.iter().filter_map(|own| column(own)).filter(move |_| rows >= MIN_ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_tables_have_indexes_and_only_on_columns_that_they_have() {
        let columns = ["_id", "hostname", "os", "updated_at"].map(str::to_owned);
        assert_eq!(indexed(&columns, MIN_ROWS).collect::<Vec<_>>(), ["hostname", "updated_at"]);
        assert_eq!(indexed(&columns, MIN_ROWS - 1).count(), 0);
    }
}
