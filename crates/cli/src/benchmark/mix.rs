//! A generated library with known counts: phone JPEGs with EXIF, screenshots, duplicates, and, if heif-enc
//! and ffmpeg are installed, HEICs and HEVC clips.
//!
//! The pictures have edges, gradients and grain, so that entropy decoding is realistic: a 12-megapixel JPEG
//! has about 3 MB, like a phone's. They are not photographs and contain neither faces nor subjects; speed on
//! real photos must be measured on real photos.

use super::{BenchError, about};
use albumen_isolation::modes::{PICTURES, photo_name, photos_of};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// One in this many generated photos also exists as HEIC, and one in this many has a clip.
const HEIC_EVERY: u32 = 4;
const CLIP_EVERY: u32 = 8;

/// Generates a mix of about `count` files below `folder`. Returns what was generated, and as text what could
/// not be.
pub(crate) fn make(worker: &Path, folder: &Path, count: u32) -> Result<Vec<String>, BenchError> {
    fs::create_dir_all(folder).map_err(about(folder.display().to_string()))?;
    let what = || worker.display().to_string();
    let made = Command::new(worker)
        .arg(PICTURES)
        .arg(folder)
        .arg(count.to_string())
        .output()
        .map_err(about(what()))?;
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
