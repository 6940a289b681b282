//! A video file as FFmpeg's demuxers see it, read through a [`Source`].
//!
//! Promises: only the demuxers of the file's own format are tried ([`allowed`]), so that no playlist or
//! script is followed; references to other files are not opened; reading stops when the CPU budget is used
//! up.

use crate::decode::ffmpeg::{Decoder, Packet, allowed, library, silence};
use crate::pixels::orient::Orientation;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::Format;
use ffmpeg_next::ffi;
use rustix::time::{ClockId, clock_gettime};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

/// Bytes and time that are analysed if the container does not describe its streams (transport streams).
const PROBE_BYTES: i64 = 4 << 20;
const ANALYSE_US: i64 = 2_000_000;
/// Bytes read at a time.
const BUFFER_BYTES: usize = 32 << 10;
/// The maximum number of streams.
const MAX_STREAMS: i32 = 64;

/// The reader's state, at a fixed address that FFmpeg holds.
struct Io {
    source: Source,
    at: u64,
    /// Thread CPU seconds at which everything stops.
    spent_at: f64,
    fault: Option<Fault>,
}

impl Io {
    fn is_spent(&self) -> bool {
        cpu_seconds() >= self.spent_at
    }
}

/// CPU seconds of this thread.
fn cpu_seconds() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

unsafe extern "C" fn read(data: *mut c_void, to: *mut u8, len: c_int) -> c_int {
    // SAFETY: `data` is the Io that `open` passed and that outlives the context. FFmpeg calls from one thread, one call
    // at a time.
    let io = unsafe { &mut *data.cast::<Io>() };
    if io.is_spent() {
        return ffi::AVERROR_EXIT;
    }
    let left = usize::try_from(io.source.len().saturating_sub(io.at)).unwrap_or(usize::MAX);
    let len = left.min(len.max(0) as usize);
    if len == 0 {
        // The buffer must not be modified: at the end FFmpeg reads with its buffer still in use, to be
        // searched backwards.
        return ffi::AVERROR_EOF;
    }
    // SAFETY: FFmpeg passes at least `len` writable bytes, zeroed before they are seen as a slice.
    let to = unsafe {
        ptr::write_bytes(to, 0, len);
        std::slice::from_raw_parts_mut(to, len)
    };
    match io.source.read_at(io.at, to) {
        Ok(0) => ffi::AVERROR_EOF,
        Ok(n) => {
            io.at += n as u64;
            n as c_int
        }
        Err(e) => {
            io.fault = Some(Fault::unreadable(e));
            ffi::AVERROR(ffi::EIO)
        }
    }
}

unsafe extern "C" fn seek(data: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as in `read`.
    let io = unsafe { &mut *data.cast::<Io>() };
    let at = match whence & !(ffi::AVSEEK_FORCE as c_int) {
        w if w == ffi::AVSEEK_SIZE as c_int => return io.source.len() as i64,
        0 => u64::try_from(offset).ok(),
        1 => io.at.checked_add_signed(offset),
        2 => io.source.len().checked_add_signed(offset),
        _ => None,
    };
    match at.filter(|at| *at <= i64::MAX as u64) {
        Some(at) => {
            io.at = at;
            at as i64
        }
        None => -1,
    }
}

unsafe extern "C" fn interrupt(data: *mut c_void) -> c_int {
    // SAFETY: as in `read`.
    c_int::from(unsafe { (*data.cast::<Io>()).is_spent() })
}

/// References to other files are refused.
unsafe extern "C" fn refuse_to_open(
    _: *mut ffi::AVFormatContext,
    _: *mut *mut ffi::AVIOContext,
    _: *const c_char,
    _: c_int,
    _: *mut *mut ffi::AVDictionary,
) -> c_int {
    ffi::AVERROR(ffi::EPERM)
}

/// The properties of the video stream.
#[derive(Debug, Clone)]
pub(super) struct Video {
    pub stream: i32,
    pub codec: String,
    /// As coded.
    pub size: (u32, u32),
    /// Width over height of a pixel.
    pub pixel_aspect: (i32, i32),
    pub orientation: Orientation,
    /// Its samples are in Dolby's own colour space, without a base layer for other players (profile 5).
    pub is_ipt: bool,
    pub fps: Option<f64>,
    pub duration_s: Option<f64>,
    time_base: f64,
    start: i64,
}

