//! Generates the sample library in testdata/: `cargo run --example testdata`.
//!
//! One painted scene with a capital F in it and a colour in each corner, so that the orientation is visible
//! and testable: red top left, green top right, blue bottom left, yellow bottom right. The same bytes every
//! time.

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

const WIDTH: usize = 480;
const HEIGHT: usize = 320;
/// libjpeg quality: the pictures are to be small.
const QUALITY: i32 = 80;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// An RGB picture.
#[derive(Clone)]
struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    fn painted(width: usize, height: usize, colour: impl Fn(usize, usize) -> [u8; 3]) -> Picture {
        let rgb = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| colour(x, y))
            .collect();
        Picture { width, height, rgb }
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let i = (y * self.width + x) * 3;
        [self.rgb[i], self.rgb[i + 1], self.rgb[i + 2]]
    }

    /// As stored by a camera in a position that `orientation` corrects.
    fn stored_for(&self, orientation: u8) -> Picture {
        let (w, h) = (self.width, self.height);
        // The position of a stored pixel in the upright picture: EXIF 2.32, table of the Orientation tag.
        let upright = |x: usize, y: usize| match orientation {
            2 => (w - 1 - x, y),
            3 => (w - 1 - x, h - 1 - y),
            4 => (x, h - 1 - y),
            5 => (y, x),
            6 => (w - 1 - y, x),
            7 => (w - 1 - y, h - 1 - x),
            8 => (y, h - 1 - x),
            _ => (x, y),
        };
        let (stored_w, stored_h) = if orientation >= 5 { (h, w) } else { (w, h) };
        Picture::painted(stored_w, stored_h, |x, y| {
            let (x, y) = upright(x, y);
            self.at(x, y)
        })
    }

    fn encode(
        &self,
        format: PixelFormat,
        pixels: &[u8],
        settings: impl Fn(&mut Compressor) -> turbojpeg::Result<()>,
    ) -> Result<Vec<u8>> {
        let mut compressor = Compressor::new()?;
        compressor.set_quality(QUALITY)?;
        compressor.set_subsamp(Subsamp::Sub2x2)?;
        settings(&mut compressor)?;
        let pitch = self.width * format.size();
        Ok(compressor.compress_to_vec(Image {
            pixels,
            width: self.width,
            pitch,
            height: self.height,
            format,
        })?)
    }

    fn jpeg(&self) -> Result<Vec<u8>> {
        self.encode(PixelFormat::RGB, &self.rgb, |_| Ok(()))
    }
}

fn scene() -> Picture {
    Picture::painted(WIDTH, HEIGHT, |x, y| {
        const CORNER: usize = 48;
        match (x < CORNER, x >= WIDTH - CORNER, y < CORNER, y >= HEIGHT - CORNER) {
            (true, _, true, _) => return [220, 30, 30],
            (_, true, true, _) => return [30, 180, 60],
            (true, _, _, true) => return [40, 60, 220],
            (_, true, _, true) => return [240, 210, 40],
            _ => {}
        }
        let (fx, fy) = (x as f64 / WIDTH as f64, y as f64 / HEIGHT as f64);
        // F: a stem and two bars.
        let in_stem = (190..220).contains(&x) && (70..250).contains(&y);
        let in_bars = (190..300).contains(&x) && (70..100).contains(&y)
            || (190..270).contains(&x) && (145..175).contains(&y);
        if in_stem || in_bars {
            return [250, 250, 245];
        }
        let hill = 0.72 + 0.10 * (fx * 7.0).sin() + 0.03 * (fx * 23.0).cos();
        if fy > hill {
            let shade = ((fy - hill) * 180.0) as u8;
            return [60 + shade / 2, 120u8.saturating_sub(shade / 3), 50];
        }
        let (dx, dy) = (fx - 0.78, (fy - 0.32) * HEIGHT as f64 / WIDTH as f64);
        if (dx * dx + dy * dy).sqrt() < 0.06 {
            return [255, 240, 180];
        }
        [(90.0 + 120.0 * fy) as u8, (150.0 + 70.0 * fy) as u8, (230.0 - 20.0 * fy) as u8]
    })
}

