//! The worker's memory: what it may allocate for the file at hand.

use std::os::fd::BorrowedFd;

/// Before anything else.
pub fn settle() {}
/// From now on, an overrun is reported here.
pub fn watch(_engine: BorrowedFd<'_>) {}
/// Sets what may be used beyond the fixed allowance, in bytes.
pub fn limit(_granted: u64) {}
/// No limit between files.
pub fn unlimited() {}
/// Gives free memory back to the kernel.
pub fn give_back() {}
