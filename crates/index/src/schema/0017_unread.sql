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
