//! Records the faces that a detection found: new faces are added, known ones updated, and user edits follow the face,
//! not its position.
//!
//! A known face is matched by its embedding, at any position, and by its box, transformed like the picture. So it
//! survives a corrected orientation, a lossless rotation, a crop, another detector and another embedder. A face that is
//! not matched becomes lost if it has a user edit.

use super::{iou, pair, refresh_file};
use crate::Result;
use albumen_core::vocabulary::{Box4, FoundFace};
use albumen_library::people::vectors::dot;
use rusqlite::{Connection, OptionalExtension, params};

/// Overlap (intersection over union) from which a new box is a known face. Two detectors draw boxes of the same face
/// with 0.4 and more; neighbours in a crowd overlap less than 0.2.
const CARRY_OVER_IOU: f32 = 0.3;

/// Cosine from which a face is a known one at any position: the same picture, rotated, cropped or saved again. Two
/// photos of one person have 0.66 on average.
const SAME_FACE: f32 = 0.8;

/// Cosine below which a face in a changed picture is a different person in spite of an overlapping box. SFace's mean is
/// 0.09 for different people and 0.66 for one person.
const SOMEBODY_ELSE: f32 = 0.2;

/// Quality below which an embedding is too poor to show that a face is a different person.
const SPEAKS: f32 = 0.3;

struct Old {
    id: i64,
    area: Box4,
    quality: f32,
    embedding: Vec<i8>,
    embedder: String,
    by_machine: bool,
    /// It has a user edit.
    kept: bool,
    turn: Option<u8>,
}

/// Replaces the recorded faces of a file. `embedder` is the key of the models that found them.
pub(crate) fn record_faces(conn: &Connection, file: i64, found: &[FoundFace], embedder: &str) -> Result<()> {
    let old = known(conn, file)?;
    let turn = orientation(conn, file)?;
    let old_of = matches(&old, found, embedder, turn);
    for (_, face) in old.iter().enumerate().filter(|(i, _)| !old_of.contains(&Some(*i))) {
        let sql = if face.kept {
            "UPDATE faces SET lost = 1 WHERE id = ?1"
        } else {
            "DELETE FROM faces WHERE id = ?1"
        };
        conn.prepare_cached(sql)?.execute([face.id])?;
    }
    for (face, old_at) in found.iter().zip(old_of) {
        let [x, y, w, h] = face.area;
        let points = serde_json::to_string(&face.points).expect("ten numbers");
        let embedding: Vec<u8> = face.embedding.iter().map(|v| *v as u8).collect();
        let Some(old) = old_at.map(|i| &old[i]) else {
            conn.prepare_cached(
                "INSERT INTO faces (file_id, x, y, w, h, score, quality, points, embedding, embedder, turn)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
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
                embedder,
                turn
            ])?;
            continue;
        };
        conn.prepare_cached(
            "UPDATE faces SET x = ?2, y = ?3, w = ?4, h = ?5, score = ?6, quality = ?7, points = ?8, embedding = ?9,
               embedder = ?10, turn = ?11, lost = mark IS 'no_face', clustered = 0 WHERE id = ?1",
        )?
        .execute(params![
            old.id,
            x,
            y,
            w,
            h,
            face.score,
            face.quality,
            points,
            embedding,
            embedder,
            turn
        ])?;
        if old.by_machine
            && cosine(&old.embedding, &old.embedder, &face.embedding, embedder)
                .is_some_and(|c| c < SOMEBODY_ELSE)
        {
            conn.prepare_cached(
                "UPDATE faces SET person_id = NULL, how = NULL, similarity = NULL, required = NULL WHERE id = ?1",
            )?
            .execute([old.id])?;
        }
    }
    one_by_machine(conn, file)?;
    conn.prepare_cached(
        "INSERT OR IGNORE INTO regions_due (file_id)
         SELECT id FROM files WHERE id = ?1 AND facts LIKE '%\"regions\"%'",
    )?
    .execute([file])?;
    conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('embedder', ?1)")?
        .execute([embedder])?;
    refresh_file(conn, file)
}

