//! Questions for the user, best first: "Is this Anna?" for an unassigned face, "Are these two the same?" for two
//! people.
//!
//! The id of a question encodes its content (`is:FACE:PERSON`, `same:PERSON:PERSON`), so that nothing is stored until
//! it is answered. An answer is an edit like any other: it can be undone, and after a "no" the question does not
//! return. There are no questions about hidden people.

use super::edits::EditDone;
use super::gallery::Gallery;
use super::{EditError, Mark, cluster, path_of};
use crate::{Editor, IndexReader};
use albumen_core::vocabulary::Box4;
use albumen_library::people::Thresholds;
use albumen_library::people::gallery::{Probe, Proposal};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, EditError>;

/// A question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Question {
    /// Its id, for the answer.
    pub question: String,
    /// `is`: is this face that person? `same`: are these two people the same?
    pub kind: &'static str,
    pub text: String,
    /// The unassigned face, or the unnamed person.
    pub a: Side,
    /// The suggested person.
    pub b: Side,
    pub similarity: f32,
    /// The threshold for an automatic assignment.
    pub required: f32,
    pub answers: Vec<AnswerTo>,
}

/// One side of a question, with a photo to show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The face to show, and its photo.
    pub face: i64,
    pub file: i64,
    pub path: String,
    #[serde(rename = "box")]
    pub area: Box4,
    /// Number of photos and videos with the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
}

/// The possible answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Yes,
    No,
    /// The face of side `a` is not a face.
    NotAFace,
    /// The face of side `a` is an unknown person; of two people, the unnamed ones are hidden.
    Ignore,
}

impl Answer {
    pub const ALL: [Answer; 4] = [Answer::Yes, Answer::No, Answer::NotAFace, Answer::Ignore];

    /// Name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::NotAFace => "not_a_face",
            Answer::Ignore => "ignore",
        }
    }
}

/// An answer and its command.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnswerTo {
    pub answer: Answer,
    pub command: String,
}

/// The parsed id of a question.
enum Asked {
    Is { face: i64, person: String },
    Same { a: String, b: String },
}

impl Asked {
    fn parse(question: &str) -> Option<Asked> {
        let mut parts = question.split(':');
        let asked = match (parts.next()?, parts.next()?, parts.next()?) {
            ("is", face, person) => Asked::Is { face: face.parse().ok()?, person: person.to_owned() },
            ("same", a, b) => Asked::Same { a: a.to_owned(), b: b.to_owned() },
            _ => return None,
        };
        parts.next().is_none().then_some(asked)
    }
}

/// A question before its sides are read.
struct Draft {
    proposal: Proposal,
    asked: Asked,
}

