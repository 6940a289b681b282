//! Clustering on LFW (kind face-id, identity `lfw:*`, the face nearest the centre): BCubed precision, recall
//! and F1, beside the results of simple methods on embeddings of the same model.
//!
//! Identities are split into halves by name: those whose bytes have an even sum were used to choose the
//! thresholds, the others are reported. Each half is clustered alone; a face that was not found counts as a
//! person of its own. Cross-validation is `people_folds`, an example of albumen-library.

mod altered;
mod cache;
pub(crate) mod robust;
#[path = "../../../../library/examples/people_folds/score.rs"]
mod score;

use albumen_core::vocabulary::{FoundFace, RecogniseRequest};
use albumen_library::people::{Fate, Node, Thresholds, Vectors, grow};
use albumen_recognise::Recogniser;
use image::{RgbImage, imageops};
use score::Score;
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Methods tried on 882 other LFW identities with SFace: precision, recall, F1, clusters mixing people.
const BASELINES: &[(&str, f64, f64, f64, u32)] = &[
    ("arrival rule, distance .5, at least 3", 0.996, 0.956, 0.976, 3),
    ("nearest neighbour .575", 0.956, 0.993, 0.974, 60),
    ("DBSCAN .475, at least 2", 0.992, 0.984, 0.988, 3),
    ("HDBSCAN", 0.981, 0.953, 0.967, 24),
    ("Chinese whispers .48", 0.995, 0.985, 0.990, 2),
    ("average linkage .59", 0.989, 0.991, 0.990, 22),
    ("Infomap, k 40, .5", 0.993, 0.990, 0.992, 5),
];

struct Sample {
    identity: String,
    sum: String,
    face: Option<FoundFace>,
    small: Option<FoundFace>,
}

/// Detects, embeds and clusters, and prints the table, or a message if the models are missing.
pub(crate) fn print(corpus: &Path, rows: &[Value]) {
    println!("\nPeople (LFW)");
    let samples = match cache::samples(corpus, rows) {
        Ok((samples, _)) => samples,
        Err(e) => return println!("  left out: {e}"),
    };
    if samples.is_empty() {
        return println!("  left out: no pictures of kind face-id with an lfw: identity");
    }
    let found = samples.iter().filter(|s| s.face.is_some()).count();
    println!("  {found} of {} labelled faces found", samples.len());
    println!("  {:<42} {:>6} {:>6} {:>6} {:>6}", "", "P", "R", "F1", "mixed");
    let is_tuned = |s: &&Sample| s.identity.bytes().map(u32::from).sum::<u32>() % 2 == 0;
    let halves: [(&str, Vec<&Sample>); 3] = [
        ("Albumen, identities not tuned on", samples.iter().filter(|s| !is_tuned(s)).collect()),
        ("Albumen, identities tuned on", samples.iter().filter(is_tuned).collect()),
        ("Albumen, all", samples.iter().collect()),
    ];
    for (name, of) in halves {
        let identities: Vec<&str> = of.iter().map(|s| s.identity.as_str()).collect();
        let score = Score::of(&identities, &cluster(&of), |_| true);
        let name = format!("{name} ({})", of.len());
        line(&name, score.precision(), score.recall(), score.f1(), score.mixed as u32);
    }
    for &(name, precision, recall, f1, mixed) in BASELINES {
        line(name, precision, recall, f1, mixed);
    }
}

fn line(name: &str, precision: f64, recall: f64, f1: f64, mixed: u32) {
    println!("  {name:<42} {precision:>6.4} {recall:>6.4} {f1:>6.4} {mixed:>6}");
}

/// Prints the file of the faces, for `people_folds`.
pub(crate) fn print_faces(corpus: &Path, rows: &[Value]) {
    match cache::samples(corpus, rows) {
        Ok((_, file)) => println!("{}", file.display()),
        Err(e) => println!("  left out: {e}"),
    }
}