/// An open video file.
pub(super) struct Container {
    format: *mut ffi::AVFormatContext,
    avio: *mut ffi::AVIOContext,
    // Boxed and never moved out: FFmpeg holds its address.
    io: *mut Io,
    /// The file's format.
    is: Format,
}

impl Container {
    /// Opens a file and analyses its streams, within this many CPU seconds (which continue to count).
    pub(super) fn open(source: &Source, is: Format, cpu_s: f64) -> Result<Container, Fault> {
        silence();
        let demuxers = allowed::demuxers(is);
        if demuxers.is_empty() {
            return Err(Fault::unsupported("it is no video"));
        }
        let demuxer_names = allowed::list(demuxers.iter().copied());
        let decoder_names = allowed::list(allowed::DECODERS.iter().map(|(_, name)| *name));
        let io = Io { source: source.clone(), at: 0, spent_at: cpu_seconds() + cpu_s, fault: None };
        let mut container =
            Container { format: ptr::null_mut(), avio: ptr::null_mut(), io: Box::into_raw(Box::new(io)), is };
        // SAFETY: everything allocated is stored in `container` at once, whose Drop frees it on every path; on
        // failure avformat_open_input frees the format context itself and nulls the pointer.
        unsafe {
            let buffer = library::av_malloc(BUFFER_BYTES).cast::<u8>();
            if buffer.is_null() {
                return Err(Fault::TooLarge { needed: BUFFER_BYTES as u64 });
            }
            container.avio = library::avio_alloc_context(
                buffer,
                BUFFER_BYTES as c_int,
                0,
                container.io.cast(),
                Some(read),
                None,
                Some(seek),
            );
            if container.avio.is_null() {
                library::av_free(buffer.cast());
                return Err(Fault::TooLarge { needed: BUFFER_BYTES as u64 });
            }
            container.format = library::avformat_alloc_context();
            let Some(format) = container.format.as_mut() else {
                return Err(Fault::TooLarge { needed: BUFFER_BYTES as u64 });
            };
            format.pb = container.avio;
            format.flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
            format.io_open = Some(refuse_to_open);
            format.interrupt_callback =
                ffi::AVIOInterruptCB { callback: Some(interrupt), opaque: container.io.cast() };
            format.probesize = PROBE_BYTES;
            format.max_analyze_duration = ANALYSE_US;
            format.max_streams = MAX_STREAMS;
            let mut options = ptr::null_mut();
            let demuxer_names = demuxer_names.as_ptr().cast::<c_char>();
            let decoder_names = decoder_names.as_ptr().cast::<c_char>();
            library::av_dict_set(&mut options, c"format_whitelist".as_ptr(), demuxer_names, 0);
            library::av_dict_set(&mut options, c"codec_whitelist".as_ptr(), decoder_names, 0);
            // With a single demuxer, the others do not even probe the bytes.
            let demuxer = match demuxers {
                [only] => library::av_find_input_format(only.as_ptr()),
                _ => ptr::null(),
            };
            let opened =
                library::avformat_open_input(&mut container.format, ptr::null(), demuxer, &mut options);
            library::av_dict_free(&mut options);
            if opened < 0 {
                return Err(container
                    .read_fault()
                    .unwrap_or_else(|| Fault::corrupt("no video container can be made out")));
            }
            if library::avformat_find_stream_info(container.format, ptr::null_mut()) < 0 {
                return Err(container
                    .read_fault()
                    .unwrap_or_else(|| Fault::corrupt("its streams cannot be made out")));
            }
        }
        Ok(container)
    }

    fn io(&self) -> &Io {
        // SAFETY: allocated in `open`, freed in Drop; FFmpeg changes it only during calls made through `self`.
        unsafe { &*self.io }
    }

    /// A reading error that FFmpeg met, more precise than FFmpeg's own error.
    pub(super) fn read_fault(&self) -> Option<Fault> {
        self.io().fault.clone()
    }

    /// Whether the CPU budget is used up.
    pub(super) fn is_spent(&self) -> bool {
        self.io().is_spent()
    }

