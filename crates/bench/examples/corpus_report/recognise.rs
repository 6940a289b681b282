//! The recogniser's results for labelled pictures: the centre face of LFW, boxes of faces, subjects.
//!
//! Thresholds of subjects were chosen on one half of the object pictures (by a hash of the name); only the
//! other half is an independent test. In pictures with one label (all but COCO's) a person is not judged,
//! since people were not labelled.

use albumen_core::vocabulary::{FoundFace, FoundSubject, RecogniseRequest, Recognised};
use albumen_models::files as models;
use albumen_recognise::Recogniser;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Classes of the corpus in the taxonomy's words.
const SUBJECTS: &str = include_str!("subjects.toml");
/// Cosine from which two SFace embeddings are usually one person's.
const SAME: f64 = 0.363;

const FACES: RecogniseRequest = RecogniseRequest { faces: true, subjects: false, try_rotations: false };
const OBJECTS: RecogniseRequest = RecogniseRequest { faces: false, subjects: true, try_rotations: false };

/// Prints the tables, or why there are none.
pub(crate) fn print(corpus: &Path, rows: &[Value]) {
    let mut recogniser = match Recogniser::open(&models::default_dir(), 1) {
        Ok(recogniser) => recogniser,
        Err(fault) => return println!("\nrecognition: {fault}"),
    };
    let mut look = |row: &Value, request: &RecogniseRequest| -> Option<Recognised> {
        let jpeg = std::fs::read(corpus.join(row["file"].as_str()?)).ok()?;
        recogniser.recognise(&jpeg, request).ok()
    };
    let of = |kind: &'static str| rows.iter().filter(move |r| r["kind"] == kind);
    portraits(of("face-id"), &mut look);
    groups(of("face-detect"), &mut look);
    subjects(of("object"), &mut look);
}

fn portraits<'a>(
    rows: impl Iterator<Item = &'a Value>,
    look: &mut impl FnMut(&Value, &RecogniseRequest) -> Option<Recognised>,
) {
    let (mut asked, mut cpu_s) = (0, 0.0);
    let mut known: Vec<(String, FoundFace)> = Vec::new();
    for row in rows {
        let Some(identity) = row["expected"]["identity"].as_str().filter(|i| i.starts_with("lfw:")) else {
            continue;
        };
        asked += 1;
        let Some(found) = look(row, &FACES) else { continue };
        cpu_s += found.faces_s;
        let off =
            |f: &FoundFace| (f.area[0] + f.area[2] / 2.0 - 0.5).hypot(f.area[1] + f.area[3] / 2.0 - 0.5);
        let centre = found.faces.into_iter().min_by(|a, b| off(a).total_cmp(&off(b)));
        known.extend(centre.filter(|f| off(f) < 0.15).map(|f| (identity.to_owned(), f)));
    }
    let (mut same, mut same_over, mut other, mut other_over) = (0u64, 0u64, 0u64, 0u64);
    for (i, (a, face)) in known.iter().enumerate() {
        for (b, second) in &known[..i] {
            let over = u64::from(cosine(&face.embedding, &second.embedding) > SAME);
            if a == b {
                (same, same_over) = (same + 1, same_over + over);
            } else {
                (other, other_over) = (other + 1, other_over + over);
            }
        }
    }
    println!("\nLFW, labelled face in the centre");
    println!("  found               {} of {asked}", known.len());
    println!("  CPU ms a picture    {:.1}", 1000.0 * cpu_s / f64::from(asked.max(1)));
    println!("  one person > {SAME}  {}", percent(same_over, same));
    println!("  two people > {SAME}  {}", percent(other_over, other));
}

