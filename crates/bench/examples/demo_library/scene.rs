//! Landscapes computed from a seed: sky, sun or moon, ridges, and a foreground of water, meadow, sand, snow
//! or a town.
//!
//! Value noise summed over octaves gives clouds, ridges and grain. The pictures are not photographs; they
//! have edges, gradients and grain, so that the work of thumbnails and codecs is realistic.

/// Interleaved RGB, eight bits per channel.
pub(crate) struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

/// The area below the ridges.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    Water,
    Meadow,
    Sand,
    Snow,
    Town,
}

/// The position of the sun.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Light {
    Noon,
    Evening,
    Night,
}

type Colour = [f32; 3];

/// A repeatable pseudo-random number from 0 to 1 for a point of a lattice.
fn lattice(seed: u32, x: i32, y: i32) -> f32 {
    let mut h = seed ^ (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    ((h ^ (h >> 15)) & 0xffff) as f32 / 65535.0
}

/// Smooth noise from 0 to 1.
fn noise(seed: u32, x: f32, y: f32) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - x0), ease(y - y0));
    let (xi, yi) = (x0 as i32, y0 as i32);
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let top = mix(lattice(seed, xi, yi), lattice(seed, xi + 1, yi), tx);
    let bottom = mix(lattice(seed, xi, yi + 1), lattice(seed, xi + 1, yi + 1), tx);
    mix(top, bottom, ty)
}

/// Noise over `octaves`, each half as strong and twice as fine as the one before; 0 to 1.
fn fractal(seed: u32, x: f32, y: f32, octaves: u32) -> f32 {
    let (mut sum, mut weight, mut scale, mut total) = (0.0, 1.0, 1.0, 0.0);
    for octave in 0..octaves {
        sum += weight * noise(seed.wrapping_add(octave * 101), x * scale, y * scale);
        total += weight;
        weight *= 0.5;
        scale *= 2.0;
    }
    sum / total
}

fn blend(a: Colour, b: Colour, t: f32) -> Colour {
    let t = t.clamp(0.0, 1.0);
    [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * t)
}

struct Palette {
    zenith: Colour,
    horizon: Colour,
    far: Colour,
    near: Colour,
    ground: Colour,
    disc: Colour,
    cloud: Colour,
}

fn palette(ground: Ground, light: Light, tint: f32) -> Palette {
    let base = match ground {
        Ground::Water => [0.16, 0.36, 0.47],
        Ground::Meadow => [0.36, 0.52, 0.20],
        Ground::Sand => [0.85, 0.72, 0.50],
        Ground::Snow => [0.93, 0.95, 0.98],
        Ground::Town => [0.42, 0.38, 0.35],
    };
    let green = blend([0.20, 0.33, 0.22], [0.42, 0.30, 0.20], tint);
    match light {
        Light::Noon => Palette {
            zenith: [0.20, 0.45, 0.80],
            horizon: [0.76, 0.88, 0.95],
            far: [0.56, 0.66, 0.76],
            near: green,
            ground: base,
            disc: [1.0, 0.98, 0.88],
            cloud: [1.0, 1.0, 1.0],
        },
        Light::Evening => Palette {
            zenith: [0.20, 0.24, 0.48],
            horizon: [0.99, 0.62, 0.35],
            far: [0.60, 0.42, 0.46],
            near: blend(green, [0.20, 0.10, 0.12], 0.6),
            ground: blend(base, [0.70, 0.35, 0.22], 0.45),
            disc: [1.0, 0.86, 0.55],
            cloud: [0.98, 0.70, 0.58],
        },
        Light::Night => Palette {
            zenith: [0.02, 0.03, 0.09],
            horizon: [0.12, 0.16, 0.28],
            far: [0.08, 0.10, 0.18],
            near: [0.03, 0.04, 0.07],
            ground: blend(base, [0.03, 0.04, 0.09], 0.88),
            disc: [0.96, 0.95, 0.88],
            cloud: [0.20, 0.22, 0.30],
        },
    }
}

