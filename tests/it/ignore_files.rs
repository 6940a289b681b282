//! `.albumenignore` files as hostile input: an invalid file hides its own folder, and affects nothing else.

use super::support::{ROOT, worker_program};
use albumen_files::ignore::Rules;
use albumen_files::open::Root;
use albumen_files::walk::{Unwalked, Walk, WalkError};
use albumen_index::testing::Database;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const RULES: &str = ".albumenignore";

/// The kinds of an invalid ignore file, by name, with the line of the error.
type BadFile = (String, Box<dyn Fn(&Path)>, Option<u32>);

fn bad_files() -> Vec<BadFile> {
    let mut all: Vec<BadFile> = Vec::new();
    let mut text = |name: &str, line: Option<u32>, bytes: Vec<u8>| {
        let write = move |folder: &Path| std::fs::write(folder.join(RULES), &bytes).unwrap();
        all.push((name.to_owned(), Box::new(write), line));
    };
    for depth in [17, 300, 2000, 20_000, 60_000] {
        for (open, inner, close) in
            [("{", "a", "}"), ("{", "a,b", "}"), ("{", "", ""), ("{a,", "b", "}"), ("", "x", "}")]
        {
            let nested = format!("/private/\n{}{inner}{}\n", open.repeat(depth), close.repeat(depth));
            text(&format!("{depth} x {open:?}{inner:?}{close:?}"), Some(2), nested.into_bytes());
        }
    }
    for stars in ["*", "*a", "**/", "*?", "[a-z]*", "{a,b}*", "?", "\\*"] {
        let megabyte = stars.repeat((1 << 20) / stars.len());
        text(&format!("a line of {stars}"), Some(1), megabyte.into_bytes());
    }
    for line in ["*a*b*c*d\n", "**/a/**/b\n", "[a-z][!0-9]*\n", "?????\n", "{a,b}{c,d}{e,f}\n", "x\n"] {
        let lines = line.repeat((1 << 20) / line.len() - 1);
        all_but_line(&mut text, &format!("lines of {line:?}"), lines);
    }
    text("over a megabyte of comments", None, "# nothing\n".repeat(120_000).into_bytes());
    text("a range", Some(1), b"[z-a]\n".to_vec());
    text("a backslash", Some(3), b"# a\n\nx\\\n".to_vec());
    text("NUL bytes", Some(1), b"p\0r\0i\0v\0\n".to_vec());
    text("UTF-16 LE", None, b"\xff\xfe/\0p\0r\0i\0v\0a\0t\0e\0/\0".to_vec());
    text("UTF-16 BE", None, b"\xfe\xff\0/\0p\0r\0i\0v\0a\0t\0e\0/".to_vec());
    text("Latin-1", Some(2), b"/private/\ncaf\xe9/\n".to_vec());
    text("a sparse file of a terabyte", None, Vec::new());
    let last = all.len() - 1;
    all[last].1 = Box::new(|folder| {
        std::fs::File::create(folder.join(RULES)).unwrap().set_len(1 << 40).unwrap();
    });
    let mut other = |name: &str, make: fn(&Path)| all.push((name.to_owned(), Box::new(make), None));
    other("a link", |folder| {
        std::fs::write(folder.join("rules.txt"), "/private/\n").unwrap();
        std::os::unix::fs::symlink("rules.txt", folder.join(RULES)).unwrap();
    });
    other("a link to nothing", |folder| {
        std::os::unix::fs::symlink("nothing", folder.join(RULES)).unwrap();
    });
    other("a link to /dev/zero", |folder| {
        std::os::unix::fs::symlink("/dev/zero", folder.join(RULES)).unwrap();
    });
    other("a folder", |folder| std::fs::create_dir(folder.join(RULES)).unwrap());
    other("a pipe", |folder| {
        let mode = rustix::fs::Mode::from_raw_mode(0o644);
        let path = folder.join(RULES);
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    });
    other("a socket", |folder| {
        drop(std::os::unix::net::UnixListener::bind(folder.join(RULES)).unwrap());
    });
    all
}

