//! Limits on reading the structure of one file or sidecar: parts that are kept, their bytes, reads.
//!
//! Every parser that builds a tree or a table takes from a budget before it keeps a part: XMP has a budget for each
//! packet, all container readers use that of their [`super::bytes::Reader`]. When it is used up, the parts read so
//! far count and the rest of the structure is treated as missing. Otherwise a few hundred bytes that refer to each
//! other, or entries without bytes in the file, would fill all memory.
//!
//! All budgets together stay within the memory that a worker may use without a grant
//! (`albumen_isolation::memory::FIXED_ALLOWANCE`).

use std::cell::Cell;

/// Parts of one tree. The largest edit histories have some 10,000 elements, the largest HEIF 800 items.
const NODES: usize = 50_000;

/// Bytes of one tree in memory.
const BYTES: usize = 4 << 20;

/// Words of one list of keywords, more than the index keeps for a photo.
pub const WORDS: usize = 4096;

/// Maximum size in bytes of an XMP packet or EXIF block; darktable's histories reach some MB.
pub const PACKET: usize = 8 << 20;

/// Maximum bytes of one text. The longest that is kept has 16 KiB.
pub const TEXT: usize = 64 << 10;

/// The rest of the budget of one tree.
#[derive(Debug)]
pub struct Budget {
    nodes: Cell<usize>,
    bytes: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { nodes: Cell::new(NODES), bytes: Cell::new(BYTES) }
    }
}

impl Budget {
    /// A separate budget for parts that are referenced repeatedly, beside the tree itself.
    pub fn of_parts(nodes: usize, bytes: usize) -> Budget {
        Budget { nodes: Cell::new(nodes), bytes: Cell::new(bytes) }
    }

    /// Takes a part of this number of bytes. False: it must not be kept, and no later part either.
    #[must_use]
    pub fn take(&self, bytes: usize) -> bool {
        match (self.nodes.get().checked_sub(1), self.bytes.get().checked_sub(bytes)) {
            (Some(nodes), Some(bytes)) => {
                self.nodes.set(nodes);
                self.bytes.set(bytes);
                true
            }
            _ => {
                self.nodes.set(0);
                false
            }
        }
    }

    /// The same for a part of this type in a growing list, whose capacity may be twice its length.
    #[must_use]
    pub fn take_one<T>(&self) -> bool {
        self.take(2 * size_of::<T>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_parts_go_beyond_it(parts in proptest::collection::vec(0usize..200, 0..300)) {
            let budget = Budget::of_parts(100, 5000);
            let taken: Vec<usize> = parts.iter().copied().filter(|p| budget.take(*p)).collect();
            proptest::prop_assert!(taken.len() <= 100 && taken.iter().sum::<usize>() <= 5000);
            // A used-up budget stays used up: a tree without its middle would misrepresent the file.
            proptest::prop_assert_eq!(&taken[..], &parts[..taken.len()]);
        }
    }
}
