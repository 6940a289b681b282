//! Invariants that are checked after each step of a story, in all views.

use super::super::super::names;
use super::*;
use crate::verify::{Depth, Issue, Kind, verify};
use crate::view::Detail;

impl Story {
    /// Every edit that no later one has undone holds, in all views.
    pub(super) fn check(&self, after: &Op) {
        let conn = &self.w.index.conn;
        let now = |p: &str| resolve(conn, p).expect("readable").expect("people are never forgotten");
        let all: BTreeMap<i64, FaceLine> =
            self.photos.iter().flat_map(|p| self.w.all_faces(p.file)).map(|f| (f.id, f)).collect();
        let said: Vec<&Said> = self.said.iter().flat_map(|(_, s)| s).collect();
        for (i, one) in said.iter().enumerate() {
            let later = &said[i + 1..];
            let other_word = |f: &i64| {
                later.iter().any(|l| matches!(l, Said::Is(g, _) if g == f))
                    || later.iter().any(|l| matches!(l, Said::Marked(g, Some(_)) if g == f))
            };
            let renamed = |p: &String| {
                now(p) != *p || later.iter().any(|l| matches!(l, Said::Name(q, _) if now(q) == now(p)))
            };
            let holds = match one {
                Said::Is(f, p) => {
                    let denied =
                        later.iter().any(|l| matches!(l, Said::Not(g, q) if g == f && now(q) == now(p)));
                    other_word(f) || denied || all[f].person.as_ref() == Some(&now(p))
                }
                Said::Not(f, p) => {
                    let taken_back =
                        later.iter().any(|l| matches!(l, Said::Is(g, q) if g == f && now(q) == now(p)));
                    taken_back || all[f].person.as_ref() != Some(&now(p))
                }
                Said::Marked(f, mark) => {
                    let taken_back =
                        later.iter().any(|l| matches!(l, Said::Is(g, _) | Said::Marked(g, _) if g == f));
                    // A face without user edits may be deleted when it is no longer detected.
                    let face = all.get(f);
                    let marked = face.map_or(mark.is_none(), |a| a.mark.as_deref() == mark.map(Mark::name));
                    taken_back || marked && (mark.is_none() || face.is_some_and(|a| a.person.is_none()))
                }
                Said::Name(p, name) => renamed(p) || self.w.name_of(p) == *name,
                Said::One(a, b) => now(a) == now(b),
                Said::Two(a, b) => now(a) != now(b),
                Said::Hidden(p, hidden) => {
                    let taken_back = now(p) != *p
                        || later.iter().any(|l| matches!(l, Said::Hidden(q, _) if now(q) == now(p)));
                    taken_back || self.w.index.person(p).expect("a person").person.hidden == *hidden
                }
                Said::Cover(p, f) => {
                    let taken_back = now(p) != *p
                        || later.iter().any(|l| matches!(l, Said::Cover(q, _) if now(q) == now(p)))
                        || all[f].lost
                        || self.photos.iter().any(|photo| photo.vanished && photo.file == all[f].file)
                        || all[f].person.as_ref() != Some(p);
                    taken_back || self.w.index.person(p).expect("a person").person.cover == Some(*f)
                }
            };
            assert!(holds, "after {after:?}: {one:?} no longer holds");
        }
        self.check_views(after);
        self.check_photos(after);
    }

