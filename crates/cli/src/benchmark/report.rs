//! The results of a bench: a table for the terminal, and a folder with summary.json and summary.md for the
//! repository.

use super::machine::Machine;
use super::{BenchError, CaseResult, Results, about};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const MB: f64 = 1e6;

/// The tables as Markdown, which is also readable on a terminal.
pub(crate) fn words(r: &Results) -> String {
    let mut out = String::new();
    let m = &r.machine;
    let memory = m.memory_bytes as f64 / (1u64 << 30) as f64;
    let formats: Vec<String> = r.corpus.by_format.iter().map(|(f, n)| format!("{n} {f}")).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "Albumen {} on {} ({} cores, {memory:.1} GiB, {}, {}, Linux {}), {}\n",
        r.albumen, m.cpu, m.cores, m.architecture, m.os, m.kernel, r.date
    );
    let _ = writeln!(
        out,
        "{}: {} files, {:.1} MB ({})\n",
        r.corpus.name,
        r.corpus.files,
        r.corpus.bytes as f64 / MB,
        formats.join(", ")
    );
    for note in &r.corpus.notes {
        let _ = writeln!(out, "- {note}");
    }
    if !r.runs.is_empty() {
        let _ = writeln!(
            out,
            "\n| case | files/s | CPU ms a file | by stage | peak MB | MB read | MB written | unchanged rescan |\n\
             |---|---|---|---|---|---|---|---|"
        );
    }
    for run in &r.runs {
        let _ = writeln!(out, "{}", row(run));
    }
    for run in &r.runs {
        for limit in &run.limits {
            let _ = writeln!(out, "- {}: {limit}", run.case.name);
        }
        if run.failed > 0 {
            let _ = writeln!(out, "- {}: {} of {} files failed", run.case.name, run.failed, run.files);
        }
    }
    if let Some(floor) = &r.floor {
        let _ = writeln!(
            out,
            "\nThe floor, bare libjpeg-turbo at the same scale + Lanczos3 + encode, on {} JPEGs: {:.1} CPU ms a file. \
             Albumen with facts, hash, index and all: {:.1}, which is {:.2} times the floor.",
            floor.files, floor.floor_cpu_ms_per_file, floor.albumen_cpu_ms_per_file, floor.ratio
        );
    }
    if !r.peers.is_empty() {
        let _ = writeln!(
            out,
            "\n| peer | on | CPU ms a file | Albumen | CPU, Albumen / peer | files/s, Albumen / peer | with recognition |\n\
             |---|---|---|---|---|---|---|"
        );
    }
    for p in &r.peers {
        let _ = match p.class {
            None => writeln!(out, "| {} | {} | | | | | |", p.name, p.version),
            Some(class) => writeln!(
                out,
                "| {} ({}, {}) | {} {} files | {:.1} | {:.1} | {:.2} | {:.2} | {} |",
                p.name,
                p.version,
                p.makes,
                p.files,
                class.name(),
                p.cpu_ms_per_file,
                p.albumen_cpu_ms_per_file,
                p.cpu_ratio,
                p.speed_ratio,
                p.speed_ratio_with_recognition.map(|r| format!("{r:.2}")).unwrap_or_default()
            ),
        };
    }
    out
}

fn row(run: &CaseResult) -> String {
    let stages: Vec<String> =
        run.stage_cpu_ms_per_file.iter().map(|(s, ms)| format!("{s} {ms:.1}")).collect();
    let m = &run.measured;
    format!(
        "| {} | {:.1} | {:.1} | {} | {:.0} | {:.1} | {:.1} | {:.2} s |",
        run.case.name,
        run.files_per_s,
        run.cpu_ms_per_file,
        stages.join(", "),
        m.peak_pss_bytes as f64 / MB,
        m.bytes_read as f64 / MB,
        m.bytes_written as f64 / MB,
        run.rescan.wall_s
    )
}

/// Writes DATE-MACHINE/ below `folder`: summary.json (settings, versions and all raw figures) and summary.md.
pub(crate) fn write(r: &Results, folder: &Path) -> Result<PathBuf, BenchError> {
    let json = serde_json::to_string_pretty(r).expect("results are plain data") + "\n";
    put(folder, &r.date, &r.machine, &[("summary.json", json), ("summary.md", words(r))])
}

/// Writes files to DATE-MACHINE/ below `folder`, and returns its path.
pub(super) fn put(
    folder: &Path,
    date: &str,
    machine: &Machine,
    files: &[(&str, String)],
) -> Result<PathBuf, BenchError> {
    let day = date.split('T').next().unwrap_or_default();
    let to = folder.join(format!("{day}-{}", machine.slug()));
    fs::create_dir_all(&to).map_err(about(to.display().to_string()))?;
    for (name, text) in files {
        let path = to.join(name);
        fs::write(&path, text).map_err(about(path.display().to_string()))?;
    }
    Ok(to)
}
