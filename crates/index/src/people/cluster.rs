//! One clustering of a space: reads faces and constraints, lets [`albumen_library::people`] decide, and writes the
//! result in one transaction, so that no edit falls in between and a kill leaves the index unchanged.

mod portraits;

use super::{SAME_FACE_IOU, counts, found_person, iou, refresh_renamed, regions};
use crate::Result;
use crate::due::StageNow;
use crate::{Editor, Index};
use albumen_core::vocabulary::Box4;
use albumen_library::people::{Fate, Node, Thresholds, Vectors, grow};
use portraits::{People, Portrait, people};
pub(super) use portraits::{floats, portraits};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::AtomicBool;

/// New members of people can attract more faces: maximum number of rounds; the next clustering continues. Usually there
/// are two, the second without result.
const ROUNDS: usize = 8;

/// Result of a clustering.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ClusterReport {
    /// Faces assigned to a person.
    pub joined: u64,
    /// People created.
    pub founded: u64,
    /// Faces that remain unassigned.
    pub waiting: u64,
    /// It was stopped before it changed anything.
    pub stopped: bool,
}

/// Clusters the faces of a space in canonical order: the same faces and edits give the same people, on any machine and
/// with any number of threads. A second call changes nothing.
///
/// Comparing takes long in a new library, so it uses a snapshot without the write lock; if another process has written
/// before the result is written, it compares again inside the write transaction. Either way, the constraints are those
/// in force at the assignment.
pub fn cluster_space(
    index: &mut Index,
    space: i64,
    threads: usize,
    stop: &AtomicBool,
) -> Result<ClusterReport> {
    let conn = &mut index.editor.reader.conn;
    let mut report = ClusterReport::default();
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    report.joined += prepare(&tx, space)?;
    refresh_renamed(&tx)?;
    tx.commit()?;
    let version = |conn: &Connection| conn.pragma_query_value(None, "data_version", |r| r.get::<_, i64>(0));
    // Unassigned faces after the previous round, and its data version.
    let mut left: Option<(i64, Vec<Waiting>)> = None;
    for _ in 0..ROUNDS {
        let snapshot = conn.transaction()?;
        let seen = version(&snapshot)?;
        let still = left.take().filter(|(then, _)| *then == seen).map(|(_, waiting)| waiting);
        let planned = plan(&snapshot, space, still, threads, stop)?;
        drop(snapshot);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = version(&tx)?;
        let planned = if now == seen { planned } else { plan(&tx, space, None, threads, stop)? };
        let Some(planned) = planned else { return Ok(ClusterReport { stopped: true, ..report }) };
        let changed = write(&tx, space, &planned, &mut report)?;
        if !changed {
            sweep(&tx, space)?;
            counts::keep(&tx, space)?;
        }
        refresh_renamed(&tx)?;
        tx.commit()?;
        if !changed {
            break;
        }
        left = Some((now, planned.left_waiting()));
    }
    Ok(report)
}

/// Like [`cluster_space`], inside the transaction of an edit.
pub(super) fn cluster_now(conn: &Connection, space: i64, threads: usize) -> Result<ClusterReport> {
    let mut report = ClusterReport { joined: prepare(conn, space)?, ..ClusterReport::default() };
    let mut left = None;
    for _ in 0..ROUNDS {
        let Some(planned) = plan(conn, space, left, threads, &AtomicBool::new(false))? else { break };
        if !write(conn, space, &planned, &mut report)? {
            break;
        }
        left = Some(planned.left_waiting());
    }
    sweep(conn, space)?;
    Ok(report)
}

/// Steps without comparison: spaces, regions, copies. Returns the number of assigned faces.
fn prepare(conn: &Connection, space: i64) -> Result<u64> {
    leave_other_spaces(conn, space)?;
    regions::apply(conn, space)?;
    follow_copies(conn, space)
}

