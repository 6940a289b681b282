//! Questions about people and faces: lists, why a face is where it is, what is worth asking a user about.

use super::edits::{find_person, label};
use super::{EditError, cluster, path_of, space_of_file};
use crate::Index;
use albumen_core::vocabulary::Box4;
use albumen_library::people::Thresholds;
use albumen_library::people::suggest::merges;
use albumen_library::people::vectors::{Vectors, dot_f32};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

type Result<T> = std::result::Result<T, EditError>;

/// Exemplars shown as the reasons for a face.
const REASONS: usize = 3;

/// A person in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonLine {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// On whose word it bears the name: edit, sidecar, file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_source: Option<String>,
    pub space: String,
    pub hidden: bool,
    /// Photos and videos that are shown and it is in.
    pub items: u64,
    /// Its faces in these.
    pub faces: u64,
    /// The face to show for it: a user's choice, else the best, of what is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover: Option<i64>,
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
    /// On whose word: edit, sidecar, file, machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// Not found by the last look at the picture; kept for what a user said.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// Why a face is taken for whom it is, or for nobody.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    #[serde(flatten)]
    pub face: FaceLine,
    /// The similarity (cosine) that decided when it joined, and what was required then; for a machine's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<f64>,
    /// The people nearest to it now, with the exemplars that speak for them.
    pub candidates: Vec<Candidate>,
    /// What was said of it, and what else binds it.
    pub constraints: Vec<String>,
}

/// A person that a face may be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    pub person: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Mean cosine with all faces of the person, and what joining requires of that mean.
    pub similarity: f32,
    pub distance: f32,
    pub required: f32,
    pub exemplars: Vec<Reason>,
}

/// An exemplar of a person beside the face in question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    pub face: i64,
    pub path: String,
    pub similarity: f32,
}

/// Two people worth asking about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    pub a: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a_name: Option<String>,
    pub b: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b_name: Option<String>,
    pub similarity: f32,
    /// What would be required of two groups of this size; the machine never joins people itself.
    pub required: f32,
}

/// What `people suggest` answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Suggestions {
    pub merges: Vec<Suggestion>,
    /// People without a name, those with most photos first.
    pub unnamed: Vec<PersonLine>,
}

/// Who is shown: by the rows of `items`, which are a fifth as long as those of `files`. A list of people reads one for each face.
const PERSON_LINE: &str = "
    SELECT p.id, p.name, p.name_source, s.name, p.hidden,
           (SELECT count(DISTINCT a.file_id) FROM faces a JOIN items i ON i.file_id = a.file_id
              WHERE a.person_id = p.id AND a.lost = 0 AND i.hidden = 0),
           (SELECT count(*) FROM faces a JOIN items i ON i.file_id = a.file_id
              WHERE a.person_id = p.id AND a.lost = 0 AND i.hidden = 0),
           (SELECT a.id FROM faces a JOIN items i ON i.file_id = a.file_id
              WHERE a.person_id = p.id AND i.hidden = 0
              ORDER BY a.id IS NOT p.cover_face, a.lost, a.quality DESC, a.id LIMIT 1),
           (SELECT json_group_array(alias) FROM person_aliases x WHERE x.person_id = p.id)
      FROM persons p JOIN spaces s ON s.id = p.space_id";

fn person_line(r: &Row) -> rusqlite::Result<PersonLine> {
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
        aliases: serde_json::from_str(&r.get::<_, String>(8)?).unwrap_or_default(),
    })
}

/// Limits `s` (spaces) to those named in ?1, a JSON list; NULL for all.
const OF_SPACES: &str = "(?1 IS NULL OR s.name IN (SELECT value FROM json_each(?1)))";

fn names(spaces: Option<&[String]>) -> Option<String> {
    spaces.map(|s| serde_json::to_string(s).expect("strings"))
}

/// After [`FACE_LINE`]: the volume and the space of the face's photo.
const SPACE_OF_FACE: &str = "JOIN files f ON f.id = a.file_id JOIN folders d ON d.id = f.folder_id
      JOIN volumes v ON v.id = d.volume_id JOIN spaces s ON s.id = v.space_id";

// The name by a subquery: a join would build the whole of `persons` for each question.
const FACE_LINE: &str = "
    SELECT a.id, a.file_id, a.x, a.y, a.w, a.h, a.score, a.quality, a.person_id,
           (SELECT p.name FROM persons p WHERE p.id = a.person_id), a.how, a.lost
      FROM faces a";

fn face_line(conn: &Connection, r: &Row) -> rusqlite::Result<FaceLine> {
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
    })
}

/// The faces of a file, from left to right, with their people.
pub fn faces_of_file(conn: &Connection, file: i64) -> rusqlite::Result<Vec<FaceLine>> {
    let mut st =
        conn.prepare_cached(&format!("{FACE_LINE} WHERE a.file_id = ?1 ORDER BY a.x, a.y, a.w, a.h, a.id"))?;
    st.query_map([file], |r| face_line(conn, r))?.collect()
}

