//! Cache of unchanged folders: folders whose files are all as recorded, and stages that are complete in a folder. A
//! rescan of an unchanged library reads one row per folder instead of one row per file.
//!
//! Promises: a cached row is derived from other rows and always valid; the schema's triggers delete it with any change
//! of those. Without it the results are the same, only slower.

use super::counts::STATES;
use super::due::{Scope, StageNow, UNDONE, files_for};
use super::{Index, IndexReader};
use crate::Result;
use albumen_files::FileStat;
use albumen_files::identity::{FolderSum, Listed};
use albumen_files::mounts::FsId;
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeMap;

/// Folders handled in one transaction: other writers wait for it.
const BATCH: usize = 200;

/// A folder in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownFolder {
    pub id: i64,
    /// The checksum that a walk computes if all its files are as recorded, and the number of media files.
    pub sum: Option<(FolderSum, u64)>,
}

impl IndexReader {
    pub fn known_folder(&self, volume_id: i64, path: &[u8]) -> Result<Option<KnownFolder>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT d.id, s.sum, s.media FROM folders d LEFT JOIN folder_sums s ON s.folder_id = d.id
                 WHERE d.volume_id = ?1 AND d.path = ?2",
            )?
            .query_row(params![volume_id, path], |r| {
                let sum = r.get::<_, Option<[u8; 16]>>(1)?.map(FolderSum::from);
                let media = r.get::<_, Option<i64>>(2)?.unwrap_or(0) as u64;
                Ok(KnownFolder { id: r.get(0)?, sum: sum.map(|sum| (sum, media)) })
            })
            .optional()?)
    }

    /// Folders of a scope in which a stage may be due.
    pub fn undone_folders(&self, scope: &Scope, now: &StageNow) -> Result<Vec<i64>> {
        let (id, path) = scope.params();
        if let Scope::File { folder_id, .. } = scope {
            return Ok(vec![*folder_id]);
        }
        let sql = format!("SELECT d.id FROM folders d WHERE {} AND {UNDONE} ORDER BY d.id", scope.sql());
        let mut st = self.conn.prepare_cached(&sql)?;
        Ok(st
            .query_map(params![id, path, now.stage.name(), now.version, now.settings], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Folders of a space in which a stage may be due.
    pub(super) fn undone_folders_of_space(&self, space: i64, now: &StageNow) -> Result<Vec<i64>> {
        let sql = format!(
            "SELECT d.id FROM volumes v CROSS JOIN folders d ON d.volume_id = v.id
              WHERE v.space_id = ?1 AND ?2 IS NULL AND {UNDONE} ORDER BY d.id"
        );
        let mut st = self.conn.prepare_cached(&sql)?;
        let nothing = None::<i64>;
        Ok(st
            .query_map(params![space, nothing, now.stage.name(), now.version, now.settings], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Number of present media files in a scope.
    pub fn count_media(&self, scope: &Scope) -> Result<u64> {
        let (id, path) = scope.params();
        let sql = match scope {
            Scope::File { .. } => "SELECT count(*) FROM files f
                WHERE f.folder_id = ?1 AND f.name = ?2 AND f.vanished IS NULL AND f.is_sidecar = 0"
                .to_owned(),
            _ => format!(
                "SELECT coalesce(sum(coalesce(q.media, (SELECT count(*) FROM files f
                    WHERE f.folder_id = d.id AND f.vanished IS NULL AND f.is_sidecar = 0))), 0)
                 FROM folders d LEFT JOIN folder_sums q ON q.folder_id = d.id WHERE {}",
                scope.sql()
            ),
        };
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .query_row(params![id, path], |r| r.get::<_, i64>(0).map(|n| n as u64))?)
    }

    /// Number of present media files in a scope, by kind.
    pub fn count_kinds(&self, scope: &Scope) -> Result<BTreeMap<String, u64>> {
        let (id, path) = scope.params();
        if let Scope::File { .. } = scope {
            let mut st = self.conn.prepare_cached(
                "SELECT i.kind, 1 FROM files f JOIN items i ON i.file_id = f.id
                 WHERE f.folder_id = ?1 AND f.name = ?2 AND f.vanished IS NULL",
            )?;
            return Ok(st.query_map(params![id, path], kind_and_number)?.collect::<rusqlite::Result<_>>()?);
        }
        let sql = format!(
            "SELECT d.id, q.photos, q.videos FROM folders d LEFT JOIN folder_sums q ON q.folder_id = d.id WHERE {}",
            scope.sql()
        );
        let mut st = self.conn.prepare_cached(&sql)?;
        let mut rows = st.query(params![id, path])?;
        let mut all = BTreeMap::new();
        while let Some(r) = rows.next()? {
            let kinds = match (r.get::<_, Option<i64>>(1)?, r.get::<_, Option<i64>>(2)?) {
                (Some(photos), Some(videos)) => {
                    [("photo".to_owned(), photos as u64), ("video".to_owned(), videos as u64)].into()
                }
                _ => self.kinds_in(r.get(0)?)?,
            };
            for (kind, n) in kinds.into_iter().filter(|(_, n)| *n > 0) {
                *all.entry(kind).or_insert(0) += n;
            }
        }
        Ok(all)
    }

    fn kinds_in(&self, folder: i64) -> Result<BTreeMap<String, u64>> {
        let mut st = self.conn.prepare_cached(
            "SELECT i.kind, count(*) FROM files f JOIN items i ON i.file_id = f.id
             WHERE f.folder_id = ?1 AND f.vanished IS NULL GROUP BY i.kind",
        )?;
        Ok(st.query_map([folder], kind_and_number)?.collect::<rusqlite::Result<_>>()?)
    }
}

