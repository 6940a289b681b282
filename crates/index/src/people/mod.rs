//! People in the index: records and carries over faces, matches regions, stores clusterings, applies edits.
//!
//! Promises: user edits hold after every detection, move, clustering and change of models, and can be undone;
//! clustering never assigns two faces of one photo to one person, and an assigned face stays with its person unless a
//! user or a name in the metadata overrides that. A `lost` face is not displayed and not found by name. The similarity
//! of faces is decided by [`albumen_library::people`].

mod ask;
mod cluster;
pub(crate) mod counts;
mod edits;
mod gallery;
mod marks;
mod questions;
mod record;
mod regions;
mod shown;
mod switch;

pub(crate) use ask::faces_of_file;
pub use ask::{Against, FaceLine, FaceList, PersonAndFaces, PersonLine, Suggestion, Suggestions, Why};
pub(crate) use cluster::forget_conclusions;
pub use cluster::{ClusterReport, cluster_space, mark_done};
pub use edits::{EditDone, EditLine, LoggedPeopleEdit, SameName};
pub use marks::Mark;
pub use questions::{Answer, AnswerTo, Question, Side};
pub(crate) use record::record_faces;
pub use shown::{Companion, FacePlace};
pub use switch::{remove_found, switch};

use crate::Result;
use albumen_core::vocabulary::{Box4, Region};
use albumen_library::people::names;
use rusqlite::{Connection, OptionalExtension, params};

/// Why an edit failed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// No such face, person or edit: 404, exit 1.
    #[error("{0}")]
    NotFound(String),
    /// It contradicts another edit or an obvious fact: 409, exit 2.
    #[error("{1}")]
    Conflict(Conflict, String),
    /// An invalid name or answer: 400, exit 2.
    #[error("{0}")]
    Invalid(String),
    /// Another person of the space has the name: 409, exit 2.
    #[error(
        "there is {bearer} already: give --merge if {was} is the same person, --separate if two people share the name"
    )]
    NameTaken { bearer: String, was: String, people: Vec<String> },
    #[error(transparent)]
    Index(#[from] crate::Error),
}

impl EditError {
    fn conflict(kind: Conflict, why: impl Into<String>) -> EditError {
        EditError::Conflict(kind, why.into())
    }
}

/// What an edit contradicts, for programs: the message is for users of the command line and may contain paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// The people or faces are in one photo.
    InOnePhoto,
    /// A face of one person was rejected for the other.
    Rejected,
    /// The people were declared different.
    Apart,
    /// They are one person already.
    OnePerson,
    /// A person of another space.
    OtherSpace,
    /// Several people have the name.
    SeveralPeople,
    /// Both people have a name.
    BothNamed,
    /// A later edit depends on the one to undo.
    LaterEdit,
    /// The edit to undo was written by another version.
    OtherVersion,
}

/// Overlap from which boxes in two copies of a photo are the same face; detections in equal bytes differ only by
/// rounding.
const SAME_FACE_IOU: f32 = 0.7;

/// Intersection over union of two boxes.
fn iou(a: &Box4, b: &Box4) -> f32 {
    let overlap = |i: usize| (a[i] + a[i + 2]).min(b[i] + b[i + 2]) - a[i].max(b[i]);
    let both = overlap(0).max(0.0) * overlap(1).max(0.0);
    let either = a[2] * a[3] + b[2] * b[3] - both;
    if either > 0.0 { both / either } else { 0.0 }
}

/// Pairs two lists one to one, best first, while `score` is above `least`.
fn pair<T>(a: &[T], b: &[T], least: f32, score: impl Fn(&T, &T) -> f32) -> Vec<(usize, usize)> {
    let mut all: Vec<(f32, usize, usize)> = Vec::new();
    for (i, x) in a.iter().enumerate() {
        all.extend(b.iter().enumerate().map(|(j, y)| (score(x, y), i, j)).filter(|p| p.0 > least));
    }
    all.sort_by(|p, q| q.0.total_cmp(&p.0).then((p.1, p.2).cmp(&(q.1, q.2))));
    let (mut used_a, mut used_b) = (vec![false; a.len()], vec![false; b.len()]);
    all.retain(|&(_, i, j)| {
        let free = !used_a[i] && !used_b[j];
        if free {
            (used_a[i], used_b[j]) = (true, true);
        }
        free
    });
    all.into_iter().map(|(_, i, j)| (i, j)).collect()
}

