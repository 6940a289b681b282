//! The engine's handle to a worker, one per thread. It starts the worker when there is work, replaces it when it
//! crashes, hangs, exceeds its memory limit or violates the protocol, and returns the outcome of each file.

use super::priority::ProcessPriority;
use super::process::{Conversation, Deadline, Launch, Lost, StartError, describe};
use super::process_slot::ProcessSlot;
use super::protocol::{Ask, EXIT_PANICKED, EXIT_SHORT, EXIT_TOO_LARGE, read_developed};
use super::sandbox::SandboxReport;
use super::wire::FILES_LIMIT;
use albumen_core::cancel::CancelToken;
use albumen_core::fault::{Fault, HANGS, in_words};
use albumen_core::source::Source;
use albumen_core::vocabulary::{Admission, Codecs, DevelopRequest, Developed, Format, Inputs};
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

/// Files that a worker processes before it is replaced: this bounds leaks of libraries, and the start (4 to 40 ms of
/// CPU) is negligible in comparison.
const FILES_A_WORKER: u32 = 2000;
/// Bytes that an idle worker may have grown since its start before it is replaced. Below that, the engine deducts the
/// growth from the budget ([`WorkerHandle::growth`]).
const GROWTH: u64 = 24 << 20;

/// Consecutive files that needed none of the codecs in shared libraries, after which a worker with these libraries is
/// replaced by one without them: by then they have cost more memory than another start costs time.
const FILES_WITHOUT_LIBRARIES: u32 = 64;

/// Deadline of a request for facts alone, after decoding has lost a worker. Facts take milliseconds; a file that
/// hangs again should not take another full deadline.
const FOR_FACTS: Deadline = Deadline { cpu: Duration::from_secs(2), wall: Duration::from_secs(20) };

/// How workers are started, and their limits.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The program; `None`: find it beside the running one.
    pub program: Option<PathBuf>,
    pub deadline: Deadline,
    /// The maximum memory, in bytes, that one file could be granted; the backstop is above it.
    pub memory: u64,
    /// Let files that start with `ALBUMEN-FAULT:` inject faults. For tests.
    pub faults: bool,
}

impl Default for WorkerSettings {
    fn default() -> WorkerSettings {
        WorkerSettings { program: None, deadline: Deadline::default(), memory: 1 << 30, faults: false }
    }
}

/// One worker, or a process slot without one. Dropping it ends the process.
#[derive(Debug)]
pub struct WorkerHandle {
    slot: ProcessSlot,
    deadline: Deadline,
    /// The codecs of the current process, or of the next one.
    codecs: Codecs,
    /// Files since the last one that needed all codecs.
    without_libraries: u32,
    /// Bytes that the idle process holds beyond those at its start.
    growth: u64,
}

impl WorkerHandle {
    /// A handle without a process; the first file starts one.
    pub fn new(settings: WorkerSettings) -> WorkerHandle {
        let codecs = Codecs::Own;
        let launch = Launch {
            program: settings.program,
            arguments: arguments(codecs),
            memory: settings.memory,
            faults: settings.faults,
        };
        WorkerHandle {
            slot: ProcessSlot::new(launch),
            deadline: settings.deadline,
            codecs,
            without_libraries: 0,
            growth: 0,
        }
    }

    /// The priority from the next file on; `None`: the engine's. A process with a lower priority is replaced.
    pub fn set_priority(&mut self, priority: Option<ProcessPriority>) {
        self.slot.set_priority(priority);
    }

    /// Starts the worker if it does not run. The engine does so once before a run, because an error here would fail
    /// every file.
    pub fn start(&mut self) -> Result<SandboxReport, StartError> {
        Ok(self.slot.running()?.hello.sandbox)
    }

    /// The process; `None` while there is none.
    pub fn pid(&self) -> Option<u32> {
        self.slot.pid()
    }

    /// Bytes that the idle process holds beyond those at its start: memory that no file has requested.
    pub fn growth(&self) -> u64 {
        self.growth
    }

    /// Ends the worker; the next file starts another.
    pub fn end(&mut self) {
        self.growth = 0;
        self.slot.end();
    }

    /// Kills a process that cannot be used any more.
    fn clear(&mut self) {
        self.growth = 0;
        self.slot.clear();
    }

    /// The result of `albumen_worker::develop::develop` for this file, computed in the sandbox. Blocks until it is
    /// done, at most for the deadline and the time that `admission` takes. All inputs must be open files.
    pub fn develop(
        &mut self,
        request: &DevelopRequest,
        inputs: &Inputs,
        admission: &dyn Admission,
        cancel: &CancelToken,
    ) -> Result<Developed, Fault> {
        self.develop_unless(request, inputs, admission, cancel, &mut || false)
    }

