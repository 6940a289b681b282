//! DNG files with sensor data and no preview, computed from a synthetic scene as cameras of several kinds
//! would record it.

use std::collections::BTreeMap;

/// The colour of each pixel of a sensor: 0 is red, 1 green, 2 blue.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Filters {
    /// Two rows of two.
    Bayer([u8; 4]),
    /// Fujifilm's six rows of six.
    SixBySix,
    /// All three at each place.
    None,
}

pub(crate) const RGGB: Filters = Filters::Bayer([0, 1, 1, 2]);
pub(crate) const BGGR: Filters = Filters::Bayer([2, 1, 1, 0]);
pub(crate) const GRBG: Filters = Filters::Bayer([1, 0, 2, 1]);
pub(crate) const GBRG: Filters = Filters::Bayer([1, 2, 0, 1]);

#[rustfmt::skip]
const SIX_BY_SIX: [u8; 36] = [
    1, 2, 1, 1, 0, 1,
    0, 1, 0, 2, 1, 2,
    1, 2, 1, 1, 0, 1,
    1, 0, 1, 1, 2, 1,
    2, 1, 2, 0, 1, 0,
    1, 0, 1, 1, 2, 1,
];

/// A sensor and its file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mosaic {
    pub width: u32,
    pub height: u32,
    pub filters: Filters,
    /// Bits per sample: 8, 12 (packed) or 16.
    pub bits: u32,
    /// The black level.
    pub black: u32,
    /// EXIF's orientation.
    pub orientation: u32,
    /// Left, top, width and height of the displayed part.
    pub crop: Option<[u32; 4]>,
}

impl Default for Mosaic {
    fn default() -> Mosaic {
        Mosaic { width: 900, height: 600, filters: RGGB, bits: 16, black: 0, orientation: 1, crop: None }
    }
}

/// The camera's response to red, green and blue light, and to grey.
const CAMERA: [[f64; 3]; 3] = [[0.80, 0.16, 0.04], [0.12, 0.78, 0.10], [0.02, 0.18, 0.80]];
const NEUTRAL: [f64; 3] = [0.5, 1.0, 0.65];
/// From CIE XYZ to linear sRGB.
const TO_RGB: [[f64; 3]; 3] =
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]];

/// Patches of the scene, in linear light: six across, four down.
#[rustfmt::skip]
const PATCHES: [[f64; 3]; 24] = [
    [0.17, 0.08, 0.06], [0.54, 0.31, 0.22], [0.12, 0.20, 0.33], [0.10, 0.15, 0.05], [0.22, 0.21, 0.42], [0.12, 0.51, 0.40],
    [0.68, 0.20, 0.03], [0.06, 0.10, 0.38], [0.55, 0.09, 0.12], [0.11, 0.04, 0.14], [0.34, 0.50, 0.05], [0.76, 0.37, 0.03],
    [0.02, 0.05, 0.28], [0.06, 0.29, 0.07], [0.45, 0.03, 0.04], [0.82, 0.57, 0.01], [0.51, 0.09, 0.30], [0.01, 0.24, 0.37],
    [0.90, 0.90, 0.90], [0.59, 0.59, 0.59], [0.36, 0.36, 0.36], [0.19, 0.19, 0.19], [0.09, 0.09, 0.09], [0.03, 0.03, 0.03],
];

/// Linear red, green and blue at a place from 0 to 1: patches, each a little brighter to its right.
fn scene(x: f64, y: f64) -> [f64; 3] {
    let (across, down) = ((x * 6.0).min(5.999), (y * 4.0).min(3.999));
    let patch = PATCHES[down as usize * 6 + across as usize];
    let shade = 0.85 + 0.15 * across.fract();
    patch.map(|v| v * shade)
}

/// The bytes of the file, without a preview.
pub(crate) fn dng(of: &Mosaic) -> Vec<u8> {
    file(of, None)
}

/// The same with a preview, which is a JPEG.
pub(crate) fn dng_with_preview(of: &Mosaic, preview: &[u8]) -> Vec<u8> {
    file(of, Some(preview))
}