impl IndexReader {
    /// The questions of some spaces, or of all, best first.
    pub fn questions(&self, spaces: Option<&[String]>, limit: usize) -> Result<Vec<Question>> {
        let mut drafts = Vec::new();
        let embedder: Option<String> = self
            .conn
            .query_row("SELECT value FROM meta WHERE key = 'embedder'", [], |r| r.get(0))
            .optional()?;
        let Some(embedder) = embedder else { return Ok(Vec::new()) };
        let mut st = self.conn.prepare_cached(
            "SELECT id FROM spaces WHERE people_off = 0
                AND (?1 IS NULL OR name IN (SELECT value FROM json_each(?1))) ORDER BY id",
        )?;
        let named = spaces.map(|s| serde_json::to_string(s).expect("strings"));
        let ids = st.query_map([named], |r| r.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        for space in ids {
            drafts.extend(drafts_of(&self.conn, space, &embedder)?);
        }
        drafts.sort_by(|x, y| y.proposal.rank.total_cmp(&x.proposal.rank));
        let mut questions = Vec::new();
        for draft in drafts {
            if questions.len() >= limit {
                break;
            }
            questions.extend(self.question(draft)?);
        }
        Ok(questions)
    }

    /// Reads the two sides; `None` if one has no photo to show.
    fn question(&self, draft: Draft) -> Result<Option<Question>> {
        let (question, kind, a, b) = match &draft.asked {
            Asked::Is { face, person } => {
                (format!("is:{face}:{person}"), "is", self.face_side(*face)?, self.person_side(person)?)
            }
            Asked::Same { a, b } => {
                (format!("same:{a}:{b}"), "same", self.person_side(a)?, self.person_side(b)?)
            }
        };
        let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
        let text = match (kind, &b.name) {
            ("is", Some(name)) => format!("Is this {name}?"),
            ("is", None) => format!("Is this the same person as in {}?", b.path),
            (_, Some(name)) => format!("Is the person in {} {name}?", a.path),
            (_, None) => format!("Are the people in {} and {} the same?", a.path, b.path),
        };
        let answers = Answer::ALL.map(|answer| AnswerTo {
            answer,
            command: format!("albumen people answer {question} {}", answer.name().replace('_', "-")),
        });
        let Proposal { similarity, required, .. } = draft.proposal;
        Ok(Some(Question { question, kind, text, a, b, similarity, required, answers: answers.into() }))
    }

    fn face_side(&self, face: i64) -> Result<Option<Side>> {
        let side = self
            .conn
            .prepare_cached("SELECT id, file_id, x, y, w, h FROM faces WHERE id = ?1")?
            .query_row([face], |r| {
                Ok(Side {
                    person: None,
                    name: None,
                    face: r.get(0)?,
                    file: r.get(1)?,
                    path: path_of(&self.conn, r.get(1)?)?,
                    area: [r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?],
                    items: None,
                })
            })
            .optional()?;
        Ok(side)
    }

    fn person_side(&self, person: &str) -> Result<Option<Side>> {
        let line = self.person_line(person)?;
        let Some(cover) = line.cover else { return Ok(None) };
        let side = self.face_side(cover)?;
        Ok(side.map(|side| Side { person: Some(line.id), name: line.name, items: Some(line.items), ..side }))
    }
}

impl Editor {
    /// Answers a question.
    pub fn answer(&mut self, question: &str, answer: Answer) -> Result<EditDone> {
        let Some(asked) = Asked::parse(question) else {
            return Err(EditError::Invalid(format!(
                "{question} is no question: give one that `albumen people ask` lists"
            )));
        };
        match (asked, answer) {
            (Asked::Is { face, person }, Answer::Yes) => self.assign_face(face, &person),
            (Asked::Is { face, person }, Answer::No) => self.reject_face(face, Some(&person)),
            (Asked::Is { face, .. }, Answer::NotAFace) => self.mark_face(face, Some(Mark::NoFace)),
            (Asked::Is { face, .. }, Answer::Ignore) => self.mark_face(face, Some(Mark::Unknown)),
            (Asked::Same { a, b }, Answer::Yes) => self.merge_people(&[b, a]),
            (Asked::Same { a, b }, Answer::No) => self.tell_apart(&a, &b, None),
            (Asked::Same { a, .. }, Answer::NotAFace) => {
                let side = self.person_side(&a)?;
                let side = side.ok_or_else(|| EditError::NotFound(format!("{a} has no face")))?;
                self.mark_face(side.face, Some(Mark::NoFace))
            }
            (Asked::Same { a, b }, Answer::Ignore) => self.hide_unnamed(&[a, b]),
        }
    }
}

fn drafts_of(conn: &Connection, space: i64, embedder: &str) -> Result<Vec<Draft>> {
    let waiting = cluster::waiting(conn, space, embedder)?;
    let dim = conn
        .query_row(
            "SELECT length(sum) / 4 FROM person_vectors WHERE embedder = ?1 LIMIT 1",
            [embedder],
            |r| r.get::<_, i64>(0),
        )
        .optional()?
        .unwrap_or(0) as usize;
    if dim == 0 {
        return Ok(Vec::new());
    }
    let t = Thresholds::SFACE;
    let gallery = Gallery::of(conn, space, embedder, dim)?;
    let mut drafts = Vec::new();
    let probes: Vec<Probe<'_>> =
        waiting.iter().map(|w| Probe { embedding: &w.embedding, quality: w.quality, own: None }).collect();
    let mut failed = None;
    for (w, near) in waiting.iter().zip(gallery.nearest(&probes)) {
        let may = |person: usize| {
            let person = &gallery.people[person];
            let may = || -> Result<bool> {
                Ok(!person.hidden
                    && !is_denied(conn, &w.ids, &person.id)?
                    && !in_photo(conn, w.ids[0], &person.id)?)
            };
            may().unwrap_or_else(|e| {
                failed = Some(e);
                false
            })
        };
        if let Some((person, proposal)) = gallery.vectors.ask_who(&near, &t, may) {
            let person = gallery.people[person].id.clone();
            drafts.push(Draft { proposal, asked: Asked::Is { face: w.ids[0], person } });
        }
    }
    if let Some(e) = failed {
        return Err(e);
    }
    for (a, b, proposal) in gallery.vectors.ask_same(&t) {
        let (pa, pb) = (&gallery.people[a], &gallery.people[b]);
        if pa.hidden || pb.hidden || forbidden(conn, &pa.id, &pb.id)? {
            continue;
        }
        // Side `a` is the unnamed person, or the one with fewer faces if both are unnamed.
        let (pa, pb) = match (pa.name.is_some(), pb.name.is_some()) {
            (true, false) => (pb, pa),
            (false, true) => (pa, pb),
            _ if gallery.vectors.count(a) <= gallery.vectors.count(b) => (pa, pb),
            _ => (pb, pa),
        };
        drafts.push(Draft { proposal, asked: Asked::Same { a: pa.id.clone(), b: pb.id.clone() } });
    }
    Ok(drafts)
}

/// Whether a user has rejected the person for one of these copies.
fn is_denied(conn: &Connection, copies: &[i64], person: &str) -> Result<bool> {
    let mut st = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM face_edits WHERE face_id = ?1 AND person_id = ?2 AND verdict = 'not')",
    )?;
    for copy in copies {
        if st.query_row(params![copy, person], |r| r.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the photo of a face has the person already.
fn in_photo(conn: &Connection, face: i64, person: &str) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM faces a JOIN files f ON f.id = a.file_id
               JOIN files g ON g.id = f.id OR g.content_hash = f.content_hash
               JOIN faces b ON b.file_id = g.id AND b.lost = 0 AND b.person_id = ?2 WHERE a.id = ?1)",
        )?
        .query_row(params![face, person], |r| r.get(0))?)
}

/// Whether a merge of two people is ruled out: both in one photo, separated by an edit, both named, one hidden, or one
/// rejected.
pub(super) fn forbidden(conn: &Connection, a: &str, b: &str) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM people_apart WHERE a = min(?1, ?2) AND b = max(?1, ?2))
             OR EXISTS (SELECT 1 FROM persons x JOIN persons y ON y.id = ?2
                         WHERE x.id = ?1 AND (x.hidden OR y.hidden OR x.name IS NOT NULL AND y.name IS NOT NULL))
             OR EXISTS (SELECT 1 FROM faces x JOIN face_edits e ON e.face_id = x.id AND e.verdict = 'not'
                         WHERE x.person_id = ?1 AND e.person_id = ?2 OR x.person_id = ?2 AND e.person_id = ?1)
             OR EXISTS (SELECT 1 FROM faces x JOIN files f ON f.id = x.file_id
                          JOIN files g ON g.id = f.id OR g.content_hash = f.content_hash
                          JOIN faces y ON y.file_id = g.id AND y.person_id = ?2 AND y.lost = 0
                         WHERE x.person_id = ?1 AND x.lost = 0)",
        )?
        .query_row([a, b], |r| r.get(0))?)
}
