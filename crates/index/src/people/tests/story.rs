//! Random sequences of edits, detections, rotations, crops, switches and undo: after each step, every user edit that
//! was not undone holds in all views.

use super::super::{Mark, remove_found, switch};
use super::*;
use crate::items;
use proptest::prelude::*;

mod checks;

#[derive(Debug, Clone)]
enum Op {
    Cluster,
    Name(usize, u8),
    NoName(usize),
    Merge(usize, usize, bool),
    Split(usize, usize),
    Apart(usize, usize),
    Assign(usize, usize, bool),
    Reject(usize),
    Mark(usize, Option<Mark>),
    Hide(usize, bool),
    Cover(usize),
    /// Undo of the last edit, or of another that can be undone.
    Undo(usize),
    /// Detects in the same picture again, with shifted boxes or not.
    Look(usize, bool),
    /// Changes the orientation of the file.
    Turn(usize, u8),
    /// Rotates or mirrors the pixels without a change of metadata.
    TurnPixels(usize, u8),
    /// Cuts off the right part of the picture; the rest is scaled up.
    Crop(usize),
    /// Restores the original picture.
    Restore(usize),
    NewModel,
    Photo(u64, u64),
    /// A region in the metadata gives the first face this name, or none.
    Region(usize, Option<u8>),
    /// Removes the file of a photo and restores it.
    Vanish(usize),
    Return,
    /// Disables people for the space and enables them again.
    Off,
    On,
    Reindex,
}

fn op() -> impl Strategy<Value = Op> {
    let n = || 0..60usize;
    prop_oneof![
        3 => Just(Op::Cluster),
        2 => (n(), 0..4u8).prop_map(|(p, name)| Op::Name(p, name)),
        1 => n().prop_map(Op::NoName),
        2 => (n(), n(), any::<bool>()).prop_map(|(a, b, also)| Op::Merge(a, b, also)),
        2 => (n(), n()).prop_map(|(p, f)| Op::Split(p, f)),
        1 => (n(), n()).prop_map(|(a, b)| Op::Apart(a, b)),
        3 => (n(), n(), any::<bool>()).prop_map(|(f, p, also)| Op::Assign(f, p, also)),
        3 => n().prop_map(Op::Reject),
        2 => (n(), 0..3usize).prop_map(|(f, m)| Op::Mark(f, [None, Some(Mark::NoFace), Some(Mark::Unknown)][m])),
        1 => (n(), any::<bool>()).prop_map(|(p, h)| Op::Hide(p, h)),
        1 => n().prop_map(Op::Cover),
        3 => n().prop_map(Op::Undo),
        2 => (n(), any::<bool>()).prop_map(|(f, moved)| Op::Look(f, moved)),
        2 => (n(), 1..=8u8).prop_map(|(f, turn)| Op::Turn(f, turn)),
        2 => (n(), 1..=8u8).prop_map(|(f, turn)| Op::TurnPixels(f, turn)),
        2 => n().prop_map(Op::Crop),
        1 => n().prop_map(Op::Restore),
        1 => Just(Op::NewModel),
        2 => (0..5u64, 0..5u64).prop_map(|(a, b)| Op::Photo(a, b)),
        1 => (n(), prop::option::weighted(0.8, 0..4u8)).prop_map(|(f, name)| Op::Region(f, name)),
        1 => n().prop_map(Op::Vanish),
        1 => Just(Op::Return),
        1 => Just(Op::Off),
        1 => Just(Op::On),
        1 => Just(Op::Reindex),
    ]
}

/// The test's own model of user edits.
#[derive(Debug, Clone)]
enum Said {
    Is(i64, String),
    Not(i64, String),
    Marked(i64, Option<Mark>),
    Name(String, Option<String>),
    One(String, String),
    Two(String, String),
    Hidden(String, bool),
    Cover(String, i64),
}

/// A photo: its file, number and people, and its present transformation.
#[derive(Debug, Clone)]
struct Photo {
    file: i64,
    number: u64,
    people: Vec<u64>,
    orientation: u8,
    pixels: u8,
    cropped: bool,
    region: Option<u8>,
    vanished: bool,
}