/// The line at which a file becomes too large depends on the limits.
fn all_but_line(text: &mut impl FnMut(&str, Option<u32>, Vec<u8>), name: &str, lines: String) {
    text(name, Some(0), lines.into_bytes());
}

fn put(dir: &Path, file: &str) {
    let path = dir.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, file).unwrap();
}

/// The files found by a walk, and its errors.
fn walk(dir: &Path, start: &str) -> (Vec<String>, Vec<WalkError>) {
    let root = Root::open(dir).unwrap();
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for step in Walk::new(&root, start.as_bytes(), Rules::default()) {
        match step {
            Ok(folder) => {
                let path = String::from_utf8(folder.path).unwrap();
                files.extend(
                    folder.files.iter().map(|f| format!("{path}/{}", String::from_utf8_lossy(&f.name))),
                );
                errors.extend(folder.errors);
            }
            Err(e) => errors.push(e),
        }
    }
    files.sort();
    (files, errors)
}

#[test]
fn what_cannot_be_honoured_hides_its_folder_and_no_other() {
    for (name, make, line) in bad_files() {
        let dir = tempfile::tempdir().unwrap();
        for file in
            ["a/1.jpg", "bad/1.jpg", "bad/private/2.jpg", "bad/deep/er/3.jpg", "bad2/1.jpg", "z/1.jpg"]
        {
            put(dir.path(), file);
        }
        make(&dir.path().join("bad"));
        let (files, errors) = walk(dir.path(), "");
        assert_eq!(files, ["a/1.jpg", "bad2/1.jpg", "z/1.jpg"], "{name}");
        assert_eq!(errors.len(), 1, "{name}: {errors:?}");
        let Unwalked::Hidden { line: found } = errors[0].what else { panic!("{name}: {errors:?}") };
        match line {
            Some(0) => assert!(found > Some(100), "{name}: {errors:?}"),
            line => assert_eq!(found, line, "{name}: {errors:?}"),
        }
        assert_eq!((errors[0].path.as_slice(), errors[0].is_failure()), (&b"bad"[..], true), "{name}");
        // Nor can its content be reached from below.
        for start in ["bad", "bad/private", "bad/deep/er", "bad/1.jpg"] {
            let (files, errors) = walk(dir.path(), start);
            assert_eq!((files.len(), errors.len()), (0, 1), "{name}, from {start}");
        }
    }
}

#[test]
fn thousands_of_them_are_a_row_each() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..3000 {
        put(dir.path(), &format!("{n}/1.jpg"));
        if n % 3 > 0 {
            let text = if n % 3 == 1 { "{".repeat(100) } else { "*.png\n".to_owned() };
            std::fs::write(dir.path().join(format!("{n}/{RULES}")), text).unwrap();
        }
    }
    let (files, errors) = walk(dir.path(), "");
    assert_eq!((files.len(), errors.len()), (2000, 1000));
}

/// Each is within its limits; together, down the tree, they would not be.
#[test]
fn those_of_all_folders_on_the_way_down_are_bounded_together() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = String::new();
    for depth in 0..60 {
        folder += "d/";
        put(dir.path(), &format!("{folder}{depth}.jpg"));
        std::fs::write(dir.path().join(&folder).join(RULES), "*a*b*c*\n".repeat(4000)).unwrap();
    }
    put(dir.path(), "e/1.jpg");
    let (files, errors) = walk(dir.path(), "");
    assert_eq!(errors.len(), 1, "below the first that is too much nothing is walked");
    assert!(files.contains(&"e/1.jpg".to_owned()) && files.len() > 2 && files.len() < 20, "{}", files.len());
}

