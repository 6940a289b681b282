//! Metadata of a movie: user data, item lists, and the boxes of Sony and Canon.

use super::Movie;
use crate::bmff::{self, Box, boxes};
use crate::budget::TEXT;
use crate::bytes::{View, text, tidy};
use crate::values::{add_words, keep, place};
use crate::{Findings, exif, iso6709};
use albumen_core::vocabulary::Gps;

/// Maximum bytes of one XMP packet.
pub(super) const MAX_VALUE: usize = 4 * 1024 * 1024;

/// User data: QuickTime's `©` texts, 3GPP's boxes, XMP, and a `meta` box of iTunes.
pub(super) fn read_udta(udta: View<'_>, found: &mut Findings) {
    for b in boxes(udta) {
        match &b.kind {
            b"meta" => read_meta(b.body, found),
            b"XMP_" => found.add_xmp(b.body.head(MAX_VALUE)),
            b"loci" => {
                let gps = location_box(b.body);
                keep(&mut found.movie_mut().gps, gps);
            }
            b"titl" | b"dscp" | b"cprt" | b"auth" => {
                let value = asset_text(b.body);
                let movie = found.movie_mut();
                match &b.kind {
                    b"titl" => keep(&mut movie.title, value),
                    b"dscp" => keep(&mut movie.description, value),
                    b"cprt" => keep(&mut movie.copyright, value),
                    _ => {}
                }
            }
            b"manu" => keep(&mut found.movie_mut().make, text(&b.body.from(6).head(256))),
            b"modl" => keep(&mut found.movie_mut().model, text(&b.body.from(6).head(256))),
            [0xA9, name @ ..] => {
                if let Some(value) = international_text(b.body) {
                    apply_text(name, &value, found.movie_mut());
                }
            }
            _ => {}
        }
    }
}

/// `©` text: a length and a language of 16 bits each before it.
fn international_text(v: View<'_>) -> Option<String> {
    let n = u64::from(v.be16(0)?);
    let bytes = if n + 4 <= v.len() { v.part(4, n) } else { v }.head(TEXT);
    text(&bytes)
}

/// 3GPP asset text: version, language, then UTF-8 or UTF-16 with a byte order mark.
fn asset_text(v: View<'_>) -> Option<String> {
    let bytes = v.from(6).head(64 * 1024);
    if bytes.starts_with(b"\xfe\xff") {
        tidy(encoding_rs::UTF_16BE.decode_with_bom_removal(&bytes).0.split('\0').next()?)
    } else {
        text(&bytes)
    }
}

/// 3GPP's location: name, role, then longitude, latitude and altitude as 16.16 fixed point.
fn location_box(v: View<'_>) -> Option<Gps> {
    let bytes = v.head(4096);
    let name = bytes.get(6..)?;
    let end = if name.starts_with(b"\xfe\xff") {
        name.chunks_exact(2).position(|c| c == [0, 0])? * 2 + 2
    } else {
        name.iter().position(|&b| b == 0)? + 1
    };
    let at = (6 + end + 1) as u64;
    let fixed = |at: u64| v.be32(at).map(|x| f64::from(x as i32) / 65536.0);
    place(fixed(at + 4)?, fixed(at)?, fixed(at + 8))
}

fn apply_text(name: &[u8], value: &str, movie: &mut Movie) {
    let value = Some(value.to_owned());
    match name {
        b"xyz" => keep(&mut movie.gps, value.as_deref().and_then(iso6709::parse)),
        b"mak" => keep(&mut movie.make, value),
        b"mod" => keep(&mut movie.model, value),
        b"swr" | b"too" => keep(&mut movie.software, value),
        b"nam" => keep(&mut movie.title, value),
        b"cmt" | b"des" | b"inf" => keep(&mut movie.description, value),
        b"cpy" => keep(&mut movie.copyright, value),
        b"day" => keep(&mut movie.other_date, value.map(|v| ("quicktime:day", v))),
        _ => {}
    }
}

/// A `meta` box: Apple's keys (`mdta`), iTunes' list (`mdir`), or Sony's XML.
pub(super) fn read_meta(body: View<'_>, found: &mut Findings) {
    // QuickTime's has no version and flags: a box begins at once.
    let body = if body.array::<4>(4) == Some(*b"hdlr") { body } else { body.from(4) };
    let mut names: Vec<String> = Vec::new();
    for b in boxes(body) {
        match &b.kind {
            b"keys" => {
                names = boxes(b.body.from(8))
                    .take(1000)
                    .map(|k| String::from_utf8_lossy(&k.body.head(256)).into_owned())
                    .collect();
            }
            b"ilst" => {
                for item in boxes(b.body).take(1000) {
                    let Some(data) = bmff::find(item.body, b"data") else { continue };
                    let key = match names.get((u32::from_be_bytes(item.kind) as usize).wrapping_sub(1)) {
                        Some(name) => name.clone(),
                        None => String::from_utf8_lossy(&item.kind[1..]).into_owned(),
                    };
                    let own = item.kind[0] == 0xA9 || &item.kind == b"desc" || &item.kind == b"cprt";
                    apply_item(&key, own, &item.kind, &data, found.movie_mut());
                }
            }
            b"xml " => {
                if let Some((_, _, v)) = b.full() {
                    sony_xml(&v.head(256 * 1024), found.movie_mut());
                }
            }
            _ => {}
        }
    }
}