impl Photo {
    fn new(file: i64, number: u64, people: Vec<u64>) -> Photo {
        Photo {
            file,
            number,
            people,
            orientation: 1,
            pixels: 1,
            cropped: false,
            region: None,
            vanished: false,
        }
    }

    /// The faces that a recogniser finds in it.
    fn found(&self, shift: f32, model: &str) -> Vec<FoundFace> {
        // A crop keeps the left 0.24, which has the first face.
        let (people, grown) =
            if self.cropped { (&self.people[..1], 1.0 / 0.24) } else { (&self.people[..], 1.0) };
        let faces = people.iter().enumerate().map(|(i, person)| {
            let mut face = face(*person, self.number, 0.05 + 0.2 * i as f32 + shift, model);
            face.area[0] *= grown;
            face.area[2] *= grown;
            face.area = shown(self.orientation, shown(self.pixels, face.area));
            face
        });
        faces.collect()
    }
}

struct Story {
    w: World,
    photos: Vec<Photo>,
    model: &'static str,
    off: bool,
    said: Vec<(i64, Vec<Said>)>,
}

/// A box of the stored picture, as displayed in an orientation.
fn shown(orientation: u8, [x, y, w, h]: Box4) -> Box4 {
    match orientation {
        2 => [1.0 - x - w, y, w, h],
        3 => [1.0 - x - w, 1.0 - y - h, w, h],
        4 => [x, 1.0 - y - h, w, h],
        5 => [y, x, h, w],
        6 => [1.0 - y - h, x, h, w],
        7 => [1.0 - y - h, 1.0 - x - w, h, w],
        8 => [y, 1.0 - x - w, h, w],
        _ => [x, y, w, h],
    }
}

impl Story {
    fn new() -> Story {
        let mut w = World::new();
        let mut photos = Vec::new();
        for n in 0..12 {
            let people = vec![n % 4, (n + 1 + n / 4) % 5 + 4];
            let file = w.photo(n, &people);
            photos.push(Photo::new(file, n, people));
        }
        w.cluster();
        Story { w, photos, model: MODEL, off: false, said: Vec::new() }
    }

    fn people(&self) -> Vec<String> {
        self.w.index.people(None, true, None).expect("people").into_iter().map(|p| p.id).collect()
    }

    fn shown_faces(&self) -> Vec<FaceLine> {
        self.photos.iter().filter(|p| !p.vanished).flat_map(|p| self.w.faces(p.file)).collect()
    }

    fn pick<T: Clone>(from: &[T], n: usize) -> Option<T> {
        (!from.is_empty()).then(|| from[n % from.len()].clone())
    }

    /// Runs inspect and recognition on a photo in its present state.
    fn look(&self, photo: &Photo, shift: f32) {
        if self.off || photo.vanished {
            return;
        }
        let conn = &self.w.index.conn;
        let found = photo.found(shift, self.model);
        let region =
            photo.region.map(|name| Region { name: Some(format!("Name {name}")), area: found[0].area });
        let facts = Facts {
            orientation: Some(photo.orientation),
            regions: region.into_iter().collect(),
            sources: [("regions".to_owned(), "xmp".to_owned())].into(),
            ..Facts::default()
        };
        let facts = serde_json::to_string(&facts).expect("facts");
        conn.execute("UPDATE files SET facts = ?2 WHERE id = ?1", params![photo.file, facts]).expect("facts");
        record_faces(conn, photo.file, &found, self.model).expect("faces recorded");
        items::refresh(conn, photo.file).expect("its item");
    }

    fn done(
        &mut self,
        result: std::result::Result<EditDone, EditError>,
        said: impl FnOnce(&EditDone) -> Vec<Said>,
    ) {
        match result {
            Ok(done) => {
                let said = said(&done);
                self.said.push((done.edit, said));
            }
            Err(EditError::Index(e)) => panic!("{e}"),
            Err(_) => {}
        }
    }

    fn apply(&mut self, op: &Op) {
        self.change_something(op);
        // A run matches the regions of the files that it processed.
        if !self.off && self.w.regions_wait() {
            self.w.cluster();
        }
    }

