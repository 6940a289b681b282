//! The properties of items that facts or decoding use.

use super::{Code, Extent};
use crate::bmff;

/// The longest decoder configuration or layout of samples that is used; real ones have some hundred bytes.
const MAX_CONFIGURATION: u64 = 64 << 10;
/// The position in a configuration of the number of bytes that lengths of units have, less one.
const LENGTH_SIZE_AT: u64 = 21;
/// The longest ICC profile that is used.
const MAX_PROFILE: u64 = 4 << 20;
/// The longest list of the packed units of an uncompressed picture that is used: a million of them.
const MAX_UNITS: u64 = 16 << 20;

/// The names of an alpha plane in `auxC`: HEVC's own and the general one.
const ALPHA_NAMES: [&[u8]; 2] =
    [b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"];
/// The beginning of the name of Apple's gain map.
const APPLE_GAIN_MAP: &[u8] = b"urn:com:apple:photo:2020:aux:hdrgainmap";

/// ITU-T H.273 code points as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodePoints {
    pub primaries: u16,
    pub transfer: u16,
    pub matrix: u16,
    pub full_range: bool,
}

/// A property of an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Property {
    /// Width and height in pixels, before transforms.
    Size(u32, u32),
    /// The position of the HEVC decoder configuration record, and the bytes of the length before each coded unit.
    Hevc {
        record: Extent,
        length_size: u8,
    },
    /// Quarter turns anticlockwise.
    Rotate(u8),
    /// Left and right change places (1 in the file), or top and bottom (0).
    Mirror {
        left_right: bool,
    },
    /// Width, height, horizontal and vertical offset of the centre, each a numerator and a denominator.
    Clap([i64; 8]),
    CodePoints(CodePoints),
    /// The position of an ICC profile.
    Icc(Extent),
    /// The auxiliary picture is an alpha plane.
    Alpha,
    /// The auxiliary picture is Apple's gain map.
    AppleGainMap,
    /// The position of the layout or the packing of an uncompressed picture.
    Uncompressed(Code, Extent),
    /// Others, and those that are truncated or too long.
    Other(Code),
}

impl Property {
    /// Width and height, if this is a size and not 0.
    pub fn size(&self) -> Option<(u32, u32)> {
        match *self {
            Property::Size(width, height) if width > 0 && height > 0 => Some((width, height)),
            _ => None,
        }
    }

    pub(super) fn read(b: &bmff::Box<'_>) -> Property {
        Property::known(b).unwrap_or(Property::Other(b.kind))
    }

    fn known(b: &bmff::Box<'_>) -> Option<Property> {
        let body = b.body;
        let place = |most: u64| (body.len() <= most).then_some((body.base(), body.len()));
        Some(match &b.kind {
            b"ispe" => Property::Size(body.be32(4)?, body.be32(8)?),
            b"hvcC" => Property::Hevc {
                record: place(MAX_CONFIGURATION)?,
                length_size: body.u8(LENGTH_SIZE_AT).map_or(4, |b| (b & 3) + 1),
            },
            b"uncC" | b"cmpd" | b"cmpC" => Property::Uncompressed(b.kind, place(MAX_CONFIGURATION)?),
            b"icef" => Property::Uncompressed(b.kind, place(MAX_UNITS)?),
            b"irot" => Property::Rotate(body.u8(0)? & 3),
            b"imir" => Property::Mirror { left_right: body.u8(0)? & 1 == 1 },
            b"clap" => {
                let mut numbers = [0; 8];
                for (i, n) in numbers.iter_mut().enumerate() {
                    let v = body.be32(4 * i as u64)?;
                    // Sizes and denominators are unsigned, the offsets' numerators signed.
                    *n = if i == 4 || i == 6 { i64::from(v as i32) } else { i64::from(v) };
                }
                Property::Clap(numbers)
            }
            b"auxC" => {
                let name = body.from(4).head(64);
                let whole = name.split(|c| *c == 0).next().unwrap_or_default();
                if ALPHA_NAMES.contains(&whole) {
                    Property::Alpha
                } else if name.starts_with(APPLE_GAIN_MAP) {
                    Property::AppleGainMap
                } else {
                    return None;
                }
            }
            b"colr" => match &body.array::<4>(0)? {
                b"nclx" => Property::CodePoints(CodePoints {
                    primaries: body.be16(4)?,
                    transfer: body.be16(6)?,
                    matrix: body.be16(8)?,
                    full_range: body.u8(10)? & 0x80 != 0,
                }),
                b"prof" | b"rICC" => {
                    let profile = body.from(4);
                    Property::Icc((profile.len() <= MAX_PROFILE).then_some((profile.base(), profile.len()))?)
                }
                _ => return None,
            },
            _ => return None,
        })
    }
}
