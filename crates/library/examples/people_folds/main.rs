//! Thresholds of people by cross-validation over the identities of a labelled set: for each of five folds they are chosen on
//! the identities of the other four, and the faces of the fold are scored in a clustering of all faces. No identity is scored
//! under thresholds that were chosen with it. The questions are measured by kind, with the program's thresholds also on faces
//! that arrive in parts, which leaves more people in pieces.
//!
//!     cargo run --release --example corpus_report -- people-faces    (finds and embeds the faces, once; prints FILE)
//!     cargo run --release -p albumen-library --example people_folds -- FILE [program]
//!
//! With `program`, only the program's thresholds are measured: the choice takes most of the time.

mod score;

use albumen_library::people::gallery::{Gallery, Probe, Proposal};
use albumen_library::people::{Fate, Known, Node, Thresholds, Vectors, exemplars, grow};
use score::Score;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;

const FOLDS: usize = 5;
/// The maximum number of evaluated questions of each kind per fold.
const QUESTIONS: usize = 20;

/// A picture, with its labelled face in the original and in a copy that is shrunk until the face has 20 to 42
/// pixels.
struct Sample {
    identity: String,
    sum: String,
    face: Option<Face>,
    small: Option<Face>,
}

#[derive(Clone)]
struct Face {
    quality: f32,
    embedding: Vec<i8>,
}

/// The set of faces that is clustered.
#[derive(Clone, Copy, PartialEq)]
enum Set {
    /// Those of the original pictures.
    AsTheyAre,
    /// Two in five from the shrunk pictures.
    Small,
    /// The same, arriving in [`PARTS`] parts.
    SmallInParts,
}

/// The parts of [`Set::SmallInParts`]; each is clustered before the next arrives.
const PARTS: usize = 20;

/// A question for users, and whether "yes" is right.
struct Asked {
    /// About two people, not about a face and a person.
    is_same: bool,
    is_right: bool,
}

fn main() {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("people_folds: name the file of faces that `corpus_report people-faces` made");
        std::process::exit(2);
    };
    let samples = std::fs::read(&file).map_err(|e| e.to_string()).and_then(|kept| read(&kept));
    let is_choosing = std::env::args().nth(2).as_deref() != Some("program");
    match samples {
        Ok(samples) => print(&samples, is_choosing),
        Err(e) => {
            eprintln!("people_folds: {file}: {e}");
            std::process::exit(2);
        }
    }
}

fn read(kept: &[u8]) -> Result<Vec<Sample>, String> {
    let all: Vec<Value> = serde_json::from_slice(kept).map_err(|e| e.to_string())?;
    let face = |v: &Value| -> Option<Face> {
        let embedding = v["embedding"].as_array()?.iter().map(|x| x.as_i64().unwrap_or(0) as i8).collect();
        Some(Face { quality: v["quality"].as_f64()? as f32, embedding })
    };
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    Ok(all
        .iter()
        .map(|v| Sample {
            identity: text(&v["identity"]),
            sum: text(&v["sum"]),
            face: face(&v["face"]),
            small: face(&v["small"]),
        })
        .collect())
}

fn print(samples: &[Sample], is_choosing: bool) {
    let folds = folds(samples);
    println!("{} faces of {} identities, {FOLDS} folds", samples.len(), folds.len());
    let mut chosen: BTreeMap<usize, Thresholds> = BTreeMap::new();
    for fold in (0..FOLDS).filter(|_| is_choosing) {
        let train: Vec<&Sample> = samples.iter().filter(|s| folds[s.identity.as_str()] != fold).collect();
        let (thresholds, f1) = choose(&train);
        let Thresholds { group, single, cohesion, poor, .. } = thresholds;
        println!(
            "fold {fold}: group {group:.2} single {single:.2} cohesion {cohesion:.2} poor {poor:.2}, F1 {f1:.4}"
        );
        chosen.insert(fold, thresholds);
    }
    let all: Vec<&Sample> = samples.iter().collect();
    // `None` if they were not chosen.
    let held_out = |fold: usize| chosen.get(&fold).cloned();
    let program = |_: usize| Some(Thresholds::SFACE);
    for (name, set, whose, of) in [
        (
            "as they are",
            Set::AsTheyAre,
            "chosen without them",
            &held_out as &dyn Fn(usize) -> Option<Thresholds>,
        ),
        ("as they are", Set::AsTheyAre, "as in the program", &program),
        ("two in five small", Set::Small, "chosen without them", &held_out),
        ("two in five small", Set::Small, "as in the program", &program),
        ("two in five small, in parts", Set::SmallInParts, "as in the program", &program),
    ] {
        if chosen.is_empty() && whose == "chosen without them" {
            continue;
        }
        let mut score = Score::default();
        // About a face and a person, and about two people: right, asked.
        let mut questions = [[0; 2]; 2];
        for fold in 0..FOLDS {
            let is_out = |i: usize| folds[all[i].identity.as_str()] == fold;
            let Some(thresholds) = of(fold) else { continue };
            let clustered = Clustered::of(&all, set, &thresholds);
            score += Score::of(&identities(&all), &clustered.clusters, is_out);
            let asked = clustered.questions(&all, &thresholds, is_out);
            for (is_same, count) in [false, true].into_iter().zip(&mut questions) {
                for question in asked.iter().filter(|q| q.is_same == is_same).take(QUESTIONS) {
                    count[0] += usize::from(question.is_right);
                    count[1] += 1;
                }
            }
        }
        let [[face_right, face_asked], [same_right, same_asked]] = questions;
        println!(
            "{name}, thresholds {whose}: precision {:.4} recall {:.4} F1 {:.4}, {} mixed; right are {face_right} of {face_asked} \
             questions about a face, {same_right} of {same_asked} about two people",
            score.precision(),
            score.recall(),
            score.f1(),
            score.mixed
        );
    }
}

