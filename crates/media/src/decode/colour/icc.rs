//! ICC profiles to sRGB, by moxcms.
//!
//! Promises: in place and a few rows at a time, so no second picture is held; does nothing for sRGB profiles
//! (detected by their effect on colours, not by name); never fails. Code points are left to [`super::cicp`].

use super::cicp::{Cicp, cicp_to_srgb_rgb8};
use super::to_8_bits;
use moxcms::{
    ColorProfile, DataColorSpace, Layout, RenderingIntent, ToneReprCurve, TransformExecutor, TransformOptions,
};
use std::sync::Arc;

/// Pixels converted at a time: 48 KB of temporary 8-bit RGB, which stays in the L2 cache.
const CHUNK_PIXELS: usize = 16 * 1024;

/// A profile that changes colours by at most this many 8-bit levels counts as sRGB.
const SAME_LEVELS: u8 = 2;

fn options() -> TransformOptions {
    TransformOptions {
        // What browsers and libvips do: colours that fit stay exact, white becomes white.
        rendering_intent: RenderingIntent::RelativeColorimetric,
        ..Default::default()
    }
}

/// The profile of Adobe RGB (1998), for files that name but do not contain it. `None` only if it cannot be
/// made.
pub fn adobe_rgb() -> Option<Vec<u8>> {
    ColorProfile::new_adobe_rgb().encode().ok()
}

/// Converts interleaved 8-bit RGB in place from the profile's colours to sRGB. Does nothing when the profile is
/// sRGB, broken, or not one for RGB or grey pictures.
pub fn to_srgb_rgb8(rgb: &mut [u8], icc: &[u8]) {
    let Ok(profile) = ColorProfile::new_from_slice(icc) else { return };
    if let Some(hdr) = hdr_code_points(&profile) {
        let wide: Vec<u16> = rgb.iter().map(|&v| u16::from(v) * 257).collect();
        rgb.copy_from_slice(&cicp_to_srgb_rgb8(&wide, hdr));
        return;
    }
    match profile.color_space {
        DataColorSpace::Rgb => {}
        DataColorSpace::Gray => {
            // A grey picture that its decoder has already spread over three channels.
            let lut = grey_lut(&profile);
            rgb.iter_mut().for_each(|v| *v = lut[usize::from(*v)]);
            return;
        }
        _ => return,
    }
    let Ok(transform) =
        profile.create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, options())
    else {
        return;
    };
    let probe = lattice();
    let mut seen = vec![0; probe.len()];
    if transform.transform(&probe, &mut seen).is_err()
        || probe.iter().zip(&seen).all(|(a, b)| a.abs_diff(*b) <= SAME_LEVELS)
    {
        return;
    }
    let mut converted = vec![0; CHUNK_PIXELS * 3];
    for chunk in rgb.chunks_mut(CHUNK_PIXELS * 3) {
        let whole = chunk.len() - chunk.len() % 3;
        if transform.transform(&chunk[..whole], &mut converted[..whole]).is_ok() {
            chunk[..whole].copy_from_slice(&converted[..whole]);
        }
    }
}

/// Converts interleaved 16-bit RGB (full scale, 65535 is white) to 8-bit sRGB; without a usable profile it is
/// treated as sRGB.
pub fn rgb16_to_srgb_rgb8(rgb: &[u16], icc: &[u8]) -> Vec<u8> {
    let narrow = |rgb: &[u16]| -> Vec<u8> { rgb.iter().map(|&v| to_8_bits(v)).collect() };
    let Ok(profile) = ColorProfile::new_from_slice(icc) else { return narrow(rgb) };
    if let Some(hdr) = hdr_code_points(&profile) {
        return cicp_to_srgb_rgb8(rgb, hdr);
    }
    // 8-bit in and out: the picture is shown with 8 bits, and a second rounding costs half a level.
    let mut out = narrow(rgb);
    to_srgb_rgb8(&mut out, icc);
    out
}

/// Spreads grey to RGB, converting by the profile if it is a usable grey one.
pub fn grey_to_srgb_rgb8(grey: &[u8], icc: Option<&[u8]>) -> Vec<u8> {
    let profile = icc.and_then(|icc| ColorProfile::new_from_slice(icc).ok());
    let lut = match profile {
        Some(p) if p.color_space == DataColorSpace::Gray => grey_lut(&p),
        _ => std::array::from_fn(|i| i as u8),
    };
    grey.iter().flat_map(|&v| [lut[usize::from(v)]; 3]).collect()
}

/// Converts interleaved 8-bit CMYK to sRGB. 255 is full ink: the caller inverts Adobe's CMYK first. Without a
/// usable profile the plain formula is used, since CMYK has no standard default.
pub fn cmyk_to_srgb_rgb8(cmyk: &[u8], icc: Option<&[u8]>) -> Vec<u8> {
    let mut out = vec![0; cmyk.len() / 4 * 3];
    CmykToSrgb::new(icc).convert(cmyk, &mut out);
    out
}

/// [`cmyk_to_srgb_rgb8`] for a picture in parts: the profile's tables are computed once.
pub struct CmykToSrgb {
    transform: Option<Arc<dyn TransformExecutor<u8> + Send + Sync>>,
}

