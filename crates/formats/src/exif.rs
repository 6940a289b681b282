//! EXIF: from a TIFF structure to named values.
//!
//! Invariants: each tag is independent of the others; "unknown" values that cameras write (0, infinity, blanks) are
//! absent. The choice between sources is not made here.

use super::bytes::{View, text, tidy};
use super::lens;
use super::makernote;
use super::tiff::{Entry, Ifd, Tiff, tag};
use super::values::{add_words, keep, place};
use albumen_core::vocabulary::Gps;

/// A date as written, with its parts from other tags.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExifDate {
    /// `2023:07:01 10:20:30`
    pub text: String,
    /// Digits after the decimal point.
    pub subsec: Option<String>,
    /// `+02:00`
    pub offset: Option<String>,
}

macro_rules! exif {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// The values of EXIF. Texts are trimmed and never empty.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Exif {
            $($(#[$doc])* pub $name: Option<$type>,)*
            pub xp_keywords: Vec<String>,
            pub maker: makernote::MakerNote,
        }

        impl Exif {
            /// Adds values from another block that this one lacks.
            pub fn absorb(&mut self, other: Exif) {
                $(keep(&mut self.$name, other.$name);)*
                if self.xp_keywords.is_empty() {
                    self.xp_keywords = other.xp_keywords;
                }
                if self.maker == makernote::MakerNote::default() {
                    self.maker = other.maker;
                }
            }
        }
    };
}

exif! {
    make: String,
    model: String,
    software: String,
    description: String,
    copyright: String,
    xp_title: String,
    xp_comment: String,
    xp_subject: String,
    orientation: u8,
    original: ExifDate,
    digitized: ExifDate,
    modified: ExifDate,
    /// UTC, `2023:07:01 08:20:30.5`
    gps_time: String,
    gps: Gps,
    iso: u32,
    f_number: f64,
    exposure_s: f64,
    focal_mm: f64,
    focal_35mm: f64,
    flash: bool,
    white_balance: &'static str,
    lens: String,
    rating: u32,
    rating_percent: u32,
    /// The size of the picture according to the camera.
    pixels: (u32, u32),
    /// 1 sRGB, 2 Adobe RGB by many cameras, 65535 neither.
    colour_space: u32,
    /// DCF's rule for the file: `R98` for sRGB, `R03` for Adobe RGB.
    interoperability: String,
    content_identifier: String,
    burst_id: String,
    /// An XMP packet, an IPTC block and Photoshop resources in TIFF tags.
    xmp: Vec<u8>,
    iptc: Vec<u8>,
    photoshop: Vec<u8>,
}

/// The bytes before the TIFF header in an APP1 segment and in some containers.
pub const EXIF_HEADER: &[u8] = b"Exif\0";

/// Reads a block that begins with a TIFF header (after an optional `Exif\0\0`).
pub fn read(block: View<'_>) -> Option<Exif> {
    let block = if block.head(EXIF_HEADER.len()) == EXIF_HEADER { block.from(6) } else { block };
    let tiff = Tiff::open(block)?;
    let mut exif = Exif::default();
    let ifd0 = tiff.ifd(tiff.first);
    exif.read_main(&tiff, &ifd0);
    exif.finish();
    Some(exif)
}

impl Exif {
    /// The first directory and its EXIF and GPS directories.
    pub fn read_main(&mut self, tiff: &Tiff<'_>, ifd: &Ifd) {
        self.read_image(tiff, ifd);
        let sub = |tag: u16| ifd.find(tag).and_then(|e| tiff.uint(e)).map(|at| tiff.ifd(u64::from(at)));
        if let Some(photo) = sub(tag::EXIF_DIRECTORY) {
            self.read_photo(tiff, &photo);
            // Some writers put all tags into one directory, some into the other.
            self.read_image(tiff, &photo);
        }
        self.read_photo(tiff, ifd);
        let interoperability = sub(0xA005).or_else(|| {
            let photo = sub(tag::EXIF_DIRECTORY)?;
            photo.find(0xA005).and_then(|e| tiff.uint(e)).map(|at| tiff.ifd(u64::from(at)))
        });
        if let Some(index) = interoperability {
            keep(&mut self.interoperability, index.find(1).and_then(|e| tiff.text(e)));
        }
        if let Some(gps) = sub(0x8825) {
            self.read_gps(tiff, &gps);
        }
    }

