//! Chooses the thresholds of clustering by cross-validation over the identities of labelled pictures (LFW in
//! ALBUMEN_CORPUS), and measures the questions:
//!
//!     ALBUMEN_CORPUS=... cargo run --release -p albumen-bench --example people_tuning [CACHE]
//!
//! CACHE is a file with the models' results, so that a second run only clusters. Identities are assigned to
//! five folds by a hash of their name. For each fold, the thresholds that are best on the others are
//! evaluated on it; the sum over the folds is the result for a library of unseen people. Besides the real
//! faces each set has synthetic strangers of the same statistics, who must not be mixed up with other people.

use albumen_core::vocabulary::{FoundFace, RecogniseRequest};
use albumen_library::people::gallery::{Gallery, Probe};
use albumen_library::people::{Fate, Node, Thresholds, Vectors, exemplars, grow};
use albumen_models::files::default_dir;
use albumen_recognise::Recogniser;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const FOLDS: u64 = 5;
/// Prefix of the names of synthetic people, who are not judged.
const MADE_UP: &str = "made-up:";

#[derive(Clone)]
struct Sample {
    identity: String,
    sum: String,
    quality: f32,
    embedding: Vec<i8>,
}

fn main() {
    let Some(corpus) = std::env::var_os("ALBUMEN_CORPUS").map(PathBuf::from) else {
        eprintln!("people_tuning: ALBUMEN_CORPUS names no folder of media");
        std::process::exit(2);
    };
    let cache = std::env::args().nth(1).map(PathBuf::from);
    let mut samples = match cache.as_ref().and_then(|c| std::fs::read_to_string(c).ok()) {
        Some(text) => text.lines().map(read).collect(),
        None => look(&corpus),
    };
    if let Some(cache) = cache.filter(|c| !c.exists()) {
        std::fs::write(cache, samples.iter().map(line).collect::<String>())
            .expect("the cache can be written");
    }
    samples.sort_by(|a, b| a.sum.cmp(&b.sum));
    println!("{} faces of {} people", samples.len(), identities(&samples));
    let t = Thresholds::SFACE;
    report("all, now", &samples, &t);
    report("all and strangers, now", &with_strangers(&samples), &t);
    for fold in 0..FOLDS {
        let of: Vec<Sample> = samples.iter().filter(|s| fold_of(&s.identity) == fold).cloned().collect();
        report(&format!("fold {fold}, now"), &of, &t);
    }
    questions(&samples, &t);
    if std::env::var_os("TUNE").is_some() {
        tune(&samples);
    }
}

fn read(line: &str) -> Sample {
    let v: Value = serde_json::from_str(line).expect("a line of the cache");
    let embedding = v["embedding"].as_array().expect("numbers").iter().map(|n| n.as_i64().unwrap_or(0) as i8);
    Sample {
        identity: v["identity"].as_str().unwrap_or_default().to_owned(),
        sum: v["sum"].as_str().unwrap_or_default().to_owned(),
        quality: v["quality"].as_f64().unwrap_or(0.0) as f32,
        embedding: embedding.collect(),
    }
}

fn line(s: &Sample) -> String {
    let v = json!({ "identity": s.identity, "sum": s.sum, "quality": s.quality, "embedding": s.embedding });
    format!("{v}\n")
}

/// The labelled faces, those nearest the middle of their pictures.
fn look(corpus: &Path) -> Vec<Sample> {
    let manifest =
        std::fs::read_to_string(corpus.join("manifest.jsonl")).expect("ALBUMEN_CORPUS has a manifest");
    let mut recogniser = Recogniser::open(&default_dir(), 1).expect("the models are there");
    let rows = manifest.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
    rows.filter(|r| r["kind"] == "face-id")
        .filter_map(|row| {
            let identity = row["expected"]["identity"].as_str().filter(|i| i.starts_with("lfw:"))?;
            let jpeg = std::fs::read(corpus.join(row["file"].as_str()?)).ok()?;
            let request = RecogniseRequest { faces: true, subjects: false, try_rotations: true };
            let faces = recogniser.recognise(&jpeg, &request).ok()?.faces;
            let off = |f: &FoundFace| {
                (f.area[0] + f.area[2] / 2.0 - 0.5).abs() + (f.area[1] + f.area[3] / 2.0 - 0.5).abs()
            };
            let face = faces.into_iter().min_by(|a, b| off(a).total_cmp(&off(b)))?;
            Some(Sample {
                identity: identity.to_owned(),
                sum: row["sha256"].as_str()?.to_owned(),
                quality: face.quality,
                embedding: face.embedding,
            })
        })
        .collect()
}

