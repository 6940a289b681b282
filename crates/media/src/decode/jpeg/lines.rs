//! libjpeg-turbo row by row: the safe wrapper of scanlines.c.

use albumen_core::fault::Fault;
use albumen_core::source::Source;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::ptr::NonNull;

/// The header's fields, filled in by scanlines.c.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Header {
    pub width: u32,
    pub height: u32,
    pub components: i32,
    /// Bits per sample.
    pub precision: i32,
    buffered: i32,
    colour_space: i32,
    coefficient_bytes: u64,
    planar: i32,
}

/// One plane of a picture that is read as planes, filled in by scanlines.c.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PlaneShape {
    pub width: u32,
    pub height: u32,
    /// Bytes from row to row.
    pub stride: u32,
    /// Rows in a group.
    rows: u32,
    /// Luma samples to one of this plane.
    pub across: u32,
    pub down: u32,
}

impl PlaneShape {
    /// Bytes of one group of rows.
    fn bytes(&self) -> usize {
        self.stride as usize * self.rows as usize
    }
}

/// J_COLOR_SPACE of jpeglib.h.
const JCS_CMYK: i32 = 4;
const JCS_YCCK: i32 = 5;

impl Header {
    pub(crate) fn is_cmyk(&self) -> bool {
        matches!(self.colour_space, JCS_CMYK | JCS_YCCK)
    }

    /// Whether [`Lines::start_planes`] supports it.
    pub(crate) fn is_planar(&self) -> bool {
        self.planar != 0
    }

    /// libjpeg's memory besides the returned rows, for a picture read at `eighths` of its size.
    pub(crate) fn library_bytes(&self, eighths: u32) -> u64 {
        /// Rows held for upsampling and colour conversion: two rows of 16x16 blocks, and the rows above and
        /// below.
        const ROWS: u64 = 36;
        let across = (u64::from(self.width) * u64::from(eighths)).div_ceil(8);
        let rows = across * ROWS * u64::from(self.components.unsigned_abs());
        let deep = if self.precision > 8 { 2 } else { 1 };
        rows * deep + if self.buffered != 0 { self.coefficient_bytes } else { 0 }
    }
}

#[repr(C)]
struct Raw {
    _opaque: [u8; 0],
}

type ReadFn = unsafe extern "C" fn(*mut c_void, u64, *mut u8, usize) -> usize;

unsafe extern "C" {
    fn albumen_jpeg_open(read: ReadFn, context: *mut c_void) -> *mut Raw;
    fn albumen_jpeg_close(jpeg: *mut Raw);
    fn albumen_jpeg_message(jpeg: *const Raw) -> *const c_char;
    fn albumen_jpeg_is_unsupported(jpeg: *const Raw) -> c_int;
    fn albumen_jpeg_damage(jpeg: *mut Raw) -> c_int;
    fn albumen_jpeg_is_empty(jpeg: *const Raw) -> c_int;
    fn albumen_jpeg_read_header(jpeg: *mut Raw, header: *mut Header) -> c_int;
    fn albumen_jpeg_assume_rgb(jpeg: *mut Raw);
    fn albumen_jpeg_start(
        jpeg: *mut Raw,
        eighths: u32,
        cmyk: c_int,
        width: *mut u32,
        height: *mut u32,
    ) -> c_int;
    fn albumen_jpeg_start_planes(jpeg: *mut Raw, eighths: u32, planes: *mut PlaneShape) -> c_int;
    fn albumen_jpeg_read_planes(jpeg: *mut Raw, y: *mut u8, cb: *mut u8, cr: *mut u8) -> c_int;
    fn albumen_jpeg_read_rows(jpeg: *mut Raw, out: *mut u8, stride: usize, rows: u32) -> c_int;
}

/// The maximum position of the frame header: it follows segments of at most 64 KiB, some hundred in the
/// largest files. libjpeg itself searches up to the end of the file, which may be a hole of a terabyte.
const HEADER_WITHIN: u64 = 64 << 20;

struct Feed {
    source: Source,
    /// The end of the file for libjpeg.
    end: u64,
    failed: Option<io::Error>,
}