impl Index {
    /// Computes the missing cache rows of the folders in a scope; folders with queued work are skipped, because their
    /// rows would not last.
    pub fn sum_up(&self, scope: &Scope, stages: &[StageNow]) -> Result<()> {
        // A single file does not determine the state of its folder.
        if matches!(scope, Scope::File { .. }) {
            return Ok(());
        }
        let (id, path) = scope.params();
        let sql = format!(
            "SELECT d.id FROM folders d WHERE {} AND NOT EXISTS (SELECT 1 FROM folder_sums q WHERE q.folder_id = d.id)
               AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.folder_id = d.id)",
            scope.sql()
        );
        let unsummed: Vec<i64> = self
            .conn
            .prepare_cached(&sql)?
            .query_map(params![id, path], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for batch in unsummed.chunks(BATCH) {
            let tx =
                rusqlite::Transaction::new_unchecked(&self.conn, rusqlite::TransactionBehavior::Immediate)?;
            for folder in batch {
                self.sum_up_folder(*folder)?;
            }
            tx.commit()?;
        }
        for stage in stages {
            for batch in self.undone_folders(scope, stage)?.chunks(BATCH) {
                let tx = rusqlite::Transaction::new_unchecked(
                    &self.conn,
                    rusqlite::TransactionBehavior::Immediate,
                )?;
                for folder in batch {
                    self.conclude_stage(*folder, stage)?;
                }
                tx.commit()?;
            }
        }
        Ok(())
    }

