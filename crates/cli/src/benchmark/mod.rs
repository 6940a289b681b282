//! `albumen bench`: the cost of indexing on this machine, in figures that another machine can reproduce.
//!
//! One run is a process of its own with the cores and the memory that a case declares; the figures are the
//! kernel's, of it and its children, from outside. Promises: the index is in a temporary folder, and no file
//! of the user is written; files are read once before, so that no figure depends on the page cache; limits
//! that could not be set and programs that are not installed are reported, never left out. [`mix`] and
//! [`floor`] decode and encode, so they run in `albumen-worker`.

pub(crate) mod floor;
pub(crate) mod growth;
mod limits;
pub(crate) mod machine;
mod measure;
pub(crate) mod mix;
mod peers;
pub(crate) mod report;

use albumen_core::vocabulary::{Format, Kind};
use albumen_index::Error as IndexError;
use albumen_index::{IndexReader, OpenError};
use albumen_isolation::{StartError, find_program};
use machine::Machine;
use measure::{Command, Measured};
use peers::PeerResult;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Exit codes of `index` that still give figures: no failures, or some files failed.
const GOOD_EXITS: [i32; 2] = [0, 1];

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error("{0}")]
    Usage(String),
    #[error("{what}: {why}")]
    Io { what: String, why: io::Error },
    #[error("{program} ended with {code}: {said}")]
    Failed { program: String, code: i32, said: String },
    #[error(transparent)]
    Worker(#[from] StartError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the index of the run cannot be read: {0}")]
    Index(#[from] IndexError),
}

/// Adds the subject to an I/O error.
fn about(what: impl Into<String>) -> impl FnOnce(io::Error) -> BenchError {
    let what = what.into();
    move |why| BenchError::Io { what, why }
}

/// The limits and settings of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Case {
    pub name: String,
    pub cores: Option<usize>,
    /// The memory of the case, bytes: a memory cgroup of this size if one can be created.
    pub box_memory: Option<u64>,
    /// `--memory` of the run, bytes.
    pub memory: Option<u64>,
    pub recognise: bool,
}

/// The standard cases: cores, MiB of memory, with or without recognition.
const STANDARD: [(&str, usize, u64, bool); 3] =
    [("2-cores-512M", 2, 512, true), ("1-core-256M", 1, 256, false), ("4-cores-2G", 4, 2048, true)];

impl Case {
    /// The standard cases by name; `--memory` is three quarters of the cgroup, the rest is for the page cache
    /// and other use.
    pub(crate) fn standard() -> Vec<Case> {
        let case = |(name, cores, mib, recognise): (&str, usize, u64, bool)| Case {
            name: name.to_owned(),
            cores: Some(cores),
            box_memory: Some(mib << 20),
            memory: Some((mib << 20) / 4 * 3),
            recognise,
        };
        STANDARD.into_iter().map(case).collect()
    }
}

/// The settings of a bench.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// `None`: a generated mix.
    pub folder: Option<PathBuf>,
    pub cases: Vec<Case>,
    /// The number of runs per case; the one with the lowest CPU time counts.
    pub repeat: usize,
    /// The folder of the peers' scripts.
    pub peers: Option<PathBuf>,
    /// The number of files in the generated mix.
    pub generated: u32,
}

/// All results of a bench.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub date: String,
    pub albumen: String,
    pub machine: Machine,
    pub corpus: Corpus,
    pub runs: Vec<CaseResult>,
    pub floor: Option<FloorResult>,
    pub peers: Vec<PeerResult>,
}

/// The indexed files.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Corpus {
    /// The last part of the folder's name, or `generated`.
    pub name: String,
    pub files: u64,
    pub bytes: u64,
    pub by_format: BTreeMap<String, u64>,
    /// What is missing in the generated mix, and why.
    pub notes: Vec<String>,
}

/// One case: its best run, and the raw figures of all runs.
#[derive(Debug, Serialize)]
pub(crate) struct CaseResult {
    pub case: Case,
    /// How the case's limits were set, or why they could not be set.
    pub limits: Vec<String>,
    pub files: u64,
    pub failed: u64,
    pub files_per_s: f64,
    pub cpu_ms_per_file: f64,
    pub stage_cpu_ms_per_file: BTreeMap<String, f64>,
    pub measured: Measured,
    /// A second run on the unchanged folder.
    pub rescan: Measured,
    pub raw: Vec<Measured>,
}

