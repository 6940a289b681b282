//! People through the portal: who sees them, and their edits beside the real engine.

use crate::fixture::{Answer, Client};
use crate::library::{callers, made, named_in, space_of, whole_spaces};
use crate::with_engine::{Both, Listening};
use albumen_index::testing::Database;
use serde_json::{Value, json};

/// Requests that edit a person and its face.
fn edits(person: &str, face: i64) -> Vec<(&'static str, String, Value)> {
    let post = |path: String, body| ("POST", path, body);
    vec![
        ("PATCH", format!("/people/{person}"), json!({ "hidden": true })),
        ("PATCH", format!("/people/{person}"), json!({ "name": "New name" })),
        ("PATCH", format!("/people/{person}"), json!({ "cover": face })),
        post(format!("/people/{person}/split"), json!({ "faces": [face] })),
        post("/people/merge".into(), json!({ "people": [person, person] })),
        post("/people/apart".into(), json!({ "people": [person, person] })),
        post("/people/answer".into(), json!({ "question": format!("is:{face}:{person}"), "answer": "yes" })),
        post(
            "/people/answer".into(),
            json!({ "question": format!("same:{person}:{person}"), "answer": "no" }),
        ),
        post(format!("/faces/{face}/assign"), json!({ "person": person })),
        post(format!("/faces/{face}/assign"), json!({ "person": "New name" })),
        post(format!("/faces/{face}/reject"), json!({})),
        post(format!("/faces/{face}/mark"), json!({ "mark": "nobody" })),
    ]
}

#[test]
fn people_are_seen_and_edited_by_those_of_the_whole_space() {
    let made = made();
    let same = |a: &Answer, b: &Answer| (a.status, &a.text) == (b.status, &b.text);
    for (name, client) in callers(&made) {
        let ask =
            |method: &str, path: &str, body: Option<&Value>| made.portal.ask(&client, method, path, body);
        let listed = ask("GET", "/people", None);
        let unknown = ask("GET", "/people/p999", None);
        assert_eq!(unknown.status, 404);
        let mut seen = Vec::new();
        for (item, id) in &made.ids {
            let is_seen = whole_spaces(name).contains(&space_of(item));
            let face = id;
            let reads =
                [format!("/people/p{id}"), format!("/people/p{id}/faces"), format!("/items/{id}/faces")];
            for path in &reads {
                let answer = ask("GET", path, None);
                if is_seen {
                    assert_eq!(answer.status, 200, "{name} {path}: {answer:?}");
                    assert_eq!(named_in(&made, &answer.text), std::slice::from_ref(item), "{name} {path}");
                } else {
                    assert!(same(&answer, &unknown), "{name} {path}: {answer:?}");
                }
            }
            if is_seen {
                seen.push(item.clone());
                let of_item = ask("GET", &reads[2], None).json();
                assert_eq!(of_item["faces"][0]["id"], *face, "{of_item}");
            }
            // What needs the engine, which does not run here, passes the check of rights first.
            let why = ask("GET", &format!("/faces/{face}/why"), None);
            assert_eq!((why.status, same(&why, &unknown)), if is_seen { (503, false) } else { (404, true) });
            for (method, path, body) in edits(&format!("p{id}"), *face) {
                let answer = ask(method, &path, Some(&body));
                let expected = match name {
                    "visitor" | "unlocked" => 401,
                    _ if is_seen => 503,
                    _ => 404,
                };
                assert_eq!(answer.status, expected, "{name} {path} {body}: {answer:?}");
                assert!(expected != 404 || same(&answer, &unknown), "{name} {path}: {answer:?}");
                assert!(named_in(&made, &answer.text).is_empty(), "{name} {path}: {answer:?}");
            }
        }
        assert_eq!(named_in(&made, &listed.text), seen, "{name}");
        let questions = ask("GET", "/people/questions", None);
        assert_eq!(questions.status, if seen.is_empty() { 200 } else { 503 }, "{name}: {questions:?}");
    }
    // A token that may only look sees people and edits none.
    let viewing = made.portal.token(&made.portal.sign_in("anna"), json!(["view"]));
    let id = made.ids["plain"];
    let shown = made.portal.ask(&viewing, "GET", &format!("/people/p{id}"), None);
    assert_eq!(shown.json()["person"]["rights"], json!({ "manage": false }));
    for (method, path, body) in edits(&format!("p{id}"), id) {
        assert_eq!(made.portal.ask(&viewing, method, &path, Some(&body)).status, 404, "{path}");
    }
    let questions = made.portal.ask(&viewing, "GET", "/people/questions", None);
    assert_eq!((questions.status, questions.json()), (200, json!({ "questions": [] })));
}

