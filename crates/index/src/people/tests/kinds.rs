//! One test for each way in which edits were lost or tables became inconsistent.

use super::super::{Mark, counts, remove_found, switch};
use super::*;
use crate::items;

/// Records faces of these synthetic people in a photo, each with its box.
fn look_at(w: &World, file: i64, faces: &[(u64, u64, Box4)], orientation: u8, model: &str) {
    let facts = Facts { orientation: Some(orientation), ..Facts::default() };
    let json = serde_json::to_string(&facts).expect("facts");
    w.index.conn.execute("UPDATE files SET facts = ?2 WHERE id = ?1", params![file, json]).expect("facts");
    let found: Vec<FoundFace> = faces
        .iter()
        .map(|(person, photo, area)| FoundFace { area: *area, ..face(*person, *photo, 0.0, model) })
        .collect();
    record_faces(&w.index.conn, file, &found, model).expect("recorded");
}

fn ids(faces: &[FaceLine]) -> Vec<i64> {
    faces.iter().map(|f| f.id).collect()
}

#[test]
fn words_follow_the_face_when_the_orientation_is_corrected() {
    for model in [MODEL, OTHER_MODEL] {
        let mut w = World::new();
        let others = [w.photo(1, &[1]), w.photo(2, &[1])];
        let file = w.file("turned.jpg", "b3:turned");
        // Two people; the first is marked as not herself, and the boxes swap when the picture is rotated by 180
        // degrees.
        look_at(&w, file, &[(1, 5, [0.1, 0.2, 0.1, 0.15]), (2, 5, [0.8, 0.65, 0.1, 0.15])], 1, MODEL);
        w.cluster();
        let before = w.faces(file);
        let her = w.who(others[0])[0].clone();
        assert_eq!(before[0].person, her);
        w.index.reject_face(before[0].id, None).expect("rejected");
        w.index.assign_face(before[1].id, "Otto").expect("assigned");
        look_at(&w, file, &[(1, 5, [0.8, 0.65, 0.1, 0.15]), (2, 5, [0.1, 0.2, 0.1, 0.15])], 3, model);
        w.cluster();
        let after = w.all_faces(file);
        assert_eq!(ids(&after), [before[1].id, before[0].id], "{model}: the same faces, elsewhere");
        assert_eq!(after[0].name.as_deref(), Some("Otto"));
        assert_ne!(after[1].person, her, "{model}: she was said not to be her");
        // Rotated by 90 degrees, and back.
        let quarter = |[x, y, w, h]: Box4| [1.0 - y - h, x, h, w];
        let turned: Vec<_> = [(1, 5, [0.1, 0.2, 0.1, 0.15]), (2, 5, [0.8, 0.65, 0.1, 0.15])]
            .map(|(person, photo, area)| (person, photo, quarter(area)))
            .into();
        look_at(&w, file, &turned, 6, model);
        assert_eq!(w.all_faces(file).len(), 2);
        assert!(w.all_faces(file).iter().all(|f| !f.lost));
    }
}

#[test]
fn words_follow_a_face_that_was_found_lying_on_its_side() {
    let mut w = World::new();
    let file = w.file("lying.jpg", "b3:lying");
    let area = [0.3, 0.6, 0.2, 0.15];
    // The embedding of the rotated face has nothing in common with the upright one.
    look_at(&w, file, &[(90, 5, area)], 1, MODEL);
    let id = w.faces(file)[0].id;
    w.index.assign_face(id, "Otto").expect("assigned");
    let [x, y, width, height] = area;
    look_at(&w, file, &[(1, 5, [1.0 - y - height, x, height, width])], 6, MODEL);
    let after = w.all_faces(file);
    assert_eq!((ids(&after), after[0].name.as_deref(), after[0].lost), (vec![id], Some("Otto"), false));
}

