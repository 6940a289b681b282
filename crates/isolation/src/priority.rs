//! Process priority: nice, SCHED_IDLE and the idle class of the disk scheduler for a process that does background
//! work.
//!
//! A lowered priority is permanent: without a capability the kernel does not allow raising it. Uploads get a new
//! process (about 30 ms of CPU).

use std::io;

/// The priority of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessPriority {
    /// 0 to 19; applies if `idle_class` does not.
    pub nice: u8,
    /// SCHED_IDLE, and the idle class for the disk.
    pub idle_class: bool,
}

/// `IOPRIO_WHO_PROCESS`, `IOPRIO_CLASS_SHIFT`, `IOPRIO_CLASS_IDLE` of linux/ioprio.h, which libc lacks.
const WHO_PROCESS: libc::c_int = 1;
const CLASS_SHIFT: u32 = 13;
const CLASS_IDLE: libc::c_int = 3;

/// Lowers every thread of a child. Calls that the kernel refuses are ignored: a higher priority is not a failure.
pub fn lower(pid: u32, how: ProcessPriority) {
    // Threads that a codec starts later inherit the priority of their parent.
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let Some(tid) = task.file_name().to_str().and_then(|t| t.parse::<i32>().ok()) else { continue };
        if let Err(e) = lower_thread(tid, how) {
            tracing::debug!("cannot lower the priority of process {pid}: {e}");
        }
    }
}

fn lower_thread(tid: libc::pid_t, how: ProcessPriority) -> io::Result<()> {
    let own = rustix::process::getpriority_process(None)?;
    if i32::from(how.nice) > own {
        let pid = rustix::process::Pid::from_raw(tid);
        rustix::process::setpriority_process(pid, how.nice.into())?;
    }
    if how.idle_class {
        let nothing = libc::sched_param { sched_priority: 0 };
        // SAFETY: the call reads the structure, which lives until it returns, and changes no memory of ours.
        let answer = unsafe { libc::sched_setscheduler(tid, libc::SCHED_IDLE, &nothing) };
        if answer != 0 {
            return Err(io::Error::last_os_error());
        }
        set_disk_class(tid, CLASS_IDLE << CLASS_SHIFT)?;
    }
    Ok(())
}

/// The disk class of this thread while it reads files: idle, or the previous one (which the kernel allows to
/// restore).
pub struct DiskClass {
    before: libc::c_int,
    is_idle: bool,
}

impl DiskClass {
    /// The current class of the calling thread.
    pub fn of_this_thread() -> DiskClass {
        // SAFETY: takes and returns plain numbers.
        let before = unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_PROCESS, 0) };
        DiskClass { before: before.max(0) as libc::c_int, is_idle: false }
    }

    pub fn set_idle(&mut self, idle: bool) {
        if idle != self.is_idle {
            let class = if idle { CLASS_IDLE << CLASS_SHIFT } else { self.before };
            self.is_idle = set_disk_class(0, class).is_ok() == idle;
        }
    }
}

fn set_disk_class(tid: libc::pid_t, class: libc::c_int) -> io::Result<()> {
    // SAFETY: takes and returns plain numbers.
    match unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, tid, class) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
