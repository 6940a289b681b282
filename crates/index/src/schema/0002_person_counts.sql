-- In how many shown items a person is, with how many faces, and the best of these: a list of people reads one row for each
-- person instead of one for each face. A row is deleted when a face of the person or an item that it is in changes. Clustering
-- and edits insert it again; until then the list counts the faces of that person.
CREATE TABLE person_counts (
  person_id TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  items     INTEGER NOT NULL,
  faces     INTEGER NOT NULL,
  best_face INTEGER
) STRICT, WITHOUT ROWID;

CREATE TRIGGER person_counts_face_gone AFTER DELETE ON faces WHEN old.person_id IS NOT NULL BEGIN
  DELETE FROM person_counts WHERE person_id = old.person_id;
END;
CREATE TRIGGER person_counts_face_changed AFTER UPDATE OF person_id, lost, quality, file_id ON faces
WHEN old.person_id IS NOT NULL OR new.person_id IS NOT NULL BEGIN
  DELETE FROM person_counts WHERE person_id IN (old.person_id, new.person_id);
END;
CREATE TRIGGER person_counts_face_added AFTER INSERT ON faces WHEN new.person_id IS NOT NULL BEGIN
  DELETE FROM person_counts WHERE person_id = new.person_id;
END;
CREATE TRIGGER person_counts_item_gone AFTER DELETE ON items BEGIN
  DELETE FROM person_counts WHERE person_id IN
    (SELECT person_id FROM faces WHERE file_id = old.file_id AND person_id IS NOT NULL);
END;
CREATE TRIGGER person_counts_item_changed AFTER UPDATE OF hidden ON items WHEN old.hidden <> new.hidden BEGIN
  DELETE FROM person_counts WHERE person_id IN
    (SELECT person_id FROM faces WHERE file_id = new.file_id AND person_id IS NOT NULL);
END;
CREATE TRIGGER person_counts_item_added AFTER INSERT ON items BEGIN
  DELETE FROM person_counts WHERE person_id IN
    (SELECT person_id FROM faces WHERE file_id = new.file_id AND person_id IS NOT NULL);
END;
