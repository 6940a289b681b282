-- What a walk did not enter, and should have: a folder that could not be read or is too deep, and a folder that is hidden since
-- its .albumenignore cannot be honoured. Written by the walk of the place, one row each.
CREATE TABLE walk_problems (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  volume_id INTEGER NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
  -- Relative to the volume, raw bytes: the folder or entry, or the ignore file that hides its folder.
  path      BLOB NOT NULL,
  -- unseen, too_large, too_deep or ignore_file.
  kind      TEXT NOT NULL,
  -- Of the ignore file, from 1; NULL: it is about all of it.
  line      INTEGER,
  reason    TEXT NOT NULL,
  UNIQUE (volume_id, path)
) STRICT;

-- Files that are hidden by such an ignore file. They count as vanished, so nothing shows them; but they are there, so they are
-- never forgotten, and what users said of them goes to no other file.
CREATE TABLE hidden_files (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE
) STRICT;
CREATE TRIGGER hidden_files_back AFTER UPDATE OF vanished ON files
  WHEN NEW.vanished IS NULL AND OLD.vanished IS NOT NULL
BEGIN
  DELETE FROM hidden_files WHERE file_id = NEW.id;
END;

-- Which vanished file a new path is was asked of all copies of its content, present ones, too: the square of their number.
CREATE INDEX files_vanished_hash ON files (content_hash, vanished DESC) WHERE vanished IS NOT NULL;