impl Index {
    /// The people of some spaces, or of all: named ones first, then those in most photos.
    pub fn people(&self, spaces: Option<&[String]>, hidden_too: bool) -> Result<Vec<PersonLine>> {
        let mut st = self.conn.prepare_cached(&format!(
            "{PERSON_LINE} WHERE {OF_SPACES} AND (?2 OR p.hidden = 0)
                AND (p.name IS NOT NULL OR EXISTS (SELECT 1 FROM faces a JOIN items i ON i.file_id = a.file_id
                       WHERE a.person_id = p.id AND i.hidden = 0))
              ORDER BY p.name IS NULL, 6 DESC, p.seq"
        ))?;
        let found = st.query_map(params![names(spaces), hidden_too], person_line)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// The space of the person that an id, or the id of one merged into it, stands for. Names are not looked at.
    pub fn space_of_person(&self, id: &str) -> Result<Option<String>> {
        Ok(self
            .conn
            .prepare_cached("SELECT s.name FROM people p JOIN spaces s ON s.id = p.space_id WHERE p.id = ?1")?
            .query_row([id], |r| r.get(0))
            .optional()?)
    }

    /// The space of the photo that a face is in.
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
    pub fn person(&self, named: &str) -> Result<(PersonLine, Vec<FaceLine>)> {
        let id = find_person(&self.conn, named)?;
        let line = self.conn.query_row(&format!("{PERSON_LINE} WHERE p.id = ?1"), [&id], person_line)?;
        // A photo that has moved to another space is not this one's to see, also before the next clustering.
        let mut st = self.conn.prepare_cached(&format!(
            "{FACE_LINE} {SPACE_OF_FACE} WHERE a.person_id = ?1 AND v.space_id = (SELECT space_id FROM people WHERE id = ?1)
                AND f.vanished IS NULL ORDER BY a.quality DESC, a.id"
        ))?;
        let faces = st.query_map([&id], |r| face_line(&self.conn, r))?.collect::<rusqlite::Result<_>>()?;
        Ok((line, faces))
    }

    /// The faces of a file, from left to right.
    pub fn faces_of(&self, file: i64) -> Result<Vec<FaceLine>> {
        Ok(faces_of_file(&self.conn, file)?)
    }

    /// The faces of some spaces, or of all, that have no person.
    pub fn waiting_faces(&self, spaces: Option<&[String]>) -> Result<Vec<FaceLine>> {
        let mut st = self.conn.prepare_cached(&format!(
            "{FACE_LINE} {SPACE_OF_FACE} WHERE a.person_id IS NULL AND f.vanished IS NULL AND {OF_SPACES} ORDER BY a.quality DESC, a.id"
        ))?;
        let found = st.query_map([names(spaces)], |r| face_line(&self.conn, r))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// One face.
    pub fn face(&self, face: i64) -> Result<FaceLine> {
        self.conn
            .query_row(&format!("{FACE_LINE} WHERE a.id = ?1"), [face], |r| face_line(&self.conn, r))
            .optional()?
            .ok_or_else(|| EditError::NotFound(format!("there is no face {face}")))
    }

    /// Why a face is where it is: exemplars, distance, threshold, constraints.
    pub fn why_face(&self, face: i64) -> Result<Why> {
        let line = self.face(face)?;
        let conn = &self.conn;
        let (similarity, required, embedding, embedder, region, region_source): (_, _, Vec<u8>, String, Option<String>, Option<String>) =
            conn.query_row(
                "SELECT similarity, required, embedding, embedder, region_name, region_source FROM faces WHERE id = ?1",
                [face],
                |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?)),
            )?;
        let mut constraints = Vec::new();
        let mut st = conn.prepare_cached(
            "SELECT person_id, verdict FROM face_edits WHERE face_id = ?1 ORDER BY person_id",
        )?;
        for row in st.query_map([face], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))? {
            let (person, verdict) = row?;
            let word = if verdict == "is" { "is" } else { "is not" };
            constraints.push(format!("it was said that this {word} {}", label(conn, &person)?));
        }
        if let (Some(name), Some(source)) = (region, region_source) {
            constraints.push(format!("a region in the {source} calls it {name}"));
        }
        let mut st = conn.prepare_cached(
            "SELECT DISTINCT person_id FROM faces WHERE file_id = ?1 AND id <> ?2 AND person_id IS NOT NULL ORDER BY 1",
        )?;
        for person in st.query_map(params![line.file, face], |r| r.get::<_, String>(0))? {
            constraints.push(format!("{} is in the same photo with another face", label(conn, &person?)?));
        }
        let candidates = self.candidates(&line, &embedding, &embedder)?;
        Ok(Why { face: line, similarity, required, candidates, constraints })
    }

    fn candidates(&self, line: &FaceLine, embedding: &[u8], embedder: &str) -> Result<Vec<Candidate>> {
        let conn = &self.conn;
        let dim = embedding.len();
        if dim == 0 {
            return Ok(Vec::new());
        }
        let space = space_of_file(conn, line.file)?;
        let mut probe = Vectors::new(dim);
        probe.push(&embedding.iter().map(|b| *b as i8).collect::<Vec<_>>());
        let unit = probe.unit(0);
        let t = Thresholds::SFACE;
        let mut near: Vec<(Candidate, String)> = Vec::new();
        let mut st = conn.prepare_cached(
            "SELECT p.id, p.name, v.count, v.sum, v.exemplars, v.ids FROM persons p
               JOIN person_vectors v ON v.person_id = p.id WHERE p.space_id = ?1 AND v.embedder = ?2 AND v.count > 0",
        )?;
        let mut rows = st.query(params![space, embedder])?;
        while let Some(r) = rows.next()? {
            let sum: Vec<f32> = cluster::floats(&r.get::<_, Vec<u8>>(3)?);
            if sum.len() != dim {
                continue;
            }
            let person: String = r.get(0)?;
            // The face itself is no evidence for itself.
            let own = line.person.as_deref() == Some(&person) && !line.lost;
            let (count, mut sum) = (r.get::<_, i64>(2)? as u32, sum);
            if own {
                sum.iter_mut().zip(&unit).for_each(|(s, x)| *s -= x);
            }
            let others = count - u32::from(own && count > 0);
            if others == 0 {
                continue;
            }
            let similarity = dot_f32(&sum, &unit) / others as f32;
            let cohesion = t.cohesion_of(others, dot_f32(&sum, &sum));
            let required = t.required(1, others, t.cohesion_of(1, 1.0), cohesion) + t.surcharge(line.quality);
            let mut exemplars = Vectors::new(dim);
            let bytes: Vec<u8> = r.get(4)?;
            for row in bytes.chunks_exact(dim) {
                exemplars.push(&row.iter().map(|b| *b as i8).collect::<Vec<_>>());
            }
            let ids: Vec<i64> = serde_json::from_str(&r.get::<_, String>(5)?).unwrap_or_default();
            let mut reasons: Vec<Reason> = ids
                .iter()
                .zip(0..exemplars.len() as u32)
                .filter(|(id, _)| **id != line.id)
                .map(|(id, i)| Reason {
                    face: *id,
                    path: String::new(),
                    similarity: exemplars.project(i, &unit),
                })
                .collect();
            reasons.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.face.cmp(&b.face)));
            reasons.truncate(REASONS);
            let candidate = Candidate {
                name: r.get(1)?,
                similarity,
                distance: 1.0 - similarity,
                required,
                exemplars: reasons,
                person: person.clone(),
            };
            near.push((candidate, person));
        }
        near.sort_by(|a, b| {
            let first = |c: &Candidate| line.person.as_deref() != Some(&c.person);
            first(&a.0).cmp(&first(&b.0)).then(b.0.similarity.total_cmp(&a.0.similarity)).then(a.1.cmp(&b.1))
        });
        near.truncate(REASONS);
        let mut candidates: Vec<Candidate> = near.into_iter().map(|(c, _)| c).collect();
        for reason in candidates.iter_mut().flat_map(|c| &mut c.exemplars) {
            let file: Option<i64> = conn
                .query_row("SELECT file_id FROM faces WHERE id = ?1", [reason.face], |r| r.get(0))
                .optional()?;
            reason.path = file.map(|f| path_of(conn, f)).transpose()?.unwrap_or_default();
        }
        Ok(candidates)
    }

    /// Ranked merges and unnamed people worth asking about; never what a constraint forbids.
    pub fn suggest_people(&self, spaces: Option<&[String]>, most: usize) -> Result<Suggestions> {
        let mut unnamed = self.people(spaces, false)?;
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
                if self.forbidden(a, b)? {
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

    /// Whether something speaks against two people being one: both in a photo, told apart, named or denied.
    fn forbidden(&self, a: &str, b: &str) -> Result<bool> {
        Ok(self.conn.query_row(
            "SELECT EXISTS (SELECT 1 FROM people_apart WHERE a = min(?1, ?2) AND b = max(?1, ?2))
                 OR EXISTS (SELECT 1 FROM persons x JOIN persons y ON y.id = ?2
                             WHERE x.id = ?1 AND (x.hidden OR y.hidden OR x.name IS NOT NULL AND y.name IS NOT NULL))
                 OR EXISTS (SELECT 1 FROM faces x JOIN face_edits e ON e.face_id = x.id AND e.verdict = 'not'
                             WHERE x.person_id = ?1 AND e.person_id = ?2 OR x.person_id = ?2 AND e.person_id = ?1)
                 OR EXISTS (SELECT 1 FROM faces x JOIN files f ON f.id = x.file_id
                              JOIN files g ON g.id = f.id OR g.content_hash = f.content_hash
                              JOIN faces y ON y.file_id = g.id AND y.person_id = ?2 WHERE x.person_id = ?1)",
            [a, b],
            |r| r.get(0),
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
