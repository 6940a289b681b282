//! Statements of the recorder: files, facts, stages, derivatives. Each function is one statement or a few; the recorder
//! calls many of them in one transaction.

use crate::{IndexReader, Result};
use albumen_core::fault::Fault;
use albumen_core::vocabulary::{DerivativeName, Facts, FoundSubject, Size, Stage};
use albumen_files::FileStat;
use albumen_files::hash::ContentHash;
use albumen_files::mounts::FsId;
use rusqlite::{Connection, OptionalExtension, params};

/// The outcome of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Done as far as the damage allowed; the text names what is missing.
    Damaged(String),
    /// Not applicable to this file; the text gives the reason.
    Skipped(String),
    Failed(Fault),
}

/// Delays between the attempts of a transient failure: 1 hour, 1 day, 1 week, then none (DESIGN section 1).
const RETRY_AFTER_S: [i64; 3] = [3600, 86_400, 604_800];
/// The delays for failures of the machine rather than the file: short, then daily.
const UNAVAILABLE_AFTER_S: [i64; 4] = [60, 600, 3600, 86_400];

/// A row of `derivatives`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivativeRow {
    pub name: DerivativeName,
    /// Relative to the index folder.
    pub path: String,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
}

/// A media file with the results of reading it.
#[derive(Debug, Clone, Copy)]
pub struct ReadFile<'a> {
    pub folder_id: i64,
    pub name: &'a [u8],
    pub fs: FsId,
    pub stat: &'a FileStat,
    pub content_hash: Option<&'a str>,
    /// Result of inspect; `None` keeps the stored facts.
    pub facts: Option<&'a Facts>,
    /// `None` keeps the stored one.
    pub thumbhash: Option<&'a [u8]>,
}

/// The row of a file after the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutFile {
    pub id: i64,
    /// The row is new.
    pub is_new: bool,
}

/// Inserts or updates the row of the media file at a path. A row marked as removed is restored.
pub(crate) fn put_file(conn: &Connection, file: &ReadFile<'_>, now: i64) -> Result<PutFile> {
    let ReadFile { folder_id, name, fs, stat, content_hash, facts, thumbhash } = *file;
    // Two steps: for a single statement that returns the id, SQLite creates a temporary table each time.
    let known: Option<i64> = conn
        .prepare_cached("SELECT id FROM files WHERE folder_id = ?1 AND name = ?2")?
        .query_row(params![folder_id, name], |r| r.get(0))
        .optional()?;
    let (fs, inode, bytes) = (fs.0, stat.inode as i64, stat.size as i64);
    let (mtime, ctime) = (stat.mtime_ns, stat.ctime_ns);
    let facts = facts.map(|facts| serde_json::to_string(facts).expect("facts are plain data"));
    let Some(id) = known else {
        conn.prepare_cached(
            "INSERT INTO files (folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, content_hash, added, facts, thumbhash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            folder_id,
            name,
            fs,
            inode,
            bytes,
            mtime,
            ctime,
            content_hash,
            now,
            facts,
            thumbhash
        ])?;
        return Ok(PutFile { id: conn.last_insert_rowid(), is_new: true });
    };
    conn.prepare_cached(
        "UPDATE files SET is_sidecar = 0, sidecar_of = NULL, fs_id = ?2, inode = ?3, bytes = ?4, mtime_ns = ?5, ctime_ns = ?6,
           content_hash = ?7, vanished = NULL, facts = coalesce(?8, facts), thumbhash = coalesce(?9, thumbhash) WHERE id = ?1",
    )?
    .execute(params![id, fs, inode, bytes, mtime, ctime, content_hash, facts, thumbhash])?;
    Ok(PutFile { id, is_new: false })
}

/// Inserts or updates the row of a sidecar, which belongs to the file named `of` in the same folder.
pub(crate) fn put_sidecar(
    conn: &Connection,
    folder_id: i64,
    name: &[u8],
    of: Option<&[u8]>,
    fs: FsId,
    stat: &FileStat,
    now: i64,
) -> Result<()> {
    Ok(conn.prepare_cached(
        "INSERT INTO files (folder_id, name, is_sidecar, sidecar_of, fs_id, inode, bytes, mtime_ns, ctime_ns, added)
         VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (folder_id, name) DO UPDATE SET is_sidecar = 1, sidecar_of = ?3, fs_id = ?4, inode = ?5, bytes = ?6,
           mtime_ns = ?7, ctime_ns = ?8, vanished = NULL",
    )?
    .execute(params![
        folder_id,
        name,
        of,
        fs.0,
        stat.inode as i64,
        stat.size as i64,
        stat.mtime_ns,
        stat.ctime_ns,
        now
    ])
    .map(drop)?)
}