/// Three photos of the shared space with faces of two people each seen twice, and one of Ben.
struct Faces {
    both: Both,
    anna: Client,
    /// The photos, and their faces: the same woman in the first two, another in the third, a man in the first.
    items: [i64; 3],
    faces: [i64; 4],
    bens: i64,
    annas: Listening,
    bens_events: Listening,
}

fn embedding(like: usize) -> Vec<u8> {
    // Directions that have nothing in common.
    (0..128).map(|i| if i / 32 == like { 100 } else { 0 }).collect()
}

impl Faces {
    fn new() -> Faces {
        let mut both = Both::new();
        let [anna, ben] = ["anna", "ben"].map(|name| both.portal.sign_in(name));
        let mut annas = Listening::new(&both.portal, &anna);
        let mut bens_events = Listening::new(&both.portal, &ben);
        both.start_engine();
        annas.runs(true);
        bens_events.runs(true);
        let items = ["trips/1.jpg", "trips/2.jpg", "trips/3.jpg"].map(|name| {
            both.photo(&format!("shared/{name}"));
            annas.indexed(&name["trips/".len()..])
        });
        both.photo("homes/ben/Photos/bens.jpg");
        let bens = bens_events.indexed("bens.jpg");
        let db = Database::open(&both.portal.path("index"));
        let left = [0.1, 0.1, 0.3, 0.3];
        let faces = [
            db.put_face(items[0], left, &embedding(0)),
            db.put_face(items[1], left, &embedding(0)),
            db.put_face(items[2], left, &embedding(1)),
            db.put_face(items[0], [0.6, 0.1, 0.3, 0.3], &embedding(2)),
        ];
        let bens = db.put_face(bens, left, &embedding(0));
        Faces { both, anna, items, faces, bens, annas, bens_events }
    }

    /// A request by Anna. No answer has a path of this computer.
    fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self.both.portal.ask(&self.anna, method, path, (!body.is_null()).then_some(&body));
        let dir = self.both.portal.dir.path().to_str().unwrap();
        assert!(!answer.text.contains(dir), "{method} {path}: {}", answer.text);
        (answer.status, answer.json())
    }

    fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, Value::Null);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// An edit that succeeds.
    fn edit(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        assert!(answer["undo"].as_str().unwrap().starts_with("people:"), "{answer}");
        answer
    }

    /// The status and the kind of a refusal.
    fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.ask(method, path, body);
        (status, answer["type"].as_str().unwrap_or_default().replace("urn:albumen:problem:", ""))
    }

    fn assign(&self, face: usize, person: &str) -> Value {
        self.edit("POST", &format!("/faces/{}/assign", self.faces[face]), json!({ "person": person }))
    }

    fn undo(&self, client: &Client, edit: &Value) -> u16 {
        self.both.portal.ask(client, "POST", "/undo", Some(&json!({ "undo": edit["undo"] }))).status
    }

    fn names(&self, query: &str) -> Vec<String> {
        let people = self.get(&format!("/people{query}"));
        let people = people["people"].as_array().unwrap().iter();
        people.map(|p| p["name"].as_str().unwrap_or("-").to_owned()).collect()
    }
}

