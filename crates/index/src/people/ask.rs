//! Queries about people and faces: lists, the reason for an assignment, and suggestions for the user.

mod why;

use super::edits::find_person;
use super::questions::forbidden;
use super::{EditError, cluster, counts, path_of};
use crate::IndexReader;
use albumen_core::vocabulary::Box4;
use albumen_library::people::Thresholds;
use albumen_library::people::suggest::merges;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use why::Candidate;
pub use why::{Against, Why};

type Result<T> = std::result::Result<T, EditError>;

/// A person in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonLine {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Source of the name: edit, sidecar, file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_source: Option<String>,
    pub space: String,
    pub hidden: bool,
    /// Number of visible photos and videos with the person.
    pub items: u64,
    /// Number of its faces in these.
    pub faces: u64,
    /// The face to show: the user's choice, else the best one, among visible photos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover: Option<i64>,
    /// The photo of the cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// Ids of people that were merged into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// A face in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaceLine {
    pub id: i64,
    pub file: i64,
    pub path: String,
    #[serde(rename = "box")]
    pub area: Box4,
    pub score: f32,
    pub quality: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Source of the assignment: edit, sidecar, file, machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// Not found by the last detection; kept because of a user edit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// User edit: not a face (`no_face`), or an unknown person (`nobody`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// For an unassigned face: the nearest person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
}

/// Options of a list of faces.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaceList {
    /// Include lost faces.
    pub lost: bool,
    /// Maximum number of faces.
    pub limit: Option<usize>,
}

/// A maximum number of rows, for SQL: -1 is none.
fn sql_limit(limit: Option<usize>) -> i64 {
    limit.map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX))
}

/// Two people that may be the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    pub a: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a_name: Option<String>,
    pub b: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b_name: Option<String>,
    pub similarity: f32,
    /// Threshold for groups of these sizes; people are never merged automatically.
    pub required: f32,
}

/// The result of `people suggest`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Suggestions {
    pub merges: Vec<Suggestion>,
    /// Unnamed people, those with most photos first.
    pub unnamed: Vec<PersonLine>,
}

/// SQL of one line of a list; uses the stored counts (`c`) where present.
pub(super) fn person_line_sql() -> String {
    let counts::Columns { items, faces, best_face } = counts::Columns::new();
    format!(
        "SELECT p.id, p.name, p.name_source, s.name, p.hidden, {items}, {faces},
                coalesce((SELECT a.id FROM faces a JOIN items i ON i.file_id = a.file_id
                           WHERE a.id = p.cover_face AND a.person_id = p.id AND a.lost = 0 AND i.hidden = 0), {best_face}),
                (SELECT json_group_array(alias) FROM person_aliases x WHERE x.person_id = p.id)
           FROM persons p JOIN spaces s ON s.id = p.space_id LEFT JOIN person_counts c ON c.person_id = p.id"
    )
}

fn person_line(conn: &Connection, r: &Row) -> rusqlite::Result<PersonLine> {
    let line = person_row(r)?;
    let photo = line.cover.map(|face| path_of_face(conn, face)).transpose()?.flatten();
    Ok(PersonLine { photo, ..line })
}

/// A line without the path of the photo.
pub(super) fn person_row(r: &Row) -> rusqlite::Result<PersonLine> {
    Ok(PersonLine {
        id: r.get(0)?,
        name: r.get(1)?,
        name_source: r
            .get::<_, Option<String>>(2)?
            .filter(|_| r.get_ref(1).is_ok_and(|v| v != rusqlite::types::ValueRef::Null)),
        space: r.get(3)?,
        hidden: r.get(4)?,
        items: r.get::<_, i64>(5)? as u64,
        faces: r.get::<_, i64>(6)? as u64,
        cover: r.get(7)?,
        photo: None,
        aliases: serde_json::from_str(&r.get::<_, String>(8)?).unwrap_or_default(),
    })
}

/// The path of a face's photo.
fn path_of_face(conn: &Connection, face: i64) -> rusqlite::Result<Option<String>> {
    let file: Option<i64> = conn
        .prepare_cached("SELECT file_id FROM faces WHERE id = ?1")?
        .query_row([face], |r| r.get(0))
        .optional()?;
    Ok(file.map(|file| path_of(conn, file)).transpose()?)
}

/// Restricts `s` (spaces) to the names in ?1, a JSON list; NULL for all.
const OF_SPACES: &str = "(?1 IS NULL OR s.name IN (SELECT value FROM json_each(?1)))";

fn names(spaces: Option<&[String]>) -> Option<String> {
    spaces.map(|s| serde_json::to_string(s).expect("strings"))
}