#[test]
fn words_follow_the_face_when_the_picture_is_cropped_or_its_pixels_are_turned() {
    let mut w = World::new();
    let file = w.file("cropped.jpg", "b3:cropped");
    look_at(&w, file, &[(1, 5, [0.1, 0.2, 0.1, 0.15]), (2, 5, [0.6, 0.2, 0.1, 0.15])], 1, MODEL);
    let before = w.faces(file);
    w.index.assign_face(before[0].id, "Anna").expect("assigned");
    w.index.assign_face(before[1].id, "Otto").expect("assigned");
    // Cropped to the right half: Otto is where Anna's box was.
    look_at(&w, file, &[(2, 5, [0.12, 0.2, 0.12, 0.15])], 1, MODEL);
    let after = w.faces(file);
    assert_eq!((ids(&after), after[0].name.as_deref()), (vec![before[1].id], Some("Otto")));
    assert_eq!(w.all_faces(file).len(), 2, "what was said of Anna is kept");
    // Mirrored and uncropped again.
    look_at(&w, file, &[(1, 5, [0.8, 0.2, 0.1, 0.15]), (2, 5, [0.3, 0.2, 0.1, 0.15])], 1, MODEL);
    let names: Vec<_> = w.faces(file).into_iter().map(|f| f.name.expect("a name")).collect();
    assert_eq!(names, ["Otto", "Anna"]);
    // A different picture under the same name shows other people.
    look_at(&w, file, &[(7, 6, [0.8, 0.2, 0.1, 0.15])], 1, MODEL);
    assert_eq!(w.faces(file)[0].person, None);
}

#[test]
fn a_photo_is_found_by_a_name_as_long_as_the_face_is_in_it() {
    let mut w = World::new();
    let files = [w.photo(1, &[1, 2]), w.photo(2, &[1]), w.photo(3, &[1])];
    w.cluster();
    let anna = w.who(files[0])[0].clone().expect("a person");
    w.index.name_person(&anna, Some("Anna"), SameName::Refuse).expect("named");
    assert_eq!(w.found("person:anna"), files.into());
    // A face without a user edit is deleted with the detection that no longer finds it, in the same transaction.
    w.look(files[0], 1, &[], 0.0, MODEL);
    assert_eq!(w.found("person:anna"), [files[1], files[2]].into());
    // A face with a user edit becomes lost.
    let said = w.faces(files[1])[0].id;
    w.index.assign_face(said, &anna).expect("assigned");
    w.look(files[1], 2, &[], 0.0, MODEL);
    assert_eq!(w.found("person:anna"), [files[2]].into());
    assert_eq!(w.found("has:faces"), [files[2]].into());
    assert_eq!(w.index.person(&anna).expect("a person").person.items, 1);
    // Rename and undo.
    let renamed = w.index.name_person(&anna, Some("Berta"), SameName::Refuse).expect("named");
    assert_eq!((w.found("person:anna").len(), w.found("person:berta").len()), (0, 1));
    w.index.undo_people_edit(Some(renamed.edit), None).expect("undone");
    assert_eq!((w.found("person:anna").len(), w.found("person:berta").len()), (1, 0));
    assert!(files.iter().all(|f| items::is_findable(&w.index.conn, *f).expect("readable")));
}

#[test]
fn a_region_whose_person_was_renamed_finds_by_the_new_name() {
    let mut w = World::new();
    let (with, without) = (w.photo(1, &[1]), w.photo(2, &[]));
    w.regions(with, &[("Anna", 0.05)], "xmp");
    w.regions(without, &[("Anna", 0.05)], "xmp");
    w.cluster();
    let anna = w.who(with)[0].clone().expect("a person");
    w.index.name_person(&anna, Some("Maria"), SameName::Refuse).expect("named");
    for file in [with, without] {
        items::refresh(&w.index.conn, file).expect("refreshed");
    }
    assert_eq!((w.found("person:anna").len(), w.found("person:maria").len()), (0, 2));
}

