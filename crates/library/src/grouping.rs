//! Groups the files of one folder into items: primaries and their companions.
//!
//! Promises: a pure function of names and recorded facts; the order of the files makes no difference;
//! repeated runs give the same result, so a file whose companion was removed becomes an item again. No file
//! belongs to a companion: chains are followed to the primary.

use crate::names::{self, Likeness, decode, fold, split_extension};
use crate::sidecar_names::MediaNames;
use crate::when;
use albumen_core::vocabulary::{Clues, Format, Kind, Moment};
use std::collections::{HashMap, HashSet};

/// A file of a folder with its recorded facts.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    pub name: &'a [u8],
    pub is_sidecar: bool,
    /// The extension that an XMP sidecar names.
    pub for_extension: Option<&'a str>,
    pub clues: Option<&'a Clues>,
}

impl<'a> Member<'a> {
    /// A media file of which only the name is known.
    fn named(name: &'a [u8]) -> Member<'a> {
        Member { name, is_sidecar: false, for_extension: None, clues: None }
    }
}

/// The relation of a companion to its primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The movie of a Live Photo.
    LiveVideo,
    /// The RAW beside a JPEG or HEIC.
    Raw,
    /// A sidecar, or a camera's by-product of a clip or RAW: a thumbnail, a small copy.
    Sidecar,
}

impl Role {
    /// The name in JSON and in the index.
    pub fn name(self) -> &'static str {
        match self {
            Role::LiveVideo => "live_video",
            Role::Raw => "raw",
            Role::Sidecar => "sidecar",
        }
    }
}

/// The maximum length of a Live Photo's movie that is detected by its name: Apple's have 3 s, edited ones up
/// to 5.
const MAX_LIVE_S: f64 = 6.0;

/// The maximum difference of the dates of a still and its movie that are matched by name.
const LIVE_SLACK_S: i64 = 5;

/// For each member the index of its primary, and its role; `None` for items.
pub fn companions(members: &[Member<'_>]) -> Vec<Option<(usize, Role)>> {
    let mut of: Vec<Option<(usize, Role)>> = vec![None; members.len()];
    // In the order of names, for any input order.
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&i| members[i].name);
    let (by_products, media): (Vec<usize>, Vec<usize>) = order
        .iter()
        .copied()
        .filter(|&i| !members[i].is_sidecar)
        .partition(|&i| is_by_product(members[i].name));
    let files = Files::new(members, &media);
    for &i in &by_products {
        of[i] = files.maker(i).map(|primary| (primary, Role::Sidecar));
    }
    let mut has_takeout = HashSet::new();
    if media.len() + by_products.len() < order.len() {
        let names: Vec<&[u8]> = media.iter().map(|&i| members[i].name).collect();
        let names = MediaNames::new(&names);
        for &i in order.iter().filter(|&&i| members[i].is_sidecar) {
            let owner = names.owner_of(members[i].name, members[i].for_extension).map(|n| media[n]);
            of[i] = owner.map(|owner| (owner, Role::Sidecar));
            if members[i].name.to_ascii_lowercase().ends_with(b".json") {
                has_takeout.extend(owner);
            }
        }
    }
    files.pair_raws(&mut of);
    files.pair_live_photos(&has_takeout, &mut of);
    // A companion's companion belongs to the primary. RAWs and movies are never nested twice, so two steps
    // suffice.
    for i in 0..of.len() {
        for _ in 0..2 {
            if let Some((primary, role)) = of[i]
                && let Some((above, _)) = of[primary]
            {
                of[i] = Some((above, role));
            }
        }
    }
    of
}

