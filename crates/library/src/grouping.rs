//! From the files of one folder to items: which file is the primary, which are its companions.
//!
//! Promises: a pure function of names and recorded facts; the order of the files makes no difference; run again
//! at any time it gives the same answer, so a half whose other half has gone is an item again. No file belongs
//! to a companion: chains are followed to the primary.

use crate::sidecar_names::MediaNames;
use crate::when;
use albumen_core::vocabulary::{Clues, Format, Kind, Moment};
use std::collections::HashMap;

/// A file of a folder with what is recorded of it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    pub name: &'a [u8],
    pub is_sidecar: bool,
    pub clues: Option<&'a Clues>,
}

/// What a companion is to its primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The movie of a Live Photo.
    LiveVideo,
    /// The RAW beside a JPEG or HEIC.
    Raw,
    /// A file of facts, or what a camera makes of a clip or a RAW besides: a thumbnail, a small copy.
    Sidecar,
}

impl Role {
    /// As it stands in JSON and in the index.
    pub fn name(self) -> &'static str {
        match self {
            Role::LiveVideo => "live_video",
            Role::Raw => "raw",
            Role::Sidecar => "sidecar",
        }
    }
}

/// The longest movie of a Live Photo that is told by its name: Apple's have 3 s, edited ones up to 5.
const MAX_LIVE_S: f64 = 6.0;

/// A still and its movie are dated within this time of each other when they are told by their names.
const LIVE_SLACK_S: i64 = 5;

