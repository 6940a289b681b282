//! Faults on command, for tests.

use crate::pipeline::fault::Fault;
use crate::pipeline::source::Source;
use crate::pipeline::vocabulary::Developed;
use std::os::fd::BorrowedFd;

/// What the file commands, where it commands anything.
pub fn inject(_primary: &Source, _engine: BorrowedFd<'_>) -> Option<Result<Developed, Fault>> {
    None
}
