//! libjpeg-turbo row by row: the safe side of scanlines.c.

use crate::pipeline::source::Source;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::io;
use std::ptr::NonNull;

/// What the header says, as scanlines.c fills it.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Header {
    pub width: u32,
    pub height: u32,
    pub components: i32,
    /// Bits a sample.
    pub precision: i32,
    buffered: i32,
    colour_space: i32,
    coefficient_bytes: u64,
}

/// J_COLOR_SPACE of jpeglib.h.
const JCS_CMYK: i32 = 4;
const JCS_YCCK: i32 = 5;

impl Header {
    pub fn is_cmyk(&self) -> bool {
        matches!(self.colour_space, JCS_CMYK | JCS_YCCK)
    }

    /// Bytes that libjpeg keeps beside the rows it gives out, for a picture read at `eighths` of its size.
    pub fn library_bytes(&self, eighths: u32) -> u64 {
        /// Rows that upsampling and colour conversion hold: two rows of 16x16 blocks, and the rows above and below.
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
    fn albumen_jpeg_damage(jpeg: *const Raw) -> c_long;
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
    fn albumen_jpeg_read_rows(jpeg: *mut Raw, out: *mut u8, stride: usize, rows: u32) -> c_int;
}

struct Feed {
    source: Source,
    failed: Option<io::Error>,
}

/// What libjpeg calls for more bytes.
///
/// # Safety
/// `context` is the `Feed` that [`Lines::open`] gave, and `out` has room for `len` bytes.
unsafe extern "C" fn read(context: *mut c_void, offset: u64, out: *mut u8, len: usize) -> usize {
    // SAFETY: the feed lives in a Box beside the decoder and is touched by nobody else while the decoder runs.
    let feed = unsafe { &mut *context.cast::<Feed>() };
    // SAFETY: scanlines.c passes its own input buffer of `len` bytes.
    let buffer = unsafe { std::slice::from_raw_parts_mut(out, len) };
    feed.source.read_at(offset, buffer).unwrap_or_else(|e| {
        feed.failed = Some(e);
        0
    })
}

/// Why libjpeg stopped.
#[derive(Debug)]
pub enum Stop {
    /// The file could not be read.
    Read(io::Error),
    /// libjpeg's own words.
    Refused(String),
}

/// A JPEG that is read in rows.
pub struct Lines {
    raw: NonNull<Raw>,
    /// Boxed: scanlines.c holds its address. Only looked at through the pointer while a call is running.
    feed: *mut Feed,
    /// Samples a row, once started.
    row_bytes: usize,
}

impl Lines {
    pub fn open(source: &Source) -> Result<Lines, Stop> {
        let feed = Box::into_raw(Box::new(Feed { source: source.clone(), failed: None }));
        // SAFETY: `read` matches albumen_read, and `feed` lives until Drop has closed the decoder.
        let raw = unsafe { albumen_jpeg_open(read, feed.cast()) };
        match NonNull::new(raw) {
            Some(raw) => Ok(Lines { raw, feed, row_bytes: 0 }),
            None => {
                // SAFETY: it came from Box::into_raw above, and no decoder holds it.
                drop(unsafe { Box::from_raw(feed) });
                Err(Stop::Refused("no memory for a decoder".into()))
            }
        }
    }

    fn stopped(&mut self) -> Stop {
        // SAFETY: no call into the decoder is running, so nobody else holds the feed.
        if let Some(e) = unsafe { (*self.feed).failed.take() } {
            return Stop::Read(e);
        }
        Stop::Refused(self.message())
    }

    fn message(&self) -> String {
        // SAFETY: the message is a NUL-terminated array inside the decoder.
        unsafe { CStr::from_ptr(albumen_jpeg_message(self.raw.as_ptr())) }.to_string_lossy().into_owned()
    }

    pub fn header(&mut self) -> Result<Header, Stop> {
        let mut header = Header::default();
        // SAFETY: Header is the C struct, field for field.
        match unsafe { albumen_jpeg_read_header(self.raw.as_ptr(), &mut header) } {
            1 => Ok(header),
            _ => Err(self.stopped()),
        }
    }

    /// Says, between header and start, that three components are RGB, where the file cannot say so itself.
    pub fn assume_rgb(&mut self) {
        // SAFETY: only sets a field.
        unsafe { albumen_jpeg_assume_rgb(self.raw.as_ptr()) }
    }

    /// Starts at `eighths`/8 of the size; gives the size that the rows will have. `cmyk`: four samples a pixel.
    pub fn start(&mut self, eighths: u32, cmyk: bool) -> Result<(u32, u32), Stop> {
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

    /// Fills `out` with as many whole rows as fit and are left; how many. 0 at the end.
    pub fn read(&mut self, out: &mut [u8]) -> Result<u32, Stop> {
        if self.row_bytes == 0 {
            return Ok(0);
        }
        let rows = u32::try_from(out.len() / self.row_bytes).unwrap_or(u32::MAX);
        // SAFETY: `out` has room for `rows` rows of `row_bytes`, which is what libjpeg writes a row.
        let n = unsafe { albumen_jpeg_read_rows(self.raw.as_ptr(), out.as_mut_ptr(), self.row_bytes, rows) };
        u32::try_from(n).map_err(|_| self.stopped())
    }

    /// What of the picture was lost so far, in libjpeg's words.
    pub fn damage(&self) -> Option<String> {
        // SAFETY: only reads a field.
        let count = unsafe { albumen_jpeg_damage(self.raw.as_ptr()) };
        (count > 0).then(|| self.message())
    }

    /// Whether the file ended before anything of the picture was there.
    pub fn is_empty(&self) -> bool {
        // SAFETY: only reads a field.
        unsafe { albumen_jpeg_is_empty(self.raw.as_ptr()) != 0 }
    }

    /// An I/O error that libjpeg took for the end of the file.
    pub fn read_error(&mut self) -> Option<io::Error> {
        // SAFETY: no call into the decoder is running, so nobody else holds the feed.
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
