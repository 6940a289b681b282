//! Checks of the derivatives: missing, damaged and unnamed files, and their repair.

use super::{Check, Kind, MAKE_AGAIN, PAGE, VerifyError, found};
use crate::{Index, Result};
use albumen_core::store_dir::{self, StoreDir};
use rusqlite::{Connection, params};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

impl Check<'_> {
    pub(super) fn derivatives(&mut self) -> Result<()> {
        let mut after = (String::new(), String::new());
        loop {
            let page: Vec<Named> = self
                .conn
                .prepare_cached(
                    "SELECT content_hash, name, path, width, height, bytes FROM derivatives
                     WHERE (content_hash, name) > (?1, ?2) ORDER BY content_hash, name LIMIT ?3",
                )?
                .query_map(params![after.0, after.1, PAGE as i64], |r| {
                    Ok(Named {
                        content: r.get(0)?,
                        name: r.get(1)?,
                        path: r.get(2)?,
                        width: r.get(3)?,
                        height: r.get(4)?,
                        bytes: r.get(5)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            let Some(last) = page.last() else { return Ok(()) };
            after = (last.content.clone(), last.name.clone());
            let mut looked_at: Vec<&Named> = Vec::new();
            for row in &page {
                self.checked.derivatives += 1;
                looked_at.retain(|other| other.content == row.content);
                // Equal derivatives of a content share a file.
                if looked_at.iter().any(|other| other.path == row.path) {
                    continue;
                }
                looked_at.push(row);
                let Some((kind, why)) = row.look(self.dir) else { continue };
                // A concurrent service may have replaced it.
                if !self.still_named(row)? {
                    continue;
                }
                let mut issue = found(
                    kind,
                    Some(row.path.clone()),
                    format!("{} of {}: {why}", row.name, self.owner_of(&row.content)?),
                    MAKE_AGAIN,
                );
                issue.repaired = self.make_pictures_again(&row.content)?;
                self.tell(issue);
            }
        }
    }

    fn still_named(&self, row: &Named) -> Result<bool> {
        Ok(self.conn
            .prepare_cached(
                "SELECT 1 FROM derivatives WHERE content_hash = ?1 AND name = ?2 AND path = ?3 AND bytes = ?4",
            )?
            .exists(params![row.content, row.name, row.path, row.bytes])?)
    }

    /// With `--repair`: deletes the derivative rows of a content and makes render due for its files.
    fn make_pictures_again(&self, content: &str) -> Result<bool> {
        if !self.depth.repair {
            return Ok(false);
        }
        let tx = self.conn.unchecked_transaction()?;
        make_pictures_again(&tx, content)?;
        tx.commit()?;
        Ok(true)
    }

    pub(super) fn rendered_without_pictures(&mut self) -> Result<()> {
        let mut after = 0;
        loop {
            let page: Vec<(i64, String, Vec<u8>)> = self
                .conn
                .prepare_cached(
                    "SELECT f.id, f.content_hash, f.name FROM files f
                       JOIN stage_state s ON s.file_id = f.id AND s.stage = 'render' AND s.state IN ('done', 'damaged')
                     WHERE f.id > ?1 AND f.vanished IS NULL AND f.content_hash IS NOT NULL
                       AND (SELECT count(*) FROM derivatives d
                            WHERE d.content_hash = f.content_hash AND d.name IN ('xl', 'm', 'sm')) < 3
                     ORDER BY f.id LIMIT ?2",
                )?
                .query_map(params![after, PAGE as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.0;
            for (file, content, _) in page {
                let path = self.path_of(file)?;
                let what = "it counts as rendered, and the index names no thumbnails of it";
                let mut issue = found(Kind::DerivativeUnnamed, Some(path), what, MAKE_AGAIN);
                issue.repaired = self.make_pictures_again(&content)?;
                self.tell(issue);
            }
        }
    }

    /// Files of `derived/` without a row. During indexing, derivatives are written shortly before their rows.
    pub(super) fn orphans(&mut self) -> std::result::Result<(), VerifyError> {
        let store = match StoreDir::open(self.dir) {
            Ok(store) => store,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(VerifyError::Store(e)),
        };
        // Foreign files do not concern the index: the sweep reports them.
        let _foreign = store.walk::<VerifyError>(false, |file| {
            self.checked.stored += 1;
            let named = self
                .conn
                .prepare_cached("SELECT 1 FROM derivatives WHERE path = ?1")?
                .exists([&file.path])?;
            if !named {
                let what = format!("no item has it ({} bytes)", file.bytes);
                let advice = "nothing: `albumen index` sweeps such files once a day";
                self.tell(found(Kind::Orphan, Some(file.path), what, advice));
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Bytes of a derivative that are read for its header. The encoder writes no metadata; its tables take 600 bytes.
const HEADER: usize = 4096;

/// Deletes the derivative rows of a content and makes render due for its files.
fn make_pictures_again(conn: &Connection, content: &str) -> Result<()> {
    conn.prepare_cached("DELETE FROM derivatives WHERE content_hash = ?1")?.execute([content])?;
    Ok(conn
        .prepare_cached(
            "DELETE FROM stage_state WHERE stage = 'render' AND state IN ('done', 'damaged')
           AND file_id IN (SELECT id FROM files WHERE content_hash = ?1)",
        )?
        .execute([content])
        .map(drop)?)
}

/// A row of `derivatives`.
struct Named {
    content: String,
    name: String,
    path: String,
    width: u32,
    height: u32,
    bytes: i64,
}

impl Named {
    /// What is wrong with the file, if anything.
    fn look(&self, dir: &Path) -> Option<(Kind, String)> {
        if !store_dir::is_inside(&self.path) {
            return Some((Kind::DerivativeDamaged, "its path leads out of the store".to_owned()));
        }
        match StoreDir::open(dir).and_then(|store| self.look_into(store.open_file(&self.path)?)) {
            Ok(None) => None,
            Ok(Some(why)) => Some((Kind::DerivativeDamaged, why)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Some((Kind::DerivativeMissing, "the file is not there".to_owned()))
            }
            Err(e) => Some((Kind::DerivativeDamaged, format!("the file cannot be read: {e}"))),
        }
    }

    fn look_into(&self, file: File) -> io::Result<Option<String>> {
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() != self.bytes as u64 {
            return Ok(Some(format!("the file has {} bytes and should have {}", meta.len(), self.bytes)));
        }
        let mut head = vec![0; HEADER.min(meta.len() as usize)];
        file.read_exact_at(&mut head, 0)?;
        let mut end = [0; 2];
        if meta.len() >= 2 {
            file.read_exact_at(&mut end, meta.len() - 2)?;
        }
        Ok(match jpeg_size(&head) {
            None => Some("the file is no JPEG".to_owned()),
            Some(size) if size != (self.width, self.height) => {
                let (w, h) = size;
                Some(format!("the file is {w} x {h} and should be {} x {}", self.width, self.height))
            }
            Some(_) if end != JPEG_END => Some("the file has lost its end".to_owned()),
            Some(_) => None,
        })
    }
}

/// The marker that ends a JPEG (ITU-T T.81, B.1.1.3).
const JPEG_END: [u8; 2] = [0xff, 0xd9];

/// Width and height from the frame header of a JPEG that our encoder wrote (ITU-T T.81, B.2).
fn jpeg_size(head: &[u8]) -> Option<(u32, u32)> {
    let mut rest = head.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(4..2 + length)?;
        // SOF0 to SOF15, without DHT, JPG and DAC, which are in that range.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let number =
                |at: usize| Some(u32::from(u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?])));
            return Some((number(3)?, number(1)?));
        }
        rest = &rest[2 + length..];
    }
}

impl Index {
    /// After a restore: makes the derivatives that were not in the backup due again. Returns the number of contents.
    pub(crate) fn make_missing_pictures_again(&self) -> Result<u64> {
        let mut contents: Vec<String> = Vec::new();
        {
            let mut st = self.conn.prepare("SELECT DISTINCT content_hash, path, bytes FROM derivatives")?;
            let mut rows = st.query([])?;
            while let Some(r) = rows.next()? {
                let content = r.get_ref(0)?.as_str()?;
                let path = self.dir.join(r.get_ref(1)?.as_str()?);
                let bytes: i64 = r.get(2)?;
                let there = std::fs::metadata(path).is_ok_and(|m| m.len() == bytes as u64);
                if !there && contents.last().is_none_or(|last| last != content) {
                    contents.push(content.to_owned());
                }
            }
        }
        let tx = self.conn.unchecked_transaction()?;
        for content in &contents {
            make_pictures_again(&tx, content)?;
        }
        tx.commit()?;
        Ok(contents.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_stands_in_the_frame_header() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/kinds/plain.jpg");
        let bytes = std::fs::read(path).unwrap();
        let (w, h) = jpeg_size(&bytes).unwrap();
        assert!(w > 0 && h > 0);
        assert_eq!(jpeg_size(&bytes[..40]), None);
        assert_eq!(jpeg_size(b"text"), None);
        assert_eq!(jpeg_size(&[0xff, 0xd8, 0xff, 0xc0, 0, 0]), None);
    }

    #[test]
    fn no_path_leads_out_of_the_store() {
        let row = |path: &str| Named {
            content: String::new(),
            name: "sm".into(),
            path: path.into(),
            width: 1,
            height: 1,
            bytes: 1,
        };
        for path in ["../x.jpg", "derived/../x.jpg", "/etc/passwd", "elsewhere/x.jpg"] {
            let (kind, why) = row(path).look(Path::new("/nowhere")).unwrap();
            assert_eq!(kind, Kind::DerivativeDamaged, "{path}: {why}");
        }
        assert_eq!(row("derived/x.jpg").look(Path::new("/nowhere")).unwrap().0, Kind::DerivativeMissing);
    }
}
