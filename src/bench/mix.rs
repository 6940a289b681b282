//! A generated library with known counts: phone JPEGs with EXIF, screenshots, duplicates, and, where heif-enc and
//! ffmpeg are installed, HEICs and HEVC clips.
//!
//! The pictures have edges, gradients and grain, so that entropy decoding has its work: a 12-megapixel JPEG has about
//! 3 MB, like a phone's. They are no photographs, and no face or subject is in them; speed on real photos is for real
//! photos to say.

use super::{BenchError, about};
use crate::pixels::resize::bytes_of;
use crate::render::encode;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::process::{Command, Stdio};

/// The name of the mode of `albumen-worker` that runs [`pictures`].
pub const MODE: &str = "bench-mix";
/// A 12-megapixel phone's size.
pub const PHOTO: (u32, u32) = (4032, 3024);
/// A phone's screen.
const SCREEN: (u32, u32) = (1080, 2340);
/// Quality of a phone's JPEGs.
const QUALITY: u8 = 92;
/// Of ten files, so many are ...
const SCREENSHOTS: u32 = 1;
const DUPLICATES: u32 = 2;
/// ... and of the photos every so manyth is also there as HEIC, and every so manyth has a clip.
const HEIC_EVERY: u32 = 4;
const CLIP_EVERY: u32 = 8;

/// Makes a mix of about `count` files below `folder`. What could not be made, and what was, in words.
pub fn make(worker: &Path, folder: &Path, count: u32) -> Result<Vec<String>, BenchError> {
    fs::create_dir_all(folder).map_err(about(folder.display().to_string()))?;
    let what = || worker.display().to_string();
    let made =
        Command::new(worker).arg(MODE).arg(folder).arg(count.to_string()).output().map_err(about(what()))?;
    if !made.status.success() {
        return Err(BenchError::Failed {
            program: what(),
            code: made.status.code().unwrap_or(-1),
            said: String::from_utf8_lossy(&made.stderr).into_owned(),
        });
    }
    let mut notes = vec![String::from_utf8_lossy(&made.stdout).trim().to_owned()];
    let photos: Vec<_> = (0..photos_of(count)).map(|n| folder.join(photo_name(n))).collect();
    let tool = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|s| s.success())
    };
    let heics = photos.iter().step_by(HEIC_EVERY as usize).filter(|jpeg| {
        let heic = jpeg.with_extension("heic");
        tool("heif-enc", &["-q", "60", "-o", &heic.to_string_lossy(), &jpeg.to_string_lossy()])
    });
    notes.push(told(heics.count(), "HEIC", "heif-enc"));
    let clips = photos.iter().step_by(CLIP_EVERY as usize).filter(|jpeg| {
        let clip = jpeg.with_extension("mov");
        let source = ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration=2"];
        let codec =
            ["-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1", "-pix_fmt", "yuv420p"];
        tool("ffmpeg", &[&source[..], &codec[..], &[&clip.to_string_lossy()]].concat())
    });
    notes.push(told(clips.count(), "HEVC clip", "ffmpeg with libx265"));
    Ok(notes)
}

fn told(count: usize, what: &str, with: &str) -> String {
    match count {
        0 => format!("no {what}s: {with} is not installed, and Albumen has no encoder for them"),
        n => format!("{n} {what}s"),
    }
}

fn photos_of(count: u32) -> u32 {
    (count - count * (SCREENSHOTS + DUPLICATES) / 10).max(1)
}

fn photo_name(n: u32) -> String {
    format!("2023/IMG_{n:04}.jpg")
}

/// The JPEGs, screenshots and duplicates; what was made, in words.
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

/// A phone's JPEG, the same for the same number.
pub fn photo(n: u32) -> Result<Vec<u8>, crate::pipeline::fault::Fault> {
    let jpeg = encode::jpeg(&scene(n, PHOTO), PHOTO.0, PHOTO.1, QUALITY)?;
    // After the start marker, where cameras put it.
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

/// Flat areas and fine lines, as screens have them.
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
    use crate::inspect::inspect;
    use crate::pipeline::source::Source;
    use crate::pipeline::vocabulary::{DevelopRequest, Inputs};

    #[test]
    fn a_generated_photo_has_facts() {
        // The EXIF alone, before an end marker: the pixels cost seconds in a test.
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