    /// A new budget from now, in CPU seconds.
    pub(super) fn set_budget(&mut self, cpu_s: f64) {
        // SAFETY: as in `io`, and no call is under way.
        unsafe { (*self.io).spent_at = cpu_seconds() + cpu_s };
    }

    fn best_stream(&self, kind: ffi::AVMediaType) -> Option<(i32, &ffi::AVStream)> {
        // SAFETY: the context is open; FFmpeg answers with an index below nb_streams or an error.
        unsafe {
            let i = library::av_find_best_stream(self.format, kind, -1, -1, ptr::null_mut(), 0);
            let index = usize::try_from(i).ok().filter(|i| *i < (*self.format).nb_streams as usize)?;
            (*(*self.format).streams.add(index)).as_ref().map(|s| (i, s))
        }
    }

    /// The main video stream.
    pub(super) fn video(&self) -> Result<Video, Fault> {
        let none = || Fault::unsupported("there is no video in it");
        let (stream, s) = self.best_stream(ffi::AVMediaType::AVMEDIA_TYPE_VIDEO).ok_or_else(none)?;
        if s.disposition & ffi::AV_DISPOSITION_ATTACHED_PIC as c_int != 0 {
            return Err(none());
        }
        // SAFETY: every stream has codec parameters; names are static strings.
        let (parameters, codec) = unsafe {
            let p = &*s.codecpar;
            (p, CStr::from_ptr(library::avcodec_get_name(p.codec_id)).to_string_lossy().into_owned())
        };
        let size = (parameters.width.max(0) as u32, parameters.height.max(0) as u32);
        if size.0 == 0 || size.1 == 0 {
            return Err(Fault::corrupt("the video says it has no pixels"));
        }
        let ratio = |r: ffi::AVRational| (r.num > 0 && r.den > 0).then_some((r.num, r.den));
        let pixel_aspect =
            ratio(s.sample_aspect_ratio).or(ratio(parameters.sample_aspect_ratio)).unwrap_or((1, 1));
        let time_base = ratio(s.time_base).map_or(0.0, |(n, d)| f64::from(n) / f64::from(d));
        // SAFETY: the context is open.
        let whole = unsafe { (*self.format).duration };
        let duration_s = if s.duration > 0 && time_base > 0.0 {
            Some(s.duration as f64 * time_base)
        } else {
            (whole > 0).then(|| whole as f64 / f64::from(ffi::AV_TIME_BASE))
        };
        let fps = ratio(s.avg_frame_rate).or(ratio(s.r_frame_rate));
        Ok(Video {
            stream,
            codec,
            size,
            pixel_aspect,
            orientation: orientation(s),
            is_ipt: dolby_profile(s) == Some(5),
            fps: fps.map(|(n, d)| f64::from(n) / f64::from(d)).filter(|f| *f < 10_000.0),
            duration_s,
            time_base,
            start: if s.start_time == ffi::AV_NOPTS_VALUE { 0 } else { s.start_time },
        })
    }

    /// The main audio stream's codec.
    pub(super) fn audio(&self) -> Option<String> {
        let (_, s) = self.best_stream(ffi::AVMediaType::AVMEDIA_TYPE_AUDIO)?;
        // SAFETY: every stream has codec parameters; names are static strings.
        let name = unsafe { CStr::from_ptr(library::avcodec_get_name((*s.codecpar).codec_id)) };
        Some(name.to_string_lossy().into_owned())
    }

    /// A decoder for the video stream; other streams are no longer read.
    pub(super) fn decoder(&self, video: &Video, max_pixels: i64) -> Result<Decoder, Fault> {
        self.read_only(video);
        // SAFETY: the context is open, the index is below nb_streams, and codec parameters are valid while it is.
        unsafe {
            let stream = *(*self.format).streams.add(video.stream as usize);
            Decoder::open_stream((*stream).codecpar, max_pixels)
        }
    }

    fn read_only(&self, video: &Video) {
        // SAFETY: the context is open, and indices run below nb_streams.
        unsafe {
            for i in 0..(*self.format).nb_streams as usize {
                if i as i32 != video.stream {
                    (**(*self.format).streams.add(i)).discard = ffi::AVDiscard::AVDISCARD_ALL;
                }
            }
        }
    }

