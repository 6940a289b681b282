//! The open sea: water more than three kilometres from any land or town.
//!
//! A raster of 16384 by 8192 cells in run lengths, made from Natural Earth's 1:10 million coast by
//! build/gazetteer/prepare.py. Lakes are land here; the Caspian is a sea.

static RUNS: &[u8] = include_bytes!("data/sea.bin");

const WIDTH: usize = 16384;
const HEIGHT: usize = 8192;

/// Accepts degrees of any size; values outside of the globe are clamped.
pub(super) fn is_open_sea(lat: f64, lon: f64) -> bool {
    let column = (((lon + 180.0) / 360.0 * WIDTH as f64) as usize).min(WIDTH - 1);
    let row = (((90.0 - lat) / 180.0 * HEIGHT as f64) as usize).min(HEIGHT - 1);
    let offset = |row: usize| {
        let bytes = RUNS.get(4 * row..4 * row + 4).and_then(|b| b.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes) as usize
    };
    let body = &RUNS[4 * (HEIGHT + 1)..];
    let runs = body.get(offset(row)..offset(row + 1)).unwrap_or_default();
    // Runs alternate, beginning with sea; the last one continues to the end of the row.
    let (mut sea, mut end, mut length, mut shift) = (true, 0usize, 0usize, 0u32);
    for byte in runs {
        length |= usize::from(byte & 127) << shift;
        if byte & 128 != 0 {
            shift += 7;
            continue;
        }
        end += length;
        if column < end {
            return sea;
        }
        (sea, length, shift) = (!sea, 0, 0);
    }
    sea
}
