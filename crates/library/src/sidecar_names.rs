//! Assigns sidecars to the media files of a folder, by names, and by the extension that an XMP names.

use crate::names::{self, Likeness, decode, fold, is_broken, split_extension, split_number};
use albumen_core::vocabulary::{Format, Kind};
use std::cmp::Ordering;

/// Takeout cuts a JSON's name to 46 units of UTF-16 before `.json`.
const TAKEOUT_NAME: usize = 46;

/// The text that Takeout inserts between a photo's name and `.json` since 2024, cut at the end for long
/// names.
const SUPPLEMENTAL: &str = ".supplemental-metadata";

/// The names of a folder's media files, for [`MediaNames::owner_of`]: a folder may contain a hundred
/// thousand, with a sidecar each, so each name is stored once and found by binary search.
///
/// Names are compared by their folds, and the closest match wins: the same bytes, the same normal form, the
/// same text ignoring case; of several that are equally close the first.
pub struct MediaNames<'a> {
    media: Vec<&'a [u8]>,
    /// Their folds.
    names: Vec<Box<str>>,
    /// Indices of names, ordered by name and index: of several matches the first wins.
    exact: Vec<u32>,
    /// Ordered by stem.
    stems: Vec<u32>,
    /// By the number of a duplicate, and the name without it.
    numbered: Vec<u32>,
    /// By the number of a duplicate, and the name without it and without its extension.
    numbered_stems: Vec<u32>,
}

/// The parts of a name or of its fold; `None` without an extension.
#[derive(Clone, Copy)]
struct Parts<'a> {
    stem: &'a str,
    /// The stem without the number of a duplicate.
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

    /// The name without the number of a duplicate.
    fn unnumbered(self) -> impl Iterator<Item = u8> + 'a {
        self.bare.bytes().chain(*b".").chain(self.extension.bytes())
    }
}

