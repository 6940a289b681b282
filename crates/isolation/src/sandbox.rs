//! Sandboxing of a worker: after its codecs are initialised it drops every right that decoding does not need.
//!
//! Two mechanisms, each best effort and each reported to the engine. Landlock denies the file system (and, on newer
//! kernels, TCP and signals to other processes). The system call filter is an allow list; all other calls return
//! EPERM, which libraries treat as an ordinary failure. Kernel limits back up both.
//!
//! The process stays dumpable, because otherwise the engine could not read its memory figures in /proc; core dumps
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

/// Open files: the socket twice, the reply's memory, standard error, a request's files, and a reserve.
const OPEN_FILES: u64 = 64;
/// The minimum size of a reply, however little memory is available.
const LEAST_REPLY: u64 = 16 << 20;
/// Bytes of address space beyond those of the current file: thread stacks and malloc's reserve.
const ADDRESS_MARGIN: u64 = 512 << 20;

/// The restrictions that are active in a worker. Sent in its hello and shown by `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxReport {
    /// The Landlock version that denies all files; 0 if the kernel has none.
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

/// Requests that the kernel kills this process when the engine with this process id exits.
pub fn die_with(engine: i32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have exited before the request.
    if getppid().map_or(0, |p| p.as_raw_nonzero().get()) != engine {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(())
}

/// Puts this process into the sandbox. `memory` is the address space in bytes for later files. Under an emulator
/// (qemu-user) neither mechanism exists; the report shows that and work continues.
pub fn seal(memory: u64) -> SandboxReport {
    limits(memory);
    drop_capabilities();
    // Landlock first: its system calls are not on the list.
    let landlock_abi = landlock().unwrap_or(0);
    SandboxReport { landlock_abi, seccomp: filter_calls().is_ok() }
}

/// Kernel limits. Each is only lowered, so none can fail for lack of permission.
fn limits(memory: u64) {
    let mapped = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|s| s.split(' ').next()?.parse::<u64>().ok())
        .map_or(1 << 30, |pages| pages * rustix::param::page_size() as u64);
    // It counts mapped libraries and reserved stacks, too: a backstop; the actual limit is in `memory`.
    let address_space =
        mapped.saturating_add(memory).saturating_add(memory / 4).saturating_add(ADDRESS_MARGIN);
    for (what, most) in [
        (Resource::Core, 0),
        (Resource::Nofile, OPEN_FILES),
        // The reply's memory is not part of the address space, so it has its own limit.
        (Resource::Fsize, REPLY_LIMIT.min(memory.max(LEAST_REPLY))),
        (Resource::As, address_space),
    ] {
        let _ = setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

/// A decoder does not need root's rights or the service's one capability (to read files of all users).
fn drop_capabilities() {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    let _ = set_capabilities(None, sets);
}

/// Denies all files. Returns the Landlock version, or 0.
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

/// Calls that are allowed with any arguments: reading and writing of open files, memory, time, threads. No call here
/// creates a file, not even one in memory: the reply goes into memory that the engine created and counts.
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
    // Allowed here, but a second filter returns "no such call", so that libc uses `clone` instead, whose flags a
    // filter can check.
    libc::SYS_clone3,
];

/// Installs the filters for all threads. The allow list comes last, because it does not allow installing another.
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
    // `newfstatat` and `statx` are not allowed: with AT_EMPTY_PATH they can still follow a path, which a filter
    // cannot check. `fstat` takes none. Flags may be read; F_SETOWN could send signals to other processes.
    let commands = [libc::F_GETFL, libc::F_GETFD, libc::F_SETFD];
    let commands = commands.map(|c| only(bits(1, !0, c)?));
    rules.insert(libc::SYS_fcntl, commands.into_iter().collect::<Result<_, _>>()?);
    // Abort may signal this process only.
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
