-- What the files of a concluded folder came to: counting a library reads a row a folder instead of every file and stage, after
-- each upload again. Folders are concluded anew by the next walk.
DELETE FROM folder_done;
ALTER TABLE folder_done ADD COLUMN done INTEGER NOT NULL DEFAULT 0;
ALTER TABLE folder_done ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE folder_done ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE folder_done ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
