//! People and faces over HTTP. The faces are inserted into the index directly, so that no models are needed.

use super::house::{ALL, ANNA, House};
use serde_json::{Value, json};

/// A house with four photos: two of one woman in anna's space, one of another there, and one in berta's.
struct Album {
    h: House,
    /// Faces: the same woman twice, another, and berta's.
    faces: [i64; 4],
    items: [i64; 4],
}

impl Album {
    fn new() -> Album {
        let mut h = House::new();
        h.start();
        let items = ["anna/1.jpg", "anna/2.jpg", "anna/3.jpg", "berta/4.jpg"].map(|p| h.upload(&h.photo(p)));
        let db = h.database();
        let face = |item: i64, like: usize| {
            // Four directions that have nothing in common.
            let embedding: Vec<u8> = (0..128).map(|i| if i / 32 == like { 100 } else { 0 }).collect();
            db.put_face(item, [0.1, 0.1, 0.5, 0.5], &embedding)
        };
        let faces = [face(items[0], 0), face(items[1], 0), face(items[2], 1), face(items[3], 0)];
        Album { h, faces, items }
    }

    fn assign(&self, face: usize, person: &str) -> Value {
        let (status, done) =
            self.h.post(&format!("/v1/faces/{}/assign", self.faces[face]), &json!({ "person": person }));
        assert_eq!(status, 200, "{done}");
        done
    }

    fn named(&self) -> Vec<String> {
        let (_, all) = self.h.get("/v1/people");
        let all = all["people"].as_array().unwrap().clone();
        let mut names: Vec<String> =
            all.iter().filter_map(|p| p["name"].as_str()).map(str::to_owned).collect();
        names.sort();
        names
    }
}

