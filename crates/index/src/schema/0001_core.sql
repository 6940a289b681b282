-- The core of the index: where files are, what they are, what was made of them, what is still to be done.
-- docs/index.md describes every table for somebody who writes a server against it.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A set of folders with one owner, or shared. People are clustered inside a space, never across.
CREATE TABLE spaces (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('personal', 'shared'))
) STRICT;

-- A folder tree that is walked. `path` is absolute, raw bytes.
CREATE TABLE volumes (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  space_id    INTEGER NOT NULL REFERENCES spaces (id),
  path        BLOB NOT NULL UNIQUE,
  -- JSON of discover::volume::Fingerprint; NULL until the first whole walk.
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
  -- What one stat said when the content was last read; see discover::identity.
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
  -- JSON of pipeline::vocabulary::Facts, from the last inspect that worked.
  facts          TEXT,
  thumbhash      BLOB,
  UNIQUE (folder_id, name)
) STRICT;
CREATE INDEX files_by_hash ON files (content_hash);
CREATE INDEX files_companions ON files (companion_of) WHERE companion_of IS NOT NULL;
CREATE INDEX files_sidecars ON files (folder_id, sidecar_of) WHERE sidecar_of IS NOT NULL;
CREATE INDEX files_vanished ON files (vanished) WHERE vanished IS NOT NULL;

-- What each stage did with each file. A stage is due when its version or input key differs, or there is no row.
-- input_key: 16 hex digits of the settings, ':', 16 hex digits of the file's own inputs.
CREATE TABLE stage_state (
  file_id   INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  stage     TEXT NOT NULL CHECK (stage IN ('inspect', 'render', 'faces', 'subjects', 'people', 'places')),
  version   INTEGER NOT NULL,
  input_key TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('done', 'damaged', 'failed', 'skipped')),
  -- A pipeline::fault::Fault name; NULL unless failed.
  fault     TEXT,
  reason    TEXT,
  attempts  INTEGER NOT NULL DEFAULT 1,
  -- Unix seconds after which a transient failure is tried again; NULL: never for this key.
  retry_at  INTEGER,
  -- For too_large: the bytes it needed.
  needed    INTEGER,
  PRIMARY KEY (file_id, stage)
) STRICT, WITHOUT ROWID;
CREATE INDEX stage_state_failed ON stage_state (stage, file_id) WHERE state = 'failed';

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
  is_motion      INTEGER NOT NULL DEFAULT 0,
  is_hdr         INTEGER NOT NULL DEFAULT 0,
  -- 0: shown; 1: a companion of another item, or vanished.
  hidden         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX items_timeline ON items (space_id, taken_local DESC, file_id) WHERE hidden = 0;
CREATE INDEX items_added ON items (added DESC, file_id) WHERE hidden = 0;
CREATE INDEX items_folder ON items (folder_id, file_id);
CREATE INDEX items_kind ON items (kind, format, taken_local) WHERE hidden = 0;

CREATE TABLE item_tags (
  tag     TEXT NOT NULL,
  file_id INTEGER NOT NULL REFERENCES items (file_id) ON DELETE CASCADE,
  PRIMARY KEY (tag, file_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_tags_by_file ON item_tags (file_id);

-- The place found for a file's coordinates, JSON of pipeline::vocabulary::Place; zone: IANA name there.
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
