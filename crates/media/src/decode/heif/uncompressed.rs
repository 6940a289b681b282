//! Uncompressed pictures (`unci`, ISO/IEC 23001-17), also packed by zlib, deflate or Brotli: written by
//! scientific cameras and some converters.
//!
//! Promises: integers of up to 16 bits, in planes, pixels or rows, in tiles, aligned or not, chroma at full
//! size or subsampled; all else is reported as unsupported. The item and its planes are held whole, and
//! admitted before.

mod samples;

use super::transforms;
use crate::decode::colour::{Cicp, cicp::UNSPECIFIED};
use crate::decode::planes::{Alpha, Band, Chroma, Format, Plane, Shrinker};
use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::Admission;
use albumen_formats::heif::items::{Code, Item, Items, Property};
use samples::Samples;
use std::io::Read;

/// The maximum number of components of a pixel, of tiles, and of packed units.
const MAX_COMPONENTS: u32 = 16;
const MAX_TILES: u64 = 1 << 20;
const MAX_UNITS: usize = 1 << 20;
/// The depth to which samples are scaled.
const DEPTH: u8 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Grey,
    Y,
    Cb,
    Cr,
    Red,
    Green,
    Blue,
    Alpha,
    /// Padding, depth, and other components that are not shown.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Component {
    role: Role,
    bits: u32,
    /// Bytes per sample; 0: only its bits.
    aligned: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interleave {
    /// All samples of a component, then those of the next.
    Planes,
    /// All components of a pixel, then those of the next.
    Pixels,
    /// Luma as a plane, the two chroma components pixel by pixel.
    Mixed,
    /// A row of each component in turn.
    Rows,
    /// As planes, but each component goes through all tiles first.
    TilePlanes,
}

#[derive(Debug)]
struct Layout {
    components: Vec<Component>,
    /// Subsampling of chroma across and down, as powers of two.
    shared: (u32, u32),
    interleave: Interleave,
    little: bool,
    pixel_bytes: u64,
    row_align: u64,
    tile_align: u64,
    tiles: (u32, u32),
}

fn unsupported(what: &str) -> Fault {
    Fault::unsupported(format!("an uncompressed HEIF picture with {what}"))
}

fn broken() -> Fault {
    Fault::corrupt("the layout of its samples makes no sense")
}

/// Bytes of a property, read from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number(&mut self, bytes: usize) -> Result<u64, Fault> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or_else(broken)?;
        self.0 = rest;
        Ok(taken.iter().fold(0, |v, b| v << 8 | u64::from(*b)))
    }
    fn u32(&mut self) -> Result<u32, Fault> {
        self.number(4).map(|v| v as u32)
    }
}

impl Layout {
    fn read(source: &Source, items: &Items, item: &Item) -> Result<Layout, Fault> {
        let layout = description(source, items, item, b"uncC")?.ok_or_else(broken)?;
        Layout::parse(&layout, description(source, items, item, b"cmpd")?.as_deref())
    }

