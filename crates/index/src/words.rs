//! Normalisation of words for search: folds case and marks, separates digits from letters, and splits scripts without
//! spaces into pairs of characters. Indexed text and queries are normalised alike; FTS5 only splits the result at its
//! spaces.
//!
//! Promises: pure functions; a text is found by each of its words, by the digits in a word, and in Chinese, Japanese,
//! Korean and Thai by any substring of one or more characters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// Letters that Unicode does not decompose into a letter with a mark, and what users type instead.
const LETTERS: &[(char, &str)] = &[
    ('\u{e6}', "ae"),
    ('\u{153}', "oe"),
    ('\u{f8}', "o"),
    ('\u{111}', "d"),
    ('\u{f0}', "d"),
    ('\u{142}', "l"),
    ('\u{131}', "i"),
    ('\u{127}', "h"),
    ('\u{167}', "t"),
    ('\u{fe}', "th"),
    ('\u{14b}', "n"),
    ('\u{180}', "b"),
    ('\u{268}', "i"),
    ('\u{237}', "j"),
    // Arabic: letters that are written for each other, and the stroke that only lengthens a word.
    ('\u{649}', "\u{64a}"),
    ('\u{6cc}', "\u{64a}"),
    ('\u{6a9}', "\u{643}"),
    ('\u{629}', "\u{647}"),
    ('\u{640}', ""),
];

/// The zeros of decimal digits in other scripts; the other nine follow each.
const ZEROS: &[u32] = &[
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0xF20,
    0x1040, 0x17E0,
];

/// Classes of characters that separate words, digits and signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    /// A character of a script without spaces between words.
    Sign,
    Other,
}

fn class(c: char) -> Class {
    match c {
        '0'..='9' => Class::Digit,
        // Thai, Lao, Burmese, Khmer; kana; Han; Hangul, which has spaces, but between units larger than words.
        '\u{E00}'..='\u{E7F}'
        | '\u{E80}'..='\u{EFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{30FF}'
        | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}'
            if c != '\u{30FB}' && c != '\u{E3F}' =>
        {
            Class::Sign
        }
        c if c.is_alphanumeric() || is_mark(c) => Class::Letter,
        _ => Class::Other,
    }
}

fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// Whether users omit a mark when they type: accents, vowel points, tones. Not the vowel signs of Indic scripts, which
/// spell the word, nor the marks of kana, which change the sound.
fn is_left_out(c: char) -> bool {
    const VIRAMA: u8 = 9;
    let variation = matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{34F}');
    let class = canonical_combining_class(c);
    variation || (class != 0 && class != VIRAMA && !matches!(c, '\u{3099}' | '\u{309A}'))
}

/// The text without case and marks, in letters and digits that users type.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
        return out;
    }
    // Upper case and then lower case is Unicode's full case folding. The Greek iota subscript is a mark until case is
    // folded.
    let bare = text.nfkd().filter(|c| !is_left_out(*c));
    let lower = bare.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    for c in lower.nfkd().filter(|c| !is_left_out(*c)) {
        let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&u32::from(c)));
        if let Some(digit) = zero.and_then(|zero| char::from_digit(u32::from(c) - zero, 10)) {
            out.push(digit);
        } else if let Some((_, letters)) = LETTERS.iter().find(|(letter, _)| *letter == c) {
            out.push_str(letters);
        } else {
            out.push(c);
        }
    }
    out.nfc().collect()
}

/// Runs of one class, without separators.
fn runs(text: &str) -> impl Iterator<Item = (Class, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c| class(c) == Class::Other);
        let first = class(rest.chars().next()?);
        let end =
            rest.find(|c| class(c) != first && !(first == Class::Sign && is_mark(c))).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        Some((first, run))
    })
}

/// The words of a text for the index, separated by spaces.
pub fn indexed(text: &str) -> String {
    let plain = plain(text);
    let mut out = String::with_capacity(plain.len() + plain.len() / 4);
    for (class, run) in runs(&plain) {
        match class {
            Class::Sign => pairs(run, true, &mut out),
            _ => push(run, &mut out),
        }
    }
    out
}

/// The words of a query, in sequence, and whether the last one matches as a prefix; `None` if there are none.
/// `is_prefix`: the user wrote a star.
pub fn wanted(text: &str, is_prefix: bool) -> Option<(String, bool)> {
    let plain = plain(text);
    let all: Vec<(Class, &str)> = runs(&plain).collect();
    let (last, before) = all.split_last()?;
    let mut out = String::with_capacity(plain.len());
    for (class, run) in before {
        match class {
            Class::Sign => pairs(run, true, &mut out),
            _ => push(run, &mut out),
        }
    }
    // A query may end within a run of signs: its last pair is a token of the run, its last sign alone is not.
    let is_prefix = match last {
        (Class::Sign, run) => {
            pairs(run, false, &mut out);
            run.chars().count() == 1
        }
        (_, run) => {
            push(run, &mut out);
            is_prefix
        }
    };
    Some((out, is_prefix))
}

fn push(word: &str, out: &mut String) {
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str(word);
}