fn file(of: &Mosaic, preview: Option<&[u8]>) -> Vec<u8> {
    let white: u32 = if of.bits == 16 { 16_000 } else { (1 << of.bits) - 1 };
    let samples = match of.filters {
        Filters::None => 3,
        _ => 1,
    };
    let at = |x: u32, y: u32, colour: usize| {
        let light =
            scene((f64::from(x) + 0.5) / f64::from(of.width), (f64::from(y) + 0.5) / f64::from(of.height));
        let seen: f64 = (0..3).map(|i| CAMERA[colour][i] * light[i]).sum();
        (f64::from(of.black) + seen * NEUTRAL[colour] * f64::from(white - of.black)).round() as u32
    };
    let mut data = Bits::default();
    for y in 0..of.height {
        for x in 0..of.width {
            match of.filters {
                Filters::Bayer(colours) => {
                    data.push(at(x, y, colours[(y % 2 * 2 + x % 2) as usize].into()), of.bits)
                }
                Filters::SixBySix => {
                    data.push(at(x, y, SIX_BY_SIX[(y % 6 * 6 + x % 6) as usize].into()), of.bits);
                }
                Filters::None => (0..3).for_each(|colour| data.push(at(x, y, colour), of.bits)),
            }
        }
    }
    let data = data.bytes;

    let matrix: Vec<f64> = (0..9)
        .map(|i| {
            let (row, column) = (i / 3, i % 3);
            NEUTRAL[row] * (0..3).map(|k| CAMERA[row][k] * TO_RGB[k][column]).sum::<f64>()
        })
        .collect();
    let mut camera = Tags::default();
    camera.text(271, "Albumen");
    camera.text(272, "Mosaic");
    camera.short(274, &[of.orientation as u16]);
    camera.bytes(50_706, &[1, 4, 0, 0]);
    camera.text(50_708, "Albumen Mosaic");
    camera.ratios(50_721, 10, &matrix);
    camera.ratios(50_728, 5, &NEUTRAL);
    // Daylight.
    camera.short(50_778, &[21]);

    let mut sensor = Tags::default();
    sensor.long(254, &[0]);
    sensor.long(256, &[of.width]);
    sensor.long(257, &[of.height]);
    sensor.short(258, &vec![of.bits as u16; samples]);
    sensor.short(259, &[1]);
    sensor.short(262, &[if samples == 1 { 32_803 } else { 34_892 }]);
    sensor.long(273, &[0]);
    sensor.short(277, &[samples as u16]);
    sensor.long(278, &[of.height]);
    sensor.long(279, &[data.len() as u32]);
    sensor.short(284, &[1]);
    match of.filters {
        Filters::Bayer(colours) => {
            sensor.short(33_421, &[2, 2]);
            sensor.bytes(33_422, &colours);
        }
        Filters::SixBySix => {
            sensor.short(33_421, &[6, 6]);
            sensor.bytes(33_422, &SIX_BY_SIX);
        }
        Filters::None => {}
    }
    sensor.short(50_714, &vec![of.black as u16; samples]);
    sensor.short(50_717, &vec![white as u16; samples]);
    if let Some([left, top, width, height]) = of.crop {
        sensor.long(50_719, &[left, top]);
        sensor.long(50_720, &[width, height]);
    }

    let header = b"II\x2a\0\x08\0\0\0".len();
    let mut out = b"II\x2a\0\x08\0\0\0".to_vec();
    match preview {
        None => {
            camera.0.append(&mut sensor.0);
            let at = header + camera.len();
            camera.long(273, &[at as u32]);
            out.extend(camera.written(header));
        }
        // The preview in the first directory, the sensor in one below, as in files of cameras and Adobe's
        // converter.
        Some(jpeg) => {
            let sensor_at = header + camera.len() + Tags::ENTRY * 6;
            let preview_at = sensor_at + sensor.len();
            camera.long(254, &[1]);
            camera.short(259, &[7]);
            camera.short(262, &[6]);
            camera.long(273, &[preview_at as u32]);
            camera.long(279, &[jpeg.len() as u32]);
            camera.long(330, &[sensor_at as u32]);
            sensor.long(273, &[(preview_at + jpeg.len()) as u32]);
            out.extend(camera.written(header));
            out.extend(sensor.written(sensor_at));
            out.extend(jpeg);
        }
    }
    out.extend(data);
    out
}

/// Contiguous samples: whole bytes little end first, others packed from the highest bit down.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    waiting: u32,
}

impl Bits {
    fn push(&mut self, value: u32, bits: u32) {
        if bits == 16 {
            self.bytes.extend((value as u16).to_le_bytes());
            return;
        }
        self.held = self.held << bits | value;
        self.waiting += bits;
        while self.waiting >= 8 {
            self.waiting -= 8;
            self.bytes.push((self.held >> self.waiting) as u8);
        }
    }
}

/// A TIFF directory under construction: tag, type, count and value of each entry.
#[derive(Default)]
struct Tags(BTreeMap<u16, (u16, u32, Vec<u8>)>);

impl Tags {
    /// Bytes of an entry.
    const ENTRY: usize = 12;

    fn add(&mut self, tag: u16, kind: u16, count: usize, value: Vec<u8>) {
        self.0.insert(tag, (kind, count as u32, value));
    }

    fn bytes(&mut self, tag: u16, value: &[u8]) {
        self.add(tag, 1, value.len(), value.to_vec());
    }

    fn text(&mut self, tag: u16, value: &str) {
        self.add(tag, 2, value.len() + 1, [value.as_bytes(), &[0]].concat());
    }

    fn short(&mut self, tag: u16, values: &[u16]) {
        self.add(tag, 3, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
    }

    fn long(&mut self, tag: u16, values: &[u32]) {
        self.add(tag, 4, values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect());
    }

    /// Fractions of ten thousandths, unsigned (kind 5) or signed (kind 10).
    fn ratios(&mut self, tag: u16, kind: u16, values: &[f64]) {
        let whole =
            |v: &f64| [((v * 10_000.0).round() as i32).to_le_bytes(), 10_000i32.to_le_bytes()].concat();
        self.add(tag, kind, values.len(), values.iter().flat_map(whole).collect());
    }

    /// Bytes of the directory and of the values that do not fit into it.
    fn len(&self) -> usize {
        let outside = |n: usize| if n > 4 { n.next_multiple_of(2) } else { 0 };
        2 + self.0.values().map(|(_, _, value)| Self::ENTRY + outside(value.len())).sum::<usize>() + 4
    }

    /// The bytes of the directory at this position of the file.
    fn written(&self, at: usize) -> Vec<u8> {
        let values_at = at + 2 + Self::ENTRY * self.0.len() + 4;
        let mut out = (self.0.len() as u16).to_le_bytes().to_vec();
        let mut outside = Vec::new();
        for (tag, (kind, count, value)) in &self.0 {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            if value.len() > 4 {
                out.extend(((values_at + outside.len()) as u32).to_le_bytes());
                outside.extend(value);
                outside.resize(outside.len().next_multiple_of(2), 0);
            } else {
                out.extend(value);
                out.resize(out.len() + 4 - value.len(), 0);
            }
        }
        out.extend([0; 4]);
        out.extend(outside);
        out
    }
}
