-- What every clustering asked of all people and all named faces, kept by whoever changes it.

-- Files with faces of people that came to another folder, or whose volume came to another space: their people may be another
-- space's now. The next clustering of the space where they are looks, and takes them out of here.
CREATE TABLE faces_strayed (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE
) STRICT;
INSERT INTO faces_strayed (file_id)
  SELECT DISTINCT a.file_id FROM people p JOIN faces a ON a.person_id = p.id JOIN files f ON f.id = a.file_id
    JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
   WHERE v.space_id <> p.space_id;
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
DROP INDEX faces_named;
CREATE INDEX faces_unsettled ON faces (file_id)
  WHERE region_name IS NOT NULL AND (how IS NULL OR how = 'machine');
