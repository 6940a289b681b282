//! Colours by code points (ITU-T H.273, "CICP"): wide gamuts to sRGB, PQ and HLG tone-mapped to SDR.
//!
//! Promises: SDR pictures keep their tones (BT.709, BT.601 and sRGB curves are all shown as sRGB, as browsers
//! and players do); HDR pictures keep diffuse white (203 cd/m2, ITU-R BT.2408) light and their highlights
//! distinct.
//!
//! The tone curve is the EETF of ITU-R BT.2390-11 section 5.4.1: a Hermite knee in the PQ domain, applied to
//! the largest channel so that hues stay. It maps the picture's own peak (measured, never below 203 cd/m2) to
//! SDR white, defined as 203 cd/m2: a picture without highlights is unchanged, one with 1000 cd/m2 gets its
//! diffuse white at 90 % of the screen's code values. HLG goes through the reference display of BT.2100
//! first: 1000 cd/m2, system gamma 1.2.

use super::to_8_bits;
use moxcms::{CicpColorPrimaries, CicpProfile, ColorProfile, MatrixCoefficients, TransferCharacteristics};

/// Code points as a file states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cicp {
    /// ColourPrimaries: 1 BT.709, 9 BT.2020, 12 Display P3, 2 unknown.
    pub primaries: u8,
    /// TransferCharacteristics: 1 BT.709, 13 sRGB, 16 PQ, 18 HLG, 2 unknown.
    pub transfer: u8,
    /// MatrixCoefficients: 0 is RGB, 1 BT.709, 5 and 6 BT.601, 9 BT.2020, 15 Dolby's IPT, 2 unknown.
    pub matrix: u8,
    /// Whether all code values are used, or only 16 to 235 (of 8 bits).
    pub full_range: bool,
}

/// H.273's "unspecified", in all three code points.
pub const UNSPECIFIED: u8 = 2;
const TRANSFER_PQ: u8 = 16;
const TRANSFER_HLG: u8 = 18;

impl Cicp {
    /// Dolby Vision's profile 5.
    pub const IPT_PQ_C2: Cicp = Cicp { primaries: 9, transfer: TRANSFER_PQ, matrix: 15, full_range: true };
    pub const SRGB: Cicp = Cicp { primaries: 1, transfer: 13, matrix: 6, full_range: true };

    pub fn is_hdr(self) -> bool {
        matches!(self.transfer, TRANSFER_PQ | TRANSFER_HLG)
    }

    /// Whether RGB with these code points must be converted to be sRGB.
    pub fn needs_conversion(self) -> bool {
        self.is_hdr() || self.has_other_primaries() || !self.has_sdr_curve()
    }

    fn has_other_primaries(self) -> bool {
        // BT.601's primaries (5, 6, 7) differ little from BT.709's, and are mostly stated by mistake.
        matches!(self.primaries, 4 | 8 | 9 | 10 | 11 | 12 | 22)
    }

    /// The curves that are shown as sRGB unchanged: scene curves (BT.709 and similar) assume a screen of
    /// about the same gamma; inverting them exactly would lift all shadows.
    fn has_sdr_curve(self) -> bool {
        !matches!(self.transfer, 4 | 5 | 8 | 9 | 10 | 17) && !self.is_hdr()
    }
}

/// Diffuse white in an HDR picture, and the luminance of SDR white: BT.2408, cd/m2.
const DIFFUSE_WHITE: f32 = 203.0;
/// The maximum of PQ, cd/m2 (SMPTE ST 2084).
const PQ_PEAK: f32 = 10_000.0;
/// HLG's reference display, BT.2100: peak in cd/m2, and its system gamma.
const HLG_PEAK: f32 = 1_000.0;
const HLG_GAMMA: f32 = 1.2;
/// A picture's peak is the level that this part of its pixels stays below: a few pixels may clip.
const PEAK_QUANTILE: f64 = 0.999;