#[test]
fn people_switched_off_and_on_are_the_same_people() {
    let mut w = World::new();
    let files: Vec<i64> = (1..5).map(|n| w.photo(n, &[1, 2, 3])).collect();
    w.cluster();
    let before: Vec<_> = files.iter().map(|f| w.who(*f)).collect();
    let person = |i: usize| before[0][i].clone().expect("a person");
    w.index.name_person(&person(0), Some("Anna"), SameName::Refuse).expect("named");
    w.index.hide_person(&person(1), true).expect("hidden");
    let cover = w.faces(files[2])[0].id;
    w.index.set_cover(&person(0), cover).expect("a cover");
    switch(&w.index, w.space, false).expect("off");
    remove_found(&w.index, w.space).expect("removed");
    assert!(
        w.found("person:anna").is_empty() && w.found("anna").is_empty() && w.found("has:faces").is_empty()
    );
    assert!(files.iter().all(|f| w.faces(*f).is_empty()));
    assert!(w.index.people(None, true, None).expect("people").is_empty());
    // The third face has no user edit: it is deleted.
    assert!(files.iter().all(|f| w.all_faces(*f).len() == 2));
    switch(&w.index, w.space, true).expect("on");
    for (file, number) in files.iter().zip(1..) {
        w.look(*file, number, &[1, 2, 3], 0.0, MODEL);
    }
    w.cluster();
    assert_eq!(files.iter().map(|f| w.who(*f)).collect::<Vec<_>>(), before);
    let anna = w.index.person("anna").expect("a person").person;
    assert_eq!((anna.id, anna.faces, anna.cover), (person(0), 4, Some(cover)));
    assert!(
        w.index.people(None, false, None).expect("people").iter().all(|p| p.id != person(1)),
        "it stays hidden"
    );
    assert_eq!(w.found("person:anna").len(), 4);
}

#[test]
fn two_faces_of_a_photo_are_one_person_where_a_user_says_so() {
    let mut w = World::new();
    let files: Vec<i64> = (1..4).map(|n| w.photo(n, &[1])).collect();
    let mirror = w.file("mirror.jpg", "b3:mirror");
    look_at(&w, mirror, &[(1, 9, [0.1, 0.2, 0.1, 0.15]), (1, 8, [0.7, 0.2, 0.1, 0.15])], 1, MODEL);
    w.cluster();
    let anna = w.who(files[0])[0].clone().expect("a person");
    let of_mirror = w.faces(mirror);
    let at = of_mirror.iter().position(|f| f.person.as_ref() == Some(&anna)).expect("one is her");
    let (machine, other) = (of_mirror[at].id, of_mirror[1 - at].id);
    let before = w.who(mirror);
    let why = w.index.why_face(other).expect("why");
    assert!(why.verdict.contains("another face in the photo") && why.verdict.contains("--also"), "{why:?}");
    // With no edit on both, the face assigned by clustering is unassigned, and the message names it.
    let done = w.index.assign_face(other, &anna).expect("assigned");
    assert_eq!(done.left, [machine]);
    assert!(done.words.contains(&machine.to_string()) && done.words.contains("--also"), "{}", done.words);
    w.index.undo_people_edit(Some(done.edit), None).expect("undone");
    assert_eq!(w.who(mirror), before, "what left is back");
    let done = w.index.assign_face_also(other, &anna, true).expect("assigned");
    assert_eq!((done.left.len(), w.who(mirror)), (0, vec![Some(anna.clone()), Some(anna.clone())]));
    w.cluster();
    assert_eq!(w.who(mirror), [Some(anna.clone()), Some(anna.clone())]);
    w.index.undo_people_edit(None, None).expect("undone");
    assert_eq!(w.who(mirror), before);
}

#[test]
fn two_people_who_share_a_mirror_are_merged_with_a_word() {
    let mut w = World::new();
    let a: Vec<i64> = (1..4).map(|n| w.photo(n, &[1])).collect();
    let b: Vec<i64> = (4..7).map(|n| w.photo(n, &[2])).collect();
    let mirror = w.photo(7, &[1, 2]);
    w.cluster();
    let (pa, pb) = (w.who(a[0])[0].clone().expect("one"), w.who(b[0])[0].clone().expect("two"));
    let before: Vec<_> = a.iter().chain(&b).chain([&mirror]).map(|f| w.who(*f)).collect();
    let refused =
        w.index.merge_people(&[pa.clone(), pb.clone()]).expect_err("both are in a photo").to_string();
    assert!(
        refused.contains("007.jpg") && refused.contains("--also") && refused.contains("mirror"),
        "{refused}"
    );
    let faces = w.faces(mirror);
    assert!(faces.iter().all(|f| refused.contains(&format!("face {}", f.id))), "{refused}");
    let done = w.index.merge_people_in(&[pa.clone(), pb.clone()], None, true).expect("merged");
    assert!(done.words.contains("remains"), "{}", done.words);
    assert_eq!(w.who(mirror), [Some(pa.clone()), Some(pa.clone())]);
    w.cluster();
    assert_eq!(w.who(mirror), [Some(pa.clone()), Some(pa.clone())]);
    w.index.undo_people_edit(None, None).expect("undone");
    assert_eq!(a.iter().chain(&b).chain([&mirror]).map(|f| w.who(*f)).collect::<Vec<_>>(), before);
}

