//! The engine's handle to the recogniser: the process that holds ONNX Runtime and the models. It is started when
//! pictures wait and ended when none do, because only its exit frees its memory completely.

use super::handle::fault_of;
use super::priority::ProcessPriority;
use super::process::{Conversation, Deadline, Launch, Lost, StartError};
use super::process_slot::ProcessSlot;
use super::protocol::{Ask, read_recognised};
use super::sandbox::SandboxReport;
use albumen_core::cancel::CancelToken;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::{RecogniseRequest, Recognised};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Pictures that a recogniser processes before it is replaced. Opening the models takes about half a second.
const PICTURES_A_RECOGNISER: u32 = 20_000;
/// The interval, in pictures, of the check of its size.
const RSS_CHECK_INTERVAL: u32 = 64;
/// Bytes that it may grow beyond its size after the first picture: ONNX Runtime keeps its working memory.
const GROWTH: u64 = 64 << 20;

/// How the recogniser is started.
#[derive(Debug, Clone)]
pub struct RecogniserSettings {
    /// The program; `None`: find it beside the running one.
    pub program: Option<PathBuf>,
    /// The folder of models.
    pub models: PathBuf,
    /// Compute threads.
    pub threads: usize,
    /// The deadline for one picture.
    pub deadline: Deadline,
    /// Bytes of address space beyond those of the models: the backstop.
    pub memory: u64,
}

impl RecogniserSettings {
    pub fn new(models: PathBuf, threads: usize) -> RecogniserSettings {
        RecogniserSettings { program: None, models, threads, deadline: Deadline::default(), memory: 2 << 30 }
    }
}

/// One recogniser, or a process slot without one. Dropping it ends the process.
#[derive(Debug)]
pub struct RecogniserHandle {
    slot: ProcessSlot,
    deadline: Deadline,
    /// The size of the current process after its first picture, in bytes.
    baseline_rss: u64,
}

impl RecogniserHandle {
    /// A handle without a process; the first picture starts one.
    pub fn new(settings: RecogniserSettings) -> RecogniserHandle {
        let launch = Launch {
            program: settings.program,
            arguments: vec!["recogniser".into(), settings.models.into(), settings.threads.to_string().into()],
            memory: settings.memory,
            faults: false,
        };
        RecogniserHandle { slot: ProcessSlot::new(launch), deadline: settings.deadline, baseline_rss: 0 }
    }

    /// The priority from the next picture on; `None`: the engine's. A process with a lower priority is replaced.
    pub fn set_priority(&mut self, priority: Option<ProcessPriority>) {
        self.slot.set_priority(priority);
    }

    /// Starts the recogniser now, if none with the right priority runs. Faulty models are [`StartError::Unable`], in
    /// words for users.
    pub fn start(&mut self) -> Result<SandboxReport, StartError> {
        Ok(self.slot.running()?.hello.sandbox)
    }

    /// The process; `None` while there is none.
    pub fn pid(&self) -> Option<u32> {
        self.slot.pid()
    }

    /// Ends the process, which frees its memory; the next picture starts another.
    pub fn end(&mut self) {
        self.slot.end();
    }

    /// Faces and subjects of a picture (the stored `xl`, a JPEG). Blocks until it is done, at most for the deadline.
    pub fn recognise(
        &mut self,
        picture: &File,
        request: &RecogniseRequest,
        cancel: &CancelToken,
    ) -> Result<Recognised, Fault> {
        let mut lost = Lost::NotThere;
        for _ in 0..2 {
            let process = self.slot.running().map_err(Fault::unavailable)?;
            let files = [picture.as_fd()];
            // Its pictures are of one size and its memory is reserved completely, so it never needs a grant.
            let mut admit = |needed| Err(Fault::TooLarge { needed });
            let within = Conversation {
                deadline: self.deadline,
                cancel,
                admit: &mut admit,
                // Its picture is in the index folder: if that hangs, no work is possible at all.
                hangs: &mut || false,
            };
            let answer = process.converse(&Ask::Recognise(*request), &files, within, read_recognised);
            match answer {
                Ok(Err(Fault::Cancelled)) => {
                    lost = Lost::ProtocolViolation("stopped without a request to stop".into());
                    break;
                }
                Ok(outcome) => {
                    self.retire_if_due(matches!(outcome, Err(Fault::Crashed { .. })));
                    return outcome;
                }
                Err(Lost::NotThere) => self.slot.clear(),
                Err(other) => {
                    lost = other;
                    break;
                }
            }
        }
        self.slot.clear();
        Err(fault_of(lost, self.slot.launch.memory))
    }

    /// After a picture: decides whether the process may process another.
    fn retire_if_due(&mut self, panicked: bool) {
        let Some((process, served)) = self.slot.served() else { return };
        if served == 1 {
            self.baseline_rss = process.rss();
        }
        if panicked
            || (served.is_multiple_of(RSS_CHECK_INTERVAL) && process.rss() > self.baseline_rss + GROWTH)
            || served >= PICTURES_A_RECOGNISER
        {
            self.end();
        }
    }
}