    /// The same; if the worker is inactive for a while, `hangs` returns whether the files' file system has stopped
    /// answering. Then the file is [`Fault::Unavailable`].
    pub fn develop_unless(
        &mut self,
        request: &DevelopRequest,
        inputs: &Inputs,
        admission: &dyn Admission,
        cancel: &CancelToken,
        hangs: &mut dyn FnMut() -> bool,
    ) -> Result<Developed, Fault> {
        let files = open_files(inputs)?;
        if files.len() > FILES_LIMIT || request.sidecars.len() + 1 != files.len() {
            return Err(Fault::unreadable("too many sidecars, or fewer than were named"));
        }
        let within = Within { admission, cancel, deadline: self.deadline, previews_only: false };
        let fault = match self.within_memory(request, &files, within, hangs) {
            Err(fault) if loses_the_process(&fault) => fault,
            other => return other,
        };
        // The sensor data may have crashed the decoder. Try again with the previews alone.
        if request.render.is_some() && expects_raw(&request.name) {
            match self.within_memory(request, &files, Within { previews_only: true, ..within }, hangs) {
                Ok(developed) => {
                    let pictures = developed.pictures.map(|shown| shown.map_err(|_| fault));
                    return Ok(Developed { pictures, ..developed });
                }
                Err(Fault::Cancelled) => return Err(Fault::Cancelled),
                Err(_) => {}
            }
        }
        // A failure while decoding does not concern the facts, which were read before it and were lost with the
        // process. Request them once more, alone.
        if request.render.is_some() {
            let alone = DevelopRequest { render: None, ..request.clone() };
            match self.within_memory(&alone, &files, Within { deadline: FOR_FACTS, ..within }, hangs) {
                Ok(developed) => return Ok(Developed { pictures: Some(Err(fault)), ..developed }),
                Err(Fault::Cancelled) => return Err(Fault::Cancelled),
                Err(_) => {}
            }
        }
        // The failure happened while reading facts, which includes sidecars. These must not affect the photo.
        if request.sidecars.is_empty() {
            return Err(fault);
        }
        let bare = DevelopRequest { sidecars: Vec::new(), ..request.clone() };
        match self.within_memory(&bare, &files[..1], within, hangs) {
            Ok(developed) => {
                let sidecars: Vec<_> = request.sidecars.iter().map(|s| String::from_utf8_lossy(s)).collect();
                tracing::warn!(
                    "a sidecar was left out, since reading it failed ({fault}): {} in {}",
                    sidecars.join(", "),
                    String::from_utf8_lossy(&request.folder)
                );
                Ok(developed)
            }
            Err(Fault::Cancelled) => Err(Fault::Cancelled),
            Err(_) => Err(fault),
        }
    }

