//! What reading the structure of one file or sidecar may cost: parts that are kept, bytes that they take, reads.
//!
//! Every parser that builds a tree or a table takes from a budget before it keeps a part: XMP a budget for each packet,
//! all readers of containers the one of their [`super::bytes::Reader`]. When it is spent, what was read so far counts and
//! the rest of the structure is as good as missing. Otherwise a few hundred bytes that name each other, or entries that
//! take no bytes in the file, would fill all memory.
//!
//! All of it together stays within what a worker may use without asking (`albumen_isolation::memory::FIXED_ALLOWANCE`).

use std::cell::Cell;

/// Parts of one tree. The largest edit histories have some 10,000 elements, the largest HEIF 800 items.
const NODES: usize = 50_000;

/// Bytes of one tree in memory.
const BYTES: usize = 4 << 20;

/// Words of one list of keywords, which is more than the index keeps of a photo.
pub const WORDS: usize = 4096;

/// The most bytes of one XMP packet or EXIF block that are looked at; darktable's histories reach some MB.
pub const PACKET: usize = 8 << 20;

/// The most bytes of one text. The longest that is kept has 16 KiB.
pub const TEXT: usize = 64 << 10;

/// What is left for one tree.
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
    /// A part of another tree: what names itself again and again, beside the tree itself.
    pub fn of_parts(nodes: usize, bytes: usize) -> Budget {
        Budget { nodes: Cell::new(nodes), bytes: Cell::new(bytes) }
    }

    /// Takes a part of so many bytes. False: it must not be kept, and nothing after it, either.
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

    /// The same for a part of this type on a growing list, which may hold as much again.
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
            // Once it is spent it stays so: a tree without its middle would say what the file does not.
            proptest::prop_assert_eq!(&taken[..], &parts[..taken.len()]);
        }
    }
}