impl<'a> MediaNames<'a> {
    pub fn new(media: &[&'a [u8]]) -> MediaNames<'a> {
        let names: Vec<Box<str>> = media.iter().map(|m| fold(&decode(m)).into_boxed_str()).collect();
        let parts = |i: u32| Parts::of(&names[i as usize]);
        // A folder contains fewer than four thousand million files.
        let mut exact: Vec<u32> = (0..names.len() as u32).collect();
        exact.sort_by(|a, b| names[*a as usize].cmp(&names[*b as usize]));
        let with_extension: Vec<u32> = (0..names.len() as u32).filter(|i| parts(*i).is_some()).collect();
        // Sorting is stable: equal ones stay in order.
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
        MediaNames { media: media.to_vec(), names, exact, stems, numbered, numbered_stems }
    }

    /// The indices from the first that `compare` does not order before the target.
    fn from<'s>(
        &'s self,
        order: &'s [u32],
        compare: impl Fn(Parts<'s>) -> Ordering,
    ) -> impl Iterator<Item = (usize, Parts<'s>)> {
        let parts = |i: &u32| Some((*i as usize, Parts::of(&self.names[*i as usize])?));
        let start = order.partition_point(|i| parts(i).is_some_and(|(_, p)| compare(p).is_lt()));
        order[start..].iter().filter_map(parts)
    }

    /// Of the files whose part of the name has the fold of `wanted`, the one with the closest match.
    fn closest(
        &self,
        files: impl Iterator<Item = usize>,
        wanted: &str,
        part: impl Fn(&str) -> String,
    ) -> Option<(Likeness, usize)> {
        files.map(|i| (Likeness::of(&part(&decode(self.media[i])), wanted), i)).min()
    }

    /// The file of this name.
    fn whole(&self, name: &str) -> Option<usize> {
        let folded = fold(name);
        let start = self.exact.partition_point(|i| *self.names[*i as usize] < *folded);
        let alike =
            self.exact[start..].iter().map(|i| *i as usize).take_while(|i| *self.names[*i] == *folded);
        self.closest(alike, name, str::to_owned).map(|f| f.1)
    }

    /// The file with this number of a duplicate, and this name without it.
    fn numbered(&self, number: &str, name: &str) -> Option<(Likeness, usize)> {
        let folded = fold(name);
        let compare = |p: Parts<'_>| p.number.cmp(number).then_with(|| p.unnumbered().cmp(folded.bytes()));
        let alike = self.from(&self.numbered, compare).take_while(|(_, p)| compare(*p).is_eq());
        self.closest(alike.map(|f| f.0), name, |name| {
            Parts::of(name).map_or(String::new(), |p| format!("{}.{}", p.bare, p.extension))
        })
    }

    fn numbered_stem(&self, number: &str, stem: &str) -> Option<usize> {
        let folded = fold(stem);
        let compare = |p: Parts<'_>| (p.number, p.bare).cmp(&(number, folded.as_str()));
        let alike = self.from(&self.numbered_stems, compare).take_while(|(_, p)| compare(*p).is_eq());
        self.closest(alike.map(|f| f.0), stem, |name| split_number(names::stem(name)).0.to_owned())
            .map(|f| f.1)
    }

    /// The media file to which a sidecar belongs, by its name, and by the extension that an XMP names, if
    /// any.
    ///
    /// `name.xmp` and `name.ext.xmp`; Takeout's `name.ext.json`, `name.ext.supplemental-metadata.json`, both
    /// cut to 46 units of UTF-16, and the number of a duplicate that Takeout moves: `name.ext(1).json` for
    /// `name(1).ext`. A name with its extension has precedence over a stem; see `first_of_stem` for several
    /// files of one stem.
    pub fn owner_of(&self, sidecar_name: &[u8], for_extension: Option<&str>) -> Option<usize> {
        let sidecar = decode(sidecar_name);
        let (base, kind) = split_extension(&sidecar)?;
        match kind.to_ascii_lowercase().as_str() {
            "xmp" => self.whole(base).or_else(|| self.first_of_stem(base, for_extension)),
            "json" => self.whole(base).or_else(|| self.takeouts(base)),
            _ => None,
        }
    }

    /// Whether an XMP is named by a stem alone: then the extension that it names decides to which file it
    /// belongs.
    pub fn is_by_stem(&self, sidecar_name: &[u8]) -> bool {
        let sidecar = decode(sidecar_name);
        let Some((base, kind)) = split_extension(&sidecar) else { return false };
        kind.eq_ignore_ascii_case("xmp")
            && self.whole(base).is_none()
            && self.first_of_stem(base, None).is_some()
    }

    fn takeouts(&self, base: &str) -> Option<usize> {
        // `name.jpg(1)` is for `name(1).jpg`, also with the supplement between.
        let (bare, number) = split_number(base);
        let digits = number.unwrap_or_default();
        // The whole name, or with any prefix of the supplement, depending on the cut.
        let full = (0..=SUPPLEMENTAL.len())
            .filter_map(|n| self.numbered(digits, bare.strip_suffix(&SUPPLEMENTAL[..n])?));
        if let Some((_, i)) = full.min() {
            return Some(i);
        }
        if let Some(i) = self.begun(bare, number).or_else(|| self.cut_too(bare, number)) {
            return Some(i);
        }
        // Edited copies share the original's JSON; a live photo's movie the still's.
        let name = bare.split(SUPPLEMENTAL_START).next().unwrap_or(bare);
        let stem = split_extension(name).map_or(bare, |(stem, _)| stem);
        self.numbered_stem(digits, stem)
    }

    /// Takeout cuts longer names, so that the base is a prefix of the name. It counts units of UTF-16, and
    /// may split a character, of which nothing readable is left.
    fn begun(&self, bare: &str, number: Option<&str>) -> Option<usize> {
        let whole = bare.trim_end_matches(is_broken);
        let whole = if whole.len() == bare.len() { bare.strip_suffix('?').unwrap_or(bare) } else { whole };
        let units = bare.encode_utf16().count();
        let limit = TAKEOUT_NAME - number.map_or(0, str::len);
        if units + 1 < limit {
            return None;
        }
        let at_cut = units >= limit;
        let digits = number.unwrap_or_default();
        let folded = fold(whole);
        let signs = whole.chars().count();
        let beginning = |name: &str| name.chars().take(signs).collect::<String>();
        let compare = |p: Parts<'_>| p.number.cmp(digits).then_with(|| p.unnumbered().cmp(folded.bytes()));
        let begins =
            |p: &Parts<'_>| p.number == digits && p.unnumbered().take(folded.len()).eq(folded.bytes());
        let begun = self.from(&self.numbered, compare).take_while(|(_, parts)| begins(parts));
        // One unit less than the limit: the next character has two and did not fit.
        let cut_before_pair = |i: usize| {
            let name = decode(self.media[i]);
            name.chars().nth(signs).is_some_and(|c| c.len_utf16() == 2)
        };
        let begun = begun.map(|f| f.0).filter(|i| at_cut || cut_before_pair(*i));
        if let Some((_, i)) = self.closest(begun, whole, beginning) {
            return Some(i);
        }
        if !at_cut || number.is_some() {
            return None;
        }
        // A number in brackets that is part of the name, with the cut after it: `Eifel (38).JP` for `Eifel
        // (38).JPG`.
        let start = self.exact.partition_point(|i| *self.names[*i as usize] < *folded);
        let begun = self.exact[start..].iter().map(|i| *i as usize);
        let begun = begun.take_while(|i| self.names[*i].starts_with(folded.as_str()));
        let numbered = begun.filter(|i| {
            Parts::of(&self.names[*i]).is_some_and(|p| !p.number.is_empty() && folded.len() > p.bare.len())
        });
        self.closest(numbered, whole, beginning).map(|f| f.1)
    }

    /// Takeout also cuts the names of pictures, at another position: then the picture's stem is a prefix of
    /// the base, of which the extension is cut off.
    fn cut_too(&self, bare: &str, number: Option<&str>) -> Option<usize> {
        const SHORTEST: usize = TAKEOUT_NAME - 2;
        if bare.contains('.') || bare.encode_utf16().count() < TAKEOUT_NAME - number.map_or(0, str::len) {
            return None;
        }
        let ends: Vec<usize> = bare.char_indices().map(|(at, _)| at).skip(SHORTEST).collect();
        ends.into_iter().rev().find_map(|end| self.numbered_stem(number.unwrap_or_default(), &bare[..end]))
    }

    /// The first file of a stem, in the order of names: ordinary pictures before RAW files before videos. Of
    /// a RAW and a JPEG that are one item, viewers show the JPEG, and Lightroom names the RAW's sidecar by
    /// the stem. If the XMP names an extension, it belongs only to a file that has it.
    fn first_of_stem(&self, stem: &str, extension: Option<&str>) -> Option<usize> {
        let rank = |ext: &str| {
            let format = Format::all().find(|f| f.extensions().contains(&ext));
            format.map_or(3, |f| if f.kind() == Kind::Video { 2 } else { u8::from(f.is_raw()) })
        };
        let (folded, extension) = (fold(stem), extension.map(fold));
        let of_stem =
            self.from(&self.stems, |p| p.stem.cmp(folded.as_str())).take_while(|(_, p)| p.stem == folded);
        let fits = of_stem.filter(|(_, p)| extension.as_ref().is_none_or(|wanted| p.extension == wanted));
        let ranked = fits.map(|(i, p)| {
            let name = decode(self.media[i]);
            (Likeness::of(names::stem(&name), stem), rank(p.extension), name, i)
        });
        ranked.min().map(|f| f.3)
    }
}

/// The extension that an XMP sidecar names (`photoshop:SidecarForExtension`), found in its text without an
/// XML parser: the engine uses it, which parses no untrusted files.
pub fn named_extension(xmp: &[u8]) -> Option<String> {
    const NAME: &[u8] = b":SidecarForExtension";
    const LONGEST: usize = 16;
    let at = memchr::memmem::find(xmp, NAME)? + NAME.len();
    let rest = xmp.get(at..)?;
    let rest = rest.trim_ascii_start();
    // An attribute, or an element.
    let rest = match rest.first()? {
        b'=' => rest[1..].trim_ascii_start().get(1..)?,
        b'>' => rest[1..].trim_ascii_start(),
        _ => return None,
    };
    let length = rest.iter().take(LONGEST).take_while(|b| b.is_ascii_alphanumeric()).count();
    (length > 0).then(|| String::from_utf8_lossy(&rest[..length]).to_ascii_lowercase())
}

/// The name of the picture of a Takeout JSON, unless its name was cut: `a(1).jpg` for `a.jpg.suppl(1).json`.
pub fn picture_named(sidecar_name: &str) -> Option<String> {
    let (base, _) = split_extension(sidecar_name).filter(|(_, kind)| kind.eq_ignore_ascii_case("json"))?;
    let (bare, number) = split_number(base);
    let tail = (1..=SUPPLEMENTAL.len()).rev().find_map(|n| bare.strip_suffix(&SUPPLEMENTAL[..n]));
    let (stem, ext) = split_extension(tail.unwrap_or(bare))?;
    Some(format!("{stem}{}.{ext}", number.unwrap_or_default()))
}

/// Whether the name of a JSON file that belongs to no file of its folder is that of a Takeout JSON: its
/// picture is missing.
pub fn is_orphan_name(name: &[u8]) -> bool {
    let name = decode(name);
    let Some((base, "json")) = split_extension(&name) else { return false };
    let (bare, number) = split_number(base);
    if bare.encode_utf16().count() + number.map_or(0, str::len) + 1 >= TAKEOUT_NAME {
        // It was cut, including the part to check.
        return true;
    }
    let named = (0..=SUPPLEMENTAL.len()).rev().find_map(|n| {
        let (_, ext) = split_extension(bare.strip_suffix(&SUPPLEMENTAL[..n])?)?;
        let ext = split_number(ext).0.to_ascii_lowercase();
        Format::all().any(|f| f.extensions().contains(&ext.as_str())).then_some(())
    });
    named.is_some()
}

const SUPPLEMENTAL_START: &str = ".supp";

#[cfg(test)]
mod tests;
