//! `GET /events`: changes in the library that the account may see, as server-sent events. They come from the
//! engine; see [`crate::relay`].

use super::super::guard::Credential;
use super::super::{Answer, App, Caller, Problem};
use super::asking::{ask_as, read};
use super::failures::{job_shown, place_of};
use crate::clock::now;
use crate::config::Spaces;
use crate::library::Scope;
use crate::relay::{EngineEvent, Heard};
use crate::rights::{Object, Policy, Subject, rights, scope};
use crate::store::{StoreError, Token};
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Streams per account at a time: a browser keeps one per window.
const STREAMS: usize = 16;
/// After this long without an event a comment is sent, and the right to listen is checked again.
const BEAT: Duration = Duration::from_secs(15);

/// Streams by account.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<i64, usize>>);

/// One stream, counted while it exists.
struct Place {
    app: Arc<App>,
    account: i64,
}

impl Place {
    fn take(app: &Arc<App>, account: i64) -> Option<Place> {
        let mut streams = app.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.entry(account).or_default();
        if *count >= STREAMS {
            return None;
        }
        *count += 1;
        Some(Place { app: app.clone(), account })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self.app.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.account);
            }
        }
    }
}

/// A listener of the library.
struct Listener {
    place: Place,
    caller: Caller,
    heard: Receiver<Heard>,
    /// Events that are sent before the next one is awaited.
    waiting: VecDeque<Value>,
    /// The rules as last read, and the scope that follows from them.
    seen: Option<(Arc<Policy>, Scope)>,
}

pub async fn events(State(app): State<Arc<App>>, mut caller: Caller) -> Answer<Response> {
    let account = caller.account()?.id;
    // The password of a folder may change during the stream: no events are sent for such folders.
    if let Subject::Account { unlocked, .. } = &mut caller.subject {
        unlocked.clear();
    }
    let place = Place::take(&app, account).ok_or_else(|| {
        Problem::busy(format!("{STREAMS} windows of this account listen already: close some."), 60)
    })?;
    let (heard, runs) = app.relay.listen();
    let waiting = runs.map(runs_event).into_iter().collect();
    let listener = Listener { place, caller, heard, waiting, seen: None };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<Event, Infallible>(event), listener))
    });
    let mut response = Sse::new(events).into_response();
    let no_store = axum::http::HeaderValue::from_static("no-store");
    response.headers_mut().insert(axum::http::header::CACHE_CONTROL, no_store);
    Ok(response)
}

fn runs_event(runs: bool) -> Value {
    json!({ "event": "engine", "running": runs })
}

impl Listener {
    /// The next event for this listener; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(value) = self.waiting.pop_front() {
                let name = value["event"].as_str().unwrap_or_default().to_owned();
                return Some(Event::default().event(name).data(value.to_string()));
            }
            let heard = match tokio::time::timeout(BEAT, self.heard.recv()).await {
                Err(_) => None,
                Ok(Ok(heard)) => Some(heard),
                // The listener was too slow: what it shows may be outdated.
                Ok(Err(RecvError::Lagged(_))) => {
                    self.waiting.push_back(json!({ "event": "missed" }));
                    continue;
                }
                Ok(Err(RecvError::Closed)) => return None,
            };
            match self.may_listen() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(e) => {
                    tracing::error!("an event stream ends: {e}");
                    return None;
                }
            }
            match heard {
                None => return Some(Event::default().comment("")),
                Some(Heard::End) => return None,
                Some(Heard::Runs(runs)) => self.waiting.push_back(runs_event(runs)),
                Some(Heard::Engine(event)) => match self.shown(&event).await {
                    Ok(values) => self.waiting.extend(values),
                    Err(problem) => {
                        tracing::error!("an event stream ends: {}", problem.detail());
                        return None;
                    }
                },
            }
        }
    }

    /// Whether the caller's credential is still valid.
    fn may_listen(&mut self) -> Result<bool, StoreError> {
        let app = &self.place.app;
        if !app.policy()?.is_active(self.place.account) {
            return Ok(false);
        }
        match &self.caller.credential {
            Credential::Cookie(session) => app.store.has_session(session.id, self.place.account, now()),
            Credential::Token(token) => {
                let is_it = |t: &Token| t.id == token.id && t.expires.is_none_or(|end| now() < end);
                Ok(app.store.tokens(self.place.account)?.iter().any(is_it))
            }
            Credential::Proxy => Ok(true),
            Credential::Nothing => Ok(false),
        }
    }

    /// Updates the scope if the rules have changed.
    fn refresh(&mut self) -> Result<(), StoreError> {
        let policy = self.place.app.policy()?;
        if self.seen.as_ref().is_none_or(|(of, _)| !Arc::ptr_eq(of, &policy)) {
            let scope = scope(&policy, &self.caller.subject, now());
            self.seen = Some((policy, scope));
        }
        Ok(())
    }

    /// The events that this listener gets for an event of the engine.
    async fn shown(&mut self, event: &Arc<EngineEvent>) -> Answer<Vec<Value>> {
        let spaces = self.place.app.spaces()?;
        let subject = self.caller.subject.clone();
        self.refresh()?;
        let Some((policy, scope)) = &self.seen else { return Err(Problem::internal()) };
        match event.event.as_str() {
            "indexed" | "failed" | "recognised" | "edited" | "removed" | "moved" => {
                Ok(of_item(event, &spaces, scope).into_iter().collect())
            }
            "person_changed" => {
                let space = event.space.as_deref().filter(|space| scope.shows_people(space));
                let mut shown = json!({ "event": "person_changed" });
                let Some(space) = space else { return Ok(Vec::new()) };
                shown["space"] = space.into();
                if let Some(person) = &event.person {
                    shown["person"] = person.as_str().into();
                }
                Ok(vec![shown])
            }
            "album_changed" => {
                let (Some(id), Some(owner)) = (event.album_id, event.account) else { return Ok(Vec::new()) };
                let may = rights(policy, &subject, &Object::Album { id, owner }, now());
                Ok(may.view.then(|| json!({ "event": "album_changed", "album": id })).into_iter().collect())
            }
            // Counts of the whole library are for administrators.
            "progress" => {
                let is_admin = self.caller.account.as_ref().is_some_and(|a| policy.is_admin(a.id));
                let is_own = !matches!(self.caller.credential, Credential::Token(_));
                let progress = event.progress.as_ref().filter(|_| is_admin && is_own);
                Ok(progress.map(|p| json!({ "event": "progress", "progress": p })).into_iter().collect())
            }
            "job_done" => {
                let Some(id) = event.job else { return Ok(Vec::new()) };
                let app = self.place.app.clone();
                let asked = tokio::task::spawn_blocking(move || {
                    ask_as(&app, &subject, |ask| {
                        let job = ask.index.job(id).map_err(read)?;
                        Ok(job.and_then(|job| job_shown(ask, &spaces, &job)))
                    })
                });
                let shown = asked.await.map_err(|_| Problem::internal())??;
                Ok(shown.map(|job| json!({ "event": "job_done", "job": job })).into_iter().collect())
            }
            "missed" => Ok(vec![json!({ "event": "missed" })]),
            _ => Ok(Vec::new()),
        }
    }
}