#[test]
fn people_are_named_merged_split_hidden_and_undone() {
    let a = Album::new();
    let h = &a.h;
    assert_eq!(h.get("/v1/faces").1["faces"].as_array().unwrap().len(), 4, "nobody knows them yet");
    let anna = a.assign(0, "Anna");
    assert_eq!(anna["joined"], 1, "the second photo is of the same woman: {anna}");
    let anna = anna["person"].as_str().unwrap().to_owned();
    let (_, person) = h.get(&format!("/v1/people/{anna}"));
    assert_eq!((&person["person"]["name"], &person["person"]["items"]), (&"Anna".into(), &2.into()));
    let (_, item) = h.get(&format!("/v1/items/{}", a.items[1]));
    assert_eq!(item["faces"][0]["person"]["name"], "Anna");
    assert_eq!(h.get(&format!("/v1/faces?item={}", a.items[1])).1["faces"][0]["name"], "Anna");
    let (_, why) = h.get(&format!("/v1/faces/{}/why", a.faces[1]));
    assert_eq!((&why["how"], &why["candidates"][0]["person"]), (&"machine".into(), &anna.clone().into()));

    // The same name again is a question, until it is answered.
    let other = a.assign(2, "Another")["person"].as_str().unwrap().to_owned();
    let rename = |body: Value| h.post(&format!("/v1/people/{other}/name"), &body);
    let (status, taken) = rename(json!({ "name": "anna " }));
    assert_eq!((status, &taken["people"]), (409, &json!([anna])), "{taken}");
    assert_eq!(rename(json!({ "name": "Anna", "same_name": "separate" })).0, 200);
    assert_eq!(a.named(), ["Anna", "Anna"]);
    let (_, merged) = h.post("/v1/people/merge", &json!({ "people": [anna, other] }));
    assert!(merged["error"].as_str().unwrap().contains("told apart"), "{merged}");
    assert_eq!(h.post("/v1/people/undo", &json!({})).0, 200);
    let (status, merged) = rename(json!({ "name": "Anna", "same_name": "merge" }));
    assert_eq!((status, &merged["person"]), (200, &anna.clone().into()));
    assert_eq!(h.get(&format!("/v1/people/{other}")).1["person"]["id"], anna.as_str(), "the id leads to her");

    // One of her faces is another person, and another is not hers at all.
    let split = json!({ "faces": [a.faces[2]] });
    assert_eq!(h.post(&format!("/v1/people/{anna}/split"), &split).0, 200);
    assert_eq!(h.post(&format!("/v1/people/{anna}/split"), &split).0, 404, "it is hers no more");
    assert_eq!(h.post(&format!("/v1/faces/{}/reject", a.faces[1]), &json!({})).0, 200);
    let undone = h.post("/v1/people/undo", &json!({}));
    assert!(undone.1["words"].as_str().unwrap().contains("is not"), "{}", undone.1);
    assert_eq!(h.get(&format!("/v1/faces/{}", a.faces[1])).1["name"], "Anna");

    let all = h.get("/v1/people").1["people"].as_array().unwrap().clone();
    assert_eq!(h.get("/v1/people?limit=1").1["people"].as_array().unwrap()[..], all[..1]);
    let cover = json!({ "face": a.faces[1] });
    assert_eq!(h.post(&format!("/v1/people/{anna}/cover"), &cover).0, 200);
    assert_eq!(h.get(&format!("/v1/people/{anna}")).1["person"]["cover"], a.faces[1]);
    assert_eq!(h.post(&format!("/v1/people/{anna}/hide"), &json!({})).0, 200);
    assert!(a.named().is_empty());
    assert_eq!(h.get("/v1/people?hidden=true").1["people"][0]["hidden"], true);
    assert_eq!(h.get(&format!("/v1/people/{anna}")).1["person"]["hidden"], true, "looking changes nothing");
    assert_eq!(h.post(&format!("/v1/people/{anna}/show"), &json!({})).0, 200, "the old name of unhide");
    assert_eq!(h.post(&format!("/v1/people/{anna}/hide"), &json!({})).0, 200);
    assert_eq!(h.post(&format!("/v1/people/{anna}/unhide"), &json!({})).0, 200);
    assert_eq!(a.named(), ["Anna"]);
    let (_, unnamed) = h.get("/v1/people/suggest");
    assert_eq!(unnamed["unnamed"].as_array().unwrap().len(), 1, "the one that was split off");
    assert_eq!(h.post(&format!("/v1/people/{anna}/name"), &json!({ "name": null })).0, 200);
    assert!(a.named().is_empty());

    // An invalid edit is refused with a message.
    assert_eq!(h.post(&format!("/v1/people/{anna}/name"), &json!({})).0, 422, "no name is not null");
    let long = json!({ "name": "x".repeat(201) });
    assert_eq!(h.post(&format!("/v1/people/{anna}/name"), &long).0, 400);
    assert_eq!(h.post("/v1/people/merge", &json!({ "people": [anna] })).0, 400);
    assert_eq!(h.post("/v1/people/Anna/hide", &json!({})).0, 404, "names are not taken");
    assert_eq!(h.post("/v1/people/undo", &json!({ "edit": 99 })).0, 404);
    assert_eq!(h.get("/v1/faces?item=1&person=x").0, 400);
    assert_eq!(h.get("/v1/faces/x").0, 400);
}

/// The account is stored with the edit; with an account, only its own edits are undone.
#[test]
fn accounts_undo_their_own_edits_of_people() {
    let a = Album::new();
    let h = &a.h;
    let assign = |face: usize, person: &str, account: i64| {
        let path = format!("/v1/faces/{}/assign?account={account}", a.faces[face]);
        let (status, done) = h.post(&path, &json!({ "person": person }));
        assert_eq!(status, 200, "{done}");
        done
    };
    let annas = assign(0, "Anna", 7);
    let bertas = assign(2, "Berta", 8);
    let of_command_line = a.assign(3, "Clara");
    let undo = |query: &str, body: Value| h.post(&format!("/v1/people/undo{query}"), &body);
    let edit = |done: &Value| json!({ "edit": done["edit"] });
    for (query, done) in [("?account=7", &bertas), ("?account=7", &of_command_line), ("?account=8", &annas)] {
        assert_eq!(undo(query, edit(done)).0, 404, "{query} {done}");
    }
    assert_eq!(a.named(), ["Anna", "Berta", "Clara"]);
    // Without a number: the newest of its own.
    assert_eq!(undo("?account=7", json!({})).1["edit"], annas["edit"]);
    assert_eq!(a.named(), ["Berta", "Clara"]);
    assert_eq!(undo("?account=7", json!({})).0, 404);
    assert_eq!(undo("", edit(&bertas)).0, 200, "the command line undoes every edit");
    // The server decides what its accounts may do: a token for some spaces names none.
    let person = &json!({ "person": "Dora" });
    let path = format!("/v1/faces/{}/assign", a.faces[1]);
    assert_eq!(h.post_as(ANNA, &format!("{path}?account=7"), person).0, 403);
    assert_eq!(h.post_as(ALL, &format!("{path}?account=7"), person).0, 200);
    assert_eq!(h.post(&format!("{path}?account=x"), person).0, 400);
    assert_eq!(h.post(&format!("{path}?accounts=7"), person).0, 400);
}