/// Paints a landscape.
pub(crate) fn landscape(seed: u32, width: usize, height: usize, ground: Ground, light: Light) -> Picture {
    let p = palette(ground, light, lattice(seed, 7, 7));
    let (w, h) = (width as f32, height as f32);
    let horizon = 0.52 + 0.16 * lattice(seed, 1, 2);
    let disc = (0.15 + 0.7 * lattice(seed, 3, 4), horizon - 0.08 - 0.28 * lattice(seed, 5, 6));
    let radius = if light == Light::Night { 0.035 } else { 0.05 };
    let ridges = 2 + (lattice(seed, 8, 9) * 2.9) as u32;
    let clouds = 0.35 + 0.5 * lattice(seed, 10, 11);
    let unit = |column: usize| column as f32 / w * w / h;
    // The skyline of each ridge, once for each column.
    let tops: Vec<Vec<f32>> = (0..ridges)
        .map(|ridge| {
            let depth = (ridge + 1) as f32 / ridges as f32;
            let base = horizon - (1.0 - depth) * 0.10 - 0.02;
            let rough = 2.0 + 2.0 * depth;
            let height = 0.34 - 0.20 * depth;
            let top = |u: f32| base + (fractal(seed + 31 * ridge, u * rough, 0.5, 5) - 0.5) * height;
            (0..width).map(|column| top(unit(column)).min(horizon)).collect()
        })
        .collect();
    let mut pixels = Vec::with_capacity(width * height * 3);
    for row in 0..height {
        let y = row as f32 / h;
        #[expect(clippy::needless_range_loop, reason = "a column of each ridge, and a place across")]
        for column in 0..width {
            // The same unit across and down, so that discs are round.
            let u = unit(column);
            // The nearest ridge hides those behind it.
            let ridge = (0..ridges as usize).rev().find(|ridge| y > tops[*ridge][column]);
            let colour = match ridge {
                _ if y > horizon => foreground(seed, &p, ground, light, (u, y), horizon, disc.0 * w / h),
                Some(ridge) => {
                    let depth = (ridge + 1) as f32 / ridges as f32;
                    let shade = fractal(seed + 77 + ridge as u32, u * 18.0, y * 18.0, 3) - 0.5;
                    let colour = blend(blend(p.far, p.near, depth), [0.0; 3], 0.10 + shade * 0.5);
                    let below = y - tops[ridge][column];
                    let snow = if ground == Ground::Snow { 1.0 - below / 0.05 } else { 0.0 };
                    blend(colour, [0.95, 0.97, 1.0], snow)
                }
                None => {
                    let d = ((u - disc.0 * w / h).powi(2) + (y - disc.1).powi(2)).sqrt();
                    if d < radius {
                        p.disc
                    } else {
                        let glow = (1.0 - d / (radius * 6.0)).clamp(0.0, 1.0).powi(2) * 0.8;
                        blend(sky(seed, &p, u, y, horizon, clouds, light), p.disc, glow)
                    }
                }
            };
            let grain = (lattice(seed ^ 0xabcd, column as i32, row as i32) - 0.5) * 0.035;
            pixels.extend(colour.map(|c| ((c + grain).clamp(0.0, 1.0) * 255.0) as u8));
        }
    }
    Picture { width, height, pixels }
}

fn sky(seed: u32, p: &Palette, u: f32, y: f32, horizon: f32, clouds: f32, light: Light) -> Colour {
    let mut colour = blend(p.zenith, p.horizon, (y / horizon).powf(1.4));
    let cover = fractal(seed + 500, u * 2.2, y * 5.0, 5);
    colour = blend(colour, p.cloud, ((cover - clouds) * 3.2).clamp(0.0, 0.85));
    if light == Light::Night {
        let star = lattice(seed + 900, (u * 420.0) as i32, (y * 420.0) as i32);
        if star > 0.9975 {
            colour = blend(colour, [1.0, 1.0, 0.95], (star - 0.9975) * 400.0);
        }
    }
    colour
}

