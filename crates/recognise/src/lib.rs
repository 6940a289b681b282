//! Faces and subjects by ONNX models. All ONNX is here; it runs in the recogniser process.
//!
//! [`Recogniser`] is opened once, before that process enters the sandbox, and then called for one picture
//! after the other: the `xl` derivative, a JPEG. `albumen_models` lists the available models.

#![deny(unsafe_code)]

pub mod faces;
pub mod picture;
mod session;
pub mod subjects;

use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{FixedAdmission, RecogniseRequest, Recognised};
use albumen_media::decode::jpeg;
use albumen_media::pixels::Pixels;
use albumen_media::pixels::orient::Orientation;
use albumen_models::files::ModelFault;
use albumen_models::manifest;
use faces::Faces;
use faces::detect::Detector;
use faces::embed::Embedder;
use picture::Views;
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use subjects::Subjects;
use subjects::classify::Classifier;
use subjects::detect::ObjectDetector;

/// The open models; missing ones are not open: see [`albumen_models::files::available`].
pub struct Recogniser {
    pub faces: Option<Faces>,
    pub subjects: Option<Subjects>,
}

impl Recogniser {
    /// Opens the models in `dir`, with `threads` threads per network. A broken file is a fault, and so is a
    /// missing runtime.
    pub fn open(dir: &Path, threads: usize) -> Result<Recogniser, ModelFault> {
        let m = manifest::manifest();
        let environment = session::environment(dir)?;
        let faces = || {
            let detector = Detector::open(&environment, dir, &m.face_detector, threads)?;
            let embedder = Embedder::open(&environment, dir, &m.face_embedder, threads)?;
            Ok(Faces { detector, embedder })
        };
        let subjects = || {
            let classifier = Classifier::open(&environment, dir, &m.classifier, threads)?;
            let objects = present(ObjectDetector::open(&environment, dir, &m.object_detector, threads))?;
            Ok(Subjects { classifier, objects })
        };
        Ok(Recogniser { faces: present(faces())?, subjects: present(subjects())? })
    }

    /// Recognises a picture. Requesting a model that is not open is [`Fault::Unsupported`].
    pub fn recognise(&mut self, jpeg: &[u8], request: &RecogniseRequest) -> Result<Recognised, Fault> {
        let absent =
            |what| Fault::unsupported(format!("the models for {what} are missing: run `make models`"));
        let picture = read_back(jpeg)?;
        let views = Views::of(&picture);
        let mut recognised = Recognised::default();
        if request.faces {
            let start = cpu_s();
            let faces = self.faces.as_mut().ok_or_else(|| absent("faces"))?;
            recognised.faces = faces.find(&views, request.try_rotations)?;
            recognised.faces_s = cpu_s() - start;
        }
        if request.subjects {
            let start = cpu_s();
            let subjects = self.subjects.as_mut().ok_or_else(|| absent("subjects"))?;
            (recognised.subjects, recognised.features) = subjects.find(&views)?;
            recognised.subjects_s = cpu_s() - start;
        }
        Ok(recognised)
    }
}

/// The maximum memory for decoding a derivative, bytes; `xl` has at most 5120 x 1280 pixels of three bytes.
const DECODING: FixedAdmission = FixedAdmission(64 << 20);

/// Decodes a JPEG that render wrote: upright, at its own size. Only Albumen writes to the index folder, but a
/// disk may have damaged it.
fn read_back(jpeg: &[u8]) -> Result<Pixels, Fault> {
    let source = Source::from_bytes(jpeg.to_vec());
    jpeg::decode(&source, None, Orientation::UPRIGHT, None, &|width, height| (width, height), &DECODING)
}

/// A part with a missing file is absent; any other fault is returned.
fn present<T>(opened: Result<T, ModelFault>) -> Result<Option<T>, ModelFault> {
    match opened {
        Err(ModelFault::Missing { .. }) => Ok(None),
        other => other.map(Some),
    }
}

/// CPU seconds of this process so far.
fn cpu_s() -> f64 {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}
