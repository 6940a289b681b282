//! Modifies an index: results of models, the passage of time, and damage.

use super::{DATABASE, Database};
use rusqlite::{Connection, params};
use std::path::Path;

/// The position of a table in the database file.
#[derive(Debug, Clone, Copy)]
pub struct Root {
    /// Offset in bytes.
    pub at: u64,
    /// Page size in bytes.
    pub size: u64,
}

impl Database {
    /// Replaces a database with one without tables.
    pub fn without_tables(path: &Path) {
        Connection::open(path).and_then(|conn| conn.execute_batch("VACUUM")).expect("an empty database");
    }

    /// The first page of a table, after a checkpoint of the WAL.
    pub fn root_of(&self, table: &str) -> Root {
        self.run("PRAGMA wal_checkpoint(TRUNCATE)");
        let sql =
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = ?1";
        let root = self.0.query_row(sql, [table], |r| {
            let (page, size) = (r.get::<_, i64>(0)? as u64, r.get::<_, i64>(1)? as u64);
            Ok(Root { at: (page - 1) * size, size })
        });
        root.expect("a table")
    }

    /// Sets the facts of the file with this name.
    pub fn set_facts(&self, name: &str, facts: &str) {
        let sql = "UPDATE files SET facts = ?2 WHERE name = CAST(?1 AS BLOB)";
        assert_eq!(self.0.execute(sql, [name, facts]).expect("a row"), 1);
    }

    /// Moves the removal times of files into the past.
    pub fn vanish_earlier(&self, seconds: i64) {
        self.run(&format!("UPDATE files SET vanished = vanished - {seconds} WHERE vanished IS NOT NULL"));
    }

    /// Makes the content of every file unread, and queues it.
    pub fn queue_all_anew(&self) {
        self.run(
            "UPDATE files SET content_hash = NULL;
             INSERT INTO pending (priority, folder_id, name, file_id, what, bytes, fs_id)
               SELECT 1, folder_id, name, id, 'changed', bytes, fs_id FROM files",
        );
    }

    /// Four edits that every command would reject: a date, a rating, a position, the query of an album.
    pub fn put_wrong_edits(&self) {
        self.run(
            "INSERT INTO item_edits VALUES (1, 'taken', 'yesterday', 0), (2, 'rating', '9', 0), (2, 'gps', '91,0', 0);
             INSERT INTO albums (name, query, created) VALUES ('bad', 'no such filter:', 0)",
        );
    }

    /// Deletes the user edits of items, and all albums.
    pub fn forget_edits(&self) {
        self.run("DELETE FROM item_edits; DELETE FROM albums");
    }

    /// Deletes the item row of a file.
    pub fn forget_item(&self, file: i64) {
        self.run(&format!("DELETE FROM items WHERE file_id = {file}"));
    }

    /// A tag of a file that does not exist.
    pub fn put_lost_tag(&self) {
        self.run("PRAGMA foreign_keys = OFF; INSERT INTO item_tags VALUES ('lost', 99)");
    }

    /// A face as detected by a model named `test`.
    pub fn put_face(&self, file: i64, [x, y, w, h]: [f64; 4], embedding: &[u8]) -> i64 {
        self.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('embedder', 'test')");
        self.0
            .execute(
                "INSERT INTO faces (file_id, x, y, w, h, score, quality, points, embedding, embedder)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0.9, 0.8, '[[0,0],[0,0],[0,0],[0,0],[0,0]]', ?6, 'test')",
                params![file, x, y, w, h, embedding],
            )
            .expect("a face");
        self.0.last_insert_rowid()
    }

    /// Changes the embedding of a face and unassigns it.
    pub fn set_embedding(&self, face: i64, embedding: &[u8]) {
        let sql = "UPDATE faces SET embedding = ?2, clustered = 0 WHERE id = ?1";
        self.0.execute(sql, params![face, embedding]).expect("a face");
    }

    /// A person in the space of a file.
    pub fn put_person(&self, id: &str, file: i64) {
        let sql = "INSERT INTO people (id, space_id) SELECT ?1, space_id FROM items WHERE file_id = ?2";
        assert_eq!(self.0.execute(sql, params![id, file]).expect("a person"), 1);
    }

    /// Assigns a face to a person, as by clustering.
    pub fn give_face(&self, face: i64, person: &str) {
        let sql = "UPDATE faces SET person_id = ?2, how = 'machine', clustered = 1 WHERE id = ?1";
        self.0.execute(sql, params![face, person]).expect("a face");
    }

    /// A subject seen in a file.
    pub fn put_subject(&self, file: i64, label: &str) {
        let sql = "INSERT INTO subjects (file_id, label, score) VALUES (?1, ?2, 0.9)";
        self.0.execute(sql, params![file, label]).expect("a subject");
    }

    /// Marks the recognition stages of a file as done.
    pub fn put_recognised(&self, file: i64) {
        for stage in ["faces", "subjects"] {
            let sql = "INSERT INTO stage_state (file_id, stage, version, input_key, state) VALUES (?1, ?2, 1, 'x', 'done')";
            self.0.execute(sql, params![file, stage]).expect("a stage");
        }
    }
}

/// Makes an index look like one of an unreleased version: schema 19, without application id.
pub fn make_unreleased(folder: &Path) {
    let database = Database(Connection::open(folder.join(DATABASE)).expect("a database"));
    database.run("CREATE TABLE meta (key TEXT PRIMARY KEY); PRAGMA user_version = 19");
}
