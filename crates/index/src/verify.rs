//! `verify`: checks the index for corruption and missing derivatives.
//!
//! Promises: reads in pages without long transactions, so it may run beside a service; never changes user edits; each
//! finding states the problem and the remedy. Repair makes work due again and removes only rows of missing derivatives.
//! Out of scope: doing the due work (`albumen index`) and replacing a corrupt index (`restore`).

use super::people::counts;
use super::query::Query;
use super::said::DateEdit;
use super::{DATABASE, Index, OpenError, items, schema, view};
use crate::Result;
use albumen_core::store_dir::{self, StoreDir};
use albumen_core::vocabulary::Facts;
use albumen_files::hash::{self, ContentHash, HashError};
use albumen_files::open::{Root, open_beneath};
use albumen_files::pages::Pages;
use albumen_files::patience::KillableClose;
use albumen_files::{relative, volume};
use rusqlite::{Connection, OpenFlags, params};
use serde::Serialize;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Rows read at a time, which bounds the length of a read transaction.
const PAGE: usize = 1000;

/// Limit on messages passed on from SQLite's own check: the first one matters, the others only lengthen the list.
const DATABASE_MESSAGES: u32 = 20;

/// Bytes of a derivative that are read for its header. The encoder writes no metadata; its tables take 600 bytes.
const HEADER: usize = 4096;

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// SQLite reports corruption, or the file is not an index.
    Database,
    /// A row refers to a missing row.
    Reference,
    /// The schema is not the one of this version.
    Schema,
    /// A thumbnail or preview that the index refers to is missing.
    DerivativeMissing,
    /// A derivative exists but is not the file that was written.
    DerivativeDamaged,
    /// A file is marked as rendered but has no derivatives.
    DerivativeUnnamed,
    /// The stored facts of a file cannot be parsed.
    Facts,
    /// A media file that is neither an item nor part of one, or an item without search entry.
    Item,
    /// A user edit that is invalid or contradicts another.
    Edit,
    /// An original whose bytes changed while size and times did not (`--deep`).
    Original,
    /// A file in `derived/` without a row: it wastes disk space and is removed automatically.
    Orphan,
}

impl Kind {
    /// Whether the finding is a fault of the index. Orphans are left by interrupted runs and are removed once a day.
    pub fn is_fault(self) -> bool {
        self != Kind::Orphan
    }

    /// Name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Database => "database",
            Kind::Reference => "reference",
            Kind::Schema => "schema",
            Kind::DerivativeMissing => "derivative_missing",
            Kind::DerivativeDamaged => "derivative_damaged",
            Kind::DerivativeUnnamed => "derivative_unnamed",
            Kind::Facts => "facts",
            Kind::Item => "item",
            Kind::Edit => "edit",
            Kind::Original => "original",
            Kind::Orphan => "orphan",
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: Kind,
    /// The file concerned: an original, or one in `derived/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Description of the problem.
    pub what: String,
    /// What the user can do.
    #[serde(rename = "do")]
    pub advice: String,
    /// Whether it was made due again.
    pub repaired: bool,
}

/// Counts of what was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Rows of derivatives; equal derivatives share a file.
    pub derivatives: u64,
    /// Files in `derived/`.
    pub stored: u64,
    /// Media files.
    pub files: u64,
    /// User edits.
    pub edits: u64,
    /// Originals read again (`--deep`).
    pub originals: u64,
    /// Originals that were not read: offline, missing, or changed since; the next run handles them.
    pub originals_left_out: u64,
}

/// What to check besides the index itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Depth {
    /// Read every original and compare its hash.
    pub originals: bool,
    /// Make repairable work due again; needs the index lock.
    pub repair: bool,
}

/// Why a check stopped early.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Index(#[from] crate::Error),
    #[error("the folder of thumbnails cannot be read: {0}")]
    Store(#[from] io::Error),
}

const MAKE_AGAIN: &str = "run `albumen verify --repair`, then `albumen index`";
const RESTORE: &str = "bring back a backup (`albumen restore`); without one, move index.sqlite away and index again: \
    what users said would be lost";