#[test]
fn a_name_in_metadata_meets_the_person_around_its_faces() {
    // One face with the name is unassigned and has the lowest hash; the other belongs to a person made by clustering.
    let mut w = World::new();
    let alone = w.file("alone.jpg", "b3:0");
    w.look(alone, 99, &[4], 0.0, MODEL);
    let files: Vec<i64> = (1..5).map(|n| w.photo(n, &[1])).collect();
    w.cluster();
    let machine = w.who(files[0])[0].clone().expect("a person");
    w.regions(alone, &[("Anna", 0.05)], "xmp");
    w.regions(files[2], &[("Anna", 0.05)], "xmp");
    w.cluster();
    assert!(files.iter().chain([&alone]).all(|f| w.who(*f) == [Some(machine.clone())]));
    assert_eq!(w.name_of(&machine).as_deref(), Some("Anna"));

    // The photo with the name came first and is not similar to any later one.
    let mut w = World::new();
    let first = w.photo(50, &[4]);
    w.regions(first, &[("Anna", 0.05)], "xmp");
    w.cluster();
    let anna = w.who(first)[0].clone().expect("a person");
    let files: Vec<i64> = (1..5).map(|n| w.photo(n, &[1])).collect();
    w.cluster();
    assert_ne!(w.who(files[0])[0].as_ref(), Some(&anna));
    w.regions(files[2], &[("Anna", 0.05)], "xmp");
    w.cluster();
    assert!(files.iter().all(|f| w.who(*f) == [Some(anna.clone())]), "the name means all of the person");
}

#[test]
fn several_regions_of_one_name_in_a_photo_are_all_that_person() {
    let mut w = World::new();
    let mirror = w.file("mirror.jpg", "b3:mirror");
    look_at(&w, mirror, &[(1, 9, [0.1, 0.2, 0.1, 0.15]), (1, 8, [0.7, 0.2, 0.1, 0.15])], 1, MODEL);
    w.regions(mirror, &[("Anna", 0.1), ("anna ", 0.7)], "xmp");
    w.cluster();
    let who = w.who(mirror);
    assert!(who[0].is_some() && who[0] == who[1], "{who:?}");
    assert_eq!(w.name_of(who[0].as_ref().expect("a person")).as_deref(), Some("Anna"));
}

#[test]
fn names_are_cleaned_compared_and_bounded() {
    let mut w = World::new();
    let (one, _) = (w.photo(1, &[1]), w.photo(2, &[1]));
    let (two, _) = (w.photo(3, &[2]), w.photo(4, &[2]));
    w.cluster();
    let (a, b) = (w.who(one)[0].clone().expect("one"), w.who(two)[0].clone().expect("two"));
    w.index.name_person(&a, Some(" Zoe\u{308}\nMay "), SameName::Refuse).expect("named");
    assert_eq!(w.name_of(&a).as_deref(), Some("Zoë May"));
    let taken = w.index.name_person(&b, Some("ZOË  MAY"), SameName::Refuse);
    assert!(matches!(taken, Err(EditError::NameTaken { .. })), "{taken:?}");
    for name in ["x".repeat(201), " \n".to_owned()] {
        let refused = w.index.name_person(&b, Some(&name), SameName::Refuse);
        assert!(matches!(refused, Err(EditError::Invalid(_))), "{refused:?}");
    }
    w.index.name_person(&b, Some("Zora"), SameName::Refuse).expect("named");
    for (query, found) in [
        ("person:zo*", 4),
        ("person:\"zoë may\"", 2),
        ("person:zo", 0),
        ("person:ZOE\u{308}", 2),
        ("zor*", 2),
    ] {
        assert_eq!(w.found(query).len(), found, "{query}");
    }
    // Hidden people are not in lists but are found by name.
    w.index.hide_person(&b, true).expect("hidden");
    assert_eq!(w.index.people(None, false, None).expect("people").len(), 1);
    assert_eq!((w.found("person:zora").len(), w.found("zora").len()), (2, 2));
    assert_eq!(w.index.person("zora").expect("by name").person.id, b);
}

