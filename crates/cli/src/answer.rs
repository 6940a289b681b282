//! Shared code of the commands that query or edit the index: errors with their exit codes, and answers as
//! text or JSON.

use super::{Context, FAILED, NO_START, STOPPED, USAGE, complain, print_json, say};
use albumen_engine::service::client::{self, Edited};
use albumen_index::Error as IndexError;
use albumen_index::albums::AlbumError;
use albumen_index::people::EditError;
use albumen_index::search::SearchError;
use albumen_index::service_socket;
use serde::Serialize;
use std::fmt::Display;
use std::process::ExitCode;

/// The maximum number of items in one message to the service: far below `service.uploads.max_body`.
const TOLD_AT_ONCE: usize = 10_000;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The message was already printed.
    Said(ExitCode),
    Because {
        code: u8,
        why: String,
    },
}

impl Refusal {
    pub(crate) fn new(code: u8, why: impl Display) -> Refusal {
        Refusal::Because { code, why: why.to_string() }
    }
}

/// The exit code of a command; the error is printed on standard error.
pub(crate) fn ended(outcome: Result<(), Refusal>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal::Said(code)) => code,
        Err(Refusal::Because { code, why }) => {
            complain(&why);
            ExitCode::from(code)
        }
    }
}

impl Context {
    /// Prints an answer: as JSON with `--json`, else as text.
    pub fn print<T: Serialize>(&self, answer: &T, in_words: impl FnOnce(&T)) {
        if self.global.json { print_json(answer) } else { in_words(answer) }
    }

    /// After an edit of items: prints their number, and notifies the service that runs on this index.
    pub fn edited(&self, items: Vec<i64>) {
        let count = items.len();
        for some in items.chunks(TOLD_AT_ONCE) {
            self.tell(&Edited { items: some.to_vec(), ..Edited::default() });
        }
        self.print(&serde_json::json!({ "edited": count }), |_| {
            say(format_args!("Edited {count} item{}.", if count == 1 { "" } else { "s" }));
        });
    }
}

impl Context {
    /// Notifies the service that runs on this index of an edit, if there is one, so that its event listeners
    /// receive it. The edit is complete in any case.
    pub fn tell(&self, edited: &Edited) {
        let Some(socket) = service_socket(&self.index_dir()) else { return };
        let body = serde_json::to_value(edited).expect("plain data");
        if let Err(e) = client::request_soon(&socket, "POST", "/v1/edited", Some(&body)) {
            tracing::info!("the service was not told: {e}");
        }
    }
}

impl From<ExitCode> for Refusal {
    fn from(said: ExitCode) -> Refusal {
        Refusal::Said(said)
    }
}

impl From<IndexError> for Refusal {
    fn from(e: IndexError) -> Refusal {
        let code = if matches!(e, IndexError::DiskFull) { STOPPED } else { NO_START };
        Refusal::new(code, e)
    }
}

impl From<SearchError> for Refusal {
    fn from(e: SearchError) -> Refusal {
        let code = match &e {
            SearchError::Query(_) | SearchError::Cursor(_) => USAGE,
            SearchError::Index(_) => NO_START,
        };
        Refusal::new(code, e)
    }
}

impl From<AlbumError> for Refusal {
    fn from(e: AlbumError) -> Refusal {
        let code = match e {
            AlbumError::Search(e) => return e.into(),
            AlbumError::Index(e) => return e.into(),
            AlbumError::Unknown(_) | AlbumError::Missing(_) => FAILED,
            AlbumError::Taken(_)
            | AlbumError::Nameless
            | AlbumError::Searching(..)
            | AlbumError::ByHand(_)
            | AlbumError::Nested => USAGE,
        };
        Refusal::new(code, e)
    }
}

impl From<EditError> for Refusal {
    fn from(e: EditError) -> Refusal {
        let code = match e {
            EditError::Index(e) => return e.into(),
            EditError::NotFound(_) => FAILED,
            EditError::Conflict(..) | EditError::Invalid(_) | EditError::NameTaken { .. } => USAGE,
        };
        Refusal::new(code, e)
    }
}