/// Unassigns the faces of files that moved to another space: the people of the old space are not visible to its owner.
fn leave_other_spaces(conn: &Connection, space: i64) -> Result<()> {
    let in_space = "SELECT s.file_id FROM faces_strayed s CROSS JOIN files f ON f.id = s.file_id
       CROSS JOIN folders d ON d.id = f.folder_id CROSS JOIN volumes v ON v.id = d.volume_id WHERE v.space_id = ?1";
    conn.prepare_cached(&format!(
        "UPDATE faces SET person_id = NULL, how = NULL, similarity = NULL, required = NULL, clustered = 0
          WHERE file_id IN ({in_space})
            AND (SELECT p.space_id FROM people p WHERE p.id = faces.person_id) <> ?1"
    ))?
    .execute([space])?;
    Ok(conn
        .prepare_cached(&format!("DELETE FROM faces_strayed WHERE file_id IN ({in_space})"))?
        .execute([space])
        .map(drop)?)
}

/// Deletes people without faces and without user edits.
pub(super) fn sweep(conn: &Connection, space: i64) -> Result<()> {
    conn.prepare_cached(
        "DELETE FROM region_names WHERE space_id = ?1
            AND NOT EXISTS (SELECT 1 FROM faces WHERE person_id = region_names.person_id)
            AND NOT EXISTS (SELECT 1 FROM person_edits WHERE person_id = region_names.person_id)
            AND NOT EXISTS (SELECT 1 FROM person_aliases WHERE alias = region_names.person_id)",
    )?
    .execute([space])?;
    Ok(conn
        .prepare_cached(
            "DELETE FROM people WHERE space_id = ?1
            AND NOT EXISTS (SELECT 1 FROM faces WHERE person_id = people.id)
            AND NOT EXISTS (SELECT 1 FROM person_edits WHERE person_id = people.id)
            AND NOT EXISTS (SELECT 1 FROM face_edits WHERE person_id = people.id)
            AND NOT EXISTS (SELECT 1 FROM region_names WHERE person_id = people.id)
            AND NOT EXISTS (SELECT 1 FROM person_aliases WHERE alias = people.id OR person_id = people.id)
            AND NOT EXISTS (SELECT 1 FROM people_apart WHERE a = people.id OR b = people.id)",
        )?
        .execute([space])
        .map(drop)?)
}

/// An unassigned face as it was read: the first of its copies, and all of them.
pub(super) struct Waiting {
    pub(super) ids: Vec<i64>,
    content: String,
    area: Box4,
    pub(super) quality: f32,
    pub(super) embedding: Vec<i8>,
    fresh: bool,
}

/// What one round will write.
#[derive(Default)]
struct Plan {
    embedder: String,
    /// People with new portraits.
    portraits: Vec<(String, Portrait)>,
    waiting: Vec<Waiting>,
    fates: Vec<Fate>,
    /// The people that the decisions refer to by position.
    people: Vec<String>,
}

impl Plan {
    /// The result that [`waiting`] would have after the plan is written.
    fn left_waiting(self) -> Vec<Waiting> {
        let left = self.waiting.into_iter().zip(self.fates).filter(|(_, fate)| *fate == Fate::Waits);
        let mut left: Vec<Waiting> = left.map(|(w, _)| Waiting { fresh: false, ..w }).collect();
        left.sort_by(|a, b| canonical(a, b).then_with(|| a.ids.cmp(&b.ids)));
        left
    }
}

