-- Of the folders that are to be put together anew (folders.regroup) the files whose items may be others: their own facts
-- have changed, or what belongs to them. The others are only looked at: a folder may hold tens of thousands.
CREATE TABLE items_stale (
  file_id INTEGER PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE
) STRICT;
INSERT INTO items_stale (file_id)
  SELECT f.id FROM folders d CROSS JOIN files f ON f.folder_id = d.id
   WHERE d.regroup = 1 AND f.is_sidecar = 0 AND f.vanished IS NULL;
