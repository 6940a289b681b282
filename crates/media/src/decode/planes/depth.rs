//! Samples of 8 bits and of more, for code that is generic over both.

use fast_image_resize::PixelTrait;
use fast_image_resize::pixels::{U8, U8x4, U16, U16x4};

/// The two widths of samples.
pub(crate) trait Depth {
    type Pixel: PixelTrait + Copy + Default;
    /// The same place in four rows.
    type Four: PixelTrait + Copy + Default;
    const BYTES: usize;
    /// Bits that a stored sample has once it is scaled up: 8 or 16.
    const BITS: u32;
    fn pixel(sample: u32) -> Self::Pixel;
    /// Appends a row (shifted left to the full bit depth).
    fn extend(to: &mut Vec<Self::Pixel>, row: &[u8], shift: u32);
    fn value(pixel: Self::Pixel) -> u32;
    fn four(rows: [Self::Pixel; 4]) -> Self::Four;
    fn of_four(four: &Self::Four, row: usize) -> Self::Pixel;
    fn read(row: &[u8], i: usize) -> u32;
    /// Adds a row's samples to their sums.
    fn add(sums: &mut [u32], row: &[u8]);
}

pub(crate) struct Narrow;

impl Depth for Narrow {
    type Pixel = U8;
    type Four = U8x4;
    const BYTES: usize = 1;
    const BITS: u32 = 8;
    fn pixel(sample: u32) -> U8 {
        U8::new(sample as u8)
    }
    fn extend(to: &mut Vec<U8>, row: &[u8], _shift: u32) {
        to.extend(row.iter().map(|v| U8::new(*v)));
    }
    fn value(pixel: U8) -> u32 {
        u32::from(pixel.0)
    }
    fn four(rows: [U8; 4]) -> U8x4 {
        U8x4::new(rows.map(|p| p.0))
    }
    fn of_four(four: &U8x4, row: usize) -> U8 {
        U8::new(four.0[row])
    }
    fn read(row: &[u8], i: usize) -> u32 {
        u32::from(row[i])
    }
    fn add(sums: &mut [u32], row: &[u8]) {
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += u32::from(*v));
    }
}

pub(crate) struct Wide;

impl Depth for Wide {
    type Pixel = U16;
    type Four = U16x4;
    const BYTES: usize = 2;
    const BITS: u32 = 16;
    fn pixel(sample: u32) -> U16 {
        U16::new(sample as u16)
    }
    fn extend(to: &mut Vec<U16>, row: &[u8], shift: u32) {
        to.extend(row.as_chunks::<2>().0.iter().map(|v| U16::new(u16::from_ne_bytes(*v) << shift)));
    }
    fn value(pixel: U16) -> u32 {
        u32::from(pixel.0)
    }
    fn four(rows: [U16; 4]) -> U16x4 {
        U16x4::new(rows.map(|p| p.0))
    }
    fn of_four(four: &U16x4, row: usize) -> U16 {
        U16::new(four.0[row])
    }
    fn read(row: &[u8], i: usize) -> u32 {
        u32::from(u16::from_ne_bytes([row[2 * i], row[2 * i + 1]]))
    }
    fn add(sums: &mut [u32], row: &[u8]) {
        let samples = row.as_chunks::<2>().0;
        sums.iter_mut().zip(samples).for_each(|(sum, v)| *sum += u32::from(u16::from_ne_bytes(*v)));
    }
}
