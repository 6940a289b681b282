//! Inputs of public bug reports of similar software, with the right results: tests/data/reports, and folders
//! generated here because their names would not survive a clone on every file system.

use super::support;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

fn testdata(name: &str) -> PathBuf {
    Path::new(support::ROOT).join("testdata").join(name)
}

fn report(name: &str) -> PathBuf {
    Path::new(support::ROOT).join("tests/data/reports").join(name)
}

/// A folder of photos and its index.
struct Library {
    dir: tempfile::TempDir,
}

impl Library {
    /// Files by their paths, all last changed on 2023-11-14.
    fn of(files: &[(String, Vec<u8>)]) -> Library {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = dir.path().join("photos").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
        }
        let library = Library { dir };
        let photos = library.dir.path().join("photos");
        let (code, _, said) = library.run(&["index", "--no-recognise", photos.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{said}");
        library
    }

    fn run(&self, arguments: &[&str]) -> support::Left {
        support::run_in(self.dir.path(), &[], arguments)
    }

    /// The items by their paths, and the companions by theirs with the item of each.
    fn export(&self) -> (BTreeMap<String, Value>, BTreeMap<String, String>) {
        let (code, out, said) = self.run(&["export"]);
        assert_eq!(code, Some(0), "{said}");
        let photos = self.dir.path().join("photos");
        let (mut items, mut companions) = (BTreeMap::new(), BTreeMap::new());
        for line in out.lines() {
            let item: Value = serde_json::from_str(line).unwrap();
            let path = Path::new(item["path"].as_str().unwrap()).strip_prefix(&photos).unwrap().to_owned();
            for c in item["companions"].as_array().into_iter().flatten() {
                let beside = path.parent().unwrap().join(c["path"].as_str().unwrap());
                companions.insert(text(&beside), text(&path));
            }
            items.insert(text(&path), item);
        }
        (items, companions)
    }

    /// The names of a search's results, sorted.
    fn find(&self, query: &str) -> Vec<String> {
        let found = support::answer(self.run(&["search", query]), &["search", query]);
        let items = found["items"].as_array().unwrap().iter();
        let mut names: Vec<String> = items
            .map(|i| text(Path::new(Path::new(i["path"].as_str().unwrap()).file_name().unwrap())))
            .collect();
        names.sort();
        names
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn get<'a>(item: &'a Value, key: &str) -> &'a Value {
    key.split('.').fold(item, |v, k| &v[k])
}

fn files_below(folder: &Path, prefix: &str, out: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path(), &format!("{name}/"), out)
        } else {
            out.push((name, std::fs::read(entry.path()).unwrap()))
        }
    }
}