/// For each new face, the known face that it matches, by position.
fn matches(old: &[Old], found: &[FoundFace], embedder: &str, turn: Option<u8>) -> Vec<Option<usize>> {
    let alike: Vec<Vec<Option<f32>>> = old
        .iter()
        .map(|o| found.iter().map(|f| cosine(&o.embedding, &o.embedder, &f.embedding, embedder)).collect())
        .collect();
    let told = told_change(old, turn);
    let change = the_change(old, found, &alike, told);
    let overlap = |i: usize, j: usize| iou(&change.apply(old[i].area), &found[j].area);
    let (olds, news): (Vec<usize>, Vec<usize>) = ((0..old.len()).collect(), (0..found.len()).collect());
    let mut old_of = vec![None; found.len()];
    // First by the embedding, preferring an overlapping box: a collage can show the same face twice.
    let same = |i: usize, j: usize| match alike[i][j] {
        Some(c) if c >= SAME_FACE => c + overlap(i, j),
        _ => 0.0,
    };
    for (i, j) in pair(&olds, &news, 0.0, |&i, &j| same(i, j)) {
        old_of[j] = Some(i);
    }
    // Then by the box, unless good embeddings show a different person. Embeddings of a face that was rotated before its
    // orientation was corrected are not good.
    let by_box = |i: usize, j: usize| {
        let good = told == Change::NONE && old[i].quality.min(found[j].quality) >= SPEAKS;
        let speaks = !old[i].kept || good;
        match alike[i][j] {
            Some(c) if c < SOMEBODY_ELSE && speaks => 0.0,
            _ => overlap(i, j),
        }
    };
    let olds: Vec<usize> = olds.into_iter().filter(|i| !old_of.contains(&Some(*i))).collect();
    let news: Vec<usize> = news.into_iter().filter(|&j| old_of[j].is_none()).collect();
    for (a, b) in pair(&olds, &news, CARRY_OVER_IOU, |&i, &j| by_box(i, j)) {
        old_of[news[b]] = Some(olds[a]);
    }
    old_of
}

/// The transformation from the previous upright picture to the new one: one of the eight rotations and reflections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    transpose: bool,
    flip_x: bool,
    flip_y: bool,
}

impl Change {
    const NONE: Change = Change { transpose: false, flip_x: false, flip_y: false };

    fn all() -> impl Iterator<Item = Change> {
        (0..8).map(|n| Change { transpose: n & 4 != 0, flip_x: n & 1 != 0, flip_y: n & 2 != 0 })
    }

