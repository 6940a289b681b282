//! The location of the model files, and their integrity.
//!
//! Promises: nothing here uses ONNX, so the engine may query the installed models and a stage's input key; a
//! fault names the model and the next step. Opening them is left to the recogniser.

use super::manifest::{Artefact, Manifest, manifest};
use super::taxonomy;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Why a model or the runtime cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelFault {
    #[error("{name} is missing from {}: run `make models`", folder.display())]
    Missing { name: String, folder: PathBuf },
    #[error("{name} is cut off ({has} of {needs} bytes): delete {} and run `make models`", path.display())]
    Truncated { name: String, path: PathBuf, has: u64, needs: u64 },
    #[error("{name} is not the file it should be (its sum differs): delete {} and run `make models`", path.display())]
    Wrong { name: String, path: PathBuf },
    #[error("{name} cannot be read: {why}")]
    Unreadable { name: String, why: String },
    #[error("there is no ONNX Runtime for this kind of processor ({arch})")]
    NoRuntime { arch: String },
    #[error("the ONNX Runtime at {} is too old ({why}): run `make models`", path.display())]
    RuntimeTooOld { path: PathBuf, why: String },
    #[error("the ONNX Runtime at {} cannot be loaded: {why}", path.display())]
    RuntimeBroken { path: PathBuf, why: String },
    #[error("{name} does not fit what models/manifest.toml says of it: {why}")]
    Unfit { name: String, why: String },
}

/// The parts that work with the installed files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Availability {
    pub faces: bool,
    pub subjects: bool,
    /// Names of missing files.
    pub missing: Vec<String>,
}

/// The two stages that need models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Faces,
    Subjects,
}

/// The models' folder of an installed package, for every user of the machine.
const SYSTEM_DIR: &str = "/usr/share/albumen/models";

/// The models' folder: `ALBUMEN_MODELS`, else the user's cache if it contains any, else the package's.
pub fn default_dir() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    let own = dir_of(from("ALBUMEN_MODELS"), from("XDG_CACHE_HOME"), from("HOME"));
    own_or_system(own, from("ALBUMEN_MODELS").is_some(), Path::new(SYSTEM_DIR))
}

fn own_or_system(own: PathBuf, is_said: bool, system: &Path) -> PathBuf {
    if is_said || own.is_dir() || !system.is_dir() { own } else { system.to_owned() }
}

fn dir_of(models: Option<OsString>, cache: Option<OsString>, home: Option<OsString>) -> PathBuf {
    match (models, cache, home) {
        (Some(models), _, _) => PathBuf::from(models),
        (None, Some(cache), _) => PathBuf::from(cache).join("albumen/models"),
        (None, None, Some(home)) => PathBuf::from(home).join(".cache/albumen/models"),
        (None, None, None) => PathBuf::from("/var/cache/albumen/models"),
    }
}

/// The installed models, by name and size only; checksums are verified when the recogniser opens the files.
pub fn available(dir: &Path) -> Availability {
    let mut missing = Vec::new();
    let mut has = |file: &Artefact| {
        let there = is_there(dir, file);
        if !there {
            missing.push(file.name.clone());
        }
        there
    };
    let m = manifest();
    let runtime = match m.runtime() {
        Some(runtime) => has(runtime),
        None => false,
    };
    let faces = has(&m.face_detector.file) & has(&m.face_embedder.file);
    // Without the object detector there are fewer subjects and no boxes.
    let subjects = has(&m.classifier.file);
    has(&m.object_detector.file);
    if m.runtime().is_none() {
        missing.push(format!("an ONNX Runtime for {}", std::env::consts::ARCH));
    }
    Availability { faces: runtime && faces, subjects: runtime && subjects, missing }
}

fn is_there(dir: &Path, file: &Artefact) -> bool {
    std::fs::metadata(dir.join(&file.sha256)).is_ok_and(|m| m.is_file() && m.len() == file.bytes)
}

/// The dependencies of a part's results besides the picture and the code: checksums, thresholds, the
/// taxonomy, and whether the optional object detector is installed. Part of the stage's input key; a short
/// hexadecimal hash.
pub fn settings_key(dir: &Path, part: Part) -> String {
    let m = manifest();
    let mut hash = blake3::Hasher::new();
    let mut add = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    match part {
        Part::Faces => {
            add(&m.face_detector.file.sha256);
            add(&format!("{:?}", m.face_detector.thresholds));
            add(&m.face_embedder.file.sha256);
            add(&format!("{:?}", m.face_embedder.head.points));
        }
        Part::Subjects => {
            add(&m.classifier.file.sha256);
            if is_there(dir, &m.object_detector.file) {
                add(&m.object_detector.file.sha256);
                add(&format!("{:?}", m.object_detector.thresholds));
            }
            add(taxonomy::TEXT);
        }
    }
    hash.finalize().to_hex()[..32].to_owned()
}

/// The path of an intact file: its size and its checksum are right.
pub fn verified(dir: &Path, file: &Artefact) -> Result<PathBuf, ModelFault> {
    let path = dir.join(&file.sha256);
    let name = file.name.clone();
    let opened = match File::open(&path) {
        Ok(opened) => opened,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(ModelFault::Missing { name, folder: dir.to_owned() });
        }
        Err(e) => return Err(ModelFault::Unreadable { name, why: e.to_string() }),
    };
    let unreadable =
        |e: std::io::Error| ModelFault::Unreadable { name: file.name.clone(), why: e.to_string() };
    let has = opened.metadata().map_err(unreadable)?.len();
    if has < file.bytes {
        return Err(ModelFault::Truncated { name, path, has, needs: file.bytes });
    }
    if has > file.bytes || sum(opened).map_err(unreadable)? != file.sha256 {
        return Err(ModelFault::Wrong { name, path });
    }
    Ok(path)
}

