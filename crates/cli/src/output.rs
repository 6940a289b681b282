//! Standard output: the one way to it, and what it means when it takes no more.
//!
//! Promises: a command whose words did not reach a disk that is full does not end as if they had; one whose reader has gone
//! (`| head`) ends quietly.

use super::{STOPPED, complain};
use std::io::{self, ErrorKind, StdoutLock, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

/// The first error of this process' standard output.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes something to standard output; an error is kept for [`ended`].
pub(crate) fn write(what: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>) {
    if let Err(e) = what(&mut io::stdout().lock()) {
        failed(e);
    }
}

/// Standard output takes no more.
pub(crate) fn failed(e: io::Error) {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
}

/// The exit code of a command that would have ended with `code`.
pub(crate) fn ended(code: ExitCode) -> ExitCode {
    write(|out| out.flush());
    match FAILED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(e) if e.kind() != ErrorKind::BrokenPipe => {
            complain(&format_args!("standard output cannot be written, what was printed is not whole: {e}"));
            ExitCode::from(STOPPED)
        }
        _ => code,
    }
}
