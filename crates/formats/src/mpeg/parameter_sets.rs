//! Parameter sets of H.264 and HEVC: size, frame rate and shape of the pixels.

/// The picture's size in a decoder configuration record of H.264.
pub fn size_of_avc_record(record: &[u8]) -> Option<(u32, u32)> {
    let length = usize::from(u16::from_be_bytes([*record.get(6)?, *record.get(7)?]));
    let picture = h264_parameters(record.get(9..(8 + length).max(9).min(record.len()))?)?;
    Some((picture.width, picture.height))
}

pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Pixel width divided by height.
    pub(super) aspect: f64,
    pub(super) fps: Option<f64>,
}

/// Units of a byte stream, without their start codes.
pub(super) fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + memchr::memmem::find(stream.get(at..)?, b"\0\0\x01")? + 3;
        let end = memchr::memmem::find(&stream[start..], b"\0\0\x01").map_or(stream.len(), |n| start + n);
        at = end;
        Some(&stream[start..end])
    })
}

/// Bits of a unit, most significant first, without the emulation prevention bytes.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    pub(super) fn new(unit: &[u8]) -> Bits {
        /// Parameter sets are far shorter.
        const MAX_UNIT: usize = 4096;
        let mut bytes = Vec::new();
        let mut zeros = 0;
        for &b in unit.iter().take(MAX_UNIT) {
            if zeros >= 2 && b == 3 {
                zeros = 0;
                continue;
            }
            zeros = if b == 0 { zeros + 1 } else { 0 };
            bytes.push(b);
        }
        Bits { bytes, at: 0 }
    }
    fn bit(&mut self) -> Option<u32> {
        let b = *self.bytes.get(self.at / 8)?;
        let v = b >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(v.into())
    }
    pub(super) fn take(&mut self, n: usize) -> Option<u32> {
        (0..n).try_fold(0u32, |v, _| Some(v << 1 | self.bit()?))
    }
    fn skip(&mut self, n: usize) {
        self.at += n;
    }
    /// Exp-Golomb.
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1u32 << zeros) - 1 + self.take(zeros)?)
    }
    fn se(&mut self) -> Option<i32> {
        let v = self.ue()?;
        let half = v.div_ceil(2) as i32;
        Some(if v % 2 == 1 { half } else { -half })
    }
}

/// Pixel aspects by number (H.264 table E-1, HEVC the same).
const ASPECTS: [(u32, u32); 17] = [
    (1, 1),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

pub(super) fn h264(stream: &[u8]) -> Option<Picture> {
    let sps = units(stream).find(|u| u.first().is_some_and(|b| b & 0x1F == 7))?;
    h264_parameters(&sps[1..])
}

/// A sequence parameter set (ISO/IEC 14496-10, 7.3.2.1).
pub(super) fn h264_parameters(sps: &[u8]) -> Option<Picture> {
    let mut b = Bits::new(sps);
    let profile = b.take(8)?;
    b.skip(16);
    b.ue()?;
    let mut chroma = 1;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = b.ue()?;
        if chroma == 3 {
            b.skip(1);
        }
        b.ue()?;
        b.ue()?;
        b.skip(1);
        if b.bit()? == 1 {
            for i in 0..if chroma == 3 { 12 } else { 8 } {
                if b.bit()? == 1 {
                    let (mut last, mut next) = (8, 8);
                    for _ in 0..if i < 6 { 16 } else { 64 } {
                        if next != 0 {
                            // delta_scale is a signed byte; a larger value is not an SPS.
                            let delta = b.se()?;
                            if !(-128..=127).contains(&delta) {
                                return None;
                            }
                            next = (last + delta + 256) % 256;
                        }
                        if next != 0 {
                            last = next;
                        }
                    }
                }
            }
        }
    }
    b.ue()?;
    match b.ue()? {
        0 => {
            b.ue()?;
        }
        1 => {
            b.skip(1);
            b.se()?;
            b.se()?;
            for _ in 0..b.ue()?.min(255) {
                b.se()?;
            }
        }
        _ => {}
    }
    b.ue()?;
    b.skip(1);
    let width = (b.ue()?.checked_add(1)?).checked_mul(16)?;
    let map = b.ue()?.checked_add(1)?;
    let frames_only = b.bit()?;
    let height = map.checked_mul(16)?.checked_mul(2 - frames_only)?;
    if frames_only == 0 {
        b.skip(1);
    }
    b.skip(1);
    let (mut w, mut h) = (width, height);
    if b.bit()? == 1 {
        let (cx, cy) = (if chroma == 1 || chroma == 2 { 2 } else { 1 }, if chroma == 1 { 2 } else { 1 });
        let cy = cy * (2 - frames_only);
        let (l, r, t, bottom) = (b.ue()?, b.ue()?, b.ue()?, b.ue()?);
        w = w.checked_sub(l.checked_add(r)?.checked_mul(cx)?)?;
        h = h.checked_sub(t.checked_add(bottom)?.checked_mul(cy)?)?;
    }
    let mut picture = Picture { width: w, height: h, aspect: 1.0, fps: None };
    if b.bit() == Some(1) {
        usability(&mut b, &mut picture);
    }
    (w > 0 && h > 0 && w <= 65_536 && h <= 65_536).then_some(picture)
}