#[test]
fn what_is_no_face_or_nobody_is_not_asked_about_nor_taken_for_anybody() {
    let mut w = World::new();
    let files: Vec<i64> = (1..5).map(|n| w.photo(n, &[1])).collect();
    w.cluster();
    let her = w.who(files[0])[0].clone();
    let (none, passer_by) = (w.faces(files[0])[0].id, w.faces(files[1])[0].id);
    w.index.mark_face(none, Some(Mark::NoFace)).expect("said");
    w.index.mark_face(passer_by, Some(Mark::Unknown)).expect("said");
    for _ in 0..2 {
        w.cluster();
        assert_eq!((w.faces(files[0]).len(), w.who(files[1])), (0, vec![None]));
        assert!(w.index.waiting_faces(None, None).expect("faces").is_empty());
        for (file, number) in files.iter().zip(1..) {
            w.look(*file, number, &[1], 0.02, MODEL);
        }
    }
    w.index.undo_people_edit(None, None).expect("undone");
    w.index.undo_people_edit(None, None).expect("undone");
    assert!(files.iter().all(|f| w.who(*f) == [her.clone()]));
    w.index.mark_face(none, Some(Mark::NoFace)).expect("said");
    w.index.assign_face(none, "Anna").expect("assigned");
    assert_eq!(w.faces(files[0])[0].name.as_deref(), Some("Anna"));
}

#[test]
fn a_name_of_several_people_is_told_apart_by_the_space() {
    let mut w = World::new();
    let mine = [w.photo(1, &[1]), w.photo(2, &[1])];
    w.cluster();
    let anna = w.who(mine[0])[0].clone().expect("a person");
    w.index.name_person(&anna, Some("Anna"), SameName::Refuse).expect("named");
    let home = w.space;
    w.space = w.index.space("hers", "personal").expect("a space");
    let volume = w.index.volume(w.space, b"/hers").expect("a volume").id;
    w.folder = w.index.folder(volume, b"").expect("a folder");
    let hers = [w.photo(3, &[2]), w.photo(4, &[2]), w.photo(5, &[2])];
    w.cluster();
    let other = w.who(hers[0])[0].clone().expect("a person");
    w.index.name_person(&other, Some("anna"), SameName::Refuse).expect("another space's names are its own");
    let why = w.index.person("Anna").expect_err("two of a name").to_string();
    assert!(why.contains("space home, 2 photo(s)") && why.contains("space hers, 3 photo(s)"), "{why}");
    let list = FaceList::default();
    assert_eq!(w.index.person_in("Anna", Some("hers"), list).expect("one").person.id, other);
    let why = w.index.person_in("Anna", Some("hiers"), list).expect_err("no such space").to_string();
    assert_eq!(why, "there is no space hiers; there are: hers, home");
    w.index.hide_person_in("Anna", Some("home"), true).expect("hidden");
    assert!(w.index.person(&anna).expect("one").person.hidden && home != w.space);
}