    /// The layout of the box `uncC`; the roles of its components are in `cmpd`.
    fn parse(layout: &[u8], cmpd: Option<&[u8]>) -> Result<Layout, Fault> {
        let mut f = Fields(layout);
        let version = f.number(1)?;
        f.number(3)?;
        let profile = (f.number(4)? as u32).to_be_bytes();
        let plain = |roles: &[Role]| Layout {
            components: roles.iter().map(|role| Component { role: *role, bits: 8, aligned: 0 }).collect(),
            shared: (0, 0),
            interleave: Interleave::Pixels,
            little: false,
            pixel_bytes: 0,
            row_align: 0,
            tile_align: 0,
            tiles: (1, 1),
        };
        if version == 1 {
            return match &profile {
                b"rgb3" => Ok(plain(&[Role::Red, Role::Green, Role::Blue])),
                b"rgba" => Ok(plain(&[Role::Red, Role::Green, Role::Blue, Role::Alpha])),
                b"abgr" => Ok(plain(&[Role::Alpha, Role::Blue, Role::Green, Role::Red])),
                _ => Err(unsupported("a packed YCbCr profile")),
            };
        }
        let roles = roles(cmpd.ok_or_else(broken)?)?;
        let count = f.u32()?;
        if count == 0 || count > MAX_COMPONENTS {
            return Err(broken());
        }
        let mut components = Vec::new();
        for _ in 0..count {
            let role = *roles.get(f.number(2)? as usize).ok_or_else(broken)?;
            let (bits, format, aligned) = (f.number(1)? as u32 + 1, f.number(1)?, f.number(1)? as u32);
            if format != 0 || bits > 16 {
                return Err(unsupported("samples that are no integers of up to 16 bits"));
            }
            if aligned > 8 || aligned > 0 && aligned * 8 < bits {
                return Err(broken());
            }
            components.push(Component { role, bits, aligned });
        }
        let shared = match f.number(1)? {
            0 => (0, 0),
            1 => (1, 0),
            2 => (1, 1),
            _ => return Err(unsupported("chroma of a quarter")),
        };
        let interleave = match f.number(1)? {
            0 => Interleave::Planes,
            1 => Interleave::Pixels,
            2 => Interleave::Mixed,
            3 => Interleave::Rows,
            4 => Interleave::TilePlanes,
            _ => return Err(unsupported("samples of several pixels in one")),
        };
        if shared != (0, 0)
            && !matches!(interleave, Interleave::Planes | Interleave::Mixed | Interleave::TilePlanes)
        {
            return Err(broken());
        }
        if f.number(1)? != 0 {
            return Err(unsupported("samples in blocks"));
        }
        let little = f.number(1)? & 0x80 != 0;
        let (pixel_bytes, row_align, tile_align) = (f.number(4)?, f.number(4)?, f.number(4)?);
        let tiles = (f.u32()?.saturating_add(1), f.u32()?.saturating_add(1));
        if u64::from(tiles.0) * u64::from(tiles.1) > MAX_TILES {
            return Err(broken());
        }
        Ok(Layout { components, shared, interleave, little, pixel_bytes, row_align, tile_align, tiles })
    }

    /// The number of samples of a component for this many pixels across and down.
    fn size(&self, component: &Component, (width, height): (u32, u32)) -> (u32, u32) {
        match component.role {
            Role::Cb | Role::Cr => (width.div_ceil(1 << self.shared.0), height.div_ceil(1 << self.shared.1)),
            _ => (width, height),
        }
    }
}

/// The body of one of an item's properties.
fn description(source: &Source, items: &Items, item: &Item, kind: &Code) -> Result<Option<Vec<u8>>, Fault> {
    let place = items.properties_of(item).find_map(|p| match p {
        Property::Uncompressed(own, place) if own == kind => Some(*place),
        _ => None,
    });
    Ok(place.map(|(at, length)| source.slice(at, length as usize)).transpose()?)
}

/// The components that the layout refers to.
fn roles(cmpd: &[u8]) -> Result<Vec<Role>, Fault> {
    let mut f = Fields(cmpd);
    let count = f.u32()?;
    if count > MAX_COMPONENTS {
        return Err(broken());
    }
    (0..count)
        .map(|_| {
            let kind = f.number(2)?;
            if kind >= 0x8000 {
                // A name that ends with a zero byte.
                let end = f.0.iter().position(|b| *b == 0).ok_or_else(broken)?;
                f.0 = &f.0[end + 1..];
            }
            Ok(match kind {
                0 => Role::Grey,
                1 => Role::Y,
                2 => Role::Cb,
                3 => Role::Cr,
                4 => Role::Red,
                5 => Role::Green,
                6 => Role::Blue,
                7 => Role::Alpha,
                _ => Role::Other,
            })
        })
        .collect()
}