/// Bare libjpeg-turbo beside Albumen, on the JPEGs of the corpus.
#[derive(Debug, Serialize)]
pub(crate) struct FloorResult {
    pub files: u64,
    pub floor_cpu_ms_per_file: f64,
    /// A whole run without recognition over the same files.
    pub albumen_cpu_ms_per_file: f64,
    pub ratio: f64,
}

/// Runs everything. `say` is called at each step.
pub(crate) fn run(plan: &Plan, say: &dyn Fn(&str)) -> Result<Results, BenchError> {
    let scratch = Scratch::new()?;
    let worker = find_program()?;
    let (folder, notes) = match &plan.folder {
        Some(folder) => (folder.canonicalize().map_err(about(folder.display().to_string()))?, Vec::new()),
        None => {
            say("making a mix of files");
            let folder = scratch.path("mix");
            (folder.clone(), mix::make(&worker, &folder, plan.generated)?)
        }
    };
    let bytes = read_once(&folder)?;
    let mut results = Results {
        date: albumen_index::view::utc(albumen_core::clock::now()),
        albumen: env!("CARGO_PKG_VERSION").to_owned(),
        machine: Machine::read(),
        corpus: Corpus { bytes, notes, ..Corpus::default() },
        runs: Vec::new(),
        floor: None,
        peers: Vec::new(),
    };
    results.corpus.name = match &plan.folder {
        Some(_) => folder.file_name().map_or("/".into(), |n| n.to_string_lossy().into_owned()),
        None => "generated".to_owned(),
    };
    let mut files = Vec::new();
    for case in &plan.cases {
        let (result, found) = run_case(case, &folder, plan.repeat, &scratch, say)?;
        results.runs.push(result);
        files = found;
    }
    results.corpus.files = files.len() as u64;
    for (_, format) in &files {
        *results.corpus.by_format.entry(format.name().to_owned()).or_default() += 1;
    }
    if let Some(scripts) = &plan.peers {
        let case = plan.cases.first().cloned().unwrap_or_else(|| Case::standard().remove(0));
        let bench = peers::Bench { scripts, scratch: &scratch, cores: case.cores, repeat: plan.repeat, say };
        let staged = bench.stage(&files)?;
        results.floor = floor::measure(&worker, &bench, &staged)?;
        results.peers = bench.run(&staged)?;
    }
    Ok(results)
}

/// A file of the corpus.
type Found = (PathBuf, Format);

fn run_case(
    case: &Case,
    folder: &Path,
    repeat: usize,
    scratch: &Scratch,
    say: &dyn Fn(&str),
) -> Result<(CaseResult, Vec<Found>), BenchError> {
    let mut raw = Vec::new();
    let mut best: Option<(Measured, Summary, PathBuf, Vec<String>)> = None;
    for n in 1..=repeat.max(1) {
        say(&format!("{}: run {n} of {}", case.name, repeat.max(1)));
        let index = scratch.path(&format!("index-{}-{n}", case.name));
        let mut command = index_command(&index, &["index"], folder)?;
        command.limit(case);
        let (measured, summary, limits) = finish::<Summary>(&command)?;
        raw.push(measured.clone());
        if best.as_ref().is_none_or(|(b, ..)| measured.cpu_s < b.cpu_s) {
            best = Some((measured, summary, index, limits));
        }
    }
    let (measured, summary, index, limits) = best.expect("at least one run");
    say(&format!("{}: again, with nothing changed", case.name));
    let mut again = index_command(&index, &["index"], folder)?;
    again.limit(case);
    let (rescan, _, _) = finish::<Summary>(&again)?;
    let per_file = |seconds: f64| seconds * 1000.0 / summary.found.max(1) as f64;
    let mut stages: BTreeMap<String, f64> =
        summary.stage_cpu_s.iter().map(|(stage, s)| (stage.clone(), per_file(*s))).collect();
    // Hashing, the walk, the index, the sandbox, starting processes.
    let rest = measured.cpu_s - summary.stage_cpu_s.values().sum::<f64>();
    stages.insert("rest".to_owned(), per_file(rest.max(0.0)));
    let result = CaseResult {
        case: case.clone(),
        limits,
        files: summary.found,
        failed: summary.failed,
        files_per_s: summary.found as f64 / measured.wall_s.max(0.001),
        cpu_ms_per_file: per_file(measured.cpu_s),
        stage_cpu_ms_per_file: stages,
        measured,
        rescan,
        raw,
    };
    let found = files_of(&index)?;
    Ok((result, found))
}

