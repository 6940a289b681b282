//! People and faces for a server with its own access control, which names items by id: without paths and embeddings.

use super::ask::{FACE_LINE, FaceLine, PersonLine, SPACE_OF_FACE, face_line, person_line_sql, person_row};
use super::{counts, resolve};
use crate::{IndexReader, Result};
use albumen_core::vocabulary::Box4;
use rusqlite::{OptionalExtension, params};

/// Where a face is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FacePlace {
    pub item: i64,
    pub area: Box4,
}

/// A person in the same items as another.
#[derive(Debug, Clone, PartialEq)]
pub struct Companion {
    pub person: PersonLine,
    /// Number of visible items with both.
    pub items: u64,
}

impl IndexReader {
    /// The people of some spaces, most items first. Like [`IndexReader::people`], without the paths of their photos.
    pub fn people_shown(&self, spaces: &[String], hidden_too: bool) -> Result<Vec<PersonLine>> {
        let mut st = self.conn.prepare_cached(&format!(
            "{} WHERE s.name IN (SELECT value FROM json_each(?1)) AND (?2 OR p.hidden = 0) AND s.people_off = 0
                AND (p.name IS NOT NULL OR {} > 0)
              ORDER BY 6 DESC, p.seq",
            person_line_sql(),
            counts::Columns::new().faces
        ))?;
        let spaces = serde_json::to_string(spaces).expect("strings");
        Ok(st.query_map(params![spaces, hidden_too], person_row)?.collect::<rusqlite::Result<_>>()?)
    }

    /// A person by id, or by the id of a person merged into it. `None` if there is none, and where people are switched
    /// off.
    pub fn person_shown(&self, id: &str) -> Result<Option<PersonLine>> {
        let Some(id) = resolve(&self.conn, id)? else { return Ok(None) };
        Ok(self
            .conn
            .prepare_cached(&format!("{} WHERE p.id = ?1 AND s.people_off = 0", person_line_sql()))?
            .query_row([id], person_row)
            .optional()?)
    }

    /// People who are not hidden, in the same visible items as a person: most items first.
    pub fn companions(&self, person: &str, most: usize) -> Result<Vec<Companion>> {
        let mut st = self.conn.prepare_cached(
            "SELECT b.person_id, count(DISTINCT b.file_id)
               FROM (SELECT DISTINCT a.file_id FROM faces a JOIN items i ON i.file_id = a.file_id
                      WHERE a.person_id = ?1 AND a.lost = 0 AND i.hidden = 0) own
               CROSS JOIN faces b ON b.file_id = own.file_id AND b.person_id <> ?1 AND b.lost = 0
              GROUP BY 1 ORDER BY 2 DESC, 1",
        )?;
        let mut rows = st.query([person])?;
        let mut companions = Vec::new();
        while let Some(r) = rows.next()? {
            let (id, items): (String, i64) = (r.get(0)?, r.get(1)?);
            let person = self.person_shown(&id)?.filter(|p| !p.hidden);
            companions.extend(person.map(|person| Companion { person, items: items as u64 }));
            if companions.len() == most {
                break;
            }
        }
        Ok(companions)
    }

    /// The faces of a person in visible items, best first: those after a face, which is of the previous page.
    pub fn faces_shown(&self, person: &str, after: Option<i64>, limit: usize) -> Result<Vec<FaceLine>> {
        // A photo that moved to another space is not visible here, even before the next clustering.
        let mut st = self.conn.prepare_cached(&format!(
            "{FACE_LINE} {SPACE_OF_FACE}
              WHERE a.person_id = ?1 AND v.space_id = (SELECT space_id FROM people WHERE id = ?1) AND i.hidden = 0
                AND a.lost = 0
                AND (?2 IS NULL OR (-a.quality, a.id) > (SELECT -quality, id FROM faces WHERE id = ?2))
              ORDER BY a.quality DESC, a.id LIMIT ?3"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let faces = st.query_map(params![person, after, limit], |r| face_line(&self.conn, r))?;
        Ok(faces.collect::<rusqlite::Result<_>>()?)
    }

    /// A face of a visible item; `None` for others, for lost ones, and where people are switched off.
    pub fn face_shown(&self, face: i64) -> Result<Option<FaceLine>> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "{FACE_LINE} {SPACE_OF_FACE} WHERE a.id = ?1 AND i.hidden = 0 AND s.people_off = 0
                   AND (a.lost = 0 OR a.mark IS NOT NULL)"
            ))?
            .query_row([face], |r| face_line(&self.conn, r))
            .optional()?)
    }

    /// The item and the box of a face.
    pub fn face_place(&self, face: i64) -> Result<Option<FacePlace>> {
        Ok(self
            .conn
            .prepare_cached("SELECT file_id, x, y, w, h FROM faces WHERE id = ?1")?
            .query_row([face], |r| {
                Ok(FacePlace { item: r.get(0)?, area: [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?] })
            })
            .optional()?)
    }
}