fn identities<'a>(samples: &[&'a Sample]) -> Vec<&'a str> {
    samples.iter().map(|s| s.identity.as_str()).collect()
}

/// The fold of each identity: those with most pictures are assigned first, so that every fold has as many of
/// each kind.
fn folds(samples: &[Sample]) -> HashMap<&str, usize> {
    let mut pictures: BTreeMap<&str, usize> = BTreeMap::new();
    samples.iter().for_each(|s| *pictures.entry(&s.identity).or_default() += 1);
    let mut order: Vec<(&str, usize)> = pictures.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    order.into_iter().enumerate().map(|(n, (identity, _))| (identity, n % FOLDS)).collect()
}

/// The thresholds with the best F1 on these faces, the mean of both sets less a hundredth for each mixed
/// cluster per hundred faces; of equal ones those nearest the program's.
fn choose(train: &[&Sample]) -> (Thresholds, f64) {
    let mut best: Option<(f64, f32, Thresholds)> = None;
    let now = Thresholds::SFACE;
    for group in [0.28, 0.30, 0.32, 0.34, 0.36] {
        for single in [0.14, 0.16, 0.18] {
            for cohesion in [0.66, 0.70] {
                for poor in [0.0, 0.02] {
                    let t = Thresholds { group, single, cohesion, poor, ..now.clone() };
                    let f1: f64 = [Set::AsTheyAre, Set::Small]
                        .map(|set| {
                            let clustered = Clustered::of(train, set, &t);
                            let score = Score::of(&identities(train), &clustered.clusters, |_| true);
                            score.f1() - score.mixed as f64 / train.len() as f64
                        })
                        .iter()
                        .sum::<f64>()
                        / 2.0;
                    let far = (group - now.group).abs()
                        + (single - now.single).abs()
                        + (cohesion - now.cohesion).abs()
                        + (poor - now.poor).abs();
                    let is_better = best.as_ref().is_none_or(|(most, least, _)| {
                        f1 > most + 1e-9 || (f1 > most - 1e-9 && far < *least)
                    });
                    if is_better {
                        best = Some((f1, far, t));
                    }
                }
            }
        }
    }
    let (f1, _, thresholds) = best.expect("the grid is not empty");
    (thresholds, f1)
}

/// The result of clustering some faces in a new library.
struct Clustered {
    /// A cluster number for each sample; one that waits has a number of its own.
    clusters: Vec<usize>,
    /// The number of people.
    people: usize,
    faces: Vec<Option<Face>>,
}

