//! The numbered migrations of the SQLite file.

use crate::store::Schema;
use chrono::Utc;
use rusqlite::{Transaction, params};

/// Name and SQL, in order. A released migration is never changed.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_reports", include_str!("../../../migrations/sqlite/0001_reports.sql")),
    ("0002_runs", include_str!("../../../migrations/sqlite/0002_runs.sql")),
    ("0003_retention", include_str!("../../../migrations/sqlite/0003_retention.sql")),
    ("0004_endpoints", include_str!("../../../migrations/sqlite/0004_endpoints.sql")),
    ("0005_artifacts", include_str!("../../../migrations/sqlite/0005_artifacts.sql")),
    ("0006_schedules", include_str!("../../../migrations/sqlite/0006_schedules.sql")),
];

/// What is applied, missing and unknown.
pub(super) fn schema(tx: &Transaction<'_>) -> rusqlite::Result<Schema> {
    let exists: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations')",
        [],
        |row| row.get(0),
    )?;
    let applied = if exists {
        let mut statement = tx.prepare("SELECT name FROM migrations ORDER BY name")?;
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
    } else {
        Vec::new()
    };
    Ok(Schema::compare(applied, MIGRATIONS.iter().map(|(name, _)| *name)))
}

/// Applies what is missing; the names of what was applied.
pub(super) fn migrate(tx: &Transaction<'_>) -> rusqlite::Result<Vec<String>> {
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT",
    )?;
    let missing = schema(tx)?.missing;
    for (name, sql) in MIGRATIONS.iter().filter(|(name, _)| missing.iter().any(|missing| missing == name)) {
        tx.execute_batch(sql)?;
        tx.execute("INSERT INTO migrations VALUES (?1, ?2)", params![name, Utc::now().timestamp_millis()])?;
    }
    Ok(missing)
}
