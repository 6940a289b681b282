//! What the name of an edited copy says of its original: Apple's `IMG_E1234`, Google's `name-edited`.
//!
//! Decided by names alone, so that the engine can ask it.

use crate::sidecar_names::split_number;

/// What Google Photos puts behind the name of an edited copy, in the languages it was seen in.
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

/// The name of the original that a copy's name claims; whether there is such a file is another question. The number of a
/// double stands behind the tail: `a-edited(1).jpg` is made from `a(1).jpg`.
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

#[cfg(test)]
mod tests {
    use super::original_name;

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
