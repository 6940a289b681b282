//! The cost of the sandbox: the same files developed in process and by a sandboxed worker. CPU time of all
//! processes and elapsed time, the median of several rounds, and the memory of an idle engine and worker.
//!
//!     ALBUMEN_CORPUS=... cargo bench --bench wall
//!
//! Not criterion: the figure is the CPU time of two processes, which only /proc provides.

use albumen_core::cancel::CancelToken;
use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, FixedAdmission, Inputs, RenderSettings};
use albumen_isolation::{WorkerHandle, WorkerSettings, pss};
use albumen_worker::develop::develop;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

const ROUNDS: usize = 9;
const ROOM: FixedAdmission = FixedAdmission(1 << 30);

fn main() {
    let Some(corpus) = std::env::var_os("ALBUMEN_CORPUS").map(PathBuf::from) else {
        return eprintln!("skipped: needs ALBUMEN_CORPUS");
    };
    let mut files = jpegs(&corpus.join("bench"));
    files.extend(jpegs(&corpus.join("camera-jpeg")));
    let bytes: u64 = files.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
    println!("{} JPEGs, {:.1} MB, {ROUNDS} rounds", files.len(), mb(bytes));

    let program = Some(albumen_isolation::find_program().expect("cargo build --release -p albumen-worker"));
    let mut worker = WorkerHandle::new(WorkerSettings { program, ..WorkerSettings::default() });
    let begun = Instant::now();
    let sandbox = worker.start().expect("the worker starts");
    let pid = worker.pid().expect("it has started");
    println!("sandbox {}, started in {:.0} ms", sandbox.level(), begun.elapsed().as_secs_f64() * 1e3);
    println!(
        "idle: engine {:.1} MB PSS, worker {:.1} MB PSS",
        mb(pss(&[std::process::id()])),
        mb(pss(&[pid]))
    );

    let cancel = CancelToken::new();
    let mut inside = Vec::new();
    let mut behind = Vec::new();
    for round in 0..=ROUNDS {
        let a = measure(pid, || {
            for file in &files {
                drop(std::hint::black_box(develop(&request(file), &inputs(file), &ROOM)));
            }
        });
        let b = measure(pid, || {
            for file in &files {
                drop(std::hint::black_box(worker.develop(&request(file), &inputs(file), &ROOM, &cancel)));
            }
        });
        // The first round reads the files from the disk.
        if round > 0 {
            inside.push(a);
            behind.push(b);
        }
    }
    assert_eq!(worker.pid(), Some(pid), "the worker was replaced");
    let each = |v: &mut Vec<(f64, f64)>| {
        let by = |v: &mut Vec<(f64, f64)>, key: fn(&(f64, f64)) -> f64| {
            v.sort_by(|a, b| key(a).total_cmp(&key(b)));
            key(&v[v.len() / 2]) * 1e3 / files.len() as f64
        };
        (by(v, |m| m.0), by(v, |m| m.1))
    };
    let (inside, behind) = (each(&mut inside), each(&mut behind));
    println!("in process       {:7.2} CPU ms a file, {:7.2} ms", inside.0, inside.1);
    println!("behind the wall  {:7.2} CPU ms a file, {:7.2} ms", behind.0, behind.1);
    println!(
        "cost             {:+7.1} % CPU, {:+.1} % time",
        cost(inside.0, behind.0),
        cost(inside.1, behind.1)
    );
    println!("after: worker {:.1} MB PSS", mb(pss(&[pid])));
}

fn cost(without: f64, with: f64) -> f64 {
    (with / without - 1.0) * 100.0
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The JPEGs in a folder and the folders below it, in order.
fn jpegs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()) {
        if path.is_dir() {
            found.extend(jpegs(&path));
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg")) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn request(path: &Path) -> DevelopRequest {
    DevelopRequest {
        name: path.file_name().unwrap_or_default().as_encoded_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    }
}

fn inputs(path: &Path) -> Inputs {
    let primary = File::open(path).and_then(Source::from_file).expect("the file can be opened");
    Inputs { primary, sidecars: Vec::new() }
}

/// CPU seconds of this process and the worker, and seconds, that `work` took.
fn measure(worker: u32, work: impl FnOnce()) -> (f64, f64) {
    let cpu = || cpu_s("self") + cpu_s(&worker.to_string());
    let (before, began) = (cpu(), Instant::now());
    work();
    (cpu() - before, began.elapsed().as_secs_f64())
}

/// CPU seconds that all threads of a process have run, from the scheduler's own count in nanoseconds.
fn cpu_s(pid: &str) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<f64>().ok()
    };
    tasks.filter_map(of).sum::<f64>() * 1e-9
}