fn apply_item(key: &str, itunes: bool, kind: &[u8; 4], data: &Box<'_>, movie: &mut Movie) {
    // Type and locale before the value; 1 is UTF-8, 2 UTF-16.
    let Some(type_) = data.body.be32(0) else { return };
    let bytes = data.body.from(8).head(TEXT);
    let value = match type_ & 0xFF_FFFF {
        2 => tidy(&encoding_rs::UTF_16BE.decode_with_bom_removal(&bytes).0),
        23 => <[u8; 4]>::try_from(&bytes[..]).ok().map(|b| f32::from_be_bytes(b).to_string()),
        24 => <[u8; 8]>::try_from(&bytes[..]).ok().map(|b| f64::from_be_bytes(b).to_string()),
        21 | 22 => Some(bytes.iter().take(8).fold(0u64, |n, b| n << 8 | u64::from(*b)).to_string()),
        _ => text(&bytes),
    };
    let Some(value) = value else { return };
    if itunes {
        match kind {
            b"desc" => keep(&mut movie.description, Some(value)),
            b"cprt" => keep(&mut movie.copyright, Some(value)),
            _ => apply_text(&kind[1..], &value, movie),
        }
        return;
    }
    let key = key.strip_prefix("com.apple.quicktime.").or(key.strip_prefix("com.android.")).unwrap_or(key);
    match key {
        "creationdate" => keep(&mut movie.creation_date, Some(value)),
        "location.ISO6709" => {
            if let Some(gps) = iso6709::parse(&value) {
                movie.gps = Some(gps);
            }
        }
        "make" | "manufacturer" => movie.make = Some(value),
        "model" => movie.model = Some(value),
        "software" => movie.software = Some(value),
        "camera.lens_model" => keep(&mut movie.lens, Some(value)),
        "content.identifier" => keep(&mut movie.content_identifier, Some(value)),
        "title" | "displayname" => keep(&mut movie.title, Some(value)),
        "description" | "comment" => keep(&mut movie.description, Some(value)),
        "copyright" => keep(&mut movie.copyright, Some(value)),
        "keywords" => add_words(&mut movie.keywords, value.split(',').filter_map(tidy)),
        "rating.user" => keep(&mut movie.rating, value.parse().ok()),
        _ => {}
    }
}

/// Sony's XML beside the movie box: `<CreationDate value="2018-09-20T20:41:37+03:00"/>`,
/// `<Device manufacturer="Sony" modelName="ILCE-7M3" .../>`.
fn sony_xml(xml: &[u8], movie: &mut Movie) {
    let s = String::from_utf8_lossy(xml);
    let attribute = |element: &str, name: &str| {
        let start = s.find(&format!("<{element} "))?;
        let tag = &s[start..start + s[start..].find('>')?];
        let open = format!("{name}=\"");
        let rest = &tag[tag.find(&open)? + open.len()..];
        tidy(&rest[..rest.find('"')?])
    };
    keep(&mut movie.creation_date, attribute("CreationDate", "value"));
    keep(&mut movie.make, attribute("Device", "manufacturer"));
    keep(&mut movie.model, attribute("Device", "modelName"));
    keep(&mut movie.lens, attribute("Lens", "modelName"));
}

/// Canon's directories: CMT1 is the image directory, CMT2 the EXIF one, CMT3 the maker note, CMT4 GPS.
pub(super) fn read_canon(body: View<'_>, found: &mut Findings) {
    use crate::tiff::Tiff;
    let mut out = exif::Exif::default();
    let mut any = false;
    for b in boxes(body) {
        let Some(tiff) = Tiff::open(b.body) else { continue };
        let ifd = tiff.ifd(tiff.first);
        any = true;
        match &b.kind {
            b"CMT1" => out.read_image(&tiff, &ifd),
            b"CMT2" => out.read_photo(&tiff, &ifd),
            b"CMT3" => crate::makernote::read_canon(&tiff, &ifd, &mut out.maker),
            b"CMT4" => out.read_gps(&tiff, &ifd),
            _ => {}
        }
    }
    if any {
        out.finish();
        found.add_exif(Some(out));
    }
}
