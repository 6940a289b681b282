//! Large indexes that consist of rows only.

use super::Database;
use std::path::Path;

impl Database {
    /// Adds rows like those of `items` photos in the space `berta`; the stages are copied from the photo `model`.
    pub fn fill_like(&self, model: i64, items: i64) {
        self.run(&format!(
            "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;
             CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {items}) SELECT i FROM n;
             INSERT INTO folders (volume_id, path) SELECT v.id, CAST(printf('album/%05d', i) AS BLOB)
               FROM temp.n, volumes v JOIN spaces s ON s.id = v.space_id WHERE s.name = 'berta' AND i < {items} / 200;
             CREATE TEMP TABLE first AS SELECT (SELECT max(id) FROM folders) - {items} / 200 + 1 AS folder,
               (SELECT max(id) FROM files) + 1 AS file, (SELECT id FROM spaces WHERE name = 'berta') AS space;
             INSERT INTO files (id, folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, content_hash, added, facts)
               SELECT file + i, folder + i / 200, CAST(printf('%07d.jpg', i) AS BLOB), 1, i, 3000000, i, i,
                 printf('b3:%016x%048x', (i * 2654435761) % 4294967296, i), 1600000000 + i, f.facts
               FROM temp.n, temp.first, files f WHERE f.id = {model};
             INSERT INTO stage_state (file_id, stage, version, input_key, state)
               SELECT file + i, s.stage, s.version, s.input_key, s.state FROM temp.n, temp.first, stage_state s WHERE s.file_id = {model};
             INSERT INTO items (file_id, space_id, folder_id, kind, format, added, taken_local)
               SELECT file + i, space, folder + i / 200, 'photo', 'jpeg', 1600000000 + i,
                 strftime('%Y-%m-%dT%H:%M:%S', 1600000000 + i * 60, 'unixepoch') FROM temp.n, temp.first;
             INSERT INTO derivatives (content_hash, name, path, width, height, bytes)
               SELECT printf('b3:%016x%048x', (i * 2654435761) % 4294967296, i), d.name, printf('derived/none/%d.%s.jpg', i, d.name),
                 d.width, d.height, d.bytes FROM temp.n, derivatives d JOIN files f ON f.content_hash = d.content_hash WHERE f.id = {model};
             COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
        ));
    }

    /// Queues names without files, beside the one existing file.
    pub fn queue_names(&self, items: i64) {
        self.run(&format!(
            "PRAGMA synchronous = OFF; BEGIN;
         INSERT INTO folders (volume_id, path) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {items} / 200)
           SELECT d.volume_id, CAST(printf('album/%05d', i) AS BLOB) FROM n, files f JOIN folders d ON d.id = f.folder_id;
         INSERT INTO pending (priority, folder_id, name, what, bytes, fs_id)
           WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {items})
           SELECT 1, (SELECT max(id) FROM folders) - i / 200, CAST(printf('%07d.jpg', i) AS BLOB), 'new', 3000000, f.fs_id FROM n, files f;
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
        ));
    }

    /// Items of a space `family` with all data for lists, facets and maps, `a_folder` of them in each folder of
    /// `volume`.
    pub fn fill_family(&self, volume: &Path, items: u64, a_folder: u64) {
        self.run(&format!(
            "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;
             INSERT INTO spaces (id, name, kind) VALUES (1, 'family', 'shared');
             INSERT INTO volumes (id, space_id, path) VALUES (1, 1, CAST('{volume}' AS BLOB));
             CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {items}) SELECT i FROM n;
             INSERT INTO folders (id, volume_id, path)
               SELECT i, 1, CAST(printf('rolls/%05d', i) AS BLOB) FROM n WHERE i <= {items} / {a_folder} + 1;
             INSERT INTO files (id, folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, content_hash, added, facts)
               SELECT i, i / {a_folder} + 1, CAST(printf('%07d.jpg', i) AS BLOB), 1, i, 3000000 + i % 1000, i, i,
                 printf('b3:%016x%048x', (i * 2654435761) % 4294967296, i), 1600000000 + i, '{{}}' FROM n;
             INSERT INTO items (file_id, space_id, folder_id, kind, format, added, taken_local, display_width, display_height,
                 model, iso, rating, lat, lon, country_code, country, region, city)
               SELECT i, 1, i / {a_folder} + 1, iif(i % 10 = 0, 'video', 'photo'), iif(i % 10 = 0, 'mp4', 'jpeg'), 1600000000 + i,
                 strftime('%Y-%m-%dT%H:%M:%S', 1000000000 + i * (600000000 / {items}), 'unixepoch'), 4032, 3024,
                 'Model ' || (i % 7), 100 * (1 + i % 16), nullif(i % 6, 0),
                 iif(i % 2, -60 + (i * 7919) % 12000 / 100.0, NULL), iif(i % 2, -180 + (i * 104729) % 36000 / 100.0, NULL),
                 iif(i % 2, char(65 + i % 25, 65 + i % 23), NULL), iif(i % 2, 'Country ' || (i % 575), NULL),
                 iif(i % 2, 'Region ' || (i % 50), NULL), iif(i % 2, 'City ' || (i % 500), NULL) FROM n;
             INSERT INTO derivatives (content_hash, name, path, width, height, bytes)
               SELECT content_hash, 'sm', 'derived/' || id, 320, 240, 20000 FROM files;
             INSERT INTO item_tags (tag, file_id) SELECT 'tag ' || (i % 60), i FROM n WHERE i % 3 = 0;
             INSERT INTO subjects (file_id, label, score) SELECT i, 'subject ' || (i % 40), 0.9 FROM n WHERE i % 2 = 0;
             INSERT INTO item_where SELECT file_id, lat, lat, lon, lon FROM
               (SELECT file_id, lat, lon FROM items WHERE lat IS NOT NULL);
             INSERT INTO item_text (rowid, name, folder, title, description, tags, place, people, camera, lens)
               SELECT i, printf('%07d', i), '', iif(i % 8 = 0, 'beach', 'garden'), '', '', iif(i % 2, 'city ' || (i % 500), ''), '',
                 'model ' || (i % 7), '' FROM n;
             COMMIT; PRAGMA wal_checkpoint(TRUNCATE);",
            volume = volume.display()
        ));
    }
}