/// The id of the person that a merged one belongs to now.
fn resolve(conn: &Connection, person: &str) -> Result<Option<String>> {
    Ok(conn.prepare_cached(
        "SELECT coalesce((SELECT person_id FROM person_aliases WHERE alias = ?1), id) FROM people WHERE id = ?1",
    )?
    .query_row([person], |r| r.get(0))
    .optional()?)
}

/// The people of a space with a name.
fn people_named(conn: &Connection, space: i64, name: &str) -> Result<Vec<String>> {
    let key = names::key(name);
    let mut st = conn.prepare_cached(
        "SELECT id, name FROM persons WHERE space_id = ?1 AND name IS NOT NULL ORDER BY seq",
    )?;
    let rows = st.query_map([space], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))?;
    Ok(rows
        .filter(|r| r.as_ref().map_or(true, |(_, n)| names::key(n) == key))
        .map(|r| r.map(|(id, _)| id))
        .collect::<rusqlite::Result<_>>()?)
}

/// Creates a person. The id is derived from the space and the first face's content and box; if that id is in use (the
/// face was split off), a counter makes it unique.
fn found_person(conn: &Connection, space: i64, content: &str, area: &Box4) -> Result<String> {
    let space_name: String =
        conn.prepare_cached("SELECT name FROM spaces WHERE id = ?1")?.query_row([space], |r| r.get(0))?;
    let place = area.map(|v| (v * 1000.0).round() as i64);
    for number in 0u32.. {
        let text = format!("{space_name}\n{content}\n{place:?}\n{number}");
        let id = format!("p{}", &blake3::hash(text.as_bytes()).to_hex()[..16]);
        let born = conn
            .prepare_cached("INSERT OR IGNORE INTO people (id, space_id) VALUES (?1, ?2)")?
            .execute(params![id, space])?;
        if born == 1 {
            return Ok(id);
        }
    }
    unreachable!("some number is free")
}