/// Updates the stat of a file with unchanged content: touched, or restored after its removal. Returns whether it was
/// restored: then its item must be shown again ([`super::items::refresh`]).
pub(crate) fn touch_file(conn: &Connection, id: i64, fs: FsId, stat: &FileStat) -> Result<bool> {
    let is_back = conn
        .prepare_cached("SELECT vanished IS NOT NULL FROM files WHERE id = ?1")?
        .query_row([id], |r| r.get(0))?;
    if is_back {
        mark_stale(conn, id)?;
    }
    conn.prepare_cached(
        "UPDATE files SET fs_id = ?2, inode = ?3, bytes = ?4, mtime_ns = ?5, ctime_ns = ?6, vanished = NULL WHERE id = ?1",
    )?
    .execute(params![id, fs.0, stat.inode as i64, stat.size as i64, stat.mtime_ns, stat.ctime_ns])?;
    Ok(is_back)
}

/// Moves a known file to another path, keeping all its data. A row marked as removed at the new path is deleted.
pub(crate) fn move_file(
    conn: &Connection,
    id: i64,
    folder_id: i64,
    name: &[u8],
    fs: FsId,
    stat: &FileStat,
) -> Result<()> {
    // Without the row, its companions are no longer hidden.
    conn.prepare_cached(
        "INSERT OR IGNORE INTO items_stale (file_id) SELECT c.id FROM files c JOIN files g ON g.id = c.companion_of
         WHERE g.folder_id = ?1 AND g.name = ?2 AND g.id <> ?3 AND g.vanished IS NOT NULL",
    )?
    .execute(params![folder_id, name, id])?;
    conn.prepare_cached(
        "DELETE FROM files WHERE folder_id = ?1 AND name = ?2 AND id <> ?3 AND vanished IS NOT NULL",
    )?
    .execute(params![folder_id, name, id])?;
    mark_stale(conn, id)?;
    conn.prepare_cached(
        "INSERT OR IGNORE INTO items_stale (file_id) SELECT id FROM files WHERE companion_of = ?1",
    )?
    .execute([id])?;
    conn.prepare_cached("UPDATE files SET folder_id = ?2, name = ?3, companion_of = NULL, companion_role = NULL WHERE id = ?1")?
        .execute(params![id, folder_id, name])?;
    conn.prepare_cached(
        "UPDATE files SET companion_of = NULL, companion_role = NULL WHERE companion_of = ?1",
    )?
    .execute([id])?;
    mark_regroup(conn, folder_id)?;
    touch_file(conn, id, fs, stat).map(drop)
}

/// SQL condition that two spaces, `a` and `b`, have one owner: see [`albumen_files::identity::Owner`].
const SAME_OWNER: &str = "(a.name = b.name OR (substr(a.name, 1, 1) = '/' AND substr(b.name, 1, 1) = '/'))";

/// Limit of rows checked for one content: of many copies any will do, and checking all of them for each new one would
/// take quadratic time.
const COPIES: u32 = 64;

/// The removed file of the same owner that a content at a new path is; for a sampled hash, only with the same size and
/// time. `None` if the path is known. Of several, the one removed last.
pub(crate) fn vanished_for(
    conn: &Connection,
    folder_id: i64,
    name: &[u8],
    content_hash: &ContentHash,
    stat: &FileStat,
) -> Result<Option<i64>> {
    let (bytes, mtime, is_whole) = (stat.size as i64, stat.mtime_ns, content_hash.is_whole());
    Ok(conn.prepare_cached(&format!(
        "SELECT f.id FROM (SELECT id, folder_id FROM files INDEXED BY files_vanished_hash
             WHERE content_hash = ?1 AND vanished IS NOT NULL AND is_sidecar = 0 AND (?6 OR (bytes = ?2 AND mtime_ns = ?3))
               AND NOT EXISTS (SELECT 1 FROM hidden_files h WHERE h.file_id = files.id)
             ORDER BY content_hash, vanished DESC, id LIMIT {COPIES}) f
           CROSS JOIN folders d ON d.id = f.folder_id CROSS JOIN volumes v ON v.id = d.volume_id
           CROSS JOIN spaces a ON a.id = v.space_id
         WHERE NOT EXISTS (SELECT 1 FROM files WHERE folder_id = ?4 AND name = ?5)
           AND EXISTS (SELECT 1 FROM folders e JOIN volumes w ON w.id = e.volume_id JOIN spaces b ON b.id = w.space_id
             WHERE e.id = ?4 AND {SAME_OWNER})
         LIMIT 1"
    ))?
    .query_row(params![content_hash.as_str(), bytes, mtime, folder_id, name, is_whole], |r| r.get(0))
    .optional()?)
}

