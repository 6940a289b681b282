//! Which media file of a folder a sidecar belongs to, decided by names alone.

use albumen_core::vocabulary::{Format, Kind};
use std::collections::{BTreeMap, HashMap};

/// Takeout cuts a JSON's name to 46 characters before `.json`.
const TAKEOUT_NAME: usize = 46;

/// What Takeout puts between a photo's name and `.json` since 2024, cut from the end where the name is long.
const SUPPLEMENTAL: &str = ".supplemental-metadata";

/// The names of a folder's media files, for [`MediaNames::owner_of`]: a folder may hold tens of thousands, with a sidecar each.
pub struct MediaNames {
    /// In lower case, as the others.
    names: Vec<String>,
    exact: HashMap<String, usize>,
    of_stem: HashMap<String, Vec<usize>>,
    /// By the number of a double, and the name without it.
    numbered: BTreeMap<(String, String), usize>,
    /// By the number of a double, and the name without it and without its extension.
    numbered_stems: HashMap<(String, String), usize>,
}

impl MediaNames {
    pub fn new(media: &[&[u8]]) -> MediaNames {
        let names: Vec<String> = media.iter().map(|m| lower(m)).collect();
        let mut all = MediaNames {
            exact: HashMap::with_capacity(names.len()),
            of_stem: HashMap::with_capacity(names.len()),
            numbered: BTreeMap::new(),
            numbered_stems: HashMap::with_capacity(names.len()),
            names: Vec::new(),
        };
        // Of several that are alike the first.
        for (i, name) in names.iter().enumerate() {
            all.exact.entry(name.clone()).or_insert(i);
            let Some((stem, ext)) = split_extension(name) else { continue };
            all.of_stem.entry(stem.to_owned()).or_default().push(i);
            let (bare, number) = split_number(stem);
            let number = number.unwrap_or_default().to_owned();
            all.numbered.entry((number.clone(), format!("{bare}.{ext}"))).or_insert(i);
            all.numbered_stems.entry((number, bare.to_owned())).or_insert(i);
        }
        MediaNames { names, ..all }
    }

    /// Which of the media files a sidecar belongs to.
    ///
    /// `name.xmp` and `name.ext.xmp`; Takeout's `name.ext.json`, `name.ext.supplemental-metadata.json`, both cut to
    /// 46 characters, and the number of a double that Takeout moves: `name.ext(1).json` for `name(1).ext`. A name
    /// with its extension beats a stem; see `first_of_stem` for several files of one stem.
    pub fn owner_of(&self, sidecar_name: &[u8]) -> Option<usize> {
        let sidecar = lower(sidecar_name);
        let (base, kind) = split_extension(&sidecar)?;
        let exact = self.exact.get(base).copied();
        match kind {
            "xmp" => exact.or_else(|| self.first_of_stem(base)),
            "json" => exact.or_else(|| self.takeouts(base)),
            _ => None,
        }
    }

    fn takeouts(&self, base: &str) -> Option<usize> {
        // `name.jpg(1)` is for `name(1).jpg`, also with the supplement between.
        let (bare, number) = split_number(base);
        let key = |name: &str| (number.unwrap_or_default().to_owned(), name.to_owned());
        // The whole name, or with any beginning of the supplement, as far as the cut leaves it.
        let full = (0..=SUPPLEMENTAL.len()).filter_map(|n| {
            let name = bare.strip_suffix(&SUPPLEMENTAL[..n])?;
            self.numbered.get(&key(name)).copied()
        });
        if let Some(i) = full.min() {
            return Some(i);
        }
        // Takeout cuts what is longer, so that the base is a beginning of the name.
        if bare.chars().count() >= TAKEOUT_NAME - number.map_or(0, str::len) {
            let from = key(bare);
            let begun = self.numbered.range(from.clone()..);
            let begun = begun.take_while(|((n, name), _)| *n == from.0 && name.starts_with(bare));
            if let Some(i) = begun.map(|(_, i)| *i).min() {
                return Some(i);
            }
        }
        // Edited copies share the original's JSON; a live photo's movie the still's.
        let name = bare.split(SUPPLEMENTAL_START).next().unwrap_or(bare);
        let stem = split_extension(name).map_or(bare, |(stem, _)| stem);
        self.numbered_stems.get(&key(stem)).copied()
    }

    /// The first file of a stem, in the order of names: pictures that everything shows before RAW files before
    /// videos. Of a RAW and a JPEG that are one item the JPEG is what a person sees, and Lightroom names the RAW's
    /// sidecar by the stem.
    fn first_of_stem(&self, stem: &str) -> Option<usize> {
        let rank = |name: &str| {
            let ext = split_extension(name).map_or("", |(_, ext)| ext);
            let format = Format::all().find(|f| f.extensions().contains(&ext));
            format.map_or(3, |f| if f.kind() == Kind::Video { 2 } else { u8::from(f.is_raw()) })
        };
        let fits = self.of_stem.get(stem)?.iter().map(|&i| (rank(&self.names[i]), self.names[i].as_str(), i));
        fits.min().map(|f| f.2)
    }
}

const SUPPLEMENTAL_START: &str = ".supp";

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_lowercase()
}