/// By-products of clips in another folder: Sony's cameras keep small copies in `SUB` and thumbnails in
/// `THMBNL` beside the folder of the clips. Returns the clip of each file.
pub fn clips_beside(by_products: &[&[u8]], clips: &[Member<'_>]) -> Vec<Option<usize>> {
    let all: Vec<Member<'_>> =
        clips.iter().copied().chain(by_products.iter().map(|&name| Member::named(name))).collect();
    let media: Vec<usize> = (0..clips.len()).filter(|&i| !clips[i].is_sidecar).collect();
    let files = Files::new(&all, &media);
    (clips.len()..all.len()).map(|i| files.maker(i)).collect()
}

/// Whether a folder contains Sony cameras' by-products of the clips in the folder `CLIP` beside it.
pub fn is_beside_clips(folder: &[u8]) -> bool {
    folder.eq_ignore_ascii_case(b"SUB") || folder.eq_ignore_ascii_case(b"THMBNL")
}

/// The markers that cameras put into the names of the files of one shot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// `PXL_..._123.RAW-01.COVER.jpg`, `PXL_..._123.RAW-01.MP.COVER.jpg`
    Cover,
    /// `PXL_..._123.RAW-02.ORIGINAL.dng`
    Original,
    /// `IMG_1_RAW.dng`, `WP_..._Pro__highres.dng`
    Raw,
}

/// The common part of the names of one shot: a stem without such markers.
fn shot(stem: &str) -> (&str, Option<Mark>) {
    let (mut rest, mut mark, mut is_raw) = (stem, None, false);
    while let Some((before, part)) = rest.rsplit_once('.').filter(|(before, _)| !before.is_empty()) {
        let part = part.to_ascii_uppercase();
        match part.as_str() {
            "COVER" => mark = Some(Mark::Cover),
            "ORIGINAL" => mark = Some(Mark::Original),
            "MP" => {}
            _ if part.strip_prefix("RAW-").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())) => {
                is_raw = true
            }
            _ => break,
        }
        rest = before;
    }
    if rest.len() < stem.len() {
        return (rest, mark.filter(|_| is_raw));
    }
    for tail in ["_raw", "-raw", " raw", "__highres"] {
        if let Some(at) = stem.len().checked_sub(tail.len()).filter(|at| *at > 0)
            && stem.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(tail))
        {
            return (&stem[..at], Some(Mark::Raw));
        }
    }
    (stem, None)
}

/// Whether a file is a camera's by-product of another: a thumbnail (`THM`; Sony's `C0001T01.JPG`), or a small
/// copy of a clip for the phone (`LRV`, DJI's `LRF`, Insta360's `LRV_..._11_001.insv`, Sony's
/// `C0001S03.MP4`). It is never paired with a RAW or as a Live Photo, though its name and time may match.
fn is_by_product(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with(b".thm")
        || lower.ends_with(b".lrv")
        || lower.ends_with(b".lrf")
        || (lower.starts_with(b"lrv_") && lower.ends_with(b".insv"))
        || sony_clip(&decode(name)).is_some()
}

/// The stem of the clip of a Sony camera's thumbnail or small copy: `C0001` of `C0001T01.JPG` and
/// `C0001S03.MP4`.
fn sony_clip(name: &str) -> Option<&str> {
    let (stem, ext) = split_extension(name)?;
    let kind = match ext.to_ascii_lowercase().as_str() {
        "jpg" => b'T',
        "mp4" => b'S',
        _ => return None,
    };
    let at = stem.len().checked_sub(3)?;
    let (clip, tail) = (stem.get(..at)?, stem.as_bytes().get(at..)?);
    let number = clip.len().checked_sub(5).and_then(|at| clip.as_bytes().get(at..))?;
    let digits = |b: &[u8]| b.iter().all(u8::is_ascii_digit);
    (tail[0].eq_ignore_ascii_case(&kind)
        && digits(&tail[1..])
        && number[0].eq_ignore_ascii_case(&b'C')
        && digits(&number[1..]))
    .then_some(clip)
}

/// The media files of a folder and their names. A folder may contain a hundred thousand: each stem is stored
/// once.
struct Files<'a> {
    members: &'a [Member<'a>],
    /// The folded stem of each member; empty for sidecars, which do not need it.
    of: Vec<Box<str>>,
    /// The media files ordered by stem, those of one stem by name.
    by_stem: Vec<usize>,
    /// Ordered by shot; empty if no name has a camera's marker.
    by_shot: Vec<usize>,
    /// Ordered by name.
    media: &'a [usize],
}