/// At the maximum depth, and one deeper; for any start of the walk.
#[test]
fn what_is_too_deep_is_told_from_wherever_a_walk_begins() {
    let dir = tempfile::tempdir().unwrap();
    let deep = |n: usize| vec!["d"; n].join("/");
    put(dir.path(), &format!("{}/last.jpg", deep(256)));
    put(dir.path(), &format!("{}/too.jpg", deep(257)));
    for start in [String::new(), deep(1), deep(200), deep(255), deep(256), deep(257), deep(300)] {
        let (files, errors) = walk(dir.path(), &start);
        let reached = start.len() <= deep(256).len();
        assert_eq!(files.len(), usize::from(reached), "from {} down", start.len().div_ceil(2));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!((errors[0].what, errors[0].is_failure()), (Unwalked::TooDeep, true));
    }
}

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    /// A library with photos at these paths.
    fn with(photos: &[&str]) -> Bench {
        let bench = Bench { dir: tempfile::tempdir().unwrap() };
        photos.iter().for_each(|photo| drop(bench.photo(photo)));
        std::fs::write(bench.dir.path().join("albumen.toml"), "grace = \"0s\"\n").unwrap();
        bench
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join("library").join(path)
    }

    /// A photo of its own.
    fn photo(&self, path: &str) -> PathBuf {
        let from = Path::new(ROOT).join("testdata/kinds/grey.jpg");
        let mut bytes = std::fs::read(from).unwrap();
        bytes.extend(path.bytes());
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), bytes).unwrap();
        self.at(path)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_albumen"))
            .arg("--index")
            .arg(self.dir.path().join("index"))
            .arg("--config")
            .arg(self.dir.path().join("albumen.toml"))
            .args(arguments)
            .output()
            .unwrap()
    }

    fn index(&self, code: i32) -> Value {
        let library = self.at("");
        let out = self.run(&["index", "--no-recognise", "--json", library.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{said}");
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// Displayed items: name and title.
    fn shown(&self) -> Vec<(String, Option<String>)> {
        let out = self.run(&["export"]).stdout;
        let items = out.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let mut all: Vec<_> = items
            .map(|line| {
                let item: Value = serde_json::from_slice(line).unwrap();
                (item["name"].as_str().unwrap().to_owned(), item["title"].as_str().map(str::to_owned))
            })
            .collect();
        all.sort();
        all
    }

    fn names(&self) -> Vec<String> {
        self.shown().into_iter().map(|(name, _)| name).collect()
    }

    fn failures(&self) -> Vec<Value> {
        let out = self.run(&["failures", "--json"]).stdout;
        let lines = out.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&self.run(&["status", "--json"]).stdout).unwrap()
    }

    fn title(&self, photo: &Path, title: &str) {
        assert!(self.run(&["edit", "--title", title, photo.to_str().unwrap()]).status.success());
    }
}

/// More files are hidden than the volume guard accepts as removed, the grace period is zero, and the ignore
/// file changes from bad to worse to good: no edits are lost, and nothing is shown that may be private.
#[test]
fn hidden_items_are_kept_until_the_file_is_corrected() {
    let mut photos: Vec<String> = (0..60).map(|n| format!("bad/{n:02}.jpg")).collect();
    photos.extend(["bad/private/p.jpg".into(), "ok/o.jpg".into()]);
    let b = Bench::with(&photos.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(b.index(0)["new"], 62);
    b.title(&b.at("bad/00.jpg"), "kept");
    std::fs::write(b.at("bad/.albumenignore"), "/private/\n\n{{{{\n").unwrap();
    for _ in 0..3 {
        // The rows of removed items expire at once: after a second the grace period is over.
        let run = b.index(1);
        assert_eq!((&run["not_walked"], &run["removed"], &run["failed"]), (&1.into(), &0.into(), &0.into()));
        assert_eq!(b.names(), ["o.jpg"]);
        let failures = b.failures();
        assert_eq!(failures.len(), 1, "{failures:?}");
        let row = &failures[0];
        assert!(row["path"].as_str().unwrap().ends_with("/bad/.albumenignore"), "{row}");
        assert_eq!((&row["line"], &row["fault"]), (&3.into(), &"ignore_file".into()), "{row}");
        let status = b.status();
        assert_eq!(
            (&status["not_walked"], &status["problems"][0]["line"]),
            (&1.into(), &3.into()),
            "{status}"
        );
        Database::open(&b.dir.path().join("index")).vanish_earlier(1000);
    }
    // A copy that appears meanwhile is not a move: the original exists.
    std::fs::copy(b.at("bad/00.jpg"), b.at("ok/copy.jpg")).unwrap();
    b.index(1);
    assert_eq!(b.shown()[0], ("copy.jpg".to_owned(), None));
    std::fs::remove_file(b.at("ok/copy.jpg")).unwrap();
    // One is deleted while it is hidden.
    std::fs::remove_file(b.at("bad/59.jpg")).unwrap();
    b.index(1);
    std::fs::write(b.at("bad/.albumenignore"), "/private/\n").unwrap();
    b.index(0);
    let shown = b.shown();
    assert_eq!(shown.len(), 60, "{shown:?}");
    assert_eq!(shown[0], ("00.jpg".to_owned(), Some("kept".to_owned())));
    assert!(!b.names().contains(&"p.jpg".to_owned()), "the rule is honoured");
    assert_eq!((b.failures().len(), &b.status()["not_walked"]), (0, &0.into()));
    assert_eq!(b.status()["problems"].as_array().unwrap().len(), 0);
    assert_eq!(Database::open(&b.dir.path().join("index")).rows("hidden_files"), 0);
}

/// The forms in which editors of all systems write such a file.
#[test]
fn what_editors_write_is_honoured() {
    let b = Bench::with(&["private/p.jpg", "a.png.jpg", "b.jpg"]);
    for text in [
        "/private/\na.*\n",
        "\u{feff}/private/\r\na.*\r\n",
        "/private/\ra.*",
        "\u{feff}# x\n/private/   \na.*",
    ] {
        std::fs::write(b.at(".albumenignore"), text).unwrap();
        b.index(0);
        assert_eq!(b.names(), ["b.jpg"], "{text:?}");
    }
}

/// The program continues with other folders, with an ignore file that once overflowed its stack or took
/// hundreds of megabytes.
#[test]
fn a_hostile_file_costs_no_memory_and_no_stack() {
    let b = Bench::with(&["a/1.jpg", "b/2.jpg", "c/3.jpg", "d/4.jpg"]);
    let deep = |n: usize| format!("{}a{}", "{".repeat(n), "}".repeat(n));
    std::fs::write(b.at("a/.albumenignore"), deep(60_000)).unwrap();
    std::fs::write(b.at("b/.albumenignore"), "*a*b*c*d\n".repeat((1 << 20) / 9)).unwrap();
    std::fs::write(b.at("c/.albumenignore"), "*.png\n".repeat(9000)).unwrap();
    let run = b.index(1);
    assert_eq!((b.names(), &run["not_walked"]), (vec!["3.jpg".to_owned(), "4.jpg".to_owned()], &2.into()));
    let peak = run["peak_pss_bytes"].as_u64().unwrap();
    assert!(peak < 64 << 20, "{peak} bytes");
}

/// Permissions do not restrict root, so the program runs as another user.
#[test]
fn one_that_may_not_be_read_hides_its_folder() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
    };
    let b = Bench::with(&["bad/private/1.jpg", "bad/2.jpg", "ok/3.jpg"]);
    std::fs::write(b.at("bad/.albumenignore"), "/private/\n").unwrap();
    mode(b.dir.path(), 0o777);
    let programs = tempfile::tempdir().unwrap();
    mode(programs.path(), 0o755);
    for program in [PathBuf::from(env!("CARGO_BIN_EXE_albumen")), worker_program()] {
        let to = programs.path().join(program.file_name().unwrap());
        std::fs::copy(&program, &to).unwrap();
        mode(&to, 0o755);
    }
    let run = |code: i32| {
        let out = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(programs.path().join("albumen"))
            .arg("--index")
            .arg(b.dir.path().join("index"))
            .args(["index", "--no-recognise", "--json"])
            .arg(b.at(""))
            .env("HOME", b.dir.path())
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(code), "{}", String::from_utf8_lossy(&out.stderr));
    };
    run(0);
    assert_eq!(b.names(), ["2.jpg", "3.jpg"]);
    mode(&b.at("bad/.albumenignore"), 0o000);
    run(1);
    assert_eq!(b.names(), ["3.jpg"]);
    assert!(b.failures()[0]["reason"].as_str().unwrap().contains("permission"));
    mode(&b.at("bad/.albumenignore"), 0o644);
    run(0);
    assert_eq!(b.names(), ["2.jpg", "3.jpg"]);
}
