//! Converts samples: floating point to integers, Lab and YCbCr to RGB.

/// 16 bits to 8, rounded.
pub(super) fn to8(v: u16) -> u8 {
    ((u32::from(v) * 255 + 32_895) >> 16) as u8
}

pub(super) fn from_float(v: f64) -> u16 {
    (v.clamp(0.0, 1.0) * 65_535.0 + 0.5) as u16
}

/// IEEE 754 half precision.
pub(super) fn half_to_float(v: u16) -> f64 {
    let (exponent, fraction) = (i32::from(v >> 10) & 31, f64::from(v & 0x3FF) / 1024.0);
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-14),
        31 => f64::INFINITY,
        e => (1.0 + fraction) * 2f64.powi(e - 15),
    };
    if v & 0x8000 != 0 { -magnitude } else { magnitude }
}

/// 8-bit Lab (D50; a and b offset by 128) to sRGB.
pub(crate) fn lab_to_srgb(l: u8, a: u8, b: u8) -> [u8; 3] {
    let fy = (f64::from(l) * 100.0 / 255.0 + 16.0) / 116.0;
    let fx = fy + (f64::from(a) - 128.0) / 500.0;
    let fz = fy - (f64::from(b) - 128.0) / 200.0;
    let light = |f: f64| {
        if f > 6.0 / 29.0 { f * f * f } else { 3.0 * (6.0f64 / 29.0).powi(2) * (f - 4.0 / 29.0) }
    };
    let (x, y, z) = (0.9642 * light(fx), light(fy), 0.8249 * light(fz));
    // XYZ (D50) to linear sRGB: the inverse of the matrix in the ICC's sRGB profile.
    [
        3.1339 * x - 1.6169 * y - 0.4906 * z,
        -0.9788 * x + 1.9161 * y + 0.0335 * z,
        0.0719 * x - 0.2290 * y + 1.4052 * z,
    ]
    .map(|v| {
        let v: f64 = v.clamp(0.0, 1.0);
        let coded = if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        (coded * 255.0 + 0.5) as u8
    })
}

/// Full-range BT.601, as in JPEG and TIFF.
pub(super) fn ycbcr_to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|v| (v + 0.5).clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_of_white_grey_and_red() {
        assert_eq!(lab_to_srgb(255, 128, 128), [255; 3]);
        let [r, g, b] = lab_to_srgb(137, 128, 128);
        assert!(r.abs_diff(128) <= 2 && g.abs_diff(128) <= 2 && b.abs_diff(128) <= 2);
        // sRGB red is L 54.3, a 80.8, b 69.9 (D50).
        let [r, g, b] = lab_to_srgb(138, 209, 198);
        assert!(r >= 250 && g <= 12 && b <= 12, "{r} {g} {b}");
    }

    #[test]
    fn halves_are_read() {
        assert_eq!(half_to_float(0x3C00), 1.0);
        assert_eq!(half_to_float(0x3800), 0.5);
        assert_eq!(half_to_float(0xC000), -2.0);
    }
}
