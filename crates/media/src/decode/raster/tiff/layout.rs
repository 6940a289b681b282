//! The layout of a TIFF page by its tags, and the conversion of its rows to 8-bit samples.

mod prediction;
mod samples;

use super::old_jpeg::OldJpeg;
use super::rows::{Packing, compression};
use crate::decode::colour::CmykToSrgb;
use crate::decode::raster::canvas::Samples;
use albumen_core::fault::Fault;
use albumen_formats::tiff::{Ifd, Tiff, tag};
pub(crate) use samples::lab_to_srgb;
use samples::{from_float, half_to_float, to8, ycbcr_to_rgb};
use std::io::{ErrorKind, Read};

/// Maximum number of strips or tiles; more of them are treated as missing.
const MAX_CHUNKS: usize = 1 << 18;

/// The meaning of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
    /// a and b signed.
    CieLab,
    /// a and b offset.
    IccLab,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// One page.
pub(super) struct Layout {
    pub width: u32,
    pub height: u32,
    pub compression: u32,
    pub photometric: Photometric,
    /// The samples pushed to the canvas.
    pub samples: Samples,
    /// Samples per pixel in the file, and bits per sample.
    pub stored: usize,
    pub bits: usize,
    kind: Kind,
    planar: bool,
    predictor: u32,
    reversed_bits: bool,
    /// Group 3 with lines coded relative to the previous one.
    two_dimensional: bool,
    little: bool,
    pub tiled: bool,
    /// Size of a tile, or of a strip (the last may be shorter).
    pub chunk_width: u32,
    pub chunk_height: u32,
    /// Offset and length of each chunk.
    pub places: Vec<(u64, u64)>,
    palette: Vec<[u8; 3]>,
    /// Luma samples per chroma sample, across and down, if they are packed together.
    subsampling: Option<(u32, u32)>,
    pub jpeg_tables: Vec<u8>,
    pub old_jpeg: OldJpeg,
    pub profile: Option<Vec<u8>>,
}