/// After [`FACE_LINE`]: joins the item, the volume and the space of the face's photo.
pub(super) const SPACE_OF_FACE: &str = "JOIN items i ON i.file_id = a.file_id JOIN files f ON f.id = a.file_id JOIN folders d ON d.id = f.folder_id
      JOIN volumes v ON v.id = d.volume_id JOIN spaces s ON s.id = v.space_id";

// The name comes from a subquery: a join would materialise all of `persons` for each query.
pub(super) const FACE_LINE: &str = "
    SELECT a.id, a.file_id, a.x, a.y, a.w, a.h, a.score, a.quality, a.person_id,
           (SELECT p.name FROM persons p WHERE p.id = a.person_id), a.how, a.lost, a.mark
      FROM faces a";

pub(super) fn face_line(conn: &Connection, r: &Row) -> rusqlite::Result<FaceLine> {
    Ok(FaceLine {
        id: r.get(0)?,
        file: r.get(1)?,
        path: path_of(conn, r.get(1)?)?,
        area: [r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?],
        score: r.get(6)?,
        quality: r.get(7)?,
        person: r.get(8)?,
        name: r.get(9)?,
        how: r.get(10)?,
        lost: r.get(11)?,
        mark: r.get(12)?,
        candidate: None,
    })
}

/// The faces of a file, from left to right, with their people; with `lost`, also those that the last detection did not
/// find.
pub(crate) fn faces_of_file(conn: &Connection, file: i64, lost: bool) -> rusqlite::Result<Vec<FaceLine>> {
    let mut st = conn.prepare_cached(&format!(
        "{FACE_LINE} WHERE a.file_id = ?1 AND a.lost <= ?2 ORDER BY a.x, a.y, a.w, a.h, a.id"
    ))?;
    st.query_map(params![file, lost], |r| face_line(conn, r))?.collect()
}

/// A person with faces.
#[derive(Debug, Clone, Serialize)]
pub struct PersonAndFaces {
    pub person: PersonLine,
    pub faces: Vec<FaceLine>,
}