#[test]
fn a_contradiction_says_which_one_it_is() {
    let a = Album::new();
    let h = &a.h;
    let [anna, other] =
        [(0, "Anna"), (2, "Berta")].map(|(face, name)| a.assign(face, name)["person"].clone());
    let name = format!("/v1/people/{}/name", other.as_str().unwrap());
    assert_eq!(h.post(&name, &json!({ "name": "anna" })).1["reason"], "name_taken");
    let (_, apart) = h.post("/v1/people/apart", &json!({ "people": [anna, other] }));
    let merge = || h.post("/v1/people/merge", &json!({ "people": [anna, other] }));
    assert_eq!((merge().0, &merge().1["reason"]), (409, &json!("apart")));
    assert_eq!(h.post("/v1/people/undo", &json!({ "edit": apart["edit"] })).0, 200);
    let (_, why) = h.get(&format!("/v1/faces/{}/why", a.faces[2]));
    assert!(why["rejected"].is_null() && why["in_photo"].is_null(), "{why}");
    let reject = format!("/v1/faces/{}/reject", a.faces[2]);
    assert_eq!(h.post(&reject, &json!({ "person": anna })).0, 200);
    assert_eq!(h.get(&format!("/v1/faces/{}/why", a.faces[2])).1["rejected"], json!([anna]));
    assert_eq!(merge().1["reason"], "rejected");
    let alone = json!({ "people": [anna, anna] });
    assert_eq!(h.post("/v1/people/merge", &alone).1["reason"], "one_person");
}

#[test]
fn questions_are_asked_and_what_is_no_face_is_shown_nowhere() {
    let a = Album::new();
    let h = &a.h;
    let anna = a.assign(0, "Anna")["person"].as_str().unwrap().to_owned();
    // Between two directions: a little too far from hers to join.
    let embedding: Vec<u8> = (0..128).map(|i| [42, 0, 0, 92][i / 32]).collect();
    h.database().set_embedding(a.faces[2], &embedding);
    let asked = || h.get("/v1/people/ask").1["questions"].as_array().unwrap().clone();
    let questions = asked();
    assert_eq!(questions.len(), 1, "{questions:?}");
    assert_eq!(
        (&questions[0]["text"], &questions[0]["b"]["person"]),
        (&"Is this Anna?".into(), &anna.clone().into())
    );
    assert_eq!((&questions[0]["a"]["face"], &questions[0]["kind"]), (&a.faces[2].into(), &"is".into()));
    let answer = |answer: &str| {
        h.post("/v1/people/answer", &json!({ "question": questions[0]["question"], "answer": answer })).0
    };
    assert_eq!(answer("perhaps"), 422);
    assert_eq!((answer("no"), asked().len()), (200, 0));
    assert_eq!(h.post("/v1/people/undo", &json!({})).0, 200);
    assert_eq!((answer("not_a_face"), asked().len()), (200, 0));
    let of_item = format!("/v1/faces?item={}", a.items[2]);
    assert_eq!(h.get(&of_item).1["faces"], json!([]));
    assert_eq!(h.get(&format!("{of_item}&lost=true")).1["faces"][0]["mark"], "no_face");
    assert_eq!(h.post(&format!("/v1/faces/{}/mark", a.faces[2]), &json!({ "mark": null })).0, 200);
    assert_eq!(h.get(&of_item).1["faces"][0]["id"], a.faces[2]);
    let waiting = h.get("/v1/faces?limit=1").1;
    assert_eq!(waiting["faces"].as_array().unwrap().len(), 1);
    assert_eq!((answer("yes"), asked().len()), (200, 0));
    assert_eq!(h.get(&format!("/v1/people/{anna}")).1["person"]["items"], 3);
    // An unknown person and an unknown question are refused.
    let other = json!({ "people": [anna, "p0000000000000000"] });
    assert_eq!(h.post("/v1/people/apart", &other).0, 404);
    let edits = h.get("/v1/people/edits?limit=2").1;
    assert_eq!(edits["edits"].as_array().unwrap().len(), 2, "{edits}");
    assert_eq!(h.post("/v1/people/answer", &json!({ "question": "what", "answer": "no" })).0, 400);
}

