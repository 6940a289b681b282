//! The cost of clustering: a new library of 100,000 faces, and 100 new faces among a million known ones.
//!
//!     cargo bench --bench people
//!
//! The faces are synthetic, with the statistics of SFace on LFW: photos of one person have a cosine of 0.67
//! on average, strangers 0.10 with a spread of 0.09; a third of the people have one photo, the others 2 to
//! 200.

use albumen_library::people::{Fate, Known, Node, Thresholds, Vectors, exemplars, grow};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::atomic::AtomicBool;

const DIM: usize = 128;
/// Shares of a face's vector: the part common to all faces, the person, the photo. Squares sum to 1; the
/// first is the mean cosine of strangers, the sum of the first two that of one person.
const COMMON: f32 = 0.313;
const PERSON: f32 = 0.754;
const PHOTO: f32 = 0.577;

/// Deterministic random numbers (a linear congruential generator is sufficient here).
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    /// A random direction of length 1, nearly.
    fn direction(&mut self) -> Vec<f32> {
        let spread = (DIM as f32).sqrt();
        (0..DIM)
            .map(|_| {
                let (u, v) = (self.unit().max(1e-7), self.unit());
                (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * v).cos() / spread
            })
            .collect()
    }
}

/// A synthetic set of faces.
struct World {
    random: Random,
    common: Vec<f32>,
}

impl World {
    fn new() -> World {
        let mut random = Random(7);
        let common = random.direction();
        World { random, common }
    }

    fn face(&mut self, person: &[f32]) -> Vec<i8> {
        let photo = self.random.direction();
        let v: Vec<f32> =
            (0..DIM).map(|i| COMMON * self.common[i] + PERSON * person[i] + PHOTO * photo[i]).collect();
        let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
        v.iter().map(|x| (x / length * 127.0).round() as i8).collect()
    }

    /// The number of photos of the next person.
    fn photos(&mut self) -> usize {
        if self.random.unit() < 1.0 / 3.0 { 1 } else { 2 + (self.random.unit().powi(4) * 199.0) as usize }
    }
}

fn node(photo: u32, fresh: bool) -> Node {
    Node { quality: 1.0, photo, fresh }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

fn fresh_library(c: &mut Criterion) {
    const FACES: usize = 100_000;
    let mut world = World::new();
    let mut all: Vec<(u64, Vec<i8>)> = Vec::new();
    while all.len() < FACES {
        let person = world.random.direction();
        for _ in 0..world.photos() {
            let place = (world.random.unit() * 1e9) as u64;
            all.push((place, world.face(&person)));
        }
    }
    all.sort();
    let mut faces = Vectors::new(DIM);
    all.iter().take(FACES).for_each(|(_, v)| {
        faces.push(v);
    });
    let nodes: Vec<Node> = (0..FACES as u32).map(|i| node(i, true)).collect();
    let none = Vectors::new(DIM);
    let stop = AtomicBool::new(false);
    let mut group = c.benchmark_group("people");
    group.sample_size(10);
    group.bench_function("cluster 100,000 faces", |b| {
        b.iter(|| {
            let mut nobody = |_| Vec::new();
            grow(black_box(&nodes), &faces, &[], &none, &mut nobody, &Thresholds::SFACE, threads(), &stop)
        })
    });
    group.finish();
}

fn a_hundred_among_a_million(c: &mut Criterion) {
    const KNOWN: usize = 1_000_000;
    const NEW: usize = 100;
    let mut world = World::new();
    let (mut people, mut kept) = (Vec::new(), Vectors::new(DIM));
    let mut waiting = Vectors::new(DIM);
    let (mut new, mut known) = (Vec::new(), 0);
    while known < KNOWN {
        let (person, photos) = (world.random.direction(), world.photos());
        known += photos;
        if photos == 1 {
            let face = world.face(&person);
            waiting.push(&face);
            continue;
        }
        let mut faces = Vectors::new(DIM);
        for _ in 0..photos {
            let face = world.face(&person);
            faces.push(&face);
        }
        let mut sum = vec![0.0; DIM];
        (0..photos as u32).for_each(|i| faces.add_to(i, &mut sum));
        let start = kept.len() as u32;
        for i in exemplars::choose(&faces, &vec![1.0; photos]) {
            kept.push(faces.row(i));
        }
        people.push(Known { sum, count: photos as u32, exemplars: start..kept.len() as u32, changed: false });
        if new.len() < NEW / 2 {
            new.push(world.face(&person));
        }
    }
    while new.len() < NEW {
        let person = world.random.direction();
        new.push(world.face(&person));
    }
    let before = waiting.len();
    new.iter().for_each(|v| {
        waiting.push(v);
    });
    let nodes: Vec<Node> = (0..waiting.len()).map(|i| node(i as u32, i >= before)).collect();
    let stop = AtomicBool::new(false);
    let mut group = c.benchmark_group("people");
    group.sample_size(10);
    group.bench_function("100 new faces among a million", |b| {
        b.iter_batched(
            || (),
            |()| {
                let mut nobody = |_| Vec::new();
                let grown =
                    grow(&nodes, &waiting, &people, &kept, &mut nobody, &Thresholds::SFACE, threads(), &stop);
                let joined =
                    grown.expect("nobody stops it").fates.iter().filter(|f| **f != Fate::Waits).count();
                assert!(joined > NEW / 4, "faces of known people join them");
            },
            BatchSize::PerIteration,
        )
    });
    group.finish();
    eprintln!(
        "{} people, {} exemplars, {before} faces that wait; peak of this process {}",
        people.len(),
        kept.len(),
        peak()
    );
}

/// The peak memory of this process, from /proc.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|l| l.strip_prefix("VmHWM:")).map_or("unknown".into(), |v| v.trim().to_owned())
}

criterion_group!(benches, a_hundred_among_a_million, fresh_library);
criterion_main!(benches);
