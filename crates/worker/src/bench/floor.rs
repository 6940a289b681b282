//! The lower bound: the cost of libjpeg-turbo and fast_image_resize alone for the same three thumbnails. No
//! facts, hash, colours, orientation, sandbox or index.

use albumen_core::ladder;
use albumen_core::vocabulary::RenderSettings;
use albumen_isolation::modes::Worked;
use albumen_media::decode::jpeg::scale_for;
use albumen_media::pixels::resize::{bytes_of, shrink};
use albumen_media::render::encode;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

/// Makes the thumbnails of all files named in `list`, each name ended by a zero byte, and discards them.
pub fn work(list: &Path) -> Result<Worked, String> {
    let names = fs::read(list).map_err(|e| e.to_string())?;
    let mut worked = Worked { files: 0, refused: 0 };
    for name in names.split(|&b| b == 0).filter(|n| !n.is_empty()) {
        let jpeg = fs::read(std::ffi::OsStr::from_bytes(name)).map_err(|e| e.to_string())?;
        match thumbnails(&jpeg) {
            Ok(_) => worked.files += 1,
            Err(_) => worked.refused += 1,
        }
    }
    Ok(worked)
}

/// Whole decode at Albumen's scale, Lanczos3, encode. Returns the bytes of the thumbnails.
pub fn thumbnails(jpeg: &[u8]) -> turbojpeg::Result<usize> {
    let mut decoder = Decompressor::new()?;
    let header = decoder.read_header(jpeg)?;
    let full = (header.width as u32, header.height as u32);
    let xl = ladder::step(full, ladder::LADDER[0].1);
    let scale = ScalingFactor::new(scale_for(full, xl) as usize, 8);
    decoder.set_scaling_factor(scale)?;
    let from = (scale.scale(header.width) as u32, scale.scale(header.height) as u32);
    let mut rgb = vec![0; bytes_of(from)];
    let image = Image {
        pixels: &mut rgb[..],
        width: from.0 as usize,
        pitch: from.0 as usize * 3,
        height: from.1 as usize,
        format: PixelFormat::RGB,
    };
    decoder.decompress(jpeg, image)?;
    let (mut total, mut at) = (0, from);
    for (_, edge) in ladder::LADDER {
        let to = ladder::step(full, edge);
        if to != at {
            rgb = shrink(&rgb, at, to);
            at = to;
        }
        let quality = RenderSettings::default().quality;
        total += encode::jpeg(&rgb, to.0, to.1, quality).map_or(0, |jpeg| jpeg.len());
    }
    Ok(total)
}
