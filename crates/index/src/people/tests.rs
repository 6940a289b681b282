//! People in the index, with synthetic embeddings: user edits persist through all later changes.

use super::*;
use crate::Index;
use albumen_core::vocabulary::{Facts, FoundFace, Region};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

mod kinds;
mod story;

const DIM: usize = 64;
const MODEL: &str = "model-1";
const OTHER_MODEL: &str = "model-2";

/// Deterministic noise in -1..1.
fn noise(seed: u64, i: usize) -> f32 {
    let h = blake3::hash(format!("{seed} {i}").as_bytes());
    i16::from_le_bytes([h.as_bytes()[0], h.as_bytes()[1]]) as f32 / 32768.0
}

/// Synthetic embedding of a face: photos of one person have a cosine of about 0.75, those of different people 0.
fn embedding(person: u64, photo: u64, model: &str) -> Vec<i8> {
    let salt = if model == MODEL { 0 } else { 1 << 40 };
    (0..DIM)
        .map(|i| {
            ((noise(person + salt, i) + 0.55 * noise(photo * 1000 + person + 77 + salt, i)) * 80.0) as i8
        })
        .collect()
}

fn face(person: u64, photo: u64, x: f32, model: &str) -> FoundFace {
    FoundFace {
        area: [x, 0.2, 0.1, 0.15],
        score: 0.9,
        quality: 0.8,
        points: [[0.0; 2]; 5],
        embedding: embedding(person, photo, model),
    }
}

struct World {
    dir: tempfile::TempDir,
    index: Index,
    space: i64,
    folder: i64,
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let index = Index::open_indexing(&dir.path().join("index"), || {}).expect("a new index");
        let space = index.space("home", "personal").expect("a space");
        let volume = index.volume(space, b"/photos").expect("a volume");
        let folder = index.folder(volume.id, b"").expect("a folder");
        World { dir, index, space, folder }
    }

    fn file(&self, name: &str, content: &str) -> i64 {
        let id = self
            .index
            .conn
            .query_row(
                "INSERT INTO files (folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, content_hash, added)
                 VALUES (?1, ?2, 0, 0, 0, 0, 0, ?3, 0) RETURNING id",
                params![self.folder, name.as_bytes(), content],
                |r| r.get(0),
            )
            .expect("a file row");
        crate::items::refresh(&self.index.conn, id).expect("its item");
        id
    }

    /// A photo with faces of these synthetic people side by side.
    fn photo(&self, number: u64, people: &[u64]) -> i64 {
        let file = self.file(&format!("{number:03}.jpg"), &format!("b3:{number:03}"));
        self.look(file, number, people, 0.0, MODEL);
        file
    }

    /// Records detections in a photo, with all boxes shifted right by `shift`.
    fn look(&self, file: i64, number: u64, people: &[u64], shift: f32, model: &str) {
        let found: Vec<FoundFace> = people
            .iter()
            .zip(0..)
            .map(|(p, i)| face(*p, number, 0.05 + 0.2 * i as f32 + shift, model))
            .collect();
        record_faces(&self.index.conn, file, &found, model).expect("faces recorded");
    }

    fn cluster(&mut self) -> ClusterReport {
        cluster_space(&mut self.index, self.space, 2, &AtomicBool::new(false)).expect("clustered")
    }

    fn faces(&self, file: i64) -> Vec<FaceLine> {
        faces_of_file(&self.index.conn, file, false).expect("faces")
    }

    /// Including lost faces.
    fn all_faces(&self, file: i64) -> Vec<FaceLine> {
        faces_of_file(&self.index.conn, file, true).expect("faces")
    }

    /// Files that match a query.
    fn found(&self, query: &str) -> BTreeSet<i64> {
        let query = crate::query::Query::parse(query).expect("a query");
        let page = crate::search::Page { limit: 1000, ..Default::default() };
        self.index.search(&query, &page).expect("a search").items.into_iter().collect()
    }

    fn who(&self, file: i64) -> Vec<Option<String>> {
        self.faces(file).into_iter().map(|f| f.person).collect()
    }

    fn regions(&self, file: i64, regions: &[(&str, f32)], source: &str) {
        let facts = Facts {
            regions: regions
                .iter()
                .map(|(name, x)| Region { name: Some((*name).to_owned()), area: [*x, 0.18, 0.1, 0.18] })
                .collect(),
            sources: [("regions".to_owned(), source.to_owned())].into(),
            ..Facts::default()
        };
        let json = serde_json::to_string(&facts).expect("facts");
        self.index
            .conn
            .execute("UPDATE files SET facts = ?2 WHERE id = ?1", params![file, json])
            .expect("facts");
    }

    fn regions_wait(&self) -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM regions_due)";
        self.index.conn.query_row(sql, [], |r| r.get(0)).expect("readable")
    }

    fn name_of(&self, person: &str) -> Option<String> {
        self.index.person(person).expect("a person").person.name
    }
}