    /// The transformation that makes a stored picture of this orientation upright.
    fn of_orientation(orientation: u8) -> Change {
        let (transpose, flip_x, flip_y) = match orientation {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Change { transpose, flip_x, flip_y }
    }

    fn inverse(self) -> Change {
        if self.transpose {
            Change { transpose: true, flip_x: self.flip_y, flip_y: self.flip_x }
        } else {
            self
        }
    }

    /// This transformation followed by `next`.
    fn then(self, next: Change) -> Change {
        let (x, y) = if next.transpose { (self.flip_y, self.flip_x) } else { (self.flip_x, self.flip_y) };
        Change {
            transpose: self.transpose != next.transpose,
            flip_x: x != next.flip_x,
            flip_y: y != next.flip_y,
        }
    }

    /// Maps a box of the previous picture to the new one: transposed first, then mirrored.
    fn apply(self, [x, y, w, h]: Box4) -> Box4 {
        let [x, y, w, h] = if self.transpose { [y, x, h, w] } else { [x, y, w, h] };
        let x = if self.flip_x { 1.0 - x - w } else { x };
        let y = if self.flip_y { 1.0 - y - h } else { y };
        [x, y, w, h]
    }
}

/// The transformation due to a corrected orientation.
fn told_change(old: &[Old], turn: Option<u8>) -> Change {
    old.iter().find_map(|o| Some((o.turn?, turn?))).map_or(Change::NONE, |(before, now)| {
        Change::of_orientation(before).inverse().then(Change::of_orientation(now))
    })
}

/// The transformation that maps most of the known faces to their new positions. If embeddings can be compared, all
/// eight are tried, because pixels can be rotated without a change of metadata; else only a corrected orientation
/// (`told`) is used.
fn the_change(old: &[Old], found: &[FoundFace], alike: &[Vec<Option<f32>>], told: Change) -> Change {
    // With a poor embedding, the box still counts.
    const LEAST: f32 = 0.1;
    let comparable = alike.iter().flatten().any(Option::is_some);
    let fit = |change: Change| -> f32 {
        let moved: Vec<Box4> = old.iter().map(|o| change.apply(o.area)).collect();
        let weight = |i: usize, j: usize| match iou(&moved[i], &found[j].area) {
            overlap if overlap > CARRY_OVER_IOU => overlap * alike[i][j].unwrap_or(0.5).max(LEAST),
            _ => 0.0,
        };
        let (olds, news): (Vec<usize>, Vec<usize>) = ((0..old.len()).collect(), (0..found.len()).collect());
        pair(&olds, &news, 0.0, |&i, &j| weight(i, j)).into_iter().map(|(i, j)| weight(i, j)).sum()
    };
    // Another must be better by more than the difference between two detectors' boxes of one face.
    const CLEARLY: f32 = 1.1;
    let mut best = (told, fit(told));
    let others = Change::all().filter(|c| comparable && *c != Change::NONE);
    for change in [Change::NONE].into_iter().chain(others) {
        let fits = fit(change);
        if fits > best.1 * CLEARLY {
            best = (change, fits);
        }
    }
    best.0
}

/// When a lost face returns and another face was assigned to the same person meanwhile: keeps assignments by users and
/// regions, and at most one by clustering, the most certain.
fn one_by_machine(conn: &Connection, file: i64) -> Result<()> {
    Ok(conn.prepare_cached(
        "UPDATE faces SET person_id = NULL, how = NULL, similarity = NULL, required = NULL, clustered = 0
          WHERE file_id = ?1 AND lost = 0 AND how = 'machine' AND EXISTS (
            SELECT 1 FROM faces o WHERE o.file_id = ?1 AND o.id <> faces.id AND o.lost = 0 AND o.person_id = faces.person_id
               AND (o.how <> 'machine'
                 OR (coalesce(o.similarity, 1) - coalesce(o.required, 0), -o.id)
                  > (coalesce(faces.similarity, 1) - coalesce(faces.required, 0), -faces.id)))",
    )?
    .execute([file])
    .map(drop)?)
}

fn orientation(conn: &Connection, file: i64) -> Result<Option<u8>> {
    let turn: Option<Option<i64>> = conn
        .prepare_cached("SELECT CASE WHEN facts IS NULL THEN NULL ELSE coalesce(facts ->> '$.orientation', 1) END FROM files WHERE id = ?1")?
        .query_row([file], |r| r.get(0))
        .optional()?;
    Ok(turn.flatten().and_then(|t| u8::try_from(t).ok()))
}

fn known(conn: &Connection, file: i64) -> Result<Vec<Old>> {
    let mut st = conn.prepare_cached(
        "SELECT id, x, y, w, h, embedding, embedder, coalesce(how, '') = 'machine',
                coalesce(how, '') = 'edit' OR mark IS NOT NULL
                OR EXISTS (SELECT 1 FROM face_edits e WHERE e.face_id = faces.id)
                OR EXISTS (SELECT 1 FROM person_edits e WHERE e.cover_face = faces.id),
                quality, turn
           FROM faces WHERE file_id = ?1 ORDER BY lost, id",
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
                quality: r.get(9)?,
                turn: r.get(10)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

/// `None` if the two cannot be compared: different models, or no embedding.
fn cosine(a: &[i8], of_a: &str, b: &[i8], of_b: &str) -> Option<f32> {
    let length = ((dot(a, a) as f32) * (dot(b, b) as f32)).sqrt();
    (of_a == of_b && a.len() == b.len() && length > 0.0).then(|| dot(a, b) as f32 / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_turned_as_the_picture_is() {
        // The top left of the stored picture, as displayed in each orientation.
        let corner = [0.0, 0.0, 0.2, 0.1];
        let shown = [
            (1, [0.0, 0.0, 0.2, 0.1]),
            (2, [0.8, 0.0, 0.2, 0.1]),
            (3, [0.8, 0.9, 0.2, 0.1]),
            (4, [0.0, 0.9, 0.2, 0.1]),
            (5, [0.0, 0.0, 0.1, 0.2]),
            (6, [0.9, 0.0, 0.1, 0.2]),
            (7, [0.9, 0.8, 0.1, 0.2]),
            (8, [0.0, 0.8, 0.1, 0.2]),
        ];
        let near = |a: Box4, b: Box4| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        for (before, b) in shown {
            let upright = Change::of_orientation(before);
            assert!(near(upright.apply(corner), b), "{before}: {:?}", upright.apply(corner));
            for (now, n) in shown {
                let change = upright.inverse().then(Change::of_orientation(now));
                assert!(near(change.apply(b), n), "{before} to {now}: {:?}", change.apply(b));
            }
        }
    }
}