impl Layout {
    pub(super) fn read(tiff: &Tiff<'_>) -> Result<Layout, Fault> {
        let ifd = tiff.ifd(tiff.first);
        let number = |tag: u16| ifd.find(tag).and_then(|e| tiff.uint_at(e, 0));
        let (Some(width), Some(height)) = (number(tag::WIDTH), number(tag::HEIGHT)) else {
            return Err(Fault::corrupt("its first page has no size"));
        };
        // If the number of samples is missing, the list of their bits has it.
        let bits_listed = ifd.find(tag::BITS).map_or(1, |e| e.count.min(64) as u32);
        let stored = number(tag::SAMPLES).unwrap_or(bits_listed).clamp(1, 64) as usize;
        let bits = number(tag::BITS).unwrap_or(1) as usize;
        if !matches!(bits, 1..=16 | 24 | 32 | 64) {
            return Err(Fault::unsupported(format!("TIFF with {bits} bits a sample")));
        }
        let compression = number(tag::COMPRESSION).unwrap_or(1);
        let photometric = match number(tag::PHOTOMETRIC) {
            Some(0) => Photometric::WhiteIsZero,
            Some(1) | None => Photometric::BlackIsZero,
            Some(2) => Photometric::Rgb,
            Some(3) => Photometric::Palette,
            Some(5) => Photometric::Cmyk,
            Some(6) => Photometric::YCbCr,
            Some(8) => Photometric::CieLab,
            Some(9) => Photometric::IccLab,
            Some(other) => {
                return Err(Fault::unsupported(format!("TIFF with photometric interpretation {other}")));
            }
        };
        let extra = number(tag::EXTRA_SAMPLES);
        let samples = samples_of(photometric, stored, extra)?;
        // Old writers list the positions of tiles in the tags of strips; a tile size identifies them as
        // tiles.
        let has_tile_offsets = ifd.find(tag::TILE_OFFSETS).is_some();
        let tiled = has_tile_offsets
            || [tag::TILE_WIDTH, tag::TILE_HEIGHT].iter().all(|side| number(*side).is_some_and(|n| n > 0));
        let (chunk_width, chunk_height) = if tiled {
            (number(tag::TILE_WIDTH).unwrap_or(0), number(tag::TILE_HEIGHT).unwrap_or(0))
        } else {
            (width, number(tag::ROWS_PER_STRIP).unwrap_or(height).min(height))
        };
        if width == 0 || height == 0 || chunk_width == 0 || chunk_height == 0 {
            return Err(Fault::corrupt("its picture, strips or tiles have no size"));
        }
        // A tile may extend beyond the edge; one far larger than the picture is invalid.
        if u64::from(chunk_width) * u64::from(chunk_height)
            > 4 * (u64::from(width) + 4096) * (u64::from(height) + 4096)
        {
            return Err(Fault::corrupt("its tiles are far larger than its picture"));
        }
        let planar = stored > 1 && number(tag::PLANAR) == Some(2);
        let list = |tag: u16| ifd.find(tag).map(|e| tiff.offsets(e, MAX_CHUNKS)).unwrap_or_default();
        let either = |tile: u16, strip: u16| match list(tile) {
            found if tiled && !found.is_empty() => found,
            _ => list(strip),
        };
        let offsets = either(tag::TILE_OFFSETS, tag::STRIP_OFFSETS);
        let lengths = either(tag::TILE_LENGTHS, tag::STRIP_LENGTHS);
        // A missing length means "to the end", as it does to other readers.
        let end = tiff.view.len();
        let length_of = |i: usize, at: u64| match lengths.get(i) {
            Some(&n) if n > 0 => n,
            _ => end.saturating_sub(at),
        };
        let places = offsets.iter().enumerate().map(|(i, &at)| (at, length_of(i, at))).collect();
        let packed_chroma =
            photometric == Photometric::YCbCr && bits == 8 && !planar && stored == 3 && compression != 7;
        let subsampling = packed_chroma.then(|| {
            let pair = ifd.find(tag::SUBSAMPLING);
            let at = |i| pair.and_then(|e| tiff.uint_at(e, i)).unwrap_or(2).clamp(1, 4);
            (at(0), at(1))
        });
        let kind = match number(tag::SAMPLE_FORMAT) {
            // L* is unsigned, even if all three are declared signed; a* and b* are always signed.
            Some(2) if photometric != Photometric::CieLab => Kind::Signed,
            Some(3) if photometric == Photometric::CieLab => {
                return Err(Fault::unsupported("TIFF with L*a*b* in floating point"));
            }
            Some(3) => Kind::Float,
            _ => Kind::Unsigned,
        };
        Ok(Layout {
            width,
            height,
            compression,
            photometric,
            samples,
            stored,
            bits,
            kind,
            planar,
            // Differencing suits compressions of whole bytes; with others the tag is ignored.
            predictor: match compression {
                compression::LZW | compression::DEFLATE | compression::OLD_DEFLATE => {
                    number(tag::PREDICTOR).unwrap_or(1)
                }
                _ => 1,
            },
            reversed_bits: number(tag::FILL_ORDER) == Some(2),
            two_dimensional: number(tag::T4_OPTIONS).is_some_and(|options| options & 1 == 1),
            little: tiff.little,
            tiled,
            chunk_width,
            chunk_height,
            places,
            palette: if photometric == Photometric::Palette { palette(tiff, &ifd)? } else { Vec::new() },
            subsampling,
            jpeg_tables: ifd.find(tag::JPEG_TABLES).and_then(|e| tiff.bytes(e)).unwrap_or_default(),
            old_jpeg: OldJpeg::read(tiff, &ifd),
            profile: ifd.find(tag::ICC_PROFILE).and_then(|e| tiff.bytes(e)),
        })
    }

    /// How the bytes of its chunks are packed.
    pub(super) fn packing(&self) -> Packing {
        Packing {
            method: self.compression,
            reversed_bits: self.reversed_bits,
            two_dimensional: self.two_dimensional,
        }
    }

    pub(super) fn chunks_across(&self) -> u32 {
        self.width.div_ceil(self.chunk_width)
    }

    pub(super) fn chunks_down(&self) -> u32 {
        self.height.div_ceil(self.chunk_height)
    }

    /// The planes of the picture itself; later ones are not read.
    pub(super) fn shown_planes(&self) -> u32 {
        let shown = match self.photometric {
            Photometric::Cmyk => 4,
            // Index and alpha.
            Photometric::Palette => 1 + usize::from(self.samples == Samples::Rgba),
            _ => self.samples.count(),
        };
        if self.planar { shown.min(self.stored) as u32 } else { 1 }
    }

    /// Rows per unit of the file: subsampled chroma is packed with its rows.
    pub(super) fn rows_a_unit(&self) -> u32 {
        self.subsampling.map_or(1, |(_, down)| down)
    }

    /// The conversion for inks, if the picture is made of them.
    pub(super) fn profile_of_inks(&self) -> Option<CmykToSrgb> {
        (self.photometric == Photometric::Cmyk).then(|| CmykToSrgb::new(self.profile.as_deref()))
    }