#[test]
fn photos_of_one_person_come_together_and_a_second_run_changes_nothing() {
    let mut w = World::new();
    let files = [w.photo(1, &[1]), w.photo(2, &[1]), w.photo(3, &[2]), w.photo(4, &[1])];
    let report = w.cluster();
    assert_eq!((report.joined, report.founded, report.waiting), (3, 1, 1));
    let who: Vec<_> = files.iter().flat_map(|f| w.who(*f)).collect();
    assert!(who[0].is_some() && who[0] == who[1] && who[0] == who[3] && who[2].is_none(), "{who:?}");
    assert_eq!(w.cluster(), ClusterReport { waiting: 1, ..ClusterReport::default() });
    let later = w.photo(5, &[2]);
    assert_eq!(w.cluster().founded, 1);
    assert_eq!(w.who(later), w.who(files[2]));
}

#[test]
fn people_who_are_forgotten_come_back_under_their_ids() {
    let mut w = World::new();
    let photos: Vec<i64> = (0..6).map(|n| w.photo(n, &[1 + n % 2])).collect();
    w.cluster();
    let who = |w: &World| -> Vec<_> { photos.iter().map(|p| w.who(*p)).collect() };
    let before = who(&w);
    assert!(before.iter().flatten().all(Option::is_some), "{before:?}");
    for time in 1..=2 {
        super::forget_conclusions(&w.index, w.space).unwrap();
        w.cluster();
        assert_eq!(who(&w), before, "after {time} times");
    }
}

#[test]
fn a_face_pasted_twice_is_two_people() {
    let mut w = World::new();
    let pasted = w.file("pasted.jpg", "b3:0");
    let twice = [face(1, 0, 0.1, MODEL), face(1, 0, 0.6, MODEL)];
    record_faces(&w.index.conn, pasted, &twice, MODEL).expect("recorded");
    for number in 1..6 {
        w.photo(number, &[1]);
    }
    w.cluster();
    let who = w.who(pasted);
    assert!(who.iter().any(Option::is_some));
    assert_ne!(who[0], who[1]);
}

#[test]
fn the_order_of_arrival_does_not_change_who_is_who() {
    let people_of = |order: &[u64]| {
        let mut w = World::new();
        let files: BTreeMap<u64, i64> =
            order.iter().map(|n| (*n, w.photo(*n, &[n % 3, n % 4 + 10]))).collect();
        w.cluster();
        files.values().map(|f| w.who(*f)).collect::<Vec<_>>()
    };
    let forward: Vec<u64> = (0..24).collect();
    let backward: Vec<u64> = (0..24).rev().collect();
    assert_eq!(people_of(&forward), people_of(&backward));
}

