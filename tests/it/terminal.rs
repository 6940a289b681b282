//! What the commands print for people: several lines where there are several facts, and no control character of a
//! file's name or text.

use crate::support::{ROOT, run_as_text};
use std::path::{Path, PathBuf};

struct Library(tempfile::TempDir);

impl Library {
    fn photo(&self, name: &str) -> PathBuf {
        let photos = self.0.path().join("photos");
        std::fs::create_dir_all(&photos).unwrap();
        let path = photos.join(name);
        std::fs::copy(Path::new(ROOT).join("testdata/kinds/grey.jpg"), &path).unwrap();
        path
    }

    /// Standard output and standard error of a command that ends with `code`.
    fn printed(&self, arguments: &[&str], code: i32) -> String {
        let (left, out, err) = run_as_text(self.0.path(), &[], arguments);
        assert_eq!(left, Some(code), "{arguments:?}: {out}{err}");
        out + &err
    }

    fn index(&self, code: i32) -> String {
        let photos = self.0.path().join("photos");
        self.printed(&["index", "--no-recognise", photos.to_str().unwrap()], code)
    }
}

#[test]
fn show_prints_a_fact_a_line() {
    let library = Library(tempfile::tempdir().unwrap());
    let photo = library.photo("1.jpg");
    let photo = photo.to_str().unwrap();
    library.index(0);
    let text = library.printed(&["show", photo], 0);
    assert!(text.lines().any(|line| line == "  \"width\": 480,"), "{text}");
    let json = library.printed(&["show", photo, "--json"], 0);
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parsed(&text), parsed(&json));
}

/// Newlines, escape sequences and the characters that reverse text: in names of files and in what users wrote.
#[test]
fn no_control_character_of_a_name_reaches_the_terminal() {
    let library = Library(tempfile::tempdir().unwrap());
    let photo = library.photo("a\nb\u{1b}[31mc\u{202e}gpj.jpg");
    let photo = photo.to_str().unwrap();
    let broken = library.photo("broken\r\n\x1b]0;x\x07.jpg");
    std::fs::write(&broken, b"\xFF\xD8\xFF\xE0 no picture").unwrap();
    let printed = [
        library.index(1),
        library.printed(&["edit", "--title", "x\u{1b}[2J\u{2066}y", photo], 0),
        library.printed(&["show", photo], 0),
        library.printed(&["failures"], 0),
        library.printed(&["search", "gpj"], 0),
    ]
    .concat();
    let acting =
        |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{2066}';
    assert!(!printed.contains(acting), "{printed:?}");
    assert!(!printed.lines().any(|line| line.starts_with('b')), "the name was cut into lines: {printed}");
}
