//! Chooses one value per fact from all sources, and records its source.

use crate::evidence::Evidence;
use crate::{camera, edited, panorama, taken};
use albumen_core::vocabulary::{Camera, Facts, Format, Gps, Hdr, Kind};
use albumen_formats::xmp::Xmp;
use albumen_formats::{Findings, regions};
use std::collections::BTreeSet;

/// Takes the first existing value and records its source.
fn first<T>(
    facts: &mut Facts,
    key: &str,
    sources: impl IntoIterator<Item = (String, Option<T>)>,
) -> Option<T> {
    for (source, value) in sources {
        if value.is_some() {
            facts.sources.insert(key.to_owned(), source);
            return value;
        }
    }
    None
}

/// The facts of a file.
pub fn facts(format: Format, found: &Findings, e: Evidence<'_>) -> Facts {
    let mut f = Facts { kind: Some(format.kind()), format: Some(format), ..Facts::default() };
    f.extension_mismatch = extension_mismatch(e.name, format);
    geometry(&mut f, found, format, e.sidecar_xmp);
    if let Some(m) = e.movie.filter(|m| m.has_video) {
        f.duration_s = m.duration_s.map(|d| (d * 1000.0).round() / 1000.0);
        f.fps = m.fps.filter(|v| v.is_finite() && *v > 0.0).map(|v| (v * 1000.0).round() / 1000.0);
        f.video_codec = m.video_codec.clone();
        f.audio = Some(m.audio.clone().unwrap_or_else(|| "none".to_owned()));
    }
    f.camera = how(&mut f, &e);
    let make = f.camera.make.clone().unwrap_or_default();
    if let Some((when, zone)) = taken::choose(&Evidence { make: &make, ..e }) {
        f.sources.insert("taken".into(), when.source.clone());
        if let Some(zone) = zone {
            f.sources.insert("taken.offset".into(), zone.to_owned());
        }
        f.taken = Some(when);
    }
    f.gps = position(&mut f, &e);
    f.burst_id = first(
        &mut f,
        "burst_id",
        [
            ("exif:MakerNotes".to_owned(), e.exif.and_then(|x| x.burst_id.clone())),
            ("xmp".to_owned(), e.xmp.iter().find_map(|x| x.burst_id.clone())),
        ],
    );
    f.content_identifier = first(
        &mut f,
        "content_identifier",
        [
            ("exif:MakerNotes".to_owned(), e.exif.and_then(|x| x.content_identifier.clone())),
            ("quicktime".to_owned(), e.movie.and_then(|m| m.content_identifier.clone())),
        ],
    );
    f.pano = match e.movie.and_then(|m| m.projection.as_deref()) {
        Some(projection) => Some(panorama::of_video(projection)),
        None if format.kind() == Kind::Photo => e.xmp.iter().find_map(|x| panorama::of_photo(&x.pano)),
        None => e.xmp.iter().find_map(|x| x.pano.projection.as_deref()).map(panorama::of_video),
    };
    f.adobe_rgb = e.exif.is_some_and(|x| x.is_adobe_rgb());
    f.hdr = hdr(found).map(|kind| Hdr { kind: kind.to_owned() });
    let turned = f.orientation.unwrap_or(1);
    let sidecars = e.sidecar_xmp.iter().map(|(n, x)| (format!("sidecar:{n}"), x));
    let written = sidecars.chain(e.xmp.iter().map(|x| ("xmp".to_owned(), x)));
    let regions =
        written.map(|(source, x)| (source, x.regions.iter().any(|r| !r.is_pet).then_some(&x.regions)));
    let regions = first(&mut f, "regions", regions).into_iter().flatten().filter(|r| !r.is_pet);
    f.regions = regions.filter_map(|r| regions::upright(r, found.coded, turned)).collect();
    words(&mut f, &e);
    f.edited_from = edited::original_name(e.name);
    bound(&mut f);
    f
}

