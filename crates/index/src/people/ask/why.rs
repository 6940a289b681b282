//! Why a face is with a person or with none, and the people that it resembles.

use super::{FaceLine, Result, path_of_face};
use crate::IndexReader;
use crate::people::edits::label;
use crate::people::gallery::Gallery;
use crate::people::space_of_file;
use albumen_library::people::gallery::{Nearness, Probe};
use albumen_library::people::{Thresholds, Vectors};
use rusqlite::params;
use serde::Serialize;
use std::collections::BTreeMap;

/// Exemplars shown as reasons for an assignment.
const REASONS: usize = 3;

/// Why a face is assigned to a person, or to none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    #[serde(flatten)]
    pub face: FaceLine,
    /// For an assignment by clustering: the cosine similarity that decided, and the threshold at that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<f64>,
    /// The nearest people at present, with the exemplars that support them.
    pub candidates: Vec<Candidate>,
    /// User edits of the face and other constraints.
    pub constraints: Vec<String>,
    #[serde(flatten)]
    pub against: Against,
    /// The conclusion, for users.
    pub verdict: String,
    /// Commands to confirm and to reject the assignment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no: Option<String>,
}

/// A possible person of a face.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    pub person: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Mean cosine with all faces of the person, or with the nearest exemplars if that is better relative to its
    /// threshold; and that threshold.
    pub similarity: f32,
    pub distance: f32,
    pub required: f32,
    pub exemplars: Vec<Reason>,
}

/// An exemplar of a person, compared with the face.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    pub face: i64,
    pub path: String,
    pub similarity: f32,
}

impl IndexReader {
    /// Adds the nearest visible person to each unassigned face.
    pub(super) fn add_candidates(&self, faces: &mut [FaceLine]) -> Result<()> {
        /// Positions in `faces`, with the embeddings.
        type Waiting = Vec<(usize, Vec<i8>)>;
        let mut of: BTreeMap<(i64, String), Waiting> = BTreeMap::new();
        for (at, face) in faces.iter().enumerate() {
            let (embedding, embedder): (Vec<u8>, String) = self
                .conn
                .prepare_cached("SELECT embedding, embedder FROM faces WHERE id = ?1")?
                .query_row([face.id], |r| Ok((r.get(0)?, r.get(1)?)))?;
            let space = space_of_file(&self.conn, face.file)?;
            let embedding = embedding.into_iter().map(|b| b as i8).collect();
            of.entry((space, embedder)).or_default().push((at, embedding));
        }
        for ((space, embedder), some) in of {
            let Some(dim) = some.first().map(|(_, e)| e.len()).filter(|n| *n > 0) else { continue };
            let gallery = Gallery::of(&self.conn, space, &embedder, dim)?;
            let probes: Vec<Probe<'_>> = some
                .iter()
                .map(|(at, e)| Probe { embedding: e, quality: faces[*at].quality, own: None })
                .collect();
            for ((at, e), near) in some.iter().zip(gallery.nearest(&probes)) {
                let mut unit = Vectors::new(dim);
                unit.push(e);
                if let Some(first) = near.iter().find(|n| !gallery.people[n.person].hidden) {
                    let probe = Probe { embedding: e, quality: faces[*at].quality, own: None };
                    faces[*at].candidate = Some(self.candidate(&gallery, first, &unit.unit(0), &probe)?);
                }
            }
        }
        Ok(())
    }