/// The fields of `index --json` that are used here.
#[derive(serde::Deserialize)]
struct Summary {
    found: u64,
    failed: u64,
    stage_cpu_s: BTreeMap<String, f64>,
}

/// `albumen ARGUMENTS FOLDER` with its own index, without the user's config.
fn index_command(index: &Path, arguments: &[&str], folder: &Path) -> Result<Command, BenchError> {
    let engine = std::env::current_exe().map_err(about("this program's own path"))?;
    let config = index.with_extension("toml");
    fs::write(&config, "").map_err(about(config.display().to_string()))?;
    let mut command = Command::new(engine);
    command.arg("--config").arg(&config).arg("--index").arg(index).arg("--json").args(arguments).arg(folder);
    Ok(command)
}

/// Runs a command that prints JSON.
fn finish<T: serde::de::DeserializeOwned>(
    command: &Command,
) -> Result<(Measured, T, Vec<String>), BenchError> {
    let done = command.run()?;
    let failed = |said: String| BenchError::Failed {
        program: command.name(),
        code: done.measured.exit,
        said: said.trim().chars().take(500).collect(),
    };
    if !GOOD_EXITS.contains(&done.measured.exit) {
        return Err(failed(String::from_utf8_lossy(&done.stderr).into_owned()));
    }
    let said = serde_json::from_slice(&done.stdout).map_err(|e| failed(e.to_string()))?;
    Ok((done.measured, said, done.limits))
}

/// The files in an index, by their formats.
fn files_of(index: &Path) -> Result<Vec<Found>, BenchError> {
    let index = IndexReader::open(index)?;
    let mut files = Vec::new();
    index.export::<IndexError>(None, |item| {
        // Not every peer accepts a path that is not UTF-8.
        if let (Some(format), None) = (item.facts.format, &item.path_bytes) {
            files.push((PathBuf::from(item.path), format));
        }
        Ok(())
    })?;
    Ok(files)
}

/// Reads all files below a folder, so that every run finds them in the page cache. Returns the bytes.
fn read_once(folder: &Path) -> Result<u64, BenchError> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(about(folder.display().to_string()))?.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => {
                    let read =
                        fs::File::open(entry.path()).and_then(|mut f| io::copy(&mut f, &mut io::sink()));
                    // The run reports files that cannot be read.
                    bytes += read.unwrap_or(0);
                }
                _ => {}
            }
        }
    }
    Ok(bytes)
}

/// A temporary folder, removed when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Below TMPDIR.
    pub(crate) fn new() -> Result<Scratch, BenchError> {
        let at = std::env::temp_dir().join(format!("albumen-bench-{}", std::process::id()));
        fs::create_dir_all(&at).map_err(about(at.display().to_string()))?;
        // The volume guard and the peers need real paths.
        Ok(Scratch(at.canonicalize().map_err(about(at.display().to_string()))?))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The class of files that a peer handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    Jpeg,
    Heic,
    Video,
    All,
}

impl Class {
    const EACH: [Class; 4] = [Class::Jpeg, Class::Heic, Class::Video, Class::All];

    fn has(self, format: Format) -> bool {
        match self {
            Class::Jpeg => format == Format::Jpeg,
            Class::Heic => matches!(format, Format::Heic | Format::Heif | Format::Avif),
            Class::Video => format.kind() == Kind::Video,
            Class::All => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Class::Jpeg => "jpeg",
            Class::Heic => "heic",
            Class::Video => "video",
            Class::All => "all",
        }
    }
}
