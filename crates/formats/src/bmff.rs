//! The boxes of ISO base media files (HEIF, MP4, QuickTime, CR3, JPEG XL, JPEG 2000).
//!
//! Invariants: a box never reaches beyond its parent; a walk ends. `heif` and `movie` interpret the boxes.

use super::bytes::View;

/// Maximum number of boxes read on one level.
const MAX_BOXES: usize = 16_384;

/// One box.
#[derive(Clone, Copy)]
pub struct Box<'a> {
    pub kind: [u8; 4],
    /// The identifier of a `uuid` box.
    pub uuid: Option<[u8; 16]>,
    /// Start of the box, from the start of its parent's view.
    pub at: u64,
    /// Size of the whole box with its header, as declared; may reach beyond the end of a truncated file.
    pub size: u64,
    /// The contents, limited to the available bytes.
    pub body: View<'a>,
}

impl<'a> Box<'a> {
    /// Version and flags of a full box, and its contents after them.
    pub fn full(&self) -> Option<(u8, u32, View<'a>)> {
        let word = self.body.be32(0)?;
        Some(((word >> 24) as u8, word & 0xFF_FFFF, self.body.from(4)))
    }
}

/// Walks the boxes of a view; ends at an invalid one.
pub fn boxes<'a>(view: View<'a>) -> impl Iterator<Item = Box<'a>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let b = box_at(view, at)?;
        at = at.checked_add(b.size)?;
        Some(b)
    })
    .take(MAX_BOXES)
}

/// Walks the boxes of a table. `None` is the last item if there is an error: a box shorter than its header or longer than
/// the view (it precedes the error, cut), or too many boxes. Fewer bytes than a header has at the end are padding.
pub fn strict_boxes<'a>(view: View<'a>) -> impl Iterator<Item = Option<Box<'a>>> {
    const HEADER: u64 = 8;
    let (mut next, mut count, mut is_cut) = (Some(0), 0, false);
    std::iter::from_fn(move || {
        if is_cut {
            (next, is_cut) = (None, false);
            return Some(None);
        }
        let at = next.filter(|at| view.len() - at >= HEADER)?;
        count += 1;
        let b = box_at(view, at).filter(|_| count <= MAX_BOXES);
        is_cut = b.is_some_and(|b| b.size > view.len() - at);
        next = b.filter(|_| !is_cut).map(|b| at + b.size);
        Some(b)
    })
}

/// The box that begins at `at`.
pub fn box_at<'a>(view: View<'a>, at: u64) -> Option<Box<'a>> {
    let short = u64::from(view.be32(at)?);
    let kind: [u8; 4] = view.array(at + 4)?;
    let (mut header, size) = match short {
        0 => (8, view.len() - at),
        1 => (16, view.be64(at + 8)?),
        n => (8, n),
    };
    if size < header {
        return None;
    }
    let mut uuid = None;
    if &kind == b"uuid" {
        uuid = Some(view.array(at + header)?);
        header += 16;
    }
    Some(Box { kind, uuid, at, size, body: view.part(at + header, size.saturating_sub(header)) })
}

/// The first box of a type.
pub fn find<'a>(view: View<'a>, kind: &[u8; 4]) -> Option<Box<'a>> {
    boxes(view).find(|b| &b.kind == kind)
}

/// Follows a path of box types.
pub fn dig<'a>(view: View<'a>, path: &[&[u8; 4]]) -> Option<View<'a>> {
    path.iter().try_fold(view, |v, kind| Some(find(v, kind)?.body))
}

#[cfg(test)]
mod tests {
    use super::super::bytes::Reader;
    use super::*;

    #[test]
    fn a_box_stays_inside_its_parent_and_a_zero_size_ends_the_file() {
        let mut bytes = b"\0\0\0\x10ftypabcd\0\0\0\0".to_vec();
        bytes.extend(b"\0\0\0\0mdat123");
        let reader = Reader::from_bytes(bytes);
        let all: Vec<_> = boxes(reader.view()).map(|b| (b.kind, b.size, b.body.len())).collect();
        assert_eq!(all, [(*b"ftyp", 16, 8), (*b"mdat", 11, 3)]);
        let reader = Reader::from_bytes(b"\xff\xff\xff\xffmoov12".to_vec());
        assert_eq!(boxes(reader.view()).map(|b| b.body.len()).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_strict_walk_reports_what_a_tolerant_one_skips() {
        let good = b"\0\0\0\x0aispe12\0\0\0\x08free".to_vec();
        let walk = |bytes: &[&[u8]]| {
            let reader = Reader::from_bytes(bytes.concat());
            strict_boxes(reader.view()).map(|b| b.map(|b| b.kind)).collect::<Vec<_>>()
        };
        let both = [Some(*b"ispe"), Some(*b"free")];
        assert_eq!(walk(&[&good]), both);
        assert_eq!(walk(&[&good, b"\0\0\0\0\0\0\0"]), both);
        assert_eq!(walk(&[&good, b"\0\0\0\x09long"]), [&both[..], &[Some(*b"long"), None]].concat());
        for bad in [&b"\0\0\0\x07tiny"[..], b"\0\0\0\x01wide\0\0"] {
            assert_eq!(walk(&[&good, bad]), [&both[..], &[None]].concat());
        }
        let many = vec![b"\0\0\0\x08free".as_slice(); MAX_BOXES + 2];
        let walked = walk(&many);
        assert_eq!((walked.len(), walked.last()), (MAX_BOXES + 1, Some(&None)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let reader = Reader::from_bytes(bytes);
            for b in boxes(reader.view()) {
                let _ = (boxes(b.body).count(), strict_boxes(b.body).count());
            }
        }
    }
}
