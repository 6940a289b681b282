-- What somebody asked the service to index. The work itself lies in `pending`; a job names what was asked, so that its
-- progress can be told and a restart loses no request.
CREATE TABLE jobs (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Unix seconds.
  created  INTEGER NOT NULL,
  -- 0: upload, 1: background.
  priority INTEGER NOT NULL,
  -- JSON array of the paths, each base64 of raw bytes.
  paths    TEXT NOT NULL,
  -- Its paths were walked and what they need lies in `pending`.
  queued   INTEGER NOT NULL DEFAULT 0,
  -- Unix seconds when everything it asked for was done; NULL before.
  done     INTEGER
) STRICT;
CREATE INDEX jobs_open ON jobs (id) WHERE done IS NULL;
