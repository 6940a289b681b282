//! Standard output: all writes to it, and the handling of write errors.
//!
//! Promises: a command whose output was lost to a full disk does not exit as if it had succeeded; one whose
//! reader has gone (`| head`) exits without an error.

use super::{STOPPED, complain};
use std::io::{self, ErrorKind, StdoutLock, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

/// The first error of this process' standard output.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes to standard output; an error is stored for [`ended`].
pub(crate) fn write(what: impl FnOnce(&mut StdoutLock<'_>) -> io::Result<()>) {
    if let Err(e) = what(&mut io::stdout().lock()) {
        failed(e);
    }
}

/// Writing to standard output failed.
pub(crate) fn failed(e: io::Error) {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
}

/// The exit code of a command that would have exited with `code`.
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
