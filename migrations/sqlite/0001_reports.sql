-- One row a table: what was asked, how its last run went, which generation is readable.
-- Times are milliseconds since 1970; filters, columns, aggr and stages are JSON.
CREATE TABLE reports (
    table_name   TEXT PRIMARY KEY,
    name         TEXT NOT NULL DEFAULT '',
    component    TEXT NOT NULL DEFAULT '',
    filters      TEXT NOT NULL DEFAULT 'null',
    owner        TEXT,
    status       TEXT NOT NULL,
    message      TEXT NOT NULL DEFAULT '',
    row_count    INTEGER NOT NULL DEFAULT 0,
    columns      TEXT NOT NULL DEFAULT '[]',
    aggr         TEXT NOT NULL DEFAULT 'null',
    generation   INTEGER REFERENCES generations (number),
    task_id      TEXT NOT NULL DEFAULT '',
    requested_at INTEGER NOT NULL,
    started_at   INTEGER,
    ended_at     INTEGER,
    stages       TEXT NOT NULL DEFAULT '{}'
) STRICT;

CREATE INDEX reports_by_request ON reports (requested_at);

-- One row a generation; its rows are in the table rows_<number>. A number is never used twice.
-- The generation that its report points to is readable, any other is the staging of a run.
CREATE TABLE generations (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    table_name TEXT NOT NULL,
    run_id     TEXT NOT NULL,
    attempt    TEXT NOT NULL
) STRICT;

CREATE INDEX generations_by_table ON generations (table_name);

CREATE TABLE leases (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL
) STRICT;

CREATE TABLE schedules (
    name     TEXT PRIMARY KEY,
    last_due INTEGER NOT NULL
) STRICT;