fn identities(samples: &[Sample]) -> usize {
    samples.iter().map(|s| s.identity.as_str()).collect::<std::collections::BTreeSet<_>>().len()
}

fn fold_of(identity: &str) -> u64 {
    let hash = identity
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    (hash >> 20) % FOLDS
}

/// The cluster of each sample; those that wait are alone.
fn cluster(samples: &[Sample], t: &Thresholds) -> (Vec<usize>, usize) {
    let dim = samples.first().map_or(128, |s| s.embedding.len());
    let mut faces = Vectors::new(dim);
    let mut nodes = Vec::new();
    for s in samples {
        let photo = faces.push(&s.embedding);
        nodes.push(Node { quality: s.quality, photo, fresh: true });
    }
    let (stop, mut clusters) = (AtomicBool::new(false), vec![usize::MAX; samples.len()]);
    // As in an index: repeated until no face joins.
    let mut groups = 0;
    for round in 0..4 {
        let mut gallery: Vec<(Vec<f32>, u32, Vec<usize>)> = vec![(vec![0.0; dim], 0, Vec::new()); groups];
        for (i, &c) in clusters.iter().enumerate().filter(|(_, c)| **c != usize::MAX) {
            faces.add_to(i as u32, &mut gallery[c].0);
            gallery[c].1 += 1;
            gallery[c].2.push(i);
        }
        let mut kept = Vectors::new(dim);
        let known: Vec<albumen_library::people::Known> = gallery
            .into_iter()
            .map(|(sum, count, of)| {
                let start = kept.len() as u32;
                for e in chosen(samples, &of) {
                    kept.push(&samples[e].embedding);
                }
                albumen_library::people::Known {
                    sum,
                    count,
                    exemplars: start..kept.len() as u32,
                    changed: true,
                }
            })
            .collect();
        let open: Vec<usize> = (0..samples.len()).filter(|i| clusters[*i] == usize::MAX).collect();
        let mut rest = Vectors::new(dim);
        let rest_nodes: Vec<Node> = open
            .iter()
            .map(|&i| {
                rest.push(&samples[i].embedding);
                Node { fresh: round == 0, ..nodes[i].clone() }
            })
            .collect();
        let grown = grow(&rest_nodes, &rest, &known, &kept, &mut |_| Vec::new(), t, 2, &stop)
            .expect("it is not stopped");
        let mut changed = false;
        for (&i, fate) in open.iter().zip(&grown.fates) {
            match fate {
                Fate::Waits => {}
                Fate::Joins { person, .. } => (clusters[i], changed) = (*person as usize, true),
                Fate::Founds { group, .. } => (clusters[i], changed) = (groups + *group as usize, true),
            }
        }
        groups += grown.groups as usize;
        if !changed {
            break;
        }
    }
    (clusters, groups)
}

