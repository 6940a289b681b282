-- What need not be looked at again: a rescan of a library in which nothing has happened reads a row a folder instead of a
-- row a file. Everything here is concluded from `files`, `items` and `stage_state` (index::quiet), and any change of those
-- removes it, whoever makes the change: hence triggers, and no statement that a writer could forget.

-- What a walk sees of a folder that is as it is recorded.
CREATE TABLE folder_sums (
  folder_id INTEGER PRIMARY KEY REFERENCES folders (id) ON DELETE CASCADE,
  -- discover::identity::FolderSum over all its files that are there.
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
