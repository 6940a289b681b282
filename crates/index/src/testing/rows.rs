//! Reads rows that no command prints.

use super::Database;
use albumen_core::vocabulary::Stage;
use rusqlite::{OptionalExtension, params};

/// A content and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub hash: String,
    pub file: i64,
}

impl Database {
    /// Number of rows in a table.
    pub fn rows(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}"))
    }

    /// Files in the queue.
    pub fn pending(&self) -> i64 {
        self.rows("pending")
    }

    /// Files in the queue that are not uploads.
    pub fn pending_in_background(&self) -> i64 {
        self.number("SELECT count(*) FROM pending WHERE priority = 1")
    }

    /// Whether a file of this name is in the queue.
    pub fn is_pending(&self, name: &str) -> bool {
        let mut st = self.0.prepare("SELECT 1 FROM pending WHERE name = CAST(?1 AS BLOB)").expect("a query");
        st.exists([name]).expect("an answer")
    }

    /// Files that are present.
    pub fn present_files(&self) -> i64 {
        self.number("SELECT count(*) FROM files WHERE vanished IS NULL")
    }

    /// Files that are recorded as removed.
    pub fn vanished_files(&self) -> i64 {
        self.number("SELECT count(*) FROM files WHERE vanished IS NOT NULL")
    }

    /// Files whose content was read.
    pub fn hashed_files(&self) -> i64 {
        self.number("SELECT count(*) FROM files WHERE content_hash IS NOT NULL")
    }

    /// Files that crashed a worker.
    pub fn crashed_files(&self) -> i64 {
        self.number("SELECT count(DISTINCT file_id) FROM stage_state WHERE fault = 'crashed'")
    }

    /// Failed stages of all files.
    pub fn failed_stages(&self) -> i64 {
        self.number("SELECT count(*) FROM stage_state WHERE state = 'failed'")
    }

    /// Number of files processed for faces, and for subjects.
    pub fn recognised(&self) -> i64 {
        self.number("SELECT count(*) FROM stage_state WHERE stage IN ('faces', 'subjects')")
    }

    /// Volumes that are offline.
    pub fn offline_volumes(&self) -> i64 {
        self.number("SELECT count(*) FROM volumes WHERE offline IS NOT NULL")
    }

    /// Requests that are not complete.
    pub fn open_jobs(&self) -> i64 {
        self.number("SELECT count(*) FROM jobs WHERE done IS NULL")
    }

    /// Requests made before a moment.
    pub fn jobs_before(&self, created: i64) -> i64 {
        self.number(&format!("SELECT count(*) FROM jobs WHERE created < {created}"))
    }

    /// Rows of a table in a space.
    pub fn rows_in_space(&self, table: &str, space: &str) -> i64 {
        let sql =
            format!("SELECT count(*) FROM {table} x JOIN spaces s ON s.id = x.space_id WHERE s.name = ?1");
        self.0.query_row(&sql, [space], |r| r.get(0)).expect("a number")
    }

    /// The names of all spaces.
    pub fn spaces(&self) -> Vec<String> {
        self.texts("SELECT name FROM spaces ORDER BY 1")
    }

    /// The names of spaces in the rows of items.
    pub fn spaces_of_items(&self) -> Vec<String> {
        self.texts("SELECT DISTINCT s.name FROM items i JOIN spaces s ON s.id = i.space_id ORDER BY 1")
    }

    /// Paths of all derivatives, relative to the index folder.
    pub fn derivative_paths(&self) -> Vec<String> {
        self.texts("SELECT path FROM derivatives")
    }

    /// The path of the first large thumbnail.
    pub fn first_xl(&self) -> Option<String> {
        let sql = "SELECT path FROM derivatives WHERE name = 'xl' ORDER BY path LIMIT 1";
        self.0.query_row(sql, [], |r| r.get(0)).optional().expect("an answer")
    }

    /// The contents of present files.
    pub fn contents(&self) -> Vec<Content> {
        let mut st =
            self.0.prepare("SELECT content_hash, id FROM files WHERE vanished IS NULL").expect("SQL");
        let rows = st.query_map([], |r| Ok(Content { hash: r.get(0)?, file: r.get(1)? })).expect("rows");
        rows.map(|r| r.expect("a row")).collect()
    }

    /// The contents of volumes whose path has this ending, including those of removed files.
    pub fn contents_of_volumes(&self, end: &str) -> Vec<String> {
        let mut st = self
            .0
            .prepare(
                "SELECT content_hash FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
                 WHERE v.path LIKE '%' || ?1 AND content_hash IS NOT NULL",
            )
            .expect("a query");
        let rows = st.query_map([end], |r| r.get(0)).expect("rows");
        rows.map(|r| r.expect("a text")).collect()
    }

    /// Whether a file of this name is inspected and its facts are JSON.
    pub fn is_inspected(&self, name: &str) -> bool {
        let sql = "SELECT 1 FROM files f JOIN stage_state s ON s.file_id = f.id
                   WHERE f.name = CAST(?1 AS BLOB) AND s.stage = ?2 AND json_valid(f.facts)";
        self.0.prepare(sql).expect("SQL").exists(params![name, Stage::Inspect.name()]).expect("an answer")
    }

    /// Values of the user edits of items.
    pub fn edit_values(&self) -> Vec<String> {
        self.texts("SELECT value FROM item_edits")
    }
}
