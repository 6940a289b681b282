-- What users say of faces beyond who they are, and what keeps it true in searches.

-- 'no_face': the detector was wrong; such a row is `lost` as well, so that nothing shows it. 'nobody': a face that nobody needs
-- to know; it is shown, has no person, and is not asked about.
ALTER TABLE faces ADD COLUMN mark TEXT CHECK (mark IN ('no_face', 'nobody'));
-- The orientation (EXIF, 1 to 8) that the picture was turned by when the box was found; NULL: not known.
ALTER TABLE faces ADD COLUMN turn INTEGER;

-- People are switched off for the space: names that users gave are kept, and nothing is found by them.
ALTER TABLE spaces ADD COLUMN people_off INTEGER NOT NULL DEFAULT 0;

DROP INDEX faces_waiting;
CREATE INDEX faces_waiting ON faces (file_id) WHERE person_id IS NULL AND mark IS NULL;
DROP INDEX faces_unclustered;
CREATE INDEX faces_unclustered ON faces (file_id) WHERE clustered = 0 AND person_id IS NULL AND mark IS NULL;

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
-- Everything is made searchable once more: lost faces counted until now.
INSERT OR IGNORE INTO people_renamed (file_id) SELECT file_id FROM faces WHERE lost = 1;