/// Another path at which a content was recorded.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    pub id: i64,
    pub folder_id: i64,
    pub name: Vec<u8>,
    pub volume: Vec<u8>,
    /// JSON of the volume's fingerprint.
    pub fingerprint: Option<String>,
    /// Relative to the volume.
    pub path: Vec<u8>,
}

/// Where a content is recorded as present, with the owner of a folder, on volumes that are not offline; for a sampled
/// hash, only with the same size and time. At most a few.
pub(crate) fn elsewhere(
    conn: &Connection,
    folder_id: i64,
    content_hash: &ContentHash,
    stat: &FileStat,
) -> Result<Vec<Elsewhere>> {
    let mut st = conn.prepare_cached(&format!(
        "SELECT f.id, f.folder_id, f.name, v.path, v.fingerprint,
           CAST(CASE d.path WHEN x'' THEN x'' ELSE d.path || x'2f' END || f.name AS BLOB)
         FROM (SELECT id, folder_id, name FROM files INDEXED BY files_by_hash
             WHERE content_hash = ?1 AND vanished IS NULL AND is_sidecar = 0 AND (?4 OR (bytes = ?2 AND mtime_ns = ?3))
             ORDER BY id LIMIT {COPIES}) f
           CROSS JOIN folders d ON d.id = f.folder_id CROSS JOIN volumes v ON v.id = d.volume_id
           CROSS JOIN spaces a ON a.id = v.space_id
         WHERE v.offline IS NULL
           AND EXISTS (SELECT 1 FROM folders e JOIN volumes w ON w.id = e.volume_id JOIN spaces b ON b.id = w.space_id
             WHERE e.id = ?5 AND {SAME_OWNER})
         LIMIT 8"
    ))?;
    let found = st.query_map(
        params![content_hash.as_str(), stat.size as i64, stat.mtime_ns, content_hash.is_whole(), folder_id],
        |r| {
            Ok(Elsewhere {
                id: r.get(0)?,
                folder_id: r.get(1)?,
                name: r.get(2)?,
                volume: r.get(3)?,
                fingerprint: r.get(4)?,
                path: r.get(5)?,
            })
        },
    )?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Whether a file is still recorded at that path.
pub(crate) fn is_at(conn: &Connection, file: &Elsewhere) -> Result<bool> {
    Ok(conn
        .prepare_cached("SELECT 1 FROM files WHERE id = ?1 AND folder_id = ?2 AND name = ?3")?
        .exists(params![file.id, file.folder_id, file.name])?)
}

/// Marks a file as removed. Its row, edits and derivatives stay for the grace period.
pub(crate) fn vanish_file(conn: &Connection, id: i64, now: i64) -> Result<()> {
    mark_stale(conn, id)?;
    conn.prepare_cached("UPDATE files SET vanished = ?2 WHERE id = ?1 AND vanished IS NULL")?
        .execute(params![id, now])?;
    Ok(conn.prepare_cached("UPDATE items SET hidden = 1 WHERE file_id = ?1")?.execute([id]).map(drop)?)
}

/// Makes grouping due for a folder, before the run ends.
pub(crate) fn mark_regroup(conn: &Connection, folder_id: i64) -> Result<()> {
    Ok(conn
        .prepare_cached("UPDATE folders SET regroup = 1 WHERE id = ?1 AND regroup = 0")?
        .execute([folder_id])
        .map(drop)?)
}

/// Marks that a file was recorded and its item was updated in the same transaction: grouping of its folder can change
/// only the item that it belongs to.
pub(crate) fn mark_recorded(conn: &Connection, file: PutFile, folder_id: i64) -> Result<()> {
    if !file.is_new {
        conn.prepare_cached(
            "INSERT OR IGNORE INTO items_stale (file_id)
             SELECT companion_of FROM files WHERE id = ?1 AND companion_of IS NOT NULL",
        )?
        .execute([file.id])?;
    }
    mark_regroup(conn, folder_id)
}

/// Marks that a file changed: its item, and the one that it is part of, must be updated when its folder is grouped.
pub(crate) fn mark_stale(conn: &Connection, file_id: i64) -> Result<()> {
    conn.prepare_cached(
        "INSERT OR IGNORE INTO items_stale (file_id)
         SELECT id FROM files WHERE id = ?1
         UNION ALL SELECT companion_of FROM files WHERE id = ?1 AND companion_of IS NOT NULL",
    )?
    .execute([file_id])?;
    Ok(conn.prepare_cached(
        "UPDATE folders SET regroup = 1 WHERE id = (SELECT folder_id FROM files WHERE id = ?1) AND regroup = 0",
    )?
    .execute([file_id])
    .map(drop)?)
}

/// Records the outcome of a stage for a file. An equal transient failure before it counts as an attempt.
pub(crate) fn put_stage(
    conn: &Connection,
    id: i64,
    stage: Stage,
    version: u32,
    input_key: &str,
    outcome: &Outcome,
    now: i64,
) -> Result<()> {
    let (state, fault, reason, needed) = match outcome {
        Outcome::Done => ("done", None, None, None),
        Outcome::Damaged(why) => ("damaged", None, Some(why.clone()), None),
        Outcome::Skipped(why) => ("skipped", None, Some(why.clone()), None),
        Outcome::Failed(f) => {
            let needed = match f {
                Fault::TooLarge { needed } => Some(*needed as i64),
                _ => None,
            };
            // An unsupported format is not a failure of the file.
            let state = if matches!(f, Fault::Unsupported { .. }) { "skipped" } else { "failed" };
            (state, Some(f.name()), Some(f.to_string()), needed)
        }
    };
    let mut attempts = 1;
    let mut retry_at = None;
    if let Outcome::Failed(f) = outcome
        && f.is_transient()
    {
        let before: Option<i64> = conn
            .prepare_cached(
                "SELECT attempts FROM stage_state
                 WHERE file_id = ?1 AND stage = ?2 AND version = ?3 AND input_key = ?4 AND state = 'failed'",
            )?
            .query_row(params![id, stage.name(), version, input_key], |r| r.get(0))
            .optional()?;
        attempts = before.unwrap_or(0) + 1;
        let tried = usize::try_from(attempts - 1).unwrap_or(0);
        retry_at = match f {
            Fault::Unavailable { .. } => {
                Some(now + UNAVAILABLE_AFTER_S[tried.min(UNAVAILABLE_AFTER_S.len() - 1)])
            }
            _ => RETRY_AFTER_S.get(tried).map(|after| now + after),
        };
    }
    Ok(conn.prepare_cached(
        "INSERT INTO stage_state (file_id, stage, version, input_key, state, fault, reason, attempts, retry_at, needed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (file_id, stage) DO UPDATE SET version = ?3, input_key = ?4, state = ?5, fault = ?6,
           reason = ?7, attempts = ?8, retry_at = ?9, needed = ?10",
    )?
    .execute(params![id, stage.name(), version, input_key, state, fault, reason, attempts, retry_at, needed])
    .map(drop)?)
}

/// Replaces the derivatives of a content.
pub(crate) fn put_derivatives(conn: &Connection, content_hash: &str, rows: &[DerivativeRow]) -> Result<()> {
    conn.prepare_cached("DELETE FROM derivatives WHERE content_hash = ?1")?.execute([content_hash])?;
    let mut st = conn.prepare_cached(
        "INSERT INTO derivatives (content_hash, name, path, width, height, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for d in rows {
        st.execute(params![content_hash, d.name.as_str(), d.path, d.width, d.height, d.bytes as i64])?;
    }
    Ok(())
}

/// The derivatives of a content.
pub(crate) fn derivatives(conn: &Connection, content_hash: &str) -> Result<Vec<DerivativeRow>> {
    let mut st = conn.prepare_cached(
        "SELECT name, path, width, height, bytes FROM derivatives WHERE content_hash = ?1
         ORDER BY CASE name WHEN 'xl' THEN 0 WHEN 'm' THEN 1 WHEN 'sm' THEN 2 ELSE 3 END",
    )?;
    Ok(st
        .query_map([content_hash], |r| {
            Ok(DerivativeRow {
                name: match r.get_ref(0)?.as_str()? {
                    "xl" => DerivativeName::Xl,
                    "m" => DerivativeName::M,
                    "sm" => DerivativeName::Sm,
                    _ => DerivativeName::Preview,
                },
                path: r.get(1)?,
                width: r.get(2)?,
                height: r.get(3)?,
                bytes: r.get::<_, i64>(4)? as u64,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

/// The thumbhash of another copy of this content.
pub(crate) fn thumbhash_of_content(conn: &Connection, content_hash: &str) -> Result<Option<Vec<u8>>> {
    Ok(conn
        .prepare_cached(
            "SELECT thumbhash FROM files WHERE content_hash = ?1 AND thumbhash IS NOT NULL LIMIT 1",
        )?
        .query_row([content_hash], |r| r.get(0))
        .optional()?)
}

impl IndexReader {
    /// The `small_preview` of another copy of this content, or of the same file as recorded before: which embedded
    /// picture of a RAW file is shown is only decided when its derivatives are made.
    pub fn small_preview_of_content(&self, content_hash: &str) -> Result<Option<Size>> {
        let json: Option<Option<String>> = self
            .conn
            .prepare_cached(
                "SELECT json_extract(facts, '$.small_preview') FROM files
                 WHERE content_hash = ?1 AND facts IS NOT NULL LIMIT 1",
            )?
            .query_row([content_hash], |r| r.get(0))
            .optional()?;
        Ok(json.flatten().and_then(|json| serde_json::from_str(&json).ok()))
    }
}

/// Removes completed work from the queue.
pub(crate) fn pending_done(conn: &Connection, pending_id: i64) -> Result<()> {
    Ok(conn.prepare_cached("DELETE FROM pending WHERE id = ?1")?.execute([pending_id]).map(drop)?)
}

/// Makes a stage due for one file, unless it was done with these inputs of the file (16 hex digits).
pub(crate) fn stage_again_unless(conn: &Connection, id: i64, stage: Stage, file_inputs: &str) -> Result<()> {
    Ok(conn
        .prepare_cached(
            "DELETE FROM stage_state WHERE file_id = ?1 AND stage = ?2 AND substr(input_key, 18) <> ?3",
        )?
        .execute(params![id, stage.name(), file_inputs])
        .map(drop)?)
}

/// Makes a stage due for one file.
pub(crate) fn stage_again(conn: &Connection, id: i64, stage: Stage) -> Result<()> {
    Ok(conn
        .prepare_cached("DELETE FROM stage_state WHERE file_id = ?1 AND stage = ?2")?
        .execute(params![id, stage.name()])
        .map(drop)?)
}

/// Replaces the subjects of a picture and its feature vector.
pub(crate) fn put_subjects(
    conn: &Connection,
    id: i64,
    found: &[FoundSubject],
    features: &[i8],
) -> Result<()> {
    conn.prepare_cached("DELETE FROM subjects WHERE file_id = ?1")?.execute([id])?;
    let mut st =
        conn.prepare_cached("INSERT INTO subjects (file_id, label, score, box) VALUES (?1, ?2, ?3, ?4)")?;
    for s in found {
        let area = s.area.map(|a| serde_json::to_string(&a).expect("four numbers"));
        st.execute(params![id, s.label, s.score, area])?;
    }
    if features.is_empty() {
        return Ok(());
    }
    let bytes: Vec<u8> = features.iter().map(|v| *v as u8).collect();
    Ok(conn
        .prepare_cached("INSERT OR REPLACE INTO features (file_id, vector) VALUES (?1, ?2)")?
        .execute(params![id, bytes])
        .map(drop)?)
}

/// The outcome of render for another file of the same content with the same settings: copies share their derivatives.
pub(crate) fn rendered_before(
    conn: &Connection,
    content_hash: &str,
    version: u32,
    settings: &str,
) -> Result<Option<Outcome>> {
    Ok(conn
        .prepare_cached(&format!(
            "SELECT s.state, s.reason FROM (SELECT id FROM files WHERE content_hash = ?1 LIMIT {COPIES}) f
           CROSS JOIN stage_state s ON s.file_id = f.id AND s.stage = 'render'
         WHERE s.version = ?2 AND substr(s.input_key, 1, 16) = ?3 AND s.state IN ('done', 'damaged') LIMIT 1"
        ))?
        .query_row(params![content_hash, version, settings], |r| {
            let reason = r.get::<_, Option<String>>(1)?.unwrap_or_default();
            Ok(match r.get_ref(0)?.as_str()? {
                "damaged" => Outcome::Damaged(reason),
                _ => Outcome::Done,
            })
        })
        .optional()?)
}
