//! Discover, driven: walks volumes, sets what is there beside what the index knows, queues what is new or
//! changed, resolves moves, and lets the volume guard say what may be removed.
//!
//! Promises: one walk of a volume is one transaction: a kill leaves the index as it was; nothing is removed
//! before moves are resolved and the guard has agreed.

use super::developing::below;
use super::progress::Progress;
use super::recorder::{RecordError, now};
use super::shutdown::Shutdown;
use crate::config::SpaceKind;
use crate::discover::hash::ContentHash;
use crate::discover::identity::{self, Arrived, Found, Glance, On, Recorded, Vanished};
use crate::discover::ignore::Rules;
use crate::discover::mounts::MountTable;
use crate::discover::open::Root;
use crate::discover::read::{Read, read};
use crate::discover::volume::{self, Fingerprint, Guard, Known, SampleFile, Seen, Verdict};
use crate::discover::walk::{Folder, Role, Walk};
use crate::index::scan::{FileRow, What};
use crate::index::{Index, items, record, view};
use crate::pipeline::vocabulary::Stage;
use rusqlite::params;
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A folder tree (or one file) to bring up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub space: String,
    pub kind: SpaceKind,
    /// Whether people and subjects are looked for in its space.
    pub people: bool,
    pub subjects: bool,
    /// Absolute path of the volume's root.
    pub volume: PathBuf,
    /// What to walk, relative to the root; empty for all of it.
    pub start: Vec<u8>,
}

/// How to scan.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    pub rules: Rules,
    pub guard: Guard,
    /// What is gone below the targets was removed on purpose.
    pub accept_removals: bool,
    /// 0 for somebody who waits, 1 for background work.
    pub priority: u8,
    /// Take everything back at the end; only the counts remain.
    pub dry_run: bool,
}

/// What a scan found that the caller must know.
#[derive(Debug, Clone, Default)]
pub struct Scanned {
    pub walked: Vec<WalkedPart>,
    /// Volumes that were not there.
    pub volumes_offline: u64,
    /// Too much had vanished, or another volume stood in a volume's place.
    pub stopped_by_guard: bool,
}

/// A volume that was walked, or a part of it.
#[derive(Debug, Clone)]
pub struct WalkedPart {
    pub volume_id: i64,
    /// What was walked, relative to the root.
    pub start: Vec<u8>,
    /// As in the target.
    pub people: bool,
    pub subjects: bool,
}

/// Walks the targets and writes what is to be done into the queue.
pub fn scan(
    index: &mut Index,
    targets: &[Target],
    options: &ScanOptions,
    progress: &Progress,
    shutdown: &Shutdown,
) -> Result<Scanned, RecordError> {
    let mut out = Scanned::default();
    let tx = index.conn.unchecked_transaction()?;
    tx.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS gone (file_id INTEGER PRIMARY KEY, volume_id INTEGER NOT NULL, target INTEGER NOT NULL);
         DELETE FROM gone;",
    )?;
    let mut walked = Vec::new();
    for (number, target) in targets.iter().enumerate() {
        let mut one = One { index, options, progress, shutdown, number: number as i64 };
        match one.walk(target)? {
            Walked::Whole(w) => walked.push(w),
            Walked::Offline { volume_id, why, another } => {
                let path = target.volume.display();
                progress.notice(format!(
                    "{path} is offline: {why}. Nothing was removed. If what is missing was deleted on purpose: \
                     albumen index --accept-removals {path}"
                ));
                index.volume_offline(volume_id, &why)?;
                Progress::add(&progress.offline, index.count_below(volume_id, &target.start)?);
                out.volumes_offline += 1;
                out.stopped_by_guard |= another;
            }
            // What a half walk did not see is not gone.
            Walked::Stopped => return Ok(out),
        }
    }
    resolve_moves(index, &walked, progress, shutdown)?;
    if shutdown.requested() {
        return Ok(out);
    }
    for w in walked {
        judge(index, &w, options, progress, &mut out)?;
        let WholeWalk { volume_id, start, people, subjects, .. } = w;
        out.walked.push(WalkedPart { volume_id, start, people, subjects });
    }
    if options.dry_run {
        let (new, changed) = index.pending_kinds()?;
        Progress::add(&progress.new, new);
        Progress::add(&progress.changed, changed);
        tx.rollback()?;
    } else {
        tx.commit()?;
    }
    Ok(out)
}