#[test]
fn a_question_is_answered_once() {
    let mut w = World::new();
    let files: Vec<i64> = (1..6).map(|n| w.photo(n, &[1])).collect();
    w.cluster();
    let her = w.who(files[0])[0].clone().expect("a person");
    w.index.name_person(&her, Some("Anna"), SameName::Refuse).expect("named");
    // A face slightly too far from her: between the assignment threshold and the suggestion threshold.
    let anchor = embedding(1, 1, MODEL);
    let stranger = embedding(77, 77, MODEL);
    let mut asked = None;
    for share in (0..100).rev() {
        let mix: Vec<i8> = anchor
            .iter()
            .zip(&stranger)
            .map(|(a, b)| ((i32::from(*a) * share + i32::from(*b) * (100 - share)) / 100) as i8)
            .collect();
        let file = w.file(&format!("mix{share}.jpg"), &format!("b3:mix{share}"));
        let found = FoundFace { embedding: mix, ..face(1, 1, 0.05, MODEL) };
        record_faces(&w.index.conn, file, &[found], MODEL).expect("recorded");
        w.cluster();
        if w.who(file) == [None] {
            asked = Some(file);
            break;
        }
        w.index.conn.execute("DELETE FROM files WHERE id = ?1", [file]).expect("removed");
    }
    let file = asked.expect("some mixture waits");
    let face = w.faces(file)[0].id;
    let questions = w.index.questions(None, 10).expect("questions");
    let q = questions.iter().find(|q| q.a.face == face).expect("it is asked about");
    assert_eq!((q.kind, q.b.name.as_deref(), q.text.as_str()), ("is", Some("Anna"), "Is this Anna?"));
    assert!(q.a.path.contains("mix") && q.b.path.ends_with(".jpg"), "{q:?}");
    assert_eq!(q.answers.len(), 4);
    let waiting = w.index.waiting_faces(None, Some(1)).expect("faces");
    assert_eq!(waiting[0].candidate.as_ref().map(|c| &c.person), Some(&her));
    let why = w.index.why_face(face).expect("why");
    assert!(why.verdict.contains("Anna") && why.yes.is_some() && why.no.is_some(), "{why:?}");
    // "No" persists through another detection; after undo the question is listed again.
    let question = q.question.clone();
    w.index.answer(&question, Answer::No).expect("answered");
    let is_asked =
        |w: &World| w.index.questions(None, 10).expect("questions").iter().any(|q| q.question == question);
    assert!(!is_asked(&w));
    forget_conclusions(&w.index, w.space).expect("forgotten");
    w.cluster();
    assert!(!is_asked(&w));
    w.index.undo_people_edit(None, None).expect("undone");
    assert!(is_asked(&w));
    w.index.answer(&question, Answer::Ignore).expect("answered");
    assert!(!is_asked(&w));
    w.index.undo_people_edit(None, None).expect("undone");
    w.index.answer(&question, Answer::Yes).expect("answered");
    assert_eq!(w.who(file), [Some(her)]);
    assert!(w.index.answer("is:1", Answer::Yes).is_err());
}

#[test]
fn what_an_edit_changed_is_logged_with_names() {
    let mut w = World::new();
    let file = w.photo(1, &[1]);
    w.cluster();
    let face = w.faces(file)[0].id;
    let ada = w.index.assign_face(face, "Ada").expect("assigned").person.expect("a person");
    w.index.hide_person(&ada, true).expect("hidden");
    w.index.set_cover(&ada, face).expect("a cover");
    let count = |sql: &str| w.index.conn.query_row(sql, [], |r| r.get::<_, i64>(0)).expect("a number");
    let rows =
        "SELECT count(*) FROM people_edit_log l JOIN json_tree(l.before) j WHERE typeof(j.key) = 'integer'";
    assert!(count(rows) >= 3);
    // The list contains only rows.
    assert_eq!(count(&format!("{rows} AND j.type <> 'object'")), 0);
}

#[test]
fn edits_are_listed_with_what_must_be_undone_first() {
    let mut w = World::new();
    let files: Vec<i64> = (1..6).map(|n| w.photo(n, &[1])).collect();
    w.cluster();
    let person = w.who(files[0])[0].clone().expect("a person");
    let first = w.faces(files[0])[0].id;
    let split = w.index.split_person(&person, &[first]).expect("split");
    let new = split.person.expect("the new one");
    let named = w.index.name_person(&new, Some("Nia"), SameName::Refuse).expect("named");
    let edits = w.index.people_edits(None, 10).expect("edits");
    assert_eq!(
        edits.iter().map(|e| (e.edit, e.after)).collect::<Vec<_>>(),
        [(named.edit, None), (split.edit, Some(named.edit))]
    );
    assert!(edits[0].words.contains("Nia") && edits[0].space == "home");
    w.index.undo_people_edit(Some(named.edit), None).expect("undone");
    assert_eq!(w.index.people_edits(None, 10).expect("edits").len(), 1);
}