/// Compares without writing. `still`: the unassigned faces, if already read. `None` if it was stopped.
fn plan(
    conn: &Connection,
    space: i64,
    still: Option<Vec<Waiting>>,
    threads: usize,
    stop: &AtomicBool,
) -> Result<Option<Plan>> {
    let embedder: Option<String> =
        conn.query_row("SELECT value FROM meta WHERE key = 'embedder'", [], |r| r.get(0)).optional()?;
    let Some(embedder) = embedder else { return Ok(Some(Plan::default())) };
    let waiting = match still {
        Some(waiting) => waiting,
        None => waiting(conn, space, &embedder)?,
    };
    let dim = waiting.iter().map(|w| w.embedding.len()).max().unwrap_or(0);
    if dim == 0 {
        return Ok(Some(Plan { waiting, ..Plan::default() }));
    }
    let People { ids, known, exemplars, portraits } = people(conn, space, &embedder, dim)?;
    let positions: HashMap<&str, u32> = ids.iter().map(|p| p.as_str()).zip(0..).collect();
    let nodes = nodes(&waiting);
    let mut faces = Vectors::new(dim);
    faces.reserve(waiting.len());
    waiting.iter().for_each(|w| {
        faces.push(&w.embedding);
    });
    let mut failed = None;
    let mut forbids = |node: u32| {
        forbidden(conn, &waiting[node as usize].ids, &positions).unwrap_or_else(|e| {
            failed = Some(e);
            Vec::new()
        })
    };
    let grown = grow(&nodes, &faces, &known, &exemplars, &mut forbids, &Thresholds::SFACE, threads, stop);
    if let Some(e) = failed {
        return Err(e);
    }
    Ok(grown.map(|grown| Plan { embedder, portraits, waiting, fates: grown.fates, people: ids }))
}

/// Writes a plan; returns whether any face was assigned.
fn write(conn: &Connection, space: i64, plan: &Plan, report: &mut ClusterReport) -> Result<bool> {
    for (person, portrait) in &plan.portraits {
        portrait.store(conn, person, &plan.embedder)?;
    }
    report.waiting = plan.waiting.iter().map(|w| w.ids.len() as u64).sum();
    // A new person is created from its first face in canonical order, regardless of the order of the input.
    let mut founders: BTreeMap<u32, &Waiting> = BTreeMap::new();
    for (w, fate) in plan.waiting.iter().zip(&plan.fates) {
        if let Fate::Founds { group, .. } = fate {
            let first = founders.entry(*group).or_insert(w);
            if canonical(w, first).is_lt() {
                *first = w;
            }
        }
    }
    let mut founders: Vec<_> = founders.into_iter().collect();
    founders.sort_by(|a, b| canonical(a.1, b.1));
    let mut born: HashMap<u32, String> = HashMap::new();
    for (group, w) in founders {
        born.insert(group, found_person(conn, space, &w.content, &w.area)?);
    }
    report.founded += born.len() as u64;
    let mut assign = conn.prepare_cached(
        "UPDATE faces SET person_id = ?2, how = 'machine', similarity = ?3, required = ?4, clustered = 1 WHERE id = ?1",
    )?;
    let mut seen = conn.prepare_cached("UPDATE faces SET clustered = 1 WHERE id = ?1 AND clustered = 0")?;
    let mut changed = false;
    for (w, fate) in plan.waiting.iter().zip(&plan.fates) {
        let (person, similarity, required) = match fate {
            Fate::Waits => {
                w.ids.iter().filter(|_| w.fresh).try_for_each(|id| seen.execute([id]).map(drop))?;
                continue;
            }
            Fate::Joins { person, similarity, required } => {
                (&plan.people[*person as usize], similarity, required)
            }
            Fate::Founds { group, similarity, required } => (&born[group], similarity, required),
        };
        changed = true;
        report.joined += w.ids.len() as u64;
        report.waiting -= w.ids.len() as u64;
        for id in &w.ids {
            assign.execute(params![id, person, similarity, required])?;
        }
    }
    Ok(changed)
}

fn canonical(a: &Waiting, b: &Waiting) -> std::cmp::Ordering {
    let boxes = || a.area.iter().zip(&b.area).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne());
    a.content.cmp(&b.content).then_with(|| boxes().unwrap_or(std::cmp::Ordering::Equal))
}

