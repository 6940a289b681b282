//! One child process from start to end: find the program, start it, exchange messages under a deadline, kill it.
//!
//! Invariants: no call here waits longer than documented, not even for a child that the kernel holds (state D): such
//! a child is killed, set aside and reaped when the kernel releases it. A child is gone when its `Process` is
//! dropped.

mod reaping;

use super::memory::FIXED_ALLOWANCE;
use super::priority::ProcessPriority;
use super::protocol::{Ask, Grant, Hello, ProtocolViolation, Say, decode, encode};
use super::spawner;
use super::wire::{self, ReplyMemory};
use albumen_core::cancel::CancelToken;
use albumen_core::fault::{in_words, is_shortage};
use albumen_core::source::Source;
pub use reaping::children;
use reaping::{abandoned, living, reap, reap_abandoned};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The program's file name.
const PROGRAM: &str = "albumen-worker";
/// The variable with another path of the program.
const PROGRAM_VARIABLE: &str = "ALBUMEN_WORKER";
/// Set for children that may inject faults (tests only).
const FAULTS_VARIABLE: &str = "ALBUMEN_FAULTS";
/// Tells the program that the engine started it: the engine's process id.
pub const ENGINE_VARIABLE: &str = "ALBUMEN_ENGINE";
/// Passes the backstop of the address space, in bytes, to the program.
pub const MEMORY_VARIABLE: &str = "ALBUMEN_WORKER_MEMORY";

/// Requests for memory that a child may make for one file. Decoders make at most three.
const REQUESTS: u32 = 100;
/// Bytes that a child may hold beyond its grant: for remains of earlier files, and for memory outside its heap.
const OVERDRAFT: u64 = 64 << 20;
/// How often a busy child's CPU time and cancellation are checked.
const LOOK: Duration = Duration::from_millis(100);
/// A busy child that has used no CPU for this time may wait for a file system that does not answer.
const STILL: Duration = Duration::from_secs(3);
/// How long a child may take from its start to its hello: it loads codecs from a slow disk and initialises them.
const HELLO: Duration = Duration::from_secs(60);
/// How long to wait for a killed child; one that takes longer is held by the kernel.
const REAP: Duration = Duration::from_secs(1);
/// The same for a child in the idle class, which exits when the machine has time for it.
const REAP_LOW: Duration = Duration::from_millis(20);
/// How long a child may take to exit by itself after its socket was closed.
const LEAVE: Duration = Duration::from_millis(300);

/// How long one file may take. The defaults are the contract's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deadline {
    /// CPU time of the worker, all threads.
    pub cpu: Duration,
    /// From the moment it receives the file. Waiting for memory or for the CPU does not count.
    pub wall: Duration,
}

impl Default for Deadline {
    fn default() -> Deadline {
        Deadline { cpu: Duration::from_secs(20), wall: Duration::from_secs(120) }
    }
}

/// Why no worker could be started; not related to any file.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{PROGRAM} is not beside {} nor in ../libexec/albumen/; set {PROGRAM_VARIABLE} to where it is", engine.display())]
    NotFound { engine: PathBuf },
    #[error("{} cannot be started: {why}", program.display())]
    Spawn { program: PathBuf, why: io::Error },
    #[error("{} is version {theirs}, this is {}; install both from one build", program.display(), env!("CARGO_PKG_VERSION"))]
    Version { program: PathBuf, theirs: String },
    #[error("{} ended before it was ready: {why}", program.display())]
    Ended { program: PathBuf, why: String },
    #[error("{0}")]
    Unable(String),
}

/// The path of the worker program.
pub fn find_program() -> Result<PathBuf, StartError> {
    if let Some(path) = std::env::var_os(PROGRAM_VARIABLE) {
        return Ok(path.into());
    }
    let engine = std::env::current_exe().unwrap_or_default();
    let near = engine.parent().unwrap_or(Path::new("."));
    // Beside it; as distributions install it; beside the folder of a test binary (target/*/deps).
    let places =
        [near.join(PROGRAM), near.join("../libexec/albumen").join(PROGRAM), near.join("..").join(PROGRAM)];
    places.into_iter().find(|p| p.is_file()).ok_or(StartError::NotFound { engine })
}

/// How to start a child.
#[derive(Debug, Clone)]
pub struct Launch {
    /// `None`: found by [`find_program`].
    pub program: Option<PathBuf>,
    /// The mode and its arguments.
    pub arguments: Vec<OsString>,
    /// Bytes of address space beyond the mapped ones when it enters the sandbox.
    pub memory: u64,
    pub faults: bool,
}