impl CmykToSrgb {
    pub fn new(icc: Option<&[u8]>) -> CmykToSrgb {
        let transform = icc
            .and_then(|icc| ColorProfile::new_from_slice(icc).ok())
            .filter(|p| p.color_space == DataColorSpace::Cmyk)
            .and_then(|p| {
                // moxcms reads four-channel input through the RGBA layout.
                p.create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgb, options()).ok()
            });
        CmykToSrgb { transform }
    }

    /// Converts as many whole pixels as fit both slices.
    pub fn convert(&self, cmyk: &[u8], rgb: &mut [u8]) {
        let pixels = (cmyk.len() / 4).min(rgb.len() / 3);
        let (cmyk, rgb) = (&cmyk[..pixels * 4], &mut rgb[..pixels * 3]);
        if let Some(transform) = &self.transform
            && transform.transform(cmyk, rgb).is_ok()
        {
            return;
        }
        for (ink, rgb) in cmyk.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
            let paper = 255 - u32::from(ink[3]);
            for (c, v) in ink.iter().zip(rgb) {
                *v = ((255 - u32::from(*c)) * paper).div_ceil(255) as u8;
            }
        }
    }
}

/// An ICC profile may state PQ or HLG in its `cicp` tag; its curves are then only an approximation.
fn hdr_code_points(profile: &ColorProfile) -> Option<Cicp> {
    let cicp = profile.cicp.as_ref()?;
    let code_points = Cicp {
        primaries: cicp.color_primaries as u8,
        transfer: cicp.transfer_characteristics as u8,
        matrix: 0,
        full_range: true,
    };
    code_points.is_hdr().then_some(code_points)
}

/// The sRGB value of each grey level.
fn grey_lut(profile: &ColorProfile) -> [u8; 256] {
    let levels: [u8; 256] = std::array::from_fn(|i| i as u8);
    let mut out = levels;
    // Many "grey gamma 2.2" profiles are intended as sRGB but state 2.2; they are converted as stated.
    let has_curve = matches!(&profile.gray_trc, Some(ToneReprCurve::Lut(_) | ToneReprCurve::Parametric(_)));
    if has_curve
        && let Ok(t) =
            profile.create_transform_8bit(Layout::Gray, &ColorProfile::new_srgb(), Layout::Rgb, options())
    {
        let mut rgb = [0; 256 * 3];
        if t.transform(&levels, &mut rgb).is_ok() {
            out = std::array::from_fn(|i| rgb[3 * i + 1]);
        }
    }
    out
}

/// 9 x 9 x 9 colours over the whole cube.
fn lattice() -> Vec<u8> {
    let level = |i: usize| (i * 255 / 8) as u8;
    (0..9 * 9 * 9).flat_map(|i| [level(i / 81), level(i / 9 % 9), level(i % 9)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(profile: ColorProfile) -> Vec<u8> {
        profile.encode().expect("a profile of moxcms's own encodes")
    }

    #[test]
    fn srgb_is_left_alone_to_the_byte() {
        let mut rgb: Vec<u8> = (0..=255).flat_map(|v| [v, 255 - v, v / 2]).collect();
        let before = rgb.clone();
        to_srgb_rgb8(&mut rgb, &encoded(ColorProfile::new_srgb()));
        assert_eq!(rgb, before);
    }

    #[test]
    fn wide_gamuts_get_more_saturated_and_white_stays_white() {
        for profile in [
            ColorProfile::new_display_p3(),
            ColorProfile::new_adobe_rgb(),
            ColorProfile::new_pro_photo_rgb(),
            ColorProfile::new_bt2020(),
        ] {
            let name = format!("{:?}", profile.description);
            let mut rgb = vec![60, 160, 60, 255, 255, 255, 0, 0, 0];
            to_srgb_rgb8(&mut rgb, &encoded(profile));
            assert!(i32::from(rgb[1]) - i32::from(rgb[0]) > 105, "{name}: {rgb:?}");
            assert!(rgb[3..6].iter().all(|v| *v >= 254), "{name}: {rgb:?}");
            assert!(rgb[6..].iter().all(|v| *v <= 1), "{name}: {rgb:?}");
        }
    }

    #[test]
    fn display_p3_red_is_known() {
        // Display P3 (200, 60, 60) in sRGB by the matrices of CSS Color 4: (217, 42, 52).
        let mut rgb = vec![200, 60, 60];
        to_srgb_rgb8(&mut rgb, &encoded(ColorProfile::new_display_p3()));
        for (got, want) in rgb.iter().zip([217u8, 42, 52]) {
            assert!(got.abs_diff(want) <= 2, "{rgb:?}");
        }
    }

    #[test]
    fn linear_grey_becomes_lighter() {
        let icc = encoded(ColorProfile::new_gray_with_gamma(1.0));
        let rgb = grey_to_srgb_rgb8(&[0, 55, 255], Some(&icc));
        assert_eq!(rgb[0], 0);
        assert!((125..=131).contains(&rgb[3]), "{rgb:?}"); // 55/255 of the light is 50 % lightness
        assert_eq!(rgb[6], 255);
    }

    #[test]
    fn cmyk_without_a_profile_follows_the_formula() {
        let rgb = cmyk_to_srgb_rgb8(&[0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255], None);
        assert_eq!(rgb, [255, 255, 255, 0, 255, 255, 0, 0, 0]);
    }

    #[test]
    fn rubbish_profiles_change_nothing() {
        for icc in [&b""[..], b"acsp", &[0xff; 300]] {
            let mut rgb = vec![1, 2, 3];
            to_srgb_rgb8(&mut rgb, icc);
            assert_eq!(rgb, [1, 2, 3]);
        }
    }
}