    fn change_something(&mut self, op: &Op) {
        let (people, faces) = (self.people(), self.shown_faces());
        let face = |n: usize| Self::pick(&faces, n);
        let person = |n: usize| Self::pick(&people, n);
        match *op {
            Op::Cluster => {
                self.w.cluster();
            }
            Op::Name(p, name) => {
                let Some(p) = person(p) else { return };
                let name = format!("Name {name}");
                let done = self.w.index.name_person(&p, Some(&name), SameName::Refuse);
                self.done(done, |_| vec![Said::Name(p, Some(name))]);
            }
            Op::NoName(p) => {
                let Some(p) = person(p) else { return };
                let done = self.w.index.name_person(&p, None, SameName::Refuse);
                self.done(done, |_| vec![Said::Name(p, None)]);
            }
            Op::Merge(a, b, also) => {
                let (Some(a), Some(b)) = (person(a), person(b)) else { return };
                let done = self.w.index.merge_people_in(&[a.clone(), b.clone()], None, also);
                self.done(done, |_| vec![Said::One(a, b)]);
            }
            Op::Split(p, f) => {
                let Some(p) = person(p) else { return };
                let of: Vec<i64> =
                    faces.iter().filter(|f| f.person.as_ref() == Some(&p)).map(|f| f.id).collect();
                let Some(f) = Self::pick(&of, f) else { return };
                let done = self.w.index.split_person(&p, &[f]);
                self.done(done, |d| {
                    let new = d.person.clone().expect("the new person");
                    vec![Said::Is(f, new.clone()), Said::Not(f, p.clone()), Said::Two(p, new)]
                });
            }
            Op::Apart(a, b) => {
                let (Some(a), Some(b)) = (person(a), person(b)) else { return };
                let done = self.w.index.tell_apart(&a, &b, None);
                self.done(done, |_| vec![Said::Two(a, b)]);
            }
            Op::Assign(f, p, also) => {
                let (Some(f), Some(p)) = (face(f), person(p)) else { return };
                let done = self.w.index.assign_face_also(f.id, &p, also);
                self.done(done, |_| vec![Said::Is(f.id, p)]);
            }
            Op::Reject(f) => {
                let Some(f) = face(f) else { return };
                let done = self.w.index.reject_face(f.id, None);
                self.done(done, |d| vec![Said::Not(f.id, d.person.clone().expect("a person"))]);
            }
            Op::Mark(f, mark) => {
                let Some(f) = face(f) else { return };
                let done = self.w.index.mark_face(f.id, mark);
                self.done(done, |_| vec![Said::Marked(f.id, mark)]);
            }
            Op::Hide(p, hidden) => {
                let Some(p) = person(p) else { return };
                let done = self.w.index.hide_person(&p, hidden);
                self.done(done, |_| vec![Said::Hidden(p, hidden)]);
            }
            Op::Cover(f) => {
                let Some((f, p)) = face(f).and_then(|f| Some((f.id, f.person?))) else { return };
                let done = self.w.index.set_cover(&p, f);
                self.done(done, |_| vec![Said::Cover(p, f)]);
            }
            Op::Undo(n) => {
                let edit = match n % 2 {
                    0 => None,
                    _ => {
                        let edits = self.w.index.people_edits(None, 100).expect("edits");
                        let free: Vec<i64> =
                            edits.iter().filter(|e| e.after.is_none()).map(|e| e.edit).collect();
                        Self::pick(&free, n)
                    }
                };
                match self.w.index.undo_people_edit(edit, None) {
                    Ok(undone) => self.said.retain(|(edit, _)| *edit != undone.edit),
                    Err(EditError::NotFound(_)) => {}
                    Err(e) => panic!("the list says that it can be undone: {e}"),
                }
            }
            Op::Look(n, moved) => {
                let Some(photo) = Self::pick(&self.photos, n) else { return };
                self.look(&photo, if moved { 0.02 } else { 0.0 });
            }
            Op::Turn(n, orientation) => self.change(n, |photo| photo.orientation = orientation),
            Op::TurnPixels(n, pixels) => self.change(n, |photo| photo.pixels = pixels),
            Op::Crop(n) => self.change(n, |photo| photo.cropped = true),
            Op::Restore(n) => {
                self.change(n, |photo| {
                    (photo.orientation, photo.pixels, photo.cropped) = (1, 1, false);
                });
            }
            Op::NewModel => {
                self.model = if self.model == MODEL { OTHER_MODEL } else { MODEL };
                self.photos.iter().for_each(|photo| self.look(photo, 0.01));
            }
            Op::Photo(a, b) => {
                let number = self.photos.len() as u64;
                let file = self.w.file(&format!("{number:03}.jpg"), &format!("b3:{number:03}"));
                let photo = Photo::new(file, number, vec![a, b]);
                self.look(&photo, 0.0);
                self.photos.push(photo);
            }
            Op::Region(n, name) => {
                if self.off {
                    return;
                }
                self.change(n, |photo| photo.region = name);
            }
            Op::Vanish(n) => {
                let at = n % self.photos.len();
                self.photos[at].vanished = true;
                crate::record::vanish_file(&self.w.index.conn, self.photos[at].file, 1).expect("vanished");
            }
            Op::Return => {
                for photo in self.photos.iter_mut().filter(|p| p.vanished) {
                    photo.vanished = false;
                    let conn = &self.w.index.conn;
                    conn.execute("UPDATE files SET vanished = NULL WHERE id = ?1", [photo.file])
                        .expect("back");
                    items::refresh(conn, photo.file).expect("its item");
                }
            }
            Op::Off => {
                self.off = true;
                switch(&self.w.index, self.w.space, false).expect("switched off");
                remove_found(&self.w.index, self.w.space).expect("removed");
            }
            Op::On => {
                if !std::mem::take(&mut self.off) {
                    return;
                }
                switch(&self.w.index, self.w.space, true).expect("switched on");
                self.photos.iter().for_each(|photo| self.look(photo, 0.0));
                self.w.cluster();
            }
            Op::Reindex => {
                forget_conclusions(&self.w.index, self.w.space).expect("forgotten");
                self.w.cluster();
            }
        }
    }

