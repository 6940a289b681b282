//! Thresholds of people by cross-validation over the identities of a labelled set: for each of five folds they are chosen on
//! the identities of the other four, and the faces of the fold are scored in a clustering of all faces. No identity is scored
//! under thresholds that were chosen with it.
//!
//!     cargo run --release --example corpus_report -- people-faces    (finds and embeds the faces, once; prints FILE)
//!     cargo run --release -p albumen-library --example people_folds -- FILE

mod score;

use albumen_library::people::gallery::{Gallery, Probe, Proposal};
use albumen_library::people::{Fate, Node, Thresholds, Vectors, exemplars, grow};
use score::Score;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;

const FOLDS: usize = 5;
/// The maximum number of evaluated questions per fold.
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
}

fn main() {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("people_folds: name the file of faces that `corpus_report people-faces` made");
        std::process::exit(2);
    };
    let samples = std::fs::read(&file).map_err(|e| e.to_string()).and_then(|kept| read(&kept));
    match samples {
        Ok(samples) => print(&samples),
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

fn print(samples: &[Sample]) {
    let folds = folds(samples);
    println!("{} faces of {} identities, {FOLDS} folds", samples.len(), folds.len());
    let mut chosen: BTreeMap<usize, Thresholds> = BTreeMap::new();
    for fold in 0..FOLDS {
        let train: Vec<&Sample> = samples.iter().filter(|s| folds[s.identity.as_str()] != fold).collect();
        let (thresholds, f1) = choose(&train);
        let Thresholds { group, single, cohesion, poor, .. } = thresholds;
        println!(
            "fold {fold}: group {group:.2} single {single:.2} cohesion {cohesion:.2} poor {poor:.2}, F1 {f1:.4}"
        );
        chosen.insert(fold, thresholds);
    }
    let all: Vec<&Sample> = samples.iter().collect();
    for (name, set) in [("as they are", Set::AsTheyAre), ("two in five small", Set::Small)] {
        for (whose, of) in [
            ("chosen without them", &(|fold: usize| chosen[&fold].clone()) as &dyn Fn(usize) -> Thresholds),
            ("as in the program", &|_| Thresholds::SFACE),
        ] {
            let (mut score, mut right, mut asked) = (Score::default(), 0, 0);
            for fold in 0..FOLDS {
                let is_out = |i: usize| folds[all[i].identity.as_str()] == fold;
                let clustered = Clustered::of(&all, set, &of(fold));
                score += Score::of(&identities(&all), &clustered.clusters, is_out);
                let answers = clustered.questions(&all, &of(fold), is_out);
                asked += answers.len().min(QUESTIONS);
                right += answers.iter().take(QUESTIONS).filter(|is_right| **is_right).count();
            }
            println!(
                "{name}, thresholds {whose}: precision {:.4} recall {:.4} F1 {:.4}, {} mixed; questions {right} of {asked} right",
                score.precision(),
                score.recall(),
                score.f1(),
                score.mixed
            );
        }
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
            .map(|s| if set == Set::Small && is_small(s) { s.small.clone() } else { s.face.clone() })
            .collect();
        let seen: Vec<(usize, &Face)> =
            faces.iter().enumerate().filter_map(|(i, f)| Some((i, f.as_ref()?))).collect();
        let dim = seen.first().map_or(0, |(_, f)| f.embedding.len());
        let mut vectors = Vectors::new(dim);
        let nodes: Vec<Node> = seen
            .iter()
            .map(|(_, f)| Node { quality: f.quality, photo: vectors.push(&f.embedding), fresh: true })
            .collect();
        let (none, stop) = (Vectors::new(dim), AtomicBool::new(false));
        let grown = grow(&nodes, &vectors, &[], &none, &mut |_| Vec::new(), thresholds, 1, &stop)
            .expect("nothing stops it");
        let people = grown.groups as usize;
        let mut clusters: Vec<usize> = (people..people + samples.len()).collect();
        for ((i, _), fate) in seen.iter().zip(&grown.fates) {
            if let Fate::Founds { group, .. } = fate {
                clusters[*i] = *group as usize;
            }
        }
        Clustered { clusters, people, faces }
    }

    /// The questions for users, best first, if they concern a face that `counts`: whether "yes" is right.
    fn questions(&self, samples: &[&Sample], t: &Thresholds, counts: impl Fn(usize) -> bool) -> Vec<bool> {
        let dim = self.faces.iter().flatten().next().map_or(0, |f| f.embedding.len());
        let mut gallery = Gallery::new(dim);
        // The identity of most faces of a person, and whether one of them counts.
        let mut whose: Vec<(&str, bool)> = Vec::new();
        for person in 0..self.people {
            let of: Vec<usize> = (0..samples.len()).filter(|&i| self.clusters[i] == person).collect();
            let (mut vectors, mut qualities, mut sum) = (Vectors::new(dim), Vec::new(), vec![0.0; dim]);
            for face in of.iter().filter_map(|&i| self.faces[i].as_ref()) {
                let row = vectors.push(&face.embedding);
                vectors.add_to(row, &mut sum);
                qualities.push(face.quality);
            }
            let chosen = exemplars::choose(&vectors, &qualities);
            gallery.push(of.len() as u32, sum, chosen.iter().map(|&row| vectors.row(row)));
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
        let mut asked: Vec<(Proposal, bool)> = Vec::new();
        for ((i, _), near) in waiting.iter().zip(gallery.nearest(&probes, t)) {
            if let Some((person, proposal)) = gallery.ask_who(&near, t, |_| true)
                && (counts(*i) || whose[person].1)
            {
                asked.push((proposal, whose[person].0 == samples[*i].identity));
            }
        }
        for (a, b, proposal) in gallery.ask_same(t) {
            if whose[a].1 || whose[b].1 {
                asked.push((proposal, whose[a].0 == whose[b].0));
            }
        }
        asked.sort_by(|x, y| y.0.rank.total_cmp(&x.0.rank));
        asked.into_iter().map(|(_, is_right)| is_right).collect()
    }
}
