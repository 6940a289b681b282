//! The original of an edited copy, by the copy's name: Apple's `IMG_E1234`, Google's `name-edited`.
//!
//! Decided by names alone, so that the engine can use it.

use crate::names::{nfc, split_number};
use unicode_normalization::UnicodeNormalization;

/// The suffixes of Google Photos' edited copies, in the known languages.
const TAILS: [&str; 9] = [
    "-edited",
    "-bearbeitet",
    "-edit\u{e9}",
    "-modifi\u{e9}",
    "-modifi\u{e9}e",
    "-editado",
    "-bewerkt",
    "-modificato",
    "-edytowane",
];

/// The name of the original according to a copy's name; the file need not exist. The number of a duplicate
/// comes after the suffix: `a-edited(1).jpg` is made from `a(1).jpg`.
pub fn original_name(name: &str) -> Option<String> {
    let (stem, ext) = name.rsplit_once('.')?;
    if let Some(number) = stem.strip_prefix("IMG_E")
        && number.len() >= 4
        && number.bytes().all(|b| b.is_ascii_digit())
    {
        return Some(format!("IMG_{number}.{ext}"));
    }
    let (stem, number) = split_number(stem);
    let original = TAILS.iter().find_map(|tail| stem.strip_suffix(tail)).filter(|s| !s.is_empty())?;
    Some(format!("{original}{}.{ext}", number.unwrap_or_default()))
}

/// The stems of which a stem may be an edited copy: without a hyphen and the words after it, in any language,
/// the shortest suffix first. Google writes no JSON for such a copy, so a file without a JSON, beside a file
/// of such a stem with one, is a copy of it; the names alone are not sufficient. Takeout cuts long names, and
/// with them the suffix.
pub fn original_stems(stem: &str) -> Vec<String> {
    /// Takeout cuts names to this many UTF-16 units.
    const CUT: usize = 46;
    const LONGEST_TAIL: usize = 40;
    let (bare, number) = split_number(stem);
    let is_word = |c: char| !c.is_ascii_digit() && !c.is_control();
    let mut stems = Vec::new();
    for (at, _) in bare.rmatch_indices('-') {
        let (original, tail) = (&bare[..at], &bare[at + 1..]);
        if original.is_empty() || tail.chars().count() > LONGEST_TAIL || !tail.chars().all(is_word) {
            break;
        }
        let is_cut = tail.is_empty() && bare.encode_utf16().count() >= CUT;
        if tail.chars().any(char::is_alphabetic) || is_cut {
            stems.push(format!("{original}{}", number.unwrap_or_default()));
        }
    }
    stems
}

/// A name in its own bytes, and in each of the normal forms that it may have elsewhere.
pub fn forms(name: &str) -> Vec<String> {
    let mut forms = vec![name.to_owned()];
    if !name.is_ascii() {
        for form in [nfc(name), name.nfd().collect()] {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_of_words_may_be_an_edited_copys() {
        for (stem, originals) in [
            ("A05-\u{7DE8}\u{96C6}\u{6E08}\u{307F}", &["A05"][..]),
            ("A06-ha editado", &["A06"]),
            ("A06-ha editado(2)", &["A06(2)"]),
            ("IMG-1-effects", &["IMG-1"]),
            ("a-b c-d", &["a-b c", "a"]),
            ("2019-07-01", &[]),
            ("-edited", &[]),
            ("a-", &[]),
            (
                "Screenshot_20230701_102030_Some Application N-",
                &["Screenshot_20230701_102030_Some Application N"],
            ),
        ] {
            assert_eq!(original_stems(stem), originals, "{stem}");
        }
        assert_eq!(forms("Ko\u{308}ln").len(), 2);
    }

    proptest::proptest! {
        /// For suffixes in any language, cut anywhere.
        #[test]
        fn tails_in_made_up_languages(
            stem in "[A-Za-z0-9_\u{4e00}-\u{4eff}\u{e0}-\u{fc}]{1,40}",
            tail in "[\u{61}-\u{7a}\u{c0}-\u{d6}\u{5d0}-\u{5ea}\u{3041}-\u{3096}\u{ac00}-\u{ac80}]{2,12}( [a-z\u{430}-\u{44f}]{1,8})?",
            number in proptest::option::of(1usize..100), cut in 1usize..20,
        ) {
            let number = number.map(|n| format!("({n})")).unwrap_or_default();
            let tail: String = tail.chars().take(cut).collect();
            proptest::prop_assume!(tail.ends_with(char::is_alphabetic));
            let original = format!("{stem}{number}");
            proptest::prop_assert_eq!(original_stems(&format!("{stem}-{tail}{number}")), [original]);
        }

        #[test]
        fn no_name_makes_it_panic(name in "\\PC{0,60}") {
            let _ = (original_stems(&name), original_name(&name), forms(&name));
        }
    }

    #[test]
    fn originals_are_named() {
        for (copy, original) in [
            ("IMG_E1234.JPG", Some("IMG_1234.JPG")),
            ("a-edited.jpg", Some("a.jpg")),
            ("a-bearbeitet(2).jpg", Some("a(2).jpg")),
            ("-edited.jpg", None),
            ("IMG_1234.JPG", None),
        ] {
            assert_eq!(original_name(copy).as_deref(), original, "{copy}");
        }
    }
}
