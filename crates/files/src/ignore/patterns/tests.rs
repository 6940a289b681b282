use super::*;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use proptest::prelude::*;

fn set(text: &str) -> Patterns {
    Patterns::of_file(text.as_bytes()).unwrap_or_else(|e| panic!("{text:?}: {e:?}"))
}

fn left_out(patterns: &Patterns, path: &str, is_folder: bool) -> bool {
    patterns.verdict(path.as_bytes(), is_folder) == Some(Verdict::LeftOut)
}

/// The result of the `ignore` crate, which ripgrep uses.
fn oracle(lines: &[String]) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    for line in lines {
        builder.add_line(None, line).ok()?;
    }
    builder.build().ok()
}

#[test]
fn the_syntax_by_example() {
    for (line, yes, no) in [
        ("*.png", &["a.png", "x/y/a.png", ".png"][..], &["a.jpg", "a.png.jpg"][..]),
        ("/drafts/", &["drafts"], &["x/drafts"]),
        ("drafts/", &["drafts", "x/drafts"], &["drafts2"]),
        ("a/b", &["a/b"], &["x/a/b", "a/x/b"]),
        ("**/b", &["b", "a/b", "a/x/b"], &["ab"]),
        ("a/**", &["a/b", "a/b/c"], &["a", "b/a"]),
        ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["a", "z", "a/zz"]),
        ("/**", &["a", "a/b"], &[]),
        ("**", &["a", "a/b"], &[]),
        ("a***z", &["az", "abz"], &["a/z"]),
        ("?.jpg", &["a.jpg", "ä.jpg"], &["ab.jpg", ".jpg"]),
        ("[a-c]*[!0-9].jpg", &["ax.jpg", "c12x.jpg"], &["dx.jpg", "a1.jpg"]),
        ("[äö]x", &["äx", "öx"], &["ax", "üx"]),
        ("[]-]x", &["]x", "-x"], &["[x"]),
        ("[\\]a]x", &["]x", "ax"], &["\\x"]),
        ("[[:digit:]_]x", &["1x", "_x"], &["ax", ":x"]),
        ("[2019", &["[2019"], &["2"]),
        ("*.{jpg,png}", &["a.jpg", "a.png"], &["a.gif", "a."]),
        ("{a,b{c,d}}e", &["ae", "bce", "bde"], &["be", "bcde"]),
        ("IMG{,_1}", &["IMG_1"], &["IMG_2"]),
        ("a,b", &["a,b"], &["a", "b"]),
        ("\\#x", &["#x"], &["x"]),
        ("\\!x", &["!x"], &["x"]),
        ("a\\*", &["a*"], &["ab"]),
        ("with space   ", &["with space"], &["with space "]),
        ("end\\ ", &["end "], &["end"]),
        ("\\{1\\}", &["{1}"], &["1"]),
        ("private", &["private", "a/private"], &["privat", "private2"]),
    ] {
        let patterns = set(line);
        yes.iter().for_each(|path| assert!(left_out(&patterns, path, true), "{line} leaves out {path}"));
        no.iter()
            .for_each(|path| assert!(!left_out(&patterns, path, true), "{line} does not leave out {path}"));
    }
    assert!(!left_out(&set("drafts/"), "drafts", false), "a file");
    for nothing in ["", "# note", "   ", "/", "!", "!/"] {
        assert_eq!(set(nothing).verdict(b"a", true), None, "{nothing:?}");
    }
}

#[test]
fn the_last_word_counts_and_files_may_come_from_anywhere() {
    for end in ["\n", "\r\n", "\r"] {
        for mark in ["", "\u{feff}"] {
            let text = ["*.png", "!keep.png", "/private/", ""].join(end);
            let patterns = set(&format!("{mark}{text}"));
            assert!(left_out(&patterns, "a.png", false), "{mark:?} {end:?}");
            assert_eq!(patterns.verdict(b"x/keep.png", false), Some(Verdict::Kept));
            assert!(left_out(&patterns, "private", true));
        }
    }
}

#[test]
fn what_cannot_be_honoured_is_refused_with_its_line() {
    let deep = |n: usize| format!("{}a,b{}", "{".repeat(n), "}".repeat(n));
    let longest = "x".repeat(LONGEST_LINE);
    let bad: Vec<String> = vec![
        deep(DEEPEST_BRACES + 1),
        deep(300),
        deep(2000),
        "{".repeat(100),
        "{a,{b}".into(),
        "a}".into(),
        "[z-a]".into(),
        "a\\".into(),
        format!("{longest}y"),
        "*".repeat(LONGEST_LINE + 1),
        "{a,b}".repeat(9),
        "{a,b}".repeat(800),
        "a\0b".into(),
        "p\0r\0i\0".into(),
    ];
    for line in bad {
        let refused = Patterns::of_file(format!("/private/\r\n# x\n{line}\n*.png\n").as_bytes()).unwrap_err();
        assert_eq!(refused.line, Some(3), "{:.40}: {}", line, refused.why);
    }
    assert_eq!(Patterns::of_file(b"/private/\ncaf\xe9/\n").unwrap_err().line, Some(2));
    for utf16 in [&b"\xff\xfep\0r\0"[..], b"\xfe\xff\0p\0r"] {
        assert_eq!(Patterns::of_file(utf16).unwrap_err().line, None);
    }
    // Up to the limits, and the longest comment.
    set(&format!("{}\n{longest}\n#{longest}{longest}", deep(DEEPEST_BRACES)));
}

