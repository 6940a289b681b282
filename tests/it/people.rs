//! People: the real program with the real models on pictures of real faces, and all edits by users. Without
//! models these tests report that they were skipped.

use crate::support::{self, broken_models, models_dir};
use albumen_models::manifest::manifest;
use image::{RgbImage, imageops};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

struct Library {
    dir: tempfile::TempDir,
    models: PathBuf,
}

impl Library {
    fn new(models: &Path) -> Library {
        let library = Library { dir: tempfile::tempdir().unwrap(), models: models.to_owned() };
        std::fs::create_dir_all(library.photos()).unwrap();
        library
    }

    fn photos(&self) -> PathBuf {
        self.dir.path().join("photos")
    }

    fn photo(&self, name: &str) -> String {
        self.photos().join(name).to_str().unwrap().to_owned()
    }

    fn put(&self, name: &str, picture: &RgbImage) {
        picture.save(self.photos().join(name)).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> support::Left {
        support::run_in(self.dir.path(), &[("ALBUMEN_MODELS", &self.models)], arguments)
    }

    fn ok(&self, arguments: &[&str]) -> Value {
        support::answer(self.run(arguments), arguments)
    }

    /// The message of a refused command.
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let (found, out, err) = self.run(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {out}{err}");
        err
    }

    fn index(&self) {
        let done = self.ok(&["index", "--memory", "400M", self.photos().to_str().unwrap()]);
        assert_eq!(done["failed"], 0, "{done}");
    }

    fn reindex(&self, stage: &str) {
        self.ok(&["reindex", "--stage", stage, self.photos().to_str().unwrap()]);
    }

    fn faces(&self, name: &str) -> Vec<Value> {
        self.ok(&["faces", "list", &self.photo(name)]).as_array().unwrap().clone()
    }

    /// The face in the middle of a part of a picture, `left` to `right`.
    fn face(&self, name: &str, left: f64, right: f64) -> Value {
        let middle = (left + right) / 2.0;
        let distance = |face: &Value| {
            let at = |i: usize| face["box"][i].as_f64().unwrap();
            (at(0) + at(2) / 2.0 - middle).abs() + (at(1) + at(3) / 2.0 - 0.5).abs()
        };
        let mut faces = self.faces(name);
        faces.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        assert!(!faces.is_empty() && distance(&faces[0]) < 0.4, "{name}: {faces:?}");
        faces.remove(0)
    }

    /// Ids of the people shown in lists.
    fn people(&self) -> BTreeSet<String> {
        let people = self.ok(&["people", "list"]);
        people.as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn portrait(models: &Path) -> RgbImage {
    let png = std::fs::read(models.join(&manifest().test_portrait.sha256)).expect("make models brings it");
    image::load_from_memory(&png).expect("it is a PNG").to_rgb8()
}

fn side_by_side(a: &RgbImage, b: &RgbImage) -> RgbImage {
    let mut both =
        RgbImage::from_pixel(a.width() + b.width(), a.height().max(b.height()), image::Rgb([90; 3]));
    imageops::replace(&mut both, a, 0, 0);
    imageops::replace(&mut both, b, a.width().into(), 0);
    both
}

fn person(face: &Value) -> Option<&str> {
    face["person"].as_str()
}

#[test]
fn a_face_pasted_twice_is_never_one_person() {
    let Some(models) = models_dir("a_face_pasted_twice_is_never_one_person") else { return };
    let library = Library::new(&models);
    let portrait = portrait(&models);
    let (w, h) = portrait.dimensions();
    library.put("alone.png", &portrait);
    library.put(
        "smaller.png",
        &imageops::resize(&portrait, w * 4 / 5, h * 4 / 5, imageops::FilterType::Triangle),
    );
    library.put("cut.png", &imageops::crop_imm(&portrait, 60, 0, w - 100, h - 60).to_image());
    library.put("twice.png", &side_by_side(&portrait, &portrait));
    library.index();
    let twice = library.faces("twice.png");
    assert_eq!(twice.len(), 2);
    let (a, b) = (person(&twice[0]), person(&twice[1]));
    assert!(a.is_none() || a != b, "one person twice in one photo: {twice:?}");
    let alone = library.faces("alone.png");
    let who = person(&alone[0]).expect("three pictures of one face are a person").to_owned();
    // Two people were created, for each of the pair the nearest of the others; hers is one of them.
    assert!([a, b].contains(&Some(who.as_str())), "one of the two is she: {twice:?}");
}

#[test]
fn a_name_in_a_region_is_found_and_a_users_word_beats_it_for_good() {
    let Some(models) = models_dir("a_name_in_a_region_is_found_and_a_users_word_beats_it_for_good") else {
        return;
    };
    let library = Library::new(&models);
    library.put("collins.png", &portrait(&models));
    let region = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
          xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"><mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>
        <rdf:li rdf:parseType="Resource"><mwg-rs:Name>Eileen Collins</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>
        <mwg-rs:Area stArea:x="0.44" stArea:y="0.23" stArea:w="0.2" stArea:h="0.24" stArea:unit="normalized"/></rdf:li>
        <rdf:li rdf:parseType="Resource"><mwg-rs:Name>Rex</mwg-rs:Name><mwg-rs:Type>Pet</mwg-rs:Type>
        <mwg-rs:Area stArea:x="0.46" stArea:y="0.25" stArea:w="0.2" stArea:h="0.24" stArea:unit="normalized"/></rdf:li>
        </rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions></rdf:Description></rdf:RDF></x:xmpmeta>"#;
    std::fs::write(library.photos().join("collins.png.xmp"), region).unwrap();
    library.index();
    let face = || library.faces("collins.png").remove(0);
    assert_eq!((face()["name"].as_str(), face()["how"].as_str()), (Some("Eileen Collins"), Some("sidecar")));
    let who = person(&face()).unwrap().to_owned();
    // A pet is not a person; its name is a tag.
    assert!(
        library.ok(&["show", &library.photo("collins.png")])["tags"]
            .as_array()
            .unwrap()
            .contains(&"Rex".into())
    );
    assert_eq!(library.people(), [who.clone()].into());

    library.ok(&["people", "name", &who, "Eileen"]);
    for stage in ["inspect", "faces"] {
        library.reindex(stage);
        assert_eq!(
            (face()["name"].as_str(), person(&face())),
            (Some("Eileen"), Some(who.as_str())),
            "{stage}"
        );
    }
    // A removed name does not come back when the sidecar is read again.
    let why = library.refused(&["people", "name", &who], 2);
    assert!(why.contains("--remove-name"), "{why}");
    library.ok(&["people", "name", &who, "--remove-name"]);
    library.reindex("inspect");
    assert_eq!(face().get("name"), None);
    library.ok(&["people", "undo"]);
    assert_eq!(face()["name"], "Eileen");
}

/// Five pictures each of two people, and one with both; with the library the ids of the two.
fn two_people(corpus: &Path, models: &Path) -> (Library, String, String) {
    let library = Library::new(models);
    let known = |who: &str| -> Vec<PathBuf> {
        let folder = std::fs::read_dir(corpus.join("faces/lfw").join(who)).expect("ALBUMEN_CORPUS has LFW");
        let mut all: Vec<PathBuf> = folder.map(|e| e.unwrap().path()).collect();
        all.sort();
        all.truncate(6);
        all
    };
    let (of_a, of_b) = (known("Andre_Agassi"), known("Gerhard_Schroeder"));
    for (prefix, files) in [("a", &of_a), ("b", &of_b)] {
        for (n, file) in files[..5].iter().enumerate() {
            std::fs::copy(file, library.photos().join(format!("{prefix}{n}.jpg"))).unwrap();
        }
    }
    let open = |file: &PathBuf| {
        let jpeg = std::fs::read(file).unwrap();
        let p = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::RGB).unwrap();
        RgbImage::from_raw(p.width as u32, p.height as u32, p.pixels).unwrap()
    };
    library.put("both.png", &side_by_side(&open(&of_a[5]), &open(&of_b[5])));
    library.index();
    let who = |prefix: &str| {
        let faces: Vec<Value> = (0..5).map(|n| library.face(&format!("{prefix}{n}.jpg"), 0.0, 1.0)).collect();
        let first = person(&faces[0]).expect("five pictures make a person").to_owned();
        assert!(faces.iter().all(|f| person(f) == Some(first.as_str())), "{prefix}: {faces:?}");
        first
    };
    let (pa, pb) = (who("a"), who("b"));
    assert_ne!(pa, pb);
    assert_eq!(person(&library.face("both.png", 0.0, 0.5)), Some(pa.as_str()));
    assert_eq!(person(&library.face("both.png", 0.5, 1.0)), Some(pb.as_str()));
    (library, pa, pb)
}

#[test]
fn what_users_say_of_people_is_done_refused_or_undone() {
    let Some(corpus) = support::corpus("what_users_say_of_people_is_done_refused_or_undone") else { return };
    let models = models_dir("what_users_say_of_people_is_done_refused_or_undone")
        .expect("models are required with a corpus");
    let (library, a, b) = two_people(&corpus, &models);
    let names = || {
        let people = library.ok(&["people", "list"]);
        let named = people.as_array().unwrap().iter().filter_map(|p| p["name"].as_str().map(str::to_owned));
        named.collect::<Vec<_>>()
    };

    // A name can be searched for, and is given twice only on purpose.
    library.ok(&["people", "name", &a, "Anna"]);
    let found = library.ok(&["search", "person:anna"]);
    assert_eq!(found["items"].as_array().unwrap().len(), 6);
    let why = library.refused(&["people", "name", &b, "anna"], 2);
    assert!(why.contains(&a) && why.contains(&b), "both are named: {why}");
    library.ok(&["people", "name", &b, "Anna", "--separate"]);
    assert_eq!(names(), ["Anna", "Anna"]);
    library.ok(&["people", "undo"]);
    library.ok(&["people", "name", &b, "Berta"]);

    // Two people in one photo are different people.
    let why = library.refused(&["people", "merge", "Anna", "Berta"], 2);
    assert!(why.contains("both.png"), "the photo is named: {why}");

    // A split means two people: no merge until it is undone.
    let face = library.face("a0.jpg", 0.0, 1.0)["id"].to_string();
    let split = library.ok(&["people", "split", "Anna", &face]);
    let other = split["person"].as_str().unwrap().to_owned();
    assert_eq!(person(&library.face("a0.jpg", 0.0, 1.0)), Some(other.as_str()));
    let why = library.refused(&["people", "merge", &other, "Anna"], 2);
    assert!(why.contains("a0.jpg"), "the photo is named: {why}");
    library.ok(&["people", "undo"]);
    assert_eq!(person(&library.face("a0.jpg", 0.0, 1.0)), Some(a.as_str()));

    // "This is not her" still applies when faces are detected again; so does "this is her".
    library.ok(&["faces", "reject", &face]);
    let why = library.ok(&["faces", "why", &face]);
    assert!(!why["constraints"].as_array().unwrap().is_empty(), "{why}");
    library.reindex("faces");
    assert_ne!(person(&library.face("a0.jpg", 0.0, 1.0)), Some(a.as_str()));
    library.ok(&["faces", "assign", &face, "Anna"]);
    library.reindex("faces");
    let again = library.face("a0.jpg", 0.0, 1.0);
    assert_eq!((person(&again), again["id"].to_string()), (Some(a.as_str()), face.clone()));
    assert_eq!(names(), ["Anna", "Berta"]);

    // The reasons of an automatic assignment.
    let why = library.ok(&["faces", "why", &library.face("a1.jpg", 0.0, 1.0)["id"].to_string()]);
    let best = &why["candidates"][0];
    assert_eq!(best["name"], "Anna");
    assert!(best["similarity"].as_f64() >= best["required"].as_f64(), "{why}");
    assert!(!best["exemplars"].as_array().unwrap().is_empty());

    // Hidden people are in no list until they are shown; a cover is chosen.
    library.ok(&["people", "hide", "Berta"]);
    assert!(!library.people().contains(&b));
    let (_, shown, notice) = library.run(&["people", "show", &b]);
    assert!(notice.contains("unhide"), "{notice}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["person"]["hidden"], shown["faces"].as_array().unwrap().len()),
        (&Value::Bool(true), 6)
    );
    assert!(!library.people().contains(&b), "looking changes nothing");
    assert_eq!(library.ok(&["search", "person:berta"])["items"].as_array().unwrap().len(), 6);
    library.ok(&["people", "unhide", &b]);
    assert!(library.people().contains(&b));
    library.ok(&["people", "cover", "Anna", &face]);
    assert_eq!(library.ok(&["people", "show", "Anna"])["person"]["cover"].to_string(), face);
    library.refused(&["people", "cover", "Berta", &face], 1);

    // Suggestions never contradict edits.
    let asked = library.ok(&["people", "suggest"]).to_string();
    assert!(!(asked.contains(&a) && asked.contains(&b)), "{asked}");
    library.refused(&["people", "show", "Nobody"], 1);
    library.refused(&["faces", "why", "999999"], 1);
}

#[test]
fn a_fresh_index_has_the_same_people() {
    let Some(corpus) = support::corpus("a_fresh_index_has_the_same_people") else { return };
    let models = models_dir("a_fresh_index_has_the_same_people").expect("models are required with a corpus");
    let people = |jobs: &str| {
        let (library, ..) = two_people(&corpus, &models);
        let again = library.dir.path().join("index");
        std::fs::remove_dir_all(again).unwrap();
        library.ok(&["index", "--jobs", jobs, library.photos().to_str().unwrap()]);
        let (code, export, err) = library.run(&["export"]);
        assert_eq!(code, Some(0), "{err}");
        let items = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        // The space is named after the folder, and with it people's ids; the grouping is the same.
        let with_whom: Vec<(String, Vec<(Value, bool)>)> = items
            .map(|i| {
                let faces = i["faces"].as_array().unwrap();
                (
                    i["name"].as_str().unwrap().to_owned(),
                    faces.iter().map(|f| (f["box"].clone(), f["person"].is_object())).collect(),
                )
            })
            .collect();
        (with_whom, library.people().len())
    };
    assert_eq!(people("1"), people("3"));
}

#[test]
fn without_whole_models_all_else_is_done_and_it_is_said() {
    let Some(models) = models_dir("without_whole_models_all_else_is_done_and_it_is_said") else { return };
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 3] = [
        ("missing", |bytes| bytes.clear()),
        ("truncated", |bytes| bytes.truncate(bytes.len() / 2)),
        ("another's bytes", |bytes| {
            let half = bytes.len() / 2;
            bytes[half..half + 4096].fill(0x5a);
        }),
    ];
    for (what, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        broken_models(&models, folder.path(), change);
        let library = Library::new(folder.path());
        library.put("a.png", &portrait(&models));
        let (code, out, err) = library.run(&["index", library.photos().to_str().unwrap()]);
        assert_eq!(code, Some(0), "{what}: no file has failed: {out}{err}");
        assert!(err.contains("albumen models"), "{what}: it is said: {err}");
        let shown = library.ok(&["show", &library.photo("a.png")]);
        assert_eq!(shown["width"], 512, "{what}: facts are there");
        assert!(!shown["derivatives"].as_array().unwrap().is_empty(), "{what}: thumbnails are there");
        let (code, out, _) = library.run(&["models"]);
        assert_eq!(code, Some(1), "{what}: {out}");
        // With intact models the next run does the rest.
        let healed = Library { models: models.clone(), ..library };
        healed.index();
        assert_eq!(healed.faces("a.png").len(), 1, "{what}");
    }
}