/// The callback by which libjpeg reads more bytes.
///
/// # Safety
/// `context` is the `Feed` that [`Lines::open`] passed, and `out` is writable for `len` bytes.
unsafe extern "C" fn read(context: *mut c_void, offset: u64, out: *mut u8, len: usize) -> usize {
    // SAFETY: the feed lives in a Box beside the decoder and is not accessed elsewhere while the decoder
    // runs.
    let feed = unsafe { &mut *context.cast::<Feed>() };
    // SAFETY: scanlines.c passes its own input buffer of `len` bytes.
    let buffer = unsafe { std::slice::from_raw_parts_mut(out, len) };
    if offset >= feed.end {
        return 0;
    }
    feed.source.read_at(offset, buffer).unwrap_or_else(|e| {
        feed.failed = Some(e);
        0
    })
}

/// Why libjpeg stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The file could not be read.
    Read(io::Error),
    /// libjpeg does not decode it.
    Refused(Fault),
}

/// A JPEG that is read in rows.
pub(crate) struct Lines {
    raw: NonNull<Raw>,
    /// Boxed: scanlines.c holds its address. Only accessed through the pointer while a call is running.
    feed: *mut Feed,
    /// Samples per row, once started.
    row_bytes: usize,
    /// The same for a picture that is read as planes: their shapes, and one group of rows of each.
    shapes: [PlaneShape; 3],
    groups: [Vec<u8>; 3],
}

impl Lines {
    pub(crate) fn open(source: &Source) -> Result<Lines, Stop> {
        let feed = Box::into_raw(Box::new(Feed { source: source.clone(), end: HEADER_WITHIN, failed: None }));
        // SAFETY: `read` matches albumen_read, and `feed` lives until Drop has closed the decoder.
        let raw = unsafe { albumen_jpeg_open(read, feed.cast()) };
        match NonNull::new(raw) {
            Some(raw) => Ok(Lines {
                raw,
                feed,
                row_bytes: 0,
                shapes: [PlaneShape::default(); 3],
                groups: Default::default(),
            }),
            None => {
                // SAFETY: it came from Box::into_raw above, and no decoder holds it.
                drop(unsafe { Box::from_raw(feed) });
                Err(Stop::Refused(Fault::unavailable("the machine has no memory left")))
            }
        }
    }

    fn stopped(&mut self) -> Stop {
        // SAFETY: no call into the decoder is running, so the feed is not borrowed elsewhere.
        if let Some(e) = unsafe { (*self.feed).failed.take() } {
            return Stop::Read(e);
        }
        // SAFETY: the message is a NUL-terminated array inside the decoder.
        let message = unsafe { CStr::from_ptr(albumen_jpeg_message(self.raw.as_ptr())) }.to_string_lossy();
        // SAFETY: reads a number inside the decoder.
        let is_unsupported = unsafe { albumen_jpeg_is_unsupported(self.raw.as_ptr()) } != 0;
        let fault = if is_unsupported {
            Fault::unsupported(
                "a kind of JPEG that Albumen does not decode, such as lossless or hierarchical",
            )
        } else {
            Fault::corrupt("its JPEG data are damaged")
        };
        Stop::Refused(fault.with_detail(message))
    }

    pub(crate) fn header(&mut self) -> Result<Header, Stop> {
        let mut header = Header::default();
        // SAFETY: Header is the C struct, field for field.
        match unsafe { albumen_jpeg_read_header(self.raw.as_ptr(), &mut header) } {
            1 => {
                // SAFETY: no call into the decoder is running.
                unsafe { (*self.feed).end = u64::MAX };
                Ok(header)
            }
            _ => Err(self.stopped()),
        }
    }

    /// Declares, between header and start, that three components are RGB, if the file cannot state it itself.
    pub(crate) fn assume_rgb(&mut self) {
        // SAFETY: only sets a field.
        unsafe { albumen_jpeg_assume_rgb(self.raw.as_ptr()) }
    }

    /// Starts at `eighths`/8 of the size; returns the size of the rows. `cmyk`: four samples per pixel.
    pub(crate) fn start(&mut self, eighths: u32, cmyk: bool) -> Result<(u32, u32), Stop> {
        let (mut width, mut height) = (0, 0);
        // SAFETY: plain numbers, and two places to write to.
        match unsafe {
            albumen_jpeg_start(self.raw.as_ptr(), eighths, c_int::from(cmyk), &mut width, &mut height)
        } {
            1 => {
                self.row_bytes = width as usize * if cmyk { 4 } else { 3 };
                Ok((width, height))
            }
            _ => Err(self.stopped()),
        }
    }