    /// One file, tried once more if its estimate was too low.
    fn within_memory(
        &mut self,
        request: &DevelopRequest,
        files: &[BorrowedFd<'_>],
        within: Within<'_>,
        hangs: &mut dyn FnMut() -> bool,
    ) -> Result<Developed, Fault> {
        let ceiling = within.admission.ceiling();
        match self.attempt(request, files, 0, within, hangs) {
            // An estimate was too low. One file may use all remaining memory, so try it once more with that.
            Err(Attempt::Overran { needed, granted }) if granted < ceiling && needed <= ceiling => {
                tracing::debug!(needed, granted, "a worker needed more memory than it asked for");
                within.admission.admit(ceiling)?;
                self.attempt(request, files, ceiling, within, hangs)
            }
            other => other,
        }
        .map_err(|e| match e {
            Attempt::Fault(fault) => fault,
            Attempt::Overran { needed, .. } => Fault::TooLarge { needed },
        })
    }

    /// One attempt, with `granted` bytes from the start.
    fn attempt(
        &mut self,
        request: &DevelopRequest,
        files: &[BorrowedFd<'_>],
        granted: u64,
        within: Within<'_>,
        hangs: &mut dyn FnMut() -> bool,
    ) -> Result<Developed, Attempt> {
        let Within { admission, cancel, deadline, previews_only } = within;
        let ask =
            Ask::Develop { request: request.clone(), granted, ceiling: admission.ceiling(), previews_only };
        let (mut holds, mut stopped) = (granted, false);
        let mut admit = |bytes: u64| {
            // The largest holder of memory releases nothing before its end.
            if bytes <= granted {
                return Ok(());
            }
            let grant = admission.admit(bytes);
            match &grant {
                Ok(()) => holds = bytes,
                Err(fault) => stopped |= *fault == Fault::Cancelled,
            }
            grant
        };
        let mut lost = Lost::NotThere;
        if request.render.is_some() {
            self.choose_codecs(expects_all_codecs(&request.name));
        }
        // A worker that crashed while it was idle is unrelated to this file: the second one is new.
        let mut tries = 0;
        while tries < 2 {
            tries += 1;
            let filled = self.slot.running();
            let process = filled.map_err(|e| Attempt::Fault(Fault::unavailable(e)))?;
            let within = Conversation { deadline, cancel, admit: &mut admit, hangs: &mut *hangs };
            let answer =
                process.converse(&ask, files, within, |reply, header| read_developed(reply, header, request));
            match answer {
                Ok(outcome) => {
                    let says_cancelled = match &outcome {
                        Err(Fault::Cancelled) => true,
                        Ok(developed) => matches!(developed.pictures, Some(Err(Fault::Cancelled))),
                        _ => false,
                    };
                    if says_cancelled && !stopped {
                        lost = Lost::ProtocolViolation("stopped without a request to stop".into());
                        break;
                    }
                    self.retire_if_due(matches!(outcome, Err(Fault::Crashed { .. })));
                    let outcome = if says_cancelled { Err(Fault::Cancelled) } else { outcome };
                    return outcome.map_err(Attempt::Fault);
                }
                Err(Lost::NotThere) => self.clear(),
                // Its name indicated another format.
                Err(Lost::Elsewhere) if self.codecs == Codecs::Own => {
                    self.choose_codecs(true);
                    tries = 0;
                }
                Err(other) => {
                    lost = other;
                    break;
                }
            }
        }
        self.clear();
        Err(match lost {
            Lost::Overran(needed) => Attempt::Overran { needed, granted: holds },
            other => Attempt::Fault(fault_of(other, holds)),
        })
    }

    /// Before a file that will be decoded: chooses the codecs of its worker.
    fn choose_codecs(&mut self, all: bool) {
        self.without_libraries = if all { 0 } else { self.without_libraries + 1 };
        let codecs = match (self.codecs, all) {
            (Codecs::Own, true) => Codecs::All,
            (Codecs::All, false) if self.without_libraries > FILES_WITHOUT_LIBRARIES => Codecs::Own,
            (same, _) => same,
        };
        if codecs != self.codecs {
            self.end();
            self.codecs = codecs;
            self.slot.launch.arguments = arguments(codecs);
        }
    }

    /// After a file: decides whether the worker may process another. One that caught a panic exits by itself.
    fn retire_if_due(&mut self, panicked: bool) {
        let Some((process, served)) = self.slot.served() else { return };
        // Reading the size costs about 20 µs.
        let growth = process.rss().saturating_sub(process.born_rss);
        if panicked || growth > GROWTH || served >= FILES_A_WORKER {
            self.end();
        } else {
            self.growth = growth;
        }
    }
}

/// The mode in which a worker with these codecs is started.
fn arguments(codecs: Codecs) -> Vec<OsString> {
    let mode = match codecs {
        Codecs::Own => "worker",
        Codecs::All => "worker-all",
    };
    vec![mode.into()]
}

/// Whether a fault ended a process that may already have read the facts.
fn loses_the_process(fault: &Fault) -> bool {
    matches!(fault, Fault::Crashed { .. } | Fault::TimedOut { .. } | Fault::TooLarge { .. })
}

/// The limits for one file.
#[derive(Clone, Copy)]
struct Within<'a> {
    admission: &'a dyn Admission,
    cancel: &'a CancelToken,
    deadline: Deadline,
    /// Of a RAW file nothing but its finished pictures may be read.
    previews_only: bool,
}

enum Attempt {
    Fault(Fault),
    Overran { needed: u64, granted: u64 },
}

/// Whether a file of this name needs all codecs, if its extension is correct.
fn expects_all_codecs(name: &[u8]) -> bool {
    expects(name, Format::needs_all_codecs)
}

/// Whether a file of this name is a camera's RAW file, if its name is right.
fn expects_raw(name: &[u8]) -> bool {
    expects(name, Format::is_raw)
}

/// Whether a file of this name has a format of a kind, if its name is right.
fn expects(name: &[u8], kind: fn(Format) -> bool) -> bool {
    let Some(dot) = name.iter().rposition(|b| *b == b'.') else { return false };
    let is = |e: &&str| name[dot + 1..].eq_ignore_ascii_case(e.as_bytes());
    Format::all().filter(|f| kind(*f)).any(|f| f.extensions().iter().any(is))
}

/// The open files of a request, primary first.
fn open_files(inputs: &Inputs) -> Result<Vec<BorrowedFd<'_>>, Fault> {
    let file = |source| {
        let file =
            Source::file(source).ok_or_else(|| Fault::unreadable("only open files can pass the wall"))?;
        Ok(file.as_fd())
    };
    std::iter::once(&inputs.primary).chain(&inputs.sidecars).map(file).collect()
}

/// The fault of a file whose process was lost. `granted` is in bytes.
pub(super) fn fault_of(lost: Lost, granted: u64) -> Fault {
    match lost {
        Lost::Cancelled => Fault::Cancelled,
        Lost::TimedOut(why) => Fault::TimedOut { why },
        Lost::ProtocolViolation(violation) => violation.into(),
        Lost::Short(e) => Fault::unavailable(in_words(&e)),
        Lost::Hangs => Fault::unavailable(HANGS),
        Lost::Overran(needed) => Fault::TooLarge { needed },
        Lost::Elsewhere => Fault::crashed("it lacks codecs that it was started with"),
        Lost::NotThere => Fault::crashed("two workers ended before they received the file"),
        Lost::Ended(status) => match status.and_then(|s| s.code()) {
            Some(EXIT_SHORT) => {
                Fault::unavailable("the machine has no descriptors or memory left for a worker")
            }
            Some(EXIT_TOO_LARGE) => Fault::TooLarge { needed: granted },
            Some(EXIT_PANICKED) => Fault::crashed("it stopped at an internal error"),
            _ => Fault::crashed(describe(status)),
        },
    }
}
