//! What the commands print for people: several lines where there are several facts, and no control character of a
//! file's name or text.

use crate::support::ROOT;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Library(tempfile::TempDir);

impl Library {
    fn photo(&self, name: &[u8]) -> PathBuf {
        let photos = self.0.path().join("photos");
        std::fs::create_dir_all(&photos).unwrap();
        let path = photos.join(std::ffi::OsStr::from_bytes(name));
        std::fs::copy(Path::new(ROOT).join("testdata/kinds/grey.jpg"), &path).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut c = Command::new(env!("CARGO_BIN_EXE_albumen"));
        c.arg("--index")
            .arg(self.0.path().join("index"))
            .args(arguments)
            .env("XDG_CONFIG_HOME", self.0.path());
        c
    }

    /// Standard output and standard error of a command that ends with `code`.
    fn printed(&self, command: &mut Command, code: i32) -> String {
        let out = command.output().unwrap();
        let both = [out.stdout, out.stderr].concat();
        let text = String::from_utf8(both).unwrap();
        assert_eq!(out.status.code(), Some(code), "{text}");
        text
    }
}

#[test]
fn show_prints_a_fact_a_line() {
    let library = Library(tempfile::tempdir().unwrap());
    let photo = library.photo(b"1.jpg");
    library.printed(library.command(&["index", "--no-recognise"]).arg(photo.parent().unwrap()), 0);
    let text = library.printed(library.command(&["show"]).arg(&photo), 0);
    assert!(text.lines().any(|line| line == "  \"width\": 480,"), "{text}");
    let json = library.printed(library.command(&["show", "--json"]).arg(&photo), 0);
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parsed(&text), parsed(&json));
}

/// Newlines, escape sequences and the characters that reverse text: in names of files and in what users wrote.
#[test]
fn no_control_character_of_a_name_reaches_the_terminal() {
    let library = Library(tempfile::tempdir().unwrap());
    let name = "a\nb\u{1b}[31mc\u{202e}gpj.jpg";
    let photo = library.photo(name.as_bytes());
    let broken = library.photo(b"broken\r\n\x1b]0;x\x07.jpg");
    std::fs::write(&broken, b"\xFF\xD8\xFF\xE0 no picture").unwrap();
    let mut printed =
        library.printed(library.command(&["index", "--no-recognise"]).arg(photo.parent().unwrap()), 1);
    printed += &library.printed(library.command(&["edit", "--title", "x\u{1b}[2J\u{2066}y"]).arg(&photo), 0);
    printed += &library.printed(library.command(&["show"]).arg(&photo), 0);
    printed += &library.printed(&mut library.command(&["failures"]), 0);
    printed += &library.printed(&mut library.command(&["search", "gpj"]), 0);
    let acting =
        |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{2066}';
    assert!(!printed.contains(acting), "{printed:?}");
    assert!(!printed.lines().any(|line| line.starts_with('b')), "the name was cut into lines: {printed}");
}