fn chosen(samples: &[Sample], of: &[usize]) -> Vec<usize> {
    let Some(first) = of.first() else { return Vec::new() };
    let mut faces = Vectors::new(samples[*first].embedding.len());
    let qualities: Vec<f32> = of.iter().map(|i| samples[*i].quality).collect();
    of.iter().for_each(|i| {
        faces.push(&samples[*i].embedding);
    });
    exemplars::choose(&faces, &qualities).into_iter().map(|e| of[e as usize]).collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct Score {
    precision: f64,
    recall: f64,
    faces: usize,
    mixed: usize,
    /// Faces that wait though their person exists, and people split into several clusters.
    waiting: usize,
    pieces: usize,
}

impl Score {
    fn f1(&self) -> f64 {
        let (p, r) = (self.precision / self.faces as f64, self.recall / self.faces as f64);
        2.0 * p * r / (p + r)
    }

    fn add(&mut self, other: Score) {
        self.precision += other.precision;
        self.recall += other.recall;
        self.faces += other.faces;
        self.mixed += other.mixed;
        self.waiting += other.waiting;
        self.pieces += other.pieces;
    }

    /// The criterion of the choice: a mixed cluster is worse than some faces that wait.
    fn worth(&self) -> f64 {
        self.f1() - 0.0015 * self.mixed as f64
    }
}

fn score(samples: &[Sample], clusters: &[usize], groups: usize) -> Score {
    let own = |(i, &c): (usize, &usize)| if c == usize::MAX { groups + i } else { c };
    let clusters: Vec<usize> = clusters.iter().enumerate().map(own).collect();
    let mut members: BTreeMap<usize, HashMap<&str, usize>> = BTreeMap::new();
    let mut photos: HashMap<&str, usize> = HashMap::new();
    for (s, &c) in samples.iter().zip(&clusters) {
        *members.entry(c).or_default().entry(&s.identity).or_default() += 1;
        *photos.entry(&s.identity).or_default() += 1;
    }
    let is_real = |identity: &str| !identity.starts_with(MADE_UP);
    let faces = samples.iter().filter(|s| is_real(&s.identity)).count();
    let mut score = Score { faces, ..Score::default() };
    let mut pieces: HashMap<&str, usize> = HashMap::new();
    for (c, of) in &members {
        let size: usize = of.values().sum();
        for (identity, &n) in of.iter().filter(|(identity, _)| is_real(identity)) {
            score.precision += (n * n) as f64 / size as f64;
            score.recall += (n * n) as f64 / photos[identity] as f64;
            if *c < groups {
                *pieces.entry(identity).or_default() += 1;
            }
        }
        score.mixed += usize::from(of.len() > 1);
    }
    score.pieces = pieces.values().filter(|n| **n > 1).count();
    let alone = samples.iter().zip(&clusters).filter(|(_, c)| **c >= groups);
    score.waiting = alone.filter(|(s, _)| pieces.contains_key(s.identity.as_str())).count();
    score
}

fn tried(samples: &[Sample], t: &Thresholds) -> Score {
    let (clusters, groups) = cluster(samples, t);
    score(samples, &clusters, groups)
}

/// Adds as many synthetic strangers as in a larger library.
fn with_strangers(samples: &[Sample]) -> Vec<Sample> {
    const STRANGERS: usize = 600;
    // Shares of a face's vector: the part common to all faces, the person, the photo (see benches/people.rs).
    const SHARES: [f32; 3] = [0.313, 0.754, 0.577];
    let mut state = 7u64;
    let mut unit = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 24) as f32).max(1e-7)
    };
    let dim = samples.first().map_or(128, |s| s.embedding.len());
    let mut direction = move || -> Vec<f32> {
        let gauss = |u: f32, v: f32| (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * v).cos();
        (0..dim).map(|_| gauss(unit(), unit()) / (dim as f32).sqrt()).collect()
    };
    let mut all = Vectors::new(dim);
    let mut common = vec![0.0; dim];
    for s in samples {
        let row = all.push(&s.embedding);
        all.add_to(row, &mut common);
    }
    let length = common.iter().map(|x| x * x).sum::<f32>().sqrt();
    let mut out = samples.to_vec();
    for n in 0..STRANGERS {
        let person = direction();
        for photo in 0..1 + n % 5 {
            let noise = direction();
            let v: Vec<f32> = (0..dim)
                .map(|i| SHARES[0] * common[i] / length + SHARES[1] * person[i] + SHARES[2] * noise[i])
                .collect();
            let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
            out.push(Sample {
                identity: format!("{MADE_UP}{n}"),
                sum: format!("{:x}", (n * 7919 + photo * 104_729) % 65_537),
                quality: 0.8,
                embedding: v.iter().map(|x| (x / length * 127.0).round() as i8).collect(),
            });
        }
    }
    out.sort_by(|a, b| a.sum.cmp(&b.sum));
    out
}

fn report(name: &str, samples: &[Sample], t: &Thresholds) {
    print_score(name, &tried(samples, t));
}

fn print_score(name: &str, s: &Score) {
    println!(
        "{name:<40} faces {:>5}  P {:.4}  R {:.4}  F1 {:.4}  mixed {}  waiting {}  in pieces {}",
        s.faces,
        s.precision / s.faces as f64,
        s.recall / s.faces as f64,
        s.f1(),
        s.mixed,
        s.waiting,
        s.pieces
    );
}

