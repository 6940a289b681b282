//! The process slot of one child: filled when there is work, emptied when the process should exit. It applies the
//! priority of the process and counts its requests.

use super::priority::ProcessPriority;
use super::process::{Launch, Process, StartError};

#[derive(Debug)]
pub(crate) struct ProcessSlot {
    /// Start parameters of the next process.
    pub launch: Launch,
    process: Option<Process>,
    /// Requests that the current process has served.
    served: u32,
    priority: Option<ProcessPriority>,
}

impl ProcessSlot {
    /// An empty slot.
    pub(crate) fn new(launch: Launch) -> ProcessSlot {
        ProcessSlot { launch, process: None, served: 0, priority: None }
    }

    /// The priority from the next request on; `None`: the engine's. A process with a lower one is replaced.
    pub(crate) fn set_priority(&mut self, priority: Option<ProcessPriority>) {
        self.priority = priority;
    }

    /// The process, started now if none with the right priority runs.
    pub(crate) fn running(&mut self) -> Result<&mut Process, StartError> {
        if self.process.as_mut().is_some_and(|p| !p.set_priority(self.priority)) {
            self.end();
        }
        let process = match self.process.take() {
            Some(process) => process,
            None => {
                self.served = 0;
                let mut process = Process::start(&self.launch)?;
                process.set_priority(self.priority);
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