/// Each sign with the next one, and with `whole` also the last alone: so each sign begins a token, and a single sign
/// matches as a prefix.
fn pairs(run: &str, whole: bool, out: &mut String) {
    let signs: Vec<(usize, char)> = run.char_indices().collect();
    for i in 0..signs.len() {
        let from = signs[i].0;
        let until = signs.get(i + 2).map_or(run.len(), |s| s.0);
        if i + 1 < signs.len() || whole || signs.len() == 1 {
            push(&run[from..until], out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_as_people_type_them() {
        for (text, folded) in [
            ("\u{141}\u{f3}d\u{17a}", "lodz"),
            ("Troms\u{f8} og \u{c6}r\u{f8}", "tromso og aero"),
            ("\u{110}\u{e0} N\u{1eb5}ng bi\u{1ec3}n", "da nang bien"),
            ("Stra\u{df}e STRASSE", "strasse strasse"),
            ("\u{130}zmir IRMAK \u{131}rmak", "izmir irmak irmak"),
            ("na\u{ef}ve fa\u{e7}ade \u{153}uvre", "naive facade oeuvre"),
            (
                "\u{395}\u{3bb}\u{3bb}\u{3ac}\u{3c2} \u{395}\u{39b}\u{39b}\u{391}\u{3a3}",
                "\u{3b5}\u{3bb}\u{3bb}\u{3b1}\u{3c3} \u{3b5}\u{3bb}\u{3bb}\u{3b1}\u{3c3}",
            ),
            ("\u{401}\u{436} \u{435}\u{436}", "\u{435}\u{436} \u{435}\u{436}"),
            (
                "\u{645}\u{64f}\u{62d}\u{64e}\u{645}\u{651}\u{64e}\u{62f} \u{623}\u{645}\u{640}\u{64a}",
                "\u{645}\u{62d}\u{645}\u{62f} \u{627}\u{645}\u{64a}",
            ),
            ("\u{5e9}\u{5c1}\u{5b8}\u{5dc}\u{5d5}\u{5b9}\u{5dd}", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}"),
            ("\u{661}\u{662}\u{663}", "123"),
            ("\u{ff29}\u{ff2d}\u{ff27}", "img"),
            ("IMG_4711", "img 4711"),
            ("holidays2018", "holidays 2018"),
            ("50mm F1.8", "50 mm f 1 8"),
            ("C++ & co.", "c co"),
            ("", ""),
        ] {
            assert_eq!(indexed(text), folded, "{text}");
        }
        // The vowel signs of Hindi and the marks of kana are not accents.
        assert_ne!(indexed("\u{926}\u{93f}\u{928}"), indexed("\u{926}\u{93e}\u{928}"));
        assert_ne!(indexed("\u{30ac}\u{30e9}\u{30b9}"), indexed("\u{30ab}\u{30e9}\u{30b9}"));
        assert_eq!(indexed("\u{ff76}\u{ff9e}"), indexed("\u{30ac}"));
    }

    #[test]
    fn scripts_without_spaces_in_pairs() {
        assert_eq!(
            indexed("\u{4EAC}\u{90FD}\u{65C5}\u{884C}2019"),
            "\u{4EAC}\u{90FD} \u{90FD}\u{65C5} \u{65C5}\u{884C} \u{884C} 2019"
        );
        assert_eq!(wanted("\u{4EAC}\u{90FD}", false), Some(("\u{4EAC}\u{90FD}".to_owned(), false)));
        assert_eq!(wanted("\u{884C}", false), Some(("\u{884C}".to_owned(), true)));
        assert_eq!(
            wanted("\u{65C5}\u{884C}2019", false),
            Some(("\u{65C5}\u{884C} \u{884C} 2019".to_owned(), false))
        );
        assert_eq!(wanted("berl", true), Some(("berl".to_owned(), true)));
        assert_eq!(wanted("++", false), None);
    }

    /// Whether FTS5 would find the words, matched like its phrases: tokens in sequence.
    fn finds(text: &str, query: &str) -> bool {
        let Some((words, is_prefix)) = wanted(query, false) else { return false };
        let text = indexed(text);
        let (text, words): (Vec<&str>, Vec<&str>) = (text.split(' ').collect(), words.split(' ').collect());
        text.windows(words.len()).any(|row| {
            row.iter().zip(&words).enumerate().all(|(i, (have, want))| {
                have == want || (is_prefix && i + 1 == words.len() && have.starts_with(want))
            })
        })
    }

    proptest::proptest! {
        /// A text in a script without spaces is found by any of its parts, in any normal form.
        #[test]
        fn parts_of_runs_are_found(
            text in "[\u{4e00}-\u{4eff}\u{3041}-\u{3096}\u{30a1}-\u{30f6}]{1,12}", from in 0usize..12, length in 1usize..12, nfd in proptest::bool::ANY,
            before in "[a-z0-9]{0,4}", after in "[a-z0-9]{0,4}",
        ) {
            let signs: Vec<char> = text.chars().collect();
            let from = from % signs.len();
            let part: String = signs[from..(from + length).min(signs.len())].iter().collect();
            let part: String = if nfd { part.nfd().collect() } else { part };
            let whole = format!("{before}{text}{after}");
            proptest::prop_assert!(finds(&whole, &part), "{} {}", whole, part);
            proptest::prop_assert!(finds(&whole, &whole));
        }

        /// Words are found without case and marks, in any normal form, and so are digits within them.
        #[test]
        fn words_and_their_digits_are_found(
            words in proptest::collection::vec("[A-Za-z\u{c0}-\u{d6}\u{d8}-\u{f6}\u{f8}-\u{13e}\u{141}-\u{17e}\u{388}-\u{38a}\u{3ac}-\u{3ce}\u{400}-\u{45f}]{2,8}[0-9]{0,5}", 1..5), pick in 0usize..5, upper in proptest::bool::ANY,
        ) {
            let text = words.join("_");
            let word = &words[pick % words.len()];
            let typed: String = if upper { word.to_uppercase() } else { word.nfd().collect() };
            proptest::prop_assert!(finds(&text, &typed), "{} {}", text, typed);
            let digits: String = word.chars().filter(char::is_ascii_digit).collect();
            proptest::prop_assert!(digits.is_empty() || finds(&text, &digits));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            proptest::prop_assert!(wanted(&text, false).is_none() || finds(&text, &text), "{}", text);
        }
    }
}