/// A megabyte of each of these once took hundreds of megabytes.
#[test]
fn however_much_there_is_memory_is_bounded() {
    for line in [
        "*a*b*c",
        "**/",
        "a/**/b/**/*c",
        "[a-z][!0-9]?",
        "*.{jpg,png,gif}",
        "private",
        "*",
        "?",
        "/a/b/c/d",
        "!x*",
        "ä*",
    ] {
        let mut patterns = Patterns::default();
        let mut lines = 0;
        while lines < (1 << 20) / (line.len() + 1) && patterns.add_line(line.as_bytes()).is_ok() {
            lines += 1;
        }
        assert!(patterns.memory() <= MOST_MEMORY + 2 * LONGEST_LINE, "{line}: {} bytes", patterns.memory());
        assert!(patterns.wildcards() <= MOST_WILDCARDS + 2 * LONGEST_LINE, "{line}");
        assert!(lines > 1000, "{line}: ordinary files have far less, {lines} were honoured");
    }
}

/// A matcher that backtracks at each star would take exponential time.
#[test]
fn stars_are_not_multiplied() {
    let name = "a".repeat(255);
    let path = vec!["a"; 256].join("/");
    for (line, subject) in [
        (format!("{}b", "*a".repeat(100)), &name),
        (format!("{}b", "*?".repeat(100)), &name),
        (format!("{}b", "*[a-c]".repeat(100)), &name),
        (format!("/{}b", "**/a/".repeat(100)), &path),
        (format!("/{}b", "**/*a*/".repeat(100)), &path),
    ] {
        assert!(!left_out(&set(&line), subject, true), "{line}");
    }
    assert!(left_out(&set(&"*a".repeat(100)), &name, true));
    assert!(left_out(&set(&format!("/{}a", "**/a/".repeat(100))), &path, true));
}

/// `//` is not a path, and ripgrep interprets a `**` beside braces as two stars in one place and as folders in
/// another.
fn odd(line: &str) -> bool {
    line.contains("//") || (line.contains("**") && line.contains('{'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Ordinary patterns have the same meaning as in ripgrep.
    #[test]
    fn ordinary_patterns_are_read_as_by_ripgrep(
        lines in prop::collection::vec(
            r"!?/?((\*\*/)?([a-c]|\*|\?|\[[!^]?[a-c](-c)?[0-1]?\]|\\[a*]|\{[a-c],[a-c*]{1,3}\}|\.){1,4}/?){1,3}(\*\*)?"
                .prop_filter("read by ripgrep in two ways", |line| !odd(line)),
            1..4),
        paths in prop::collection::vec("([a-c01*][a-c01.*]{0,3}/){0,3}[a-c01*][a-c01.*]{0,2}", 1..8),
        is_folder in any::<bool>(),
    ) {
        let Some(oracle) = oracle(&lines) else { return Ok(()) };
        let patterns = set(&lines.join("\n"));
        // There a negated class also matches a slash; in git it does not.
        let negated = lines.iter().any(|l| l.contains("[!") || l.contains("[^"));
        for path in paths.iter().filter(|path| !(negated && path.contains('/'))) {
            let wanted = match oracle.matched(path, is_folder) {
                Match::None => None,
                Match::Ignore(_) => Some(Verdict::LeftOut),
                Match::Whitelist(_) => Some(Verdict::Kept),
            };
            prop_assert_eq!(patterns.verdict(path.as_bytes(), is_folder), wanted, "{:?} on {}", lines, path);
        }
    }

    /// Any file and any path give a result within the bounds.
    #[test]
    fn anything_is_answered(
        text in prop::collection::vec(prop_oneof![
            Just(b'{'), Just(b'}'), Just(b','), Just(b'*'), Just(b'?'), Just(b'['), Just(b']'), Just(b'/'), Just(b'\\'),
            Just(b'-'), Just(b'!'), Just(b':'), Just(b'\n'), Just(b'a'), any::<u8>(),
        ], 0..200),
        path in prop::collection::vec(prop_oneof![Just(b'a'), Just(b'/'), any::<u8>()], 1..60),
    ) {
        if let Ok(patterns) = Patterns::of_file(&text) {
            let _ = patterns.verdict(&path, true);
            prop_assert!(patterns.memory() <= MOST_MEMORY);
        }
    }
}