/// The primary item, if it is such a picture, as it is displayed.
pub(super) fn decode(
    source: &Source,
    items: &Items,
    item: &Item,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    let layout = Layout::read(source, items, item)?;
    let (width, height) = items.size_of(item).ok_or_else(broken)?;
    let has = |role: Role| layout.components.iter().any(|c| c.role == role);
    let is_rgb = has(Role::Red) && has(Role::Green) && has(Role::Blue);
    let shown: &[Role] = match () {
        () if is_rgb => &[Role::Green, Role::Blue, Role::Red],
        () if has(Role::Y) && has(Role::Cb) && has(Role::Cr) => &[Role::Y, Role::Cb, Role::Cr],
        () if has(Role::Grey) => &[Role::Grey],
        () if has(Role::Y) => &[Role::Y],
        () => return Err(unsupported("no colours that can be shown, such as the mosaic of a sensor")),
    };
    let chroma = match shown.len() {
        1 => Chroma::Monochrome,
        _ if is_rgb => Chroma::C444,
        _ => Chroma::Shared { log2_across: layout.shared.0 as u8, log2_down: layout.shared.1 as u8 },
    };
    let (crop, orientation) = transforms((width, height), items.properties_of(item));
    let upright = orientation.size((crop.width, crop.height));
    let fitted = fit(upright.0, upright.1);
    let target = orientation.size((fitted.0.max(1), fitted.1.max(1)));
    let format = Format { width, height, chroma, depth: DEPTH };
    let places = items.places(source.len(), item).ok_or_else(broken)?;
    let packed: u64 = places.iter().map(|(_, len)| (*len).min(source.len())).sum();
    let pixels = u64::from(width) * u64::from(height);
    let per_pixel: u64 =
        layout.components.iter().map(|c| u64::from(c.bits.max(c.aligned * 8)).div_ceil(8)).sum();
    let unpacked = pixels.saturating_mul(per_pixel.max(layout.pixel_bytes).max(1)).saturating_mul(2);
    let planes_bytes = pixels.saturating_mul(2 * (shown.len() as u64 + u64::from(has(Role::Alpha))));
    admission.admit(
        packed.saturating_add(unpacked).saturating_add(planes_bytes) + Shrinker::cost(format, target),
    )?;

    let mut bytes = Vec::new();
    for (at, length) in places {
        let there = length.min(source.len().saturating_sub(at));
        bytes.extend(source.slice(at, there as usize)?);
    }
    let bytes = unpack(source, items, item, bytes, unpacked)?;
    let (planes, whole) = Samples { layout: &layout, size: (width, height), bytes: &bytes }.planes()?;
    drop(bytes);
    let plane = |role: &Role| {
        let i = layout.components.iter().position(|c| c.role == *role)?;
        let stride = layout.size(&layout.components[i], (width, height)).0 as usize * 2;
        Some(Plane { data: &planes[i], stride })
    };
    let mut band = [Plane { data: &[], stride: 0 }; 3];
    for (to, role) in band.iter_mut().zip(shown) {
        *to = plane(role).ok_or_else(broken)?;
    }
    let alpha = plane(&Role::Alpha).map(|plane| Alpha { plane, premultiplied: false });
    let stated = items.properties_of(item).find_map(|p| match p {
        Property::CodePoints(points) => Some(Cicp::from(*points)),
        _ => None,
    });
    let unknown =
        Cicp { primaries: UNSPECIFIED, transfer: UNSPECIFIED, matrix: UNSPECIFIED, full_range: true };
    let mut cicp = stated.unwrap_or(unknown);
    if is_rgb {
        (cicp.matrix, cicp.full_range) = (0, true);
    }
    let icc = items.properties_of(item).find_map(|p| match p {
        Property::Icc((at, length)) => Some(source.slice(*at, *length as usize)),
        _ => None,
    });
    let icc = icc.transpose()?;
    let mut shrinker = Shrinker::new(format, crop, target, cicp);
    shrinker.push(&Band { planes: band, alpha, rows: height });
    let mut out = shrinker.finish(icc.as_deref(), orientation);
    out.damaged = (!whole).then(|| "the file ends before the picture does".into());
    Ok(out)
}

