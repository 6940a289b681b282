//! Media of unsupported kinds, counted by extension during walks.

use super::{Index, IndexReader};
use crate::Result;
use albumen_files::relative;
use rusqlite::params;
use std::collections::BTreeMap;

/// Number of files by extension.
pub type ByExtension = BTreeMap<String, u64>;

impl IndexReader {
    /// All counts, by space.
    pub(super) fn unread(&self) -> Result<Vec<(i64, String, u64)>> {
        Ok(self.conn
            .prepare_cached(
                "SELECT v.space_id, u.extension, sum(u.files) FROM unread_media u JOIN volumes v ON v.id = u.volume_id
                 GROUP BY v.space_id, u.extension",
            )?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get::<_, i64>(2)? as u64)))?
            .collect::<rusqlite::Result<_>>()?)
    }
}

impl Index {
    /// Replaces the counts of a volume below `start` (or of that folder only, with `alone`) by those of a walk, by
    /// folder. Counts below the folders in `unseen` stay, because these could not be read.
    pub fn put_unread(
        &self,
        volume_id: i64,
        start: &[u8],
        alone: bool,
        unseen: &[Vec<u8>],
        seen: &BTreeMap<Vec<u8>, ByExtension>,
    ) -> Result<()> {
        let mut recorded: BTreeMap<Vec<u8>, ByExtension> = BTreeMap::new();
        let mut st = self
            .conn
            .prepare_cached("SELECT folder, extension, files FROM unread_media WHERE volume_id = ?1")?;
        let mut rows = st.query([volume_id])?;
        while let Some(r) = rows.next()? {
            let folder: Vec<u8> = r.get(0)?;
            let is_walked = if alone { folder == start } else { relative::below(&folder, start).is_some() };
            if is_walked && !unseen.iter().any(|u| relative::below(&folder, u).is_some()) {
                recorded.entry(folder).or_default().insert(r.get(1)?, r.get::<_, i64>(2)? as u64);
            }
        }
        if recorded == *seen {
            return Ok(());
        }
        let tx = rusqlite::Transaction::new_unchecked(&self.conn, rusqlite::TransactionBehavior::Immediate)?;
        for folder in recorded.keys() {
            self.conn
                .prepare_cached("DELETE FROM unread_media WHERE volume_id = ?1 AND folder = ?2")?
                .execute(params![volume_id, folder])?;
        }
        let mut put = self.conn.prepare_cached(
            "INSERT OR REPLACE INTO unread_media (volume_id, folder, extension, files) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (folder, extensions) in seen {
            for (extension, files) in extensions {
                put.execute(params![volume_id, folder, extension, *files as i64])?;
            }
        }
        drop(put);
        Ok(tx.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_replaces_what_it_saw_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || {}).unwrap();
        let space = index.space("me", "personal").unwrap();
        let volume = index.volume(space, b"/v").unwrap().id;
        let seen = |folders: &[(&str, &str, u64)]| {
            let mut out: BTreeMap<Vec<u8>, ByExtension> = BTreeMap::new();
            for (folder, extension, n) in folders {
                out.entry(folder.as_bytes().to_vec()).or_default().insert((*extension).to_owned(), *n);
            }
            out
        };
        let sum = || -> ByExtension { index.unread().unwrap().into_iter().map(|(_, e, n)| (e, n)).collect() };
        let of = |pairs: &[(&str, u64)]| -> ByExtension {
            pairs.iter().map(|(e, n)| ((*e).to_owned(), *n)).collect()
        };
        index
            .put_unread(volume, b"", false, &[], &seen(&[("a", "rm", 2), ("a/b", "rm", 1), ("c", "swf", 5)]))
            .unwrap();
        assert_eq!(sum(), of(&[("rm", 3), ("swf", 5)]));
        index.put_unread(volume, b"a", true, &[], &seen(&[])).unwrap();
        assert_eq!(sum(), of(&[("rm", 1), ("swf", 5)]));
        index.put_unread(volume, b"", false, &[b"c".to_vec()], &seen(&[("a", "rm", 4)])).unwrap();
        assert_eq!(sum(), of(&[("rm", 4), ("swf", 5)]));
    }
}