/// A running child and the socket to it.
#[derive(Debug)]
pub struct Process {
    /// `None` once it has ended.
    child: Option<Child>,
    pid: u32,
    socket: Option<OwnedFd>,
    reply: ReplyMemory,
    pub hello: Hello,
    /// Resident bytes of its own when it became ready.
    pub born_rss: u64,
    /// The lowered priority; permanent.
    priority: Option<ProcessPriority>,
}

/// The limits for one request.
pub struct Conversation<'a> {
    pub deadline: Deadline,
    pub cancel: &'a CancelToken,
    /// Answers the process's requests for memory.
    pub admit: &'a mut dyn FnMut(u64) -> Grant,
    /// Called when the process has used no CPU for a while: returns whether the file system of its files does not
    /// answer.
    pub hangs: &'a mut dyn FnMut() -> bool,
}

/// How a conversation failed; the process cannot be used any more.
#[derive(Debug)]
pub enum Lost {
    Cancelled,
    /// With the limit.
    TimedOut(String),
    ProtocolViolation(ProtocolViolation),
    /// The machine had no free descriptor or memory for the conversation.
    Short(io::Error),
    /// It waits for a file system that does not answer.
    Hangs,
    /// It exited because it needed this many bytes beyond its allowance.
    Overran(u64),
    /// It exited by itself.
    Ended(Option<ExitStatus>),
    /// It has not loaded the codecs that the file needs, and is ready for another file.
    Elsewhere,
    /// It had already exited before the request.
    NotThere,
}