fn id(edit: &Value) -> String {
    edit["person"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn people_are_named_listed_and_changed() {
    let mut f = Faces::new();
    let done = f.assign(0, "Anna Maria");
    assert_eq!((&done["joined"], &done["person"]["name"]), (&json!(1), &json!("Anna Maria")), "{done}");
    let (anna, person) = (id(&done), done["person"].clone());
    assert_eq!((&person["space"], &person["items"]), (&json!("family"), &json!(2)));
    assert_eq!((&person["rights"]["manage"], &person["hidden"]), (&json!(true), &json!(false)));
    let heard = f.annas.until("person_changed", |_| true);
    assert_eq!((&heard["space"], &heard["person"]), (&json!("family"), &json!(anna)));
    let bob = id(&f.assign(3, "Bob"));
    let berta = id(&f.assign(2, "Berta"));

    assert_eq!(f.names(""), ["Anna Maria", "Bob", "Berta"], "most photos first");
    assert_eq!(f.names("?q=mar"), ["Anna Maria"]);
    assert_eq!(f.names("?q=B"), ["Bob", "Berta"]);
    assert_eq!(f.names("?q=erta"), [""; 0]);
    assert_eq!(f.names("?limit=1&space=family"), ["Anna Maria"]);
    assert_eq!(f.names("?space=ben"), [""; 0]);
    let shown = f.get(&format!("/people/{anna}"));
    assert_eq!(shown["person"], f.get("/people")["people"][0]);
    assert_eq!(shown["companions"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&shown["companions"][0]["person"]["id"], &shown["companions"][0]["items"]),
        (&json!(bob), &json!(1))
    );
    // Page by page, each face once.
    let first = f.get(&format!("/people/{anna}/faces?limit=1"));
    let second = f.get(&format!("/people/{anna}/faces?limit=1&after={}", first["next"].as_str().unwrap()));
    let face = |page: &Value| page["faces"][0]["id"].as_i64().unwrap();
    assert_eq!([face(&first), face(&second)], f.faces[..2]);
    let ways = [&first["faces"][0]["assigned_by"], &second["faces"][0]["assigned_by"]];
    assert_eq!(ways, [&json!("edit"), &json!("machine")]);
    let last = second["next"].as_str().unwrap();
    assert_eq!(f.get(&format!("/people/{anna}/faces?limit=1&after={last}")), json!({ "faces": [] }));
    let of_item = f.get(&format!("/items/{}/faces", f.items[0]));
    assert_eq!(of_item["rights"], json!({ "manage": true }));
    let people: Vec<&Value> =
        of_item["faces"].as_array().unwrap().iter().map(|f| &f["person"]["name"]).collect();
    assert_eq!(people, ["Anna Maria", "Bob"], "from left to right");

    let at = format!("/people/{berta}");
    let (status, taken) = f.ask("PATCH", &at, json!({ "name": "anna maria" }));
    assert_eq!((status, &taken["type"]), (409, &json!("urn:albumen:problem:name_taken")));
    assert_eq!(taken["people"], json!([f.get(&format!("/people/{anna}"))["person"]]));
    let two = f.edit("PATCH", &at, json!({ "name": "anna maria", "same_name": "separate" }));
    assert_eq!(two["person"]["name"], "anna maria");
    assert_eq!(f.undo(&f.anna, &two), 200);
    let unnamed = f.edit("PATCH", &at, json!({ "name": null }));
    assert!(unnamed["person"]["name"].is_null());
    assert_eq!(f.undo(&f.anna, &unnamed), 200);
    f.edit("PATCH", &at, json!({ "hidden": true }));
    assert_eq!(f.names(""), ["Anna Maria", "Bob"]);
    assert_eq!(f.names("?hidden=true"), ["Anna Maria", "Bob", "Berta"]);
    let back = f.edit("PATCH", &at, json!({ "hidden": false }));
    assert_eq!(back["person"]["hidden"], false);
    let cover = f.edit("PATCH", &format!("/people/{anna}"), json!({ "cover": f.faces[1] }));
    let cover = &cover["person"]["cover"];
    assert_eq!((&cover["face"], &cover["id"]), (&json!(f.faces[1]), &json!(f.items[1])));
    assert_eq!(cover["box"].as_array().unwrap().len(), 4);
    for wrong in [
        json!({}),
        json!({ "hidden": true, "cover": 1 }),
        json!({ "name": "x", "hidden": true }),
        json!({ "hidden": true, "same_name": "merge" }),
        json!({ "name": "x".repeat(201) }),
        json!({ "nickname": "x" }),
    ] {
        assert_eq!(f.ask("PATCH", &at, wrong.clone()).0, 400, "{wrong}");
    }
    assert_eq!(f.ask("PATCH", &at, json!({ "cover": f.faces[1] })).0, 404, "a face of another");
    // Ben, who sees the folder but not the whole space, heard nothing of all this.
    f.both.photo("shared/trips/last.jpg");
    loop {
        let heard = f.bens_events.next().unwrap();
        assert_ne!(heard["event"], "person_changed");
        if heard["event"] == "indexed" && heard["name"] == "last.jpg" {
            break;
        }
    }
}

#[test]
fn people_are_merged_split_and_told_apart() {
    let f = Faces::new();
    let [anna, bob, berta] =
        [(0, "Anna"), (3, "Bob"), (2, "Berta")].map(|(face, name)| id(&f.assign(face, name)));
    let merge = |people: Value| f.refused("POST", "/people/merge", json!({ "people": people }));
    assert_eq!(merge(json!([anna, bob])), (409, "in_one_photo".into()));
    assert_eq!(merge(json!([anna])), (400, "invalid".into()));
    assert_eq!(merge(json!([anna, anna])), (409, "one_person".into()));
    assert_eq!(merge(json!([anna, "p0000000000000000"])), (404, "not_found".into()));
    let apart = f.edit("POST", "/people/apart", json!({ "people": [anna, berta] }));
    assert!(apart["person"].is_null());
    assert_eq!(merge(json!([anna, berta])), (409, "apart".into()));
    assert_eq!(f.undo(&f.anna, &apart), 200);
    let merged = f.edit("POST", "/people/merge", json!({ "people": [berta, anna] }));
    assert_eq!((id(&merged), &merged["person"]["items"]), (berta.clone(), &json!(3)));
    assert_eq!(f.get(&format!("/people/{anna}"))["person"]["id"], berta, "her id leads to the other");
    assert_eq!(f.undo(&f.anna, &merged), 200);
    let also = f.edit("POST", "/people/merge", json!({ "people": [anna, bob], "also": true }));
    assert_eq!(also["person"]["faces"], 3);
    assert_eq!(f.undo(&f.anna, &also), 200);

    let path = format!("/people/{anna}/split");
    assert_eq!(f.refused("POST", &path, json!({ "faces": [] })), (400, "invalid".into()));
    assert_eq!(f.refused("POST", &path, json!({ "faces": [f.faces[2]] })), (404, "not_found".into()));
    let split = f.edit("POST", &path, json!({ "faces": [f.faces[1]] }));
    assert_ne!(id(&split), anna);
    assert_eq!(split["person"]["items"], 1);
    assert_eq!(f.undo(&f.anna, &split), 200);
    assert_eq!(f.get(&format!("/people/{anna}"))["person"]["items"], 2);
}

#[test]
fn faces_are_assigned_rejected_marked_and_asked_about() {
    let f = Faces::new();
    let anna = id(&f.assign(0, "Anna"));
    // Another face of the first photo is Anna: the first one leaves, unless both are right.
    let other = format!("/faces/{}/assign", f.faces[3]);
    let reject = format!("/faces/{}/reject", f.faces[1]);
    let rejected = f.edit("POST", &reject, json!({}));
    let why = f.get(&format!("/faces/{}/why", f.faces[1]));
    assert_eq!(why["rejected"], json!([{ "id": anna, "name": "Anna" }]));
    assert_eq!(why["candidates"][0]["person"]["name"], "Anna");
    let exemplar = &why["candidates"][0]["exemplars"][0]["face"];
    assert_eq!((&exemplar["id"], &exemplar["item"]), (&json!(f.faces[0]), &json!(f.items[0])));
    assert_eq!(f.undo(&f.anna, &rejected), 200);
    let why = f.get(&format!("/faces/{}/why", f.faces[1]));
    assert_eq!((&why["face"]["assigned_by"], &why["rejected"]), (&json!("machine"), &json!([])));
    assert!(why["similarity"].as_f64().unwrap() >= why["required"].as_f64().unwrap());
    assert_eq!(
        f.get(&format!("/faces/{}/why", f.faces[3]))["in_photo"],
        json!([{ "id": anna, "name": "Anna" }])
    );
    let also = f.edit("POST", &other, json!({ "person": anna, "also": true }));
    assert_eq!(also["person"]["faces"], 3);
    assert_eq!(f.undo(&f.anna, &also), 200);
    assert_eq!(f.refused("POST", &other, json!({ "person": " " })), (400, "invalid".into()));

    let mark = format!("/faces/{}/mark", f.faces[2]);
    let faces = || f.get(&format!("/items/{}/faces", f.items[2]))["faces"].as_array().unwrap().clone();
    let marked = f.edit("POST", &mark, json!({ "mark": "no_face" }));
    assert_eq!(faces(), [Value::Null; 0]);
    assert_eq!(f.undo(&f.anna, &marked), 200);
    f.edit("POST", &mark, json!({ "mark": "nobody" }));
    assert_eq!(faces()[0]["mark"], "nobody");
    f.edit("POST", &mark, json!({ "mark": null }));
    assert!(faces()[0]["mark"].is_null());
    assert_eq!(f.ask("POST", &mark, json!({})).0, 400);

    // Between two directions: a little too far from Anna to join.
    let near: Vec<u8> = (0..128).map(|i| [42, 0, 0, 92][i / 32]).collect();
    Database::open(&f.both.portal.path("index")).set_embedding(f.faces[2], &near);
    let questions = || f.get("/people/questions")["questions"].as_array().unwrap().clone();
    let asked = questions();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let question = &asked[0];
    assert_eq!((&question["kind"], &question["space"]), (&json!("is"), &json!("family")));
    assert_eq!(
        (&question["a"]["face"]["id"], &question["a"]["face"]["item"]),
        (&json!(f.faces[2]), &json!(f.items[2]))
    );
    assert_eq!(question["b"]["person"], json!({ "id": anna, "name": "Anna" }));
    assert_eq!(question["b"]["items"], 2);
    let answer = |answer: &str| {
        f.edit("POST", "/people/answer", json!({ "question": question["question"], "answer": answer }))
    };
    for word in ["no", "not_a_face", "ignore"] {
        let edit = answer(word);
        assert_eq!(questions().len(), 0, "{word}");
        assert_eq!(f.undo(&f.anna, &edit), 200);
        assert_eq!(questions().len(), 1, "{word}");
    }
    assert_eq!(answer("yes")["person"]["items"], 3);
    let unknown = json!({ "question": "what", "answer": "no" });
    assert_eq!(f.refused("POST", "/people/answer", unknown), (400, "invalid".into()));
}

#[test]
fn an_account_undoes_its_own_edits_of_people_and_those_of_no_other() {
    let mut f = Faces::new();
    let [root, ben] = ["root", "ben"].map(|name| f.both.portal.sign_in(name));
    let first = f.assign(0, "Anna");
    let at = format!("/people/{}", id(&first));
    let unknown = json!({ "undo": "people:999999" });
    let ask = |client: &Client, body: &Value| f.both.portal.ask(client, "POST", "/undo", Some(body));
    for client in [&root, &ben] {
        let (other, unknown) = (ask(client, &json!({ "undo": first["undo"] })), ask(client, &unknown));
        assert_eq!((other.status, other.text), (404, unknown.text));
    }
    assert_eq!(ask(&f.anna, &json!({ "undo": "people:x" })).status, 404);
    // An edit of the command line belongs to no account.
    let index = f.both.portal.path("index");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_albumen-portal")).with_file_name("albumen");
    let face = f.faces[2].to_string();
    let line = std::process::Command::new(program)
        .args(["--json", "--index", index.to_str().unwrap(), "faces", "assign", &face, "Berta"])
        .output()
        .unwrap();
    let line: Value = serde_json::from_slice(&line.stdout).unwrap();
    let of_line = json!({ "undo": format!("people:{}", line["edit"]) });
    assert_eq!(ask(&f.anna, &of_line).status, 404);

    let renamed = f.edit("PATCH", &at, json!({ "name": "Anna Maria" }));
    assert_eq!(f.refused("POST", "/undo", json!({ "undo": first["undo"] })), (409, "later_edit".into()));
    assert_eq!(f.undo(&f.anna, &renamed), 200);
    assert_eq!(f.undo(&f.anna, &renamed), 409);
    assert_eq!(f.undo(&f.anna, &first), 200);
    assert_eq!(f.names("?q=anna"), [""; 0]);
    assert_eq!(f.names(""), ["-", "Berta"], "two similar faces are a person without a name");

    // Rights are checked again.
    let again = f.assign(0, "Anna");
    let none = json!({ "account": "anna", "access": "none" });
    assert_eq!(f.both.portal.ask(&root, "PUT", "/spaces/family/access", Some(&none)).status, 204);
    assert_eq!(f.undo(&f.anna, &again), 404);
    let full = json!({ "account": "anna", "access": "full" });
    assert_eq!(f.both.portal.ask(&root, "PUT", "/spaces/family/access", Some(&full)).status, 204);
    // A person of a space that the account does not see is unknown.
    let bens = f.both.portal.ask(
        &ben,
        "POST",
        &format!("/faces/{}/assign", f.bens),
        Some(&json!({ "person": "Anna" })),
    );
    assert_eq!(bens.status, 200, "{bens:?}");
    let anna = f.get("/people?q=anna")["people"][0]["id"].clone();
    let across = f.both.portal.ask(
        &ben,
        "POST",
        &format!("/faces/{}/assign", f.bens),
        Some(&json!({ "person": anna })),
    );
    assert_eq!(across.status, 404);

    f.both.stop_engine();
    assert_eq!(f.names("?q=anna"), ["Anna"], "people are still shown");
    assert_eq!(f.undo(&f.anna, &again), 503);
    for path in ["/people/questions".to_owned(), format!("/faces/{}/why", f.faces[0])] {
        assert_eq!(f.ask("GET", &path, Value::Null).0, 503, "{path}");
    }
}
