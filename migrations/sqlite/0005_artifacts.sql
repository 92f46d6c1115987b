-- What the files made of a table need: its flattened columns as JSON, NULL where they are not known; and a number that
-- grows with each change of its readable rows.
ALTER TABLE reports ADD COLUMN paths TEXT;
ALTER TABLE reports ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
