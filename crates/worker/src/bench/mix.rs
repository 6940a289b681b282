//! Generated pictures for `albumen bench`: phone JPEGs with EXIF, screenshots, duplicates.
//!
//! The pictures have edges, gradients and grain, so that entropy decoding is realistic: a 12-megapixel JPEG
//! has about 3 MB, like a phone's. They are not photographs and contain neither faces nor subjects.

use albumen_isolation::modes::{DUPLICATES, SCREENSHOTS, photo_name, photos_of};
use albumen_media::pixels::resize::bytes_of;
use albumen_media::render::encode;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

/// A 12-megapixel phone's size.
pub const PHOTO: (u32, u32) = (4032, 3024);
/// A phone's screen.
const SCREEN: (u32, u32) = (1080, 2340);
/// Quality of a phone's JPEGs.
const QUALITY: u8 = 92;

/// Writes the JPEGs, screenshots and duplicates; returns a description of them.
pub fn pictures(folder: &Path, count: u32) -> Result<String, String> {
    let said = |e: &dyn std::fmt::Display| e.to_string();
    let photos = photos_of(count);
    for sub in ["2023", "Screenshots", "Copies"] {
        fs::create_dir_all(folder.join(sub)).map_err(|e| said(&e))?;
    }
    for n in 0..photos {
        let jpeg = photo(n).map_err(|e| said(&e))?;
        fs::write(folder.join(photo_name(n)), jpeg).map_err(|e| said(&e))?;
    }
    let screenshots = count * SCREENSHOTS / 10;
    for n in 0..screenshots {
        let to = folder.join(format!("Screenshots/Screenshot_2023-07-{:02}-10-20-30.png", n % 28 + 1));
        let mut encoder =
            png::Encoder::new(BufWriter::new(File::create(to).map_err(|e| said(&e))?), SCREEN.0, SCREEN.1);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(|e| said(&e))?;
        writer.write_image_data(&screen(n)).map_err(|e| said(&e))?;
        writer.finish().map_err(|e| said(&e))?;
    }
    let duplicates = count * DUPLICATES / 10;
    for n in 0..duplicates {
        let to = folder.join(format!("Copies/copy {n}.jpg"));
        fs::copy(folder.join(photo_name(n % photos)), to).map_err(|e| said(&e))?;
    }
    Ok(format!("{photos} phone JPEGs, {screenshots} screenshots, {duplicates} duplicates"))
}

/// A phone's JPEG, identical for the same number.
pub fn photo(n: u32) -> Result<Vec<u8>, albumen_core::fault::Fault> {
    let jpeg = encode::jpeg(&scene(n, PHOTO), PHOTO.0, PHOTO.1, QUALITY)?;
    // After the start marker, as in cameras' files.
    Ok([&jpeg[..2], &exif(n)[..], &jpeg[2..]].concat())
}

/// Edges, gradients and grain.
fn scene(seed: u32, size: (u32, u32)) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut rgb = Vec::with_capacity(bytes_of(size));
    let (across, down) = (90 + seed % 40, 50 + seed % 30);
    for y in 0..size.1 {
        for x in 0..size.0 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = (state >> 29) as u8;
            let block = if (x / across + y / down) % 3 == 0 { 60 } else { 0 };
            rgb.extend([(x / 20) as u8 / 2 + block + grain, (y / 16) as u8 / 2 + block + grain, 90 + grain]);
        }
    }
    rgb
}

/// Flat areas and fine lines, as on screens.
fn screen(seed: u32) -> Vec<u8> {
    let pixel = |i: u32| {
        let (x, y) = (i % SCREEN.0, i / SCREEN.0);
        let text = y % 60 < 30 && x % 9 < 3 && !(x / 9 + y / 60 + seed).is_multiple_of(7);
        if text { [30, 30, 30] } else { [245, 245, 250] }
    };
    (0..SCREEN.0 * SCREEN.1).flat_map(pixel).collect()
}

/// An EXIF segment with make, model and date.
fn exif(n: u32) -> Vec<u8> {
    /// Types of TIFF: text, and a 32-bit number.
    const ASCII: u16 = 2;
    const LONG: u16 = 4;
    let date = format!("2023:{:02}:{:02} {:02}:20:30\0", n / 28 % 12 + 1, n % 28 + 1, n % 24);
    let texts = [&b"Albumen\0"[..], b"Generated\0", date.as_bytes()];
    // Header 8, first directory 2 + 3 * 12 + 4, second 2 + 12 + 4; then the texts.
    let (second, mut at) = (50u32, 68u32);
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x03".to_vec();
    let mut entry = |tag: u16, kind: u16, count: u32, value: u32| {
        tiff.extend([tag.to_be_bytes(), kind.to_be_bytes()].concat());
        tiff.extend([count.to_be_bytes(), value.to_be_bytes()].concat());
    };
    let mut place = |text: &[u8]| {
        let here = at;
        at += text.len() as u32;
        here
    };
    entry(0x010F, ASCII, texts[0].len() as u32, place(texts[0]));
    entry(0x0110, ASCII, texts[1].len() as u32, place(texts[1]));
    entry(0x8769, LONG, 1, second);
    let date_at = place(texts[2]);
    tiff.extend([0; 4]);
    tiff.extend([0, 1]);
    tiff.extend([0x9003u16.to_be_bytes(), ASCII.to_be_bytes()].concat());
    tiff.extend([(texts[2].len() as u32).to_be_bytes(), date_at.to_be_bytes()].concat());
    tiff.extend([0; 4]);
    tiff.extend(texts.concat());
    let length = (tiff.len() + 8) as u16;
    [&[0xFF, 0xE1][..], &length.to_be_bytes(), b"Exif\0\0", &tiff].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use albumen_core::source::Source;
    use albumen_core::vocabulary::{DevelopRequest, Inputs};
    use albumen_media::inspect::inspect;

    #[test]
    fn a_generated_photo_has_facts() {
        // The EXIF alone, before an end marker: the pixels would take seconds in a test.
        let jpeg = [&[0xFF, 0xD8][..], &exif(3), &[0xFF, 0xD9]].concat();
        let request = DevelopRequest {
            name: b"IMG_0003.jpg".to_vec(),
            folder: Vec::new(),
            mtime_ns: 0,
            sidecars: Vec::new(),
            render: None,
        };
        let inputs = Inputs { primary: Source::from_bytes(jpeg), sidecars: Vec::new() };
        let facts = inspect(&request, &inputs).unwrap();
        assert_eq!(facts.camera.model.as_deref(), Some("Generated"));
        assert_eq!(facts.taken.unwrap().local, "2023-01-04T03:20:30");
    }
}
