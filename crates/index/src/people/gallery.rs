//! The people of a space at the last clustering, for queries about faces. Writes nothing.

use super::cluster::floats;
use crate::Result;
use albumen_library::people::Thresholds;
use albumen_library::people::gallery::{Gallery as Vectors, Nearness, Probe};
use rusqlite::{Connection, params};

/// The people of a space with their vectors.
pub(super) struct Gallery {
    pub(super) people: Vec<Entry>,
    pub(super) vectors: Vectors,
    /// The faces of the exemplars.
    faces: Vec<i64>,
}

pub(super) struct Entry {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) hidden: bool,
}

impl Gallery {
    /// The people of a space with faces of the present models.
    pub(super) fn of(conn: &Connection, space: i64, embedder: &str, dim: usize) -> Result<Gallery> {
        let mut gallery = Gallery { people: Vec::new(), vectors: Vectors::new(dim), faces: Vec::new() };
        let mut st = conn.prepare_cached(
            "SELECT p.id, p.name, p.hidden, v.count, v.sum, v.exemplars, v.ids FROM persons p
               JOIN person_vectors v ON v.person_id = p.id
              WHERE p.space_id = ?1 AND v.embedder = ?2 AND v.count > 0 ORDER BY p.seq",
        )?;
        let mut rows = st.query(params![space, embedder])?;
        while let Some(r) = rows.next()? {
            let sum = floats(&r.get::<_, Vec<u8>>(4)?);
            let ids: Vec<i64> = serde_json::from_str(&r.get::<_, String>(6)?).unwrap_or_default();
            let exemplars: Vec<i8> = r.get::<_, Vec<u8>>(5)?.into_iter().map(|b| b as i8).collect();
            if sum.len() != dim || exemplars.len() != ids.len() * dim {
                continue;
            }
            gallery.vectors.push(r.get(3)?, sum, exemplars.chunks_exact(dim));
            gallery.faces.extend(ids);
            gallery.people.push(Entry { id: r.get(0)?, name: r.get(1)?, hidden: r.get(2)? });
        }
        Ok(gallery)
    }

    /// A face to compare with the people; `own`: its own person.
    pub(super) fn probe<'a>(
        &self,
        face: i64,
        embedding: &'a [i8],
        quality: f32,
        own: Option<&str>,
    ) -> Probe<'a> {
        let person = own.and_then(|own| self.people.iter().position(|p| p.id == own));
        let exemplar = self.faces.iter().position(|f| *f == face).map(|at| at as u32);
        Probe { embedding, quality, own: person.map(|p| (p, exemplar)) }
    }

    pub(super) fn nearest(&self, probes: &[Probe<'_>]) -> Vec<Vec<Nearness>> {
        self.vectors.nearest(probes, &Thresholds::SFACE)
    }

    /// The exemplars of a person as faces, with their similarity to a given face, nearest first.
    pub(super) fn exemplars_of(&self, person: usize, unit: &[f32], probe: &Probe<'_>) -> Vec<(i64, f32)> {
        let own = probe.own.and_then(|(_, exemplar)| exemplar);
        let found = self.vectors.exemplars_of(person, unit, own).into_iter();
        found.map(|(row, cosine)| (self.faces[row as usize], cosine)).collect()
    }
}