#[test]
fn copies_carry_the_person_and_count_once() {
    let mut w = World::new();
    let (a, b) = (w.file("a.jpg", "b3:1"), w.file("b.jpg", "b3:1"));
    w.look(a, 1, &[1], 0.0, MODEL);
    w.look(b, 1, &[1], 0.0, MODEL);
    // Two copies of one photo do not make a person.
    assert_eq!(w.cluster().founded, 0);
    let other = w.photo(2, &[1]);
    assert_eq!(w.cluster().joined, 3);
    assert!(w.who(a) == w.who(b) && w.who(a) == w.who(other));
    // A later copy follows, and an edit of one applies to all copies.
    let c = w.file("c.jpg", "b3:1");
    w.look(c, 1, &[1], 0.0, MODEL);
    w.cluster();
    assert_eq!(w.who(c), w.who(a));
    let id = w.faces(c)[0].id;
    w.index.reject_face(id, None).expect("rejected");
    assert_eq!([w.who(a), w.who(b), w.who(c)], [vec![None], vec![None], vec![None]]);
}

#[test]
fn a_name_brings_in_the_others_and_two_of_a_name_need_a_word() {
    let mut w = World::new();
    let (one, _) = (w.photo(1, &[1]), w.photo(2, &[1]));
    let (two, _) = (w.photo(3, &[2]), w.photo(4, &[2]));
    let alone = w.photo(5, &[3]);
    w.cluster();
    let (anna, other) = (w.who(one)[0].clone().expect("a person"), w.who(two)[0].clone().expect("a person"));
    w.index.name_person(&anna, Some("Anna"), SameName::Refuse).expect("named");
    let refused = w.index.name_person(&other, Some("anna "), SameName::Refuse).expect_err("a conflict");
    let words = refused.to_string();
    assert!(
        matches!(refused, EditError::NameTaken { .. }) && words.contains(&anna) && words.contains(&other),
        "{words}"
    );
    w.index.name_person(&other, Some("Anna"), SameName::Separate).expect("two of a name");
    assert!(w.index.merge_people(&[anna.clone(), other.clone()]).is_err(), "they were told apart");
    // A new name creates a named person, and its later photos are assigned to it.
    let face = w.faces(alone)[0].id;
    let done = w.index.assign_face(face, "Carla").expect("assigned");
    let carla = done.person.expect("a person");
    let later = w.photo(6, &[3]);
    w.cluster();
    assert_eq!(w.who(later), [Some(carla)]);
}

#[test]
fn a_merge_keeps_the_named_id_and_is_refused_where_both_are_in_a_photo() {
    let mut w = World::new();
    let (a, _) = (w.photo(1, &[1]), w.photo(2, &[1]));
    let (b, _) = (w.photo(3, &[2]), w.photo(4, &[2]));
    let both = w.photo(5, &[3, 4]);
    w.photo(6, &[3]);
    w.photo(7, &[4]);
    w.cluster();
    let person = |w: &World, f| w.who(f)[0].clone().expect("a person");
    let (pa, pb) = (person(&w, a), person(&w, b));
    w.index.name_person(&pb, Some("Bea"), SameName::Refuse).expect("named");
    let done = w.index.merge_people(&[pa.clone(), pb.clone()]).expect("merged");
    assert_eq!(done.person.as_ref(), Some(&pb));
    assert_eq!(w.who(a), [Some(pb.clone())]);
    // The other id stays an alias.
    assert_eq!(w.index.person(&pa).expect("by alias").person.id, pb);
    w.index.undo_people_edit(Some(done.edit), None).expect("undone");
    assert_eq!(w.who(a), [Some(pa)]);
    let in_one = w.who(both).into_iter().map(|p| p.expect("a person")).collect::<Vec<_>>();
    let refused = w.index.merge_people(&in_one).expect_err("both are in a photo");
    assert!(refused.to_string().contains("/photos/005.jpg"), "{refused}");
    let asked = w.index.suggest_people(None, 50).expect("suggestions");
    assert!(!asked.merges.iter().any(|m| in_one.contains(&m.a) && in_one.contains(&m.b)));
}

