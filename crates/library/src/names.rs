//! Names of files, and the similarity of two names: the same bytes, the same text in Unicode's normal form,
//! or the same text ignoring case.
//!
//! Promises: pure functions; a name that is not UTF-8 matches only itself.

use unicode_normalization::{UnicodeNormalization, is_nfc, is_nfd};

/// The similarity of two names, closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Likeness {
    Same,
    /// The same text in another normal form: macOS changes names in this way.
    Canonical,
    /// The same text, ignoring case.
    Folded,
}

impl Likeness {
    pub const ALL: [Likeness; 3] = [Likeness::Same, Likeness::Canonical, Likeness::Folded];

    /// The key that two texts of this similarity share.
    pub fn key(self, text: &str) -> String {
        match self {
            Likeness::Same => text.to_owned(),
            Likeness::Canonical => nfc(text),
            Likeness::Folded => fold(text),
        }
    }

    /// The similarity of two texts with the same [`fold`].
    pub fn of(a: &str, b: &str) -> Likeness {
        if a == b {
            Likeness::Same
        } else if !(a.is_ascii() && b.is_ascii()) && nfc(a) == nfc(b) {
            Likeness::Canonical
        } else {
            Likeness::Folded
        }
    }
}

/// A name as text. Invalid UTF-8 bytes are mapped to characters of a private range, so that different names
/// stay different.
pub fn decode(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        Err(_) => name
            .utf8_chunks()
            .flat_map(|chunk| {
                let broken = chunk.invalid().iter().filter_map(|b| char::from_u32(BROKEN + u32::from(*b)));
                chunk.valid().chars().chain(broken)
            })
            .collect(),
    }
}

/// The start of the last private range of Unicode.
const BROKEN: u32 = 0x10_0000;

/// Whether a character represents a byte of invalid UTF-8, or a replacement character.
pub fn is_broken(c: char) -> bool {
    c == '\u{FFFD}' || (BROKEN..BROKEN + 256).contains(&u32::from(c))
}

/// Unicode's composed form.
pub fn nfc(text: &str) -> String {
    if text.is_ascii() || is_nfc(text) { text.to_owned() } else { text.nfc().collect() }
}

/// Case-folded and decomposed: the fold of any prefix of a text is a prefix of the text's fold.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Upper and lower case in turn equal Unicode's full folding: one character may become several, and the
    // final sigma equals the other.
    let folded = text.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect::<String>();
    if is_nfd(&folded) { folded } else { folded.nfd().collect() }
}

/// A name before and after its last dot; neither is empty.
pub fn split_extension(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(stem, ext)| !stem.is_empty() && !ext.is_empty())
}

/// The name without its extension.
pub fn stem(name: &str) -> &str {
    split_extension(name).map_or(name, |(stem, _)| stem)
}

/// `name(1)` into `name` and `(1)`.
pub fn split_number(name: &str) -> (&str, Option<&str>) {
    if let Some(open) = name.rfind('(')
        && let Some(digits) = name[open + 1..].strip_suffix(')')
        && !digits.is_empty()
        && digits.len() <= 4
        && digits.bytes().all(|b| b.is_ascii_digit())
    {
        return (&name[..open], Some(&name[open..]));
    }
    (name, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_alike_names_are() {
        for (a, b, like) in [
            ("a.jpg", "a.jpg", Likeness::Same),
            ("K\u{f6}ln", "Ko\u{308}ln", Likeness::Canonical),
            ("a.jpg", "A.JPG", Likeness::Folded),
            ("K\u{d6}LN", "ko\u{308}ln", Likeness::Folded),
            ("\u{39f}\u{394}\u{39f}\u{3a3}", "\u{3bf}\u{3b4}\u{3bf}\u{3c2}", Likeness::Folded),
            ("Stra\u{df}e", "STRASSE", Likeness::Folded),
            ("\u{d55c}\u{ad6d}", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}", Likeness::Canonical),
        ] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
            assert_eq!(Likeness::of(a, b), like, "{a} {b}");
        }
        assert_ne!(decode(b"a\xff"), decode(b"a\xfe"));
        assert_eq!(split_number("a(1)"), ("a", Some("(1)")));
        assert_eq!(split_number("a(x)"), ("a(x)", None));
    }

    proptest::proptest! {
        #[test]
        fn normal_forms_and_cases_fold_alike(text in "[a-z\u{e0}-\u{17e}\u{370}-\u{3ff}\u{400}-\u{4ff}\u{3040}-\u{30ff}\u{ac00}-\u{d7a3}]{1,12}") {
            let forms = [text.nfc().collect::<String>(), text.nfd().collect(), text.to_uppercase(), text.to_lowercase()];
            for form in &forms {
                proptest::prop_assert_eq!(fold(form), fold(&text));
            }
            proptest::prop_assert!(Likeness::of(&forms[0], &forms[1]) <= Likeness::Canonical);
        }

        #[test]
        fn the_fold_of_a_beginning_is_a_beginning_of_the_fold(text in "\\PC{0,12}", cut in 0usize..12) {
            // Combining marks are reordered with those before the cut: a cut must not precede one.
            let begun: String = text.chars().take(cut).collect();
            let next = text.chars().nth(cut);
            let is_mark = next.is_some_and(|c| unicode_normalization::char::canonical_combining_class(c) != 0
                || unicode_normalization::char::is_combining_mark(c));
            if !is_mark {
                proptest::prop_assert!(fold(&text).starts_with(&fold(&begun)));
            }
        }
    }
}
