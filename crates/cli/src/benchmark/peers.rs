//! Other programs on the same files in the same run, each by a script of its own (`benches/peers`).
//!
//! A script is called twice: `SCRIPT version` prints one line (class of files, its output, name and version,
//! separated by tabs), or exits with 77 if the program is not installed; `SCRIPT run LIST OUT JOBS` processes
//! the files in LIST, each name ended by a zero byte, into the folder OUT. Albumen processes the same files
//! at about the same time: thumbnails for programs that make thumbnails, facts alone for programs that read
//! facts.

use super::measure::{Command, Measured};
use super::{BenchError, Class, Found, Scratch, Summary, about, index_command};
use serde::Serialize;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The exit code of a script whose program is not installed (as in automake's tests).
const NOT_THERE: i32 = 77;

/// One peer's figures beside Albumen's.
#[derive(Debug, Serialize)]
pub(crate) struct PeerResult {
    pub name: String,
    /// Program and version; if `files` is 0, why there are no figures.
    pub version: String,
    pub class: Option<Class>,
    /// Its output, as text.
    pub makes: String,
    pub files: u64,
    pub cpu_ms_per_file: f64,
    pub files_per_s: f64,
    pub peak_pss_bytes: u64,
    pub albumen_cpu_ms_per_file: f64,
    pub albumen_files_per_s: f64,
    /// Albumen's CPU time divided by the peer's: below 1, Albumen takes less.
    pub cpu_ratio: f64,
    /// Albumen's files per second divided by the peer's: above 1, Albumen is faster.
    pub speed_ratio: f64,
    /// The same with faces and subjects, if the peer makes thumbnails of JPEGs.
    pub speed_ratio_with_recognition: Option<f64>,
}

/// The files of one class, in a folder of their own.
pub(super) struct Staged {
    pub class: Class,
    pub list: PathBuf,
    pub files: u64,
    /// Albumen without recognition: facts, thumbnails, index.
    pub thumbnails: Measured,
    /// Albumen, facts only, of supported files.
    pub facts: Measured,
    /// Albumen with all stages.
    pub whole: Option<Measured>,
}

pub(super) struct Bench<'a> {
    pub scripts: &'a Path,
    pub scratch: &'a Scratch,
    pub cores: Option<usize>,
    pub repeat: usize,
    pub say: &'a dyn Fn(&str),
}