    /// If a stage is due for no file of a folder, caches that and the outcomes.
    pub(super) fn conclude_stage(&self, folder: i64, now: &StageNow) -> Result<()> {
        Ok(self.conn
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO folder_done (folder_id, stage, version, settings, done, damaged, failed, skipped)
                 SELECT ?1, ?2, ?3, ?4, {STATES}
                   FROM files f LEFT JOIN stage_state s ON s.file_id = f.id AND s.stage = ?2
                  WHERE f.folder_id = ?1 AND {}
                 HAVING coalesce(sum(s.file_id IS NULL OR s.version <> ?3 OR substr(s.input_key, 1, 16) <> ?4
                   OR (s.state = 'failed' AND s.retry_at IS NOT NULL) OR s.fault = 'too_large'), 0) = 0",
                files_for(now.stage)
            ))?
            .execute(params![folder, now.stage.name(), now.version, now.settings])
            .map(drop)?)
    }

    fn sum_up_folder(&self, folder: i64) -> Result<()> {
        let mut st = self.conn.prepare_cached(
            "SELECT name, is_sidecar, fs_id, inode, bytes, mtime_ns, ctime_ns, content_hash IS NULL AND is_sidecar = 0
             FROM files WHERE folder_id = ?1 AND vanished IS NULL",
        )?;
        let mut rows = st.query([folder])?;
        let mut files: Vec<(Vec<u8>, bool, FsId, FileStat)> = Vec::new();
        while let Some(r) = rows.next()? {
            // A file that was never read completely is checked each time.
            if r.get(7)? {
                return Ok(());
            }
            let stat = FileStat {
                inode: r.get::<_, i64>(3)? as u64,
                size: r.get::<_, i64>(4)? as u64,
                mtime_ns: r.get(5)?,
                ctime_ns: r.get(6)?,
            };
            files.push((r.get(0)?, r.get(1)?, FsId(r.get(2)?), stat));
        }
        let media = files.iter().filter(|f| !f.1).count();
        let listed = files.iter().map(|(name, is_sidecar, fs, stat)| Listed {
            name,
            is_sidecar: *is_sidecar,
            fs: *fs,
            stat: *stat,
        });
        let sum = FolderSum::of(listed);
        let kinds = self.kinds_in(folder)?;
        let of = |kind: &str| kinds.get(kind).copied().unwrap_or(0) as i64;
        Ok(self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO folder_sums (folder_id, sum, media, photos, videos) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![folder, sum.as_bytes(), media as i64, of("photo"), of("video")])
            .map(drop)?)
    }
}

