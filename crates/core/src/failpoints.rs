//! Injection of faults for tests: named points at which the process is killed, to prove that a kill there loses nothing, and the
//! switch for faults that other modules inject.
//!
//! All of it is in debug builds, and in release builds with the feature `failpoints`; other release builds lack it.
//!
//! `ALBUMEN_KILL_AT=name:n` kills this process with SIGKILL when the point is reached for the n-th time. Without the
//! variable, reaching a point costs one atomic load.
//!
//! `ALBUMEN_OPERATIONS=file` logs all writes to the index folder to that file, in order, so that a test can undo what
//! a power cut would lose.

use std::fs::File;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

struct Planned {
    point: String,
    left: AtomicU64,
}

/// Whether this build can inject faults.
pub const ENABLED: bool = cfg!(any(debug_assertions, feature = "failpoints"));

/// Whether faults are to be injected: `ALBUMEN_FAULTS=1`.
pub fn are_requested() -> bool {
    ENABLED && std::env::var_os("ALBUMEN_FAULTS").is_some_and(|v| v == "1")
}

static PLANNED: OnceLock<Option<Planned>> = OnceLock::new();

/// Reports that a named point has been reached.
pub fn reached(point: &str) {
    if !ENABLED {
        return;
    }
    let planned = PLANNED.get_or_init(|| {
        let value = std::env::var("ALBUMEN_KILL_AT").ok()?;
        let (point, n) = value.rsplit_once(':')?;
        Some(Planned { point: point.to_owned(), left: AtomicU64::new(n.parse().ok()?) })
    });
    if let Some(p) = planned
        && p.point == point
        && p.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

static OPERATIONS: OnceLock<Option<File>> = OnceLock::new();

/// Logs an operation, one line each: the operation and its object.
pub fn noted(operation: &str, object: &str) {
    if !ENABLED {
        return;
    }
    let file = OPERATIONS.get_or_init(|| {
        let path = std::env::var_os("ALBUMEN_OPERATIONS")?;
        File::options().append(true).create(true).open(path).ok()
    });
    if let Some(mut file) = file.as_ref() {
        // One write per line, so that lines of several threads do not mix.
        let _ = file.write_all(format!("{operation} {object}\n").as_bytes());
    }
}