impl IndexReader {
    /// The people of some spaces, or of all: named ones first, then by number of photos.
    /// `limit` bounds the number of people.
    pub fn people(
        &self,
        spaces: Option<&[String]>,
        hidden_too: bool,
        limit: Option<usize>,
    ) -> Result<Vec<PersonLine>> {
        let mut st = self.conn.prepare_cached(&format!(
            "{} WHERE {OF_SPACES} AND (?2 OR p.hidden = 0) AND s.people_off = 0 AND (p.name IS NOT NULL OR {} > 0)
              ORDER BY p.name IS NULL, 6 DESC, p.seq LIMIT ?3",
            person_line_sql(),
            counts::Columns::new().faces
        ))?;
        let found = st.query_map(params![names(spaces), hidden_too, sql_limit(limit)], |r| {
            person_line(&self.conn, r)
        })?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// The space of a person given by its id or the id of a person merged into it. Names are not accepted.
    pub fn space_of_person(&self, id: &str) -> Result<Option<String>> {
        Ok(self
            .conn
            .prepare_cached("SELECT s.name FROM people p JOIN spaces s ON s.id = p.space_id WHERE p.id = ?1")?
            .query_row([id], |r| r.get(0))
            .optional()?)
    }

    /// The space of a face's photo.
    pub fn space_of_face(&self, face: i64) -> Result<Option<String>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT s.name FROM faces a JOIN files f ON f.id = a.file_id JOIN folders d ON d.id = f.folder_id
                   JOIN volumes v ON v.id = d.volume_id JOIN spaces s ON s.id = v.space_id WHERE a.id = ?1",
            )?
            .query_row([face], |r| r.get(0))
            .optional()?)
    }

    /// One person by id, alias or name, and its faces.
    pub fn person(&self, named: &str) -> Result<PersonAndFaces> {
        self.person_in(named, None, FaceList::default())
    }

    /// Like [`IndexReader::person`]; a name is resolved within the space.
    pub fn person_in(&self, named: &str, space: Option<&str>, list: FaceList) -> Result<PersonAndFaces> {
        let id = find_person(&self.conn, named, space)?;
        // A photo that moved to another space must not be visible here, even before the next clustering.
        let mut st = self.conn.prepare_cached(&format!(
            "{FACE_LINE} {SPACE_OF_FACE} WHERE a.person_id = ?1 AND v.space_id = (SELECT space_id FROM people WHERE id = ?1)
                AND i.hidden = 0 AND a.lost <= ?2 ORDER BY a.quality DESC, a.id LIMIT ?3"
        ))?;
        let faces = st
            .query_map(params![id, list.lost, sql_limit(list.limit)], |r| face_line(&self.conn, r))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(PersonAndFaces { person: self.person_line(&id)?, faces })
    }

    pub(super) fn person_line(&self, id: &str) -> Result<PersonLine> {
        self.conn
            .prepare_cached(&format!("{} WHERE p.id = ?1", person_line_sql()))?
            .query_row([id], |r| person_line(&self.conn, r))
            .optional()?
            .ok_or_else(|| EditError::NotFound(format!("there is no person {id}")))
    }

    /// The faces of a file, from left to right.
    pub fn faces_of(&self, file: i64, list: FaceList) -> Result<Vec<FaceLine>> {
        let mut faces = faces_of_file(&self.conn, file, list.lost)?;
        faces.truncate(list.limit.unwrap_or(usize::MAX));
        Ok(faces)
    }

    /// Unassigned faces of some spaces, or of all, best first, each with its nearest person.
    pub fn waiting_faces(&self, spaces: Option<&[String]>, limit: Option<usize>) -> Result<Vec<FaceLine>> {
        let mut st = self.conn.prepare_cached(&format!(
            "{FACE_LINE} {SPACE_OF_FACE} WHERE a.person_id IS NULL AND a.mark IS NULL AND a.lost = 0 AND i.hidden = 0
                AND {OF_SPACES} ORDER BY a.quality DESC, a.id LIMIT ?2"
        ))?;
        let most = sql_limit(limit);
        let mut faces = st
            .query_map(params![names(spaces), most], |r| face_line(&self.conn, r))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        self.add_candidates(&mut faces)?;
        Ok(faces)
    }

    /// One face.
    pub fn face(&self, face: i64) -> Result<FaceLine> {
        self.conn
            .query_row(&format!("{FACE_LINE} WHERE a.id = ?1"), [face], |r| face_line(&self.conn, r))
            .optional()?
            .ok_or_else(|| EditError::NotFound(format!("there is no face {face}")))
    }

    /// Ranked suggestions: merges, and unnamed people. Merges that a constraint forbids are left out.
    pub fn suggest_people(&self, spaces: Option<&[String]>, most: usize) -> Result<Suggestions> {
        let mut unnamed = self.people(spaces, false, None)?;
        unnamed.retain(|p| p.name.is_none() && p.faces > 0);
        unnamed.truncate(most);
        let mut found: Vec<(f32, Suggestion)> = Vec::new();
        let mut st = self
            .conn
            .prepare_cached(&format!("SELECT s.id FROM spaces s WHERE {OF_SPACES} ORDER BY s.id"))?;
        let spaces =
            st.query_map([names(spaces)], |r| r.get::<_, i64>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        for space in spaces {
            let (ids, known) = cluster::portraits(&self.conn, space)?;
            let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
            let proposals = merges(&known, &Thresholds::SFACE, threads, |_, _| true);
            for p in proposals {
                let (a, b) = (&ids[p.a as usize], &ids[p.b as usize]);
                if forbidden(&self.conn, a, b)? {
                    continue;
                }
                let name = |id: &str| -> Result<Option<String>> {
                    Ok(self
                        .conn
                        .query_row("SELECT name FROM persons WHERE id = ?1", [id], |r| r.get(0))
                        .optional()?
                        .flatten())
                };
                let (a_name, b_name) = (name(a)?, name(b)?);
                found.push((
                    p.similarity - p.required,
                    Suggestion {
                        a: a.clone(),
                        a_name,
                        b: b.clone(),
                        b_name,
                        similarity: p.similarity,
                        required: p.required,
                    },
                ));
            }
        }
        found.sort_by(|x, y| y.0.total_cmp(&x.0).then((&x.1.a, &x.1.b).cmp(&(&y.1.a, &y.1.b))));
        Ok(Suggestions { merges: found.into_iter().take(most).map(|f| f.1).collect(), unnamed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Index;

    #[test]
    fn the_faces_of_a_photo_are_found_without_reading_all_people() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open_indexing(dir.path(), || ()).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN {FACE_LINE} WHERE a.file_id = 1");
        let mut st = index.conn.prepare(&sql).unwrap();
        let plan: Vec<String> =
            st.query_map([], |r| r.get(3)).unwrap().collect::<rusqlite::Result<_>>().unwrap();
        let reads_all = |step: &String| step.starts_with("SCAN") || step.starts_with("MATERIALIZE");
        assert!(!plan.iter().any(reads_all), "{plan:?}");
    }
}