    fn change(&mut self, n: usize, change: impl FnOnce(&mut Photo)) {
        if self.off {
            return;
        }
        let at = n % self.photos.len();
        if self.photos[at].vanished {
            return;
        }
        let was_cropped = self.photos[at].cropped;
        change(&mut self.photos[at]);
        // With other models, embeddings cannot be compared, and no metadata shows a crop.
        if self.photos[at].cropped != was_cropped && self.model != MODEL {
            self.photos[at].cropped = was_cropped;
        }
        self.look(&self.photos[at], 0.0);
    }

    /// All state that an undo must restore.
    fn state(&self) -> Vec<String> {
        let rows = |sql: &str| -> Vec<String> {
            let mut st = self.w.index.conn.prepare(sql).expect("a query");
            st.query_map([], |r| r.get(0)).expect("rows").collect::<rusqlite::Result<_>>().expect("text")
        };
        [
            "SELECT json_array('face', id, person_id, how, mark, lost, clustered) FROM faces ORDER BY id",
            "SELECT json_array('said', face_id, person_id, verdict) FROM face_edits ORDER BY 1",
            "SELECT json_array('person', id, name, hidden, cover_face) FROM persons ORDER BY 1",
            "SELECT json_array('apart', a, b) FROM people_apart ORDER BY 1",
        ]
        .into_iter()
        .flat_map(rows)
        .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_what_a_user_said_holds(ops in prop::collection::vec(op(), 1..40)) {
        let mut story = Story::new();
        for op in &ops {
            story.apply(op);
            story.check(op);
        }
        story.apply(&Op::On);
        story.w.cluster();
        story.check(&Op::Cluster);
        story.check_verify();
    }

    #[test]
    fn an_undo_brings_back_exactly_what_was(ops in prop::collection::vec(op(), 1..25), last in op()) {
        let mut story = Story::new();
        ops.iter().for_each(|op| story.apply(op));
        story.apply(&Op::On);
        while story.w.cluster().joined > 0 {}
        let (before, edits) = (story.state(), story.said.len());
        story.apply(&last);
        if story.said.len() > edits {
            story.w.index.undo_people_edit(None, None).expect("undone");
            prop_assert_eq!(story.state(), before, "after {:?}", last);
        }
    }
}
