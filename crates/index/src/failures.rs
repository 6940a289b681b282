//! Failures with their reasons: all of them, or a page.

use super::IndexReader;
use crate::{Paged, Result};
use albumen_core::fault::Fault;
use albumen_core::vocabulary::Stage;
use albumen_files::relative;
use albumen_library::sidecar_names::is_orphan_name;
use rusqlite::{Row, Rows, params};
use serde::Serialize;

/// One failure.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    pub path: String,
    pub stage: String,
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    pub reason: String,
    /// The invalid line of an ignore file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What the user can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<&'static str>,
    pub attempts: u64,
    /// Time of the next attempt, UTC; absent: not until the file or the settings change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<String>,
}

/// A file that failed to inspect is listed once. States come first, in order of files: so the cost of a page depends on
/// its rows only, and no sort is needed.
const FAILURES: &str =
    "SELECT s.file_id, s.stage, s.state, s.fault, s.reason, s.attempts, s.retry_at, v.path, d.path, f.name
    FROM stage_state s INDEXED BY stage_state_wanting CROSS JOIN files f ON f.id = s.file_id CROSS JOIN folders d ON d.id = f.folder_id
      CROSS JOIN volumes v ON v.id = d.volume_id
   WHERE f.vanished IS NULL
     AND (s.state IN ('failed', 'damaged') OR (s.state = 'skipped' AND s.fault IS NOT NULL))
     AND NOT (s.stage = 'render' AND EXISTS (SELECT 1 FROM stage_state i
       WHERE i.file_id = s.file_id AND i.stage = 'inspect' AND i.reason = s.reason))";

fn failure(r: &Row<'_>) -> rusqlite::Result<Failure> {
    let path =
        relative::on_disk(&[&r.get::<_, Vec<u8>>(7)?, &r.get::<_, Vec<u8>>(8)?, &r.get::<_, Vec<u8>>(9)?]);
    let fault: Option<String> = r.get(3)?;
    let state: String = r.get(2)?;
    let damaged = (state == "damaged").then_some(Fault::DAMAGED_ADVICE);
    Ok(Failure {
        path: path.to_string_lossy().into_owned(),
        stage: r.get(1)?,
        state,
        advice: fault.as_deref().and_then(Fault::advice).or(damaged),
        fault,
        reason: r.get::<_, Option<String>>(4)?.unwrap_or_default(),
        line: None,
        attempts: r.get::<_, i64>(5)? as u64,
        retry_at: r.get::<_, Option<i64>>(6)?.map(super::view::utc),
    })
}

/// A failure of a file, with the location of the file.
#[derive(Debug, Clone)]
pub struct SeenFailure {
    /// The file: an item, or part of one.
    pub file: i64,
    pub space: String,
    /// Raw bytes: the volume, the folder relative to it, the name.
    pub volume: Vec<u8>,
    pub folder: Vec<u8>,
    pub name: Vec<u8>,
    pub failure: Failure,
}

impl IndexReader {
    /// The failures of the next `files` files after an id, in folders or items of this connection's scope; and the
    /// start of the next page.
    pub fn visible_failures(&self, after: i64, files: usize) -> Result<Paged<SeenFailure>> {
        let mut st = self.conn.prepare_cached(&format!(
            "{FAILURES} AND s.file_id > ?1 AND visible(f.folder_id, coalesce(f.companion_of, f.id))
             ORDER BY s.file_id, s.stage"
        ))?;
        let mut space = self.conn.prepare_cached(
            "SELECT s.name FROM volumes v JOIN spaces s ON s.id = v.space_id WHERE v.path = ?1",
        )?;
        let page = page_of_files(st.query([after])?, after, files, |r| {
            let volume: Vec<u8> = r.get(7)?;
            Ok(SeenFailure {
                file: r.get(0)?,
                space: space.query_row([&volume], |r| r.get(0))?,
                volume,
                folder: r.get(8)?,
                name: r.get(9)?,
                failure: failure(r)?,
            })
        })?;
        Ok(page.read)
    }

    /// Folders of some spaces that were not walked.
    pub fn folders_not_walked(&self, spaces: &[String]) -> Result<Vec<Failure>> {
        /// Limit of entries: a larger number of failures has a single cause.
        const MOST: usize = 1000;
        let spaces = serde_json::to_string(spaces).expect("strings");
        Ok(self.problem_page(0, MOST, Some(&spaces))?.rows)
    }

    /// Calls `each` for all failures: folders that were not walked, files by path and stage, and sidecars that belong
    /// to no file; none is kept in memory.
    pub fn failures(&self, mut each: impl FnMut(Failure)) -> Result<()> {
        self.problems(&mut each)?;
        let mut st = self.conn.prepare(&format!("{FAILURES} ORDER BY v.path, d.path, f.name, s.stage"))?;
        let mut rows = st.query([])?;
        while let Some(r) = rows.next()? {
            each(failure(r)?);
        }
        self.orphans(each)
    }

    /// Google Takeout's metadata for pictures that are not in its folder.
    fn orphans(&self, mut each: impl FnMut(Failure)) -> Result<()> {
        let mut st = self.conn.prepare(
            "SELECT v.path, d.path, f.name FROM files f INDEXED BY files_unowned JOIN folders d ON d.id = f.folder_id
               JOIN volumes v ON v.id = d.volume_id
             WHERE f.is_sidecar = 1 AND f.sidecar_of IS NULL AND f.vanished IS NULL ORDER BY v.path, d.path, f.name",
        )?;
        let mut rows = st.query([])?;
        while let Some(r) = rows.next()? {
            let (volume, folder, name): (Vec<u8>, Vec<u8>, Vec<u8>) = (r.get(0)?, r.get(1)?, r.get(2)?);
            if !is_orphan_name(&name) {
                continue;
            }
            each(Failure {
                path: relative::on_disk(&[&volume, &folder, &name]).to_string_lossy().into_owned(),
                stage: Stage::Inspect.name().to_owned(),
                state: "skipped".to_owned(),
                line: None,
                fault: None,
                reason: "Google Takeout wrote this for a photo or video that is not in the folder".to_owned(),
                advice: Some(
                    "Unpack all parts of the Takeout archive into the same folder, then index it again.",
                ),
                attempts: 0,
                retry_at: None,
            });
        }
        Ok(())
    }