    /// Tags of the image directory.
    pub fn read_image(&mut self, tiff: &Tiff<'_>, ifd: &Ifd) {
        let text = |tag| ifd.find(tag).and_then(|e| tiff.text(e));
        let uint = |tag| ifd.find(tag).and_then(|e| tiff.uint(e));
        keep(&mut self.make, text(0x10F));
        keep(&mut self.model, text(0x110));
        keep(&mut self.software, text(0x131));
        keep(&mut self.description, text(0x10E));
        keep(&mut self.copyright, ifd.find(0x8298).and_then(|e| copyright(&tiff.text_bytes(e)?)));
        keep(
            &mut self.orientation,
            uint(0x112).and_then(|v| u8::try_from(v).ok()).filter(|v| (1..=8).contains(v)),
        );
        keep(&mut self.modified, text(0x132).map(|text| ExifDate { text, ..ExifDate::default() }));
        keep(&mut self.rating, uint(0x4746));
        keep(&mut self.rating_percent, uint(0x4749));
        let utf16 = |tag| ifd.find(tag).and_then(|e| utf16le(&tiff.text_bytes(e)?));
        keep(&mut self.xp_title, utf16(0x9C9B));
        keep(&mut self.xp_comment, utf16(0x9C9C));
        keep(&mut self.xp_subject, utf16(0x9C9F));
        if let Some(words) = utf16(0x9C9E) {
            add_words(&mut self.xp_keywords, words.split(';').filter_map(tidy));
        }
        keep(&mut self.xmp, ifd.find(0x2BC).and_then(|e| tiff.bytes(e)));
        keep(&mut self.iptc, ifd.find(0x83BB).and_then(|e| tiff.bytes(e)));
        keep(&mut self.photoshop, ifd.find(0x8649).and_then(|e| tiff.bytes(e)));
    }

    /// Tags of the EXIF directory.
    pub fn read_photo(&mut self, tiff: &Tiff<'_>, ifd: &Ifd) {
        let text = |tag| ifd.find(tag).and_then(|e| tiff.text(e));
        let uint = |tag| ifd.find(tag).and_then(|e| tiff.uint(e));
        let positive = |tag| ifd.find(tag).and_then(|e| tiff.float(e)).filter(|v| *v > 0.0 && *v < 1e6);
        let date = |tag, subsec, offset| {
            text(tag).map(|t| ExifDate {
                text: t,
                subsec: text(subsec).filter(|s: &String| s.bytes().all(|b| b.is_ascii_digit())),
                offset: text(offset),
            })
        };
        keep(&mut self.original, date(0x9003, 0x9291, 0x9011));
        keep(&mut self.digitized, date(0x9004, 0x9292, 0x9012));
        if let Some(modified) = &mut self.modified {
            keep(&mut modified.subsec, text(0x9290).filter(|s| s.bytes().all(|b| b.is_ascii_digit())));
            keep(&mut modified.offset, text(0x9010));
        }
        keep(&mut self.exposure_s, positive(0x829A));
        // Shutter speed and aperture in APEX units, if the plain values are missing.
        let apex =
            |tag| ifd.find(tag).and_then(|e| tiff.float(e)).filter(|v: &f64| v.abs() < 30.0 && *v != 0.0);
        keep(&mut self.exposure_s, apex(0x9201).map(|v| (-v).exp2()));
        keep(&mut self.f_number, positive(0x829D));
        keep(&mut self.f_number, apex(0x9202).map(|v| (v / 2.0).exp2()));
        let iso = |tag| uint(tag).filter(|v| *v > 0 && *v < 10_000_000);
        // 65535 means "see the longer tags": recommended exposure index, standard output sensitivity.
        let plain = iso(0x8827);
        let long =
            if plain.is_none_or(|v| v == 65535) { iso(0x8832).or(iso(0x8831)).or(iso(0x8833)) } else { None };
        keep(&mut self.iso, long.or(plain.filter(|v| *v != 65535)));
        keep(&mut self.focal_mm, positive(0x920A));
        keep(&mut self.focal_35mm, positive(0xA405).filter(|v| *v < 65535.0));
        keep(&mut self.flash, uint(0x9209).map(|v| v & 1 == 1));
        keep(
            &mut self.white_balance,
            match uint(0xA403) {
                Some(0) => Some("auto"),
                Some(1) => Some("manual"),
                _ => None,
            },
        );
        keep(&mut self.colour_space, uint(0xA001));
        let real_lens =
            |s: &String| !s.chars().all(|c| "-./?0 ".contains(c)) && !s.eq_ignore_ascii_case("n/a");
        keep(&mut self.lens, text(0xA434).filter(real_lens));
        if let (Some(w), Some(h)) = (uint(0xA002), uint(0xA003))
            && w > 0
            && h > 0
        {
            keep(&mut self.pixels, Some((w, h)));
        }
        if let Some(e) = ifd.find(tag::MAKER_NOTE) {
            makernote::read(tiff, e, self.make.as_deref().unwrap_or_default(), &mut self.maker);
        }
        if self.lens.is_none()
            && let Some(e) = ifd.find(0xA432)
        {
            self.maker.lens_info = lens::of_figures(tiff, e);
        }
    }

