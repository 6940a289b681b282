//! The process slot of one child: filled when there is work, emptied when the process should exit. It applies the
//! priority of the process and counts its requests.

use super::kind::Kindness;
use super::process::{Launch, Process, StartError};

#[derive(Debug)]
pub(crate) struct Seat {
    /// Start parameters of the next process.
    pub launch: Launch,
    process: Option<Process>,
    /// Requests that the current process has served.
    served: u32,
    kindness: Option<Kindness>,
}

impl Seat {
    /// An empty slot.
    pub(crate) fn new(launch: Launch) -> Seat {
        Seat { launch, process: None, served: 0, kindness: None }
    }

    /// The priority from the next request on; `None`: the engine's. A process with a lower one is replaced.
    pub(crate) fn be_kind(&mut self, kindness: Option<Kindness>) {
        self.kindness = kindness;
    }

    /// The process, started now if none with the right priority runs.
    pub(crate) fn filled(&mut self) -> Result<&mut Process, StartError> {
        if self.process.as_mut().is_some_and(|p| !p.be_kind(self.kindness)) {
            self.end();
        }
        let process = match self.process.take() {
            Some(process) => process,
            None => {
                self.served = 0;
                let mut process = Process::start(&self.launch)?;
                process.be_kind(self.kindness);
                process
            }
        };
        Ok(self.process.insert(process))
    }

    /// The process; `None` while there is none.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Counts a request, and returns the process and its number of requests; `None` if there is none.
    pub(crate) fn served(&mut self) -> Option<(&Process, u32)> {
        self.served += 1;
        self.process.as_ref().map(|p| (p, self.served))
    }

    /// Lets the process exit by itself, and frees its memory.
    pub(crate) fn end(&mut self) {
        if let Some(process) = self.process.take() {
            process.end();
        }
    }

    /// Kills a process that cannot be used any more.
    pub(crate) fn clear(&mut self) {
        self.process = None;
    }
}
