//! What tests of other crates want to see of an index, or do to it, that no program does.

use super::{Index, items};
use rusqlite::OptionalExtension;

/// Takes the queue away, so that it cannot be read.
pub fn drop_queue(index: &Index) {
    index.conn.execute("DROP TABLE pending", []).expect("a test's index can be written");
}

/// Trades safety for speed: a power cut would cost the index.
pub fn never_sync(index: &Index) {
    index.conn.pragma_update(None, "synchronous", "OFF").expect("a pragma");
}

/// Id, name, and whether it has vanished, of every file.
pub fn files(index: &Index) -> Vec<(i64, Vec<u8>, bool)> {
    let mut st =
        index.conn.prepare("SELECT id, name, vanished IS NOT NULL FROM files ORDER BY id").expect("SQL");
    let rows = st.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).expect("rows");
    rows.map(|r| r.expect("a row")).collect()
}

/// Every column of every item, and what searches know of it, as text.
pub fn item_rows(index: &Index) -> Vec<Vec<String>> {
    let sql = "SELECT i.*, s.digest FROM items i LEFT JOIN item_search s USING (file_id) ORDER BY i.file_id";
    let mut st = index.conn.prepare(sql).expect("SQL");
    let columns = st.column_count();
    let text = |r: &rusqlite::Row<'_>, i| r.get::<_, rusqlite::types::Value>(i).map(|v| format!("{v:?}"));
    let rows = st.query_map([], |r| (0..columns).map(|i| text(r, i)).collect()).expect("rows");
    rows.map(|r| r.expect("a row")).collect()
}

/// Whether a folder holds a file of this name that is there.
pub fn has_file(index: &Index, folder: i64, name: &[u8]) -> bool {
    let sql = "SELECT 1 FROM files WHERE folder_id = ?1 AND name = ?2 AND vanished IS NULL";
    index.conn.prepare(sql).expect("SQL").exists(rusqlite::params![folder, name]).expect("an answer")
}

/// Files that are there and whose items are to be made anew.
pub fn stale_files(index: &Index) -> i64 {
    let sql = "SELECT count(*) FROM items_stale s JOIN files f ON f.id = s.file_id WHERE f.vanished IS NULL";
    index.conn.query_row(sql, [], |r| r.get(0)).expect("a count")
}

/// Conclusions that are stored of folders.
pub fn folders_done(index: &Index) -> i64 {
    index.conn.query_row("SELECT count(*) FROM folder_done", [], |r| r.get(0)).expect("a count")
}

/// Whether the one file's people follow from the same faces as are recorded; `None` where they are due.
pub fn people_follow_faces(index: &Index) -> Option<bool> {
    let sql = "SELECT substr(p.input_key, 17) = substr(s.input_key, 17) FROM stage_state p, stage_state s
                WHERE p.stage = 'people' AND s.stage = 'faces'";
    index.conn.query_row(sql, [], |r| r.get(0)).optional().expect("an answer")
}

/// Makes every item anew.
pub fn refresh_all(index: &Index, files: impl IntoIterator<Item = i64>) {
    items::refresh_all(&index.conn, files).expect("items are written");
}