/// Entries of the curve from code values to light: 12 bits, the highest depth of HDR.
const DECODE_ENTRIES: usize = 4096;
/// Entries of the inverse curve; fine enough that sRGB's steepest part moves by a fifth of an 8-bit level.
const ENCODE_ENTRIES: usize = 16_384;
/// Entries of the tone curve over the square root of light.
const TONE_ENTRIES: usize = 4096;

/// Converts interleaved 16-bit RGB (full scale) to 8-bit sRGB.
pub fn cicp_to_srgb_rgb8(rgb: &[u16], cicp: Cicp) -> Vec<u8> {
    if !cicp.needs_conversion() {
        return rgb.iter().map(|&v| to_8_bits(v)).collect();
    }
    let matrix = to_bt709(cicp.primaries);
    let luma = luminance_weights(cicp.primaries);
    let decode = decode_curve(cicp.transfer);
    let encode = encode_curve();
    // Linear light of a pixel; 1.0 is SDR white.
    let linear = |px: &[u16]| -> [f32; 3] { [0, 1, 2].map(|i| decode[usize::from(px[i] >> 4)]) };
    let mut out = Vec::with_capacity(rgb.len());
    let mut put = |rgb: [f32; 3]| {
        out.extend(rgb.map(|v| encode[(v.clamp(0.0, 1.0) * (ENCODE_ENTRIES - 1) as f32 + 0.5) as usize]));
    };
    if !cicp.is_hdr() {
        for px in rgb.chunks_exact(3) {
            put(apply(&matrix, linear(px)));
        }
        return out;
    }

    let system_gamma = (cicp.transfer == TRANSFER_HLG).then(hlg_system_gamma);
    let displayed = |px: &[u16]| -> [f32; 3] {
        let scene = linear(px);
        match &system_gamma {
            None => scene,
            Some(gain) => {
                let y = dot(&luma, scene).clamp(0.0, 1.0);
                let gain = gain[(y.sqrt() * (TONE_ENTRIES - 1) as f32 + 0.5) as usize];
                scene.map(|v| v * gain)
            }
        }
    };
    let peak = measured_peak(rgb, &displayed).max(DIFFUSE_WHITE);
    let tone = tone_curve(peak);
    for px in rgb.chunks_exact(3) {
        let light = displayed(px);
        let scale = tone[tone_index(light[0].max(light[1]).max(light[2]))];
        put(into_gamut(apply(&matrix, light.map(|v| v * scale))));
    }
    out
}

/// The tone curve's entry for this much light (1.0 is diffuse white): fine in the shadows by the square root.
fn tone_index(light: f32) -> usize {
    let of_peak = (light * (DIFFUSE_WHITE / PQ_PEAK)).clamp(0.0, 1.0);
    (of_peak.sqrt() * (TONE_ENTRIES - 1) as f32 + 0.5) as usize
}

/// The picture's peak in cd/m2: the level that 99.9 % of its pixels stay below.
fn measured_peak(rgb: &[u16], displayed: &dyn Fn(&[u16]) -> [f32; 3]) -> f32 {
    let mut histogram = vec![0u64; TONE_ENTRIES];
    for px in rgb.chunks_exact(3) {
        let light = displayed(px);
        histogram[tone_index(light[0].max(light[1]).max(light[2]))] += 1;
    }
    let needed = ((rgb.len() / 3) as f64 * PEAK_QUANTILE) as u64;
    let mut below = 0;
    for (i, n) in histogram.iter().enumerate() {
        below += n;
        if below >= needed {
            return (i as f32 / (TONE_ENTRIES - 1) as f32).powi(2) * PQ_PEAK;
        }
    }
    PQ_PEAK
}