    /// Fills `out` with as many whole rows as fit and are left; returns their number, 0 at the end.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> Result<u32, Stop> {
        if self.row_bytes == 0 {
            return Ok(0);
        }
        let rows = u32::try_from(out.len() / self.row_bytes).unwrap_or(u32::MAX);
        // SAFETY: `out` has `rows` rows of `row_bytes`, the number of bytes that libjpeg writes per row.
        let n = unsafe { albumen_jpeg_read_rows(self.raw.as_ptr(), out.as_mut_ptr(), self.row_bytes, rows) };
        u32::try_from(n).map_err(|_| self.stopped())
    }

    /// Starts at `eighths`/8 (1, 2, 4 or 8) of the size, as planes; only if the header is planar. Returns the
    /// planes' shapes; those that a grey picture lacks are empty.
    pub(crate) fn start_planes(&mut self, eighths: u32) -> Result<[PlaneShape; 3], Stop> {
        let mut shapes = [PlaneShape::default(); 3];
        // SAFETY: three shapes, field for field the C struct.
        match unsafe { albumen_jpeg_start_planes(self.raw.as_ptr(), eighths, shapes.as_mut_ptr()) } {
            1 => {
                self.groups = shapes.map(|s| vec![0; s.bytes()]);
                self.shapes = shapes;
                Ok(shapes)
            }
            _ => Err(self.stopped()),
        }
    }

    /// The next group of rows of each plane, and the number of luma rows; `None` at the end. A group that
    /// extends beyond the picture has undefined samples there.
    #[allow(clippy::type_complexity)]
    pub(crate) fn read_planes(&mut self) -> Result<Option<([&[u8]; 3], u32)>, Stop> {
        if self.groups[0].is_empty() {
            return Ok(None);
        }
        let [y, cb, cr] = &mut self.groups;
        // SAFETY: start_planes made each buffer as long as one group of its plane, which is what libjpeg fills at most.
        let n = unsafe {
            albumen_jpeg_read_planes(self.raw.as_ptr(), y.as_mut_ptr(), cb.as_mut_ptr(), cr.as_mut_ptr())
        };
        match u32::try_from(n) {
            Ok(0) => Ok(None),
            Ok(rows) => Ok(Some((self.groups.each_ref().map(Vec::as_slice), rows))),
            Err(_) => Err(self.stopped()),
        }
    }

    /// The loss of picture data. Called after all rows were read: it reads on to the end of the picture's
    /// data.
    pub(crate) fn damage(&mut self) -> Option<&'static str> {
        // SAFETY: the decoder is open, and no other call into it is running.
        match unsafe { albumen_jpeg_damage(self.raw.as_ptr()) } {
            0 => None,
            2 => Some("the file ends before the picture does"),
            3 => Some("a part of the picture is missing: the file has zeros in its place"),
            _ => Some("a part of the picture cannot be read: its data are garbled"),
        }
    }

    /// Whether the file ended before the first data of the picture.
    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: only reads a field.
        unsafe { albumen_jpeg_is_empty(self.raw.as_ptr()) != 0 }
    }

    /// An I/O error that libjpeg treated as the end of the file.
    pub(crate) fn read_error(&mut self) -> Option<io::Error> {
        // SAFETY: no call into the decoder is running, so the feed is not borrowed elsewhere.
        unsafe { (*self.feed).failed.take() }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // SAFETY: both came from `open` and are not used again.
        unsafe {
            albumen_jpeg_close(self.raw.as_ptr());
            drop(Box::from_raw(self.feed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn no_header_is_looked_for_in_a_terabyte_of_nothing() {
        for head in [&b"\xff\xd8\xff\xe0"[..], b"\xff\xd8", b"\xff\xd8\xff\xe1\0\x04ab"] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(head).unwrap();
            file.set_len(1 << 40).unwrap();
            let mut lines = Lines::open(&Source::from_file(file).unwrap()).unwrap();
            assert!(matches!(lines.header(), Err(Stop::Refused(_))), "{head:?}");
        }
    }
}
