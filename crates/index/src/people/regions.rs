//! Names that other programs have written into metadata: matched to found faces, and turned into people.
//!
//! Such a name is found, not said: it beats the clustering, and every edit beats it, a removal too.

use super::{found_person, iou, name_key, pair, people_named, resolve, rivals};
use crate::Result;
use crate::items;
use albumen_core::vocabulary::Box4;
use rusqlite::{Connection, OptionalExtension, params};

/// A region may be drawn around the head or tightly around the face: how much of a match there must be.
const REGION_MATCH: f32 = 0.1;

/// How well a face fits a region: their overlap, or, where a face lies well inside a generous region, a little.
fn fit(region: &Box4, face: &Box4) -> f32 {
    let centre = [face[0] + face[2] / 2.0, face[1] + face[3] / 2.0];
    let inside = (0..2).all(|i| centre[i] >= region[i] && centre[i] <= region[i] + region[i + 2]);
    let overlap = iou(region, face);
    if inside { overlap.max(REGION_MATCH + 0.01) } else { overlap }
}

/// Matches the regions of every file of the space that waits for it, then gives the named faces their people.
pub(super) fn apply(conn: &Connection, space: i64) -> Result<()> {
    let mut st = conn.prepare_cached(
        "SELECT r.file_id FROM regions_due r CROSS JOIN files f ON f.id = r.file_id
           CROSS JOIN folders d ON d.id = f.folder_id CROSS JOIN volumes v ON v.id = d.volume_id
          WHERE v.space_id = ?1 ORDER BY f.content_hash, f.id",
    )?;
    let files: Vec<i64> = st.query_map([space], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    for &file in &files {
        match_file(conn, file)?;
        conn.prepare_cached("DELETE FROM regions_due WHERE file_id = ?1")?.execute([file])?;
    }
    let mut st = conn.prepare_cached(
        "SELECT a.id, a.region_name, a.region_source, f.content_hash, a.x, a.y, a.w, a.h, a.person_id
           FROM faces a INDEXED BY faces_unsettled CROSS JOIN files f ON f.id = a.file_id
           CROSS JOIN folders d ON d.id = f.folder_id CROSS JOIN volumes v ON v.id = d.volume_id
          WHERE v.space_id = ?1 AND a.region_name IS NOT NULL AND (a.how IS NULL OR a.how = 'machine')
          ORDER BY f.content_hash, a.x, a.y, a.id",
    )?;
    let named = st
        .query_map([space], |r| {
            Ok(Named {
                face: r.get(0)?,
                name: r.get(1)?,
                source: r.get(2)?,
                content: r.get::<_, Option<String>>(3)?.unwrap_or_default(),
                area: [r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?],
                person: r.get(8)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    named.iter().try_for_each(|n| settle(conn, space, n))
}

/// A face with a name from a region and, perhaps, a person by machine.
struct Named {
    face: i64,
    name: String,
    source: String,
    content: String,
    area: Box4,
    person: Option<String>,
}

/// Writes down which faces of a file its regions name.
fn match_file(conn: &Connection, file: i64) -> Result<()> {
    let facts = items::facts(conn, file)?;
    let source = match facts.sources.get("regions") {
        Some(s) if s.starts_with("sidecar") => "sidecar",
        _ => "file",
    };
    let regions: Vec<_> =
        facts.regions.iter().filter(|r| r.name.as_ref().is_some_and(|n| !n.trim().is_empty())).collect();
    let mut st = conn.prepare_cached(
        "SELECT id, x, y, w, h, region_name FROM faces WHERE file_id = ?1 AND lost = 0 ORDER BY id",
    )?;
    let faces = st
        .query_map([file], |r| Ok((r.get(0)?, [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?], r.get(5)?)))?
        .collect::<rusqlite::Result<Vec<(i64, Box4, Option<String>)>>>()?;
    let (areas, boxes): (Vec<_>, Vec<_>) =
        (regions.iter().map(|r| r.area).collect(), faces.iter().map(|f| f.1).collect());
    let mut names: Vec<Option<&str>> = vec![None; faces.len()];
    for (i, j) in pair(&areas, &boxes, REGION_MATCH, fit) {
        names[j] = regions[i].name.as_deref().map(str::trim);
    }
    for ((id, _, before), name) in faces.iter().zip(names) {
        if before.as_deref() == name {
            continue;
        }
        conn.prepare_cached("UPDATE faces SET region_name = ?2, region_source = ?3 WHERE id = ?1")?
            .execute(params![id, name, name.map(|_| source)])?;
        // What followed from the region that was there before goes with it.
        conn.prepare_cached(
            "UPDATE faces SET person_id = NULL, how = NULL, clustered = 0 WHERE id = ?1 AND how IN ('sidecar', 'file')",
        )?
        .execute([id])?;
    }
    Ok(())
}

/// Gives a named face the person that its name stands for in the space, unless an edit says otherwise.
fn settle(conn: &Connection, space: i64, n: &Named) -> Result<()> {
    let key = name_key(&n.name);
    let bound = bound_person(conn, space, &key, &n.name)?;
    let own = match &n.person {
        // A user's word on the person it is in covers all that is in it.
        Some(p) if is_edited(conn, p)? => return Ok(()),
        Some(p) if found_name(conn, p)?.is_none() => Some(p.clone()),
        _ => None,
    };
    let person = match (bound, own) {
        (Some(bound), _) => bound,
        // The first to name a person of the machine names all of it.
        (None, Some(own)) => own,
        (None, None) => found_person(conn, space, &n.content, &n.area)?,
    };
    conn.prepare_cached(
        "INSERT OR IGNORE INTO region_names (space_id, name_key, person_id) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![space, key, person])?;
    if taken(conn, n.face, &person)? {
        return Ok(());
    }
    conn.prepare_cached(
        "UPDATE people SET found_name = ?2, found_source = ?3 WHERE id = ?1 AND found_name IS NULL",
    )?
    .execute(params![person, n.name, n.source])?;
    conn.prepare_cached(
        "UPDATE faces SET person_id = ?2, how = ?3, similarity = NULL, required = NULL WHERE id = ?1",
    )?
    .execute(params![n.face, person, n.source])?;
    for other in rivals(conn, n.face, &person)? {
        conn.prepare_cached(
            "UPDATE faces SET person_id = NULL, how = NULL, similarity = NULL, required = NULL WHERE id = ?1",
        )?
        .execute([other])?;
    }
    Ok(())
}

/// The person that a name in a region stands for: as it was bound when first met, else the one who bears it now.
fn bound_person(conn: &Connection, space: i64, key: &str, name: &str) -> Result<Option<String>> {
    let bound: Option<String> = conn
        .prepare_cached("SELECT person_id FROM region_names WHERE space_id = ?1 AND name_key = ?2")?
        .query_row(params![space, key], |r| r.get(0))
        .optional()?;
    match bound {
        Some(person) => resolve(conn, &person),
        None => Ok(people_named(conn, space, name)?.into_iter().next()),
    }
}

fn found_name(conn: &Connection, person: &str) -> Result<Option<String>> {
    Ok(conn
        .prepare_cached("SELECT found_name FROM people WHERE id = ?1")?
        .query_row([person], |r| r.get(0))?)
}

fn is_edited(conn: &Connection, person: &str) -> Result<bool> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM person_edits WHERE person_id = ?1 AND name_said = 1)")?
        .query_row([person], |r| r.get(0))?)
}

/// Whether a user has said that the face is not this person, or another face of the photo is.
fn taken(conn: &Connection, face: i64, person: &str) -> Result<bool> {
    Ok(conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM face_edits WHERE face_id = ?1 AND person_id = ?2 AND verdict = 'not')
             OR EXISTS (SELECT 1 FROM faces a JOIN faces b ON b.file_id = a.file_id AND b.id <> a.id
                         WHERE a.id = ?1 AND b.person_id = ?2 AND b.how <> 'machine')",
    )?
    .query_row(params![face, person], |r| r.get(0))?)
}