    /// Seeks to the first packet by opening the file again: a demuxer whose search has failed may be
    /// anywhere, and that of transport streams seeks by time and misses the first key frame.
    pub(super) fn rewind(&mut self, video: &Video) -> Result<(), Fault> {
        let (source, left) = (self.io().source.clone(), self.io().spent_at - cpu_seconds());
        *self = Container::open(&source, self.is, left)?;
        self.read_only(video);
        Ok(())
    }

    /// Seeks to the key frame at or before this many seconds from the start, if the container supports it: a
    /// Matroska file with a single key frame does not. If it fails, the position is undefined until
    /// [`Self::rewind`].
    pub(super) fn seek(&mut self, video: &Video, seconds: f64) -> bool {
        if video.time_base <= 0.0 {
            return false;
        }
        let at = video.start.saturating_add((seconds / video.time_base) as i64);
        // SAFETY: the context is open.
        unsafe {
            library::av_seek_frame(self.format, video.stream, at, ffi::AVSEEK_FLAG_BACKWARD as c_int) >= 0
        }
    }

    /// The next packet; false at the end, or when the budget is used up.
    pub(super) fn read(&mut self, packet: &mut Packet) -> Result<bool, Fault> {
        packet.clear();
        // SAFETY: the context is open and the packet valid and empty.
        let read = unsafe { library::av_read_frame(self.format, packet.as_ptr()) >= 0 };
        match self.read_fault() {
            Some(fault) if !read => Err(fault),
            _ => Ok(read),
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // SAFETY: each part was allocated in `open`, is freed once, and in the order of who uses whom; FFmpeg may
        // have replaced the buffer, so that the context's own pointer is the one to free.
        unsafe {
            library::avformat_close_input(&mut self.format);
            if !self.avio.is_null() {
                library::av_freep(ptr::from_mut(&mut (*self.avio).buffer).cast());
                library::avio_context_free(&mut self.avio);
            }
            drop(Box::from_raw(self.io));
        }
    }
}

/// The Dolby Vision profile in a stream's configuration.
fn dolby_profile(stream: &ffi::AVStream) -> Option<u8> {
    /// The offset in the record, in bytes: two bytes of its version come first.
    const PROFILE: usize = 2;
    let mut len = 0;
    // SAFETY: the stream is valid; FFmpeg answers null or `len` bytes.
    unsafe {
        let data = library::av_stream_get_side_data(
            stream,
            ffi::AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF,
            &mut len,
        );
        (!data.is_null() && len > PROFILE).then(|| *data.add(PROFILE))
    }
}

/// The turn of a stream's display matrix, to the nearest quarter.
fn orientation(stream: &ffi::AVStream) -> Orientation {
    let mut len = 0;
    // SAFETY: the stream is valid; FFmpeg answers null or `len` bytes of 32-bit numbers.
    let matrix = unsafe {
        let data = library::av_stream_get_side_data(
            stream,
            ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX,
            &mut len,
        );
        if data.is_null() || len < 36 {
            return Orientation::UPRIGHT;
        }
        data.cast::<[i32; 9]>().read_unaligned()
    };
    turn(matrix)
}

/// A display matrix sends (x, y) to (a x + c y, b x + d y); it is stored as a b u, c d v, x y w.
fn turn([a, b, _, c, d, ..]: [i32; 9]) -> Orientation {
    let size = |v: i32| i64::from(v).abs();
    let exif = if size(a) + size(d) >= size(b) + size(c) {
        match (a < 0, d < 0) {
            (false, false) => 1,
            (true, false) => 2,
            (true, true) => 3,
            (false, true) => 4,
        }
    } else {
        match (b < 0, c < 0) {
            (false, false) => 5,
            (false, true) => 6,
            (true, true) => 7,
            (true, false) => 8,
        }
    };
    Orientation::from_exif(Some(exif))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_matrices_are_exif_orientations() {
        let one = 1 << 16;
        let of = |a, b, c, d| turn([a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]).exif();
        assert_eq!(of(1, 0, 0, 1), 1);
        assert_eq!(of(-1, 0, 0, -1), 3);
        // A phone held upright: x goes down, y goes left.
        assert_eq!(of(0, 1, -1, 0), 6);
        assert_eq!(of(0, -1, 1, 0), 8);
        assert_eq!(of(-1, 0, 0, 1), 2);
    }
}
