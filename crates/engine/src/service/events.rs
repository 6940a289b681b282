//! Events of `GET /v1/events`, and which clients may receive them.

use super::access::Access;
use super::counters::SinceStart;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// One event.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// `indexed`, `failed`, `recognised`, `edited`, `moved`, `removed`, `person_changed`, `album_changed`, `job_done`,
    /// `progress`, `missed`.
    pub event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The previous path of a moved item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The id of a person; absent if several have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub album: Option<String>,
    /// The id of an album of a server account; `album` is the name of an album of the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub album_id: Option<i64>,
    /// The account that owns the album.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<SinceStart>,
    #[serde(skip)]
    audience: Audience,
}

/// Which clients may receive an event.
#[derive(Debug, Clone)]
enum Audience {
    /// All clients: it contains nothing of a space.
    Everybody,
    /// Clients that may see all of these spaces.
    Of(BTreeSet<String>),
    /// Clients that may see the first space and not the second: to them the item is removed.
    Left { from: String, to: String },
    /// Clients without a restriction to spaces: the event belongs to none.
    Unlimited,
}

/// An item, its path and its space.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    pub item: i64,
    pub path: &'a Path,
    pub space: &'a str,
}

impl Event {
    const NOTHING: Event = Event {
        event: "",
        item: None,
        path: None,
        from: None,
        space: None,
        reason: None,
        person: None,
        album: None,
        album_id: None,
        account: None,
        job: None,
        count: None,
        progress: None,
        audience: Audience::Everybody,
    };

    fn of(event: &'static str, of: Of<'_>) -> Event {
        Event {
            event,
            item: Some(of.item),
            path: Some(of.path.to_string_lossy().into_owned()),
            space: Some(of.space.to_owned()),
            audience: Audience::Of([of.space.to_owned()].into()),
            ..Event::NOTHING
        }
    }

    /// A file was read; `failed` is the error, if any.
    pub fn item(of: Of<'_>, failed: Option<String>) -> Event {
        let event = if failed.is_some() { "failed" } else { "indexed" };
        Event { reason: failed, ..Event::of(event, of) }
    }

    /// Faces and subjects of an item are recorded.
    pub fn recognised(of: Of<'_>) -> Event {
        Event::of("recognised", of)
    }

    /// A user edited an item.
    pub fn edited(of: Of<'_>) -> Event {
        Event::of("edited", of)
    }

    /// An item is no longer at its path.
    pub fn removed(of: Of<'_>) -> Event {
        Event::of("removed", of)
    }

    /// An item has a new path. Clients that may see only the old place receive a removal; clients that may see only the
    /// new place do not receive the old path.
    pub fn moved(was: Of<'_>, is: Of<'_>) -> Vec<Event> {
        let moved = Event::of("moved", is);
        let from = Some(was.path.to_string_lossy().into_owned());
        if was.space == is.space {
            return vec![Event { from, ..moved }];
        }
        let left = |from: &str, to: &str| Audience::Left { from: from.to_owned(), to: to.to_owned() };
        let both = Audience::Of([was.space.to_owned(), is.space.to_owned()].into());
        vec![
            Event { audience: left(was.space, is.space), ..Event::removed(was) },
            Event { audience: left(is.space, was.space), ..moved.clone() },
            Event { from, audience: both, ..moved },
        ]
    }

    /// People of a space have changed; `person` if it was only one.
    pub fn person_changed(person: Option<String>, space: String) -> Event {
        let audience = Audience::Of([space.clone()].into());
        Event { event: "person_changed", person, space: Some(space), audience, ..Event::NOTHING }
    }

    /// An album was created, filled, renamed or deleted.
    pub fn album_changed(album: String) -> Event {
        Event { event: "album_changed", album: Some(album), audience: Audience::Unlimited, ..Event::NOTHING }
    }

    /// The same, for an album of a server account.
    pub fn account_album_changed(album: i64, owner: i64) -> Event {
        Event {
            event: "album_changed",
            album_id: Some(album),
            account: Some(owner),
            audience: Audience::Unlimited,
            ..Event::NOTHING
        }
    }

    /// There is progress; [`Event::heard_with`] adds the figures for each client.
    pub fn progress() -> Event {
        Event { event: "progress", ..Event::NOTHING }
    }

    /// A request is complete. `spaces`: those of its paths; `None` if a path is no longer in a configured space.
    pub fn job_done(job: i64, spaces: Option<BTreeSet<String>>) -> Event {
        let audience = spaces.map_or(Audience::Unlimited, Audience::Of);
        Event { event: "job_done", job: Some(job), audience, ..Event::NOTHING }
    }

    /// A client was too slow and lost this number of events.
    pub fn missed(count: u64) -> Event {
        Event { event: "missed", count: Some(count), ..Event::NOTHING }
    }

    /// The event as a client may receive it; `None`: not at all. `since_start` returns the figures that the client may see.
    pub fn heard_with(self, access: &Access, since_start: impl FnOnce() -> SinceStart) -> Option<Event> {
        let may_hear = match &self.audience {
            Audience::Everybody => true,
            Audience::Of(spaces) => access.may_see_all(spaces.iter()),
            Audience::Left { from, to } => access.may_see(from) && !access.may_see(to),
            Audience::Unlimited => !access.is_limited(),
        };
        let progress = (self.event == "progress").then(since_start);
        may_hear.then_some(Event { progress, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_between_spaces_is_told_to_each_as_it_may_see() {
        let of = |path, space| Of { item: 7, path: Path::new(path), space };
        let heard = |access: &Access| -> Vec<(&str, String, Option<String>)> {
            Event::moved(of("/a/1.jpg", "anna"), of("/b/1.jpg", "berta"))
                .into_iter()
                .filter_map(|e| e.heard_with(access, SinceStart::default))
                .map(|e| (e.event, e.path.unwrap(), e.from))
                .collect()
        };
        let only = |space: &str| Access::to(Some(vec![space.to_owned()]));
        assert_eq!(heard(&Access::ALL), [("moved", "/b/1.jpg".into(), Some("/a/1.jpg".into()))]);
        assert_eq!(heard(&only("anna")), [("removed", "/a/1.jpg".into(), None)]);
        assert_eq!(heard(&only("berta")), [("moved", "/b/1.jpg".into(), None)]);
        assert_eq!(heard(&only("clara")), []);
    }

    #[test]
    fn who_is_limited_hears_of_no_album_and_of_no_request_for_others() {
        let anna = Access::to(Some(vec!["anna".into()]));
        let hears = |event: Event| event.heard_with(&anna, SinceStart::default).is_some();
        assert!(!hears(Event::album_changed("Holiday".into())));
        assert!(!hears(Event::job_done(1, Some(["anna".into(), "berta".into()].into()))));
        assert!(!hears(Event::job_done(1, None)));
        assert!(hears(Event::job_done(1, Some(["anna".into()].into()))));
        assert!(hears(Event::progress()));
    }
}