/// For each member the primary it belongs to, by index, and its role; `None` for items.
pub fn companions(members: &[Member<'_>]) -> Vec<Option<(usize, Role)>> {
    let mut of: Vec<Option<(usize, Role)>> = vec![None; members.len()];
    // In the order of names, whatever the order of arrival.
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&i| members[i].name);
    let (by_products, media): (Vec<usize>, Vec<usize>) = order
        .iter()
        .copied()
        .filter(|&i| !members[i].is_sidecar)
        .partition(|&i| is_by_product(members[i].name));
    let stems = Stems::new(members, &media);
    for &i in &by_products {
        of[i] = maker(members, &stems, i).map(|primary| (primary, Role::Sidecar));
    }
    pair_raws(members, &media, &stems, &mut of);
    pair_live_photos(members, &media, &stems, &mut of);
    if media.len() + by_products.len() < order.len() {
        let names: Vec<&[u8]> = media.iter().map(|&i| members[i].name).collect();
        let names = MediaNames::new(&names);
        for &i in order.iter().filter(|&&i| members[i].is_sidecar) {
            of[i] = names.owner_of(members[i].name).map(|n| (media[n], Role::Sidecar));
        }
    }
    // A companion's companion belongs to the primary. RAWs and movies are never primaries of each other twice,
    // so two steps reach the end.
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

/// Media files by the stems of their names, in the order of names.
struct Stems {
    /// Of each member; empty for sidecars, of which none is asked for.
    of: Vec<Box<str>>,
    /// The media files in order of their stems.
    files: Vec<usize>,
}

impl Stems {
    fn new(members: &[Member<'_>], media: &[usize]) -> Stems {
        let of: Vec<Box<str>> = members
            .iter()
            .map(|m| if m.is_sidecar { Box::default() } else { stem(m.name).into_boxed_str() })
            .collect();
        let mut files = media.to_vec();
        // Stable: those of one stem stay in the order of names.
        files.sort_by(|a, b| of[*a].cmp(&of[*b]));
        Stems { of, files }
    }

    /// The media files that have a stem.
    fn with<'s>(&'s self, stem: &'s str) -> impl Iterator<Item = usize> + 's {
        let start = self.files.partition_point(|i| *self.of[*i] < *stem);
        self.files[start..].iter().copied().take_while(move |i| *self.of[*i] == *stem)
    }

    /// The media files that have the stem of one of them, itself among them.
    fn beside(&self, file: usize) -> impl Iterator<Item = usize> + '_ {
        self.with(&self.of[file])
    }
}

/// Whether a file is what a camera made of another: a thumbnail (`THM`), or a small copy of a clip for the telephone (`LRV`,
/// and Insta360's `LRV_..._11_001.insv`). It is no still of a RAW and no half of a Live Photo, though it has the name and
/// the time of one.
fn is_by_product(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(b".thm")
        || name.ends_with(b".lrv")
        || (name.starts_with(b"lrv_") && name.ends_with(b".insv"))
}

/// What a by-product was made of: a clip, else a RAW, of the same stem. In GoPro's small copies an `L` stands for the codec of
/// the clip (`GL010012.LRV`, `GX010012.MP4`), in Insta360's the number of the lens is another.
fn maker(members: &[Member<'_>], stems: &Stems, by_product: usize) -> Option<usize> {
    let stem = &*stems.of[by_product];
    let mut names = vec![stem.to_owned()];
    if let Some(rest) = stem.strip_prefix("gl") {
        names.extend(["gx", "gh"].map(|codec| format!("{codec}{rest}")));
    }
    let fields: Vec<&str> = stem.strip_prefix("lrv_").unwrap_or_default().split('_').collect();
    if let [day, time, _, number] = fields[..] {
        names.extend(["00", "10", "01"].map(|lens| format!("vid_{day}_{time}_{lens}_{number}")));
    }
    let files = || names.iter().flat_map(|name| stems.with(name));
    let clues = |i: &usize| members[*i].clues;
    files()
        .find(|i| clues(i).and_then(|f| f.kind) == Some(Kind::Video))
        .or_else(|| files().find(|i| clues(i).and_then(|f| f.format).is_some_and(Format::is_raw)))
}

/// RAW and JPEG or HEIC: one item when stem, camera model and date to the second agree and exactly one of each
/// exists.
fn pair_raws(members: &[Member<'_>], media: &[usize], stems: &Stems, of: &mut [Option<(usize, Role)>]) {
    let is_raw = |i: usize| members[i].clues.and_then(|f| f.format).is_some_and(Format::is_raw);
    let is_still = |i: usize| {
        matches!(members[i].clues.and_then(|f| f.format), Some(Format::Jpeg | Format::Heic | Format::Heif))
    };
    for &raw in media.iter().filter(|&&i| is_raw(i)) {
        let stills: Vec<usize> = stems.beside(raw).filter(|&i| is_still(i)).collect();
        let [still] = stills[..] else { continue };
        if stems.beside(raw).filter(|&i| is_raw(i)).count() == 1
            && one_shot(members[raw].clues, members[still].clues)
        {
            of[raw] = Some((still, Role::Raw));
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

/// A date that the camera wrote: not one of the name or of the file system, which copies share.
fn is_own(t: &Moment) -> bool {
    !matches!(t.source.as_str(), "file:mtime" | "folder" | "name")
}

/// Live Photos: by content identifier; then by name, when the movie is short and the time agrees.
fn pair_live_photos(
    members: &[Member<'_>],
    media: &[usize],
    stems: &Stems,
    of: &mut [Option<(usize, Role)>],
) {
    let clues = |i: usize| members[i].clues;
    let is = |i: usize, kind: Kind| clues(i).and_then(|f| f.kind) == Some(kind);
    let id = |i: usize| clues(i).and_then(|f| f.content_identifier.as_deref());
    let movies: Vec<usize> = media.iter().copied().filter(|&i| is(i, Kind::Video)).collect();
    let mut taken = vec![false; members.len()];
    // Copies in one folder have one identifier: equal stems first.
    for same_stem in [true, false] {
        let key = |i: usize| id(i).map(|id| (id, if same_stem { &*stems.of[i] } else { "" }));
        // In reverse: the first is taken from the end, and never looked at again.
        let mut stills: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        for &still in media.iter().rev().filter(|&&i| is(i, Kind::Photo)) {
            if let Some(key) = key(still).filter(|_| !taken[still] && of[still].is_none()) {
                stills.entry(key).or_default().push(still);
            }
        }
        for &movie in &movies {
            let Some(candidates) =
                key(movie).filter(|_| of[movie].is_none()).and_then(|k| stills.get_mut(&k))
            else {
                continue;
            };
            if let Some(still) = candidates.pop() {
                taken[still] = true;
                of[movie] = Some((still, Role::LiveVideo));
            }
        }
    }
    for &movie in &movies {
        let Some(f) = clues(movie).filter(|_| of[movie].is_none()) else { continue };
        if f.duration_s.is_none_or(|d| d > MAX_LIVE_S) {
            continue;
        }
        let fits = |&s: &usize| {
            is(s, Kind::Photo)
                && matches!(clues(s).and_then(|f| f.format), Some(Format::Jpeg | Format::Heic | Format::Heif))
                && !taken[s]
                && (id(s).is_none() || id(movie).is_none())
                && same_time(clues(s).and_then(|f| f.taken.as_ref()), f.taken.as_ref())
        };
        let candidates: Vec<usize> = stems.beside(movie).filter(fits).collect();
        let rivals = stems.beside(movie).filter(|&m| m != movie && is(m, Kind::Video));
        if let ([still], 0) = (&candidates[..], rivals.count()) {
            taken[*still] = true;
            of[movie] = Some((*still, Role::LiveVideo));
        }
    }
}

/// Two dates of one moment. Where only one of them knows its zone, whole quarters of an hour are not counted.
fn same_time(a: Option<&Moment>, b: Option<&Moment>) -> bool {
    let (Some(a), Some(b)) = (a.filter(|t| is_own(t)), b.filter(|t| is_own(t))) else { return false };
    let seconds = |s: &str| {
        let zoned = when::parse(s)?.at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
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

/// The name without its extension, lower case.
fn stem(name: &[u8]) -> String {
    let s = String::from_utf8_lossy(name).to_lowercase();
    match s.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => s,
    }
}

/// The file in the folder that an edited copy was made from: the one whose name the copy claims, else one of
/// that stem (the original of an edited JPEG may be a HEIC). `None` when it is not there.
pub fn original<'a>(claimed: &str, folder: impl IntoIterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let lower = claimed.to_lowercase();
    let wanted = stem(claimed.as_bytes());
    let mut fits: Vec<&[u8]> = folder.into_iter().filter(|n| stem(n) == wanted).collect();
    fits.sort();
    fits.iter().find(|n| String::from_utf8_lossy(n).to_lowercase() == lower).or(fits.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use albumen_core::vocabulary::{Facts, Taken};
    use proptest::prelude::*;

    fn facts(format: Format, local: &str) -> Facts {
        let taken = Taken { local: local.into(), source: "exif:DateTimeOriginal".into(), ..Taken::default() };
        let mut f =
            Facts { kind: Some(format.kind()), format: Some(format), taken: Some(taken), ..Facts::default() };
        f.camera.model = Some("X".into());
        f.duration_s = (format.kind() == Kind::Video).then_some(2.5);
        f
    }

    fn with_id(mut f: Facts, id: &str) -> Facts {
        f.content_identifier = Some(id.into());
        f
    }

    const T: &str = "2023-07-01T10:20:30";

    fn group(files: &[(&str, Option<Facts>)]) -> Vec<(String, String, &'static str)> {
        let clues: Vec<Option<Clues>> = files
            .iter()
            .map(|(_, f)| {
                f.as_ref().map(|f| serde_json::from_value(serde_json::to_value(f).unwrap()).unwrap())
            })
            .collect();
        let members: Vec<Member<'_>> = files
            .iter()
            .zip(&clues)
            .map(|((n, _), c)| Member { name: n.as_bytes(), is_sidecar: c.is_none(), clues: c.as_ref() })
            .collect();
        let mut out: Vec<_> = companions(&members)
            .iter()
            .enumerate()
            .filter_map(|(i, c)| c.map(|(p, r)| (files[i].0.to_owned(), files[p].0.to_owned(), r.name())))
            .collect();
        out.sort();
        out
    }

    fn row(a: &str, b: &str, role: &'static str) -> (String, String, &'static str) {
        (a.into(), b.into(), role)
    }

    #[test]
    fn a_live_photo_a_raw_and_a_sidecar() {
        let files = [
            ("IMG_1.MOV", Some(with_id(facts(Format::Mov, T), "A"))),
            ("IMG_1.HEIC", Some(with_id(facts(Format::Heic, T), "A"))),
            ("IMG_1.DNG", Some(facts(Format::Dng, T))),
            ("IMG_1.DNG.xmp", None),
            ("IMG_2.JPG", Some(facts(Format::Jpeg, T))),
        ];
        assert_eq!(
            group(&files),
            [
                row("IMG_1.DNG", "IMG_1.HEIC", "raw"),
                row("IMG_1.DNG.xmp", "IMG_1.HEIC", "sidecar"),
                row("IMG_1.MOV", "IMG_1.HEIC", "live_video"),
            ]
        );
        // The still goes: the others are items again.
        assert_eq!(group(&[files[0].clone(), files[2].clone()]), []);
    }

    #[test]
    fn a_raw_that_agrees_in_less_stays_an_item() {
        let jpeg = ("a.jpg", Some(facts(Format::Jpeg, T)));
        assert_eq!(group(&[jpeg.clone(), ("a.nef", Some(facts(Format::Nef, "2023-07-01T10:20:31")))]), []);
        let mut other = facts(Format::Nef, T);
        other.camera.model = Some("Y".into());
        assert_eq!(group(&[jpeg.clone(), ("a.nef", Some(other))]), []);
        assert_eq!(group(&[jpeg.clone(), ("b.nef", Some(facts(Format::Nef, T)))]), []);
        assert_eq!(
            group(&[
                jpeg.clone(),
                ("a.nef", Some(facts(Format::Nef, T))),
                ("a.dng", Some(facts(Format::Dng, T)))
            ]),
            []
        );
        assert_eq!(group(&[jpeg, ("A.NEF", Some(facts(Format::Nef, T)))]), [row("A.NEF", "a.jpg", "raw")]);
    }

    #[test]
    fn a_live_photo_by_name_needs_the_time_and_a_short_movie() {
        let still = ("IMG_1.JPG", Some(facts(Format::Jpeg, T)));
        let movie = |local: &str, s: f64| {
            let mut f = facts(Format::Mov, local);
            f.duration_s = Some(s);
            ("IMG_1.MOV", Some(f))
        };
        assert_eq!(group(&[still.clone(), movie("2023-07-01T10:20:29", 2.0)]).len(), 1);
        // The movie's date is UTC, the still's has no zone.
        assert_eq!(group(&[still.clone(), movie("2023-07-01T08:20:29", 2.0)]).len(), 1);
        assert_eq!(group(&[still.clone(), movie("2023-07-01T10:21:29", 2.0)]).len(), 0);
        assert_eq!(group(&[still.clone(), movie(T, 30.0)]).len(), 0);
        let strangers = [
            ("IMG_1.JPG", Some(with_id(facts(Format::Jpeg, T), "A"))),
            ("IMG_1.MOV", Some(with_id(facts(Format::Mov, T), "B"))),
        ];
        assert_eq!(group(&strangers), []);
    }

    #[test]
    fn what_a_camera_makes_besides_is_no_item_and_no_half_of_one() {
        let short = || Some(facts(Format::Mp4, T));
        let thumbnail = || Some(facts(Format::Jpeg, T));
        let files = [
            ("GX010012.MP4", short()),
            ("GX010012.THM", thumbnail()),
            ("GL010012.LRV", short()),
            ("CRW_0001.CRW", Some(facts(Format::Crw, T))),
            ("CRW_0001.THM", thumbnail()),
            ("VID_20230701_102030_00_004.insv", short()),
            ("LRV_20230701_102030_11_004.insv", short()),
            ("MVI_7.THM", thumbnail()),
        ];
        assert_eq!(
            group(&files),
            [
                row("CRW_0001.THM", "CRW_0001.CRW", "sidecar"),
                row("GL010012.LRV", "GX010012.MP4", "sidecar"),
                row("GX010012.THM", "GX010012.MP4", "sidecar"),
                row("LRV_20230701_102030_11_004.insv", "VID_20230701_102030_00_004.insv", "sidecar"),
            ]
        );
    }

    #[test]
    fn originals_of_edited_copies() {
        let folder: [&[u8]; 3] = [b"IMG_1234.HEIC", b"IMG_E1234.JPG", b"IMG_1234.JPG"];
        assert_eq!(original("IMG_1234.JPG", folder), Some(&b"IMG_1234.JPG"[..]));
        assert_eq!(original("IMG_1234.PNG", folder), Some(&b"IMG_1234.HEIC"[..]));
        assert_eq!(original("IMG_9.PNG", folder), None);
    }

    fn any_file() -> impl Strategy<Value = (String, Option<Facts>)> {
        let format = prop::sample::select(vec![
            Format::Jpeg,
            Format::Heic,
            Format::Nef,
            Format::Dng,
            Format::Mov,
            Format::Mp4,
        ]);
        let local = prop::sample::select(vec![T, "2023-07-01T08:20:29", "2023-07-02T00:00:00"]);
        (format, "[ab]", local, prop::option::of("[xy]"), any::<bool>()).prop_map(
            |(format, stem, local, id, side)| {
                let name = format!("{stem}.{}", format.name());
                if side {
                    return (format!("{name}.xmp"), None);
                }
                let f = facts(format, local);
                (name, Some(id.map_or(f.clone(), |id| with_id(f, &id))))
            },
        )
    }

    proptest! {
        #[test]
        fn the_order_makes_no_difference(files in prop::collection::btree_map("[a-c]\\.(jpg|heic|nef|dng|mov|mp4)", any_file(), 0..8), seed in any::<u64>()) {
            let mut unique = std::collections::BTreeMap::new();
            for (_, (name, f)) in files {
                unique.insert(name, f);
            }
            let list: Vec<(String, Option<Facts>)> = unique.into_iter().collect();
            let as_refs = |l: &[(String, Option<Facts>)]| -> Vec<(String, String, &'static str)> {
                group(&l.iter().map(|(n, f)| (n.as_str(), f.clone())).collect::<Vec<_>>())
            };
            let straight = as_refs(&list);
            let mut mixed = list.clone();
            let mut s = seed;
            for i in (1..mixed.len()).rev() {
                s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                mixed.swap(i, (s >> 33) as usize % (i + 1));
            }
            prop_assert_eq!(&straight, &as_refs(&mixed));
            // No file belongs to a companion, and a sidecar has none.
            for (_, primary, _) in &straight {
                prop_assert!(!straight.iter().any(|(c, _, _)| c == primary));
            }
        }
    }
}
