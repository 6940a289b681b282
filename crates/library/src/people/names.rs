//! Names of people: normalization of input, and comparison of two names. Pure.

use unicode_normalization::UnicodeNormalization;

/// The longest name, in characters.
pub const MOST: usize = 200;

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("the name is empty: give at least one visible character")]
    Empty,
    #[error("the name has {0} characters: {MOST} are the most")]
    TooLong(usize),
}

/// A name as it is stored: composed (NFC), with control characters and line breaks as blanks, and blanks in a row as one.
pub fn clean(name: &str) -> Result<String, NameError> {
    let visible: String = name.nfc().map(|c| if is_blank(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    let name = words.join(" ");
    match name.chars().count() {
        0 => Err(NameError::Empty),
        n if n > MOST => Err(NameError::TooLong(n)),
        _ => Ok(name),
    }
}

/// Control characters, and those that only change the layout of text: direction marks, line separators.
fn is_blank(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The key by which two names are equal: NFC, ignoring case and outer or repeated blanks.
pub fn key(name: &str) -> String {
    let visible: String = name.nfc().map(|c| if is_blank(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    // Upper case first, so that ß and ss, and both forms of a sigma, are equal.
    words.join(" ").to_uppercase().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_compared_composed_without_case_and_blanks() {
        for (a, b) in [
            ("Zoë", "Zoe\u{308}"),
            (" anna  maria ", "Anna Maria"),
            ("STRASSE", "Straße"),
            ("ΝΙΚΟΣ", "Νικος"),
            ("A\nB", "a b"),
        ] {
            assert_eq!(key(a), key(b), "{a} and {b}");
        }
        assert_ne!(key("Anna"), key("Hanna"));
        assert_ne!(key("Zoe"), key("Zoë"));
    }

    #[test]
    fn a_name_is_cleaned_or_refused() {
        assert_eq!(clean(" Anna\r\n\tMaria\u{0} ").unwrap(), "Anna Maria");
        assert_eq!(clean("Zoe\u{308}").unwrap(), "Zoë");
        assert_eq!(clean("\u{1b}[31mAnna\u{202e}").unwrap(), "[31mAnna");
        assert_eq!(clean(" \n\u{7}"), Err(NameError::Empty));
        assert_eq!(clean(&"é".repeat(200)).unwrap().chars().count(), 200);
        assert_eq!(clean(&"x".repeat(201)), Err(NameError::TooLong(201)));
    }

    proptest! {
        #[test]
        fn cleaning_changes_no_key_and_is_done_once(name in "\\PC{0,20}[\\n\\t ]{0,2}\\PC{0,20}") {
            let Ok(cleaned) = clean(&name) else { return Ok(()) };
            prop_assert_eq!(clean(&cleaned).unwrap(), cleaned.clone());
            prop_assert_eq!(key(&cleaned), key(&name));
            prop_assert!(!cleaned.contains(char::is_control));
        }
    }
}
