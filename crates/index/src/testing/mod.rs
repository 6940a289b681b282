//! Access to an index that only tests of other crates need: all SQL is in this crate. Not part of any program.

mod damage;
mod large;
mod library;
mod rows;

pub use damage::{Root, make_unreleased};
pub use library::Photo;
pub use rows::Content;

use super::{DATABASE, Index, items};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;
use std::time::Duration;

/// The database of an index folder, opened beside the program under test.
#[derive(Debug)]
pub struct Database(Connection);

impl Database {
    /// Opens the database of an index folder.
    pub fn open(folder: &Path) -> Database {
        let conn = Connection::open(folder.join(DATABASE)).expect("a database");
        conn.busy_timeout(Duration::from_secs(30)).expect("a time to wait");
        Database(conn)
    }

    fn number(&self, sql: &str) -> i64 {
        self.0.query_row(sql, [], |r| r.get(0)).expect("a number")
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let mut st = self.0.prepare(sql).expect("a query");
        let rows = st.query_map([], |r| r.get(0)).expect("rows");
        rows.map(|r| r.expect("a text")).collect()
    }

    fn run(&self, sql: &str) {
        self.0.execute_batch(sql).expect("statements");
    }
}

/// A file as recorded in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub id: i64,
    pub name: Vec<u8>,
    pub is_vanished: bool,
}

/// Drops the queue's table, so that reading it fails.
pub fn drop_queue(index: &Index) {
    index.conn.execute("DROP TABLE pending", []).expect("a test's index can be written");
}

/// Disables syncing for speed: a power failure would corrupt the index.
pub fn never_sync(index: &Index) {
    index.conn.pragma_update(None, "synchronous", "OFF").expect("a pragma");
}

/// All files.
pub fn files(index: &Index) -> Vec<File> {
    let mut st =
        index.conn.prepare("SELECT id, name, vanished IS NOT NULL FROM files ORDER BY id").expect("SQL");
    let rows = st
        .query_map([], |r| Ok(File { id: r.get(0)?, name: r.get(1)?, is_vanished: r.get(2)? }))
        .expect("rows");
    rows.map(|r| r.expect("a row")).collect()
}

/// All columns of all items with their search entries, as text.
pub fn item_rows(index: &Index) -> Vec<Vec<String>> {
    let sql = "SELECT i.*, s.digest FROM items i LEFT JOIN item_search s USING (file_id) ORDER BY i.file_id";
    let mut st = index.conn.prepare(sql).expect("SQL");
    let columns = st.column_count();
    let text = |r: &rusqlite::Row<'_>, i| r.get::<_, rusqlite::types::Value>(i).map(|v| format!("{v:?}"));
    let rows = st.query_map([], |r| (0..columns).map(|i| text(r, i)).collect()).expect("rows");
    rows.map(|r| r.expect("a row")).collect()
}

/// Whether a folder has a present file of this name.
pub fn has_file(index: &Index, folder: i64, name: &[u8]) -> bool {
    let sql = "SELECT 1 FROM files WHERE folder_id = ?1 AND name = ?2 AND vanished IS NULL";
    index.conn.prepare(sql).expect("SQL").exists(params![folder, name]).expect("an answer")
}

/// Present files whose items are due for an update.
pub fn stale_files(index: &Index) -> i64 {
    let sql = "SELECT count(*) FROM items_stale s JOIN files f ON f.id = s.file_id WHERE f.vanished IS NULL";
    index.conn.query_row(sql, [], |r| r.get(0)).expect("a count")
}

/// Number of folders marked as done.
pub fn folders_done(index: &Index) -> i64 {
    index.conn.query_row("SELECT count(*) FROM folder_done", [], |r| r.get(0)).expect("a count")
}

/// Whether the one file's people stage has the recorded faces as input; `None` if it is due.
pub fn people_follow_faces(index: &Index) -> Option<bool> {
    let sql = "SELECT substr(p.input_key, 17) = substr(s.input_key, 17) FROM stage_state p, stage_state s
                WHERE p.stage = 'people' AND s.stage = 'faces'";
    index.conn.query_row(sql, [], |r| r.get(0)).optional().expect("an answer")
}

/// Updates all items.
pub fn refresh_all(index: &Index, files: impl IntoIterator<Item = i64>) {
    items::refresh_all(&index.conn, files).expect("items are written");
}
