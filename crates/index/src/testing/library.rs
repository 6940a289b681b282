//! A library of rows only, in which each item has distinctive data.

use super::Database;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::params;
use std::path::Path;

/// A photo to add.
#[derive(Debug, Clone, Copy)]
pub struct Photo<'a> {
    /// The space's name.
    pub space: &'a str,
    /// `personal` or `shared`.
    pub kind: &'a str,
    /// An absolute path.
    pub volume: &'a str,
    /// Relative to the volume.
    pub folder: &'a str,
    pub name: &'a str,
    pub content_hash: &'a str,
    /// Its thumbnail, relative to the index folder.
    pub derived: &'a str,
}

impl Database {
    /// Adds a photo and returns its id.
    pub fn put_photo(&self, photo: &Photo<'_>) -> i64 {
        let Photo { space, kind, volume, folder, name, content_hash, derived } = *photo;
        let put = |sql: &str, values: &[&dyn rusqlite::ToSql]| self.0.execute(sql, values).expect("a row");
        put("INSERT OR IGNORE INTO spaces (name, kind) VALUES (?1, ?2)", params![space, kind]);
        put(
            "INSERT OR IGNORE INTO volumes (space_id, path) SELECT id, CAST(?2 AS BLOB) FROM spaces WHERE name = ?1",
            params![space, volume],
        );
        put(
            "INSERT OR IGNORE INTO folders (volume_id, path) SELECT id, CAST(?2 AS BLOB) FROM volumes WHERE path = CAST(?1 AS BLOB)",
            params![volume, folder],
        );
        put(
            "INSERT INTO files (folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, added, content_hash, facts)
             SELECT d.id, CAST(?3 AS BLOB), 1, 1, 1, 1, 1, 1, ?4, '{\"kind\":\"photo\",\"format\":\"jpeg\"}'
             FROM folders d JOIN volumes v ON v.id = d.volume_id WHERE v.path = CAST(?1 AS BLOB) AND d.path = CAST(?2 AS BLOB)",
            params![volume, folder, name, content_hash],
        );
        let id = self.0.last_insert_rowid();
        put(
            "INSERT INTO items (file_id, space_id, folder_id, kind, format, added, hidden)
             SELECT f.id, v.space_id, d.id, 'photo', 'jpeg', 1, 0
             FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id WHERE f.id = ?1",
            params![id],
        );
        put(
            "INSERT INTO derivatives (content_hash, name, path, width, height, bytes) VALUES (?1, 'm', ?2, 1, 1, 1)",
            params![content_hash, derived],
        );
        id
    }

    /// Gives an item a place, a tag, a subject, a person and a failure, each with its word (`q1q` for 1), and a request
    /// for its path.
    pub fn mark_photo(&self, id: i64, word: &str, path: &Path) {
        let letter = char::from(b'A' + u8::try_from(id).expect("few photos"));
        self.run(&format!(
            "UPDATE items SET lat = {id} * 5, lon = {id} * 10, country_code = 'A{letter}', country = 'Country {word}',
               region = 'Region {word}', city = 'City {word}', model = 'Camera {word}', iso = 100 WHERE file_id = {id};
             INSERT INTO item_where VALUES ({id}, {id} * 5, {id} * 5, {id} * 10, {id} * 10);
             INSERT INTO item_text (rowid, name, folder, title, description, tags, place, people, camera, lens)
               VALUES ({id}, '', '', '', '', '', 'city q {id} q region q {id} q', 'person q {id} q', '', '');
             INSERT INTO item_tags (tag, file_id) VALUES ('Tag {word}', {id}), ('common', {id});
             INSERT INTO subjects (file_id, label, score) VALUES ({id}, 'subject {word}', 1), ({id}, 'subject {word}', 0.5);
             INSERT INTO people (id, space_id, found_name, found_source)
               SELECT 'p{id}', space_id, 'Person {word}', 'file' FROM items WHERE file_id = {id};
             INSERT INTO faces (file_id, x, y, w, h, score, quality, points, embedding, embedder, person_id, how)
               VALUES ({id}, 0, 0, 1, 1, 1, 1, '[]', x'00', 'e', 'p{id}', 'machine');
             INSERT INTO stage_state (file_id, stage, version, input_key, state, fault, reason)
               VALUES ({id}, 'render', 1, 'k', 'failed', 'damaged', '{path} has {word}');",
            path = path.display()
        ));
        let paths = serde_json::json!([STANDARD.encode(path.as_os_str().as_encoded_bytes())]).to_string();
        self.0
            .execute("INSERT INTO jobs (created, priority, paths) VALUES (0, 1, ?1)", [paths])
            .expect("a job");
    }

    /// Albums of the accounts 2 and 3 and of none; those without a query contain every item.
    pub fn put_albums(&self) {
        self.run(
            "INSERT INTO albums (id, owner, name, query, created) VALUES
               (1, 2, 'Annas best', NULL, 0), (2, 2, 'Annas cities', 'place:City', 0), (3, 3, 'Bens', NULL, 0),
               (4, NULL, 'Of the command line', NULL, 0);
             INSERT INTO album_items (album_id, file_id, added, added_by)
               SELECT a.id, i.file_id, 0, a.owner FROM albums a, items i WHERE a.query IS NULL;",
        );
    }
}
