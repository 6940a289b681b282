-- The index: where files are, what they are, what was made of them, what users said, and what is still to be done.
-- docs/index.md describes every table for somebody who writes a server against it.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A set of folders with one owner, or shared. People are clustered inside a space, never across.
CREATE TABLE spaces (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('personal', 'shared')),
  -- People are switched off for the space: names that users gave are kept, and nothing is found by them.
  people_off INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A folder tree that is walked. `path` is absolute, raw bytes.
CREATE TABLE volumes (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  space_id    INTEGER NOT NULL REFERENCES spaces (id),
  path        BLOB NOT NULL UNIQUE,
  -- JSON of albumen_files::volume::Fingerprint; NULL until the first whole walk.
  fingerprint TEXT,
  -- Why the volume counts as not there; NULL while it is online.
  offline     TEXT
) STRICT;

-- `path` is relative to the volume, raw bytes, '' for the volume itself.
CREATE TABLE folders (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  volume_id INTEGER NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
  path      BLOB NOT NULL,
  -- Its files' facts changed since items were last grouped.
  regroup   INTEGER NOT NULL DEFAULT 0,
  UNIQUE (volume_id, path)
) STRICT;
CREATE INDEX folders_regroup ON folders (id) WHERE regroup = 1;

-- One path on a volume. The id is stable for life: moves and edits keep it, it is never given again.
CREATE TABLE files (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  folder_id      INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
  name           BLOB NOT NULL,
  is_sidecar     INTEGER NOT NULL DEFAULT 0,
  -- For a sidecar: the name of the file in the same folder that it speaks of.
  sidecar_of     BLOB,
  -- For an XMP sidecar that is named by a stem: the extension that it names, empty where it names none; NULL: not read.
  sidecar_for    TEXT,
  -- What one stat said when the content was last read; see albumen_files::identity.
  fs_id          INTEGER NOT NULL,
  inode          INTEGER NOT NULL,
  bytes          INTEGER NOT NULL,
  mtime_ns       INTEGER NOT NULL,
  ctime_ns       INTEGER NOT NULL,
  -- `b3:` or `b3s:` and 64 hex digits; NULL until it could be read.
  content_hash   TEXT,
  -- Unix seconds, UTC, of the first sight.
  added          INTEGER NOT NULL,
  -- Unix seconds when it was found gone; the row stays for the grace period.
  vanished       INTEGER,
  -- The file whose item this one belongs to, and as what: live_video, raw, sidecar.
  companion_of   INTEGER REFERENCES files (id) ON DELETE SET NULL,
  companion_role TEXT,
  -- JSON of albumen_core::vocabulary::Facts, from the last inspect that worked.
  facts          TEXT,
  thumbhash      BLOB,
  UNIQUE (folder_id, name)
) STRICT;
CREATE INDEX files_by_hash ON files (content_hash);
CREATE INDEX files_companions ON files (companion_of) WHERE companion_of IS NOT NULL;
CREATE INDEX files_sidecars ON files (folder_id, sidecar_of) WHERE sidecar_of IS NOT NULL;
CREATE INDEX files_unowned ON files (id) WHERE is_sidecar = 1 AND sidecar_of IS NULL;
CREATE INDEX files_vanished ON files (vanished) WHERE vanished IS NOT NULL;
-- Which vanished file a new path is, whatever the number of present copies.
CREATE INDEX files_vanished_hash ON files (content_hash, vanished DESC) WHERE vanished IS NOT NULL;

-- What each stage did with each file. A stage is due when its version or input key differs, or there is no row.
-- input_key: 16 hex digits of the settings, ':', 16 hex digits of the file's own inputs.
CREATE TABLE stage_state (
  file_id   INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  stage     TEXT NOT NULL,
  version   INTEGER NOT NULL,
  input_key TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('done', 'damaged', 'failed', 'skipped')),
  -- A albumen_core::fault::Fault name; NULL unless failed.
  fault     TEXT,
  reason    TEXT,
  attempts  INTEGER NOT NULL DEFAULT 1,
  -- Unix seconds after which a transient failure is tried again; NULL: never for this key.
  retry_at  INTEGER,
  -- For too_large: the bytes it needed.
  needed    INTEGER,
  PRIMARY KEY (file_id, stage)
) STRICT, WITHOUT ROWID;
-- What could not be done, in order of files.
CREATE INDEX stage_state_wanting ON stage_state (file_id, stage)
  WHERE state IN ('failed', 'damaged') OR (state = 'skipped' AND fault IS NOT NULL);