#[test]
fn a_list_of_people_reads_kept_counts_and_counts_what_changed() {
    let mut w = World::new();
    let files: Vec<i64> = (1..4).map(|n| w.photo(n, &[1])).collect();
    w.cluster();
    let kept = |w: &World| -> Vec<(i64, i64)> {
        let mut st = w.index.conn.prepare("SELECT items, faces FROM person_counts").expect("a query");
        st.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
            .expect("rows")
            .collect::<rusqlite::Result<_>>()
            .expect("numbers")
    };
    let listed = |w: &World| {
        w.index.people(None, false, None).expect("people").iter().map(|p| p.items).collect::<Vec<_>>()
    };
    assert_eq!((kept(&w), listed(&w)), (vec![(3, 3)], vec![3]));
    // The list reads the stored counts, one row for each person.
    w.index.conn.execute("UPDATE person_counts SET items = 7", []).expect("changed");
    assert_eq!(listed(&w), [7]);
    let her = w.who(files[0])[0].clone().expect("a person");
    assert_eq!(counts::wrong(&w.index.conn).expect("readable"), [her]);
    // Removing a photo deletes the row; the list then counts, and the next clustering stores.
    crate::record::vanish_file(&w.index.conn, files[0], 1).expect("gone");
    assert_eq!((kept(&w), listed(&w)), (vec![], vec![2]));
    w.cluster();
    assert_eq!((kept(&w), listed(&w)), (vec![(2, 2)], vec![2]));
    // The same for a face, and an edit stores at once.
    w.look(files[1], 2, &[], 0.0, MODEL);
    assert_eq!((kept(&w), listed(&w)), (vec![], vec![1]));
    let face = w.faces(files[2])[0].id;
    w.index.reject_face(face, None).expect("rejected");
    assert_eq!((kept(&w), listed(&w)), (vec![(0, 0)], vec![]));
}

#[test]
fn verify_finds_where_search_and_people_disagree() {
    let mut w = World::new();
    let files = [w.photo(1, &[1]), w.photo(2, &[1])];
    w.cluster();
    let her = w.who(files[0])[0].clone().expect("a person");
    w.index.name_person(&her, Some("Anna"), SameName::Refuse).expect("named");
    let found = |w: &World| {
        let mut found = Vec::new();
        let mut note = |f: crate::verify::Issue| found.push((f.kind, f.path, f.what));
        let (dir, depth) = (w.dir.path().join("index"), crate::verify::Depth::default());
        crate::verify::verify(&dir, depth, &mut note).expect("verified");
        found
    };
    assert_eq!(found(&w), []);
    // State left by an older version: a face is lost, and the search index still has its name.
    w.index
        .conn
        .execute_batch(
            "DROP TRIGGER faces_lost; DROP TRIGGER person_counts_face_changed;
             UPDATE faces SET lost = 1 WHERE file_id = (SELECT min(file_id) FROM faces);",
        )
        .expect("changed");
    let found = found(&w);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].1.as_ref().is_some_and(|path| path.ends_with("001.jpg")), "{found:?}");
    assert!(found[1].2.contains(&her), "{found:?}");
}

#[test]
fn a_region_of_what_a_user_called_no_face_finds_nothing() {
    let mut w = World::new();
    let file = w.photo(1, &[1]);
    let id = w.faces(file)[0].id;
    w.index.mark_face(id, Some(Mark::NoFace)).expect("said");
    w.regions(file, &[("Anna", 0.05)], "xmp");
    w.cluster();
    items::refresh(&w.index.conn, file).expect("refreshed");
    assert!(w.found("person:anna").is_empty() && w.faces(file).is_empty());
    w.index.mark_face(id, None).expect("taken back");
    assert_eq!((w.found("person:anna").len(), w.faces(file)[0].name.as_deref()), (1, Some("Anna")));
}
