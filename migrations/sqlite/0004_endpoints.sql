-- Where the rows of one report are sent when it has ended. The secrets that sign are a JSON list, the newest first.
CREATE TABLE endpoints (
    table_name TEXT PRIMARY KEY,
    url        TEXT NOT NULL,
    secrets    TEXT NOT NULL
) STRICT;
