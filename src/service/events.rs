//! What listeners of `GET /v1/events` hear.

use serde::Serialize;
use std::path::Path;

/// One event. `space` decides who may hear it; events without one are for everybody.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// `indexed`, `failed`, `recognised`, `moved`, `removed`, `person_changed`, `job_done`, `progress`.
    pub event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The id of a person; absent where more than one has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Sofar>,
}

/// Files since the start of the service, by what was done with them.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sofar {
    pub developed: u64,
    pub recognised: u64,
    pub failed: u64,
    pub uploads_waiting: u64,
}

impl Event {
    const NOTHING: Event = Event {
        event: "",
        item: None,
        path: None,
        space: None,
        reason: None,
        person: None,
        job: None,
        count: None,
        progress: None,
    };

    /// A file was read; `failed` says why it could not be done.
    pub fn item(id: i64, path: &Path, space: String, failed: Option<String>) -> Event {
        Event {
            event: if failed.is_some() { "failed" } else { "indexed" },
            item: Some(id),
            path: Some(path.to_string_lossy().into_owned()),
            space: Some(space),
            reason: failed,
            ..Event::NOTHING
        }
    }

    /// Faces and subjects of an item are there.
    pub fn recognised(id: i64, path: &Path, space: String) -> Event {
        Event { event: "recognised", ..Event::item(id, path, space, None) }
    }

    /// People of a space are not what they were: `person`, where it was that one alone.
    pub fn person_changed(person: Option<String>, space: String) -> Event {
        Event { event: "person_changed", person, space: Some(space), ..Event::NOTHING }
    }

    pub fn counted(event: &'static str, count: u64) -> Event {
        Event { event, count: Some(count), ..Event::NOTHING }
    }

    pub fn progress(sofar: Sofar) -> Event {
        Event { event: "progress", progress: Some(sofar), ..Event::NOTHING }
    }

    pub fn job_done(job: i64) -> Event {
        Event { event: "job_done", job: Some(job), ..Event::NOTHING }
    }
}
