-- Which run may write a report's table, and until when the report was last known to be in good hands.
-- Times are milliseconds since 1970.
ALTER TABLE reports ADD COLUMN holder TEXT;           -- stays where its worker is lost
ALTER TABLE reports ADD COLUMN held_since INTEGER;
ALTER TABLE reports ADD COLUMN held_until INTEGER;    -- another run may take the table afterwards, unless renewed
ALTER TABLE reports ADD COLUMN alive_at INTEGER NOT NULL DEFAULT 0;
-- Attempts of one task that have begun and never ended: each took its worker with it.
ALTER TABLE reports ADD COLUMN begun_by TEXT NOT NULL DEFAULT '';
ALTER TABLE reports ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;

UPDATE reports SET alive_at = coalesce(started_at, requested_at);
