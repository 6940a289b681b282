//! `albumen people` and `albumen faces` on a terminal: the output, and that printed commands work. The faces
//! are inserted into the index directly, so that no models are needed.

use crate::support::{Left, run_as_text};
use albumen_index::IndexReader;
use albumen_index::testing::Database;
use image::RgbImage;
use std::path::{Path, PathBuf};

struct Terminal {
    dir: tempfile::TempDir,
}

impl Terminal {
    /// Two folders, each a space of its own, with four photos and one.
    fn new() -> (Terminal, String) {
        let terminal = Terminal { dir: tempfile::tempdir().unwrap() };
        for (folder, photos) in [("mine", 4), ("hers", 1)] {
            std::fs::create_dir(terminal.path(folder)).unwrap();
            for n in 1..=photos {
                let colour = image::Rgb([40 * n, 100, if folder == "mine" { 20 } else { 220 }]);
                let photo = RgbImage::from_pixel(64, 48, colour);
                photo.save(terminal.path(folder).join(format!("{n}.png"))).unwrap();
            }
        }
        let (mine, hers) = (terminal.path("mine"), terminal.path("hers"));
        let (code, _, said) =
            terminal.run(&["index", "--no-recognise", mine.to_str().unwrap(), hers.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{said}");
        (terminal, said)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Left {
        run_as_text(self.dir.path(), &[], arguments)
    }

    /// The output of a command that succeeds.
    fn says(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {out}{err}");
        out
    }

    fn refuses(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {out}{err}");
        err
    }

    /// Runs a command as it was printed.
    fn types(&self, command: &str) -> String {
        let words: Vec<&str> = command.trim().split(' ').collect();
        assert_eq!(words[0], "albumen");
        self.says(&words[1..])
    }

    /// A face whose embedding has these shares of two directions; with its id.
    fn face(&self, photo: &Path, x: f64, shares: [i8; 2]) -> String {
        let embedding: Vec<u8> = (0..128).map(|i| shares[i / 64] as u8).collect();
        let index = self.path("index");
        let file = IndexReader::open(&index).unwrap().find_file(photo).unwrap().expect("an indexed photo");
        let face = Database::open(&index).put_face(file, [x, 0.1, 0.3, 0.4], &embedding);
        face.to_string()
    }
}

/// The command after a word and a colon.
fn command<'t>(text: &'t str, word: &str) -> &'t str {
    let found = text.lines().find_map(|line| line.trim().strip_prefix(word)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("{word} is not in: {text}"))
}

#[test]
fn what_a_terminal_shows_is_enough_to_go_on() {
    let (t, said) = Terminal::new();
    let spaces = [t.path("hers"), t.path("mine")].map(|folder| folder.to_str().unwrap().to_owned());
    assert!(said.contains(&format!("each PATH is a space of its own ({})", spaces.join(", "))), "{said}");
    let [hers, mine] = &spaces;
    let photo = |name: &str| t.path("mine").join(name);
    let anna = t.face(&photo("1.png"), 0.1, [100, 0]);
    t.face(&photo("2.png"), 0.1, [100, 0]);
    // A little too far from her to join.
    let near = t.face(&photo("3.png"), 0.1, [42, 92]);
    let other = t.face(&photo("4.png"), 0.1, [-100, 0]);

    let named = t.says(&["faces", "assign", &anna, "Anna"]);
    assert!(named.contains("1 more face(s) joined"), "{named}");
    let list = t.says(&["people", "list"]);
    assert!(list.contains(&format!("Anna  2 photo(s), 2 face(s), space {mine}")), "{list}");
    assert!(list.trim().ends_with(photo("1.png").to_str().unwrap()), "a photo is shown: {list}");

    // Waiting faces: only on request, best first, each with its nearest person.
    let (_, _, notice) = t.run(&["faces", "list"]);
    assert!(notice.contains("--waiting"), "{notice}");
    let waiting = t.says(&["faces", "list", "--waiting", "--space", mine]);
    assert_eq!(waiting.lines().count(), 2, "{waiting}");
    assert!(waiting.contains("nearest Anna 0.4"), "{waiting}");
    assert_eq!(t.says(&["faces", "list", "--waiting", "--limit", "1"]).lines().count(), 1);
    assert_eq!(t.says(&["faces", "list", "--waiting", "--space", hers]), "");

    // `why` ends with a verdict and two commands; both work.
    let why = t.says(&["faces", "why", &near]);
    let verdict = why.lines().rev().nth(2).unwrap();
    assert!(verdict.contains("nearest to Anna") && verdict.contains("lacks"), "{why}");
    assert!(t.types(command(&why, "wrong")).contains("is not Anna"));
    t.says(&["people", "undo"]);
    assert!(t.types(command(&why, "right")).contains("is Anna"));
    t.says(&["people", "undo"]);

    // A question shows both photos and its answers.
    let asked = t.says(&["people", "ask"]);
    assert!(asked.contains("Is this Anna?"), "{asked}");
    assert!(["1.png", "3.png"].iter().all(|name| asked.contains(photo(name).to_str().unwrap())), "{asked}");
    for answer in ["no", "not-a-face", "ignore", "yes"] {
        assert!(t.types(command(&asked, answer)).contains("Edit"));
        assert_eq!(t.says(&["people", "ask"]), "No questions.\n", "{answer}");
        let edits = t.says(&["people", "edits", "--limit", "1"]);
        let edit = edits.split("  ").next().unwrap();
        t.says(&["people", "undo", edit]);
        assert_eq!(t.says(&["people", "ask"]), asked, "{answer} was undone");
    }

    // A name is not removed by omitting it; a merge prints the remaining person.
    let refused = t.refuses(&["people", "name", "Anna"]);
    assert!(refused.contains("--remove-name"), "{refused}");
    t.says(&["faces", "assign", &other, "Otto"]);
    let merged = t.says(&["people", "merge", "Anna", "Otto"]);
    assert!(
        merged.contains("Otto") && merged.contains("1 face(s)") && merged.contains("who remains"),
        "{merged}"
    );
    let edits = t.says(&["people", "edits"]);
    assert_eq!(edits.lines().count(), 3, "{edits}");
    assert!(edits.lines().nth(1).unwrap().contains("undo edit"), "what goes first is said: {edits}");

    // Another space's Anna is distinguished by the space.
    let face = t.face(&t.path("hers").join("1.png"), 0.1, [100, 0]);
    t.says(&["faces", "assign", &face, "Anna"]);
    let refused = t.refuses(&["people", "show", "Anna"]);
    assert!(
        refused.contains(&format!("space {mine}, 3 photo(s)"))
            && refused.contains(&format!("space {hers}, 1 photo(s)")),
        "{refused}"
    );
    assert!(t.says(&["people", "show", "Anna", "--space", hers]).contains("1 photo(s)"));
}
