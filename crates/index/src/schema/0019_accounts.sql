-- What accounts of a server say. An account is a number that the server gives and never gives again; the index knows nothing
-- else of it.

-- An album belongs to an account, and its name is the only one of this account. Albums without an owner are those of the
-- command line.
ALTER TABLE albums RENAME TO albums_before;
CREATE TABLE albums (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  owner       INTEGER,
  name        TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  -- The item to show for it, if it is in it and may be seen; NULL: the newest one.
  cover       INTEGER REFERENCES files (id) ON DELETE SET NULL,
  query       TEXT,
  created     INTEGER NOT NULL
) STRICT;
INSERT INTO albums (id, name, query, created) SELECT id, name, query, created FROM albums_before;
-- An id is never given again.
DELETE FROM sqlite_sequence WHERE name = 'albums';
INSERT INTO sqlite_sequence (name, seq) SELECT 'albums', seq FROM sqlite_sequence WHERE name = 'albums_before';
CREATE UNIQUE INDEX albums_names ON albums (coalesce(owner, 0), name);

ALTER TABLE album_items RENAME TO album_items_before;
CREATE TABLE album_items (
  album_id INTEGER NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
  file_id  INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  added    INTEGER NOT NULL,
  -- The account that put it in.
  added_by INTEGER,
  PRIMARY KEY (album_id, file_id)
) STRICT, WITHOUT ROWID;
INSERT INTO album_items (album_id, file_id, added) SELECT album_id, file_id, added FROM album_items_before;
DROP TABLE album_items_before;
DROP TABLE albums_before;
CREATE INDEX album_items_by_file ON album_items (file_id);

CREATE TABLE favourites (
  account INTEGER NOT NULL,
  file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  PRIMARY KEY (account, file_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX favourites_by_file ON favourites (file_id);

-- Edits of items by accounts, so that each can undo its own. `changes` is JSON: what was said before and after.
CREATE TABLE item_edit_log (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL,
  -- Unix seconds, UTC.
  at      INTEGER NOT NULL,
  changes TEXT NOT NULL,
  undone  INTEGER NOT NULL DEFAULT 0
) STRICT;