/// The identity of a labelled picture of LFW.
fn identity(row: &Value) -> Option<&str> {
    row["expected"]["identity"].as_str().filter(|i| i.starts_with("lfw:") && row["kind"] == "face-id")
}

/// The labelled face of one picture, from the original and from the picture shrunk until the face has 20 to
/// 42 pixels.
fn sample(corpus: &Path, row: &Value, recogniser: &mut Recogniser) -> Option<Sample> {
    let identity = identity(row)?.to_owned();
    let jpeg = std::fs::read(corpus.join(row["file"].as_str()?)).ok()?;
    let sum = row["sha256"].as_str().unwrap_or_default().to_owned();
    let face = centre_face(recogniser, &jpeg);
    let small = face.as_ref().and_then(|face| {
        let side = 20 + u32::from_str_radix(sum.get(2..4)?, 16).ok()? % 23;
        let picture = decoded(&jpeg)?;
        let (w, h) = picture.dimensions();
        let scale = side as f32 / (face.area[2] * w as f32).max(face.area[3] * h as f32);
        let size = |length: u32| ((length as f32 * scale).round() as u32).max(1);
        let small = imageops::resize(&picture, size(w), size(h), imageops::FilterType::Triangle);
        centre_face(recogniser, &encoded(&small)?)
    });
    Some(Sample { identity, sum, face, small })
}

/// The face nearest the centre of a JPEG.
fn centre_face(recogniser: &mut Recogniser, jpeg: &[u8]) -> Option<FoundFace> {
    let request = RecogniseRequest { faces: true, subjects: false, try_rotations: false };
    let faces = recogniser.recognise(jpeg, &request).ok()?.faces;
    let off_centre = |f: &FoundFace| {
        let [x, y, w, h] = f.area;
        (x + w / 2.0 - 0.5).abs() + (y + h / 2.0 - 0.5).abs()
    };
    faces.into_iter().min_by(|a, b| off_centre(a).total_cmp(&off_centre(b)))
}

fn decoded(jpeg: &[u8]) -> Option<RgbImage> {
    let p = turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::RGB).ok()?;
    RgbImage::from_raw(p.width as u32, p.height as u32, p.pixels)
}

/// As a JPEG of quality 90.
fn encoded(picture: &RgbImage) -> Option<Vec<u8>> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (pixels, format) = (picture.as_raw().as_slice(), turbojpeg::PixelFormat::RGB);
    let image = turbojpeg::Image { pixels, width, pitch: width * 3, height, format };
    Some(turbojpeg::compress(image, 90, turbojpeg::Subsamp::Sub2x2).ok()?.to_vec())
}

/// A cluster number per sample, as in a new index.
fn cluster(samples: &[&Sample]) -> Vec<usize> {
    let seen: Vec<usize> = (0..samples.len()).filter(|&i| samples[i].face.is_some()).collect();
    let dim = samples.iter().find_map(|s| s.face.as_ref()).map_or(0, |f| f.embedding.len());
    let mut faces = Vectors::new(dim);
    let mut nodes = Vec::new();
    for &i in &seen {
        let face = samples[i].face.as_ref().expect("only those with a face are here");
        let photo = faces.push(&face.embedding);
        nodes.push(Node { quality: face.quality, photo, fresh: true });
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let (none, stop) = (Vectors::new(dim), AtomicBool::new(false));
    let grown = grow(&nodes, &faces, &[], &none, &mut |_| Vec::new(), &Thresholds::SFACE, threads, &stop)
        .expect("nobody stops it");
    // A face that waits is a cluster of its own, numbered after the people.
    let mut clusters: Vec<usize> = (0..samples.len()).map(|i| grown.groups as usize + i).collect();
    for (&i, fate) in seen.iter().zip(&grown.fates) {
        if let Fate::Founds { group, .. } = fate {
            clusters[i] = *group as usize;
        }
    }
    clusters
}