/// The questions over the clusters, best first, and the number of right ones.
fn questions(samples: &[Sample], t: &Thresholds) {
    let (clusters, groups) = cluster(samples, t);
    let dim = samples.first().map_or(128, |s| s.embedding.len());
    let mut gallery = Gallery::new(dim);
    let mut names: Vec<String> = Vec::new();
    let mut all = Vectors::new(dim);
    samples.iter().for_each(|s| {
        all.push(&s.embedding);
    });
    for g in 0..groups {
        let of: Vec<usize> = (0..samples.len()).filter(|i| clusters[*i] == g).collect();
        let mut sum = vec![0.0; dim];
        of.iter().for_each(|i| all.add_to(*i as u32, &mut sum));
        let kept = chosen(samples, &of);
        gallery.push(of.len() as u32, sum, kept.iter().map(|e| samples[*e].embedding.as_slice()));
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        of.iter().for_each(|i| *count.entry(&samples[*i].identity).or_default() += 1);
        names.push(count.into_iter().max_by_key(|(_, n)| *n).map_or(String::new(), |(n, _)| n.to_owned()));
    }
    let open: Vec<&Sample> =
        samples.iter().zip(&clusters).filter(|(_, c)| **c == usize::MAX).map(|(s, _)| s).collect();
    let probes: Vec<Probe<'_>> =
        open.iter().map(|s| Probe { embedding: &s.embedding, quality: s.quality, own: None }).collect();
    let mut asked: Vec<(f32, bool, &str)> = Vec::new();
    for (s, near) in open.iter().zip(gallery.nearest(&probes, t)) {
        if let Some((person, p)) = gallery.ask_who(&near, t, |_| true) {
            asked.push((p.rank, names[person] == s.identity, "is"));
        }
    }
    for (a, b, p) in gallery.ask_same(t) {
        asked.push((p.rank, names[a] == names[b], "same"));
    }
    asked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let right = |of: &[(f32, bool, &str)]| of.iter().filter(|a| a.1).count();
    for kind in ["is", "same"] {
        let of: Vec<_> = asked.iter().filter(|a| a.2 == kind).copied().collect();
        let first = &of[..of.len().min(20)];
        println!(
            "questions `{kind}`: {} of the first {} right, {} of all {}",
            right(first),
            first.len(),
            right(&of),
            of.len()
        );
        if std::env::var_os("SHOW").is_some() {
            of.iter().for_each(|a| println!("    {:+.3} {}", a.0, a.1));
        }
    }
    let first = &asked[..asked.len().min(20)];
    println!(
        "questions of both kinds: {} of the first {} right, {} of all {}",
        right(first),
        first.len(),
        right(&asked),
        asked.len()
    );
}

/// All thresholds that are tried.
fn grid() -> Vec<Thresholds> {
    let mut all = Vec::new();
    for group in [0.32, 0.34, 0.36] {
        for single in [0.14, 0.16] {
            for cohesion in [0.58, 0.62, 0.66, 0.70] {
                for (nearest, nearest_lead) in [(0.56, 0.08), (0.52, 0.08), (0.48, 0.10), (0.46, 0.14)] {
                    all.push(Thresholds {
                        group,
                        single,
                        cohesion,
                        nearest,
                        nearest_lead,
                        ..Thresholds::SFACE
                    });
                }
            }
        }
    }
    all
}

fn tune(samples: &[Sample]) {
    let part = |keep: &dyn Fn(u64) -> bool| -> Vec<Sample> {
        with_strangers(&samples.iter().filter(|s| keep(fold_of(&s.identity))).cloned().collect::<Vec<_>>())
    };
    let folds: Vec<Vec<Sample>> = (0..FOLDS).map(|fold| part(&|f| f == fold)).collect();
    let rest: Vec<Vec<Sample>> = (0..FOLDS).map(|fold| part(&|f| f != fold)).collect();
    let grid = grid();
    let mut held_out = Score::default();
    let mut sums = vec![0.0; grid.len()];
    for fold in 0..FOLDS as usize {
        let trained: Vec<f64> = grid.iter().map(|t| tried(&rest[fold], t).worth()).collect();
        let best = (0..grid.len()).max_by(|a, b| trained[*a].total_cmp(&trained[*b])).expect("a grid");
        sums.iter_mut().zip(&trained).for_each(|(s, w)| *s += w);
        let s = tried(&folds[fold], &grid[best]);
        print_score(&format!("fold {fold}, chosen on the others"), &s);
        println!("    {}", words(&grid[best]));
        held_out.add(s);
    }
    print_score("held out, all folds", &held_out);
    let mut order: Vec<usize> = (0..grid.len()).collect();
    order.sort_by(|a, b| sums[*b].total_cmp(&sums[*a]));
    for i in order.into_iter().take(12) {
        print_score(&words(&grid[i]), &tried(samples, &grid[i]));
        print_score("    with strangers", &tried(&with_strangers(samples), &grid[i]));
    }
}

fn words(t: &Thresholds) -> String {
    format!("g{} s{} c{} n{} l{}", t.group, t.single, t.cohesion, t.nearest, t.nearest_lead)
}