fn groups<'a>(
    rows: impl Iterator<Item = &'a Value>,
    look: &mut impl FnMut(&Value, &RecogniseRequest) -> Option<Recognised>,
) {
    let (mut asked, mut found, mut pictures, mut faces) = (0u64, 0u64, 0, 0);
    for row in rows {
        let Some(seen) = look(row, &FACES) else { continue };
        pictures += 1;
        faces += seen.faces.len();
        let expected = &row["expected"];
        let (Some(w), Some(h), Some(boxes)) =
            (expected["width"].as_f64(), expected["height"].as_f64(), expected["faces"].as_array())
        else {
            continue;
        };
        for b in boxes {
            let middle = |a: &str, z: &str, side: f64| Some((b[a].as_f64()? + b[z].as_f64()?) / 2.0 / side);
            let (Some(x), Some(y)) = (middle("x1", "x2", w), middle("y1", "y2", h)) else { continue };
            let covers = |f: &FoundFace| {
                let [fx, fy, fw, fh] = f.area.map(f64::from);
                (fx..fx + fw).contains(&x) && (fy..fy + fh).contains(&y)
            };
            asked += 1;
            found += u64::from(seen.faces.iter().any(covers));
        }
    }
    println!("\nPictures for face detection: {pictures}, with {faces} faces found");
    println!("  labelled boxes      {}", percent(found, asked));
}

/// The number shown, the number of these that are right, the number expected, and the number of these that
/// were shown.
#[derive(Default, Clone, Copy)]
struct Score {
    shown: u64,
    right: u64,
    asked: u64,
    found: u64,
}

fn subjects<'a>(
    rows: impl Iterator<Item = &'a Value>,
    look: &mut impl FnMut(&Value, &RecogniseRequest) -> Option<Recognised>,
) {
    let words: BTreeMap<String, Vec<String>> =
        toml::from_str(SUBJECTS).expect("subjects.toml is a table of lists");
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let (mut pictures, mut cpu_s) = (0, 0.0);
    for row in rows {
        let (Some(file), Some(seen)) = (row["file"].as_str(), look(row, &OBJECTS)) else { continue };
        pictures += 1;
        cpu_s += seen.subjects_s;
        let every_thing_is_labelled = file.contains("coco");
        let classes = row["expected"]["classes"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut expected: Vec<&String> = classes.filter_map(|c| words.get(c)).flatten().collect();
        expected.sort();
        expected.dedup();
        let judged = |s: &&FoundSubject| every_thing_is_labelled || s.label != "person";
        let shown: Vec<&FoundSubject> = seen.subjects.iter().filter(judged).collect();
        let half = if blake3::hash(file.as_bytes()).as_bytes()[0].is_multiple_of(2) {
            "chosen on"
        } else {
            "to believe"
        };
        let set = if every_thing_is_labelled { "COCO" } else { "one label" };
        for name in [half, set] {
            let score = scores.entry(name).or_default();
            score.shown += shown.len() as u64;
            score.right += shown.iter().filter(|s| expected.contains(&&s.label)).count() as u64;
            let hit = |label: &str| shown.iter().any(|s| s.label == label);
            if every_thing_is_labelled {
                score.asked += expected.len() as u64;
                score.found += expected.iter().filter(|label| hit(label)).count() as u64;
            } else if !expected.is_empty() {
                // One label may be several subjects; any of them is accepted.
                score.asked += 1;
                score.found += u64::from(expected.iter().any(|label| hit(label)));
            }
        }
    }
    println!(
        "\nSubjects of {pictures} pictures, {:.1} CPU ms a picture",
        1000.0 * cpu_s / f64::from(pictures.max(1))
    );
    for (name, s) in scores {
        println!("  {name:12} right {}   found {}", percent(s.right, s.shown), percent(s.found, s.asked));
    }
}

fn cosine(a: &[i8], b: &[i8]) -> f64 {
    let dot = |a: &[i8], b: &[i8]| a.iter().zip(b).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum::<i32>();
    f64::from(dot(a, b)) / (f64::from(dot(a, a)) * f64::from(dot(b, b))).sqrt()
}

fn percent(part: u64, of: u64) -> String {
    format!("{:5.1} % ({part} of {of})", 100.0 * part as f64 / of.max(1) as f64)
}
