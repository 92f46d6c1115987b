-- How far each schedule has come: beside its last due time a mark as JSON, how often it was changed, and the fencing
-- token of the leader that changed it last.
ALTER TABLE schedules ADD COLUMN mark TEXT;
ALTER TABLE schedules ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE schedules ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;

-- Schedules made by requests, as JSON.
CREATE TABLE schedule_definitions (
    name       TEXT PRIMARY KEY,
    definition TEXT NOT NULL
) STRICT;

-- The last fencing token of each lease; it grows with each new holder.
CREATE TABLE fences (
    name  TEXT PRIMARY KEY,
    token INTEGER NOT NULL
) STRICT;