fn sum(mut file: File) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

/// One line of `albumen models`.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Its purpose: `face_detector`, `face_embedder`, `classifier`, `object_detector`, `onnx_runtime`.
    #[serde(rename = "use")]
    pub purpose: &'static str,
    pub name: String,
    pub origin: String,
    pub licence: String,
    /// `registry:package version`.
    pub source: String,
    pub sha256: String,
    pub bytes: u64,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The body of `albumen models --json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub dir: PathBuf,
    pub faces: bool,
    pub subjects: bool,
    pub models: Vec<Entry>,
}

impl Report {
    /// Whether every model is installed and intact.
    pub fn complete(&self) -> bool {
        self.models.iter().all(|m| m.ok)
    }
}

/// Lists every model and verifies its checksum: about a tenth of a second for 100 MB.
pub fn report(dir: &Path) -> Report {
    let entry = |purpose, file: &Artefact| {
        let problem = verified(dir, file).err().map(|e| e.to_string());
        Entry {
            purpose,
            name: file.name.clone(),
            origin: file.origin.clone(),
            licence: file.licence.clone(),
            source: format!("{}:{} {}", file.source.registry, file.source.package, file.source.version),
            sha256: file.sha256.clone(),
            bytes: file.bytes,
            ok: problem.is_none(),
            problem,
        }
    };
    let models: Vec<Entry> = purposes(manifest()).map(|(purpose, file)| entry(purpose, file)).collect();
    let ok = |purposes: &[&str]| models.iter().filter(|m| purposes.contains(&m.purpose)).all(|m| m.ok);
    let runtime = models.iter().any(|m| m.purpose == "onnx_runtime" && m.ok);
    Report {
        dir: dir.to_owned(),
        faces: runtime && ok(&["face_detector", "face_embedder"]),
        subjects: runtime && ok(&["classifier"]),
        models,
    }
}

fn purposes(m: &Manifest) -> impl Iterator<Item = (&'static str, &Artefact)> {
    [
        ("face_detector", &m.face_detector.file),
        ("face_embedder", &m.face_embedder.file),
        ("classifier", &m.classifier.file),
        ("object_detector", &m.object_detector.file),
    ]
    .into_iter()
    .chain(m.runtime().map(|r| ("onnx_runtime", r)))
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "models in {}", self.dir.display())?;
        for m in &self.models {
            let state = m.problem.as_deref().unwrap_or("ok");
            writeln!(
                f,
                "  {:16}{:24}{:>6.1} MB  {:12}{state}",
                m.purpose,
                m.name,
                m.bytes as f64 / 1e6,
                m.licence
            )?;
        }
        let can = |yes| if yes { "yes" } else { "no" };
        writeln!(f, "faces: {}, subjects: {}", can(self.faces), can(self.subjects))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artefact(content: &[u8]) -> Artefact {
        let mut file = manifest().test_portrait.clone();
        file.sha256 = Sha256::digest(content).iter().map(|b| format!("{b:02x}")).collect();
        file.bytes = content.len() as u64;
        file
    }

    #[test]
    fn the_folder_is_the_users_cache_unless_said_otherwise() {
        let os = |s: &str| Some(OsString::from(s));
        assert_eq!(dir_of(os("/m"), os("/c"), os("/h")), Path::new("/m"));
        assert_eq!(dir_of(None, os("/c"), os("/h")), Path::new("/c/albumen/models"));
        assert_eq!(dir_of(None, None, os("/h")), Path::new("/h/.cache/albumen/models"));
    }

    #[test]
    fn the_packages_models_serve_whoever_has_none() {
        let system = tempfile::tempdir().unwrap();
        let own = system.path().join("own");
        let chosen = |is_said| own_or_system(own.clone(), is_said, system.path());
        assert_eq!(chosen(false), system.path());
        assert_eq!(chosen(true), own);
        std::fs::create_dir(&own).unwrap();
        assert_eq!(chosen(false), own);
        assert_eq!(own_or_system(own.join("x"), false, Path::new("/nowhere")), own.join("x"));
    }

    #[test]
    fn a_fault_tells_missing_from_cut_off_from_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let file = artefact(b"weights");
        assert!(matches!(verified(dir.path(), &file), Err(ModelFault::Missing { .. })));
        let path = dir.path().join(&file.sha256);
        std::fs::write(&path, b"weigh").unwrap();
        assert!(matches!(verified(dir.path(), &file), Err(ModelFault::Truncated { has: 5, needs: 7, .. })));
        for wrong in [&b"Weights"[..], b"weights and more"] {
            std::fs::write(&path, wrong).unwrap();
            let fault = verified(dir.path(), &file).unwrap_err();
            assert!(matches!(fault, ModelFault::Wrong { .. }));
            assert!(fault.to_string().contains("make models"), "{fault}");
        }
        std::fs::write(&path, b"weights").unwrap();
        assert_eq!(verified(dir.path(), &file), Ok(path));
    }

    #[test]
    fn an_empty_folder_offers_nothing_and_names_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let found = available(dir.path());
        assert!(!found.faces && !found.subjects);
        assert_eq!(found.missing.len(), 5);
        let report = report(dir.path());
        assert!(!report.complete());
        assert!(report.to_string().contains("make models"), "{report}");
    }

    #[test]
    fn the_parts_have_keys_of_their_own() {
        let dir = Path::new("/nowhere");
        assert_ne!(settings_key(dir, Part::Faces), settings_key(dir, Part::Subjects));
        assert_eq!(settings_key(dir, Part::Faces), settings_key(dir, Part::Faces));
    }
}