impl Process {
    /// Starts a child and waits for its hello.
    pub fn start(launch: &Launch) -> Result<Process, StartError> {
        reap_abandoned();
        let program = &launch.program.clone().map_or_else(find_program, Ok)?;
        let spawn_error = |why| StartError::Spawn { program: program.clone(), why };
        let (ours, theirs) = wire::pair().map_err(spawn_error)?;
        let reply = ReplyMemory::new().map_err(spawn_error)?;
        let mut command = Command::new(program);
        command
            .args(&launch.arguments)
            .env_clear()
            .env(ENGINE_VARIABLE, std::process::id().to_string())
            .env(MEMORY_VARIABLE, launch.memory.to_string())
            .current_dir("/")
            .stderr(Stdio::null());
        // ONNX Runtime would record its use in the user's home, with an identifier of this machine, and send it to
        // Microsoft. Its interface for disabling this takes effect too late.
        command.env("ORT_DISABLE_TELEMETRY", "1");
        // Keep the variables by which the loader finds libraries in unusual places.
        for name in ["LD_LIBRARY_PATH", "ORT_DYLIB_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if launch.faults {
            command.env(FAULTS_VARIABLE, "1").stderr(Stdio::inherit());
        }
        // SAFETY: it makes system calls only, which is what may be done between fork and exec.
        unsafe { command.pre_exec(spawner::close_inherited) };
        let output = reply.for_process().map_err(spawn_error)?;
        let child = spawner::spawn(command, theirs, output).map_err(spawn_error)?;
        living().insert(child.id());
        let mut process = Process {
            pid: child.id(),
            child: Some(child),
            socket: Some(ours),
            reply,
            hello: Hello { version: String::new(), sandbox: Default::default(), unable: None },
            born_rss: 0,
            priority: None,
        };
        let ended = |why: String| StartError::Ended { program: program.clone(), why };
        let began = Instant::now();
        while !wire::wait(process.socket(), LOOK).map_err(spawn_error)? {
            if began.elapsed() > HELLO {
                return Err(ended(format!("no word from it in {} s", HELLO.as_secs())));
            }
        }
        match process.listen() {
            Ok(Some(Say::Hello(hello))) => process.hello = hello,
            Ok(Some(_)) => return Err(ended("its first word is no greeting".into())),
            Ok(None) => return Err(ended(describe(process.ended()))),
            Err(lost) => {
                return Err(ended(match lost {
                    Lost::ProtocolViolation(violation) => violation.to_string(),
                    Lost::Short(e) => in_words(&e),
                    _ => "its first word could not be heard".into(),
                }));
            }
        }
        if process.hello.version != env!("CARGO_PKG_VERSION") {
            let theirs = process.hello.version.chars().take(40).collect();
            return Err(StartError::Version { program: program.clone(), theirs });
        }
        if let Some(why) = process.hello.unable.take() {
            return Err(StartError::Unable(why.chars().take(1000).collect()));
        }
        process.born_rss = process.rss();
        Ok(process)
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Applies a priority, if it is not already applied; false: the process has a lower one, which cannot be raised.
    pub fn set_priority(&mut self, wanted: Option<ProcessPriority>) -> bool {
        if self.priority != wanted {
            let Some(how) = wanted.filter(|_| self.priority.is_none()) else { return false };
            super::priority::lower(self.pid(), how);
            self.priority = wanted;
        }
        true
    }

    /// How long its main thread has been ready to run while the kernel ran others.
    fn waited_for_cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/schedstat", self.pid())).unwrap_or_default();
        Duration::from_nanos(stat.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0))
    }

    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_ref().expect("the socket is open until the drop").as_fd()
    }

    /// Bytes of memory of this process alone (resident less shared); 0 if they cannot be read.
    pub fn rss(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid())).unwrap_or_default();
        let mut pages = statm.split(' ').skip(1).map_while(|n| n.parse::<u64>().ok());
        let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
        resident.saturating_sub(shared) * rustix::param::page_size() as u64
    }

    /// CPU time used, user and system, all threads; `None` if it cannot be read.
    fn cpu(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        // The name in brackets may contain anything; the fields after the last bracket begin with the state.
        let fields = stat.rsplit_once(") ").map_or("", |(_, f)| f);
        let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
        Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Sends a request, decides about its requests for memory, and has the reply read, by its bytes and the length of
    /// its header. After any `Err` the process must be dropped.
    pub fn converse<T>(
        &mut self,
        ask: &Ask,
        files: &[BorrowedFd<'_>],
        within: Conversation<'_>,
        read: impl FnOnce(&Source, u64) -> Result<T, ProtocolViolation>,
    ) -> Result<T, Lost> {
        let Conversation { deadline, cancel, admit, hangs } = within;
        let mut cpu_before = self.cpu();
        let (mut looked, mut requests) = (Instant::now(), 0);
        let mut granted = match ask {
            Ask::Develop { granted, .. } => Some(*granted),
            // Its memory is reserved completely.
            Ask::Recognise(_) => None,
        };
        let starved_before = self.waited_for_cpu();
        let mut began = Instant::now();
        let (mut worked, mut worked_at) = (cpu_before, Instant::now());
        wire::send(self.socket(), &encode(ask), files).map_err(|e| match e.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Lost::NotThere,
            _ if is_shortage(&e) => Lost::Short(e),
            _ => Lost::ProtocolViolation(ProtocolViolation(format!("cannot be asked: {e}").into())),
        })?;
        loop {
            let ready = wire::wait(self.socket(), LOOK).map_err(|e| {
                if is_shortage(&e) {
                    Lost::Short(e)
                } else {
                    Lost::ProtocolViolation(ProtocolViolation(format!("cannot be heard: {e}").into()))
                }
            })?;
            if ready {
                match self.listen()? {
                    None => return Err(Lost::Ended(self.ended())),
                    Some(Say::Need { bytes }) => {
                        requests += 1;
                        if requests > REQUESTS {
                            return Err(Lost::ProtocolViolation("asked for memory again and again".into()));
                        }
                        let asked = Instant::now();
                        let grant = admit(bytes);
                        began += asked.elapsed();
                        worked_at = Instant::now();
                        if grant.is_ok() {
                            granted = granted.map(|g| g.max(bytes));
                        }
                        match wire::send_now(self.socket(), &encode(&grant)) {
                            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                                return Err(Lost::ProtocolViolation("does not read its answers".into()));
                            }
                            // If it has exited meanwhile, the next message shows it.
                            _ => {}
                        }
                    }
                    Some(Say::Overran { bytes }) => return Err(Lost::Overran(bytes)),
                    Some(Say::Elsewhere) => return Err(Lost::Elsewhere),
                    Some(Say::Done { header, body }) => {
                        let len = header.checked_add(body).ok_or("a length beyond all numbers".into());
                        let len = len.map_err(Lost::ProtocolViolation)?;
                        let reply = self.reply.read(len, |source| read(source, header));
                        return match reply {
                            Ok(answer) => answer.map_err(Lost::ProtocolViolation),
                            Err(e) if is_shortage(&e) => Err(Lost::Short(e)),
                            Err(e) => Err(Lost::ProtocolViolation(ProtocolViolation(e.to_string().into()))),
                        };
                    }
                    Some(Say::Hello(_)) => return Err(Lost::ProtocolViolation("a second greeting".into())),
                }
            }
            if cancel.is_cancelled() {
                return Err(Lost::Cancelled);
            }
            // A process of low priority on a busy machine may wait long for the CPU, independent of its file.
            if began.elapsed() > deadline.wall
                && began.elapsed() > deadline.wall + (self.waited_for_cpu().saturating_sub(starved_before))
            {
                return Err(Lost::TimedOut(format!("more than {} s", deadline.wall.as_secs_f32())));
            }
            // Check processes that keep sending messages, too.
            if ready && looked.elapsed() < LOOK {
                continue;
            }
            looked = Instant::now();
            self.check_memory(granted).map_err(Lost::ProtocolViolation)?;
            // An unreadable value is not evidence about the file.
            if let Some(cpu) = self.cpu() {
                let before = *cpu_before.get_or_insert(cpu);
                if cpu.saturating_sub(before) > deadline.cpu {
                    let why = format!("more than {} s of CPU", deadline.cpu.as_secs_f32());
                    return Err(Lost::TimedOut(why));
                }
                if worked != Some(cpu) {
                    (worked, worked_at) = (Some(cpu), Instant::now());
                }
            }
            if worked_at.elapsed() > STILL {
                if hangs() {
                    return Err(Lost::Hangs);
                }
                worked_at = Instant::now();
            }
        }
    }

    /// Whether its size is plausible for its grant. It counts its allocations itself; this check is for a process
    /// that does not, or that uses memory that is not counted.
    fn check_memory(&self, granted: Option<u64>) -> Result<(), ProtocolViolation> {
        let Some(granted) = granted else { return Ok(()) };
        let most =
            (self.born_rss + FIXED_ALLOWANCE + OVERDRAFT).saturating_add(granted).saturating_add(granted / 8);
        let holds = self.rss() + self.reply.held();
        if holds > most {
            let mib = |bytes: u64| bytes >> 20;
            let why =
                format!("holds {} MiB, which is more than the {} MiB that it may", mib(holds), mib(most));
            return Err(ProtocolViolation(why.into()));
        }
        Ok(())
    }

    /// The next message, which must be available; `None` when the socket has ended.
    fn listen(&self) -> Result<Option<Say>, Lost> {
        match wire::receive(self.socket()) {
            Ok(None) => Ok(None),
            Ok(Some(message)) if !message.files.is_empty() => {
                Err(Lost::ProtocolViolation("a message with open files".into()))
            }
            Ok(Some(message)) => decode(&message.bytes).map(Some).map_err(Lost::ProtocolViolation),
            Err(e) if is_shortage(&e) => Err(Lost::Short(e)),
            Err(e) => Err(Lost::ProtocolViolation(ProtocolViolation(e.to_string().into()))),
        }
    }

    /// How it exited, if its socket has ended.
    fn ended(&mut self) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        let status = reap(child, REAP);
        if status.is_some() {
            self.child = None;
        }
        status
    }

    /// Lets it exit by itself, which an idle child does at once.
    pub fn end(mut self) {
        self.socket = None;
        if let Some(child) = &mut self.child
            && reap(child, LEAVE).is_some()
        {
            self.child = None;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.socket = None;
        living().remove(&self.pid);
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            // A process in the idle class gets no CPU to exit on a busy machine; do not wait for it.
            let is_low = self.priority.is_some_and(|k| k.idle_class);
            let gone = reap(&mut child, if is_low { REAP_LOW } else { REAP }).is_some();
            if !gone && is_low {
                abandoned().push(child);
            } else if !gone {
                tracing::warn!(pid = child.id(), "a worker is stuck in the kernel and is left behind");
                abandoned().push(child);
            }
        }
    }
}

