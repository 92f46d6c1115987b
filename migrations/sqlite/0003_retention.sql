-- Since when the platform does not know a table's report, when it was last seen so, and how often.
-- Times are milliseconds since 1970.
ALTER TABLE reports ADD COLUMN absent_since INTEGER;
ALTER TABLE reports ADD COLUMN absent_last INTEGER;
ALTER TABLE reports ADD COLUMN absent_looks INTEGER;