/// Undoes the general packing, if there is one; at most `most` bytes.
fn unpack(source: &Source, items: &Items, item: &Item, bytes: Vec<u8>, most: u64) -> Result<Vec<u8>, Fault> {
    let Some(cmpc) = description(source, items, item, b"cmpC")? else { return Ok(bytes) };
    let mut f = Fields(&cmpc);
    f.number(4)?;
    let method = (f.number(4)? as u32).to_be_bytes();
    let units = match description(source, items, item, b"icef")? {
        Some(icef) => units(&icef)?,
        None => vec![(0, bytes.len() as u64)],
    };
    let mut out = Vec::new();
    for (at, length) in units {
        let unit = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let unit = &unit[..unit.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
        let room = most.saturating_sub(out.len() as u64);
        let read = match &method {
            b"zlib" => flate2::read::ZlibDecoder::new(unit).take(room).read_to_end(&mut out),
            b"defl" => flate2::read::DeflateDecoder::new(unit).take(room).read_to_end(&mut out),
            b"brot" => brotli_decompressor::Decompressor::new(unit, 4096).take(room).read_to_end(&mut out),
            _ => return Err(unsupported("an unknown packing")),
        };
        // The part before an error is kept; the missing bytes are detected below.
        if read.is_err() {
            break;
        }
    }
    Ok(out)
}

/// Positions and lengths of the separately packed units.
fn units(icef: &[u8]) -> Result<Vec<(u64, u64)>, Fault> {
    let mut f = Fields(icef);
    f.number(4)?;
    let codes = f.number(1)? as usize;
    let offset = [0, 2, 3, 4, 8].get(codes >> 5 & 7).copied().ok_or_else(broken)?;
    let size = [1, 2, 3, 4, 8].get(codes >> 2 & 7).copied().ok_or_else(broken)?;
    let count = f.u32()? as usize;
    if count > MAX_UNITS {
        return Err(broken());
    }
    let mut next = 0u64;
    (0..count)
        .map(|_| {
            let at = if offset == 0 { next } else { f.number(offset)? };
            let length = f.number(size)?;
            next = at.checked_add(length).ok_or_else(broken)?;
            Ok((at, length))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(interleave: Interleave, tiles: (u32, u32), bits: u32, aligned: u32) -> Layout {
        let component = |role| Component { role, bits, aligned };
        Layout {
            components: [Role::Red, Role::Green, Role::Blue].map(component).to_vec(),
            shared: (0, 0),
            interleave,
            little: false,
            pixel_bytes: 0,
            row_align: 0,
            tile_align: 0,
            tiles,
        }
    }

    /// The first sample of each plane, and the last.
    fn ends(layout: &Layout, bytes: &[u8]) -> [(u16, u16); 3] {
        let (planes, whole) = Samples { layout, size: (4, 2), bytes }.planes().unwrap();
        assert!(whole, "{layout:?}");
        let word = |b: &[u8]| u16::from_ne_bytes([b[0], b[1]]);
        [0, 1, 2].map(|i| (word(&planes[i]), word(&planes[i][14..])))
    }

    #[test]
    fn samples_lie_as_the_layout_says() {
        // Red counts from 0, green from 100, blue from 200, along the rows.
        let of = |role: u8, at: u8| role * 100 + at;
        let expected = [(0, 7), (100, 107), (200, 207)].map(|(a, b)| (a * 257, b * 257));
        let planes: Vec<u8> = (0..3).flat_map(|c| (0..8).map(move |i| of(c, i))).collect();
        let pixels: Vec<u8> = (0..8).flat_map(|i| (0..3).map(move |c| of(c, i))).collect();
        let rows: Vec<u8> =
            (0..2).flat_map(|y| (0..3).flat_map(move |c| (0..4).map(move |x| of(c, y * 4 + x)))).collect();
        // Two tiles of two pixels across and two down.
        let tiled: Vec<u8> =
            (0..2).flat_map(|t| (0..3).flat_map(move |c| [0, 1, 4, 5].map(|i| of(c, i + 2 * t)))).collect();
        assert_eq!(ends(&layout(Interleave::Planes, (1, 1), 8, 0), &planes), expected);
        assert_eq!(ends(&layout(Interleave::Pixels, (1, 1), 8, 0), &pixels), expected);
        assert_eq!(ends(&layout(Interleave::Rows, (1, 1), 8, 0), &rows), expected);
        assert_eq!(ends(&layout(Interleave::Planes, (2, 1), 8, 0), &tiled), expected);
        let wide: Vec<u8> = pixels.iter().flat_map(|v| [0, *v]).collect();
        let mut words = layout(Interleave::Pixels, (1, 1), 8, 2);
        assert_eq!(ends(&words, &wide), expected);
        words.little = true;
        let swapped: Vec<u8> = pixels.iter().flat_map(|v| [*v, 0]).collect();
        assert_eq!(ends(&words, &swapped), expected);
    }

    proptest::proptest! {
        #[test]
        fn no_layout_makes_it_panic(uncc in proptest::collection::vec(proptest::num::u8::ANY, 0..60), bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
            let roles = b"\0\0\0\x03\0\x04\0\x05\0\x06";
            let header = [&[0; 8][..], &[0, 0, 0, 3], &uncc].concat();
            if let Ok(layout) = Layout::parse(&header, Some(roles)) {
                let _ = Samples { layout: &layout, size: (4, 2), bytes: &bytes }.planes();
            }
            let _ = units(&uncc);
        }
    }
}
