-- How much of a date is known; which kind of photo moves; panoramas; words folded before they are indexed; the extension that a
-- sidecar names.

-- For an XMP sidecar that is named by a stem: the extension that it names, empty where it names none; NULL: not read.
ALTER TABLE files ADD COLUMN sidecar_for TEXT;
CREATE INDEX files_unowned ON files (id) WHERE is_sidecar = 1 AND sidecar_of IS NULL;

-- year, month, day, minute or second.
ALTER TABLE items ADD COLUMN taken_precision TEXT;
-- apple, google or samsung.
ALTER TABLE items ADD COLUMN motion_kind TEXT;
ALTER TABLE items ADD COLUMN is_pano INTEGER NOT NULL DEFAULT 0;

-- The text is folded by the program (index::words): tokens are what stands between its spaces.
DROP TABLE item_text;
CREATE VIRTUAL TABLE item_text USING fts5 (
  name, folder, title, description, tags, place, people, camera, lens,
  content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
);
DELETE FROM item_where;
DELETE FROM item_search;

-- All items are made searchable anew.
INSERT OR IGNORE INTO items_stale (file_id) SELECT id FROM files WHERE is_sidecar = 0 AND vanished IS NULL;
UPDATE folders SET regroup = 1;
-- All sidecars are looked at anew, and with them which file each belongs to.
UPDATE files SET ctime_ns = 0 WHERE is_sidecar = 1;