/// Checks the whole index and passes each finding to `each`.
pub fn verify(
    dir: &Path,
    depth: Depth,
    each: &mut dyn FnMut(Finding),
) -> std::result::Result<Checked, VerifyError> {
    // Repair writes: it needs the index lock.
    let (conn, _lock) = if !depth.repair {
        (open(dir, OpenFlags::SQLITE_OPEN_READ_ONLY), None)
    } else {
        let lock = if dir.join(DATABASE).is_file() { Some(super::lock::take(dir)?) } else { None };
        (open(dir, OpenFlags::SQLITE_OPEN_READ_WRITE), lock)
    };
    let conn = match conn {
        Ok(conn) => conn,
        Err(OpenError::Broken { why, .. }) => {
            each(found(Kind::Database, None, format!("index.sqlite cannot be opened: {why}"), RESTORE));
            return Ok(Checked::default());
        }
        Err(e) => return Err(e.into()),
    };
    let mut check = Check { dir, conn, depth, checked: Checked::default(), each };
    check.all()?;
    Ok(check.checked)
}

fn open(dir: &Path, flags: OpenFlags) -> std::result::Result<Connection, OpenError> {
    super::must_be_there(dir)?;
    super::connect(dir, flags)
}

fn found(kind: Kind, path: Option<String>, what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { kind, path, what: what.into(), advice: advice.into(), repaired: false }
}

struct Check<'a> {
    dir: &'a Path,
    conn: Connection,
    depth: Depth,
    checked: Checked,
    each: &'a mut dyn FnMut(Finding),
}