    /// Reads the next rows of a chunk `width` pixels wide into `out`; returns their number.
    pub(super) fn read_rows(
        &self,
        planes: &mut [Box<dyn Read>],
        width: u32,
        inks: Option<&CmykToSrgb>,
        out: &mut [u8],
    ) -> Result<u32, Fault> {
        let width = width as usize;
        if let Some((across, down)) = self.subsampling {
            self.read_chroma_unit(&mut planes[0], width, (across as usize, down as usize), out)?;
            return Ok(down);
        }
        let count = self.samples.count();
        let as_stored = !self.planar
            && self.stored == count
            && matches!(self.photometric, Photometric::BlackIsZero | Photometric::Rgb);
        if as_stored && self.bits == 8 {
            // Nearly all files: no conversion needed.
            let row = &mut out[..width * count];
            read_row(&mut planes[0], row)?;
            self.undo_prediction(row, self.stored);
            return Ok(1);
        }
        let a_row = if self.planar { 1 } else { self.stored };
        let mut raw = vec![0; (width * a_row * self.bits).div_ceil(8)];
        // Samples of all planes side by side, as a chunky file has them.
        let mut values = vec![0u16; width * self.stored];
        for (plane, reader) in planes.iter_mut().enumerate() {
            read_row(reader, &mut raw)?;
            self.undo_prediction(&mut raw, a_row);
            if as_stored && self.bits == 16 && self.kind == Kind::Unsigned {
                out.iter_mut().zip(words(&raw, self.little)).for_each(|(o, v)| *o = to8(v));
                return Ok(1);
            }
            for (i, v) in self.values(&raw).take(width * a_row).enumerate() {
                values[if self.planar { i * self.stored + plane } else { i }] = v;
            }
        }
        let pixels = values.chunks_exact(self.stored).zip(out.chunks_exact_mut(count));
        match self.photometric {
            Photometric::Palette => pixels.for_each(|(v, out)| {
                let colour = self.palette.get(usize::from(v[0])).copied().unwrap_or_default();
                out[..3].copy_from_slice(&colour);
                if let (Some(alpha), Some(&v)) = (out.get_mut(3), v.get(1)) {
                    // As indices, samples come as they are.
                    *alpha = (u32::from(v) * 255 / ((1 << self.bits.min(16)) - 1)) as u8;
                }
            }),
            Photometric::Cmyk => {
                let cmyk: Vec<u8> =
                    values.chunks_exact(self.stored).flat_map(|v| &v[..4]).map(|v| to8(*v)).collect();
                if let Some(inks) = inks {
                    inks.convert(&cmyk, out);
                }
            }
            Photometric::WhiteIsZero => pixels.for_each(|(v, out)| {
                out.iter_mut()
                    .zip(v)
                    .enumerate()
                    .for_each(|(i, (o, &v))| *o = to8(if i == 0 { !v } else { v }));
            }),
            Photometric::CieLab => pixels.for_each(|(v, out)| {
                out.copy_from_slice(&lab_to_srgb(to8(v[0]), to8(v[1]) ^ 0x80, to8(v[2]) ^ 0x80));
            }),
            Photometric::IccLab => {
                pixels
                    .for_each(|(v, out)| out.copy_from_slice(&lab_to_srgb(to8(v[0]), to8(v[1]), to8(v[2]))));
            }
            Photometric::YCbCr => {
                pixels
                    .for_each(|(v, out)| out.copy_from_slice(&ycbcr_to_rgb(to8(v[0]), to8(v[1]), to8(v[2]))));
            }
            Photometric::BlackIsZero | Photometric::Rgb => {
                pixels.for_each(|(v, out)| out.iter_mut().zip(v).for_each(|(o, &v)| *o = to8(v)));
            }
        }
        Ok(1)
    }

    /// Rows with subsampled chroma: units of `across` x `down` Y, one Cb, one Cr.
    fn read_chroma_unit(
        &self,
        reader: &mut Box<dyn Read>,
        width: usize,
        (across, down): (usize, usize),
        out: &mut [u8],
    ) -> Result<(), Fault> {
        let unit = across * down + 2;
        let mut raw = vec![0; width.div_ceil(across) * unit];
        read_row(reader, &mut raw)?;
        for y in 0..down {
            for x in 0..width {
                let group = &raw[x / across * unit..][..unit];
                let rgb = ycbcr_to_rgb(group[y * across + x % across], group[unit - 2], group[unit - 1]);
                out[(y * width + x) * 3..][..3].copy_from_slice(&rgb);
            }
        }
        Ok(())
    }