/// A target whose walk came to its end.
struct WholeWalk {
    number: i64,
    volume_id: i64,
    volume: PathBuf,
    root: Root,
    start: Vec<u8>,
    people: bool,
    subjects: bool,
    known: Known,
    seen: Seen,
    accepted: bool,
}

enum Walked {
    Whole(WholeWalk),
    Offline {
        volume_id: i64,
        why: String,
        /// Something is there, but not what was: the guard has spoken.
        another: bool,
    },
    Stopped,
}

struct One<'a> {
    index: &'a Index,
    options: &'a ScanOptions,
    progress: &'a Progress,
    shutdown: &'a Shutdown,
    number: i64,
}

impl One<'_> {
    fn walk(&mut self, target: &Target) -> Result<Walked, RecordError> {
        let index = self.index;
        let space = index.space(&target.space, kind_name(target.kind))?;
        let row = index.volume(space, target.volume.as_os_str().as_bytes())?;
        let volume_id = row.id;
        let root = match Root::open(&target.volume) {
            Ok(root) => root,
            Err(e) => return Ok(Walked::Offline { volume_id, why: e.to_string(), another: false }),
        };
        let mounts = MountTable::read();
        let (fingerprint, is_empty) = match volume::fingerprint(&root, &mounts)
            .and_then(|f| volume::is_empty(&root).map(|empty| (f, empty)))
        {
            Ok(x) => x,
            Err(e) => return Ok(Walked::Offline { volume_id, why: e.to_string(), another: false }),
        };
        let sample: Vec<SampleFile> = index
            .sample(volume_id, &target.start, volume::SAMPLE)?
            .into_iter()
            .map(|(path, size, mtime_ns)| SampleFile { path, size, mtime_ns })
            .collect();
        let known = Known {
            fingerprint: row.fingerprint.and_then(|j| serde_json::from_str(&j).ok()),
            subtree: target.start.clone(),
            files: index.count_below(volume_id, &target.start)?,
        };
        let present = volume::count_present(&root, &sample);
        let seen = Seen { fingerprint, is_empty, sample: (sample.len(), present), vanished: 0 };
        let accepted = self.options.accept_removals;
        if let Verdict::Offline { why } = volume::judge(&known, &seen, self.options.guard, accepted) {
            return Ok(Walked::Offline { volume_id, why, another: true });
        }

        index.forget_pending(volume_id, &target.start)?;
        let mut visited: HashSet<i64> = HashSet::new();
        // Below these nothing counts as gone: they could not be looked at.
        let mut unseen: Vec<Vec<u8>> = Vec::new();
        let mut only_file = None;
        let mut walk = Walk::new(&root, &target.start, self.options.rules.clone());
        for folder in &mut walk {
            if self.shutdown.requested() {
                return Ok(Walked::Stopped);
            }
            match folder {
                Ok(folder) => {
                    let id = self.folder(volume_id, &folder)?;
                    visited.extend(id);
                    for e in folder.errors {
                        self.progress.notice(format!("{}: {}", root.join(&e.path).display(), e.fault));
                        unseen.push(e.path);
                    }
                    only_file = folder.only.or(only_file);
                }
                Err(e) => {
                    self.progress.notice(format!("{}: {}", root.join(&e.path).display(), e.fault));
                    unseen.push(e.path);
                }
            }
        }
        let fingerprint = seen.fingerprint.clone().with_inner(walk.inner_mounts());
        if only_file.is_none() {
            for (id, path) in index.folders_below(volume_id, &target.start)? {
                if !visited.contains(&id) && !unseen.iter().any(|u| view::below(&path, u).is_some()) {
                    for file in index.folder_files(id)?.iter().filter(|f| !f.vanished) {
                        self.gone(volume_id, file.id)?;
                    }
                }
            }
        }
        drop(walk);
        Ok(Walked::Whole(WholeWalk {
            number: self.number,
            volume_id,
            volume: target.volume.clone(),
            root,
            start: target.start.clone(),
            people: target.people,
            subjects: target.subjects,
            known,
            seen: Seen { fingerprint, ..seen },
            accepted,
        }))
    }

    fn gone(&self, volume_id: i64, file: i64) -> Result<(), RecordError> {
        self.index
            .conn
            .prepare_cached("INSERT OR IGNORE INTO gone (file_id, volume_id, target) VALUES (?1, ?2, ?3)")?
            .execute(params![file, volume_id, self.number])?;
        Ok(())
    }

    /// One folder that was read; returns its id, or none for a folder without anything of ours, now and before.
    fn folder(&self, volume_id: i64, folder: &Folder) -> Result<Option<i64>, RecordError> {
        let index = self.index;
        let id = match index.folder_id(volume_id, &folder.path)? {
            Some(id) => id,
            None if folder.files.is_empty() => return Ok(None),
            None => index.folder(volume_id, &folder.path)?,
        };
        let mut files = index.folder_files(id)?;
        files.retain(|r| folder.only.as_ref().is_none_or(|only| *only == r.name));
        let rows: Vec<Recorded<&[u8]>> = files.iter().map(recorded).collect();
        let on = On { fs: folder.fs, stable_inodes: folder.stable_inodes };
        let compared =
            identity::compare(&rows, folder.files.iter().map(|f| Found { key: &f.name, stat: f.stat }), on);
        let at = now();
        let mut sidecars_changed = false;
        let mut media_changed = false;
        for (file, glance) in folder.files.iter().zip(&compared.found) {
            let known = match glance {
                Glance::Unchanged { row: r } | Glance::Read { row: r } => Some(&files[*r]),
                Glance::New => None,
            };
            if file.role == Role::Sidecar {
                // A sidecar has no hash: its stat alone says whether it changed.
                let same = known.is_some_and(|k| {
                    !k.vanished && (k.stat.size, k.stat.mtime_ns) == (file.stat.size, file.stat.mtime_ns)
                });
                if !same {
                    record::put_sidecar(
                        &index.conn,
                        id,
                        &file.name,
                        known.and_then(|k| k.sidecar_of.as_deref()),
                        folder.fs,
                        &file.stat,
                        at,
                    )?;
                    if let Some(of) = known.and_then(|k| k.sidecar_of.as_deref()) {
                        self.inspect_again(id, of)?;
                    }
                    sidecars_changed = true;
                }
                continue;
            }
            Progress::add(&self.progress.found, 1);
            match glance {
                Glance::Unchanged { .. } => {
                    Progress::add(&self.progress.unchanged, 1);
                    let known = known.expect("an unchanged file is known");
                    if known.vanished {
                        record::touch_file(&index.conn, known.id, folder.fs, &file.stat)?;
                        record::mark_regroup(&index.conn, id)?;
                        items::refresh(&index.conn, known.id)?;
                        media_changed = true;
                    }
                }
                // It could not be read before and nothing about it has changed: `due` says when to try again.
                Glance::Read { .. }
                    if known.is_some_and(|k| {
                        !k.vanished && k.content_hash.is_none() && k.stat == file.stat && k.fs == folder.fs
                    }) =>
                {
                    Progress::add(&self.progress.unchanged, 1);
                }
                Glance::Read { .. } | Glance::New => {
                    let what = if known.is_some() { What::Changed } else { What::New };
                    media_changed |= known.is_none_or(|k| k.vanished);
                    let known = known.map(|k| k.id);
                    index.enqueue(
                        self.options.priority,
                        id,
                        &file.name,
                        known,
                        what,
                        folder.fs,
                        file.stat.size,
                    )?;
                }
            }
        }
        for r in compared.missing {
            let gone = &files[r];
            let failed_to_look = folder.errors.iter().any(|e| e.path == below(&folder.path, &gone.name));
            if gone.vanished || failed_to_look {
                continue;
            }
            if gone.is_sidecar {
                record::vanish_file(&index.conn, gone.id, at)?;
                if let Some(of) = &gone.sidecar_of {
                    self.inspect_again(id, of)?;
                }
                sidecars_changed = true;
            } else {
                self.gone(volume_id, gone.id)?;
                media_changed = true;
            }
        }
        let has_sidecars = folder.files.iter().any(|f| f.role == Role::Sidecar);
        if folder.only.is_none() && (sidecars_changed || (media_changed && has_sidecars)) {
            self.assign_sidecars(id, folder)?;
        }
        Ok(Some(id))
    }

    /// The facts of the file of this name depend on a sidecar that is new, changed or gone.
    fn inspect_again(&self, folder_id: i64, name: &[u8]) -> Result<(), RecordError> {
        let owner: Vec<FileRow> =
            self.index.folder_files(folder_id)?.into_iter().filter(|f| f.name == name).collect();
        for f in owner {
            record::stage_again(&self.index.conn, f.id, Stage::Inspect)?;
        }
        Ok(())
    }

    /// Decides by names which file each sidecar of a folder speaks of.
    fn assign_sidecars(&self, folder_id: i64, folder: &Folder) -> Result<(), RecordError> {
        let media: Vec<&[u8]> =
            folder.files.iter().filter(|f| f.role != Role::Sidecar).map(|f| f.name.as_slice()).collect();
        for s in folder.files.iter().filter(|f| f.role == Role::Sidecar) {
            let of = crate::inspect::sidecar::belongs(&s.name, &media).map(|i| media[i]);
            let changed = self.index.set_sidecar_of(folder_id, &s.name, of)?;
            if changed {
                record::mark_regroup(&self.index.conn, folder_id)?;
                if let Some(of) = of {
                    self.inspect_again(folder_id, of)?;
                }
            }
        }
        Ok(())
    }
}