    /// The failures of the next `files` files after an id, each with all its stages, of some spaces or of all; and the
    /// start of the next page. Folders that were not walked follow after all files, on pages that begin at negative
    /// numbers.
    pub fn failure_page(
        &self,
        after: i64,
        files: usize,
        spaces: Option<&[String]>,
    ) -> Result<Paged<Failure>> {
        let spaces = spaces.map(|s| serde_json::to_string(s).expect("strings"));
        // The number at which the page after a problem begins; -1: before the first.
        let problems = |after: i64, room: usize| -> Result<Paged<Failure>> {
            let page = self.problem_page(after, room, spaces.as_deref())?;
            Ok(Paged { next: page.next.map(|last| -1 - last), ..page })
        };
        if after < 0 {
            return problems(-1 - after, files);
        }
        let mut st = self.conn.prepare_cached(&format!(
            "{FAILURES} AND s.file_id > ?1 AND (?2 IS NULL OR v.space_id IN
               (SELECT id FROM spaces WHERE name IN (SELECT value FROM json_each(?2))))
             ORDER BY s.file_id, s.stage"
        ))?;
        let PageOfFiles { mut read, files: found } =
            page_of_files(st.query(params![after, spaces])?, after, files, failure)?;
        if read.next.is_none() {
            let rest = problems(0, files - found)?;
            read.rows.extend(rest.rows);
            read.next = rest.next;
        }
        Ok(read)
    }
}

/// Failures of complete files.
struct PageOfFiles<T> {
    read: Paged<T>,
    /// Number of files.
    files: usize,
}

/// Reads rows of [`FAILURES`], in order of files, up to the end of file number `files` after an id.
fn page_of_files<T>(
    mut rows: Rows<'_>,
    after: i64,
    files: usize,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<PageOfFiles<T>> {
    let mut page = PageOfFiles { read: Paged { rows: Vec::new(), next: None }, files: 0 };
    let mut last = after;
    while let Some(r) = rows.next()? {
        let file = r.get(0)?;
        if file != last {
            if page.files == files {
                page.read.next = Some(last);
                break;
            }
            (last, page.files) = (file, page.files + 1);
        }
        page.read.rows.push(read(r)?);
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Index;

    #[test]
    fn pages_hold_whole_files_in_order_and_those_of_some_spaces_only() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        let conn = &index.conn;
        conn.execute_batch(
            "INSERT INTO spaces (id, name, kind) VALUES (1, 'anna', 'personal'), (2, 'berta', 'personal')",
        )
        .unwrap();
        for space in [1, 2] {
            let volume = index.volume(space, format!("/{space}").as_bytes()).unwrap().id;
            index.folder(volume, b"").unwrap();
        }
        for file in 1..=7_i64 {
            conn.execute(
                "INSERT INTO files (id, folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, added)
                 SELECT ?1, d.id, ?2, 0, 0, 0, 0, 0, 0 FROM folders d JOIN volumes v ON v.id = d.volume_id
                  WHERE v.space_id = ?3",
                params![file, format!("{file}.jpg").as_bytes(), 1 + file % 2],
            )
            .unwrap();
            // The third has no failures; a render that failed for the same reason as inspect is not listed twice.
            let stages: &[(&str, &str)] = match file {
                3 => &[("inspect", "done")],
                4 => &[("inspect", "failed"), ("render", "failed")],
                _ => &[("inspect", "done"), ("render", "failed"), ("faces", "failed")],
            };
            for (stage, state) in stages {
                conn.execute(
                    "INSERT INTO stage_state (file_id, stage, version, input_key, state, reason) VALUES (?1, ?2, 1, 'k', ?3, ?4)",
                    params![file, stage, state, if file == 4 { "as before" } else { *stage }],
                )
                .unwrap();
            }
        }
        let names = |page: &[Failure]| -> Vec<String> {
            let name = |f: &Failure| format!("{} {}", f.path.rsplit('/').next().unwrap(), f.stage);
            page.iter().map(name).collect()
        };
        let Paged { rows: first, next } = index.failure_page(0, 2, None).unwrap();
        assert_eq!(names(&first), ["1.jpg faces", "1.jpg render", "2.jpg faces", "2.jpg render"]);
        assert_eq!(next, Some(2));
        let Paged { rows: second, next } = index.failure_page(2, 2, None).unwrap();
        assert_eq!(names(&second), ["4.jpg inspect", "5.jpg faces", "5.jpg render"]);
        let Paged { rows: third, next } = index.failure_page(next.unwrap(), 2, None).unwrap();
        assert_eq!((names(&third).len(), next), (4, None));
        let anna = ["anna".to_owned()];
        let Paged { rows: hers, next } = index.failure_page(0, 9, Some(&anna)).unwrap();
        assert_eq!((names(&hers).len(), next), (5, None));
        assert!(hers.iter().all(|f| f.path.starts_with("/1/")), "{hers:?}");
        let mut all = 0;
        index.failures(|_| all += 1).unwrap();
        assert_eq!(all, first.len() + second.len() + third.len());
    }
}
