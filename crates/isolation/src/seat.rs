//! The place of one child process: filled when there is something to do, emptied when the process is to go. It sees to it
//! that whoever sits there is as kind as it should be, and counts what it has served.

use super::kind::Kindness;
use super::process::{Launch, Process, StartError};

#[derive(Debug)]
pub struct Seat {
    /// How the next process is started.
    pub launch: Launch,
    process: Option<Process>,
    /// Requests that the present process has served.
    served: u32,
    kindness: Option<Kindness>,
}

impl Seat {
    /// An empty one.
    pub fn new(launch: Launch) -> Seat {
        Seat { launch, process: None, served: 0, kindness: None }
    }

    /// How kind the process is from the next request on; `None`: as the engine is. One that is kinder than that is replaced.
    pub fn be_kind(&mut self, kindness: Option<Kindness>) {
        self.kindness = kindness;
    }

    /// The process, started now where there is none that is as kind as it should be.
    pub fn filled(&mut self) -> Result<&mut Process, StartError> {
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
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Notes that a request was served, and gives the process and how many that makes; `None` while there is none.
    pub fn served(&mut self) -> Option<(&Process, u32)> {
        self.served += 1;
        self.process.as_ref().map(|p| (p, self.served))
    }

    /// Lets the process leave by itself, and gives its memory back.
    pub fn end(&mut self) {
        if let Some(process) = self.process.take() {
            process.end();
        }
    }

    /// Kills the process, which is of no more use.
    pub fn clear(&mut self) {
        self.process = None;
    }
}