/// Facts of a camera that does not exist, on a summer morning in Berlin.
fn exif_block(orientation: u8) -> Result<Vec<u8>> {
    let text = |s: &str| Value::Ascii(vec![s.as_bytes().to_vec()]);
    let ratio = |num: u32, denom: u32| Value::Rational(vec![Rational { num, denom }]);
    let degrees = |d: u32, m: u32, centi_s: u32| {
        let part = |num, denom| Rational { num, denom };
        Value::Rational(vec![part(d, 1), part(m, 1), part(centi_s, 100)])
    };
    let fields = [
        (Tag::Make, text("Albumen")),
        (Tag::Model, text("Sample 1")),
        (Tag::Orientation, Value::Short(vec![u16::from(orientation)])),
        (Tag::DateTimeOriginal, text("2023:07:01 10:20:30")),
        (Tag::SubSecTimeOriginal, text("25")),
        (Tag::OffsetTimeOriginal, text("+02:00")),
        (Tag::LensModel, text("Painted 35mm F2")),
        (Tag::PhotographicSensitivity, Value::Short(vec![200])),
        (Tag::FNumber, ratio(28, 10)),
        (Tag::ExposureTime, ratio(1, 250)),
        (Tag::FocalLength, ratio(35, 1)),
        (Tag::GPSLatitudeRef, text("N")),
        (Tag::GPSLatitude, degrees(52, 31, 1254)),
        (Tag::GPSLongitudeRef, text("E")),
        (Tag::GPSLongitude, degrees(13, 24, 1788)),
    ]
    .map(|(tag, value)| Field { tag, ifd_num: In::PRIMARY, value });
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut tiff = Cursor::new(Vec::new());
    writer.write(&mut tiff, false)?;
    Ok(tiff.into_inner())
}

/// Inserts an APP1 segment after the SOI marker.
fn with_exif(jpeg: &[u8], tiff: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(2 + 6 + tiff.len())?;
    Ok([&jpeg[..2], b"\xff\xe1", &length.to_be_bytes(), b"Exif\0\0", tiff, &jpeg[2..]].concat())
}

fn main() -> Result<()> {
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let write = |name: &str, bytes: &[u8]| -> Result<()> {
        let path = out.join(name);
        fs::create_dir_all(path.parent().ok_or("a name below testdata")?)?;
        Ok(fs::write(path, bytes)?)
    };
    let scene = scene();
    for orientation in 1..=8 {
        let jpeg = with_exif(&scene.stored_for(orientation).jpeg()?, &exif_block(orientation)?)?;
        write(&format!("orientation/{orientation}.jpg"), &jpeg)?;
    }
    let plain = scene.jpeg()?;
    write("kinds/plain.jpg", &plain)?;
    write("kinds/copy of plain.jpg", &plain)?;
    write(
        "kinds/progressive.jpg",
        &scene.encode(PixelFormat::RGB, &scene.rgb, |c| c.set_progressive(true))?,
    )?;
    let grey: Vec<u8> = scene
        .rgb
        .chunks_exact(3)
        .map(|p| ((299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2])) / 1000) as u8)
        .collect();
    write("kinds/grey.jpg", &scene.encode(PixelFormat::GRAY, &grey, |c| c.set_subsamp(Subsamp::Gray))?)?;
    // As written by Adobe's programs: 255 means 0 % ink.
    let cmyk: Vec<u8> = scene.rgb.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    write("kinds/cmyk.jpg", &scene.encode(PixelFormat::CMYK, &cmyk, |c| c.set_subsamp(Subsamp::None))?)?;

    write("broken/truncated.jpg", &plain[..plain.len() * 6 / 10])?;
    write("broken/empty.jpg", b"")?;
    write("broken/text.jpg", b"This is a letter and no photo.\n")?;
    write("broken/huge.jpg", &huge_header(&plain)?)?;
    write("broken/really a png.jpg", &png()?)?;
    write("left out/.nomedia", b"")?;
    write("left out/unseen.jpg", &plain)?;
    Ok(())
}

/// The same picture with a frame header of 65500 x 65500.
fn huge_header(jpeg: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = jpeg.to_vec();
    let sof = bytes.windows(2).position(|w| w == b"\xff\xc0").ok_or("a baseline JPEG has an SOF0 marker")?;
    let side = 65_500u16.to_be_bytes();
    // Marker, length (2), precision (1), height (2), width (2).
    bytes[sof + 5..sof + 7].copy_from_slice(&side);
    bytes[sof + 7..sof + 9].copy_from_slice(&side);
    Ok(bytes)
}

fn png() -> Result<Vec<u8>> {
    let small = Picture::painted(64, 48, |x, y| [x as u8 * 4, y as u8 * 5, 128]);
    let mut out = Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut out,
        &small.rgb,
        small.width as u32,
        small.height as u32,
        image::ExtendedColorType::Rgb8,
        image::ImageFormat::Png,
    )?;
    Ok(out.into_inner())
}
