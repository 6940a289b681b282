//! Why processing of a file failed, in words for the owner of the file.
//!
//! Invariants: every variant has a stable name (stored in the index) and defines whether a retry can help.

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// The failure of one file. The message has the reason in words for users; the caller that records it adds the path.
/// `detail` has a library's own words, for the debug log only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// The file could not be read: permissions, an I/O error, or it changed while it was read.
    #[error("cannot be read: {why}")]
    Unreadable { why: String },
    /// An intact file of a kind that Albumen does not decode.
    #[error("not supported: {why}")]
    Unsupported {
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The bytes violate the rules of their own format and nothing could be recovered.
    #[error("damaged: {why}")]
    Corrupt {
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// Decoding needs more memory than `--memory` leaves. `needed` is in bytes.
    #[error("too large: needs {} MB of memory, raise --memory", needed.div_ceil(1_000_000))]
    TooLarge { needed: u64 },
    /// The deadline (20 s of CPU, 120 s of wall time) passed.
    #[error("took too long: {why}")]
    TimedOut { why: String },
    /// The worker process ended while it processed the file.
    #[error("the decoder crashed: {why}")]
    Crashed {
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
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
                "Check that the user who runs Albumen may read the file, and check the disk. Albumen retries it after an hour, \
                 a day and a week."
            }
            "unsupported" => "The file is kept as it is. To see it here, convert it to a supported format.",
            "corrupt" => {
                "Replace the file with an intact copy, from a backup or the camera. It is read again when it changes."
            }
            "too_large" => "Raise --memory (or `memory` in [limits]); the file is processed when it fits.",
            "unavailable" => {
                "The file itself may be intact. Check the disk and the system log. Albumen retries it."
            }
            "timed_out" | "crashed" => {
                "Albumen retries it after an hour, a day and a week. If other programs open the file, please report it."
            }
            "ignore_file" => {
                "Correct the file or make it readable. Until then its folder and all folders below are hidden; nothing is lost."
            }
            "too_deep" => "Move the folder to a higher level. Results for its files are kept.",
            _ => return None,
        })
    }

    /// Advice for a picture that is shown although a part of it is missing.
    pub const DAMAGED_ADVICE: &str = "The intact part is shown. Replace the file with an intact copy, from a backup or the camera. \
         It is read again when it changes.";

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
        Fault::Unsupported { why: why.to_string(), detail: None }
    }
    pub fn corrupt(why: impl std::fmt::Display) -> Fault {
        Fault::Corrupt { why: why.to_string(), detail: None }
    }
    pub fn crashed(why: impl std::fmt::Display) -> Fault {
        Fault::Crashed { why: why.to_string(), detail: None }
    }

    /// Adds a library's own words, for the debug log.
    pub fn with_detail(mut self, words: impl std::fmt::Display) -> Fault {
        if let Fault::Unsupported { detail, .. }
        | Fault::Corrupt { detail, .. }
        | Fault::Crashed { detail, .. } = &mut self
        {
            *detail = Some(words.to_string());
        }
        self
    }

    /// The reason without the name of the fault.
    pub fn into_reason(self) -> String {
        match self {
            Fault::Unreadable { why }
            | Fault::Unsupported { why, .. }
            | Fault::Corrupt { why, .. }
            | Fault::TimedOut { why }
            | Fault::Crashed { why, .. }
            | Fault::Unavailable { why } => why,
            Fault::TooLarge { .. } | Fault::Cancelled => self.to_string(),
        }
    }

    /// A library's own words about the fault.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Fault::Unsupported { detail, .. }
            | Fault::Corrupt { detail, .. }
            | Fault::Crashed { detail, .. } => detail.as_deref(),
            _ => None,
        }
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
                Fault::corrupt("its data break the rules of their format").with_detail(e)
            }
            _ if is_shortage(&e) => Fault::unavailable(in_words(&e)),
            _ => Fault::unreadable(in_words(&e)),
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

/// An error of the system in words; a shortage with the remedy.
pub fn in_words(e: &std::io::Error) -> String {
    match Errno::from_io_error(e) {
        Some(Errno::MFILE | Errno::NFILE) => {
            "too many files are open (raise the limit, `ulimit -n`)".to_owned()
        }
        Some(Errno::NOMEM | Errno::NOBUFS) => "the machine has no memory left".to_owned(),
        Some(Errno::IO) => DISK_ERROR.to_owned(),
        // Without its number, which the standard library adds.
        _ => {
            let words = e.to_string();
            words.split_once(" (os error").map_or(words.as_str(), |(before, _)| before).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn each_fault_has_its_message_and_its_advice() {
        for (fault, message, advice) in [
            (
                Fault::unreadable("permission denied"),
                "cannot be read: permission denied",
                "Check that the user",
            ),
            (Fault::unsupported("an icon"), "not supported: an icon", "The file is kept as it is."),
            (Fault::corrupt("the file is empty"), "damaged: the file is empty", "Replace the file"),
            (
                Fault::TooLarge { needed: 1_500_000_001 },
                "too large: needs 1501 MB of memory, raise --memory",
                "Raise --memory",
            ),
            (
                Fault::TimedOut { why: "20 s of CPU".into() },
                "took too long: 20 s of CPU",
                "Albumen retries it",
            ),
            (Fault::crashed("signal 11"), "the decoder crashed: signal 11", "Albumen retries it"),
            (
                Fault::unavailable(DISK_ERROR),
                "cannot be read at present: the disk reports a read error",
                "The file itself may be intact.",
            ),
        ] {
            let fault = fault.with_detail("ChunkType { type: IDAT } in libpng");
            assert_eq!(fault.to_string(), message, "a library's words are not in it");
            let found = Fault::advice(fault.name());
            assert!(found.is_some_and(|a| a.starts_with(advice) && a.ends_with('.')), "{message}: {found:?}");
        }
        assert_eq!(Fault::advice(Fault::Cancelled.name()), None, "it is never recorded");
    }

    #[test]
    fn an_error_is_of_the_bytes_of_the_file_or_of_the_machine() {
        for kind in [ErrorKind::InvalidData, ErrorKind::InvalidInput, ErrorKind::UnexpectedEof] {
            let fault = Fault::from(Error::new(kind, "bad Huffman code"));
            assert!(matches!(fault, Fault::Corrupt { .. }) && !fault.is_transient(), "{fault:?}");
        }
        for errno in [Errno::ACCESS, Errno::NOENT, Errno::INVAL, Errno::STALE, Errno::LOOP] {
            let fault = Fault::from(Error::from(errno));
            assert!(matches!(fault, Fault::Unreadable { .. }) && fault.is_transient(), "{fault:?}");
            assert!(!fault.to_string().contains("os error"), "{fault}");
        }
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO] {
            let fault = Fault::from(Error::from(errno));
            assert!(matches!(fault, Fault::Unavailable { .. }) && fault.is_transient(), "{fault:?}");
        }
    }
}
