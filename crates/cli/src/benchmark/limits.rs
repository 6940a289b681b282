//! The limits of a run: cores by affinity, memory by a cgroup. A limit that cannot be set is reported.

use super::machine::cores;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fs;
use std::path::{Path, PathBuf};

/// Limits this thread and its later children to fewer cores, until dropped.
pub(super) struct Affinity {
    before: Option<CpuSet>,
    words: String,
}

impl Affinity {
    pub(super) fn narrow(to: usize) -> Affinity {
        let has = cores();
        let plural = if to == 1 { "" } else { "s" };
        if has < to {
            let words =
                format!("{to} core{plural} asked for, this machine lends {has}: all of them were used");
            return Affinity { before: None, words };
        }
        let set = sched_getaffinity(None).ok().and_then(|before| {
            let mut few = CpuSet::new();
            (0..CpuSet::MAX_CPU).filter(|&c| before.is_set(c)).take(to).for_each(|c| few.set(c));
            sched_setaffinity(None, &few).ok().map(|()| before)
        });
        let words = match set {
            Some(_) => format!("{to} core{plural} by affinity"),
            None => format!("{to} core{plural} asked for, but affinity cannot be set"),
        };
        Affinity { before: set, words }
    }

    pub(super) fn words(&self) -> String {
        self.words.clone()
    }
}

impl Drop for Affinity {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = sched_setaffinity(None, before);
        }
    }
}

/// A memory cgroup below this process's own, removed when it is dropped.
pub(super) struct MemoryGroup {
    bytes: u64,
    made: Result<(PathBuf, Version), String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Version {
    V1,
    V2,
}

impl MemoryGroup {
    pub(super) fn new(bytes: u64) -> MemoryGroup {
        MemoryGroup { bytes, made: make(bytes) }
    }

    /// Moves a process that has just been started into it; returns what was done, as text.
    pub(super) fn take(&self, pid: u32) -> String {
        let mib = self.bytes >> 20;
        let outcome = self.made.as_ref().map_err(Clone::clone).and_then(|(dir, _)| {
            fs::write(dir.join("cgroup.procs"), pid.to_string()).map_err(|e| e.to_string())
        });
        match outcome {
            Ok(()) => format!("{mib} MiB by a memory cgroup"),
            Err(why) => format!(
                "{mib} MiB are not enforced, no memory cgroup can be made here ({why}); try: systemd-run --scope -p \
                 MemoryMax={mib}M albumen bench"
            ),
        }
    }

    /// The peak that it has counted.
    pub(super) fn peak(&self) -> Option<u64> {
        let (dir, version) = self.made.as_ref().ok()?;
        let file = match version {
            Version::V1 => "memory.max_usage_in_bytes",
            Version::V2 => "memory.peak",
        };
        fs::read_to_string(dir.join(file)).ok()?.trim().parse().ok()
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        if let Ok((dir, _)) = &self.made {
            let _ = fs::remove_dir(dir);
        }
    }
}

fn make(bytes: u64) -> Result<(PathBuf, Version), String> {
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|e| e.to_string())?;
    let line =
        |wanted: &str| own.lines().find_map(|l| Some(l.split_once(':')?.1.strip_prefix(wanted)?.to_owned()));
    let (root, path, version, limit) = match (line("memory:"), line(":")) {
        (Some(path), _) => ("/sys/fs/cgroup/memory", path, Version::V1, "memory.limit_in_bytes"),
        (None, Some(path)) => ("/sys/fs/cgroup", path, Version::V2, "memory.max"),
        (None, None) => return Err("there are no cgroups".to_owned()),
    };
    let name = format!("albumen-bench-{}", std::process::id());
    let dir = Path::new(root).join(path.trim_start_matches('/')).join(name);
    fs::create_dir(&dir).map_err(|e| e.to_string())?;
    let set = fs::write(dir.join(limit), bytes.to_string());
    if let Err(e) = set {
        let _ = fs::remove_dir(&dir);
        return Err(format!("{limit}: {e}"));
    }
    Ok((dir, version))
}