#[test]
fn edits_outlive_another_detector_another_embedder_and_a_lost_face() {
    let mut w = World::new();
    let files: Vec<i64> = (1..5).map(|n| w.photo(n, &[1, 2])).collect();
    w.cluster();
    let before: Vec<_> = files.iter().map(|f| w.who(*f)).collect();
    let ids: Vec<i64> = w.faces(files[0]).iter().map(|f| f.id).collect();
    let (one, two) = (before[0][0].clone().expect("a person"), before[0][1].clone().expect("a person"));
    w.index.name_person(&one, Some("Ada"), SameName::Refuse).expect("named");
    w.index.assign_face(ids[1], &two).expect("assigned");
    for (file, number) in files.iter().zip(1..) {
        w.look(*file, number, &[1, 2], 0.02, OTHER_MODEL);
    }
    w.cluster();
    assert_eq!(files.iter().map(|f| w.who(*f)).collect::<Vec<_>>(), before);
    assert_eq!(w.faces(files[0]).iter().map(|f| f.id).collect::<Vec<_>>(), ids);
    assert_eq!(w.name_of(&one).as_deref(), Some("Ada"));
    // The next detection finds no faces: the face with a user edit stays, the others are removed.
    w.look(files[0], 1, &[], 0.0, OTHER_MODEL);
    assert_eq!(w.faces(files[0]), []);
    let left = w.all_faces(files[0]);
    assert_eq!(left.iter().map(|f| (f.id, f.lost)).collect::<Vec<_>>(), [(ids[1], true)]);
    assert_eq!(left[0].person, Some(two));
}

#[test]
fn a_region_names_what_the_machine_found_and_an_edit_beats_it_for_good() {
    let mut w = World::new();
    let files: Vec<i64> = (1..5).map(|n| w.photo(n, &[1, 2])).collect();
    w.regions(files[0], &[("Anna", 0.05)], "exif");
    w.cluster();
    let anna = w.who(files[0])[0].clone().expect("a person");
    assert_eq!(w.name_of(&anna).as_deref(), Some("Anna"));
    assert!(files.iter().all(|f| w.who(*f)[0].as_ref() == Some(&anna)), "the name brings in the others");
    assert!(w.who(files[0])[1].is_some() && w.who(files[0])[1].as_ref() != Some(&anna));
    // The user removes the name; the same region is then matched again, in old and new photos.
    w.index.name_person(&anna, None, SameName::Refuse).expect("name taken");
    w.regions(files[1], &[("anna", 0.05)], "sidecar:002.xmp");
    w.cluster();
    assert_eq!(w.name_of(&anna), None);
    assert_eq!(w.who(files[1])[0].as_ref(), Some(&anna));
    // A rejection also takes precedence over the region.
    let id = w.faces(files[1])[0].id;
    w.index.reject_face(id, None).expect("rejected");
    w.regions(files[1], &[("Anna", 0.051)], "sidecar:002.xmp");
    w.cluster();
    assert_ne!(w.who(files[1])[0].as_ref(), Some(&anna));
}

#[test]
fn why_tells_exemplars_similarity_and_constraints() {
    let mut w = World::new();
    let files: Vec<i64> = (1..6).map(|n| w.photo(n, &[1])).collect();
    let stranger = w.photo(9, &[2]);
    w.cluster();
    let why = w.index.why_face(w.faces(files[4])[0].id).expect("why");
    assert!(why.similarity.expect("a machine's word") >= why.required.expect("a machine's word"));
    assert_eq!(Some(&why.candidates[0].person), w.who(files[4])[0].as_ref());
    assert_eq!(why.candidates[0].exemplars.len(), 3);
    let id = w.faces(stranger)[0].id;
    let person = why.candidates[0].person.clone();
    w.index.reject_face(id, Some(&person)).expect("rejected");
    let why = w.index.why_face(id).expect("why");
    assert!(why.constraints.iter().any(|c| c.contains("is not") && c.contains(&person)), "{why:?}");
    assert!(why.verdict.contains("you said that it is not") && why.no.is_none(), "{why:?}");
}