    /// Why a face is assigned as it is: exemplars, distance, threshold, constraints.
    pub fn why_face(&self, face: i64) -> Result<Why> {
        let line = self.face(face)?;
        let conn = &self.conn;
        let (similarity, required, embedding, embedder, region, region_source): (_, _, Vec<u8>, String, Option<String>, Option<String>) =
            conn.query_row(
                "SELECT similarity, required, embedding, embedder, region_name, region_source FROM faces WHERE id = ?1",
                [face],
                |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?)),
            )?;
        let (mut constraints, mut against) = (Vec::new(), Against::default());
        let mut st = conn.prepare_cached(
            "SELECT person_id, verdict FROM face_edits WHERE face_id = ?1 ORDER BY person_id",
        )?;
        for row in st.query_map([face], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))? {
            let (person, verdict) = row?;
            let word = if verdict == "is" { "is" } else { "is not" };
            constraints.push(format!("it was said that this {word} {}", label(conn, &person)?));
            if verdict == "not" {
                against.rejected.push(person);
            }
        }
        if let (Some(name), Some(source)) = (region, region_source) {
            constraints.push(format!("a region in the {source} calls it {name}"));
        }
        let mut st = conn.prepare_cached(
            "SELECT DISTINCT person_id FROM faces WHERE file_id = ?1 AND id <> ?2 AND person_id IS NOT NULL AND lost = 0 ORDER BY 1",
        )?;
        for person in st.query_map(params![line.file, face], |r| r.get::<_, String>(0))? {
            let person = person?;
            constraints.push(format!("{} is in the same photo with another face", label(conn, &person)?));
            against.in_photo.push(person);
        }
        let candidates = self.candidates(&line, &embedding, &embedder)?;
        let (verdict, yes, no) = verdict(&line, &candidates, (similarity, required), &against);
        Ok(Why { face: line, similarity, required, candidates, constraints, against, verdict, yes, no })
    }

    /// The people nearest to a face, the assigned one first.
    fn candidates(&self, line: &FaceLine, embedding: &[u8], embedder: &str) -> Result<Vec<Candidate>> {
        let dim = embedding.len();
        if dim == 0 {
            return Ok(Vec::new());
        }
        let space = space_of_file(&self.conn, line.file)?;
        let gallery = Gallery::of(&self.conn, space, embedder, dim)?;
        let embedding: Vec<i8> = embedding.iter().map(|b| *b as i8).collect();
        let mut unit = Vectors::new(dim);
        unit.push(&embedding);
        let unit = unit.unit(0);
        let own = line.person.as_deref().filter(|_| !line.lost);
        let probe = gallery.probe(line.id, &embedding, line.quality, own);
        let mut near: Vec<Nearness> = gallery.nearest(&[probe]).into_iter().flatten().collect();
        let is_own = |n: &Nearness| line.person.as_deref() == Some(&gallery.people[n.person].id);
        match near.iter().position(is_own) {
            Some(at) => near[..=at].rotate_right(1),
            None => {
                let at = gallery.people.iter().position(|p| line.person.as_deref() == Some(&p.id));
                let t = Thresholds::SFACE;
                if let Some(own) = at.and_then(|at| gallery.vectors.compare(at, &unit, &probe, &t)) {
                    near.insert(0, own);
                }
            }
        }
        near.truncate(REASONS);
        near.iter().map(|n| self.candidate(&gallery, n, &unit, &probe)).collect()
    }

    fn candidate(
        &self,
        gallery: &Gallery,
        near: &Nearness,
        unit: &[f32],
        probe: &Probe<'_>,
    ) -> Result<Candidate> {
        let person = &gallery.people[near.person];
        let mut exemplars = Vec::new();
        for (face, similarity) in gallery.exemplars_of(near.person, unit, probe).into_iter().take(REASONS) {
            let path = path_of_face(&self.conn, face)?.unwrap_or_default();
            exemplars.push(Reason { face, path, similarity });
        }
        Ok(Candidate {
            person: person.id.clone(),
            name: person.name.clone(),
            similarity: near.similarity,
            distance: 1.0 - near.similarity,
            required: near.required,
            exemplars,
        })
    }
}

/// The people, by id, to whom clustering does not assign a face, however similar it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Against {
    /// A user rejected them for the face.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<String>,
    /// They have another face in the photo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub in_photo: Vec<String>,
}

/// The reason for an assignment in one sentence, and the commands to confirm and to reject it.
fn verdict(
    face: &FaceLine,
    candidates: &[Candidate],
    (similarity, required): (Option<f64>, Option<f64>),
    against: &Against,
) -> (String, Option<String>, Option<String>) {
    let called = |name: &Option<String>, id: &str| name.clone().unwrap_or_else(|| id.to_owned());
    let yes = |person: &str| Some(format!("albumen faces assign {} {person}", face.id));
    let no = |person: &str| Some(format!("albumen faces reject {} {person}", face.id));
    if let Some(mark) = &face.mark {
        let what = if mark == "no_face" { "is no face" } else { "is an unknown person" };
        return (
            format!("You said that this {what}."),
            None,
            Some(format!("albumen faces known {}", face.id)),
        );
    }
    let lost = if face.lost { " The last look at the picture did not find this face." } else { "" };
    if let Some(person) = &face.person {
        let who = called(&face.name, person);
        let words = match (face.how.as_deref(), similarity, required) {
            (Some("edit"), ..) => format!("This is {who}: you said so."),
            (Some("sidecar"), ..) => format!("This is {who}: a region in a sidecar says so."),
            (Some("file"), ..) => format!("This is {who}: a region in the file says so."),
            (_, Some(s), Some(r)) => {
                format!("This is {who}: when it joined, it was {s:.2} alike, and {r:.2} was required.")
            }
            _ => format!("This is {who}, by its likeness."),
        };
        return (words + lost, yes(person), no(person));
    }
    match candidates.first() {
        None => {
            (format!("This face has no person: there is no person to compare it with.{lost}"), None, None)
        }
        Some(c) => {
            let who = called(&c.name, &c.person);
            let is_rejected = against.rejected.contains(&c.person);
            let words = match c.required - c.similarity {
                _ if is_rejected => format!(
                    "This face has no person: it is nearest to {who}, {:.2} alike, and you said that it is not {who}.",
                    c.similarity
                ),
                lacks if lacks > 0.0 => format!(
                    "This face has no person: it is nearest to {who}, {:.2} alike, and lacks {lacks:.2} of what is required.",
                    c.similarity
                ),
                _ if against.in_photo.contains(&c.person) => format!(
                    "This face has no person: it is near enough to {who} ({:.2}), who has another face in the photo. If both \
                     are right, as in a mirror or a collage, assign it with --also.",
                    c.similarity
                ),
                _ => format!(
                    "This face has no person: it is near enough to {who} ({:.2}), and does not lead the next person clearly.",
                    c.similarity
                ),
            };
            let no = no(&c.person).filter(|_| !is_rejected);
            (words + lost, yes(&c.person), no)
        }
    }
}
