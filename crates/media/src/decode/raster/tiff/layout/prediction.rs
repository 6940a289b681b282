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
            (2, 16) => add_up(
                row,
                stored,
                self.little,
                u16::from_le_bytes,
                u16::from_be_bytes,
                u16::wrapping_add,
                |v, little| {
                    if little { v.to_le_bytes() } else { v.to_be_bytes() }
                },
            ),
            (2, 32) => add_up(
                row,
                stored,
                self.little,
                u32::from_le_bytes,
                u32::from_be_bytes,
                u32::wrapping_add,
                |v, little| {
                    if little { v.to_le_bytes() } else { v.to_be_bytes() }
                },
            ),
            (2, 64) => add_up(
                row,
                stored,
                self.little,
                u64::from_le_bytes,
                u64::from_be_bytes,
                u64::wrapping_add,
                |v, little| {
                    if little { v.to_le_bytes() } else { v.to_be_bytes() }
                },
            ),
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

fn add_up<T: Copy, const N: usize>(
    row: &mut [u8],
    stored: usize,
    little: bool,
    from_le: fn([u8; N]) -> T,
    from_be: fn([u8; N]) -> T,
    add: fn(T, T) -> T,
    to_bytes: fn(T, bool) -> [u8; N],
) {
    let from = if little { from_le } else { from_be };
    let (values, _) = row.as_chunks_mut::<N>();
    for i in stored..values.len() {
        values[i] = to_bytes(add(from(values[i]), from(values[i - stored])), little);
    }
}
