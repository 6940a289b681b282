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
  clustered  INTEGER NOT NULL DEFAULT 0
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