impl Bench<'_> {
    /// Links or copies the files of each class into a folder and measures Albumen on it.
    pub(super) fn stage(&self, files: &[Found]) -> Result<Vec<Staged>, BenchError> {
        let mut staged = Vec::new();
        for class in Class::EACH {
            let of_class: Vec<&Found> = files.iter().filter(|(_, format)| class.has(*format)).collect();
            if of_class.is_empty() {
                continue;
            }
            (self.say)(&format!("Albumen on the {} files of class {}", of_class.len(), class.name()));
            let folder = self.scratch.path(class.name());
            fs::create_dir_all(&folder).map_err(about(folder.display().to_string()))?;
            let mut copies = Vec::new();
            for (n, (path, format)) in of_class.iter().enumerate() {
                let extension = format.extensions()[0];
                let to = folder.join(format!("{n:06}.{extension}"));
                // A hard link if the file system allows it.
                fs::hard_link(path, &to)
                    .or_else(|_| fs::copy(path, &to).map(drop))
                    .map_err(about(path.display().to_string()))?;
                copies.push(to);
            }
            let list = self.scratch.path(&format!("{}.list", class.name()));
            write_list(&list, &copies)?;
            let index =
                |n: usize, what: &str| self.scratch.path(&format!("peer-{}-{what}-{n}", class.name()));
            let least = |runs: Result<Vec<Measured>, BenchError>| {
                runs.map(|r| {
                    r.into_iter().min_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s)).expect("at least one run")
                })
            };
            let each = 0..self.repeat.max(1);
            let albumen = |index: PathBuf, words: &[&str]| {
                let mut command = index_command(&index, words, &folder)?;
                command.cores(self.cores);
                super::finish::<Summary>(&command).map(|(measured, _, _)| measured)
            };
            let thumbnails = least(
                each.clone().map(|n| albumen(index(n, "index"), &["index", "--no-recognise"])).collect(),
            )?;
            let again = ["reindex", "--stage", "inspect", "--no-recognise"];
            let facts = least(each.clone().map(|n| albumen(index(n, "index"), &again)).collect())?;
            let whole = match class {
                Class::Jpeg => Some(least(each.map(|n| albumen(index(n, "whole"), &["index"])).collect())?),
                _ => None,
            };
            staged.push(Staged { class, list, files: copies.len() as u64, thumbnails, facts, whole });
        }
        Ok(staged)
    }

    /// Every script of the folder, in order of name.
    pub(super) fn run(&self, staged: &[Staged]) -> Result<Vec<PeerResult>, BenchError> {
        let entries = fs::read_dir(self.scripts).map_err(about(self.scripts.display().to_string()))?;
        let is_script = |p: &PathBuf| p.extension().is_some_and(|e| e == "sh");
        let mut scripts: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(is_script).collect();
        scripts.sort();
        scripts.iter().map(|script| self.one(script, staged)).collect()
    }

    fn one(&self, script: &Path, staged: &[Staged]) -> Result<PeerResult, BenchError> {
        let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut asked = Command::new(script);
        asked.arg("version");
        let answer = asked.run()?;
        let said = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        let absent = |why: String| PeerResult {
            name: name.clone(),
            version: why,
            class: None,
            makes: String::new(),
            files: 0,
            cpu_ms_per_file: 0.0,
            files_per_s: 0.0,
            peak_pss_bytes: 0,
            albumen_cpu_ms_per_file: 0.0,
            albumen_files_per_s: 0.0,
            cpu_ratio: 0.0,
            speed_ratio: 0.0,
            speed_ratio_with_recognition: None,
        };
        let parts: Vec<&str> = said.split('\t').collect();
        let (class, makes, version) = match (answer.measured.exit, &parts[..]) {
            (0, [class, makes, version]) => (*class, *makes, *version),
            (NOT_THERE, _) => return Ok(absent("not installed".to_owned())),
            (code, _) => return Ok(absent(format!("its script ended with {code}"))),
        };
        let Some(ours) = staged.iter().find(|s| s.class.name() == class) else {
            return Ok(absent(format!("{version}: no file of class {class} here")));
        };
        (self.say)(&format!("{name}: {version}"));
        let mut best: Option<Measured> = None;
        for n in 0..self.repeat.max(1) {
            let out = self.scratch.path(&format!("{name}-{n}"));
            fs::create_dir_all(&out).map_err(about(out.display().to_string()))?;
            let jobs = self.cores.unwrap_or_else(super::machine::cores);
            let mut command = Command::new(script);
            command.arg("run").arg(&ours.list).arg(&out).arg(jobs.to_string()).cores(self.cores);
            let done = command.run()?;
            if done.measured.exit != 0 {
                return Ok(absent(format!("{version}: its script ended with {}", done.measured.exit)));
            }
            if best.as_ref().is_none_or(|b| done.measured.cpu_s < b.cpu_s) {
                best = Some(done.measured);
            }
        }
        let theirs = best.expect("at least one run");
        let own = if makes == "facts" { &ours.facts } else { &ours.thumbnails };
        let files = ours.files as f64;
        let ms = |m: &Measured| m.cpu_s * 1000.0 / files;
        let rate = |m: &Measured| files / m.wall_s.max(0.001);
        Ok(PeerResult {
            name,
            version: version.to_owned(),
            class: Some(ours.class),
            makes: makes.to_owned(),
            files: ours.files,
            cpu_ms_per_file: ms(&theirs),
            files_per_s: rate(&theirs),
            peak_pss_bytes: theirs.peak_pss_bytes,
            albumen_cpu_ms_per_file: ms(own),
            albumen_files_per_s: rate(own),
            cpu_ratio: ms(own) / ms(&theirs).max(0.001),
            speed_ratio: rate(own) / rate(&theirs).max(0.001),
            speed_ratio_with_recognition: ours
                .whole
                .as_ref()
                .filter(|_| makes != "facts")
                .map(|whole| rate(whole) / rate(&theirs).max(0.001)),
        })
    }
}

/// Writes a list in the format of `albumen_worker::bench::floor::work` and the peers' scripts.
fn write_list(to: &Path, files: &[PathBuf]) -> Result<(), BenchError> {
    let mut bytes = Vec::new();
    for file in files {
        bytes.extend_from_slice(file.as_os_str().as_bytes());
        bytes.push(0);
    }
    fs::write(to, bytes).map_err(about(to.display().to_string()))
}