/// Truncates overlong values: facts pass through a pipe and into an index.
fn bound(f: &mut Facts) {
    /// A description; the longest caption in use is IPTC's of 2000 characters.
    const LONG: usize = 16 * 1024;
    /// A name, a title, a tag.
    const SHORT: usize = 1024;
    /// Tags of one photo.
    const TAGS: usize = 2000;
    fn cut(s: &mut String, limit: usize) {
        s.truncate((0..=limit.min(s.len())).rev().find(|&i| s.is_char_boundary(i)).unwrap_or(0));
    }
    for s in [&mut f.description, &mut f.copyright].into_iter().flatten() {
        cut(s, LONG);
    }
    let c = &mut f.camera;
    let names = [
        &mut f.title,
        &mut f.burst_id,
        &mut f.content_identifier,
        &mut f.video_codec,
        &mut f.audio,
        &mut c.make,
        &mut c.model,
        &mut c.lens,
        &mut c.software,
    ];
    for s in names.into_iter().flatten() {
        cut(s, SHORT);
    }
    f.tags.iter_mut().for_each(|t| cut(t, SHORT));
    f.tags.dedup();
    f.tags.truncate(TAGS);
    f.regions.iter_mut().filter_map(|r| r.name.as_mut()).for_each(|n| cut(n, SHORT));
    if let Some(p) = &mut f.pano {
        cut(&mut p.projection, SHORT);
    }
    if let Some(t) = &mut f.taken {
        t.rejected.iter_mut().for_each(|r| cut(&mut r.value, SHORT));
    }
    // A film of thirty years means a broken header.
    const LONGEST_S: f64 = 1e9;
    f.duration_s = f.duration_s.filter(|d| d.is_finite() && (0.0..LONGEST_S).contains(d));
    f.fps = f.fps.filter(|v| *v < 1e6);
}

/// The name's extension belongs to another format, and not to this one.
fn extension_mismatch(name: &str, format: Format) -> bool {
    let Some((stem, ext)) = name.rsplit_once('.') else { return false };
    let ext = ext.to_lowercase();
    if stem.is_empty() || format.extensions().contains(&ext.as_str()) {
        return false;
    }
    // TIFF-like RAW formats of makers without a format of their own here keep their extension.
    Format::all().any(|other| other.extensions().contains(&ext.as_str()))
}

fn geometry(f: &mut Facts, found: &Findings, format: Format, sidecars: &[(String, Xmp)]) {
    let sane = |s: Option<(u32, u32)>| s.filter(|(w, h)| *w > 0 && *h > 0);
    if let Some((w, h)) = sane(found.coded) {
        (f.width, f.height) = (Some(w), Some(h));
    }
    let written = found.exif.as_ref().and_then(|x| x.orientation);
    let container_decides = matches!(format, Format::Heic | Format::Heif | Format::Avif | Format::Jxl)
        || format.kind() == Kind::Video;
    // A sidecar has the user's rotation of a file that cannot be written to.
    let turned = sidecars.iter().find_map(|(name, x)| Some((name, x.orientation?)));
    f.orientation = match turned {
        _ if format.kind() == Kind::Video => found.orientation,
        Some((name, orientation)) if !container_decides => {
            f.sources.insert("orientation".into(), format!("sidecar:{name}"));
            Some(orientation)
        }
        _ => written.or(found.orientation),
    };
    let display = if container_decides {
        sane(found.display).or(sane(found.coded))
    } else {
        let size = sane(found.display).or(sane(found.coded));
        if f.orientation.is_some_and(|o| o >= 5) { size.map(|(w, h)| (h, w)) } else { size }
    };
    if let Some((w, h)) = display {
        (f.display_width, f.display_height) = (Some(w), Some(h));
    }
}

/// Camera, lens and settings.
fn how(f: &mut Facts, e: &Evidence<'_>) -> Camera {
    let exif = e.exif;
    let movie = e.movie;
    // XMP inside the file is a copy of EXIF; a sidecar's is the only source for files that cannot contain
    // any.
    macro_rules! pick {
        ($key:literal, $exif:ident, $xmp:ident) => {
            first(
                f,
                concat!("camera.", $key),
                std::iter::once(("exif".to_owned(), exif.and_then(|x| x.$exif.clone())))
                    .chain(e.xmp.iter().map(|x| ("xmp".to_owned(), x.$xmp.clone())))
                    .chain(e.sidecar_xmp.iter().map(|(n, x)| (format!("sidecar:{n}"), x.$xmp.clone())))
                    .chain(e.sidecar_exif.iter().map(|(n, x)| (format!("sidecar:{n}"), x.$exif.clone()))),
            )
        };
        ($key:literal, $exif:ident, $xmp:ident, $movie:ident) => {
            first(
                f,
                concat!("camera.", $key),
                std::iter::once(("exif".to_owned(), exif.and_then(|x| x.$exif.clone())))
                    .chain(std::iter::once(("movie".to_owned(), movie.and_then(|m| m.$movie.clone()))))
                    .chain(e.xmp.iter().map(|x| ("xmp".to_owned(), x.$xmp.clone())))
                    .chain(e.sidecar_xmp.iter().map(|(n, x)| (format!("sidecar:{n}"), x.$xmp.clone())))
                    .chain(e.sidecar_exif.iter().map(|(n, x)| (format!("sidecar:{n}"), x.$exif.clone()))),
            )
        };
    }
    let make = pick!("make", make, make, make);
    let model = pick!("model", model, model, model);
    Camera {
        make: make.map(|m| camera::make(&m)),
        model: model.map(|m| camera::model(&m)),
        lens: pick!("lens", lens, lens, lens).map(|l| camera::model(&l)),
        iso: pick!("iso", iso, iso),
        f_number: pick!("f_number", f_number, f_number).map(|v| round(v, 1e3)),
        exposure_s: pick!("exposure_s", exposure_s, exposure_s).map(significant),
        focal_mm: pick!("focal_mm", focal_mm, focal_mm).map(|v| round(v, 1e3)),
        focal_35mm: pick!("focal_35mm", focal_35mm, focal_35mm).map(|v| round(v, 1e3)),
        flash: pick!("flash", flash, flash),
        white_balance: pick!("white_balance", white_balance, white_balance).map(str::to_owned),
        software: pick!("software", software, software, software),
    }
}

