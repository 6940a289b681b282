//! Words that name a kind of photo, in English and German: `360`, `Live Photo`, `Panoramen`. A search for one matches
//! photos of that kind and text with the word.

use super::query::{Filter, Is};
use super::words;

/// Kinds with their words, normalised like searches.
const KEYWORDS: &[(Named, &[&str])] = &[
    (
        Named::Is(Is::Sphere),
        &[
            "360",
            "360 grad",
            "360 degree",
            "360 degrees",
            "360 video",
            "360 videos",
            "photo sphere",
            "kugelpanorama",
            "kugelpanoramen",
        ],
    ),
    (
        Named::Is(Is::Live),
        &[
            "live photo",
            "live photos",
            "livephoto",
            "livephotos",
            "live foto",
            "live fotos",
            "livefoto",
            "livefotos",
            "live bild",
            "live bilder",
        ],
    ),
    (
        Named::Is(Is::MotionPhoto),
        &[
            "motion photo",
            "motion photos",
            "motionphoto",
            "motion foto",
            "motion fotos",
            "bewegungsfoto",
            "bewegungsfotos",
            "bewegtes foto",
            "bewegte fotos",
            "foto mit bewegung",
            "fotos mit bewegung",
        ],
    ),
    (
        Named::Is(Is::Panorama),
        &[
            "panorama",
            "panoramas",
            "panoramen",
            "pano",
            "panoramafoto",
            "panoramafotos",
            "panoramabild",
            "panoramabilder",
        ],
    ),
    (Named::Is(Is::Hdr), &["hdr"]),
    (
        Named::Is(Is::Raw),
        &["raw", "raws", "rohdatei", "rohdateien", "rohdaten", "rohbild", "rohbilder", "rohformat"],
    ),
    (Named::Video, &["video", "videos", "movie", "movies", "film", "filme"]),
];

/// Words that may follow a keyword without changing its meaning.
const PHOTOS: &[&str] = &[
    "photo",
    "photos",
    "picture",
    "pictures",
    "image",
    "images",
    "file",
    "files",
    "foto",
    "fotos",
    "bild",
    "bilder",
    "aufnahme",
    "aufnahmen",
    "datei",
    "dateien",
    "clip",
    "clips",
];

#[derive(Debug, Clone, Copy)]
enum Named {
    Is(Is),
    Video,
}

/// The filter that the words of a search name; in any case, with or without a hyphen.
pub(crate) fn named(text: &str) -> Option<Filter> {
    let folded = words::indexed(text);
    let find = |words: &str| KEYWORDS.iter().find(|(_, all)| all.contains(&words)).map(|(named, _)| *named);
    let named = find(&folded).or_else(|| {
        let (words, last) = folded.rsplit_once(' ')?;
        find(words).filter(|_| PHOTOS.contains(&last))
    })?;
    Some(match named {
        Named::Is(is) => Filter::Is(is),
        Named::Video => Filter::Kind("video"),
    })
}

/// Maximum number of words in a keyword.
pub(crate) const MOST_WORDS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_guide() {
        for (text, filter) in [
            ("360", Some(Filter::Is(Is::Sphere))),
            ("360\u{b0}", Some(Filter::Is(Is::Sphere))),
            ("360-Grad", Some(Filter::Is(Is::Sphere))),
            ("360\u{b0} Fotos", Some(Filter::Is(Is::Sphere))),
            ("Live Photo", Some(Filter::Is(Is::Live))),
            ("LIVE-FOTOS", Some(Filter::Is(Is::Live))),
            ("Motion Photo", Some(Filter::Is(Is::MotionPhoto))),
            ("Panoramen", Some(Filter::Is(Is::Panorama))),
            ("hdr", Some(Filter::Is(Is::Hdr))),
            ("RAW-Dateien", Some(Filter::Is(Is::Raw))),
            ("Videos", Some(Filter::Kind("video"))),
            ("live", None),
            ("photo", None),
            ("361", None),
            ("", None),
        ] {
            assert_eq!(named(text), filter, "{text}");
        }
        assert!(KEYWORDS.iter().flat_map(|k| k.1).all(|k| k.split(' ').count() <= MOST_WORDS));
        assert!(
            KEYWORDS.iter().flat_map(|k| k.1).all(|k| words::indexed(k) == *k),
            "folded as searches fold"
        );
    }
}