/// The factor for each amount of light (index by [`tone_index`]): BT.2390's EETF with black at 0.
fn tone_curve(peak: f32) -> Vec<f32> {
    let source_white = pq_encode(peak);
    let max_lum = pq_encode(DIFFUSE_WHITE) / source_white;
    let knee = 1.5 * max_lum - 0.5;
    (0..TONE_ENTRIES)
        .map(|i| {
            let nits = (i as f32 / (TONE_ENTRIES - 1) as f32).powi(2) * PQ_PEAK;
            let e1 = (pq_encode(nits) / source_white).min(1.0);
            if e1 <= knee || nits <= 0.0 {
                return 1.0;
            }
            let t = (e1 - knee) / (1.0 - knee);
            let (t2, t3) = (t * t, t * t * t);
            let e2 = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
                + (t3 - 2.0 * t2 + t) * (1.0 - knee)
                + (-2.0 * t3 + 3.0 * t2) * max_lum;
            pq_decode(e2 * source_white) / nits
        })
        .collect()
}

/// HLG's opto-optical transfer: the gain for each scene luminance (over its square root), in units of SDR white.
fn hlg_system_gamma() -> Vec<f32> {
    (0..TONE_ENTRIES)
        .map(|i| {
            let y = (i as f32 / (TONE_ENTRIES - 1) as f32).powi(2);
            y.powf(HLG_GAMMA - 1.0) * (HLG_PEAK / DIFFUSE_WHITE)
        })
        .collect()
}

/// Code value (12 bits) to light: display light over SDR white for PQ, scene light for HLG, relative otherwise.
fn decode_curve(transfer: u8) -> Vec<f32> {
    let sdr = match transfer {
        4 | 5 | 8 | 9 | 10 | 17 => TransferCharacteristics::try_from(transfer).ok(),
        _ => None,
    };
    (0..DECODE_ENTRIES)
        .map(|i| {
            let v = i as f32 / (DECODE_ENTRIES - 1) as f32;
            match (transfer, sdr) {
                (TRANSFER_PQ, _) => pq_decode(v) / DIFFUSE_WHITE,
                (TRANSFER_HLG, _) => hlg_decode(v),
                (_, Some(curve)) => curve.linearize(f64::from(v)) as f32,
                _ => srgb_decode(v),
            }
        })
        .collect()
}

fn encode_curve() -> Vec<u8> {
    (0..ENCODE_ENTRIES)
        .map(|i| {
            let v = i as f32 / (ENCODE_ENTRIES - 1) as f32;
            let code = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
            (code * 255.0 + 0.5) as u8
        })
        .collect()
}