/// The first fields of the video usability information.
fn usability(b: &mut Bits, picture: &mut Picture) -> Option<()> {
    if b.bit()? == 1 {
        let (n, d) = match b.take(8)? {
            255 => (b.take(16)?, b.take(16)?),
            i => *ASPECTS.get(i as usize)?,
        };
        if n > 0 && d > 0 {
            picture.aspect = f64::from(n) / f64::from(d);
        }
    }
    if b.bit()? == 1 {
        b.skip(1);
    }
    if b.bit()? == 1 {
        b.skip(4);
        if b.bit()? == 1 {
            b.skip(24);
        }
    }
    if b.bit()? == 1 {
        b.ue()?;
        b.ue()?;
    }
    if b.bit()? == 1 {
        let (tick, scale) = (b.take(32)?, b.take(32)?);
        // Two ticks per frame.
        if tick > 0 {
            picture.fps = Some(f64::from(scale) / f64::from(tick) / 2.0).filter(|f| *f > 0.0 && *f < 1000.0);
        }
    }
    Some(())
}

/// A HEVC sequence parameter set (ISO/IEC 23008-2, 7.3.2.2), up to the size.
pub(super) fn hevc(stream: &[u8]) -> Option<Picture> {
    let sps = units(stream).find(|u| u.first().is_some_and(|b| b >> 1 & 0x3F == 33))?;
    let mut b = Bits::new(sps.get(2..)?);
    b.skip(4);
    let layers = b.take(3)? as usize;
    b.skip(1 + 96);
    let mut present = Vec::new();
    for _ in 0..layers {
        present.push((b.bit()?, b.bit()?));
    }
    if layers > 0 {
        b.skip(2 * (8 - layers));
    }
    for (profile, level) in present {
        b.skip(88 * profile as usize + 8 * level as usize);
    }
    b.ue()?;
    let chroma = b.ue()?;
    if chroma == 3 {
        b.skip(1);
    }
    let (mut width, mut height) = (b.ue()?, b.ue()?);
    if b.bit()? == 1 {
        let (cx, cy) = (if chroma == 1 || chroma == 2 { 2 } else { 1 }, if chroma == 1 { 2 } else { 1 });
        let (l, r, t, bottom) = (b.ue()?, b.ue()?, b.ue()?, b.ue()?);
        width = width.checked_sub(l.checked_add(r)?.checked_mul(cx)?)?;
        height = height.checked_sub(t.checked_add(bottom)?.checked_mul(cy)?)?;
    }
    (width > 0 && height > 0 && width <= 65_536 && height <= 65_536).then_some(Picture {
        width,
        height,
        aspect: 1.0,
        fps: None,
    })
}