/// A row as identity wants it.
fn recorded(f: &FileRow) -> Recorded<&[u8]> {
    Recorded {
        id: f.id,
        key: &f.name,
        fs: f.fs,
        stat: f.stat,
        hash: f.content_hash.as_deref().and_then(ContentHash::parse),
    }
}

/// Rule 3 of identity: new paths whose content is that of a vanished path are that file.
fn resolve_moves(
    index: &Index,
    walked: &[WholeWalk],
    progress: &Progress,
    shutdown: &Shutdown,
) -> Result<(), RecordError> {
    let conn = &index.conn;
    let mut vanished = Vec::new();
    {
        // What vanished in an earlier run and is still in its grace period may come back elsewhere, too.
        let mut st = conn.prepare(
            "SELECT f.id, CAST(CASE d.path WHEN x'' THEN x'' ELSE d.path || x'2f' END || f.name AS BLOB), f.content_hash, f.bytes, f.mtime_ns
             FROM files f JOIN folders d ON d.id = f.folder_id
             WHERE f.content_hash IS NOT NULL AND f.is_sidecar = 0
               AND (f.id IN (SELECT file_id FROM gone) OR f.vanished IS NOT NULL)
               AND EXISTS (SELECT 1 FROM pending p WHERE p.what = 'new' AND p.bytes = f.bytes)",
        )?;
        let rows = st.query_map([], |r| {
            Ok((
                r.get::<_, i64>(0)?,
                r.get::<_, Vec<u8>>(1)?,
                r.get::<_, String>(2)?,
                r.get::<_, i64>(3)? as u64,
                r.get::<_, i64>(4)?,
            ))
        })?;
        for row in rows {
            let (id, path, hash, size, mtime_ns) = row?;
            if let Some(hash) = ContentHash::parse(&hash) {
                vanished.push(Vanished { id, path, hash, size, mtime_ns });
            }
        }
    }
    let sizes: HashSet<u64> = vanished.iter().map(|v| v.size).collect();
    let (mut arrived, mut jobs) = (Vec::new(), Vec::new());
    for size in sizes {
        for job in index.pending_new_of_size(size)? {
            if shutdown.requested() {
                return Ok(());
            }
            let Some(w) = walked.iter().find(|w| w.volume_id == job.volume_id) else { continue };
            let path = below(&job.folder, &job.name);
            let Ok(Read::Done { hashed, .. }) = read(&w.root, &path, Role::Media, shutdown.token().flag())
            else {
                continue;
            };
            arrived.push(Arrived {
                path,
                hash: hashed.hash,
                size: hashed.stat.size,
                mtime_ns: hashed.stat.mtime_ns,
            });
            jobs.push((job, hashed.stat));
        }
    }
    let matched = identity::match_moves(&arrived, &vanished);
    for ((job, stat), from) in jobs.iter().zip(matched) {
        let Some(from) = from else { continue };
        let id = vanished[from].id;
        record::move_file(conn, id, job.folder_id, &job.name, job.fs, stat)?;
        items::refresh(conn, id)?;
        record::pending_done(conn, job.id)?;
        conn.execute("DELETE FROM gone WHERE file_id = ?1", [id])?;
        Progress::add(&progress.moved, 1);
    }
    Ok(())
}

