-- The program checks which fields an item edit can have, so that another field needs no new table.
CREATE TABLE item_edits_unchecked (
  file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  field   TEXT NOT NULL,
  -- NULL: a user removed the value.
  value   TEXT,
  -- Unix seconds.
  edited  INTEGER NOT NULL,
  PRIMARY KEY (file_id, field)
) STRICT, WITHOUT ROWID;
INSERT INTO item_edits_unchecked (file_id, field, value, edited) SELECT file_id, field, value, edited FROM item_edits;
DROP TABLE item_edits;
ALTER TABLE item_edits_unchecked RENAME TO item_edits;

-- The account of a server that made an edit of people; NULL: the command line. Each account can undo its own edits.
ALTER TABLE people_edit_log ADD COLUMN account INTEGER;
