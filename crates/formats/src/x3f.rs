//! Sigma's RAW files (X3F): a directory at the end lists sections; some contain JPEGs, one contains properties as
//! text.

use super::bytes::{Reader, View, tidy};
use super::exif::{Exif, ExifDate};
use super::values::keep;
use super::{Findings, jpeg};

/// The first bytes of a file.
pub const MAGIC: &[u8] = b"FOVb";
/// Sections of a file; real ones have under twenty.
const MAX_SECTIONS: u32 = 64;
const MAX_PROPERTIES: u32 = 1000;
const MAX_PROPERTY_BYTES: usize = 1 << 20;

/// The sections that the directory lists.
fn sections(view: View<'_>) -> impl Iterator<Item = ([u8; 4], View<'_>)> {
    let directory = view.len().checked_sub(4).and_then(|end| view.le32(end)).map(|at| view.from(at.into()));
    let directory = directory.filter(|d| d.array::<4>(0) == Some(*b"SECd"));
    let count = directory.and_then(|d| d.le32(8)).unwrap_or(0).min(MAX_SECTIONS);
    (0..u64::from(count)).filter_map(move |i| {
        let directory = directory?;
        let entry = 12 + 12 * i;
        let (at, length) = (directory.le32(entry)?, directory.le32(entry + 4)?);
        Some((directory.array(entry + 8)?, view.part(at.into(), length.into())))
    })
}

/// The embedded JPEGs.
pub fn jpegs(view: View<'_>) -> impl Iterator<Item = View<'_>> {
    /// The header of a picture, and its format's number for JPEG.
    const HEADER: u64 = 28;
    const JPEG: u32 = 18;
    let is_jpeg =
        |section: &View<'_>| section.array::<4>(0) == Some(*b"SECi") && section.le32(12) == Some(JPEG);
    sections(view).map(|(_, section)| section).filter(is_jpeg).map(|section| section.from(HEADER))
}

pub fn read(reader: &Reader) -> Findings {
    let mut found = Findings::default();
    let view = reader.view();
    // The JPEG has EXIF in cameras from 2008 on.
    for jpeg in jpegs(view) {
        let mut inside = Findings::default();
        jpeg::read_view(jpeg, &mut inside);
        if inside.exif.is_some() || !inside.xmp.is_empty() {
            inside.mpf = None;
            found = inside;
        }
    }
    if let Some((_, properties)) = sections(view).find(|(kind, _)| kind == b"PROP") {
        let mut exif = Exif::default();
        read_properties(properties, &mut exif);
        found.add_exif(Some(exif));
    }
    let size = view.le32(28).zip(view.le32(32));
    let is_size = |s: &(u32, u32)| (16..=1 << 15).contains(&s.0) && (16..=1 << 15).contains(&s.1);
    found.coded = size.filter(is_size).or(found.coded);
    found
}

/// Names and values in UTF-16: a table of two offsets each, in characters, then all texts.
fn read_properties(section: View<'_>, exif: &mut Exif) -> Option<()> {
    if section.array::<4>(0)? != *b"SECp" {
        return None;
    }
    let count = section.le32(8)?.min(MAX_PROPERTIES);
    let words = section.from(24 + 8 * u64::from(section.le32(8)?)).head(MAX_PROPERTY_BYTES);
    let text = |at: u32| {
        let words = words.get(2 * at as usize..)?;
        let (s, _) = encoding_rs::UTF_16LE.decode_without_bom_handling(&words[..words.len().min(512)]);
        tidy(s.split('\0').next().unwrap_or_default())
    };
    for i in 0..u64::from(count) {
        let (Some(name), Some(value)) = (text(section.le32(24 + 8 * i)?), text(section.le32(28 + 8 * i)?))
        else {
            continue;
        };
        let number = || value.parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0);
        match name.as_str() {
            "CAMMANUF" => keep(&mut exif.make, Some(value)),
            "CAMMODEL" => keep(&mut exif.model, Some(value)),
            "APERTURE" => keep(&mut exif.f_number, number()),
            "EXPTIME" => keep(&mut exif.exposure_s, number().map(|us| us / 1e6)),
            "FLENGTH" => keep(&mut exif.focal_mm, number()),
            "ISO" => keep(&mut exif.iso, number().map(|v| v as u32)),
            // Seconds since 1970 by the camera's own clock.
            "TIME" => {
                let time = value.parse().ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
                keep(
                    &mut exif.original,
                    time.map(|t| ExifDate {
                        text: t.strftime("%Y:%m:%d %H:%M:%S").to_string(),
                        ..ExifDate::default()
                    }),
                );
            }
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), at in 0u32..300) {
            let file = [MAGIC, &bytes, b"SECd\0\0\0\0\x03\0\0\0", &bytes, &at.to_le_bytes()].concat();
            read(&Reader::from_bytes(file.clone()));
            read_properties(Reader::from_bytes([b"SECp\0\0\0\0\x09\0\0\0", &bytes[..]].concat()).view(), &mut Exif::default());
        }
    }
}