    /// Whether samples without a profile are Adobe RGB: DCF's optional colour space, or the number that many cameras write.
    pub fn is_adobe_rgb(&self) -> bool {
        match self.colour_space {
            Some(2) => true,
            Some(1) => false,
            _ => self.interoperability.as_deref() == Some("R03"),
        }
    }

    /// Adds values from maker notes that the standard tags lack.
    pub fn finish(&mut self) {
        let maker = std::mem::take(&mut self.maker);
        keep(&mut self.lens, maker.lens.clone());
        keep(&mut self.lens, maker.lens_info.clone());
        keep(&mut self.iso, maker.iso);
        keep(&mut self.content_identifier, maker.content_identifier.clone());
        keep(&mut self.burst_id, maker.burst_id.clone());
        self.maker = maker;
    }

    /// Tags of the GPS directory.
    pub fn read_gps(&mut self, tiff: &Tiff<'_>, ifd: &Ifd) {
        let degrees = |tag| ifd.find(tag).and_then(|e| angle(tiff, e));
        let letter = |tag| ifd.find(tag).and_then(|e| tiff.text(e)).map(|s| s.to_ascii_uppercase());
        let (lat, lon) = (degrees(2), degrees(4));
        if let (Some(lat), Some(lon)) = (lat, lon) {
            let south = letter(1).is_some_and(|s| s.starts_with('S'));
            let west = letter(3).is_some_and(|s| s.starts_with('W'));
            let alt = ifd.find(6).and_then(|e| tiff.float(e)).filter(|a| a.abs() < 100_000.0).map(|a| {
                // The reference is a number by the standard, but a digit as text in some files.
                let below = ifd
                    .find(5)
                    .and_then(|e| tiff.text_bytes(e))
                    .is_some_and(|b| matches!(b.first(), Some(1 | b'1')));
                if below { -a.abs() } else { a }
            });
            let sign = |v: f64, negative: bool| if negative { -v.abs() } else { v };
            keep(&mut self.gps, place(sign(lat, south), sign(lon, west), alt));
        }
        let stamp = ifd.find(7).and_then(|e| {
            let (h, m, s) = (tiff.float_at(e, 0)?, tiff.float_at(e, 1)?, tiff.float_at(e, 2)?);
            ((0.0..24.0).contains(&h) && (0.0..60.0).contains(&m) && (0.0..61.0).contains(&s))
                .then_some((h, m, s))
        });
        if let (Some(day), Some((h, m, s))) = (ifd.find(0x1D).and_then(|e| tiff.text(e)), stamp) {
            let whole = s.floor();
            let millis = ((s - whole) * 1000.0).round().min(999.0);
            let fraction = if millis > 0.0 { format!(".{millis:03}") } else { String::new() };
            keep(&mut self.gps_time, Some(format!("{day} {h:02.0}:{m:02.0}:{whole:02.0}{fraction}")));
        }
    }
}

/// Degrees, minutes and seconds; later parts may be missing or broken.
fn angle(tiff: &Tiff<'_>, e: Entry) -> Option<f64> {
    if e.kind == 2 {
        // Some writers use text: `51.5` or `51,30,12.5`
        let parts: Vec<f64> = tiff
            .text(e)?
            .split([',', ' ', ';'])
            .filter(|s| !s.is_empty())
            .map_while(|s| s.parse().ok())
            .collect();
        let d = *parts.first()?;
        return Some(d + parts.get(1).unwrap_or(&0.0) / 60.0 + parts.get(2).unwrap_or(&0.0) / 3600.0);
    }
    let d = tiff.float_at(e, 0)?;
    let m = tiff.float_at(e, 1).unwrap_or(0.0);
    let s = tiff.float_at(e, 2).unwrap_or(0.0);
    Some(d + m / 60.0 + s / 3600.0)
}

/// Photographer and editor, each ended by a NUL; a blank photographer counts as absent.
fn copyright(bytes: &[u8]) -> Option<String> {
    let parts: Vec<String> = bytes.split(|&b| b == 0).filter_map(text).take(2).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// UCS-2, little-endian independent of the block's byte order: Windows Explorer's tags.
pub fn utf16le(bytes: &[u8]) -> Option<String> {
    let (s, _) = encoding_rs::UTF_16LE.decode_without_bom_handling(bytes);
    tidy(s.split('\0').next().unwrap_or_default())
}

#[cfg(test)]
mod tests;