impl Check<'_> {
    fn all(&mut self) -> std::result::Result<(), VerifyError> {
        if !self.database()? || !self.schema()? {
            return Ok(());
        }
        self.references()?;
        // Before any repair: a derivative whose row repair deletes is not an orphan.
        self.orphans()?;
        self.derivatives()?;
        self.rendered_without_pictures()?;
        self.facts()?;
        self.items()?;
        self.edits()?;
        self.people()?;
        if self.depth.originals {
            self.originals()?;
        }
        Ok(())
    }

    fn tell(&mut self, finding: Finding) {
        (self.each)(finding);
    }

    /// Checks pages, indexes and search tables. If these are damaged, nothing else that is read can be trusted.
    fn database(&mut self) -> Result<bool> {
        let messages = integrity(&self.conn)?;
        for message in &messages {
            self.tell(found(Kind::Database, None, format!("the database is damaged: {message}"), RESTORE));
        }
        Ok(messages.is_empty())
    }

    fn schema(&mut self) -> Result<bool> {
        if let Err(e @ schema::MigrateError::Unreleased) = schema::usable(&self.conn) {
            let advice = "move the index folder to another place and run `albumen index` to make a new one";
            self.tell(found(Kind::Schema, None, e.to_string(), advice));
            return Ok(false);
        }
        let stands = schema::current(&self.conn)?;
        let (what, advice) = match stands.cmp(&schema::VERSION) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => {
                ("an older Albumen", "run `albumen index` once: it brings it up to date")
            }
            std::cmp::Ordering::Greater => ("a newer Albumen", "update Albumen"),
        };
        let what = format!("the index has schema {stands} of {what}; this program knows {}", schema::VERSION);
        self.tell(found(Kind::Schema, None, what, advice));
        Ok(false)
    }

    fn references(&mut self) -> Result<()> {
        let lost: Vec<(String, Option<i64>, String)> = self
            .conn
            .prepare("PRAGMA foreign_key_check")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (table, row, parent) in lost {
            let row = row.map(|r| format!(" {r}")).unwrap_or_default();
            let what = format!("row{row} of {table} points at a row of {parent} that is not there");
            self.tell(found(Kind::Reference, None, what, RESTORE));
        }
        Ok(())
    }

    fn derivatives(&mut self) -> Result<()> {
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
                let mut finding = found(
                    kind,
                    Some(row.path.clone()),
                    format!("{} of {}: {why}", row.name, self.owner_of(&row.content)?),
                    MAKE_AGAIN,
                );
                finding.repaired = self.make_pictures_again(&row.content)?;
                self.tell(finding);
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

    /// A file with the content, for messages.
    fn owner_of(&self, content: &str) -> Result<String> {
        let file: Option<i64> = self
            .conn
            .prepare_cached("SELECT min(id) FROM files WHERE content_hash = ?1")?
            .query_row([content], |r| r.get(0))?;
        Ok(match file {
            Some(id) => self.path_of(id)?,
            None => "a file that is gone".to_owned(),
        })
    }

    fn path_of(&self, file: i64) -> Result<String> {
        Ok(view::path_of(&self.conn, file)?.unwrap_or_default().to_string_lossy().into_owned())
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

    fn rendered_without_pictures(&mut self) -> Result<()> {
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
                let mut finding = found(Kind::DerivativeUnnamed, Some(path), what, MAKE_AGAIN);
                finding.repaired = self.make_pictures_again(&content)?;
                self.tell(finding);
            }
        }
    }

    /// Files of `derived/` without a row. During indexing, derivatives are written shortly before their rows.
    fn orphans(&mut self) -> std::result::Result<(), VerifyError> {
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

    /// The facts of every file can be parsed.
    fn facts(&mut self) -> Result<()> {
        let mut after = 0;
        loop {
            let page: Vec<(i64, String)> = self
                .conn
                .prepare_cached(
                    "SELECT id, facts FROM files WHERE id > ?1 AND facts IS NOT NULL ORDER BY id LIMIT ?2",
                )?
                .query_map(params![after, PAGE as i64], |r| Ok((r.get(0)?, r.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.0;
            for (file, json) in &page {
                let Err(e) = serde_json::from_str::<Facts>(json) else { continue };
                let what = format!("what was read from it cannot be parsed in the index: {e}");
                let mut finding = found(Kind::Facts, Some(self.path_of(*file)?), what, MAKE_AGAIN);
                if self.depth.repair {
                    super::items::inspect_anew(&self.conn, *file)?;
                    finding.repaired = true;
                }
                self.tell(finding);
            }
        }
    }

    /// Every media file is an item or part of one, and every visible item has a search entry. Folders that are due for
    /// grouping are skipped.
    fn items(&mut self) -> Result<()> {
        let (mut after, advice) =
            (0, "run `albumen verify --repair`, then `albumen index`: it puts the folder together again");
        loop {
            let page: Vec<(i64, Option<i64>, bool)> = self
                .conn
                .prepare_cached(
                    "SELECT f.id, CASE
                         WHEN f.companion_of IS NOT NULL THEN
                           CASE WHEN p.id IS NULL OR p.companion_of IS NOT NULL THEN 3 END
                         WHEN i.file_id IS NULL OR i.hidden = 1 THEN 1
                         WHEN s.file_id IS NULL THEN 2 END,
                       d.regroup
                     FROM files f JOIN folders d ON d.id = f.folder_id
                       LEFT JOIN items i ON i.file_id = f.id LEFT JOIN item_search s ON s.file_id = f.id
                       LEFT JOIN files p ON p.id = f.companion_of
                     WHERE f.id > ?1 AND f.is_sidecar = 0 AND f.vanished IS NULL ORDER BY f.id LIMIT ?2",
                )?
                .query_map(params![after, PAGE as i64], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.0;
            for (file, wrong, waits) in page {
                self.checked.files += 1;
                let what = match wrong {
                    None => continue,
                    Some(_) if waits => continue,
                    Some(1) => "it is no item, nor part of one: it is not shown",
                    Some(2) => "it is shown, and searches do not find it",
                    Some(_) => "it is part of a file that is itself part of another",
                };
                let mut finding = found(Kind::Item, Some(self.path_of(file)?), what, advice);
                if self.depth.repair {
                    // Deleting the digest makes the search entry be written again.
                    self.conn.execute("DELETE FROM item_search WHERE file_id = ?1", [file])?;
                    super::record::mark_stale(&self.conn, file)?;
                    finding.repaired = true;
                }
                self.tell(finding);
            }
        }
    }

    /// Checks the user edits of items and albums.
    fn edits(&mut self) -> Result<()> {
        let mut bad: Vec<(i64, String, &str)> = Vec::new();
        {
            let mut st = self.conn.prepare("SELECT file_id, field, value FROM item_edits")?;
            let mut rows = st.query([])?;
            while let Some(r) = rows.next()? {
                self.checked.edits += 1;
                let (file, value): (i64, Option<String>) = (r.get(0)?, r.get(2)?);
                let text = value.as_deref().unwrap_or_default();
                match r.get_ref(1)?.as_str()? {
                    "taken" if DateEdit::parse(text).is_err() => {
                        bad.push((
                            file,
                            format!("its date was set to {text:?}, which is none"),
                            "--date DATE",
                        ));
                    }
                    "rating" if value.is_some() && !text.parse().is_ok_and(|r: i8| (-1..=5).contains(&r)) => {
                        bad.push((
                            file,
                            format!("its rating was set to {text:?}, which is none"),
                            "--rating N",
                        ));
                    }
                    _ => {}
                }
            }
            let mut st = self.conn.prepare("SELECT file_id, tag, given FROM tag_edits")?;
            let mut rows = st.query([])?;
            while let Some(r) = rows.next()? {
                self.checked.edits += 1;
                let (tag, given): (String, i64) = (r.get(1)?, r.get(2)?);
                if tag.trim().is_empty() || !(0..=1).contains(&given) {
                    bad.push((
                        r.get(0)?,
                        format!("the tag {tag:?} was neither given nor taken away"),
                        "--forget tags",
                    ));
                }
            }
        }
        for (file, what, again) in bad {
            let path = self.path_of(file)?;
            let advice = format!("say it again: `albumen edit {path:?} {again}`");
            self.tell(found(Kind::Edit, Some(path), what, advice));
        }
        let albums: Vec<(String, Option<String>)> = self
            .conn
            .prepare("SELECT name, query FROM albums")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (name, query) in albums {
            self.checked.edits += 1;
            if let Some(Err(why)) = query.as_deref().map(Query::parse) {
                let what =
                    format!("the album {name:?} is filled by a search that cannot be understood: {why}");
                self.tell(found(Kind::Edit, None, what, "delete it and make it again (`albumen albums`)"));
            }
        }
        Ok(())
    }

    /// Checks the user edits of people for contradictions.
    fn people(&mut self) -> Result<()> {
        const RULES: [(&str, &str, &str); 3] = [
            (
                "SELECT 'face ' || face_id FROM face_edits WHERE verdict = 'is' GROUP BY face_id HAVING count(*) > 1",
                "is said to be two people",
                "say who it is: `albumen faces assign`",
            ),
            (
                "SELECT 'person ' || a.alias FROM person_aliases a
                 WHERE a.alias = a.person_id OR EXISTS (SELECT 1 FROM person_aliases b WHERE b.alias = a.person_id)",
                "was merged into one who was merged away",
                "take the merge back: `albumen people undo`",
            ),
            (
                "SELECT 'edit ' || id FROM people_edit_log WHERE NOT json_valid(before)",
                "cannot be taken back: what was before it cannot be read",
                "nothing: only undoing it is lost",
            ),
        ];
        for (sql, what, advice) in RULES {
            let who: Vec<String> =
                self.conn.prepare(sql)?.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
            for who in who {
                self.tell(found(Kind::Edit, None, format!("{who} {what}"), advice));
            }
        }
        self.names_found()?;
        self.counts_kept()?;
        self.checked.edits += self.conn.query_row(
            "SELECT (SELECT count(*) FROM face_edits) + (SELECT count(*) FROM person_edits)
                  + (SELECT count(*) FROM person_aliases) + (SELECT count(*) FROM people_apart)
                  + (SELECT count(*) FROM faces WHERE mark IS NOT NULL)",
            [],
            |r| r.get::<_, i64>(0).map(|n| n as u64),
        )?;
        Ok(())
    }

    /// Compares the stored counts of people with a recount.
    fn counts_kept(&mut self) -> Result<()> {
        for person in counts::wrong(&self.conn)? {
            let what = format!("lists show person {person} with the wrong number of photos or faces");
            let mut finding = found(Kind::Item, None, what, "run `albumen verify --repair`");
            if self.depth.repair {
                self.conn.execute("DELETE FROM person_counts WHERE person_id = ?1", [&person])?;
                finding.repaired = true;
            }
            self.tell(finding);
        }
        Ok(())
    }

    /// Checks that an item is found by the names of its faces and by no others.
    fn names_found(&mut self) -> Result<()> {
        let mut after = 0;
        loop {
            let page: Vec<i64> = self
                .conn
                .prepare_cached(
                    "SELECT f.id FROM files f JOIN items i ON i.file_id = f.id
                      WHERE f.id > ?1 AND i.hidden = 0
                        AND (f.facts LIKE '%\"regions\"%' OR f.id IN (SELECT file_id FROM people_renamed)
                          OR EXISTS (SELECT 1 FROM faces a WHERE a.file_id = f.id AND a.person_id IS NOT NULL))
                      ORDER BY f.id LIMIT ?2",
                )?
                .query_map(params![after, PAGE as i64], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let Some(&last) = page.last() else { return Ok(()) };
            after = last;
            for file in page {
                if !items::is_findable(&self.conn, file)? {
                    let path = self.path_of(file)?;
                    let what = "is not found by the names of the people in it, or by another's";
                    let mut finding = found(Kind::Item, Some(path), what, MAKE_AGAIN);
                    if self.depth.repair {
                        let tx = self.conn.unchecked_transaction()?;
                        items::refresh(&tx, file)?;
                        tx.commit()?;
                        finding.repaired = true;
                    }
                    self.tell(finding);
                }
            }
        }
    }

    /// Reads every original again. Different bytes at the same size and times mean a failing disk, or a file that was
    /// changed and had its times reset.
    fn originals(&mut self) -> Result<()> {
        let stop = AtomicBool::new(false);
        let mut roots: HashMap<Vec<u8>, Option<Root>> = HashMap::new();
        let mut after = 0;
        loop {
            let page: Vec<Original> = self
                .conn
                .prepare_cached(
                    "SELECT f.id, v.path, d.path, f.name, f.bytes, f.mtime_ns, f.content_hash, v.offline IS NOT NULL,
                       v.fingerprint
                     FROM files f JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
                     WHERE f.id > ?1 AND f.vanished IS NULL AND f.content_hash IS NOT NULL ORDER BY f.id LIMIT ?2",
                )?
                .query_map(params![after, PAGE as i64], |r| {
                    Ok(Original {
                        id: r.get(0)?,
                        volume: r.get(1)?,
                        folder: r.get(2)?,
                        name: r.get(3)?,
                        bytes: r.get(4)?,
                        mtime_ns: r.get(5)?,
                        content: r.get(6)?,
                        offline: r.get(7)?,
                        fingerprint: r.get(8)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for file in page {
                let root = roots.entry(file.volume.clone()).or_insert_with(|| file.root());
                let hashed = match root {
                    Some(root) if !file.offline => file.hash(root, &stop),
                    _ => None,
                };
                match hashed {
                    None => self.checked.originals_left_out += 1,
                    Some(same) => {
                        self.checked.originals += 1;
                        if !same {
                            let path = relative::on_disk(&[&file.volume, &file.folder, &file.name]);
                            self.tell(found(
                                Kind::Original,
                                Some(path.to_string_lossy().into_owned()),
                                "its bytes are not those that were indexed, though its size and times are",
                                "look at it: if the disk is failing, bring the file back from a backup of yours; if it \
                                 was changed on purpose, run `albumen index --force` on it",
                            ));
                        }
                    }
                }
            }
        }
    }
}

/// SQLite's own check of pages, indexes and search tables; empty if there are no errors.
pub(super) fn integrity(conn: &Connection) -> Result<Vec<String>> {
    let messages: rusqlite::Result<Vec<String>> = conn
        .prepare(&format!("PRAGMA integrity_check({DATABASE_MESSAGES})"))?
        .query_map([], |r| r.get(0))?
        .collect();
    match messages {
        Ok(m) => Ok(m.into_iter().filter(|m| m != "ok").collect()),
        // A page so damaged that the check itself fails.
        Err(e)
            if matches!(
                e.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            ) =>
        {
            Ok(vec![e.to_string()])
        }
        Err(e) => Err(e.into()),
    }
}

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

struct Original {
    id: i64,
    volume: Vec<u8>,
    folder: Vec<u8>,
    name: Vec<u8>,
    bytes: i64,
    mtime_ns: i64,
    content: String,
    offline: bool,
    fingerprint: Option<String>,
}

impl Original {
    /// The root of its volume, if it exists and is still the folder that was indexed.
    fn root(&self) -> Option<Root> {
        let was = serde_json::from_str(self.fingerprint.as_deref()?).ok()?;
        volume::reopen(&relative::on_disk(&[&self.volume]), &was).ok()
    }

    /// Whether its content is the one that was indexed; `None` if it is missing, changed since, or cannot be read.
    fn hash(&self, root: &Root, stop: &AtomicBool) -> Option<bool> {
        let below = relative::on_disk(&[&self.folder, &self.name]);
        let (file, stat) = open_beneath(root, below.as_os_str().as_encoded_bytes()).ok()?;
        let file = KillableClose::new(file);
        let _pages = Pages::of(&file);
        if stat.size != self.bytes as u64 || stat.mtime_ns != self.mtime_ns {
            return None;
        }
        let recorded = ContentHash::parse(&self.content)?;
        match hash::content_hash_like(&file, &recorded, stop) {
            Ok(hashed) => Some(hashed.hash == recorded),
            Err(HashError::Changing | HashError::Fault(_)) => None,
        }
    }
}

impl Index {
    /// After a restore: makes the derivatives that were not in the backup due again. Returns the number of contents.
    pub(super) fn make_missing_pictures_again(&self) -> Result<u64> {
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