/// The place of a file as clients see it, if it is in a visible folder.
fn visible_place(path: Option<&str>, spaces: &Spaces, scope: &Scope) -> Option<Value> {
    // A path with replaced bytes is not the original: no rule can be applied to it.
    let path = path.filter(|path| !path.contains('\u{fffd}')).map(Path::new)?;
    let (space, folder, at) = place_of(spaces, path.parent()?)?;
    let name = path.file_name()?.to_string_lossy();
    scope.folder_rights(&at).view.then(|| json!({ "space": space, "folder": folder, "name": name }))
}

fn of_item(event: &EngineEvent, spaces: &Spaces, scope: &Scope) -> Option<Value> {
    let item = event.item?;
    let is = visible_place(event.path.as_deref(), spaces, scope);
    let was = visible_place(event.from.as_deref(), spaces, scope);
    // An item that was moved out of the visible folders is reported as gone.
    let (name, place) = match (event.event.as_str(), is, was) {
        ("moved", Some(is), was) => {
            let mut moved = is;
            if let Some(was) = was {
                moved["from"] = was;
            }
            ("moved", moved)
        }
        ("moved", None, Some(was)) => ("removed", was),
        (name, Some(is), _) => (name, is),
        (_, None, _) => return None,
    };
    let mut shown = json!({ "event": name, "item": item });
    if let (Some(shown), Value::Object(place)) = (shown.as_object_mut(), place) {
        shown.extend(place);
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Space, SpaceKind};
    use crate::library::FolderScope;
    use crate::rights::Rights;
    use crate::store::FolderPath;

    #[test]
    fn a_move_is_told_as_each_may_see_it() {
        let space = Space {
            name: "s".into(),
            kind: SpaceKind::Shared,
            folders: vec!["/v".into()],
            owner: None,
            is_match: false,
        };
        let spaces: Spaces = [space].into_iter().collect();
        let heard = |folders: &[&str], path: &str, from: Option<&str>| {
            let folders = folders
                .iter()
                .map(|path| FolderScope { folder: FolderPath::new("s", "/v", *path), rights: Rights::VIEW });
            let scope = Scope { folders: folders.collect(), ..Scope::default() };
            let event = EngineEvent {
                event: "moved".into(),
                item: Some(7),
                path: Some(path.into()),
                from: from.map(Into::into),
                ..EngineEvent::default()
            };
            of_item(&event, &spaces, &scope).map(|v| (v["event"].as_str().unwrap().to_owned(), v.to_string()))
        };
        let (is, was) = ("/v/a/1.jpg", Some("/v/b/2.jpg"));
        let names = |folders: &[&str]| heard(folders, is, was).map(|(name, _)| name);
        assert_eq!(names(&["a", "b"]).as_deref(), Some("moved"));
        assert_eq!(names(&["b"]).as_deref(), Some("removed"));
        assert_eq!(names(&["c"]), None);
        let (name, text) = heard(&["a"], is, was).unwrap();
        assert_eq!(name, "moved");
        assert!(!text.contains("2.jpg"), "where it was is not to be seen: {text}");
        assert!(!text.contains("/v/"), "{text}");
        assert_eq!(heard(&["a"], "/v/a\u{fffd}/1.jpg", None), None);
        assert_eq!(heard(&["a"], "/elsewhere/a/1.jpg", None), None);
    }
}