impl<'a> Files<'a> {
    fn new(members: &'a [Member<'a>], media: &'a [usize]) -> Files<'a> {
        let folded = |m: &Member<'_>| fold(names::stem(&decode(m.name))).into_boxed_str();
        let of: Vec<Box<str>> =
            members.iter().map(|m| if m.is_sidecar { Box::default() } else { folded(m) }).collect();
        let mut by_stem = media.to_vec();
        // Stable: those of one stem stay ordered by name.
        by_stem.sort_by(|a, b| of[*a].cmp(&of[*b]));
        let marked = media.iter().any(|i| shot(&of[*i]).0.len() < of[*i].len());
        let mut by_shot = if marked { media.to_vec() } else { Vec::new() };
        by_shot.sort_by(|a, b| shot(&of[*a]).0.cmp(shot(&of[*b]).0));
        Files { members, of, by_stem, by_shot, media }
    }

    /// The stem as it is written.
    fn stem(&self, file: usize) -> String {
        names::stem(&decode(self.members[file].name)).to_owned()
    }

    /// The media files with this folded stem.
    fn with<'s>(&'s self, stem: &'s str) -> impl Iterator<Item = usize> + 's {
        let start = self.by_stem.partition_point(|i| *self.of[*i] < *stem);
        self.by_stem[start..].iter().copied().take_while(move |i| *self.of[*i] == *stem)
    }

