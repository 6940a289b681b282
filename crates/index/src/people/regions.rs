//! Names that other programs have written into metadata: matched with detected faces, and turned into people.
//!
//! Such a name takes precedence over clustering, and every edit, including a removal, takes precedence over the name. A
//! name refers to one person of the space: the one that clustering formed around the faces with the name, regardless of
//! their order.

use super::{found_person, iou, is_free, pair, people_named, region_person, rivals};
use crate::Result;
use crate::items;
use albumen_core::vocabulary::Box4;
use albumen_library::people::names;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Minimum match: a region may be drawn around the head or tightly around the face.
const REGION_MATCH: f32 = 0.1;

/// How well a face fits a region: their overlap, or a small value if the face is well inside a large region.
fn fit(region: &Box4, face: &Box4) -> f32 {
    let centre = [face[0] + face[2] / 2.0, face[1] + face[3] / 2.0];
    let inside = (0..2).all(|i| centre[i] >= region[i] && centre[i] <= region[i] + region[i + 2]);
    let overlap = iou(region, face);
    if inside { overlap.max(REGION_MATCH + 0.01) } else { overlap }
}

/// Matches the regions of all due files of the space, then assigns the named faces to people.
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
        "SELECT a.id, a.region_name, a.region_source, coalesce(f.content_hash, ''), a.x, a.y, a.w, a.h, a.person_id
           FROM faces a INDEXED BY faces_unsettled CROSS JOIN files f ON f.id = a.file_id
           CROSS JOIN folders d ON d.id = f.folder_id CROSS JOIN volumes v ON v.id = d.volume_id
          WHERE v.space_id = ?1 AND a.region_name IS NOT NULL AND (a.how IS NULL OR a.how = 'machine')
            AND a.lost = 0 AND a.mark IS NULL
          ORDER BY f.content_hash, a.x, a.y, a.id",
    )?;
    let named = st
        .query_map([space], |r| {
            Ok(Named {
                face: r.get(0)?,
                name: r.get(1)?,
                source: r.get(2)?,
                content: r.get(3)?,
                area: [r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?],
                person: r.get(8)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut by_name: BTreeMap<String, Vec<Named>> = BTreeMap::new();
    for n in named {
        by_name.entry(names::key(&n.name)).or_default().push(n);
    }
    by_name.iter().try_for_each(|(key, named)| apply_name(conn, space, key, named))
}

/// A face with a name from a region and, possibly, an assignment by clustering.
struct Named {
    face: i64,
    name: String,
    source: String,
    content: String,
    area: Box4,
    person: Option<String>,
}

/// Records which faces of a file its regions name. A region that matches a face marked as no face or as unknown counts
/// only through that face: the photo is not found by the name.
fn match_file(conn: &Connection, file: i64) -> Result<()> {
    let facts = items::facts(conn, file)?;
    let source = match facts.sources.get("regions") {
        Some(s) if s.starts_with("sidecar") => "sidecar",
        _ => "file",
    };
    let regions: Vec<(Box4, String)> =
        facts.regions.iter().filter_map(|r| Some((r.area, names::clean(r.name.as_deref()?).ok()?))).collect();
    let mut st = conn.prepare_cached(
        "SELECT id, x, y, w, h, region_name FROM faces
          WHERE file_id = ?1 AND (lost = 0 OR mark IS NOT NULL) ORDER BY id",
    )?;
    let faces = st
        .query_map([file], |r| Ok((r.get(0)?, [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?], r.get(5)?)))?
        .collect::<rusqlite::Result<Vec<(i64, Box4, Option<String>)>>>()?;
    let (areas, boxes): (Vec<_>, Vec<_>) =
        (regions.iter().map(|r| r.0).collect(), faces.iter().map(|f| f.1).collect());
    let mut names: Vec<Option<&str>> = vec![None; faces.len()];
    for (i, j) in pair(&areas, &boxes, REGION_MATCH, fit) {
        names[j] = Some(&regions[i].1);
    }
    for ((id, _, before), name) in faces.iter().zip(names) {
        if before.as_deref() == name {
            continue;
        }
        conn.prepare_cached("UPDATE faces SET region_name = ?2, region_source = ?3 WHERE id = ?1")?
            .execute(params![id, name, name.map(|_| source)])?;
        // Assignments that followed from the previous region are removed with it.
        conn.prepare_cached(
            "UPDATE faces SET person_id = NULL, how = NULL, clustered = 0 WHERE id = ?1 AND how IN ('sidecar', 'file')",
        )?
        .execute([id])?;
    }
    Ok(())
}

/// Assigns the faces of one name, in canonical order, to the person of that name in the space, unless an edit overrides
/// it.
fn apply_name(conn: &Connection, space: i64, key: &str, named: &[Named]) -> Result<()> {
    let mut open = Vec::new();
    for n in named {
        // An edit of a person covers all of its faces.
        let covered = match &n.person {
            Some(person) => is_named_by_user(conn, person)?,
            None => false,
        };
        if !covered {
            open.push(n);
        }
    }
    let Some(first) = open.first() else { return Ok(()) };
    let bound = match region_person(conn, space, key)? {
        Some(person) => Some(person),
        None => people_named(conn, space, &first.name)?.into_iter().next(),
    };
    let person = match bound {
        Some(bound) => bound,
        None => match unnamed_around(conn, &open)? {
            Some(person) => person,
            None => found_person(conn, space, &first.content, &first.area)?,
        },
    };
    conn.prepare_cached(
        "INSERT OR IGNORE INTO region_names (space_id, name_key, person_id) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![space, key, person])?;
    for n in open {
        if denied(conn, n.face, &person)? || taken(conn, n.face, key, &person)? {
            continue;
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
        if let Some(around) = n.person.as_ref().filter(|around| **around != person) {
            take_in(conn, around, &person)?;
        }
    }
    Ok(())
}

/// The unnamed person made by clustering that has most of these faces; of equal ones, the oldest.
fn unnamed_around(conn: &Connection, named: &[&Named]) -> Result<Option<String>> {
    let mut count: BTreeMap<&str, u32> = BTreeMap::new();
    for person in named.iter().filter_map(|n| n.person.as_deref()) {
        *count.entry(person).or_default() += 1;
    }
    let mut best: Option<((u32, i64), String)> = None;
    for (person, faces) in count {
        let unnamed: Option<i64> = conn
            .prepare_cached(
                "SELECT seq FROM persons WHERE id = ?1 AND name IS NULL AND name_source IS NOT 'edit'",
            )?
            .query_map([person], |r| r.get(0))?
            .next()
            .transpose()?;
        if let Some(seq) = unnamed {
            let rank = (faces, -seq);
            if best.as_ref().is_none_or(|(most, _)| rank > *most) {
                best = Some((rank, person.to_owned()));
            }
        }
    }
    Ok(best.map(|(_, person)| person))
}

/// Moves the rest of a clustered person to the person that a name moved one of its faces to, if it has no name, no user
/// edit and no other region name, and no photo would have the person twice.
fn take_in(conn: &Connection, around: &str, person: &str) -> Result<()> {
    let is_untouched: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM people WHERE id = ?1 AND found_name IS NULL)
                AND NOT EXISTS (SELECT 1 FROM person_edits WHERE person_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM face_edits WHERE person_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM people_apart WHERE a = ?1 OR b = ?1)
                AND NOT EXISTS (SELECT 1 FROM person_aliases WHERE person_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM faces WHERE person_id = ?1 AND (how <> 'machine' OR region_name IS NOT NULL))",
        )?
        .query_row([around], |r| r.get(0))?;
    if !is_untouched {
        return Ok(());
    }
    let mut st = conn.prepare_cached("SELECT id FROM faces WHERE person_id = ?1 ORDER BY id")?;
    let faces = st.query_map([around], |r| r.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    for face in faces {
        if !denied(conn, face, person)? && is_free(conn, face, person)? {
            conn.prepare_cached("UPDATE faces SET person_id = ?2 WHERE id = ?1")?
                .execute(params![face, person])?;
        }
    }
    Ok(())
}

/// Whether a user has named a person or removed its name.
fn is_named_by_user(conn: &Connection, person: &str) -> Result<bool> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM person_edits WHERE person_id = ?1 AND name_said = 1)")?
        .query_row([person], |r| r.get(0))?)
}

/// Whether a user has rejected the person for the face.
fn denied(conn: &Connection, face: i64, person: &str) -> Result<bool> {
    Ok(conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM face_edits WHERE face_id = ?1 AND person_id = ?2 AND verdict = 'not')",
    )?
    .query_row(params![face, person], |r| r.get(0))?)
}

/// Whether another face of the photo is assigned to this person by a user or by another name. The same name on several
/// faces of a photo (a mirror, a collage) is allowed.
fn taken(conn: &Connection, face: i64, key: &str, person: &str) -> Result<bool> {
    let mut st = conn.prepare_cached(
        "SELECT b.region_name FROM faces a JOIN faces b ON b.file_id = a.file_id AND b.id <> a.id
          WHERE a.id = ?1 AND b.person_id = ?2 AND b.how <> 'machine' AND b.lost = 0",
    )?;
    let mut rows = st.query(params![face, person])?;
    while let Some(r) = rows.next()? {
        let name: Option<String> = r.get(0)?;
        if name.is_none_or(|name| names::key(&name) != key) {
            return Ok(true);
        }
    }
    Ok(false)
}
