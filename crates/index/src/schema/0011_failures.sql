-- What could not be done, in order of files: a page of it read every stage of the library where little had failed.
CREATE INDEX stage_state_wanting ON stage_state (file_id, stage)
  WHERE state IN ('failed', 'damaged') OR (state = 'skipped' AND fault IS NOT NULL);
-- No question was answered by it.
DROP INDEX stage_state_failed;
