-- How many shown items of a folder were taken on a day: the timeline is a sum over folders that may be seen, whatever the
-- number of items. `day` is the date part of items.taken_local, shorter where less is known, '' without a date.
CREATE TABLE folder_days (
  folder_id INTEGER NOT NULL,
  day       TEXT NOT NULL,
  items     INTEGER NOT NULL,
  PRIMARY KEY (folder_id, day)
) STRICT, WITHOUT ROWID;

INSERT INTO folder_days (folder_id, day, items)
  SELECT folder_id, coalesce(substr(taken_local, 1, 10), ''), count(*) FROM items WHERE hidden = 0 GROUP BY 1, 2;

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