-- Files in derived/. They belong to a content and the settings they were made with, not to a path:
-- copies share them, a move keeps them.
CREATE TABLE derivatives (
  content_hash TEXT NOT NULL,
  name         TEXT NOT NULL CHECK (name IN ('xl', 'm', 'sm', 'preview')),
  -- Relative to the index folder.
  path         TEXT NOT NULL,
  width        INTEGER NOT NULL,
  height       INTEGER NOT NULL,
  bytes        INTEGER NOT NULL,
  PRIMARY KEY (content_hash, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX derivatives_by_path ON derivatives (path);

-- One row per file that is or was an item's primary: the final answers, after edits and precedence, in columns that are
-- sorted and filtered by. Rebuilt from files.facts, places, and edits by index::items::refresh.
CREATE TABLE items (
  file_id        INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
  space_id       INTEGER NOT NULL REFERENCES spaces (id),
  folder_id      INTEGER NOT NULL,
  kind           TEXT NOT NULL,
  format         TEXT,
  added          INTEGER NOT NULL,
  -- Wall-clock time at the place, `YYYY-MM-DDTHH:MM:SS[.fff]`; the timeline's order.
  taken_local    TEXT,
  taken_utc      TEXT,
  -- year, month, day, minute or second: how much of the date is known.
  taken_precision TEXT,
  display_width  INTEGER,
  display_height INTEGER,
  duration_s     REAL,
  make           TEXT,
  model          TEXT,
  lens           TEXT,
  iso            INTEGER,
  f_number       REAL,
  exposure_s     REAL,
  focal_mm       REAL,
  focal_35mm     REAL,
  lat            REAL,
  lon            REAL,
  country_code   TEXT,
  country        TEXT,
  region         TEXT,
  district       TEXT,
  city           TEXT,
  city_km        REAL,
  title          TEXT,
  description    TEXT,
  rating         INTEGER,
  is_360         INTEGER NOT NULL DEFAULT 0,
  is_pano        INTEGER NOT NULL DEFAULT 0,
  is_motion      INTEGER NOT NULL DEFAULT 0,
  -- apple, google or samsung.
  motion_kind    TEXT,
  is_hdr         INTEGER NOT NULL DEFAULT 0,
  -- 0: shown; 1: a companion of another item, or vanished.
  hidden         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX items_timeline ON items (space_id, taken_local DESC, file_id) WHERE hidden = 0;
CREATE INDEX items_added ON items (added DESC, file_id) WHERE hidden = 0;
-- The items of a space in order of their ids: a page begins anywhere at once.
CREATE INDEX items_pages ON items (space_id, file_id) WHERE hidden = 0;
CREATE INDEX items_folder ON items (folder_id, file_id);
CREATE INDEX items_kind ON items (kind, format, taken_local) WHERE hidden = 0;

CREATE TABLE item_tags (
  tag     TEXT NOT NULL,
  file_id INTEGER NOT NULL REFERENCES items (file_id) ON DELETE CASCADE,
  PRIMARY KEY (tag, file_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_tags_by_file ON item_tags (file_id);

-- The place found for a file's coordinates, JSON of albumen_core::vocabulary::Place; zone: IANA name there.
CREATE TABLE file_places (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
  place   TEXT,
  zone    TEXT
) STRICT;

-- What recognition saw. features: the classifier's vector, int8.
CREATE TABLE subjects (
  file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  label   TEXT NOT NULL,
  score   REAL NOT NULL,
  -- JSON [x, y, w, h]; NULL for a subject of the whole picture.
  box     TEXT
) STRICT;
CREATE INDEX subjects_by_file ON subjects (file_id);
CREATE INDEX subjects_by_label ON subjects (label, file_id);

CREATE TABLE features (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
  vector  BLOB NOT NULL
) STRICT;

-- What a walk found to do and is not done yet. Rows go as their work is recorded; a walk of the same folders
-- makes them anew. In the service this is the queue: it survives a restart.
CREATE TABLE pending (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  -- 0: asked for by somebody who waits (an upload); 1: background.
  priority  INTEGER NOT NULL,
  folder_id INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
  name      BLOB NOT NULL,
  -- The known file at this path, NULL for a new one.
  file_id   INTEGER REFERENCES files (id) ON DELETE CASCADE,
  what      TEXT NOT NULL CHECK (what IN ('new', 'changed', 'due')),
  fs_id     INTEGER NOT NULL,
  bytes     INTEGER NOT NULL,
  UNIQUE (folder_id, name)
) STRICT;
CREATE INDEX pending_order ON pending (priority, id);

-- People: the faces found, who they are taken for, and what users have said of them. Rows of `faces` and `people`
-- hold what was found; the tables below them hold what was said, which wins and survives every new finding.

-- A face found in a picture. The id is stable for life: a new look at the picture, by whatever detector, updates
-- the row of the face whose box it overlaps.
CREATE TABLE faces (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  file_id    INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  -- Fractions of the upright picture, top left first.
  x          REAL NOT NULL,
  y          REAL NOT NULL,
  w          REAL NOT NULL,
  h          REAL NOT NULL,
  score      REAL NOT NULL,
  quality    REAL NOT NULL,
  -- JSON: five [x, y], eyes, nose, mouth corners.
  points     TEXT NOT NULL,
  -- int8, and the key of the models that made it: only embeddings of one key can be compared.
  embedding  BLOB NOT NULL,
  embedder   TEXT NOT NULL,
  -- The last look did not find it; kept, because a user has said who it is.
  lost       INTEGER NOT NULL DEFAULT 0,
  -- The name that a region in the metadata gives it, and where that stood.
  region_name   TEXT,
  region_source TEXT CHECK (region_source IN ('sidecar', 'file')),
  -- Who it is taken for, and on whose word. NULL: it waits for more evidence.
  person_id  TEXT REFERENCES people (id),
  how        TEXT CHECK (how IN ('edit', 'sidecar', 'file', 'machine')),
  -- Where a machine said it: the similarity that decided, and what was required.
  similarity REAL,
  required   REAL,
  -- A clustering has looked at it as it is.
  clustered  INTEGER NOT NULL DEFAULT 0,
  -- What users say of it beyond who it is. no_face: the detector was wrong; such a row is `lost` as well, so that nothing shows
  -- it. nobody: a face that nobody needs to know; it is shown, has no person, and is not asked about.
  mark       TEXT CHECK (mark IN ('no_face', 'nobody')),
  -- The orientation (EXIF, 1 to 8) that the picture was turned by when the box was found; NULL: not known.
  turn       INTEGER
) STRICT;
CREATE INDEX faces_by_file ON faces (file_id);
CREATE INDEX faces_by_person ON faces (person_id) WHERE person_id IS NOT NULL;

-- A person: a cluster of faces. `id` is fixed at birth, from the space and the founding face.
CREATE TABLE people (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  space_id     INTEGER NOT NULL REFERENCES spaces (id),
  -- The name that regions in metadata give, and where the first one stood.
  found_name   TEXT,
  found_source TEXT CHECK (found_source IN ('sidecar', 'file'))
) STRICT;
CREATE INDEX people_by_space ON people (space_id);

-- The person that a name in the regions of a space stands for, whatever the person is called by now.
CREATE TABLE region_names (
  space_id  INTEGER NOT NULL REFERENCES spaces (id),
  name_key  TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  PRIMARY KEY (space_id, name_key)
) STRICT, WITHOUT ROWID;

-- Files whose regions are still to be matched with their faces.
CREATE TABLE regions_due (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE
) STRICT;
CREATE TRIGGER facts_come_with_regions AFTER INSERT ON files WHEN new.facts LIKE '%"regions"%' BEGIN
  INSERT OR IGNORE INTO regions_due (file_id) VALUES (new.id);
END;
CREATE TRIGGER facts_with_regions AFTER UPDATE OF facts ON files
WHEN old.facts LIKE '%"regions"%' OR new.facts LIKE '%"regions"%' BEGIN
  INSERT OR IGNORE INTO regions_due (file_id) VALUES (new.id);
END;

-- What clustering needs of a person, so that it need not read every face each time: gone when a face of the person
-- changed, made anew by the next clustering.
CREATE TABLE person_vectors (
  person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  embedder  TEXT NOT NULL,
  -- Faces behind the sum, each content once.
  count     INTEGER NOT NULL,
  -- Sum of the unit embeddings, f32 little endian; exemplars' embeddings one after another, and their face ids.
  sum       BLOB NOT NULL,
  exemplars BLOB NOT NULL,
  ids       TEXT NOT NULL
) STRICT;
CREATE TRIGGER faces_gone AFTER DELETE ON faces WHEN old.person_id IS NOT NULL BEGIN
  DELETE FROM person_vectors WHERE person_id = old.person_id;
END;
CREATE TRIGGER faces_changed AFTER UPDATE OF person_id, embedding, embedder, lost, quality ON faces
WHEN old.person_id IS NOT NULL OR new.person_id IS NOT NULL BEGIN
  DELETE FROM person_vectors WHERE person_id IN (old.person_id, new.person_id);
END;

-- What users have said --------------------------------------------------------------------------------------

-- "This is ..." and "this is not ...".
CREATE TABLE face_edits (
  face_id   INTEGER NOT NULL REFERENCES faces (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id),
  verdict   TEXT NOT NULL CHECK (verdict IN ('is', 'not')),
  PRIMARY KEY (face_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX face_edits_by_person ON face_edits (person_id);

-- name_said 1: the name is the user's, also where it is NULL (removed).
CREATE TABLE person_edits (
  person_id  TEXT PRIMARY KEY REFERENCES people (id),
  name_said  INTEGER NOT NULL DEFAULT 0,
  name       TEXT,
  hidden     INTEGER NOT NULL DEFAULT 0,
  cover_face INTEGER REFERENCES faces (id) ON DELETE SET NULL
) STRICT, WITHOUT ROWID;

-- Merges: the alias stands for the person, for good. Never a chain: a person that has aliases takes them along.
CREATE TABLE person_aliases (
  alias     TEXT PRIMARY KEY REFERENCES people (id),
  person_id TEXT NOT NULL REFERENCES people (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_aliases_by_person ON person_aliases (person_id);

-- Two people whom a user has told apart; a < b.
CREATE TABLE people_apart (
  a TEXT NOT NULL REFERENCES people (id),
  b TEXT NOT NULL REFERENCES people (id),
  PRIMARY KEY (a, b),
  CHECK (a < b)
) STRICT, WITHOUT ROWID;

-- Files whose people's names have changed since their items were last made searchable.
CREATE TABLE people_renamed (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE
) STRICT;
CREATE TRIGGER faces_renamed AFTER UPDATE OF person_id ON faces
WHEN EXISTS (SELECT 1 FROM persons WHERE id IN (old.person_id, new.person_id) AND name IS NOT NULL) BEGIN
  INSERT OR IGNORE INTO people_renamed (file_id) VALUES (new.file_id);
END;
CREATE TRIGGER person_found_name AFTER UPDATE OF found_name ON people BEGIN
  INSERT OR IGNORE INTO people_renamed (file_id) SELECT file_id FROM faces WHERE person_id = new.id;
END;
CREATE TRIGGER person_said_name AFTER INSERT ON person_edits BEGIN
  INSERT OR IGNORE INTO people_renamed (file_id) SELECT file_id FROM faces WHERE person_id = new.person_id;
END;
CREATE TRIGGER person_unsaid_name AFTER DELETE ON person_edits BEGIN
  INSERT OR IGNORE INTO people_renamed (file_id) SELECT file_id FROM faces WHERE person_id = old.person_id;
END;

-- A face that is gone or lost takes the name of its person out of the photo.
CREATE TRIGGER faces_leave_names AFTER DELETE ON faces
WHEN old.person_id IS NOT NULL OR old.region_name IS NOT NULL BEGIN
  INSERT OR IGNORE INTO people_renamed (file_id) SELECT id FROM files WHERE id = old.file_id;
END;
CREATE TRIGGER faces_lost AFTER UPDATE OF lost, region_name ON faces
WHEN (old.lost <> new.lost AND (new.person_id IS NOT NULL OR new.region_name IS NOT NULL))
  OR old.region_name IS NOT new.region_name BEGIN
  INSERT OR IGNORE INTO people_renamed (file_id) VALUES (new.file_id);
END;
CREATE TRIGGER persons_merged AFTER INSERT ON person_aliases BEGIN
  INSERT OR IGNORE INTO people_renamed (file_id) SELECT file_id FROM faces WHERE person_id IN (new.alias, new.person_id);
END;
CREATE TRIGGER persons_parted AFTER DELETE ON person_aliases BEGIN
  INSERT OR IGNORE INTO people_renamed (file_id) SELECT file_id FROM faces WHERE person_id IN (old.alias, old.person_id);
END;

-- Every edit, so that it can be undone. `before` is JSON: the rows it changed, as they were.
CREATE TABLE people_edit_log (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Unix seconds, UTC.
  at       INTEGER NOT NULL,
  space_id INTEGER NOT NULL REFERENCES spaces (id),
  words    TEXT NOT NULL,
  before   TEXT NOT NULL,
  undone   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The people there are, with their final names: an edit, else what regions say.
CREATE VIEW persons AS
SELECT p.id, p.seq, p.space_id,
       CASE WHEN e.name_said = 1 THEN e.name ELSE p.found_name END AS name,
       CASE WHEN e.name_said = 1 THEN 'edit' ELSE p.found_source END AS name_source,
       coalesce(e.hidden, 0) AS hidden, e.cover_face
  FROM people p LEFT JOIN person_edits e ON e.person_id = p.id
 WHERE NOT EXISTS (SELECT 1 FROM person_aliases a WHERE a.alias = p.id);

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

-- An album belongs to an account, and its name is the only one of this account. Albums without an owner are those of the
-- command line.
CREATE TABLE albums (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  owner       INTEGER,
  name        TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  -- The item to show for it, if it is in it and may be seen; NULL: the newest one.
  cover       INTEGER REFERENCES files (id) ON DELETE SET NULL,
  -- NULL: picked by hand, in album_items; else whatever the search finds.
  query       TEXT,
  created     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX albums_names ON albums (coalesce(owner, 0), name);

CREATE TABLE album_items (
  album_id INTEGER NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
  file_id  INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  added    INTEGER NOT NULL,
  -- The account that put it in.
  added_by INTEGER,
  PRIMARY KEY (album_id, file_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX album_items_by_file ON album_items (file_id);

-- What accounts of a server say. An account is a number that the server gives and never gives again; the index knows nothing
-- else of it.
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

-- The words of every item that is shown, by file id. The text itself is in items.
-- It is folded by the program (index::words): tokens are what stands between its spaces.
CREATE VIRTUAL TABLE item_text USING fts5 (
  name, folder, title, description, tags, place, people, camera, lens,
  content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
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

-- What somebody asked the service to index. The work itself lies in `pending`; a job names what was asked, so that its
-- progress can be told and a restart loses no request.
CREATE TABLE jobs (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Unix seconds.
  created  INTEGER NOT NULL,
  -- 0: upload, 1: background.
  priority INTEGER NOT NULL,
  -- JSON array of the paths, each base64 of raw bytes.
  paths    TEXT NOT NULL,
  -- Its paths were walked and what they need lies in `pending`.
  queued   INTEGER NOT NULL DEFAULT 0,
  -- Unix seconds when everything it asked for was done; NULL before.
  done     INTEGER
) STRICT;
CREATE INDEX jobs_open ON jobs (id) WHERE done IS NULL;

-- Faces that no clustering has looked at, found without reading the others: a service asks at its start.
CREATE INDEX faces_unclustered ON faces (file_id) WHERE clustered = 0 AND person_id IS NULL AND mark IS NULL;
-- What every clustering asks for, found without reading the files of a space one by one: faces without a person.
CREATE INDEX faces_waiting ON faces (file_id) WHERE person_id IS NULL AND mark IS NULL;

-- What need not be looked at again: a rescan of a library in which nothing has happened reads a row a folder instead of a
-- row a file. Everything here is concluded from `files`, `items` and `stage_state` (index::quiet), and any change of those
-- removes it, whoever makes the change: hence triggers, and no statement that a writer could forget.

-- What a walk sees of a folder that is as it is recorded.
CREATE TABLE folder_sums (
  folder_id INTEGER PRIMARY KEY REFERENCES folders (id) ON DELETE CASCADE,
  -- albumen_files::identity::FolderSum over all its files that are there.
  sum       BLOB NOT NULL,
  -- Of these files: those that are no sidecars, and by kind.
  media     INTEGER NOT NULL,
  photos    INTEGER NOT NULL,
  videos    INTEGER NOT NULL
) STRICT;

-- A stage, as this version with these settings, is due for no file of the folder, and no waiting makes it due.
CREATE TABLE folder_done (
  folder_id INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
  stage     TEXT NOT NULL,
  version   INTEGER NOT NULL,
  settings  TEXT NOT NULL,
  -- What its files came to: counting a library reads a row a folder.
  done      INTEGER NOT NULL DEFAULT 0,
  damaged   INTEGER NOT NULL DEFAULT 0,
  failed    INTEGER NOT NULL DEFAULT 0,
  skipped   INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (folder_id, stage)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER files_come AFTER INSERT ON files BEGIN
  DELETE FROM folder_sums WHERE folder_id = NEW.folder_id;
  DELETE FROM folder_done WHERE folder_id = NEW.folder_id;
END;
CREATE TRIGGER files_change AFTER UPDATE OF folder_id, name, is_sidecar, fs_id, inode, bytes, mtime_ns, ctime_ns,
    content_hash, vanished, companion_of ON files BEGIN
  DELETE FROM folder_sums WHERE folder_id IN (OLD.folder_id, NEW.folder_id);
  DELETE FROM folder_done WHERE folder_id IN (OLD.folder_id, NEW.folder_id);
END;
CREATE TRIGGER files_go AFTER DELETE ON files BEGIN
  DELETE FROM folder_sums WHERE folder_id = OLD.folder_id;
END;
CREATE TRIGGER stages_come AFTER INSERT ON stage_state BEGIN
  DELETE FROM folder_done
   WHERE folder_id = (SELECT folder_id FROM files WHERE id = NEW.file_id) AND stage = NEW.stage;
END;
CREATE TRIGGER stages_change AFTER UPDATE ON stage_state BEGIN
  DELETE FROM folder_done
   WHERE folder_id = (SELECT folder_id FROM files WHERE id = NEW.file_id) AND stage = NEW.stage;
END;
CREATE TRIGGER stages_go AFTER DELETE ON stage_state BEGIN
  DELETE FROM folder_done
   WHERE folder_id = (SELECT folder_id FROM files WHERE id = OLD.file_id) AND stage = OLD.stage;
END;
-- Before: afterwards the old kind is gone.
CREATE TRIGGER items_change BEFORE INSERT ON items
  WHEN NEW.kind IS NOT (SELECT kind FROM items WHERE file_id = NEW.file_id) BEGIN
  DELETE FROM folder_sums WHERE folder_id = NEW.folder_id;
END;

-- What every clustering asked of all people and all named faces, kept by whoever changes it.

-- Files with faces of people that came to another folder, or whose volume came to another space: their people may be another
-- space's now. The next clustering of the space where they are looks, and takes them out of here.
CREATE TABLE faces_strayed (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE
) STRICT;
CREATE TRIGGER files_stray AFTER UPDATE OF folder_id ON files
WHEN OLD.folder_id <> NEW.folder_id
  AND EXISTS (SELECT 1 FROM faces WHERE file_id = NEW.id AND person_id IS NOT NULL) BEGIN
  INSERT OR IGNORE INTO faces_strayed (file_id) VALUES (NEW.id);
END;
CREATE TRIGGER volumes_stray AFTER UPDATE OF space_id ON volumes WHEN OLD.space_id <> NEW.space_id BEGIN
  INSERT OR IGNORE INTO faces_strayed (file_id)
    SELECT DISTINCT a.file_id FROM folders d JOIN files f ON f.folder_id = d.id JOIN faces a ON a.file_id = f.id
     WHERE d.volume_id = NEW.id AND a.person_id IS NOT NULL;
END;

-- Instead of all faces that a region names, those that have not yet their person from it.
CREATE INDEX faces_unsettled ON faces (file_id)
  WHERE region_name IS NOT NULL AND (how IS NULL OR how = 'machine');

-- Of the folders that are to be put together anew (folders.regroup) the files whose items may be others: their own facts
-- have changed, or what belongs to them. The others are only looked at: a folder may hold tens of thousands.
CREATE TABLE items_stale (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE
) STRICT;

-- An item is in the space of its volume, also where the config gives the volume to another.
CREATE TRIGGER volumes_move AFTER UPDATE OF space_id ON volumes WHEN OLD.space_id <> NEW.space_id BEGIN
  UPDATE items SET space_id = NEW.space_id WHERE folder_id IN (SELECT id FROM folders WHERE volume_id = NEW.id);
END;

-- How many shown items of a folder were taken on a day: the timeline is a sum over folders that may be seen, whatever the
-- number of items. `day` is the date part of items.taken_local, shorter where less is known, '' without a date.
CREATE TABLE folder_days (
  folder_id INTEGER NOT NULL,
  day       TEXT NOT NULL,
  items     INTEGER NOT NULL,
  PRIMARY KEY (folder_id, day)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER folder_days_insert AFTER INSERT ON items WHEN new.hidden = 0 BEGIN
  INSERT INTO folder_days (folder_id, day, items) VALUES (new.folder_id, coalesce(substr(new.taken_local, 1, 10), ''), 1)
    ON CONFLICT (folder_id, day) DO UPDATE SET items = items + 1;
END;

CREATE TRIGGER folder_days_delete AFTER DELETE ON items WHEN old.hidden = 0 BEGIN
  UPDATE folder_days SET items = items - 1
    WHERE folder_id = old.folder_id AND day = coalesce(substr(old.taken_local, 1, 10), '');
  DELETE FROM folder_days
    WHERE folder_id = old.folder_id AND day = coalesce(substr(old.taken_local, 1, 10), '') AND items = 0;
END;

-- Most updates change none of the three.
CREATE TRIGGER folder_days_update AFTER UPDATE OF folder_id, taken_local, hidden ON items
WHEN old.hidden <> new.hidden OR old.folder_id <> new.folder_id
  OR coalesce(substr(old.taken_local, 1, 10), '') <> coalesce(substr(new.taken_local, 1, 10), '') BEGIN
  UPDATE folder_days SET items = items - 1
    WHERE old.hidden = 0 AND folder_id = old.folder_id AND day = coalesce(substr(old.taken_local, 1, 10), '');
  DELETE FROM folder_days
    WHERE old.hidden = 0 AND folder_id = old.folder_id AND day = coalesce(substr(old.taken_local, 1, 10), '')
      AND items = 0;
  INSERT INTO folder_days (folder_id, day, items)
    SELECT new.folder_id, coalesce(substr(new.taken_local, 1, 10), ''), 1 WHERE new.hidden = 0
    ON CONFLICT (folder_id, day) DO UPDATE SET items = items + 1;
END;

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

-- Pictures and videos of kinds that are not read, as the last walk of each folder saw them: they have no rows in `files`.
CREATE TABLE unread_media (
  volume_id INTEGER NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
  -- Relative to the volume, raw bytes.
  folder    BLOB NOT NULL,
  -- Lower case, without the dot.
  extension TEXT NOT NULL,
  files     INTEGER NOT NULL,
  PRIMARY KEY (volume_id, folder, extension)
) STRICT, WITHOUT ROWID;
