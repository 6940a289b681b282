//! Bytes to facts: the container readers, then the rules that choose every fact from its sources.
//!
//! The order of sources: sidecar, EXIF, XMP, IPTC, the container's own texts. A broken source does not affect
//! the others.

use crate::decode::is_usable_preview;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::{DevelopRequest, Facts, Inputs, Kind, Size};
use albumen_formats::Container;
use albumen_formats::bytes::Reader;
use albumen_formats::preview::Preview;
use albumen_formats::sidecar::{self, Sidecar};
use albumen_formats::{motion, preview, read, sniff, unknown};
use albumen_library::choose;
use albumen_library::evidence::Evidence;
use albumen_library::sidecar_names::{MediaNames, picture_named};

/// The facts of a file and its sidecars. Broken tags never affect the good ones; a `Fault` means that not
/// even the kind could be detected.
pub fn inspect(request: &DevelopRequest, inputs: &Inputs) -> Result<Facts, Fault> {
    parse(request, inputs).map(|(facts, _)| facts)
}

/// The same, with the parts of the file's structure that [`crate::decode::decode_parsed`] needs.
pub fn parse(request: &DevelopRequest, inputs: &Inputs) -> Result<(Facts, Container), Fault> {
    let reader = Reader::new(&inputs.primary);
    let Some(format) = sniff::sniff(&reader) else {
        return Err(reader.fault().unwrap_or_else(|| unknown(&reader)));
    };
    let mut found = read(&reader, format);
    let format = found.format.unwrap_or(format);
    let mut container = std::mem::take(&mut found.container);
    if format.kind() == Kind::Video && found.movie.as_ref().is_some_and(|m| !m.has_video && m.audio.is_some())
    {
        return Err(Fault::unsupported("a sound file: there is no video in it"));
    }
    let mut sidecar_xmp = Vec::new();
    let mut takeout = Vec::new();
    let mut sidecar_exif = Vec::new();
    let mut original = None;
    for (name, source) in request.sidecars.iter().zip(&inputs.sidecars) {
        let name = String::from_utf8_lossy(name).into_owned();
        match sidecar::read(source) {
            Some(Sidecar::Xmp(x)) => sidecar_xmp.push((name, *x)),
            Some(Sidecar::Takeout(t)) => {
                // For an edited copy, the engine passes Google's data of its original.
                let is_own = MediaNames::new(&[&request.name]).owner_of(name.as_bytes(), None).is_some();
                original = original.or_else(|| picture_named(&name).filter(|_| !is_own));
                takeout.push((name, t));
            }
            Some(Sidecar::Thumbnail(x)) => sidecar_exif.push((name, *x)),
            None => {}
        }
    }
    let name = String::from_utf8_lossy(&request.name);
    let folder = String::from_utf8_lossy(&request.folder);
    let evidence = Evidence {
        exif: found.exif.as_ref(),
        xmp: &found.xmp,
        sidecar_xmp: &sidecar_xmp,
        sidecar_exif: &sidecar_exif,
        takeout: &takeout,
        iptc: found.iptc.as_ref(),
        movie: found.movie.as_ref(),
        text: &found.text,
        make: "",
        name: &name,
        folder: &folder,
        mtime_ns: request.mtime_ns,
        is_video: format.kind() == Kind::Video,
        utc_ms: motion::samsung_utc(&reader, format),
    };
    let mut facts = choose::facts(format, &found, evidence);
    facts.motion = motion::find(&reader, format, &found);
    facts.edited_from = facts.edited_from.or(original);
    if let Some(fault) = reader.fault() {
        return Err(fault);
    }
    // For others the sensor's data is developed; `small_preview` is set by then.
    if format.is_raw() {
        // A reader of its own: a search through the file must not use up the budget for metadata.
        let previews = preview::previews(&Reader::new(&inputs.primary));
        facts.small_preview = small_preview(&previews, &facts, &|preview| {
            is_usable_preview((preview.width, preview.height), &facts)
        });
        container.previews = Some(previews);
    }
    Ok((facts, container))
}

/// The fact `small_preview` when a picture whose full size is `shown` has been made of the file.
pub fn small_preview_shown(container: &Container, facts: &Facts, shown: (u32, u32)) -> Option<Size> {
    let pixels = u64::from(shown.0) * u64::from(shown.1);
    small_preview(container.previews.as_deref()?, facts, &|preview| pixels <= preview.pixels())
}

/// The size of a RAW file's largest preview, if it has less than a quarter of the sensor's pixels and is the
/// displayed picture.
fn small_preview(previews: &[Preview], facts: &Facts, is_shown: &dyn Fn(&Preview) -> bool) -> Option<Size> {
    let (width, height) = facts.width.zip(facts.height)?;
    let largest = previews.first()?;
    let is_small = largest.pixels() * 4 < u64::from(width) * u64::from(height);
    (is_small && is_shown(largest)).then_some(Size { width: largest.width, height: largest.height })
}
