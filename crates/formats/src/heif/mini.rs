//! The short form of HEIF (`mini`): a bit-packed header with size, rotation and the lengths of the following parts.

use crate::budget::PACKET;
use crate::bytes::View;
use crate::{Findings, exif};

/// Reads the header; EXIF and XMP come last. HDR fields are not supported: they are many, and no file with them was found.
pub(super) fn read(body: View<'_>, found: &mut Findings) -> Option<()> {
    const HEADER: usize = 64;
    let head = body.head(HEADER);
    let mut at = 0;
    let mut take = |n: usize| -> Option<u32> {
        let bit = |at: usize| head.get(at / 8).map(|b| u32::from(b >> (7 - at % 8) & 1));
        let value = (at..at + n).try_fold(0, |v, at| Some(v << 1 | bit(at)?));
        at += n;
        value
    };
    if take(2)? != 0 {
        return None;
    }
    let mut flag = || take(1).map(|v| v == 1);
    let (codec, float, _full_range, alpha) = (flag()?, flag()?, flag()?, flag()?);
    let (code_points, hdr, icc, exif, xmp) = (flag()?, flag()?, flag()?, flag()?, flag()?);
    let chroma = take(2)?;
    let orientation = take(3)? as u8 + 1;
    let n = if take(1)? == 1 { 15 } else { 7 };
    let (width, height) = (take(n)? + 1, take(n)? + 1);
    found.coded = Some((width, height));
    found.display = Some(if orientation >= 5 { (height, width) } else { (width, height) });
    if hdr {
        return None;
    }
    take(match chroma {
        1 => 2,
        2 => 1,
        _ => 0,
    })?;
    if float {
        take(2)?;
    } else if take(1)? == 1 {
        take(3)?;
    }
    take(usize::from(alpha))?;
    if code_points {
        found.transfer = Some((take(16)? & 0xFF) as u16);
        take(8)?;
    }
    if codec {
        take(32)?;
        take(32)?;
    }
    let metadata = if (icc || exif || xmp) && take(1)? == 1 { 20 } else { 10 };
    let config = if take(1)? == 1 { 12 } else { 3 };
    let data = if take(1)? == 1 { 28 } else { 15 };
    if icc {
        take(metadata)?;
    }
    take(config)?;
    take(data)?;
    if alpha && take(data)? > 0 {
        take(config)?;
    }
    let is_packed = (exif || xmp) && take(1)? == 1;
    let exif_length = if exif { u64::from(take(metadata)?) + 1 } else { 0 };
    let xmp_length = if xmp { u64::from(take(metadata)?) + 1 } else { 0 };
    if is_packed {
        return None;
    }
    let xmp_at = body.len().checked_sub(xmp_length)?;
    if exif {
        found.add_exif(exif::read(body.part(xmp_at.checked_sub(exif_length)?, exif_length)));
    }
    if xmp {
        found.add_xmp(body.from(xmp_at).head(PACKET));
    }
    Some(())
}
