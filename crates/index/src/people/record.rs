//! Faces as a look at a picture found them: new ones come, known ones are updated where their boxes overlap.

use super::{iou, pair};
use crate::Result;
use albumen_core::vocabulary::{Box4, FoundFace};
use albumen_library::people::vectors::dot;
use rusqlite::{Connection, params};

/// Overlap (intersection over union) from which a newly found box is the face of a known one. Two detectors draw
/// boxes of the same face with 0.4 and more; neighbours in a crowd overlap less than 0.2.
const CARRY_OVER_IOU: f32 = 0.3;

/// Cosine below which a face in a changed picture is somebody else, though its box is where another's was.
/// SFace's mean for strangers is 0.09, that of one person 0.66.
const SOMEBODY_ELSE: f32 = 0.2;

struct Old {
    id: i64,
    area: Box4,
    embedding: Vec<i8>,
    embedder: String,
    by_machine: bool,
    kept: bool,
}

/// Records the faces of a file in place of those it had. People and edits go over to the face whose box overlaps;
/// one that is not found again stays (as lost) if a user has said who it is, else it goes.
pub(crate) fn record_faces(conn: &Connection, file: i64, found: &[FoundFace], embedder: &str) -> Result<()> {
    let old = known(conn, file)?;
    let (old_boxes, new_boxes): (Vec<_>, Vec<_>) =
        (old.iter().map(|f| f.area).collect(), found.iter().map(|f| f.area).collect());
    let mut old_of = vec![None; found.len()];
    let mut seen = vec![false; old.len()];
    for (i, j) in pair(&old_boxes, &new_boxes, CARRY_OVER_IOU, iou) {
        old_of[j] = Some(&old[i]);
        seen[i] = true;
    }
    for (face, _) in old.iter().zip(&seen).filter(|(_, seen)| !**seen) {
        let sql = match face.kept {
            true => "UPDATE faces SET lost = 1 WHERE id = ?1",
            false => "DELETE FROM faces WHERE id = ?1",
        };
        conn.prepare_cached(sql)?.execute([face.id])?;
    }
    for (face, old) in found.iter().zip(old_of) {
        let [x, y, w, h] = face.area;
        let points = serde_json::to_string(&face.points).expect("ten numbers");
        let embedding: Vec<u8> = face.embedding.iter().map(|v| *v as u8).collect();
        let Some(old) = old else {
            conn.prepare_cached(
                "INSERT INTO faces (file_id, x, y, w, h, score, quality, points, embedding, embedder)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                file,
                x,
                y,
                w,
                h,
                face.score,
                face.quality,
                points,
                embedding,
                embedder
            ])?;
            continue;
        };
        conn.prepare_cached(
            "UPDATE faces SET x = ?2, y = ?3, w = ?4, h = ?5, score = ?6, quality = ?7, points = ?8, embedding = ?9,
               embedder = ?10, lost = 0, clustered = 0 WHERE id = ?1",
        )?
        .execute(params![old.id, x, y, w, h, face.score, face.quality, points, embedding, embedder])?;
        if old.by_machine
            && old.embedder == embedder
            && cosine(&old.embedding, &face.embedding) < SOMEBODY_ELSE
        {
            conn.prepare_cached(
                "UPDATE faces SET person_id = NULL, how = NULL, similarity = NULL, required = NULL WHERE id = ?1",
            )?
            .execute([old.id])?;
        }
    }
    conn.prepare_cached(
        "INSERT OR IGNORE INTO regions_due (file_id)
         SELECT id FROM files WHERE id = ?1 AND facts LIKE '%\"regions\"%'",
    )?
    .execute([file])?;
    Ok(conn
        .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('embedder', ?1)")?
        .execute([embedder])
        .map(drop)?)
}

fn known(conn: &Connection, file: i64) -> Result<Vec<Old>> {
    let mut st = conn.prepare_cached(
        "SELECT id, x, y, w, h, embedding, embedder, coalesce(how, '') = 'machine',
                coalesce(how, '') = 'edit' OR EXISTS (SELECT 1 FROM face_edits e WHERE e.face_id = faces.id)
                OR EXISTS (SELECT 1 FROM person_edits e WHERE e.cover_face = faces.id)
           FROM faces WHERE file_id = ?1 ORDER BY id",
    )?;
    Ok(st
        .query_map([file], |r| {
            Ok(Old {
                id: r.get(0)?,
                area: [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?],
                embedding: r.get::<_, Vec<u8>>(5)?.into_iter().map(|b| b as i8).collect(),
                embedder: r.get(6)?,
                by_machine: r.get(7)?,
                kept: r.get(8)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

fn cosine(a: &[i8], b: &[i8]) -> f32 {
    let length = ((dot(a, a) as f32) * (dot(b, b) as f32)).sqrt();
    if length > 0.0 { dot(a, b) as f32 / length } else { 0.0 }
}
