-- What users say about items, their albums, and the tables that searches read. docs/search.md explains them.

-- One row a fact that a user has set; NULL: the user says that there is none. Wins over everything found.
CREATE TABLE item_edits (
  file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  field   TEXT NOT NULL CHECK (field IN ('title', 'description', 'taken', 'rating')),
  value   TEXT,
  -- Unix seconds.
  edited  INTEGER NOT NULL,
  PRIMARY KEY (file_id, field)
) STRICT, WITHOUT ROWID;

-- given 1: the user added the tag; 0: the user took it away.
CREATE TABLE tag_edits (
  file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  tag     TEXT NOT NULL,
  given   INTEGER NOT NULL,
  edited  INTEGER NOT NULL,
  PRIMARY KEY (file_id, tag)
) STRICT, WITHOUT ROWID;

-- query NULL: picked by hand, in album_items; else whatever the search finds.
CREATE TABLE albums (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  name    TEXT NOT NULL UNIQUE,
  query   TEXT,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE album_items (
  album_id INTEGER NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
  file_id  INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  added    INTEGER NOT NULL,
  PRIMARY KEY (album_id, file_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX album_items_by_file ON album_items (file_id);

-- The words of every item that is shown, by file id. The text itself is in items.
CREATE VIRTUAL TABLE item_text USING fts5 (
  name, folder, title, description, tags, place, people, camera, lens,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- Where items that are shown were taken; 32-bit floats, rounded outwards.
CREATE VIRTUAL TABLE item_where USING rtree (file_id, south, north, west, east);

-- A digest of what the two tables above hold for a file, so that they are written only when it changes.
CREATE TABLE item_search (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
  digest  INTEGER NOT NULL
) STRICT;

CREATE TRIGGER files_leave_search AFTER DELETE ON files BEGIN
  DELETE FROM item_text WHERE rowid = old.id;
  DELETE FROM item_where WHERE file_id = old.id;
END;

-- The order of every list: newest first.
CREATE INDEX items_newest ON items (coalesce(taken_local, '') DESC, file_id DESC) WHERE hidden = 0;
CREATE INDEX items_rating ON items (rating) WHERE hidden = 0 AND rating IS NOT NULL;
CREATE INDEX items_camera ON items (make, model) WHERE hidden = 0 AND model IS NOT NULL;
CREATE INDEX items_lens ON items (lens) WHERE hidden = 0 AND lens IS NOT NULL;
CREATE INDEX items_iso ON items (iso) WHERE hidden = 0 AND iso IS NOT NULL;
CREATE INDEX items_aperture ON items (f_number) WHERE hidden = 0 AND f_number IS NOT NULL;
CREATE INDEX items_exposure ON items (exposure_s) WHERE hidden = 0 AND exposure_s IS NOT NULL;
CREATE INDEX items_focal ON items (focal_mm) WHERE hidden = 0 AND focal_mm IS NOT NULL;
CREATE INDEX items_duration ON items (duration_s) WHERE hidden = 0 AND duration_s IS NOT NULL;
CREATE INDEX items_place ON items (country_code, region, city) WHERE hidden = 0 AND country_code IS NOT NULL;
CREATE INDEX items_360 ON items (file_id) WHERE hidden = 0 AND is_360 = 1;
CREATE INDEX items_motion ON items (file_id) WHERE hidden = 0 AND is_motion = 1;

-- Items that are there already enter the search with the next run.
UPDATE folders SET regroup = 1;