fn round(v: f64, steps: f64) -> f64 {
    (v * steps).round() / steps
}

/// Seven significant digits: the precision of a fraction of two 32-bit numbers.
fn significant(v: f64) -> f64 {
    format!("{v:.6e}").parse().unwrap_or(v)
}

fn position(f: &mut Facts, e: &Evidence<'_>) -> Option<Gps> {
    let mut sources: Vec<(String, Option<Gps>)> =
        e.sidecar_xmp.iter().map(|(n, x)| (format!("sidecar:{n}"), x.gps)).collect();
    sources.push(("exif".into(), e.exif.and_then(|x| x.gps)));
    sources.push(("movie".into(), e.movie.and_then(|m| m.gps)));
    sources.extend(e.xmp.iter().map(|x| ("xmp".to_owned(), x.gps)));
    sources.extend(e.sidecar_exif.iter().map(|(n, x)| (format!("sidecar:{n}"), x.gps)));
    sources.extend(e.takeout.iter().map(|(n, t)| (format!("takeout:{n}"), t.gps)));
    let mut gps = first(f, "gps", sources)?;
    // A ten-millionth of a degree is a centimetre.
    gps.lat = round(gps.lat, 1e7);
    gps.lon = round(gps.lon, 1e7);
    gps.alt = gps.alt.map(|a| round(a, 1e3));
    Some(gps)
}