impl Clustered {
    fn of(samples: &[&Sample], set: Set, thresholds: &Thresholds) -> Clustered {
        let is_small = |s: &Sample| u8::from_str_radix(s.sum.get(..2).unwrap_or("0"), 16).unwrap_or(0) < 102;
        let faces: Vec<Option<Face>> = samples
            .iter()
            .map(|s| if set != Set::AsTheyAre && is_small(s) { s.small.clone() } else { s.face.clone() })
            .collect();
        let parts = if set == Set::SmallInParts { PARTS } else { 1 };
        let dim = faces.iter().flatten().next().map_or(0, |f| f.embedding.len());
        let mut persons: Vec<Vec<usize>> = Vec::new();
        let mut waiting: Vec<usize> = Vec::new();
        for part in 0..parts {
            let earlier = waiting.len();
            waiting.extend((part..samples.len()).step_by(parts).filter(|&i| faces[i].is_some()));
            let mut vectors = Vectors::new(dim);
            let node = |(n, &i): (usize, &usize)| {
                let face = faces[i].as_ref()?;
                vectors.push(&face.embedding);
                Some(Node { quality: face.quality, photo: i as u32, fresh: n >= earlier })
            };
            let nodes: Vec<Node> = waiting.iter().enumerate().filter_map(node).collect();
            let mut kept = Vectors::new(dim);
            let mut known = Vec::new();
            for of in &persons {
                let (sum, chosen) = portrait(&faces, of, dim);
                let start = kept.len() as u32;
                chosen.iter().for_each(|row| {
                    kept.push(row);
                });
                known.push(Known {
                    sum,
                    count: of.len() as u32,
                    exemplars: start..kept.len() as u32,
                    changed: true,
                });
            }
            let stop = AtomicBool::new(false);
            let grown = grow(&nodes, &vectors, &known, &kept, &mut |_| Vec::new(), thresholds, 1, &stop)
                .expect("nothing stops it");
            let first_new = persons.len();
            persons.resize(first_new + grown.groups as usize, Vec::new());
            let mut left = Vec::new();
            for (&i, fate) in waiting.iter().zip(&grown.fates) {
                match fate {
                    Fate::Waits => left.push(i),
                    Fate::Joins { person, .. } => persons[*person as usize].push(i),
                    Fate::Founds { group, .. } => persons[first_new + *group as usize].push(i),
                }
            }
            waiting = left;
        }
        let people = persons.len();
        let mut clusters: Vec<usize> = (people..people + samples.len()).collect();
        for (person, of) in persons.iter().enumerate() {
            of.iter().for_each(|&i| clusters[i] = person);
        }
        Clustered { clusters, people, faces }
    }

    /// The questions for users, best first, if they concern a face that `counts`.
    fn questions(&self, samples: &[&Sample], t: &Thresholds, counts: impl Fn(usize) -> bool) -> Vec<Asked> {
        let dim = self.faces.iter().flatten().next().map_or(0, |f| f.embedding.len());
        let mut gallery = Gallery::new(dim);
        // The identity of most faces of a person, and whether one of them counts.
        let mut whose: Vec<(&str, bool)> = Vec::new();
        for person in 0..self.people {
            let of: Vec<usize> = (0..samples.len()).filter(|&i| self.clusters[i] == person).collect();
            let (sum, chosen) = portrait(&self.faces, &of, dim);
            gallery.push(of.len() as u32, sum, chosen.iter().map(Vec::as_slice));
            let mut count: BTreeMap<&str, usize> = BTreeMap::new();
            of.iter().for_each(|&i| *count.entry(&samples[i].identity).or_default() += 1);
            let most = count.iter().max_by_key(|(_, n)| **n).map_or("", |(identity, _)| *identity);
            whose.push((most, of.iter().any(|&i| counts(i))));
        }
        let waiting: Vec<(usize, &Face)> = (0..samples.len())
            .filter(|&i| self.clusters[i] >= self.people)
            .filter_map(|i| Some((i, self.faces[i].as_ref()?)))
            .collect();
        let probes: Vec<Probe<'_>> = waiting
            .iter()
            .map(|(_, f)| Probe { embedding: &f.embedding, quality: f.quality, own: None })
            .collect();
        let mut asked: Vec<(Proposal, Asked)> = Vec::new();
        for ((i, _), near) in waiting.iter().zip(gallery.nearest(&probes, t)) {
            if let Some((person, proposal)) = gallery.ask_who(&near, t, |_| true)
                && (counts(*i) || whose[person].1)
            {
                let is_right = whose[person].0 == samples[*i].identity;
                asked.push((proposal, Asked { is_same: false, is_right }));
            }
        }
        for (a, b, proposal) in gallery.ask_same(t) {
            if whose[a].1 || whose[b].1 {
                asked.push((proposal, Asked { is_same: true, is_right: whose[a].0 == whose[b].0 }));
            }
        }
        asked.sort_by(|x, y| y.0.rank.total_cmp(&x.0.rank));
        asked.into_iter().map(|(_, asked)| asked).collect()
    }
}

/// The sum of the unit vectors of some faces, and the embeddings of their exemplars.
fn portrait(faces: &[Option<Face>], of: &[usize], dim: usize) -> (Vec<f32>, Vec<Vec<i8>>) {
    let (mut vectors, mut qualities, mut sum) = (Vectors::new(dim), Vec::new(), vec![0.0; dim]);
    for face in of.iter().filter_map(|&i| faces[i].as_ref()) {
        let row = vectors.push(&face.embedding);
        vectors.add_to(row, &mut sum);
        qualities.push(face.quality);
    }
    let chosen = exemplars::choose(&vectors, &qualities);
    (sum, chosen.iter().map(|&row| vectors.row(row).to_vec()).collect())
}