    fn clues(&self, file: usize) -> Option<&'a Clues> {
        self.members[file].clues
    }

    fn kind(&self, file: usize) -> Option<Kind> {
        self.clues(file).and_then(|f| f.kind)
    }

    fn is_raw(&self, file: usize) -> bool {
        self.clues(file).and_then(|f| f.format).is_some_and(Format::is_raw)
    }

    fn is_still(&self, file: usize) -> bool {
        matches!(self.clues(file).and_then(|f| f.format), Some(Format::Jpeg | Format::Heic | Format::Heif))
    }

    /// Calls `each` with groups of similar media files, the closest first: equal stems, in the same bytes, in
    /// the same normal form, or case-insensitively; then equal except for the markers of a shot, in the same
    /// order. Files that recur have found no match before, so two that differ in case keep their own.
    fn each_alike(&self, mut each: impl FnMut(&[usize])) {
        for run in self.by_stem.chunk_by(|a, b| self.of[*a] == self.of[*b]) {
            alike_in(run, |i| self.stem(i), &mut each);
        }
        for run in self.by_shot.chunk_by(|a, b| shot(&self.of[*a]).0 == shot(&self.of[*b]).0) {
            alike_in(run, |i| shot(&self.stem(i)).0.to_owned(), &mut each);
        }
    }

    /// The source of a by-product: a clip, else a RAW, of the same stem. In GoPro's small copies an `L`
    /// replaces the codec of the clip (`GL010012.LRV`, `GX010012.MP4`); in Insta360's the number of the lens
    /// differs.
    fn maker(&self, by_product: usize) -> Option<usize> {
        let name = decode(self.members[by_product].name);
        let stem = names::stem(&name);
        let mut names = vec![sony_clip(&name).unwrap_or(stem).to_owned()];
        if stem.get(..2).is_some_and(|s| s.eq_ignore_ascii_case("gl")) {
            names.extend(["GX", "GH"].map(|codec| format!("{codec}{}", &stem[2..])));
        }
        let is_lrv = stem.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("lrv_"));
        let fields: Vec<&str> = if is_lrv { stem[4..].split('_').collect() } else { Vec::new() };
        if let [day, time, _, number] = fields[..] {
            names.extend(["00", "10", "01"].map(|lens| format!("VID_{day}_{time}_{lens}_{number}")));
        }
        let closest = |fits: &dyn Fn(usize) -> bool| {
            names.iter().find_map(|name| {
                let folded = fold(name);
                let files = self.with(&folded).filter(|i| fits(*i));
                let ranked = files.map(|i| (Likeness::of(&self.stem(i), name), self.members[i].name, i));
                ranked.min().map(|f| f.2)
            })
        };
        closest(&|i| self.kind(i) == Some(Kind::Video)).or_else(|| closest(&|i| self.is_raw(i)))
    }

    /// RAW and JPEG or HEIC: one item if stem, camera model and date to the second agree and exactly one of
    /// each exists; or if their names show that they are of one shot.
    fn pair_raws(&self, of: &mut [Option<(usize, Role)>]) {
        if !self.media.iter().any(|&i| self.is_raw(i)) {
            return;
        }
        let mut has_raw = HashSet::new();
        self.each_alike(|group| {
            let raws: Vec<usize> =
                group.iter().copied().filter(|&i| self.is_raw(i) && of[i].is_none()).collect();
            let stills: Vec<usize> =
                group.iter().copied().filter(|&i| self.is_still(i) && !has_raw.contains(&i)).collect();
            let marked = |files: &[usize], wanted: Mark| -> Vec<usize> {
                files.iter().copied().filter(|&i| shot(&self.of[i]).1 == Some(wanted)).collect()
            };
            let (originals, covers) = (marked(&raws, Mark::Original), marked(&stills, Mark::Cover));
            let pair = match (&originals[..], &covers[..], &raws[..], &stills[..]) {
                ([raw], [still], _, _) => Some((*raw, *still)),
                (_, _, [raw], [still]) if one_shot(self.clues(*raw), self.clues(*still)) => {
                    Some((*raw, *still))
                }
                _ => None,
            };
            if let Some((raw, still)) = pair {
                of[raw] = Some((still, Role::Raw));
                has_raw.insert(still);
            }
        });
    }

    /// Live Photos: by content identifier; then by name, if the movie is short and the time agrees; Google
    /// Takeout removes the movie's date, and writes its JSON for the still alone.
    fn pair_live_photos(&self, has_takeout: &HashSet<usize>, of: &mut [Option<(usize, Role)>]) {
        let is = |i: usize, kind: Kind| self.kind(i) == Some(kind);
        let id = |i: usize| self.clues(i).and_then(|f| f.content_identifier.as_deref());
        let movies: Vec<usize> = self.media.iter().copied().filter(|&i| is(i, Kind::Video)).collect();
        if movies.is_empty() {
            return;
        }
        let mut taken = HashSet::new();
        // Copies in one folder have the same identifier: equal stems first.
        for like in Likeness::ALL.map(Some).into_iter().chain([None]) {
            let key = |i: usize| {
                let stem = like.map_or_else(String::new, |like| like.key(&self.stem(i)));
                id(i).map(|id| (id, stem))
            };
            // In reverse: the first is taken from the end.
            let mut stills: HashMap<(&str, String), Vec<usize>> = HashMap::new();
            for &still in self.media.iter().rev().filter(|&&i| is(i, Kind::Photo) && id(i).is_some()) {
                if let Some(key) = key(still).filter(|_| !taken.contains(&still) && of[still].is_none()) {
                    stills.entry(key).or_default().push(still);
                }
            }
            for &movie in movies.iter().filter(|&&i| id(i).is_some()) {
                let candidates = key(movie).filter(|_| of[movie].is_none()).and_then(|k| stills.get_mut(&k));
                if let Some(still) = candidates.and_then(Vec::pop) {
                    taken.insert(still);
                    of[movie] = Some((still, Role::LiveVideo));
                }
            }
        }
        self.each_alike(|group| {
            let is_free = |i: usize| of[i].is_none() && !taken.contains(&i);
            let movies: Vec<usize> = group.iter().copied().filter(|&i| is(i, Kind::Video)).collect();
            let [movie] = movies[..] else { return };
            let Some(f) = self.clues(movie).filter(|_| is_free(movie)) else { return };
            if f.duration_s.is_none_or(|d| d > MAX_LIVE_S) {
                return;
            }
            let date = |i: usize| self.clues(i).and_then(|f| f.taken.as_ref()).filter(|t| is_own(t));
            let fits = |&s: &usize| {
                let is_takeout =
                    has_takeout.contains(&s) && !has_takeout.contains(&movie) && date(movie).is_none();
                self.is_still(s)
                    && is_free(s)
                    && (id(s).is_none() || id(movie).is_none())
                    && (is_takeout || same_time(date(s), date(movie)))
            };
            let candidates: Vec<usize> = group.iter().copied().filter(fits).collect();
            if let [still] = candidates[..] {
                taken.insert(still);
                of[movie] = Some((still, Role::LiveVideo));
            }
        });
    }
}