/// The guard's second word, and what follows from it.
fn judge(
    index: &Index,
    w: &WholeWalk,
    options: &ScanOptions,
    progress: &Progress,
    out: &mut Scanned,
) -> Result<(), RecordError> {
    let conn = &index.conn;
    let gone: Vec<i64> = conn
        .prepare_cached("SELECT file_id FROM gone WHERE target = ?1")?
        .query_map([w.number], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    let seen = Seen { vanished: gone.len() as u64, ..w.seen.clone() };
    match volume::judge(&w.known, &seen, options.guard, w.accepted) {
        Verdict::Offline { why } => {
            let path = view::join(&[w.volume.as_os_str().as_bytes(), &w.start]);
            let path = path.display();
            progress.notice(format!(
                "{path} is taken to be offline: {why}. Nothing was removed. If they were deleted on purpose: \
                 albumen index --accept-removals {path}"
            ));
            index.volume_offline(w.volume_id, &why)?;
            Progress::add(&progress.offline, gone.len() as u64);
            out.stopped_by_guard = true;
            out.volumes_offline += 1;
        }
        Verdict::Sound { offline_below } => {
            let at = now();
            for id in gone {
                let path = index.path_of(id)?.unwrap_or_default();
                let inside = offline_below
                    .iter()
                    .any(|m| path.starts_with(view::join(&[w.volume.as_os_str().as_bytes(), m])));
                if inside {
                    Progress::add(&progress.offline, 1);
                    continue;
                }
                record::vanish_file(conn, id, at)?;
                Progress::add(&progress.removed, 1);
            }
            for m in &offline_below {
                let path = view::join(&[w.volume.as_os_str().as_bytes(), m]);
                progress.notice(format!(
                    "{}: the disk that was mounted there is not; its files are kept as they are",
                    path.display()
                ));
            }
            let print = match (&w.known.fingerprint, w.accepted) {
                (Some(was), false) => w.seen.fingerprint.clone().remembering(was),
                _ => w.seen.fingerprint.clone(),
            };
            store(index, w.volume_id, &print)?;
        }
    }
    Ok(())
}

fn store(index: &Index, volume_id: i64, print: &Fingerprint) -> Result<(), RecordError> {
    let json = serde_json::to_string(print).expect("a fingerprint is plain data");
    Ok(index.volume_seen(volume_id, &json)?)
}

fn kind_name(kind: SpaceKind) -> &'static str {
    match kind {
        SpaceKind::Personal => "personal",
        SpaceKind::Shared => "shared",
    }
}