    /// The samples of a row, scaled to 16 bits (palette indices: unchanged).
    fn values<'r>(&'r self, row: &'r [u8]) -> Box<dyn Iterator<Item = u16> + 'r> {
        let (bits, little, kind) = (self.bits, self.little, self.kind);
        let index = self.photometric == Photometric::Palette;
        match (bits, kind) {
            // In files with signed bytes, they are unsigned ones with a wrong label.
            (8, _) => {
                Box::new(row.iter().map(move |&v| if index { u16::from(v) } else { u16::from(v) * 257 }))
            }
            (16, Kind::Float) => Box::new(words(row, little).map(|v| from_float(half_to_float(v)))),
            (16, Kind::Signed) => Box::new(words(row, little).map(|v| (v as i16).max(0) as u16 * 2)),
            (16, Kind::Unsigned) => Box::new(words(row, little)),
            (24, _) => Box::new(row.chunks_exact(3).map(move |b| {
                if little { u16::from_le_bytes([b[1], b[2]]) } else { u16::from_be_bytes([b[0], b[1]]) }
            })),
            (32, Kind::Float) => {
                Box::new(long_words(row, little).map(|v| from_float(f64::from(f32::from_bits(v)))))
            }
            (32, _) => Box::new(long_words(row, little).map(|v| (v >> 16) as u16)),
            (64, _) => Box::new(row.as_chunks::<8>().0.iter().map(move |&b| {
                let v = if little { u64::from_le_bytes(b) } else { u64::from_be_bytes(b) };
                if kind == Kind::Float { from_float(f64::from_bits(v)) } else { (v >> 48) as u16 }
            })),
            // Packed bits, high bits first; a row starts at a byte.
            _ => Box::new((0..row.len() * 8 / bits).map(move |i| {
                let at = i * bits;
                let three = [0, 1, 2].map(|k| u32::from(row.get(at / 8 + k).copied().unwrap_or(0)));
                let window = three[0] << 16 | three[1] << 8 | three[2];
                let most = (1 << bits) - 1;
                let v = (window >> (24 - at % 8 - bits)) & most;
                if index { v as u16 } else { (v * 65_535 / most) as u16 }
            })),
        }
    }
}

fn samples_of(photometric: Photometric, stored: usize, extra: Option<u32>) -> Result<Samples, Fault> {
    let colours = match photometric {
        Photometric::WhiteIsZero | Photometric::BlackIsZero | Photometric::Palette => 1,
        Photometric::Cmyk => 4,
        _ => 3,
    };
    if stored < colours {
        return Err(Fault::corrupt("it has fewer samples a pixel than its colours need"));
    }
    Ok(match photometric {
        Photometric::WhiteIsZero | Photometric::BlackIsZero => match (stored, extra) {
            (2.., Some(1 | 2)) => Samples::GreyAlpha,
            _ => Samples::Grey,
        },
        // Colours of a palette are not premultiplied, whatever the tag declares.
        Photometric::Palette if stored >= 2 && matches!(extra, Some(1 | 2)) => Samples::Rgba,
        Photometric::Rgb => match (stored, extra) {
            (4.., Some(1)) => Samples::RgbaPremultiplied,
            // Four samples without a declaration of the fourth: alpha, as in other readers.
            (4.., Some(2) | None) => Samples::Rgba,
            _ => Samples::Rgb,
        },
        _ => Samples::Rgb,
    })
}

fn palette(tiff: &Tiff<'_>, ifd: &Ifd) -> Result<Vec<[u8; 3]>, Fault> {
    let entry = ifd.find(tag::COLOUR_MAP).ok_or_else(|| Fault::corrupt("its palette is missing"))?;
    let map: Vec<u16> = words(&tiff.bytes(entry).unwrap_or_default(), tiff.little).collect();
    // The standard's 16 bits, or 8 bits from incorrect writers.
    let shift = if map.iter().any(|&v| v > 255) { 8 } else { 0 };
    let n = map.len() / 3;
    Ok((0..n).map(|i| [i, i + n, i + 2 * n].map(|at| (map[at] >> shift) as u8)).collect())
}

fn words(row: &[u8], little: bool) -> impl Iterator<Item = u16> + '_ {
    row.as_chunks::<2>()
        .0
        .iter()
        .map(move |&b| if little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) })
}

fn long_words(row: &[u8], little: bool) -> impl Iterator<Item = u32> + '_ {
    row.as_chunks::<4>()
        .0
        .iter()
        .map(move |&b| if little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) })
}

fn read_row(reader: &mut Box<dyn Read>, row: &mut [u8]) -> Result<(), Fault> {
    reader.read_exact(row).map_err(|e| match e.kind() {
        ErrorKind::UnexpectedEof => Fault::corrupt("a strip or tile ends too early"),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            Fault::corrupt("a strip or tile is damaged").with_detail(e)
        }
        _ => Fault::unreadable(e),
    })
}