fn foreground(
    seed: u32,
    p: &Palette,
    ground: Ground,
    light: Light,
    (u, y): (f32, f32),
    horizon: f32,
    glitter: f32,
) -> Colour {
    let depth = (y - horizon) / (1.0 - horizon);
    let near = 1.0 / (0.06 + depth);
    match ground {
        Ground::Water => {
            let wave = fractal(seed + 40, u * near * 1.5, near * 9.0, 4);
            let mut colour = blend(p.ground, p.horizon, (1.0 - depth) * 0.55 + (wave - 0.5) * 0.5);
            let path = (1.0 - (u - glitter).abs() / (0.05 + 0.25 * depth)).clamp(0.0, 1.0);
            if wave > 0.56 {
                colour = blend(colour, p.disc, path * (wave - 0.56) * 7.0);
            }
            colour
        }
        Ground::Town => {
            let column = (u * 14.0).floor();
            let roof = horizon + 0.02 + 0.20 * lattice(seed + 60, column as i32, 1);
            if y < roof {
                return blend(p.far, p.near, 0.6);
            }
            let hue = lattice(seed + 61, column as i32, 2);
            let wall = blend(p.ground, blend([0.80, 0.55, 0.35], [0.75, 0.72, 0.62], hue), 0.6);
            let wall = if light == Light::Night { blend(wall, [0.04, 0.05, 0.09], 0.85) } else { wall };
            let (wx, wy) = ((u * 14.0).fract() * 4.0, (y - roof) * 36.0);
            let is_window = (0.25..0.75).contains(&wx.fract()) && (0.3..0.8).contains(&wy.fract());
            let lit = lattice(seed + 62, (u * 56.0) as i32, wy as i32);
            match (is_window, light) {
                (true, Light::Noon) => blend(wall, [0.25, 0.33, 0.42], 0.7),
                (true, _) if lit > 0.45 => [1.0, 0.85, 0.50],
                (true, _) => blend(wall, [0.05, 0.05, 0.08], 0.6),
                (false, _) => blend(wall, [0.0; 3], 0.25 * fractal(seed + 63, u * 60.0, y * 60.0, 2)),
            }
        }
        Ground::Meadow | Ground::Sand | Ground::Snow => {
            let texture = fractal(seed + 50, u * near * 4.0, near * 20.0, 4) - 0.5;
            let mut colour = blend(p.ground, [0.0; 3], 0.10 + 0.25 * depth - texture * 0.5);
            if ground == Ground::Meadow
                && lattice(seed + 55, (u * near * 40.0) as i32, (near * 200.0) as i32) > 0.985
            {
                let flower = lattice(seed + 56, (u * 30.0) as i32, (y * 30.0) as i32);
                colour = blend([0.95, 0.85, 0.25], [0.85, 0.25, 0.45], flower);
            }
            colour
        }
    }
}

/// A full sphere in equirectangular projection: the landscape meets itself at the edges, sky above and ground below.
pub(crate) fn sphere(seed: u32, width: usize, ground: Ground) -> Picture {
    let flat = landscape(seed, width / 2, width / 2, ground, Light::Noon);
    let mut pixels = Vec::with_capacity(width * width / 2 * 3);
    for y in 0..width / 2 {
        for x in 0..width {
            // Mirrored, so that left and right edge are the same place.
            let from = if x < width / 2 { x } else { width - 1 - x };
            let at = (y * flat.width + from) * 3;
            pixels.extend_from_slice(&flat.pixels[at..at + 3]);
        }
    }
    Picture { width, height: width / 2, pixels }
}

/// Puts a picture into another, scaled to `height` pixels by nearest neighbours, with its left edge at `x` and its lower edge at
/// the bottom; an oval of it, like a portrait in a locket.
pub(crate) fn inset(into: &mut Picture, portrait: &Picture, x: usize, height: usize) {
    let width = portrait.width * height / portrait.height;
    let top = into.height - height;
    for row in 0..height {
        for column in 0..width.min(into.width.saturating_sub(x)) {
            let (dx, dy) = (column as f32 / width as f32 - 0.5, row as f32 / height as f32 - 0.5);
            if dx * dx + dy * dy > 0.25 {
                continue;
            }
            let from =
                (row * portrait.height / height * portrait.width + column * portrait.width / width) * 3;
            let to = ((top + row) * into.width + x + column) * 3;
            into.pixels[to..to + 3].copy_from_slice(&portrait.pixels[from..from + 3]);
        }
    }
}