/// Calls `each` with the files of a run whose `part` is the same, in the same form or case-insensitively.
/// Single files are skipped.
fn alike_in(run: &[usize], part: impl Fn(usize) -> String, each: &mut impl FnMut(&[usize])) {
    if run.len() < 2 {
        return;
    }
    for like in Likeness::ALL {
        let keys = run.iter().enumerate().map(|(at, &i)| (like.key(&part(i)), at));
        let mut keyed: Vec<(String, usize)> = keys.collect();
        keyed.sort();
        for group in keyed.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            let files: Vec<usize> = group.iter().map(|(_, at)| run[*at]).collect();
            each(&files);
        }
    }
}

/// The same camera model, and the same second.
fn one_shot(a: Option<&Clues>, b: Option<&Clues>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    let model = |f: &Clues| f.camera.model.as_ref().map(|m| m.to_lowercase());
    let second =
        |f: &Clues| f.taken.as_ref().filter(|t| is_own(t)).and_then(|t| t.local.get(..19).map(str::to_owned));
    model(a).is_some() && model(a) == model(b) && second(a).is_some() && second(a) == second(b)
}

/// A date that the camera wrote: not from the name or the file system, which copies share.
fn is_own(t: &Moment) -> bool {
    !matches!(t.source.as_str(), "file:mtime" | "folder" | "name")
}

/// Whether two dates may be of one moment. If only one of them has an offset, whole quarters of an hour are
/// ignored.
fn same_time(a: Option<&Moment>, b: Option<&Moment>) -> bool {
    let (Some(a), Some(b)) = (a.filter(|t| is_own(t)), b.filter(|t| is_own(t))) else { return false };
    // A day or a month without a time does not identify a moment.
    let seconds = |s: &str| {
        let zoned = when::parse(s).filter(when::When::has_time)?.at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(zoned.timestamp().as_second())
    };
    match (a.utc.as_deref().and_then(seconds), b.utc.as_deref().and_then(seconds)) {
        (Some(a), Some(b)) => (a - b).abs() <= LIVE_SLACK_S,
        _ => {
            let (Some(a), Some(b)) = (seconds(&a.local), seconds(&b.local)) else { return false };
            let apart = (a - b).abs();
            apart <= 14 * 3600 && (apart % 900).min(900 - apart % 900) <= LIVE_SLACK_S
        }
    }
}

/// The file in the folder from which an edited copy was made: the one with the name that the copy claims,
/// else one of that stem (the original of an edited JPEG may be a HEIC); of several the most similar. `None`
/// if it does not exist.
pub fn original<'a>(claimed: &str, folder: impl IntoIterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let (whole, wanted) = (fold(claimed), fold(names::stem(claimed)));
    let fits = folder.into_iter().filter_map(|name| {
        let text = decode(name);
        let is_stem = fold(names::stem(&text)) == wanted;
        let is_whole = fold(&text) == whole;
        let like = Likeness::of(names::stem(&text), names::stem(claimed));
        is_stem.then_some(((!is_whole, like, Likeness::of(&text, claimed), name), name))
    });
    fits.min_by(|a, b| a.0.cmp(&b.0)).map(|f| f.1)
}

#[cfg(test)]
#[path = "grouping_tests.rs"]
mod tests;