#[test]
fn each_case_gives_what_is_right() {
    let expected = std::fs::read_to_string(report("expected.jsonl")).unwrap();
    let mut cases: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in expected.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        cases.entry(row["case"].as_str().unwrap().to_owned()).or_default().push(row);
    }
    let mut wrong = Vec::new();
    for (case, rows) in cases {
        let mut files = Vec::new();
        files_below(&report(&case), "", &mut files);
        let (items, companions) = Library::of(&files).export();
        for row in rows {
            let file = row["file"].as_str().unwrap();
            let (got, right) = match row.get("key").and_then(Value::as_str) {
                Some(key) => {
                    let got = items.get(file).map_or(&Value::Null, |item| get(item, key)).clone();
                    let is_prefix = key == "taken.local"
                        && got.as_str().is_some_and(|got| got.starts_with(row["is"].as_str().unwrap()));
                    (got.clone(), is_prefix || got == row["is"])
                }
                None => {
                    let of = companions.get(file).cloned();
                    (json!(of), of.as_deref() == row["with"].as_str())
                }
            };
            if !right {
                wrong.push(format!("{row}: {got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The JPEG with other bytes after its end: different content.
fn picture(n: usize) -> Vec<u8> {
    let mut bytes = std::fs::read(testdata("kinds/grey.jpg")).unwrap();
    bytes.extend(format!("{n}").bytes());
    bytes
}

fn takeout(description: &str) -> Vec<u8> {
    json!({"title": "a", "description": description, "photoTakenTime": {"timestamp": "1400000000"}})
        .to_string()
        .into_bytes()
}

fn xmp(rating: u8) -> Vec<u8> {
    format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description \
         xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='{rating}'/></rdf:RDF></x:xmpmeta>"
    )
    .into_bytes()
}

#[test]
fn names_that_differ_in_case_or_normal_form_keep_their_own_sidecars() {
    let (nfc, nfd) = ("K\u{f6}ln", "Ko\u{308}ln");
    let media = ["IMG_1.JPG".to_owned(), "IMG_1.jpg".to_owned(), format!("{nfc}.jpg"), format!("{nfd}.jpg")];
    let mut files = Vec::new();
    for (i, name) in media.iter().enumerate() {
        files.push((name.clone(), picture(i)));
        files.push((format!("{name}.json"), takeout(&format!("of {name}"))));
        files.push((format!("{name}.xmp"), xmp(u8::try_from(i).unwrap() + 1)));
    }
    // Of these each has the other's form.
    files.push(("Z\u{fc}rich.jpg".to_owned(), picture(10)));
    files.push(("Zu\u{308}rich.jpg.supplemental-metadata.json".to_owned(), takeout("another form")));
    let (items, companions) = Library::of(&files).export();
    for (i, name) in media.iter().enumerate() {
        assert_eq!(items[name]["description"], format!("of {name}"));
        assert_eq!(items[name]["rating"], i + 1, "{name}");
        assert_eq!(companions[&format!("{name}.xmp")], *name);
    }
    assert_eq!(items["Z\u{fc}rich.jpg"]["description"], "another form");
}

#[test]
fn what_a_camera_makes_beside_clips_in_other_folders_belongs_to_them() {
    let clip = std::fs::read(report("sidecar-date/clip.mp4")).unwrap();
    let files = [
        ("M4ROOT/CLIP/C0001.MP4".to_owned(), clip.clone()),
        ("M4ROOT/SUB/C0001S03.MP4".to_owned(), [clip, b"\0\0\0\x0cfree\0\0\0\0".to_vec()].concat()),
        ("M4ROOT/THMBNL/C0001T01.JPG".to_owned(), picture(1)),
        ("M4ROOT/THMBNL/C0002T01.JPG".to_owned(), picture(2)),
    ];
    let library = Library::of(&files);
    let (items, companions) = library.export();
    let is = |path: &str| companions.get(path).map(String::as_str);
    assert_eq!(is("M4ROOT/CLIP/../SUB/C0001S03.MP4"), Some("M4ROOT/CLIP/C0001.MP4"));
    assert_eq!(is("M4ROOT/CLIP/../THMBNL/C0001T01.JPG"), Some("M4ROOT/CLIP/C0001.MP4"));
    assert_eq!(items.len(), 2, "the clip, and the thumbnail of one that is missing");
    // The clip is removed: its by-products are shown again.
    std::fs::remove_file(library.dir.path().join("photos/M4ROOT/CLIP/C0001.MP4")).unwrap();
    let photos = library.dir.path().join("photos");
    let (code, _, said) = library.run(&["index", "--no-recognise", photos.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(library.export().0.len(), 3);
}

#[test]
fn a_thumbnail_that_comes_later_dates_its_clip() {
    let case = report("camera-thm");
    let read = |name: &str| std::fs::read(case.join(name)).unwrap();
    let library = Library::of(&[("MVI_0001.AVI".to_owned(), read("MVI_0001.AVI"))]);
    assert_eq!(library.export().0["MVI_0001.AVI"]["taken"]["source"], "file:mtime");
    let photos = library.dir.path().join("photos");
    let thumbnail = photos.join("MVI_0001.THM");
    let index = || {
        let (code, _, said) = library.run(&["index", "--no-recognise", photos.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{said}");
        library.export().0["MVI_0001.AVI"]["taken"]["local"].as_str().unwrap().to_owned()
    };
    std::fs::write(&thumbnail, read("MVI_0001.THM")).unwrap();
    assert_eq!(index(), "2006-05-04T03:02:01");
    std::fs::remove_file(&thumbnail).unwrap();
    assert!(index().starts_with("2023-11-14"));
}

#[test]
fn takeouts_json_without_its_picture_is_reported() {
    let files = [
        ("a.jpg".to_owned(), picture(1)),
        ("a.jpg.supplemental-metadata.json".to_owned(), takeout("x")),
        ("missing.jpg.supplemental-metadata.json".to_owned(), takeout("y")),
        ("metadata.json".to_owned(), br#"{"title": "an album"}"#.to_vec()),
    ];
    let library = Library::of(&files);
    let (code, out, said) = library.run(&["failures"]);
    assert_eq!(code, Some(0), "{said}");
    let rows: Vec<Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(rows.len(), 1, "{out}");
    assert!(rows[0]["path"].as_str().unwrap().ends_with("/missing.jpg.supplemental-metadata.json"));
}

#[test]
fn words_are_found_as_people_type_them() {
    let names = [
        "\u{141}\u{f3}d\u{17a}/IMG_4711.jpg",
        "DSC_1234.jpg",
        "IMG4712.jpg",
        "holidays2018.jpg",
        "2019 12345.jpg",
        "Troms\u{f8} og \u{c6}r\u{f8}.jpg",
        "\u{110}\u{e0} N\u{1eb5}ng bi\u{1ec3}n.jpg",
        "\u{4EAC}\u{90FD}\u{65C5}\u{884C}2019/IMG_0001.jpg",
        "\u{4E0A}\u{6D77}\u{5916}\u{6EE9}\u{591C}\u{666F}.jpg",
        "Stra\u{df}e in K\u{f6}ln.jpg",
        "\u{130}zmir IRMAK.jpg",
        "\u{395}\u{3bb}\u{3bb}\u{3ac}\u{3c2}.jpg",
        "\u{41f}\u{43e}\u{435}\u{437}\u{434}\u{43a}\u{430} \u{432} \u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{443}.jpg",
        "\u{e2a}\u{e07}\u{e01}\u{e23}\u{e32}\u{e19}\u{e15}\u{e4c}\u{e17}\u{e35}\u{e48}\u{e40}\u{e0a}\u{e35}\u{e22}\u{e07}\u{e43}\u{e2b}\u{e21}\u{e48}.jpg",
        "\u{661}\u{662}\u{663} \u{635}\u{648}\u{631} \u{627}\u{644}\u{639}\u{627}\u{626}\u{644}\u{629}.jpg",
        "\u{d55c}\u{ad6d}\u{c5ec}\u{d589}.jpg",
    ];
    let files: Vec<(String, Vec<u8>)> =
        names.iter().enumerate().map(|(i, name)| ((*name).to_owned(), picture(i))).collect();
    let library = Library::of(&files);
    for (query, found) in [
        ("4711", &["IMG_4711.jpg"][..]),
        ("4712", &["IMG4712.jpg"]),
        ("1234", &["DSC_1234.jpg"]),
        ("2018", &["holidays2018.jpg"]),
        ("holidays", &["holidays2018.jpg"]),
        ("12345", &["2019 12345.jpg"]),
        ("lodz", &["IMG_4711.jpg"]),
        ("tromso", &[names[5]]),
        ("aero", &[names[5]]),
        ("da nang", &[names[6]]),
        ("\u{4EAC}\u{90FD}", &["IMG_0001.jpg"]),
        ("\u{65C5}\u{884C}", &["IMG_0001.jpg"]),
        ("\u{591C}", &[names[8]]),
        ("strasse koln", &[names[9]]),
        ("izmir \u{131}rmak", &[names[10]]),
        ("\u{3b5}\u{3bb}\u{3bb}\u{3b1}\u{3c3}", &[names[11]]),
        ("\u{43c}\u{43e}\u{441}\u{43a}\u{432}\u{443}", &[names[12]]),
        ("\u{e40}\u{e0a}\u{e35}\u{e22}\u{e07}\u{e43}\u{e2b}\u{e21}\u{e48}", &[names[13]]),
        ("123", &[names[14]]),
        ("\u{c5ec}\u{d589}", &[names[15]]),
    ] {
        assert_eq!(library.find(query), found, "{query}");
    }
}