fn kind_and_number(r: &rusqlite::Row<'_>) -> rusqlite::Result<(String, u64)> {
    Ok((r.get(0)?, r.get::<_, i64>(1)? as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ReadFile;
    use crate::record::{self, Outcome};
    use albumen_core::fault::Fault;
    use albumen_core::vocabulary::Stage;
    use rusqlite::Connection;

    const FS: FsId = FsId(1);

    fn stat(inode: u64) -> FileStat {
        FileStat { inode, size: 10, mtime_ns: 5, ctime_ns: 5 }
    }

    fn put(conn: &Connection, folder_id: i64, name: &[u8], stat: &FileStat, hash: Option<&str>) -> i64 {
        let (facts, thumbhash) = (None, None);
        let file = ReadFile { folder_id, name, fs: FS, stat, content_hash: hash, facts, thumbhash };
        record::put_file(conn, &file, 0).unwrap().id
    }

    fn render(version: u32) -> StageNow {
        StageNow { stage: Stage::Render, version, settings: "0123456789abcdef".into() }
    }

    /// An index with the files a.jpg and b.jpg, rendered, in the folder `2019`; the ids of the folder and of the files.
    fn index(dir: &std::path::Path) -> (Index, i64, i64, [i64; 2]) {
        let index = Index::open_indexing(dir, || ()).unwrap();
        let space = index.space("me", "personal").unwrap();
        let volume = index.volume(space, b"/photos").unwrap().id;
        let folder = index.folder(volume, b"2019").unwrap();
        let files = [(b"a.jpg", 7), (b"b.jpg", 8)].map(|(name, inode)| {
            let hash = Some("b3:00");
            let id = put(&index.conn, folder, name, &stat(inode), hash);
            done(&index, id, &Outcome::Done);
            id
        });
        (index, volume, folder, files)
    }

    fn done(index: &Index, file: i64, outcome: &Outcome) {
        let (conn, key) = (&index.conn, format!("{}:0", render(1).settings));
        record::put_stage(conn, file, Stage::Render, 1, &key, outcome, 0).unwrap();
    }

    #[test]
    fn a_conclusion_goes_with_any_change_of_what_it_was_concluded_from() {
        let dir = tempfile::tempdir().unwrap();
        let (index, volume, folder, [a, b]) = index(dir.path());
        let all = Scope::Below { volume_id: volume, path: Vec::new() };
        let known = || index.known_folder(volume, b"2019").unwrap().unwrap();
        let undone = || index.undone_folders(&all, &render(1)).unwrap();
        assert_eq!((known().sum, undone()), (None, vec![folder]));

        let conclude = || {
            index.sum_up(&all, &[render(1)]).unwrap();
            let (sum, media) = known().sum.unwrap();
            assert_eq!((undone(), media), (vec![], index.count_media(&all).unwrap()));
            sum
        };
        let sum = conclude();
        assert_eq!(index.undone_folders(&all, &render(2)).unwrap(), [folder], "of another version");
        let seen = [("a.jpg", 7), ("b.jpg", 8)].map(|(name, inode)| Listed {
            name: name.as_bytes(),
            is_sidecar: false,
            fs: FS,
            stat: stat(inode),
        });
        assert_eq!(sum, FolderSum::of(seen));

        let conn = &index.conn;
        // Whether the checksum changes, and whether the stage may be due.
        let changes: [(&str, &dyn Fn(), bool, bool); 8] = [
            (
                "facts",
                &|| assert_eq!(conn.execute("UPDATE files SET facts = '{}' WHERE id = ?1", [a]).unwrap(), 1),
                false,
                false,
            ),
            ("a stage", &|| done(&index, a, &Outcome::Done), false, true),
            (
                "a touch",
                &|| {
                    record::touch_file(conn, a, FS, &stat(9)).unwrap();
                },
                true,
                true,
            ),
            ("an end", &|| record::vanish_file(conn, b, 1).unwrap(), true, true),
            (
                "a return",
                &|| {
                    record::touch_file(conn, b, FS, &stat(8)).unwrap();
                },
                true,
                true,
            ),
            (
                "an arrival",
                &|| {
                    let (name, hash) = (b"c.jpg", Some("b3:01"));
                    let id = put(conn, folder, name, &stat(1), hash);
                    done(&index, id, &Outcome::Done);
                },
                true,
                true,
            ),
            (
                "an item",
                &|| {
                    let sql = "INSERT OR REPLACE INTO items (file_id, space_id, folder_id, kind, added)
                               VALUES (?1, 1, ?2, 'video', 0)";
                    conn.execute(sql, [a, folder]).unwrap();
                },
                true,
                false,
            ),
            (
                "a sweep",
                &|| drop(conn.execute("DELETE FROM files WHERE name = x'632e6a7067'", [])),
                true,
                false,
            ),
        ];
        for (what, change, other_files, may_be_due) in changes {
            change();
            assert_eq!((known().sum.is_none(), undone() == [folder]), (other_files, may_be_due), "{what}");
            conclude();
        }
        assert_eq!(index.count_kinds(&all).unwrap(), [("video".to_owned(), 1)].into());
    }

    #[test]
    fn what_waiting_makes_due_is_never_done() {
        let dir = tempfile::tempdir().unwrap();
        let (index, _, folder, [a, b]) = index(dir.path());
        let scope = Scope::Folder(folder);
        for (fault, is_done) in [
            (Fault::corrupt("it is"), true),
            (Fault::unreadable("not now"), false),
            (Fault::TooLarge { needed: 1 << 30 }, false),
        ] {
            done(&index, a, &Outcome::Failed(fault.clone()));
            index.sum_up(&scope, &[render(1)]).unwrap();
            assert_eq!(index.undone_folders(&scope, &render(1)).unwrap().is_empty(), is_done, "{fault}");
        }
        // A file that was never read completely is checked each time.
        index.conn.execute("UPDATE files SET content_hash = NULL WHERE id = ?1", [b]).unwrap();
        index.sum_up(&scope, &[render(1)]).unwrap();
        let sums: i64 = index.conn.query_row("SELECT count(*) FROM folder_sums", [], |r| r.get(0)).unwrap();
        assert_eq!(sums, 0);
    }
}