/// The names of the people in a photo, for searches: those of its faces, and those of regions without a matching face.
/// (A region whose face was matched, even if that face is lost now, counts only through the face, so that edits take
/// precedence.) A region name that is linked to a person gives that person's present name.
pub(crate) fn names_in(conn: &Connection, space: i64, file: i64, regions: &[Region]) -> Result<Vec<String>> {
    let mut st = conn.prepare_cached(
        "SELECT CASE WHEN a.lost = 0 THEN (SELECT p.name FROM persons p WHERE p.id = a.person_id) END, a.region_name
           FROM faces a WHERE a.file_id = ?1",
    )?;
    let faces =
        st.query_map([file], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let (borne, matched): (Vec<Option<String>>, Vec<Option<String>>) = faces.into_iter().unzip();
    let matched: Vec<String> = matched.iter().flatten().map(|name| names::key(name)).collect();
    let mut found: Vec<String> = borne.into_iter().flatten().collect();
    for name in regions.iter().filter_map(|r| names::clean(r.name.as_deref()?).ok()) {
        let key = names::key(&name);
        if matched.contains(&key) {
            continue;
        }
        match region_person(conn, space, &key)? {
            Some(person) => found.extend(name_of(conn, &person)?),
            None => found.push(name),
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The person linked to a region name in a space, if the name was matched with a face.
fn region_person(conn: &Connection, space: i64, key: &str) -> Result<Option<String>> {
    let bound: Option<String> = conn
        .prepare_cached("SELECT person_id FROM region_names WHERE space_id = ?1 AND name_key = ?2")?
        .query_row(params![space, key], |r| r.get(0))
        .optional()?;
    bound.map_or(Ok(None), |person| resolve(conn, &person))
}

/// The name of a person.
fn name_of(conn: &Connection, person: &str) -> Result<Option<String>> {
    let name = conn
        .prepare_cached("SELECT name FROM persons WHERE id = ?1")?
        .query_row([person], |r| r.get(0))
        .optional()?;
    Ok(name.flatten())
}

/// Updates the search entries of items after changes of names.
fn refresh_renamed(conn: &Connection) -> Result<()> {
    let mut st = conn.prepare_cached("DELETE FROM people_renamed RETURNING file_id")?;
    let files = st.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    super::items::refresh_all(conn, files)
}

/// Like [`refresh_renamed`], for one file that needs it.
fn refresh_file(conn: &Connection, file: i64) -> Result<()> {
    match conn.prepare_cached("DELETE FROM people_renamed WHERE file_id = ?1")?.execute([file])? {
        0 => Ok(()),
        _ => super::items::refresh(conn, file),
    }
}

/// The path of a photo, for messages.
fn path_of(conn: &Connection, file: i64) -> Result<String> {
    Ok(conn
        .prepare_cached(
            "SELECT v.path, d.path, f.name FROM files f JOIN folders d ON d.id = f.folder_id
           JOIN volumes v ON v.id = d.volume_id WHERE f.id = ?1",
        )?
        .query_row([file], |r| {
            let part = |i| r.get::<_, Vec<u8>>(i);
            Ok(albumen_files::relative::on_disk(&[&part(0)?, &part(1)?, &part(2)?]).display().to_string())
        })?)
}

/// The present space of a file.
fn space_of_file(conn: &Connection, file: i64) -> Result<i64> {
    Ok(conn
        .prepare_cached(
            "SELECT v.space_id FROM files f JOIN folders d ON d.id = f.folder_id
           JOIN volumes v ON v.id = d.volume_id WHERE f.id = ?1",
        )?
        .query_row([file], |r| r.get(0))?)
}

/// All faces of the photo and its copies in the space, except lost ones: (face, file, box).
fn faces_of_photo(conn: &Connection, file: i64) -> Result<Vec<(i64, i64, Box4)>> {
    let mut st = conn.prepare_cached(
        "SELECT a.id, a.file_id, a.x, a.y, a.w, a.h FROM files f
           JOIN folders d ON d.id = f.folder_id JOIN volumes v ON v.id = d.volume_id
           JOIN files g ON g.id = f.id OR g.content_hash = f.content_hash
           JOIN folders gd ON gd.id = g.folder_id JOIN volumes gv ON gv.id = gd.volume_id AND gv.space_id = v.space_id
           JOIN faces a ON a.file_id = g.id AND a.lost = 0
          WHERE f.id = ?1 ORDER BY a.id",
    )?;
    Ok(st
        .query_map([file], |r| Ok((r.get(0)?, r.get(1)?, [r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?])))?
        .collect::<rusqlite::Result<_>>()?)
}

/// A face and the same face in copies of its photo; the face itself is first.
fn copies_of_face(conn: &Connection, face: i64) -> Result<Vec<i64>> {
    let file: i64 =
        conn.prepare_cached("SELECT file_id FROM faces WHERE id = ?1")?.query_row([face], |r| r.get(0))?;
    let all = faces_of_photo(conn, file)?;
    let Some(own) = all.iter().find(|f| f.0 == face).map(|f| f.2) else { return Ok(vec![face]) };
    let mut copies = vec![face];
    copies.extend(all.iter().filter(|f| f.1 != file && iou(&f.2, &own) > SAME_FACE_IOU).map(|f| f.0));
    Ok(copies)
}

/// Other faces of the photo that clustering assigned to the person: they are unassigned when a source of higher
/// precedence assigns this face.
fn rivals(conn: &Connection, face: i64, person: &str) -> Result<Vec<i64>> {
    let copies = copies_of_face(conn, face)?;
    let file: i64 =
        conn.prepare_cached("SELECT file_id FROM faces WHERE id = ?1")?.query_row([face], |r| r.get(0))?;
    let mut rivals = Vec::new();
    for (other, _, _) in faces_of_photo(conn, file)? {
        let by_machine: bool = conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM faces WHERE id = ?1 AND person_id = ?2 AND how = 'machine')",
            )?
            .query_row(params![other, person], |r| r.get(0))?;
        if by_machine && !copies.contains(&other) {
            rivals.push(other);
        }
    }
    Ok(rivals)
}

/// Whether no other face of the photo or its copies is assigned to the person.
fn is_free(conn: &Connection, face: i64, person: &str) -> Result<bool> {
    let file: i64 =
        conn.prepare_cached("SELECT file_id FROM faces WHERE id = ?1")?.query_row([face], |r| r.get(0))?;
    let copies = copies_of_face(conn, face)?;
    let mut st =
        conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM faces WHERE id = ?1 AND person_id = ?2)")?;
    for (other, _, _) in faces_of_photo(conn, file)? {
        if !copies.contains(&other) && st.query_row(params![other, person], |r| r.get(0))? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