/// IEC 61966-2-1.
fn srgb_decode(v: f32) -> f32 {
    if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// SMPTE ST 2084's constants.
const PQ_M1: f32 = 2610.0 / 16384.0;
const PQ_M2: f32 = 2523.0 / 4096.0 * 128.0;
const PQ_C1: f32 = 3424.0 / 4096.0;
const PQ_C2: f32 = 2413.0 / 4096.0 * 32.0;
const PQ_C3: f32 = 2392.0 / 4096.0 * 32.0;

/// Dolby's own colour space (I, P and T in PQ, each 0 to 1 and P and T around 0) to RGB of BT.2020 in PQ,
/// without the curves that a stream may have for each scene, which change tones slightly.
pub fn ipt_to_rgb([i, p, t]: [f32; 3]) -> [f32; 3] {
    /// To cone responses in PQ; that of 8192ths which Dolby's streams carry.
    const TO_CONES: [[f32; 3]; 3] =
        [[1.0, 0.097_534, 0.205_2], [1.0, -0.113_892, 0.133_179], [1.0, 0.032_593, -0.676_88]];
    /// Undoes the crosstalk between linear cone responses.
    const APART: [[f32; 3]; 3] = [
        [1.042_541, -0.021_301, -0.021_301],
        [-0.021_301, 1.042_541, -0.021_301],
        [-0.021_301, -0.021_301, 1.042_541],
    ];
    /// Linear cone responses to linear RGB of BT.2020.
    const TO_RGB: [[f32; 3]; 3] = [
        [3.064_419, -2.165_977, 0.101_558],
        [-0.656_121, 1.785_541, -0.129_437],
        [0.017_363, -0.047_252, 1.030_043],
    ];
    let cones = apply(&TO_CONES, [i, p, t]).map(|v| pq_decode(v.clamp(0.0, 1.0)));
    apply(&TO_RGB, apply(&APART, cones)).map(|v| pq_encode(v.max(0.0)))
}

/// PQ code value (0 to 1) to cd/m2.
fn pq_decode(v: f32) -> f32 {
    let p = v.max(0.0).powf(1.0 / PQ_M2);
    ((p - PQ_C1).max(0.0) / (PQ_C2 - PQ_C3 * p)).powf(1.0 / PQ_M1) * PQ_PEAK
}

/// cd/m2 to PQ code value.
fn pq_encode(nits: f32) -> f32 {
    let y = (nits / PQ_PEAK).max(0.0).powf(PQ_M1);
    ((PQ_C1 + PQ_C2 * y) / (1.0 + PQ_C3 * y)).powf(PQ_M2)
}

/// HLG code value to scene light, 0 to 1 (BT.2100, table 5).
fn hlg_decode(v: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 0.284_668_92;
    const C: f32 = 0.559_910_7;
    if v <= 0.5 { v * v / 3.0 } else { (((v - C) / A).exp() + B) / 12.0 }
}

/// Linear RGB of these primaries to linear BT.709 RGB, white to white.
fn to_bt709(primaries: u8) -> [[f32; 3]; 3] {
    let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    match profile_of(primaries) {
        Some(p) => p.transform_matrix(&ColorProfile::new_srgb()).v.map(|row| row.map(|v| v as f32)),
        None => identity,
    }
}

/// How much each channel of these primaries weighs in luminance.
fn luminance_weights(primaries: u8) -> [f32; 3] {
    let profile = profile_of(primaries).unwrap_or_else(ColorProfile::new_srgb);
    profile.rgb_to_xyz_matrix().v[1].map(|v| v as f32)
}

fn profile_of(primaries: u8) -> Option<ColorProfile> {
    let color_primaries = CicpColorPrimaries::try_from(primaries).ok()?;
    if matches!(color_primaries, CicpColorPrimaries::Reserved | CicpColorPrimaries::Unspecified) {
        return None;
    }
    let profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries,
        transfer_characteristics: TransferCharacteristics::Linear,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    let sum: f64 = profile.rgb_to_xyz_matrix().v[1].iter().sum();
    (0.9..1.1).contains(&sum).then_some(profile)
}

fn apply(m: &[[f32; 3]; 3], v: [f32; 3]) -> [f32; 3] {
    [dot(&m[0], v), dot(&m[1], v), dot(&m[2], v)]
}

fn dot(a: &[f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Moves a colour outside of BT.709 towards the grey of its luminance, just far enough: clipping single
/// channels would turn skies purple and skin yellow.
fn into_gamut(rgb: [f32; 3]) -> [f32; 3] {
    const WEIGHTS: [f32; 3] = [0.2126, 0.7152, 0.0722];
    let low = rgb[0].min(rgb[1]).min(rgb[2]);
    let high = rgb[0].max(rgb[1]).max(rgb[2]);
    if low >= 0.0 && high <= 1.0 {
        return rgb;
    }
    let grey = dot(&WEIGHTS, rgb).clamp(0.0, 1.0);
    let mut keep = 1.0f32;
    if low < 0.0 {
        keep = keep.min(grey / (grey - low));
    }
    if high > 1.0 {
        keep = keep.min((1.0 - grey) / (high - grey));
    }
    rgb.map(|v| grey + (v - grey) * keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PQ: Cicp = Cicp { primaries: 9, transfer: 16, matrix: 9, full_range: true };
    const HLG: Cicp = Cicp { primaries: 9, transfer: 18, matrix: 9, full_range: true };

    fn pq16(nits: f32) -> u16 {
        (pq_encode(nits) * 65535.0 + 0.5) as u16
    }

    #[test]
    fn pq_matches_the_standards_table() {
        // BT.2408, table 1: 203 cd/m2 is 58 % PQ; 1000 is 75 %, 10000 is 100 %.
        assert!((pq_encode(203.0) - 0.581).abs() < 0.002);
        assert!((pq_encode(1000.0) - 0.752).abs() < 0.002);
        assert!((pq_encode(10_000.0) - 1.0).abs() < 1e-4);
        for nits in [0.1, 1.0, 100.0, 4000.0] {
            assert!((pq_decode(pq_encode(nits)) / nits - 1.0).abs() < 1e-2, "{nits}");
        }
    }

    #[test]
    fn hlg_diffuse_white_is_75_percent() {
        // BT.2408: 75 % HLG is 203 cd/m2 on the reference display.
        let y = hlg_decode(0.75);
        let nits = y.powf(HLG_GAMMA - 1.0) * y * HLG_PEAK;
        assert!((nits - 203.0).abs() < 4.0, "{nits}");
    }

    #[test]
    fn greys_of_ipt_are_greys_of_the_same_light() {
        for i in [0.0, 0.2, 0.58, 0.75] {
            for v in ipt_to_rgb([i, 0.0, 0.0]) {
                assert!((v - i).abs() < 0.005, "{i}: {v}");
            }
        }
    }

    #[test]
    fn without_highlights_diffuse_white_is_screen_white() {
        let px = [pq16(203.0); 3].repeat(1000);
        let out = cicp_to_srgb_rgb8(&px, PQ);
        assert!(out[0] >= 253, "{}", out[0]);
    }

    #[test]
    fn highlights_stay_apart_and_white_stays_light() {
        // 99 % diffuse white, 1 % lamps.
        let mut px = [pq16(203.0); 3].repeat(9_900);
        px.extend([pq16(1000.0); 3].repeat(100));
        let out = cicp_to_srgb_rgb8(&px, PQ);
        let (white, lamp) = (out[0], out[out.len() - 1]);
        assert!((215..=240).contains(&white), "{white}");
        assert!(lamp >= 252, "{lamp}");
        // Skin and grass (about 20 % of white) are where SDR has them: sRGB of 0.2 is 124.
        px[..3].copy_from_slice(&[pq16(40.6); 3]);
        let out = cicp_to_srgb_rgb8(&px, PQ);
        assert!((118..=128).contains(&out[0]), "{}", out[0]);
    }

    #[test]
    fn greys_stay_grey() {
        for cicp in [PQ, HLG, Cicp { primaries: 12, transfer: 13, matrix: 1, full_range: true }] {
            let px: Vec<u16> = (0..256).flat_map(|v| [v * 257u16; 3]).collect();
            let out = cicp_to_srgb_rgb8(&px, cicp);
            for p in out.chunks_exact(3) {
                assert!(p[0].abs_diff(p[1]) <= 1 && p[1].abs_diff(p[2]) <= 1, "{cicp:?} {p:?}");
            }
            assert!(out.chunks_exact(3).map(|p| p[1]).is_sorted(), "{cicp:?}");
        }
    }

    #[test]
    fn p3_code_points_agree_with_the_profile() {
        let p3 = Cicp { primaries: 12, transfer: 13, matrix: 1, full_range: true };
        let out = cicp_to_srgb_rgb8(&[200 * 257, 60 * 257, 60 * 257], p3);
        for (got, want) in out.iter().zip([217u8, 42, 52]) {
            assert!(got.abs_diff(want) <= 2, "{out:?}");
        }
    }

    proptest! {
        #[test]
        fn any_code_points_give_a_picture(primaries: u8, transfer: u8, px in prop::array::uniform3(any::<u16>())) {
            let cicp = Cicp { primaries, transfer, matrix: 2, full_range: true };
            prop_assert_eq!(cicp_to_srgb_rgb8(&px, cicp).len(), 3);
        }

        #[test]
        fn the_tone_curve_only_darkens_and_keeps_order(peak in 203f32..10_000.0) {
            let curve = tone_curve(peak);
            prop_assert!(curve.iter().all(|scale| *scale <= 1.001));
            let light = |i: usize| (i as f32 / (TONE_ENTRIES - 1) as f32).powi(2) * curve[i];
            for i in 1..TONE_ENTRIES {
                prop_assert!(light(i) + 1e-6 >= light(i - 1) * 0.999);
            }
        }
    }
}