/// Assigns faces in copies of a photo like the assigned face, unless a user rejected it or the photo has another face
/// of the person.
fn follow_copies(conn: &Connection, space: i64) -> Result<u64> {
    let mut st = conn.prepare_cached(
        "SELECT a.id, a.x, a.y, a.w, a.h, b.person_id, b.x, b.y, b.w, b.h
           FROM faces a INDEXED BY faces_waiting CROSS JOIN files f ON f.id = a.file_id
           CROSS JOIN folders d ON d.id = f.folder_id CROSS JOIN volumes v ON v.id = d.volume_id
           CROSS JOIN files g ON g.content_hash = f.content_hash AND g.id <> f.id
           CROSS JOIN faces b ON b.file_id = g.id AND b.person_id IS NOT NULL AND b.lost = 0
           JOIN people p ON p.id = b.person_id AND p.space_id = ?1
          WHERE a.person_id IS NULL AND a.mark IS NULL AND a.lost = 0 AND v.space_id = ?1
            AND NOT EXISTS (SELECT 1 FROM face_edits e
                             WHERE e.face_id = a.id AND e.person_id = b.person_id AND e.verdict = 'not')
            AND NOT EXISTS (SELECT 1 FROM faces c INDEXED BY faces_by_file
                             WHERE c.file_id = a.file_id AND c.id <> a.id AND c.person_id = b.person_id AND c.lost = 0)
          ORDER BY a.id, b.id",
    )?;
    let rows = st
        .query_map([space], |r| {
            let area =
                |i: usize| -> Result<Box4> { Ok([r.get(i)?, r.get(i + 1)?, r.get(i + 2)?, r.get(i + 3)?]) };
            Ok((r.get::<_, i64>(0)?, area(1)?, r.get::<_, String>(5)?, area(6)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut done = HashSet::new();
    for (face, area, person, other) in rows {
        if iou(&area, &other) > SAME_FACE_IOU && done.insert(face) {
            conn.prepare_cached(
                "UPDATE faces SET person_id = ?2, how = 'machine', similarity = 1.0, required = 0.0, clustered = 1
                  WHERE id = ?1",
            )?
            .execute(params![face, person])?;
        }
    }
    Ok(done.len() as u64)
}

/// Unassigned faces, grouped with their copies: first those seen by an earlier clustering, each part in canonical
/// order.
pub(super) fn waiting(conn: &Connection, space: i64, embedder: &str) -> Result<Vec<Waiting>> {
    let mut st = conn.prepare_cached(
        "SELECT a.id, coalesce(f.content_hash, 'file ' || f.id), a.x, a.y, a.w, a.h, a.quality, a.embedding, a.clustered
           FROM faces a INDEXED BY faces_waiting CROSS JOIN files f ON f.id = a.file_id
           CROSS JOIN folders d ON d.id = f.folder_id CROSS JOIN volumes v ON v.id = d.volume_id
          WHERE v.space_id = ?1 AND a.person_id IS NULL AND a.mark IS NULL AND a.lost = 0 AND a.embedder = ?2 AND f.vanished IS NULL AND f.companion_of IS NULL
          ORDER BY 2, a.x, a.y, a.w, a.h, a.id",
    )?;
    let mut all: Vec<Waiting> = Vec::new();
    let mut rows = st.query(params![space, embedder])?;
    // Start of the faces of the current content.
    let mut start = 0;
    while let Some(r) = rows.next()? {
        let content: String = r.get(1)?;
        let area = [r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?];
        let fresh = !r.get::<_, bool>(8)?;
        if all.last().is_none_or(|w| w.content != content) {
            start = all.len();
        }
        if let Some(copy) = all[start..].iter_mut().find(|w| iou(&w.area, &area) > SAME_FACE_IOU) {
            copy.ids.push(r.get(0)?);
            copy.fresh &= fresh;
            continue;
        }
        all.push(Waiting {
            ids: vec![r.get(0)?],
            content,
            area,
            quality: r.get(6)?,
            embedding: r.get::<_, Vec<u8>>(7)?.into_iter().map(|b| b as i8).collect(),
            fresh,
        });
    }
    all.sort_by_key(|w| w.fresh);
    Ok(all)
}

/// Unassigned faces as input of the clustering.
fn nodes(waiting: &[Waiting]) -> Vec<Node> {
    let mut photos: HashMap<&str, u32> = HashMap::new();
    let nodes = waiting.iter().map(|w| {
        let next = photos.len() as u32;
        let photo = *photos.entry(&w.content).or_insert(next);
        Node { quality: w.quality, photo, fresh: w.fresh }
    });
    nodes.collect()
}

/// People that an unassigned face, with copies `ids`, must not be assigned to: those in the photo already, and those
/// rejected by a user.
fn forbidden(conn: &Connection, ids: &[i64], positions: &HashMap<&str, u32>) -> Result<Vec<u32>> {
    let mut st = conn.prepare_cached(
        "SELECT b.person_id FROM faces a CROSS JOIN files f ON f.id = a.file_id
           CROSS JOIN files g ON g.id = f.id OR g.content_hash = f.content_hash
           CROSS JOIN faces b ON b.file_id = g.id AND b.person_id IS NOT NULL AND b.lost = 0 WHERE a.id = ?1
         UNION ALL SELECT person_id FROM face_edits WHERE face_id = ?1 AND verdict = 'not'",
    )?;
    let mut forbidden = Vec::new();
    for id in ids {
        let mut rows = st.query([id])?;
        while let Some(r) = rows.next()? {
            forbidden.extend(positions.get(r.get_ref(0)?.as_str()?));
        }
    }
    forbidden.sort_unstable();
    forbidden.dedup();
    Ok(forbidden)
}

/// Folders whose files are marked in one transaction: other writers wait for it.
const MARKED_FOLDERS: usize = 200;

/// Marks the people stage as done for all files of a space with completed faces. Folders that are marked as complete
/// are skipped: the mark is removed when faces of one of their files change.
pub fn mark_done(index: &Index, space: i64, now: &StageNow) -> Result<()> {
    for folders in index.undone_folders_of_space(space, now)?.chunks(MARKED_FOLDERS) {
        let tx = Transaction::new_unchecked(&index.conn, TransactionBehavior::Immediate)?;
        for folder in folders {
            mark_folder(&tx, *folder, now)?;
            index.conclude_stage(*folder, now)?;
        }
        tx.commit()?;
    }
    Ok(())
}

fn mark_folder(conn: &Connection, folder: i64, now: &StageNow) -> Result<()> {
    Ok(conn
        .prepare_cached(
            "INSERT OR REPLACE INTO stage_state (file_id, stage, version, input_key, state, reason)
         SELECT s.file_id, 'people', ?2, ?3 || substr(s.input_key, 17),
                CASE s.state WHEN 'done' THEN 'done' ELSE 'skipped' END,
                CASE s.state WHEN 'done' THEN NULL ELSE 'its faces are not known' END
           FROM files f CROSS JOIN stage_state s ON s.file_id = f.id AND s.stage = 'faces'
           LEFT JOIN stage_state p ON p.file_id = f.id AND p.stage = 'people'
          WHERE f.folder_id = ?1
            AND (p.version IS NULL OR p.version <> ?2 OR p.input_key <> ?3 || substr(s.input_key, 17))",
        )?
        .execute(params![folder, now.version, now.settings])
        .map(drop)?)
}

/// For `reindex --stage people`: deletes the results of clustering, except people that a user has edited.
pub(crate) fn forget_conclusions(index: &Editor, space: i64) -> Result<u64> {
    let conn = &index.conn;
    let forgotten = conn.execute(
        "UPDATE faces SET person_id = NULL, how = NULL, similarity = NULL, required = NULL
          WHERE how = 'machine' AND person_id IN (
            SELECT p.id FROM people p WHERE p.space_id = ?1
               AND NOT EXISTS (SELECT 1 FROM person_edits e WHERE e.person_id = p.id)
               AND NOT EXISTS (SELECT 1 FROM face_edits e WHERE e.person_id = p.id)
               AND NOT EXISTS (SELECT 1 FROM people_apart e WHERE e.a = p.id OR e.b = p.id)
               AND NOT EXISTS (SELECT 1 FROM person_aliases e WHERE e.person_id = p.id))",
        [space],
    )?;
    conn.execute(
        "UPDATE faces SET clustered = 0 WHERE person_id IS NULL AND file_id IN (
           SELECT f.id FROM files f JOIN folders d ON d.id = f.folder_id
             JOIN volumes v ON v.id = d.volume_id WHERE v.space_id = ?1)",
        [space],
    )?;
    // A person created again from the same first face gets the same id.
    sweep(conn, space)?;
    Ok(forgotten as u64)
}
