//! Undoes the prediction of rows, which store differences of samples.

use super::Layout;

impl Layout {
    /// Undoes differencing (predictors 2 and 3) in place.
    pub(super) fn undo_prediction(&self, row: &mut [u8], stored: usize) {
        match (self.predictor, self.bits) {
            (2, 8) => {
                for i in stored..row.len() {
                    row[i] = row[i].wrapping_add(row[i - stored]);
                }
            }
            (2, 16) if self.little => {
                add_up(row, stored, u16::from_le_bytes, u16::wrapping_add, u16::to_le_bytes);
            }
            (2, 16) => add_up(row, stored, u16::from_be_bytes, u16::wrapping_add, u16::to_be_bytes),
            (2, 32) if self.little => {
                add_up(row, stored, u32::from_le_bytes, u32::wrapping_add, u32::to_le_bytes);
            }
            (2, 32) => add_up(row, stored, u32::from_be_bytes, u32::wrapping_add, u32::to_be_bytes),
            (2, 64) if self.little => {
                add_up(row, stored, u64::from_le_bytes, u64::wrapping_add, u64::to_le_bytes);
            }
            (2, 64) => add_up(row, stored, u64::from_be_bytes, u64::wrapping_add, u64::to_be_bytes),
            (3, 16 | 24 | 32 | 64) => {
                for i in stored..row.len() {
                    row[i] = row[i].wrapping_add(row[i - stored]);
                }
                // All high bytes come first, then all second bytes, ...
                let bytes = self.bits / 8;
                let n = row.len() / bytes;
                let planes = row.to_vec();
                for i in 0..n {
                    for b in 0..bytes {
                        let place = if self.little { bytes - 1 - b } else { b };
                        row[i * bytes + place] = planes[b * n + i];
                    }
                }
            }
            _ => {}
        }
    }
}

/// Adds to each value the one `stored` places before it.
fn add_up<T: Copy, const N: usize>(
    row: &mut [u8],
    stored: usize,
    from_bytes: fn([u8; N]) -> T,
    add: fn(T, T) -> T,
    to_bytes: fn(T) -> [u8; N],
) {
    let (values, _) = row.as_chunks_mut::<N>();
    for i in stored..values.len() {
        values[i] = to_bytes(add(from_bytes(values[i]), from_bytes(values[i - stored])));
    }
}
