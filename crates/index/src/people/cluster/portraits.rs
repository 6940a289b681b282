//! Portraits of people: the exemplars of their faces, as they are stored and read.

use crate::Result;
use crate::people::{SAME_FACE_IOU, iou};
use albumen_core::vocabulary::Box4;
use albumen_library::people::{Known, Vectors, exemplars};
use rusqlite::{Connection, params};

/// The people of a space that have faces to compare with.
pub(super) struct People {
    pub(super) ids: Vec<String>,
    pub(super) known: Vec<Known>,
    pub(super) exemplars: Vectors,
    /// People whose portrait was not stored, or was of another embedder.
    pub(super) portraits: Vec<(String, Portrait)>,
}

pub(super) fn people(conn: &Connection, space: i64, embedder: &str, dim: usize) -> Result<People> {
    let mut st = conn.prepare_cached(
        "SELECT p.id, v.embedder = ?2, v.count, v.sum, v.exemplars FROM people p
           LEFT JOIN person_vectors v ON v.person_id = p.id
          WHERE p.space_id = ?1 AND EXISTS (SELECT 1 FROM faces a WHERE a.person_id = p.id) ORDER BY p.seq",
    )?;
    let mut all =
        People { ids: Vec::new(), known: Vec::new(), exemplars: Vectors::new(dim), portraits: Vec::new() };
    let mut rows = st.query(params![space, embedder])?;
    while let Some(r) = rows.next()? {
        let id: String = r.get(0)?;
        let stored = r.get::<_, Option<bool>>(1)?.unwrap_or(false);
        let portrait = if stored {
            Portrait {
                count: r.get(2)?,
                sum: floats(&r.get::<_, Vec<u8>>(3)?),
                exemplars: r.get(4)?,
                ids: Vec::new(),
            }
        } else {
            portray(conn, &id, embedder, dim)?
        };
        if portrait.count > 0 && portrait.sum.len() == dim {
            let start = all.exemplars.len() as u32;
            for row in portrait.exemplars.chunks_exact(dim) {
                all.exemplars.push(&row.iter().map(|b| *b as i8).collect::<Vec<_>>());
            }
            let exemplars = start..all.exemplars.len() as u32;
            let sum = portrait.sum.clone();
            all.known.push(Known { sum, count: portrait.count, exemplars, changed: !stored });
            all.ids.push(id.clone());
        }
        if !stored {
            all.portraits.push((id, portrait));
        }
    }
    Ok(all)
}

/// The content of `person_vectors` for a person.
pub(super) struct Portrait {
    count: u32,
    sum: Vec<f32>,
    exemplars: Vec<u8>,
    /// The faces of the exemplars; empty if the portrait was read from its row.
    ids: Vec<i64>,
}

impl Portrait {
    pub(super) fn store(&self, conn: &Connection, person: &str, embedder: &str) -> Result<()> {
        let sum: Vec<u8> = self.sum.iter().flat_map(|v| v.to_le_bytes()).collect();
        let ids = serde_json::to_string(&self.ids).expect("a list of numbers");
        Ok(conn
            .prepare_cached(
                "INSERT OR REPLACE INTO person_vectors (person_id, embedder, count, sum, exemplars, ids)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![person, embedder, self.count, sum, self.exemplars, ids])
            .map(drop)?)
    }
}

/// Computes the portrait of a person from its faces, each content once.
fn portray(conn: &Connection, person: &str, embedder: &str, dim: usize) -> Result<Portrait> {
    let mut st = conn.prepare_cached(
        "SELECT a.id, coalesce(f.content_hash, 'file ' || f.id), a.x, a.y, a.w, a.h, a.quality, a.embedding
           FROM faces a JOIN files f ON f.id = a.file_id
          WHERE a.person_id = ?1 AND a.embedder = ?2 AND a.lost = 0 AND length(a.embedding) = ?3
          ORDER BY 2, a.x, a.y, a.w, a.h, a.id",
    )?;
    let mut rows = st.query(params![person, embedder, dim as i64])?;
    let (mut faces, mut qualities, mut ids) = (Vectors::new(dim), Vec::new(), Vec::new());
    let mut of_content: (String, Vec<Box4>) = Default::default();
    while let Some(r) = rows.next()? {
        let (content, area) = (r.get::<_, String>(1)?, [r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?]);
        if of_content.0 != content {
            of_content = (content, Vec::new());
        }
        if of_content.1.iter().any(|b| iou(b, &area) > SAME_FACE_IOU) {
            continue;
        }
        of_content.1.push(area);
        ids.push(r.get::<_, i64>(0)?);
        qualities.push(r.get::<_, f32>(6)?);
        faces.push(&r.get::<_, Vec<u8>>(7)?.into_iter().map(|b| b as i8).collect::<Vec<_>>());
    }
    let mut sum = vec![0.0; dim];
    (0..faces.len() as u32).for_each(|i| faces.add_to(i, &mut sum));
    let chosen = exemplars::choose(&faces, &qualities);
    let exemplars: Vec<u8> = chosen.iter().flat_map(|&i| faces.row(i)).map(|v| *v as u8).collect();
    let exemplar_ids: Vec<i64> = chosen.iter().map(|&i| ids[i as usize]).collect();
    Ok(Portrait { count: faces.len() as u32, sum, exemplars, ids: exemplar_ids })
}

pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The people of a space at the last clustering, for questions: writes nothing.
pub(crate) fn portraits(conn: &Connection, space: i64) -> Result<(Vec<String>, Vec<Known>)> {
    let mut st = conn.prepare_cached(
        "SELECT p.id, v.count, v.sum FROM persons p JOIN person_vectors v ON v.person_id = p.id
          WHERE p.space_id = ?1 AND v.count > 0
            AND v.embedder = (SELECT value FROM meta WHERE key = 'embedder') ORDER BY p.seq",
    )?;
    let rows = st.query_map([space], |r| {
        let sum = floats(&r.get::<_, Vec<u8>>(2)?);
        let count = r.get::<_, i64>(1)? as u32;
        Ok((r.get::<_, String>(0)?, Known { sum, count, exemplars: 0..0, changed: false }))
    })?;
    let (ids, known): (Vec<String>, Vec<Known>) =
        rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().unzip();
    let dim = known.first().map_or(0, |k| k.sum.len());
    Ok(ids.into_iter().zip(known).filter(|(_, k)| k.sum.len() == dim).unzip())
}