/// Title, description, copyright, rating, tags.
fn words(f: &mut Facts, e: &Evidence<'_>) {
    let sidecars = || e.sidecar_xmp.iter().map(|(n, x)| (format!("sidecar:{n}"), x));
    let inside = || e.xmp.iter().map(|x| ("xmp".to_owned(), x));
    let exif = e.exif;
    let one = |source: &str, value: Option<String>| (source.to_owned(), value);

    let mut title: Vec<_> = sidecars().map(|(n, x)| (n, x.title.clone())).collect();
    title.extend(inside().map(|(n, x)| (n, x.title.clone())));
    title.push(one("iptc", e.iptc.and_then(|i| i.title.clone())));
    title.push(one("exif:XPTitle", exif.and_then(|x| x.xp_title.clone())));
    title.push(one("movie", e.movie.and_then(|m| m.title.clone())));
    title.push(one("png", e.text("png:Title").map(str::to_owned)));
    f.title = first(f, "title", title);

    let mut about: Vec<_> = sidecars().map(|(n, x)| (n, x.description.clone())).collect();
    about.extend(e.takeout.iter().map(|(n, t)| (format!("takeout:{n}"), t.description.clone())));
    about.push(one("exif", exif.and_then(|x| x.description.clone())));
    about.extend(inside().map(|(n, x)| (n, x.description.clone())));
    about.push(one("iptc", e.iptc.and_then(|i| i.description.clone())));
    about.push(one("exif:XPComment", exif.and_then(|x| x.xp_comment.clone())));
    about.push(one("exif:XPSubject", exif.and_then(|x| x.xp_subject.clone())));
    about.push(one("movie", e.movie.and_then(|m| m.description.clone())));
    about.push(one("png", e.text("png:Description").or(e.text("png:Comment")).map(str::to_owned)));
    about.push(one("gif", e.text("gif:comment").map(str::to_owned)));
    // A generated text is better than none, and worse than one by a user.
    about.sort_by_key(|(_, text)| text.as_deref().is_some_and(machine_made));
    f.description = first(f, "description", about);

    let mut rights: Vec<_> = sidecars().map(|(n, x)| (n, x.copyright.clone())).collect();
    rights.push(one("exif", exif.and_then(|x| x.copyright.clone())));
    rights.extend(inside().map(|(n, x)| (n, x.copyright.clone())));
    rights.push(one("iptc", e.iptc.and_then(|i| i.copyright.clone())));
    rights.push(one("movie", e.movie.and_then(|m| m.copyright.clone())));
    rights.push(one("png", e.text("png:Copyright").map(str::to_owned)));
    f.copyright = first(f, "copyright", rights);

    let stars = |v: Option<f64>| v.filter(|v| (-1.0..=5.0).contains(v)).map(|v| v.round() as i8);
    let mut rating: Vec<_> =
        sidecars().map(|(n, x)| (n, stars(x.rating).or(percent(x.rating_percent)))).collect();
    rating.extend(inside().map(|(n, x)| (n, stars(x.rating))));
    rating.push(("exif:Rating".into(), stars(exif.and_then(|x| x.rating).map(f64::from))));
    rating.extend(inside().map(|(n, x)| (n, percent(x.rating_percent))));
    rating.push(("exif:RatingPercent".into(), percent(exif.and_then(|x| x.rating_percent).map(f64::from))));
    rating.push(("exif:MakerNotes".into(), stars(exif.and_then(|x| x.maker.rating).map(f64::from))));
    rating.push(("movie".into(), stars(e.movie.and_then(|m| m.rating))));
    f.rating = first(f, "rating", rating);

    let mut tags = BTreeSet::new();
    for x in sidecars().chain(inside()).map(|(_, x)| x) {
        tags.extend(x.tags.iter().cloned());
        tags.extend(x.hierarchical.iter().map(|t| t.replace('|', "/")));
    }
    tags.extend(e.iptc.into_iter().flat_map(|i| i.keywords.iter().cloned()));
    tags.extend(exif.into_iter().flat_map(|x| x.xp_keywords.iter().cloned()));
    tags.extend(e.movie.into_iter().flat_map(|m| m.keywords.iter().cloned()));
    // digiKam and Lightroom list the people of a picture here without regions.
    let shown = sidecars().chain(inside()).flat_map(|(_, x)| &x.people);
    let people = e.takeout.iter().flat_map(|(_, t)| &t.people).chain(shown);
    // A region is more precise.
    let in_regions = |name: &String| f.regions.iter().any(|r| r.name.as_ref() == Some(name));
    tags.extend(people.filter(|name| !in_regions(name)).map(|name| format!("People/{name}")));
    let pets = sidecars().chain(inside()).flat_map(|(_, x)| &x.regions).filter(|r| r.is_pet);
    tags.extend(
        pets.filter_map(|r| Some(r.name.as_deref()?.trim().to_owned())).filter(|name| !name.is_empty()),
    );
    f.tags = tags.into_iter().collect();
}

/// Whether the description is a default text of a camera or program.
fn machine_made(text: &str) -> bool {
    const BEGINNINGS: &[&str] =
        &["created with ", "made with gimp", "file written by adobe photoshop", "image generated by "];
    const WHOLE: &[&str] = &["sony dsc", "dcf 1.0", "exif_jpeg_picture", "digital still camera", "default"];
    let text = text.trim().to_ascii_lowercase();
    text.ends_with("digital camera")
        || WHOLE.contains(&text.as_str())
        || BEGINNINGS.iter().any(|b| text.starts_with(b))
}

/// Microsoft's percentages as stars: 1, 25, 50, 75 and 99 are 1 to 5.
fn percent(v: Option<f64>) -> Option<i8> {
    v.filter(|v| (0.0..=100.0).contains(v)).map(|v| match v {
        v if v < 1.0 => 0,
        v if v < 13.0 => 1,
        v if v < 38.0 => 2,
        v if v < 63.0 => 3,
        v if v < 87.0 => 4,
        _ => 5,
    })
}

fn hdr(found: &Findings) -> Option<&'static str> {
    let google = found.google_gain_map || found.tags().any(|x| x.gain_map);
    let apple = found.apple_gain_map || found.tags().any(|x| x.apple_gain_map);
    match found.transfer {
        _ if found.iso_gain_map => Some("gain_map_iso"),
        _ if google => Some("gain_map_google"),
        _ if apple => Some("gain_map_apple"),
        Some(16) => Some("pq"),
        Some(18) => Some("hlg"),
        _ => None,
    }
}
