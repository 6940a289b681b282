//! Colour: all pictures are converted to sRGB with 8 bits per channel.
//!
//! Two modules, since files describe their colours in two ways:
//!
//! - [`icc`]: by an ICC profile (JPEG, PNG, TIFF, WebP, HEIC, AVIF). `to_srgb_rgb8(&mut rgb, icc)` in place,
//!   and the same for 16 bits, grey and CMYK.
//! - [`cicp`]: by code points (HEIF's `nclx`, AV1, HEVC and H.264 headers, PNG's `cICP`), among them PQ and
//!   HLG, which are tone-mapped for SDR screens.
//!
//! Promises: a picture that is sRGB already, or whose profile cannot be used, is unchanged, at the cost of
//! checking the profile. No conversion fails: inexact colours are better than no picture.
//!
//! Convert after shrinking where possible: the conversion is per pixel and the shrunk picture has fewer.
//! Shrinking itself is done on the coded (gamma) values; see docs/decisions.md for the cost of linear light.

pub mod cicp;
pub mod icc;

pub use cicp::{Cicp, cicp_to_srgb_rgb8};
pub use icc::{
    CmykToSrgb, adobe_rgb, cmyk_to_srgb_rgb8, grey_to_srgb_rgb8, rgb16_to_srgb_rgb8, to_srgb_rgb8,
};

/// 16 bits to 8, rounded: 65535 / 257 is 255.
pub(super) fn to_8_bits(v: u16) -> u8 {
    ((u32::from(v) * 255 + 32_895) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_round_to_the_nearest_eight() {
        for v in 0..=255u16 {
            assert_eq!(u16::from(to_8_bits(v * 257)), v);
        }
        assert_eq!(to_8_bits(128), 0);
        assert_eq!(to_8_bits(129), 1);
    }
}
