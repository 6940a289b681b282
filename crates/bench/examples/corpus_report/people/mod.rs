//! Clustering on LFW (kind face-id, identity `lfw:*`, the face nearest the centre): BCubed precision, recall and F1,
//! beside what simple methods reach on embeddings of the same model.
//!
//! Identities are halved by their name: those whose bytes have an even sum were used to choose the thresholds, the
//! others are reported. Each half is clustered alone; a face that was not found counts as a person
//! of its own.

use albumen_core::vocabulary::{FoundFace, RecogniseRequest};
use albumen_library::people::{Fate, Node, Thresholds, Vectors, grow};
use albumen_models::files::default_dir;
use albumen_recognise::Recogniser;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
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
}

/// Detects, embeds and clusters, and prints the table; says so where the models are missing.
pub fn print(corpus: &Path, rows: &[Value]) {
    println!("\nPeople (LFW)");
    let mut recogniser = match Recogniser::open(&default_dir(), 1) {
        Ok(recogniser) => recogniser,
        Err(e) => return println!("  left out: {e}"),
    };
    let samples: Vec<Sample> = rows.iter().filter_map(|row| sample(corpus, row, &mut recogniser)).collect();
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
    for (name, mut of) in halves {
        of.sort_by(|a, b| a.sum.cmp(&b.sum));
        let score = Score::of(&of, &cluster(&of));
        line(&format!("{name} ({})", of.len()), score.precision, score.recall, score.f1(), score.mixed);
    }
    for &(name, precision, recall, f1, mixed) in BASELINES {
        line(name, precision, recall, f1, mixed);
    }
}

fn line(name: &str, precision: f64, recall: f64, f1: f64, mixed: u32) {
    println!("  {name:<42} {precision:>6.4} {recall:>6.4} {f1:>6.4} {mixed:>6}");
}

/// The labelled face of one picture.
fn sample(corpus: &Path, row: &Value, recogniser: &mut Recogniser) -> Option<Sample> {
    let identity = row["expected"]["identity"].as_str().filter(|i| i.starts_with("lfw:"))?;
    if row["kind"] != "face-id" {
        return None;
    }
    let jpeg = std::fs::read(corpus.join(row["file"].as_str()?)).ok()?;
    let request = RecogniseRequest { faces: true, subjects: false, try_rotations: false };
    let faces = recogniser.recognise(&jpeg, &request).map(|r| r.faces).unwrap_or_default();
    let off_centre = |f: &FoundFace| {
        let [x, y, w, h] = f.area;
        (x + w / 2.0 - 0.5).abs() + (y + h / 2.0 - 0.5).abs()
    };
    let face = faces.into_iter().min_by(|a, b| off_centre(a).total_cmp(&off_centre(b)));
    let sum = row["sha256"].as_str().unwrap_or_default().to_owned();
    Some(Sample { identity: identity.to_owned(), sum, face })
}

/// A cluster number a sample, as a fresh index would find them.
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
    // Whoever waits is a cluster of its own, numbered after the people.
    let mut clusters: Vec<usize> = (0..samples.len()).map(|i| grown.groups as usize + i).collect();
    for (&i, fate) in seen.iter().zip(&grown.fates) {
        if let Fate::Founds { group, .. } = fate {
            clusters[i] = *group as usize;
        }
    }
    clusters
}

/// BCubed precision and recall, and the clusters that hold more than one identity.
struct Score {
    precision: f64,
    recall: f64,
    mixed: u32,
}

impl Score {
    fn of(samples: &[&Sample], clusters: &[usize]) -> Score {
        let mut members: BTreeMap<usize, HashMap<&str, usize>> = BTreeMap::new();
        let mut photos: HashMap<&str, usize> = HashMap::new();
        for (s, &c) in samples.iter().zip(clusters) {
            *members.entry(c).or_default().entry(&s.identity).or_default() += 1;
            *photos.entry(&s.identity).or_default() += 1;
        }
        let (mut precision, mut recall) = (0.0, 0.0);
        for of in members.values() {
            let size: usize = of.values().sum();
            for (identity, &n) in of {
                // Each of the n samples has the same share.
                precision += (n * n) as f64 / size as f64;
                recall += (n * n) as f64 / photos[identity] as f64;
            }
        }
        let n = samples.len().max(1) as f64;
        let mixed = members.values().filter(|of| of.len() > 1).count() as u32;
        Score { precision: precision / n, recall: recall / n, mixed }
    }

    fn f1(&self) -> f64 {
        2.0 * self.precision * self.recall / (self.precision + self.recall).max(f64::MIN_POSITIVE)
    }
}
