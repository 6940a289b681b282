//! Why processing of a file failed, in words for the owner of the file.
//!
//! Invariants: every variant has a stable name (stored in the index) and defines whether a retry can help.

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// The failure of one file. The message has the reason; the caller that records it adds the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// The file could not be read: permissions, an I/O error, or it changed while it was read.
    #[error("cannot be read: {why}")]
    Unreadable { why: String },
    /// An intact file of a kind that Albumen does not decode.
    #[error("not supported: {why}")]
    Unsupported { why: String },
    /// The bytes violate the rules of their own format and nothing could be recovered.
    #[error("damaged: {why}")]
    Corrupt { why: String },
    /// Decoding needs more memory than `--memory` leaves. `needed` is in bytes.
    #[error("too large: needs {} MB of memory, raise --memory", needed.div_ceil(1_000_000))]
    TooLarge { needed: u64 },
    /// The deadline (20 s of CPU, 120 s of wall time) passed.
    #[error("took too long: {why}")]
    TimedOut { why: String },
    /// The worker process ended while it processed the file.
    #[error("the decoder crashed: {why}")]
    Crashed { why: String },
    /// The machine temporarily could not read it: no free descriptor or memory, a disk error, a file system that does
    /// not answer, or no worker could be started. It is retried soon, and recorded only if retries fail.
    #[error("cannot be read at present: {why}")]
    Unavailable { why: String },
    /// The run is being stopped; the file is not at fault and no attempt is counted.
    #[error("stopped")]
    Cancelled,
}

impl Fault {
    /// The name in the index and in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Fault::Unreadable { .. } => "unreadable",
            Fault::Unsupported { .. } => "unsupported",
            Fault::Corrupt { .. } => "corrupt",
            Fault::TooLarge { .. } => "too_large",
            Fault::TimedOut { .. } => "timed_out",
            Fault::Crashed { .. } => "crashed",
            Fault::Unavailable { .. } => "unavailable",
            Fault::Cancelled => "cancelled",
        }
    }

    /// Advice for the owner of the file, by the name in the index; `None` if there is none.
    pub fn advice(name: &str) -> Option<&'static str> {
        Some(match name {
            "unreadable" => {
                "Check that the user who runs Albumen may read it, and the disk; it is tried again by itself."
            }
            "unsupported" => "The file is left as it is. Convert it to see it here.",
            "corrupt" => {
                "Put a good copy in its place, from a backup or the camera; it is looked at again when it changes."
            }
            "too_large" => "Give --memory (or [limits] memory) that much more; it is done when it fits.",
            "unavailable" => {
                "Nothing is known to be wrong with the file. Check the disk and the log of the system; it is tried again by \
                 itself."
            }
            "timed_out" | "crashed" => {
                "It is tried again after an hour, a day and a week. If it opens elsewhere, please report it."
            }
            "ignore_file" => {
                "Correct the file or make it readable: until then its folder and all below it are hidden, and nothing is lost."
            }
            "too_deep" => "Move the folder up; what is recorded in it stays as it is.",
            _ => return None,
        })
    }

    /// Whether the same bytes may give another result later (retried after 1 hour, 1 day, 1 week, and no more).
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Fault::Unreadable { .. }
                | Fault::TimedOut { .. }
                | Fault::Crashed { .. }
                | Fault::Unavailable { .. }
        )
    }

    pub fn unreadable(why: impl std::fmt::Display) -> Fault {
        Fault::Unreadable { why: why.to_string() }
    }
    pub fn unavailable(why: impl std::fmt::Display) -> Fault {
        Fault::Unavailable { why: why.to_string() }
    }
    pub fn unsupported(why: impl std::fmt::Display) -> Fault {
        Fault::Unsupported { why: why.to_string() }
    }
    pub fn corrupt(why: impl std::fmt::Display) -> Fault {
        Fault::Corrupt { why: why.to_string() }
    }
}

impl From<std::io::Error> for Fault {
    fn from(e: std::io::Error) -> Fault {
        match e.kind() {
            // A reader passes the end of a file only because of values in the file.
            std::io::ErrorKind::UnexpectedEof => Fault::corrupt("the file ends too early"),
            // The kernel's errors have a number. An error without one comes from a decoder and concerns the bytes.
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput
                if e.raw_os_error().is_none() =>
            {
                Fault::corrupt(e)
            }
            _ if is_shortage(&e) => Fault::unavailable(in_words(&e)),
            _ => Fault::unreadable(e),
        }
    }
}

/// Whether an error concerns the machine at this moment, and not the file or folder: no free descriptor or memory, or
/// a device failure.
pub fn is_shortage(e: &std::io::Error) -> bool {
    matches!(
        Errno::from_io_error(e),
        Some(
            Errno::MFILE
                | Errno::NFILE
                | Errno::NOMEM
                | Errno::IO
                | Errno::NOBUFS
                | Errno::TOOMANYREFS
                | Errno::AGAIN
        )
    ) || e.kind() == std::io::ErrorKind::TimedOut
}

/// The message for a file system that does not answer.
pub const HANGS: &str = "its file system does not answer";

/// The message for EIO.
pub const DISK_ERROR: &str = "the disk reports a read error";

/// A shortage in words, with the remedy.
pub fn in_words(e: &std::io::Error) -> String {
    match Errno::from_io_error(e) {
        Some(Errno::MFILE | Errno::NFILE) => {
            "too many files are open (raise the limit, `ulimit -n`)".to_owned()
        }
        Some(Errno::NOMEM | Errno::NOBUFS) => "the machine has no memory left".to_owned(),
        Some(Errno::IO) => DISK_ERROR.to_owned(),
        _ => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn an_error_is_of_the_bytes_of_the_file_or_of_the_machine() {
        for kind in [ErrorKind::InvalidData, ErrorKind::InvalidInput, ErrorKind::UnexpectedEof] {
            let fault = Fault::from(Error::new(kind, "bad Huffman code"));
            assert!(matches!(fault, Fault::Corrupt { .. }) && !fault.is_transient(), "{fault:?}");
        }
        for errno in [Errno::ACCESS, Errno::NOENT, Errno::INVAL, Errno::STALE, Errno::LOOP] {
            let fault = Fault::from(Error::from(errno));
            assert!(matches!(fault, Fault::Unreadable { .. }) && fault.is_transient(), "{fault:?}");
        }
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO] {
            let fault = Fault::from(Error::from(errno));
            assert!(matches!(fault, Fault::Unavailable { .. }) && fault.is_transient(), "{fault:?}");
        }
    }
}
