//! Which media file of a folder a sidecar belongs to, decided by names alone.

use albumen_core::vocabulary::{Format, Kind};
use std::cmp::Ordering;

/// Takeout cuts a JSON's name to 46 characters before `.json`.
const TAKEOUT_NAME: usize = 46;

/// What Takeout puts between a photo's name and `.json` since 2024, cut from the end where the name is long.
const SUPPLEMENTAL: &str = ".supplemental-metadata";

/// The names of a folder's media files, for [`MediaNames::owner_of`]: a folder may hold a hundred thousand, with a sidecar each, so
/// each name is held once and found by binary search.
pub struct MediaNames {
    /// In lower case.
    names: Vec<Box<str>>,
    /// Numbers of names, in order of these and of the numbers: of several that are alike the first is meant.
    exact: Vec<u32>,
    /// In order of stems.
    stems: Vec<u32>,
    /// By the number of a double, and the name without it.
    numbered: Vec<u32>,
    /// By the number of a double, and the name without it and without its extension.
    numbered_stems: Vec<u32>,
}

/// A name in lower case, taken apart; `None` without an extension.
#[derive(Clone, Copy)]
struct Parts<'a> {
    stem: &'a str,
    /// The stem without the number of a double.
    bare: &'a str,
    number: &'a str,
    extension: &'a str,
}

impl<'a> Parts<'a> {
    fn of(name: &'a str) -> Option<Parts<'a>> {
        let (stem, extension) = split_extension(name)?;
        let (bare, number) = split_number(stem);
        Some(Parts { stem, bare, number: number.unwrap_or_default(), extension })
    }

    /// The name without the number of a double.
    fn unnumbered(self) -> impl Iterator<Item = u8> + 'a {
        self.bare.bytes().chain(*b".").chain(self.extension.bytes())
    }
}

impl MediaNames {
    pub fn new(media: &[&[u8]]) -> MediaNames {
        let names: Vec<Box<str>> = media.iter().map(|m| lower(m).into_boxed_str()).collect();
        let parts = |i: u32| Parts::of(&names[i as usize]);
        // A folder has no four thousand million files.
        let mut exact: Vec<u32> = (0..names.len() as u32).collect();
        exact.sort_by(|a, b| names[*a as usize].cmp(&names[*b as usize]));
        let with_extension: Vec<u32> = (0..names.len() as u32).filter(|i| parts(*i).is_some()).collect();
        // Sorting is stable: those that are alike stay in order.
        let sorted = |compare: fn(Parts<'_>, Parts<'_>) -> Ordering| {
            let mut order = with_extension.clone();
            order.sort_by(|a, b| match (parts(*a), parts(*b)) {
                (Some(a), Some(b)) => compare(a, b),
                _ => Ordering::Equal,
            });
            order
        };
        let stems = sorted(|a, b| a.stem.cmp(b.stem));
        let numbered = sorted(|a, b| a.number.cmp(b.number).then_with(|| a.unnumbered().cmp(b.unnumbered())));
        let numbered_stems = sorted(|a, b| (a.number, a.bare).cmp(&(b.number, b.bare)));
        MediaNames { names, exact, stems, numbered, numbered_stems }
    }

    /// Those in an order that is not before something, as `compare` says.
    fn from<'s>(
        &'s self,
        order: &'s [u32],
        compare: impl Fn(Parts<'s>) -> Ordering,
    ) -> impl Iterator<Item = (usize, Parts<'s>)> {
        let parts = |i: &u32| Some((*i as usize, Parts::of(&self.names[*i as usize])?));
        let start = order.partition_point(|i| parts(i).is_some_and(|(_, p)| compare(p).is_lt()));
        order[start..].iter().filter_map(parts)
    }

    fn exactly(&self, name: &str) -> Option<usize> {
        let start = self.exact.partition_point(|i| *self.names[*i as usize] < *name);
        let found = *self.exact.get(start)? as usize;
        (*self.names[found] == *name).then_some(found)
    }

    /// The first with this number of a double, and this name without it.
    fn numbered(&self, number: &str, name: &str) -> Option<usize> {
        let compare = |p: Parts<'_>| p.number.cmp(number).then_with(|| p.unnumbered().cmp(name.bytes()));
        let (i, parts) = self.from(&self.numbered, compare).next()?;
        compare(parts).is_eq().then_some(i)
    }

    fn numbered_stem(&self, number: &str, stem: &str) -> Option<usize> {
        let compare = |p: Parts<'_>| (p.number, p.bare).cmp(&(number, stem));
        let (i, parts) = self.from(&self.numbered_stems, compare).next()?;
        compare(parts).is_eq().then_some(i)
    }

    /// Which of the media files a sidecar belongs to.
    ///
    /// `name.xmp` and `name.ext.xmp`; Takeout's `name.ext.json`, `name.ext.supplemental-metadata.json`, both cut to
    /// 46 characters, and the number of a double that Takeout moves: `name.ext(1).json` for `name(1).ext`. A name
    /// with its extension beats a stem; see `first_of_stem` for several files of one stem.
    pub fn owner_of(&self, sidecar_name: &[u8]) -> Option<usize> {
        let sidecar = lower(sidecar_name);
        let (base, kind) = split_extension(&sidecar)?;
        let exact = self.exactly(base);
        match kind {
            "xmp" => exact.or_else(|| self.first_of_stem(base)),
            "json" => exact.or_else(|| self.takeouts(base)),
            _ => None,
        }
    }

    fn takeouts(&self, base: &str) -> Option<usize> {
        // `name.jpg(1)` is for `name(1).jpg`, also with the supplement between.
        let (bare, number) = split_number(base);
        // The whole name, or with any beginning of the supplement, as far as the cut leaves it.
        let full = (0..=SUPPLEMENTAL.len()).filter_map(|n| {
            let name = bare.strip_suffix(&SUPPLEMENTAL[..n])?;
            self.numbered(number.unwrap_or_default(), name)
        });
        if let Some(i) = full.min() {
            return Some(i);
        }
        // Takeout cuts what is longer, so that the base is a beginning of the name.
        if bare.chars().count() >= TAKEOUT_NAME - number.map_or(0, str::len) {
            let number = number.unwrap_or_default();
            let compare = |p: Parts<'_>| p.number.cmp(number).then_with(|| p.unnumbered().cmp(bare.bytes()));
            let begins =
                |p: &Parts<'_>| p.number == number && p.unnumbered().take(bare.len()).eq(bare.bytes());
            let begun = self.from(&self.numbered, compare).take_while(|(_, parts)| begins(parts));
            if let Some(i) = begun.map(|(i, _)| i).min() {
                return Some(i);
            }
        }
        // Edited copies share the original's JSON; a live photo's movie the still's.
        let name = bare.split(SUPPLEMENTAL_START).next().unwrap_or(bare);
        let stem = split_extension(name).map_or(bare, |(stem, _)| stem);
        self.numbered_stem(number.unwrap_or_default(), stem)
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
        let of_stem = self.from(&self.stems, |p| p.stem.cmp(stem)).take_while(|(_, p)| p.stem == stem);
        of_stem.map(|(i, _)| (rank(&self.names[i]), &self.names[i], i)).min().map(|f| f.2)
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
