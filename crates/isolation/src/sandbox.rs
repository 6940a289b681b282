//! Sealing a worker: once its codecs are warm it gives up every right that decoding does not need.
//!
//! Two fences, each best effort and each reported to the engine. Landlock takes the file system (and, on newer
//! kernels, TCP and signals to others). The system call filter is a list of what is allowed; everything else is
//! answered with EPERM, which libraries take for an ordinary failure. Limits of the kernel stand behind both.
//!
//! The process stays dumpable, for otherwise the engine could not read its memory figures in /proc; core dumps
//! are off, and tracing another process is not among the allowed calls.

use super::protocol::REPLY_LIMIT;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset, RulesetAttr,
    RulesetStatus, Scope,
};
use rustix::process::{Resource, Rlimit, Signal, getppid, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;

/// Open files: the socket twice, the reply's memory, standard error, a request's files, and room.
const OPEN_FILES: u64 = 64;
/// Bytes that a reply may always have, however little memory there is.
const LEAST_REPLY: u64 = 16 << 20;
/// Bytes of address space beside what the file at hand may use: stacks of threads, what malloc keeps in reserve.
const ADDRESS_MARGIN: u64 = 512 << 20;

/// What a worker could take from itself. Said in its hello and shown by `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxReport {
    /// The Landlock version that denies it all files; 0 where the kernel has none.
    pub landlock_abi: u32,
    /// Whether system calls are filtered.
    pub seccomp: bool,
}

impl SandboxReport {
    /// `full`, `partial` or `none`.
    pub fn level(self) -> &'static str {
        match (self.landlock_abi > 0, self.seccomp) {
            (true, true) => "full",
            (false, false) => "none",
            _ => "partial",
        }
    }
}

/// Asks the kernel to kill this process when the engine with this process id ends.
pub fn die_with(engine: i32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before it could be watched.
    if getppid().map_or(0, |p| p.as_raw_nonzero().get()) != engine {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(())
}

/// Seals this process. `memory` is how many bytes of address space the files to come may use.
/// Under an emulator (qemu-user) there is neither fence; the report says so and work goes on.
pub fn seal(memory: u64) -> SandboxReport {
    limits(memory);
    drop_capabilities();
    // Landlock first: its system calls are not on the list.
    let landlock_abi = landlock().unwrap_or(0);
    SandboxReport { landlock_abi, seccomp: filter_calls().is_ok() }
}

/// Limits that the kernel keeps. Each one only lowers, so none can fail for want of rights.
fn limits(memory: u64) {
    let mapped = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|s| s.split(' ').next()?.parse::<u64>().ok())
        .map_or(1 << 30, |pages| pages * rustix::param::page_size() as u64);
    // It counts mapped libraries and reserved stacks, too: a backstop; the true limit is in `memory`.
    let address_space =
        mapped.saturating_add(memory).saturating_add(memory / 4).saturating_add(ADDRESS_MARGIN);
    for (what, most) in [
        (Resource::Core, 0),
        (Resource::Nofile, OPEN_FILES),
        // The reply's memory is no part of the address space, so it has a limit of its own.
        (Resource::Fsize, REPLY_LIMIT.min(memory.max(LEAST_REPLY))),
        (Resource::As, address_space),
    ] {
        let _ = setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

/// Root's rights, or the service's one capability (to read what others may not), are of no use to a decoder.
fn drop_capabilities() {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    let _ = set_capabilities(None, sets);
}

/// Denies all files. The Landlock version that does it, or 0.
fn landlock() -> Result<u32, landlock::RulesetError> {
    let newest = ABI::V6;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .restrict_self()?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => 0,
        (_, LandlockStatus::Available { effective_abi, kernel_abi }) => {
            kernel_abi.and_then(|v| u32::try_from(v).ok()).unwrap_or(effective_abi as u32)
        }
        _ => 0,
    })
}

/// Calls that are allowed with any arguments: reading and writing what is open already, memory, time, threads. No call
/// here makes a new file, not even one in memory: the reply goes into memory that the engine made and counts.
pub const ALLOWED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_fadvise64,
    libc::SYS_close,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_recvmsg,
    libc::SYS_ppoll,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_membarrier,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getrandom,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Allowed here and answered by a second filter with "no such call", so that libc takes `clone` instead,
    // whose flags a filter can see.
    libc::SYS_clone3,
];

/// Installs the filters for all threads. The list comes last: it does not allow to install another.
fn filter_calls() -> Result<(), Box<dyn std::error::Error>> {
    for program in [no_clone3()?, allowed_calls()?] {
        seccompiler::apply_filter_all_threads(&program)?;
    }
    Ok(())
}

/// Calls that are allowed with certain arguments only.
pub const ALLOWED_IN_PART: &[libc::c_long] = &[
    libc::SYS_clone,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_fcntl,
    libc::SYS_tgkill,
    libc::SYS_prctl,
    libc::SYS_prlimit64,
];

fn allowed_calls() -> Result<BpfProgram, seccompiler::BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq};
    let one = |argument, op, value: u64| SeccompCondition::new(argument, SeccompCmpArgLen::Qword, op, value);
    let bits = |argument, mask: i32, value: i32| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, MaskedEq(mask as u64), value as u64)
    };
    let only = |condition| SeccompRule::new(vec![condition]);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|&call| (call, vec![])).collect();

    // Threads, never processes.
    rules.insert(libc::SYS_clone, vec![only(bits(0, libc::CLONE_THREAD, libc::CLONE_THREAD)?)?]);
    // Memory, never code.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![only(bits(2, libc::PROT_EXEC, 0)?)?]);
    }
    // `newfstatat` and `statx` are left out: AT_EMPTY_PATH does not keep them from following a path, which a filter
    // cannot read. `fstat` takes none.
    // Flags are read; F_SETOWN could send signals to other processes.
    let commands = [libc::F_GETFL, libc::F_GETFD, libc::F_SETFD];
    let commands = commands.map(|c| only(bits(1, !0, c)?));
    rules.insert(libc::SYS_fcntl, commands.into_iter().collect::<Result<_, _>>()?);
    // Abort signals itself, and nobody else.
    let own = std::process::id() as u64;
    rules.insert(libc::SYS_tgkill, vec![only(one(0, Eq, own)?)?]);
    rules.insert(libc::SYS_prctl, vec![only(one(0, Eq, libc::PR_SET_NAME as u64)?)?]);
    // Reading its own limits.
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![one(0, Eq, 0)?, one(2, Eq, 0)?])?]);

    debug_assert_eq!(rules.len(), ALLOWED.len() + ALLOWED_IN_PART.len());
    let eperm = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(rules, eperm, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?.try_into()
}

fn no_clone3() -> Result<BpfProgram, seccompiler::BackendError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, vec![])]);
    let enosys = SeccompAction::Errno(libc::ENOSYS as u32);
    SeccompFilter::new(rules, SeccompAction::Allow, enosys, std::env::consts::ARCH.try_into()?)?.try_into()
}
