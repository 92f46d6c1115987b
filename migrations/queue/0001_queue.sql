-- The embedded queue. Times are milliseconds since 1970, UTC.
CREATE TABLE messages (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    queue            TEXT    NOT NULL,
    priority         INTEGER NOT NULL,
    headers          TEXT    NOT NULL, -- a JSON object
    body             BLOB    NOT NULL,
    content_type     TEXT    NOT NULL,
    content_encoding TEXT    NOT NULL,
    correlation_id   TEXT,
    reply_to         TEXT,
    available_at     INTEGER NOT NULL, -- not handed out before
    hand_outs        INTEGER NOT NULL DEFAULT 0,
    holder           TEXT,             -- the consumer that has it
    claim            INTEGER,          -- which of the holder's deliveries it is
    leased_until     INTEGER           -- handed out again afterwards, unless renewed
) STRICT;
CREATE INDEX messages_in_order ON messages (queue, priority DESC, id);
CREATE INDEX messages_by_holder ON messages (holder) WHERE holder IS NOT NULL;

CREATE TABLE dead_letters (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    queue            TEXT    NOT NULL,
    priority         INTEGER NOT NULL,
    headers          TEXT    NOT NULL,
    body             BLOB    NOT NULL,
    content_type     TEXT    NOT NULL,
    content_encoding TEXT    NOT NULL,
    correlation_id   TEXT,
    reply_to         TEXT,
    reason           TEXT    NOT NULL,
    died_at          INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_queue ON dead_letters (queue, id);