#[test]
fn an_edit_that_a_later_one_builds_on_is_not_undone_before_it() {
    let mut w = World::new();
    let files: Vec<i64> = (1..6).map(|n| w.photo(n, &[1])).collect();
    w.cluster();
    let person = w.who(files[0])[0].clone().expect("a person");
    let id = w.faces(files[0])[0].id;
    let split = w.index.split_person(&person, &[id]).expect("split");
    let new = split.person.expect("the new one");
    let named = w.index.name_person(&new, Some("Nia"), SameName::Refuse).expect("named");
    assert!(matches!(
        w.index.undo_people_edit(Some(split.edit), None),
        Err(EditError::Conflict(Conflict::LaterEdit, _))
    ));
    w.index.undo_people_edit(Some(named.edit), None).expect("undone");
    w.index.undo_people_edit(Some(split.edit), None).expect("undone");
    assert_eq!(w.who(files[0])[0].as_ref(), Some(&person));
    assert!(matches!(w.index.undo_people_edit(None, None), Err(EditError::NotFound(_))));
}

#[test]
fn people_are_never_shared_between_spaces() {
    let mut w = World::new();
    let mine = [w.photo(1, &[1]), w.photo(2, &[1]), w.photo(3, &[2]), w.photo(4, &[2])];
    let space = w.index.space("hers", "personal").expect("a space");
    let volume = w.index.volume(space, b"/hers").expect("a volume");
    let folder = w.index.folder(volume.id, b"").expect("a folder");
    w.cluster();
    let id = w.faces(mine[2])[0].id;
    let said = w.index.reject_face(id, None).expect("said");
    // Two files move to another space that has neither their people nor similar faces.
    for file in [mine[0], mine[2]] {
        w.index
            .conn
            .execute("UPDATE files SET folder_id = ?2 WHERE id = ?1", params![file, folder])
            .expect("moved");
    }
    let hers = |w: &mut World| {
        cluster_space(&mut w.index, space, 1, &AtomicBool::new(false)).expect("clustered");
    };
    hers(&mut w);
    assert_eq!((w.who(mine[0]), w.who(mine[2])), (vec![None], vec![None]));
    // Undo the edit of the previous one, which had a person there.
    w.index.undo_people_edit(Some(said.edit), None).expect("undone");
    assert_ne!(w.who(mine[2]), [None]);
    hers(&mut w);
    assert_eq!(w.who(mine[2]), [None]);
    // The rest follows: the two are a person in this space.
    w.index.volume(space, b"/photos").expect("the volume");
    hers(&mut w);
    let who = w.who(mine[0]);
    assert_eq!(w.who(mine[1]), who);
    let of: i64 = w
        .index
        .conn
        .query_row("SELECT space_id FROM people WHERE id = ?1", [&who[0]], |r| r.get(0))
        .expect("somebody");
    assert_eq!(of, space);
    assert!(w.dir.path().exists());
}

#[test]
fn a_space_with_another_name_keeps_its_people() {
    let mut w = World::new();
    let mine = [w.photo(1, &[1]), w.photo(2, &[1])];
    w.cluster();
    let who = w.who(mine[0])[0].clone().expect("somebody");
    w.index.name_person(&who, Some("Anna"), SameName::Refuse).expect("named");
    let is_as_before = |w: &mut World| {
        w.cluster();
        assert_eq!((w.who(mine[0]), w.who(mine[1])), (vec![Some(who.clone())], vec![Some(who.clone())]));
        assert_eq!(w.name_of(&who).as_deref(), Some("Anna"));
    };
    w.index.space_becomes("home", "house").expect("renamed");
    assert_eq!(w.index.all_space_names().expect("names"), ["house"]);
    is_as_before(&mut w);
    // The same when that space has a person of the same name with faces.
    w.space = w.index.space("hers", "personal").expect("a space");
    let volume = w.index.volume(w.space, b"/hers").expect("a volume").id;
    w.folder = w.index.folder(volume, b"").expect("a folder");
    let hers = [w.photo(3, &[2]), w.photo(4, &[2])];
    w.cluster();
    let before = w.who(hers[0]);
    w.index.space_becomes("house", "hers").expect("joined");
    is_as_before(&mut w);
    assert!(before[0].is_some());
    assert_eq!(w.who(hers[0]), before);
    let of: i64 = w
        .index
        .conn
        .query_row("SELECT space_id FROM people WHERE id = ?1", [&who], |r| r.get(0))
        .expect("a person");
    assert_eq!(of, w.space);
}