    /// Lists, search, `show` and `export` agree with the faces.
    fn check_views(&self, after: &Op) {
        let conn = &self.w.index.conn;
        let mut bearers: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for photo in self.photos.iter().filter(|p| !p.vanished) {
            let faces = self.w.faces(photo.file);
            for detail in [Detail::Full, Detail::Canonical] {
                let item = self.w.index.item_view(photo.file, detail).expect("a view").expect("an item");
                let item = serde_json::to_value(item).expect("plain data");
                let names: Vec<Option<&str>> = item["faces"]
                    .as_array()
                    .map(|f| f.iter().map(|f| f["person"]["name"].as_str()).collect())
                    .unwrap_or_default();
                let expected: Vec<Option<&str>> = faces.iter().map(|f| f.name.as_deref()).collect();
                assert_eq!(names, expected, "after {after:?}: a view of photo {}", photo.number);
            }
            for name in faces.iter().filter_map(|f| f.name.clone()) {
                bearers.entry(name).or_default().insert(photo.file);
            }
            assert!(
                items::is_findable(conn, photo.file).expect("readable"),
                "after {after:?}: photo {} is not found as it should be",
                photo.number
            );
        }
        assert!(!self.off || bearers.is_empty(), "after {after:?}: faces are shown though people are off");
        for name in (0..4).map(|n| format!("Name {n}")) {
            let expected = bearers.remove(&name).unwrap_or_default();
            for query in [format!("person:\"{name}\""), format!("\"{}\"", names::key(&name))] {
                assert_eq!(self.w.found(&query), expected, "after {after:?}: {query}");
            }
        }
        let listed = self.w.index.people(None, false, None).expect("people");
        assert!(listed.iter().all(|p| !p.hidden), "after {after:?}: a hidden person is listed");
        assert!(!self.off || listed.is_empty(), "after {after:?}: people are listed though they are off");
        for p in &listed {
            let faces = self.w.index.person(&p.id).expect("a person").faces;
            assert_eq!(p.faces as usize, faces.len(), "after {after:?}: {p:?}");
            let items: BTreeSet<i64> = faces.iter().map(|f| f.file).collect();
            assert_eq!(p.items as usize, items.len(), "after {after:?}: {p:?}");
            let is_its_face = |cover: i64| faces.iter().any(|f| f.id == cover);
            assert!(p.cover.map_or(faces.is_empty(), is_its_face), "after {after:?}: {p:?}");
        }
        let shown = self.photos.iter().filter(|p| !p.vanished).flat_map(|p| self.w.faces(p.file));
        let waiting: BTreeSet<i64> =
            shown.filter(|f| f.person.is_none() && f.mark.is_none()).map(|f| f.id).collect();
        let listed = self.w.index.waiting_faces(None, None).expect("faces");
        let listed: BTreeSet<i64> = listed.iter().map(|f| f.id).collect();
        assert_eq!(listed, waiting, "after {after:?}: the faces that wait");
        self.check_questions(after, &waiting);
    }

    /// There are no questions about what was answered or hidden, or is not a face.
    fn check_questions(&self, after: &Op, waiting: &BTreeSet<i64>) {
        let now = |p: &str| resolve(&self.w.index.conn, p).expect("readable").expect("a person");
        let said: Vec<&Said> = self.said.iter().flat_map(|(_, s)| s).collect();
        for q in self.w.index.questions(None, 100).expect("questions") {
            let parts: Vec<&str> = q.question.split(':').collect();
            let people = if q.kind == "is" { &parts[2..] } else { &parts[1..] };
            for person in people {
                let hidden = self.w.index.person(person).expect("a person").person.hidden;
                assert!(!hidden, "after {after:?}: {q:?} asks about a hidden person");
            }
            let was_answered = |one: &Said| match one {
                Said::Not(face, p) => q.kind == "is" && *face == q.a.face && now(p) == parts[2],
                Said::Two(a, b) => {
                    let told = BTreeSet::from([now(a), now(b)]);
                    q.kind == "same" && told == BTreeSet::from([parts[1].to_owned(), parts[2].to_owned()])
                }
                _ => false,
            };
            let taken_back = |later: &[&Said]| {
                later.iter().any(|l| matches!(l, Said::Is(face, _) if q.kind == "is" && *face == q.a.face))
            };
            let again = (0..said.len()).any(|i| was_answered(said[i]) && !taken_back(&said[i + 1..]));
            assert!(!again, "after {after:?}: {q:?} was answered");
            assert!(q.kind != "is" || waiting.contains(&q.a.face), "after {after:?}: {q:?} does not wait");
        }
    }

    /// `verify` finds people, items and search entries consistent.
    pub(super) fn check_verify(&self) {
        let mut found = Vec::new();
        let mut note = |f: Issue| found.push(f);
        let depth = Depth::default();
        verify(&self.w.dir.path().join("index"), depth, &mut note).expect("verified");
        let of_people = |f: &&Issue| !matches!(f.kind, Kind::DerivativeUnnamed | Kind::Orphan);
        let found: Vec<_> = found.iter().filter(of_people).collect();
        assert!(found.is_empty(), "{found:?}");
    }

    /// Two faces of a photo are one person only by a user edit.
    fn check_photos(&self, after: &Op) {
        for photo in &self.photos {
            let faces = self.w.faces(photo.file);
            for f in faces.iter().filter(|f| f.how.as_deref() == Some("machine")) {
                assert!(
                    faces.iter().all(|o| o.id == f.id || o.person != f.person),
                    "after {after:?}: two faces of photo {} are one person",
                    photo.number
                );
            }
            let known = self.w.all_faces(photo.file);
            let spoken = known.iter().filter(|f| !f.lost).count();
            assert!(
                self.off || spoken <= photo.people.len(),
                "after {after:?}: a face is there twice: {known:?}"
            );
        }
    }
}