/// How a process ended, in words.
pub fn describe(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "it closed its socket and lives on".into() };
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            let name = match signal {
                libc::SIGSEGV => "segmentation fault",
                libc::SIGBUS => "bus error",
                libc::SIGABRT => "abort",
                libc::SIGILL => "illegal instruction",
                libc::SIGFPE => "arithmetic error",
                libc::SIGKILL => "killed, perhaps for want of memory on this machine",
                libc::SIGXCPU => "CPU time used up",
                libc::SIGXFSZ => "a reply that is too long",
                _ => "signal",
            };
            format!("signal {signal} ({name})")
        }
        (_, Some(code)) => format!("left with status {code}"),
        (None, None) => status.to_string(),
    }
}

/// The sum of the proportional set sizes (PSS) of these processes, in bytes: their actual cost together. Without PSS
/// in the kernel, the resident size is used. A process that has exited counts as 0.
pub fn pss(pids: &[u32]) -> u64 {
    let one = |pid: u32| {
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let kb = rollup
            .lines()
            .find_map(|l| l.strip_prefix("Pss:"))
            .and_then(|l| l.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kb.map(|kb| kb * 1024).unwrap_or_else(|| {
            let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
            let pages = statm.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
            pages * rustix::param::page_size() as u64
        })
    };
    pids.iter().map(|&pid| one(pid)).sum()
}
