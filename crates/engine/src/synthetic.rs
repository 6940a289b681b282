//! Synthetic items, written like those of a run: for tests of scale and the recorder benchmark.
//!
//! Every item has a date, a camera, coordinates and three derivatives, and is recognised; every fourth has a face of
//! one of many people, with the statistics of the real embedder (photos of one person have a cosine of 0.67 on average,
//! those of different people 0.10).

use crate::pipeline::keys;
use crate::pipeline::progress::Progress;
use crate::pipeline::recorder::{FileRecord, RecognisedRecord, Record, Recorder, Stages};
use crate::pipeline::store::Store;
use albumen_core::vocabulary::{
    Camera, DerivativeName, Facts, Format, FoundFace, Gps, Kind, Recognised, RenderSettings, Stage, Taken,
};
use albumen_files::FileStat;
use albumen_files::mounts::FsId;
use albumen_index::Error as IndexError;
use albumen_index::Index;
use albumen_index::due::StageNow;
use albumen_index::record::{DerivativeRow, Outcome};
use std::sync::Arc;

/// Dimensions of an embedding.
const DIM: usize = 128;
/// Components of an embedding: common to all faces, the person, the photo. Their squares sum to 1.
const SHARES: [f32; 3] = [0.313, 0.754, 0.577];
/// Average number of photos with a face for each person.
const PHOTOS_A_PERSON: u64 = 40;
/// One in this many items has a face.
pub const FACE_EVERY: u64 = 4;

/// The stages of a run without models, plus faces of a synthetic model.
pub fn stages() -> Stages {
    Stages {
        inspect: keys::inspect_now(),
        render: keys::render_now(&RenderSettings::default()),
        faces: Some(StageNow { stage: Stage::Faces, version: 1, settings: keys::digest16(&[b"synthetic"]) }),
        subjects: None,
    }
}

/// The recorder of a run.
pub fn recorder(index: Index) -> Recorder {
    let store = Store::new(index.dir());
    let progress = Arc::new(Progress::default());
    Recorder { index, store, stages: stages(), progress, committed: None, patience: None }
}

/// Writes records like a run: in batches, each one transaction.
pub fn write(recorder: Recorder, records: impl Iterator<Item = Record> + Send) -> Result<(), IndexError> {
    let (out, incoming) = crossbeam_channel::bounded(256);
    std::thread::scope(|s| {
        s.spawn(move || {
            for record in records {
                // A recorder that has stopped reports the reason itself.
                if out.send(record).is_err() {
                    return;
                }
            }
        });
        recorder.run(incoming)
    })
}

/// The record of item `n`, found at a path.
pub fn file(n: u64, folder_id: i64, name: &[u8], fs: FsId, stat: FileStat) -> Record {
    let hash = content_hash(n);
    let (day, hour) = (n / 30, n % 24);
    let (year, month, day) = (2000 + day / 336 % 24, day / 28 % 12 + 1, day % 28 + 1);
    let facts = Facts {
        kind: Some(Kind::Photo),
        format: Some(Format::Jpeg),
        width: Some(4032),
        height: Some(3024),
        display_width: Some(4032),
        display_height: Some(3024),
        taken: Some(Taken {
            local: format!("{year}-{month:02}-{day:02}T{hour:02}:20:30"),
            source: "exif:DateTimeOriginal".to_owned(),
            ..Taken::default()
        }),
        camera: Camera {
            make: Some("Make".into()),
            model: Some(format!("Model {}", n % 7)),
            ..Camera::default()
        },
        gps: Some(Gps { lat: (n % 120) as f64 - 60.0, lon: (n % 360) as f64 - 180.0, alt: None }),
        title: Some(format!("{} {}", WORDS[(n % 16) as usize], WORDS[(n / 16 % 16) as usize])),
        ..Facts::default()
    };
    let derivative = |(name, short): (DerivativeName, u32)| DerivativeRow {
        name,
        path: format!("derived/{}/{}/{}-{}.jpg", &hash[3..5], &hash[5..7], &hash[7..39], name.as_str()),
        width: short * 4 / 3,
        height: short,
        bytes: u64::from(short) * 200,
    };
    Record::File(Box::new(FileRecord {
        pending_id: 0,
        folder_id,
        name: name.to_vec(),
        fs,
        stat,
        file_inputs: keys::digest16(&[hash.as_bytes()]),
        touched: false,
        moved_from: None,
        facts: Some(facts),
        inspect: Outcome::Done,
        render: Some(Outcome::Done),
        derivatives: Some(albumen_core::ladder::LADDER.map(derivative).to_vec()),
        thumbhash: Some(vec![n as u8; 25]),
        content_hash: Some(hash),
    }))
}

const WORDS: [&str; 16] = [
    "beach", "mountain", "garden", "birthday", "street", "river", "forest", "kitchen", "harbour", "bridge",
    "market", "station", "winter", "castle", "island", "meadow",
];

/// A word in one of eight items.
pub const A_WORD: &str = WORDS[0];

/// The recognition record of item `n` with row `file_id`: one in [`FACE_EVERY`] has a face.
pub fn looked_at(n: u64, people: u64, file_id: i64) -> Record {
    match n % FACE_EVERY {
        0 => face(n, people, file_id),
        _ => recognised(n, file_id, Vec::new()),
    }
}

/// The face of item `n` with row `file_id`.
pub fn face(n: u64, people: u64, file_id: i64) -> Record {
    let person = direction(1_000_000_007 + n / FACE_EVERY % people.max(1));
    let (common, photo) = (direction(7), direction(n.wrapping_mul(31) + 5_000_000_029));
    let mixed = |i: usize| SHARES[0] * common[i] + SHARES[1] * person[i] + SHARES[2] * photo[i];
    let length = (0..DIM).map(|i| mixed(i) * mixed(i)).sum::<f32>().sqrt();
    let embedding = (0..DIM).map(|i| (mixed(i) / length * 127.0).round() as i8).collect();
    let found = FoundFace {
        area: [0.4, 0.3, 0.2, 0.25],
        score: 0.95,
        quality: 0.9,
        points: [[0.45, 0.4], [0.55, 0.4], [0.5, 0.45], [0.46, 0.5], [0.54, 0.5]],
        embedding,
    };
    recognised(n, file_id, vec![found])
}

fn recognised(n: u64, file_id: i64, faces: Vec<FoundFace>) -> Record {
    Record::Recognised(Box::new(RecognisedRecord {
        file_id,
        content_hash: content_hash(n),
        faces: true,
        subjects: false,
        answer: Ok(Some(Recognised { faces, ..Recognised::default() })),
    }))
}

fn content_hash(n: u64) -> String {
    format!("b3:{}", blake3::hash(&n.to_le_bytes()).to_hex())
}

/// Number of people in a library of `items` items.
pub fn people(items: u64) -> u64 {
    (items / FACE_EVERY / PHOTOS_A_PERSON).max(1)
}

/// A vector of length close to 1; the same for the same seed.
fn direction(seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut unit = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let spread = (DIM as f32).sqrt();
    let mut normal =
        || (-2.0 * unit().max(1e-7).ln()).sqrt() * (std::f32::consts::TAU * unit()).cos() / spread;
    (0..DIM).map(|_| normal()).collect()
}
