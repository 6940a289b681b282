//! Runs one command and measures it from outside: CPU time of it and all its children, their total memory,
//! and the bytes that they read and wrote.
//!
//! The kernel adds up the children's figures in the parent that waits for them; they are read from /proc
//! between the command's end and the wait for it. CPU time is in clock ticks (10 ms), so short runs are not
//! precise.

use super::limits::{Affinity, MemoryGroup};
use super::{BenchError, Case, about};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde::Serialize;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The interval between memory samples of all processes. A sample takes about 1 ms, in this process and not
/// in theirs.
const LOOK: Duration = Duration::from_millis(40);

/// The kernel's figures of a command and all its children.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Measured {
    pub wall_s: f64,
    /// User and system time.
    pub cpu_s: f64,
    pub system_cpu_s: f64,
    /// The largest sampled sum of proportional set sizes.
    pub peak_pss_bytes: u64,
    /// By system calls, including reads from the page cache.
    pub bytes_read: u64,
    pub bytes_written: u64,
    /// From and to disks.
    pub disk_bytes_read: u64,
    pub disk_bytes_written: u64,
    /// The peak that its memory cgroup counted, including page cache.
    pub cgroup_peak_bytes: Option<u64>,
    pub exit: i32,
}

/// A finished command.
pub(super) struct Done {
    pub measured: Measured,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// How limits were set, or why they could not be set.
    pub limits: Vec<String>,
}

/// A command that will be measured.
pub(super) struct Command {
    program: PathBuf,
    arguments: Vec<OsString>,
    cores: Option<usize>,
    memory: Option<u64>,
}

impl Command {
    pub(super) fn new(program: impl Into<PathBuf>) -> Command {
        Command { program: program.into(), arguments: Vec::new(), cores: None, memory: None }
    }

    pub(super) fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Command {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(super) fn args(&mut self, arguments: &[&str]) -> &mut Command {
        self.arguments.extend(arguments.iter().map(OsString::from));
        self
    }

    /// `--memory` of the run, bytes.
    pub(super) fn memory_setting(&mut self, bytes: u64) -> &mut Command {
        self.arg("--memory").arg(bytes.to_string())
    }

    /// Limits the number of cores.
    pub(super) fn cores(&mut self, cores: Option<usize>) -> &mut Command {
        self.cores = cores;
        self
    }

    /// Sets the cores, the memory cgroup and the settings of a case.
    pub(super) fn limit(&mut self, case: &Case) -> &mut Command {
        if let Some(memory) = case.memory {
            self.memory_setting(memory);
        }
        if !case.recognise {
            self.arg("--no-recognise");
        }
        self.memory = case.box_memory;
        self.cores(case.cores)
    }

    /// The program's file name.
    pub(super) fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Runs it until it exits.
    pub(super) fn run(&self) -> Result<Done, BenchError> {
        let what = || self.program.display().to_string();
        let mut limits = Vec::new();
        // Children inherit it; this process gets its own cores back at the end.
        let affinity = self.cores.map(Affinity::narrow);
        let group = self.memory.map(MemoryGroup::new);
        let (out, err) = (tempfile()?, tempfile()?);
        let began = Instant::now();
        let child = std::process::Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(out.1.try_clone().map_err(about("a temporary file"))?)
            .stderr(err.1.try_clone().map_err(about("a temporary file"))?)
            .spawn();
        limits.extend(affinity.as_ref().map(Affinity::words));
        drop(affinity);
        let mut child = child.map_err(about(what()))?;
        if let Some(group) = &group {
            limits.push(group.take(child.id()));
        }
        let pid = Pid::from_child(&child);
        let (ended, peak) = (AtomicBool::new(false), AtomicU64::new(0));
        let (wall_s, mut measured) = std::thread::scope(|s| {
            s.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    peak.fetch_max(albumen_isolation::pss(&family(child_id(pid))), Ordering::Relaxed);
                    std::thread::sleep(LOOK);
                }
            });
            // Exited, but not yet waited for: its figures still exist.
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            let wall_s = began.elapsed().as_secs_f64();
            ended.store(true, Ordering::Relaxed);
            (wall_s, figures(child_id(pid)))
        });
        let status = child.wait().map_err(about(what()))?;
        measured.wall_s = wall_s;
        measured.peak_pss_bytes = peak.into_inner();
        measured.exit = status.code().unwrap_or(-1);
        measured.cgroup_peak_bytes = group.as_ref().and_then(MemoryGroup::peak);
        let read = |(path, _): &(PathBuf, File)| {
            let bytes = fs::read(path).unwrap_or_default();
            let _ = fs::remove_file(path);
            bytes
        };
        Ok(Done { measured, stdout: read(&out), stderr: read(&err), limits })
    }
}

fn child_id(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

fn tempfile() -> Result<(PathBuf, File), BenchError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("albumen-bench-{}-{n}.out", std::process::id()));
    let file = File::create(&path).map_err(about(path.display().to_string()))?;
    Ok((path, file))
}

/// A process and all its descendants.
fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut at = 0;
    while let Some(pid) = all.get(at) {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let children = tasks.filter_map(|t| fs::read_to_string(t.path().join("children")).ok());
        let found: Vec<u32> = children
            .flat_map(|c| c.split_whitespace().filter_map(|n| n.parse().ok()).collect::<Vec<u32>>())
            .collect();
        all.extend(found);
        at += 1;
    }
    all
}

/// The figures of a process that has exited and of the children that it has waited for.
fn figures(pid: u32) -> Measured {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets may contain any character; the fields begin after the last bracket with the state.
    let fields: Vec<u64> = stat
        .rsplit_once(") ")
        .map_or("", |(_, f)| f)
        .split(' ')
        .skip(11)
        .take(4)
        .filter_map(|n| n.parse().ok())
        .collect();
    let seconds = |ticks: u64| ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let io = |key: &str| {
        let line = io.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(": "));
        line.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
    };
    Measured {
        // utime, stime, cutime, cstime.
        cpu_s: seconds(fields.iter().sum()),
        system_cpu_s: seconds(fields.iter().skip(1).step_by(2).sum()),
        bytes_read: io("rchar"),
        bytes_written: io("wchar"),
        disk_bytes_read: io("read_bytes"),
        disk_bytes_written: io("write_bytes"),
        ..Measured::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_measured_with_its_children() {
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sh -c 'head -c 300000 /dev/zero' | wc -c; exit 1";
        let mut command = Command::new("/bin/sh");
        command.args(&["-c", script]).cores(Some(1));
        let done = command.run().unwrap();
        assert_eq!(done.stdout, b"300000\n");
        assert_eq!(done.measured.exit, 1);
        assert!(done.measured.cpu_s > 0.0 && done.measured.wall_s >= done.measured.cpu_s * 0.5);
        assert!(done.measured.bytes_written >= 300_000 && done.measured.bytes_read >= 600_000);
        assert_eq!(done.limits.len(), 1);
    }
}