fn split_extension(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(stem, ext)| !stem.is_empty() && !ext.is_empty())
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

    fn owner<'a>(sidecar: &str, media: &[&'a str]) -> Option<&'a str> {
        let names: Vec<&[u8]> = media.iter().map(|m| m.as_bytes()).collect();
        MediaNames::new(&names).owner_of(sidecar.as_bytes()).map(|i| media[i])
    }

    #[test]
    fn xmp_by_name_and_by_stem() {
        let media = ["IMG_1.MOV", "IMG_1.CR2", "IMG_1.jpg", "IMG_2.jpg"];
        assert_eq!(owner("IMG_1.jpg.xmp", &media), Some("IMG_1.jpg"));
        assert_eq!(owner("IMG_1.xmp", &media), Some("IMG_1.jpg"));
        assert_eq!(owner("IMG_1.xmp", &media[..2]), Some("IMG_1.CR2"));
        assert_eq!(owner("img_2.XMP", &media), Some("IMG_2.jpg"));
        assert_eq!(owner("IMG_3.xmp", &media), None);
    }

    #[test]
    fn takeout_with_cut_and_numbered_names() {
        for (json, media) in [
            ("IMG_1.jpg.json", "IMG_1.jpg"),
            ("IMG_1.jpg.supplemental-metadata.json", "IMG_1.jpg"),
            ("IMG_1.jpg.supplemental-meta.json", "IMG_1.jpg"),
            ("IMG_1.jpg.suppl.json", "IMG_1.jpg"),
            ("IMG_1.jpg(1).json", "IMG_1(1).jpg"),
            ("IMG_1.jpg.supplemental-metadata(1).json", "IMG_1(1).jpg"),
            ("IMG_1(1).jpg.json", "IMG_1(1).jpg"),
            // 46 characters, cut within the name or the extension.
            (
                "5d7f8a90-1234-4c3a-9b1e-0123456789ab_original_.json",
                "5d7f8a90-1234-4c3a-9b1e-0123456789ab_original_1.jpg",
            ),
            (
                "Screenshot_20230701-102030_Some Application Na.json",
                "Screenshot_20230701-102030_Some Application Name.png",
            ),
        ] {
            assert_eq!(owner(json, &["other.jpg", media]), Some(media), "{json}");
        }
        let doubles = ["IMG_1.jpg", "IMG_1(1).jpg", "IMG_1.mp4"];
        assert_eq!(owner("IMG_1.jpg.json", &doubles), Some("IMG_1.jpg"));
        assert_eq!(owner("IMG_1.jpg(1).json", &doubles), Some("IMG_1(1).jpg"));
        assert_eq!(owner("metadata.json", &doubles), None);
        assert_eq!(owner("IMG_1.heic.json", &["IMG_1.mp4"]), Some("IMG_1.mp4"));
    }

    /// The rules of Takeout's names one after the other over the whole folder, as [`MediaNames`] must answer by looking up.
    fn by_looking_at_all(sidecar: &str, media: &[String]) -> Option<usize> {
        let (base, _) = split_extension(sidecar)?;
        let (bare, number) = split_number(base);
        let candidates: Vec<(usize, String)> = media
            .iter()
            .enumerate()
            .filter_map(|(i, m)| {
                let (stem, ext) = split_extension(m)?;
                let (stem, own) = split_number(stem);
                (own == number).then(|| (i, format!("{stem}.{ext}")))
            })
            .collect();
        let stem_of = |name: &str| split_extension(name).map(|(s, _)| s.to_owned());
        let full = |name: &str| bare.strip_prefix(name).is_some_and(|rest| SUPPLEMENTAL.starts_with(rest));
        let cut = bare.chars().count() >= TAKEOUT_NAME - number.map_or(0, str::len);
        let stem = stem_of(bare.split(SUPPLEMENTAL_START).next().unwrap_or(bare)).unwrap_or(bare.to_owned());
        let first = |fits: &dyn Fn(&str) -> bool| candidates.iter().find(|(_, n)| fits(n)).map(|(i, _)| *i);
        (media.iter().position(|m| m == base))
            .or_else(|| first(&full))
            .or_else(|| first(&|name| cut && name.starts_with(bare)))
            .or_else(|| first(&|name| stem_of(name).is_some_and(|s| s == stem)))
    }

    proptest::proptest! {
        #[test]
        fn looking_up_finds_what_looking_at_all_does(
            media in proptest::collection::vec("(a|a{45}|b)(a|b|\\.s){0,2}(\\(1\\)|\\(2\\))?\\.(jpg|mp4)", 0..8),
            of in 0usize..8,
            tail in "(|\\.s|\\.supplemental-metadata|\\.suppl)(\\(1\\)|\\(2\\))?",
            kept in 40usize..60,
        ) {
            let name = media.get(of).map_or("a.jpg", String::as_str);
            let base: String = format!("{name}{tail}").chars().take(kept).collect();
            let names: Vec<&[u8]> = media.iter().map(String::as_bytes).collect();
            let sidecar = format!("{base}.json");
            let looked_up = MediaNames::new(&names).owner_of(sidecar.as_bytes());
            proptest::prop_assert_eq!(looked_up, by_looking_at_all(&sidecar, &media));
        }
        #[test]
        fn a_sidecar_named_after_a_file_belongs_to_it(stem in "[a-zA-Z0-9_ -]{1,30}", ext in "(jpg|JPG|heic|mp4)") {
            let media = format!("{stem}.{ext}");
            for tail in [".xmp", ".json", ".supplemental-metadata.json"] {
                proptest::prop_assert_eq!(MediaNames::new(&[b"zz.png", media.as_bytes()]).owner_of(format!("{media}{tail}").as_bytes()), Some(1));
            }
        }
        #[test]
        fn no_names_make_it_panic(a in "\\PC{0,60}", b in "\\PC{0,60}") {
            let names = MediaNames::new(&[b.as_bytes()]);
            let _ = names.owner_of(a.as_bytes());
            let _ = names.owner_of(format!("{a}.json").as_bytes());
        }
    }
}