#[test]
fn a_token_sees_and_edits_the_people_of_its_spaces_only() {
    let a = Album::new();
    let h = &a.h;
    let hers = a.assign(0, "Anna")["person"].as_str().unwrap().to_owned();
    // The same name in two spaces is two people, and neither space receives events of the other's.
    let bertas = a.assign(3, "Anna")["person"].as_str().unwrap().to_owned();
    assert_ne!(hers, bertas);
    let get = |path: &str| h.tcp("GET", path, ANNA);
    let post = |path: &str, body: Value| h.post_as(ANNA, path, &body);
    let people = get("/v1/people").1["people"].as_array().unwrap().clone();
    assert_eq!(people.iter().map(|p| p["space"].as_str().unwrap()).collect::<Vec<_>>(), ["anna"]);
    let faces = get("/v1/faces").1["faces"].as_array().unwrap().clone();
    assert_eq!(faces.iter().map(|f| f["id"].as_i64().unwrap()).collect::<Vec<_>>(), [a.faces[2]]);
    let theirs = a.faces[3];
    for path in [
        "/v1/people?space=berta".to_owned(),
        "/v1/people/suggest?space=berta".to_owned(),
        "/v1/people/ask?space=berta".to_owned(),
        "/v1/people/edits?space=berta".to_owned(),
        "/v1/faces?space=berta".to_owned(),
        format!("/v1/people/{bertas}"),
        format!("/v1/faces?person={bertas}"),
        format!("/v1/faces?item={}", a.items[3]),
        format!("/v1/faces/{theirs}"),
        format!("/v1/faces/{theirs}/why"),
    ] {
        assert_eq!(get(&path).0, 404, "{path}");
    }
    let before = h.database().rows("people_edit_log");
    for (path, body) in [
        (format!("/v1/people/{bertas}/name"), json!({ "name": "Eve" })),
        (format!("/v1/people/{bertas}/hide"), json!({})),
        (format!("/v1/people/{bertas}/show"), json!({})),
        (format!("/v1/people/{bertas}/unhide"), json!({})),
        ("/v1/people/apart".to_owned(), json!({ "people": [hers, bertas] })),
        (
            "/v1/people/answer".to_owned(),
            json!({ "question": format!("is:{theirs}:{hers}"), "answer": "yes" }),
        ),
        (
            "/v1/people/answer".to_owned(),
            json!({ "question": format!("same:{hers}:{bertas}"), "answer": "no" }),
        ),
        (format!("/v1/faces/{theirs}/mark"), json!({ "mark": "no_face" })),
        (format!("/v1/people/{bertas}/cover"), json!({ "face": theirs })),
        (format!("/v1/people/{bertas}/split"), json!({ "faces": [theirs] })),
        (format!("/v1/people/{hers}/cover"), json!({ "face": theirs })),
        (format!("/v1/people/{hers}/split"), json!({ "faces": [theirs] })),
        ("/v1/people/merge".to_owned(), json!({ "people": [hers, bertas] })),
        (format!("/v1/faces/{theirs}/assign"), json!({ "person": "Eve" })),
        (format!("/v1/faces/{theirs}/reject"), json!({})),
        (format!("/v1/faces/{}/assign", a.faces[0]), json!({ "person": bertas })),
        (format!("/v1/faces/{}/reject", a.faces[0]), json!({ "person": bertas })),
    ] {
        assert_eq!(post(&path, body).0, 404, "{path}");
    }
    let edits = get("/v1/people/edits").1["edits"].as_array().unwrap().clone();
    assert_eq!(edits.iter().map(|e| e["space"].as_str().unwrap()).collect::<Vec<_>>(), ["anna"]);
    // The last edit is berta's; the last that this token may see is not.
    let (status, undone) = post("/v1/people/undo", json!({}));
    assert_eq!(status, 200, "{undone}");
    assert_eq!(h.database().rows("people_edit_log"), before, "nothing else was changed");
    assert_eq!(h.tcp("GET", &format!("/v1/people/{bertas}"), ALL).1["person"]["name"], "Anna");
    assert_eq!(post("/v1/people/undo", json!({})).0, 404, "there is none left of hers");
}
