//! FFmpeg code shared by HEIF and video: opening a single-threaded decoder, owning its output, and viewing
//! its frames as [`planes`](super::planes).
//!
//! Promises: no threads, no files; everything allocated is freed; a frame's planes are only read inside of
//! the memory that FFmpeg reports for them.

pub(super) mod allowed;
pub(super) mod library;

use super::colour::{Cicp, cicp::UNSPECIFIED};
use super::planes::{Band, Chroma, Format, Plane};
use albumen_core::fault::Fault;
use ffmpeg_next::ffi;
use std::ptr::{self, NonNull};

/// Zero bytes that FFmpeg requires after every buffer it parses (AV_INPUT_BUFFER_PADDING_SIZE).
const PADDING: usize = ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;

/// Keeps FFmpeg from writing to standard error: its errors reach the user as a [`Fault`].
pub(super) fn silence() {
    // SAFETY: sets an integer inside of FFmpeg.
    unsafe { library::av_log_set_level(ffi::AV_LOG_QUIET) };
}

/// An open decoder.
pub(super) struct Decoder(NonNull<ffi::AVCodecContext>);

impl Decoder {
    /// A decoder for one codec, with the container's parameters.
    ///
    /// `extradata` is the codec's configuration record; `max_pixels` limits the size in a picture's own
    /// header.
    pub(super) fn open(codec: ffi::AVCodecID, extradata: &[u8], max_pixels: i64) -> Result<Decoder, Fault> {
        silence();
        let found = find(codec)?;
        // SAFETY: `found` is a codec; a null result is handled.
        let context =
            NonNull::new(unsafe { library::avcodec_alloc_context3(found) }).ok_or_else(out_of_memory)?;
        let decoder = Decoder(context);
        decoder.configure(max_pixels);
        // SAFETY: the context is ours and not open yet; FFmpeg frees extradata, which is its own allocation, with it.
        unsafe {
            let copy = library::av_mallocz(extradata.len() + PADDING).cast::<u8>();
            if copy.is_null() {
                return Err(out_of_memory());
            }
            ptr::copy_nonoverlapping(extradata.as_ptr(), copy, extradata.len());
            (*context.as_ptr()).extradata = copy;
            (*context.as_ptr()).extradata_size = extradata.len() as i32;
        }
        decoder.finish_opening(found)
    }

    /// A decoder for a stream of a container.
    ///
    /// # Safety
    /// `parameters` must point to valid codec parameters.
    pub(super) unsafe fn open_stream(
        parameters: *const ffi::AVCodecParameters,
        max_pixels: i64,
    ) -> Result<Decoder, Fault> {
        silence();
        // SAFETY: `parameters` is valid by this function's contract; the rest as in `open`.
        unsafe {
            let found = find((*parameters).codec_id)?;
            let context = NonNull::new(library::avcodec_alloc_context3(found)).ok_or_else(out_of_memory)?;
            let decoder = Decoder(context);
            if library::avcodec_parameters_to_context(context.as_ptr(), parameters) < 0 {
                return Err(Fault::corrupt("the video stream's description makes no sense"));
            }
            decoder.configure(max_pixels);
            decoder.finish_opening(found)
        }
    }

    fn configure(&self, max_pixels: i64) {
        // SAFETY: the context is valid and not open yet.
        unsafe {
            let c = self.0.as_ptr();
            (*c).thread_count = 1;
            (*c).max_pixels = max_pixels;
            // A damaged picture is better than none; damage is detected below.
            (*c).flags |= ffi::AV_CODEC_FLAG_OUTPUT_CORRUPT as i32;
        }
    }

    fn finish_opening(self, codec: *const ffi::AVCodec) -> Result<Decoder, Fault> {
        // SAFETY: the context belongs to this codec and is opened once.
        match unsafe { library::avcodec_open2(self.0.as_ptr(), codec, ptr::null_mut()) } {
            0.. => Ok(self),
            _ => Err(Fault::corrupt("the codec's configuration makes no sense")),
        }
    }

    /// Sends a packet to the decoder; `None` marks the end of the stream.
    pub(super) fn send(&mut self, packet: Option<&Packet>) -> bool {
        let packet = packet.map_or(ptr::null(), |p| p.0.as_ptr().cast_const());
        // SAFETY: the context is open; the packet is valid or null.
        unsafe { library::avcodec_send_packet(self.0.as_ptr(), packet) >= 0 }
    }

    /// Receives the next finished frame into `frame`; false if there is none.
    pub(super) fn receive(&mut self, frame: &mut Frame) -> bool {
        // SAFETY: the context is open and the frame valid; FFmpeg unreferences it first.
        unsafe { library::avcodec_receive_frame(self.0.as_ptr(), frame.0.as_ptr()) >= 0 }
    }

    /// Drops all buffered input, ready for a packet from another position.
    pub(super) fn flush(&mut self) {
        // SAFETY: the context is open.
        unsafe { library::avcodec_flush_buffers(self.0.as_ptr()) };
    }

    /// Decodes one packet that needs no other, then drops its state.
    pub(super) fn decode_alone(&mut self, packet: &Packet, frame: &mut Frame) -> bool {
        let sent = self.send(Some(packet));
        let mut done = sent && self.receive(frame);
        if sent && !done {
            // The decoder waits for the next picture: end the stream.
            done = self.send(None) && self.receive(frame);
        }
        self.flush();
        done
    }

    /// Decodes one packet that depends on those sent before it, then drops the state. The frame is the last
    /// one.
    pub(super) fn decode_last(&mut self, packet: &Packet, frame: &mut Frame) -> Result<bool, Fault> {
        let mut next = Frame::new()?;
        let mut done = false;
        for packet in [Some(packet), None] {
            let sent = self.send(packet);
            while sent && self.receive(&mut next) {
                std::mem::swap(frame, &mut next);
                done = true;
            }
        }
        self.flush();
        Ok(done)
    }
}

/// The decoder for a codec, if it is allowed.
fn find(codec: ffi::AVCodecID) -> Result<*const ffi::AVCodec, Fault> {
    let Some(name) = allowed::decoder(codec) else {
        return Err(Fault::unsupported("its video codec is none of those that Albumen decodes"));
    };
    // SAFETY: looks an entry up in FFmpeg's own table, which lives as long as the program.
    let found = unsafe { library::avcodec_find_decoder_by_name(name.as_ptr()) };
    if found.is_null() { Err(Fault::unsupported("this build of FFmpeg cannot decode it")) } else { Ok(found) }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut context = self.0.as_ptr();
        // SAFETY: allocated by avcodec_alloc_context3 and freed once.
        unsafe { library::avcodec_free_context(&mut context) };
    }
}

/// Compressed bytes.
pub(super) struct Packet(NonNull<ffi::AVPacket>);

impl Packet {
    pub(super) fn new() -> Result<Packet, Fault> {
        // SAFETY: allocates; null is handled.
        NonNull::new(unsafe { library::av_packet_alloc() }).map(Packet).ok_or_else(out_of_memory)
    }

    /// Allocates `len` bytes and lets `fill` write them.
    pub(super) fn fill<E>(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E>
    where
        E: From<Fault>,
    {
        self.clear();
        let size = i32::try_from(len).map_err(|_| Fault::corrupt("a coded picture is absurdly long"))?;
        // SAFETY: av_new_packet allocates `len` bytes (and zeroed padding), which the slice then covers; they are
        // zeroed first so that the slice is of initialised memory.
        let bytes = unsafe {
            if library::av_new_packet(self.0.as_ptr(), size) < 0 {
                return Err(out_of_memory().into());
            }
            let data = (*self.0.as_ptr()).data;
            ptr::write_bytes(data, 0, len);
            std::slice::from_raw_parts_mut(data, len)
        };
        fill(bytes)
    }

    /// Releases the bytes.
    pub(super) fn clear(&mut self) {
        // SAFETY: the packet is valid.
        unsafe { library::av_packet_unref(self.0.as_ptr()) };
    }

    pub(super) fn as_ptr(&mut self) -> *mut ffi::AVPacket {
        self.0.as_ptr()
    }

    /// The stream it belongs to.
    pub(super) fn stream(&self) -> i32 {
        // SAFETY: the packet is valid.
        unsafe { (*self.0.as_ptr()).stream_index }
    }

    pub(super) fn is_key(&self) -> bool {
        // SAFETY: the packet is valid.
        unsafe { (*self.0.as_ptr()).flags & ffi::AV_PKT_FLAG_KEY != 0 }
    }

    /// The position in the file, or the timestamp if that is unknown: identifies the packet.
    pub(super) fn identity(&self) -> (i64, i64) {
        // SAFETY: the packet is valid.
        unsafe { ((*self.0.as_ptr()).pos, (*self.0.as_ptr()).dts) }
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut packet = self.0.as_ptr();
        // SAFETY: allocated by av_packet_alloc and freed once.
        unsafe { library::av_packet_free(&mut packet) };
    }
}

/// A decoded picture.
pub(super) struct Frame(NonNull<ffi::AVFrame>);

impl Frame {
    pub(super) fn new() -> Result<Frame, Fault> {
        // SAFETY: allocates; null is handled.
        NonNull::new(unsafe { library::av_frame_alloc() }).map(Frame).ok_or_else(out_of_memory)
    }

    pub(super) fn as_ptr(&mut self) -> *mut ffi::AVFrame {
        self.0.as_ptr()
    }

    fn raw(&self) -> &ffi::AVFrame {
        // SAFETY: valid as long as self is, and nothing writes to it through `&self`.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn size(&self) -> (u32, u32) {
        (self.raw().width.max(0) as u32, self.raw().height.max(0) as u32)
    }

    /// Whether FFmpeg reported that parts could not be decoded.
    pub(super) fn is_damaged(&self) -> bool {
        self.raw().decode_error_flags != 0 || self.raw().flags & ffi::AV_FRAME_FLAG_CORRUPT != 0
    }

    /// Whether its even and odd rows were captured at different times.
    pub(super) fn is_interlaced(&self) -> bool {
        self.raw().interlaced_frame != 0
    }

    /// Its format if it consists of planes as in [`super::planes`]; otherwise it needs [`Frame::planar`].
    pub(super) fn format(&self) -> Option<Format> {
        let (chroma, depth) = shape(self.raw().format)?;
        let (width, height) = self.size();
        (width > 0 && height > 0).then_some(Format { width, height, chroma, depth })
    }

    /// The code points in the codec's own headers; 2 where they are missing.
    pub(super) fn cicp(&self) -> Cicp {
        let raw = self.raw();
        let known = |v: i32| u8::try_from(v).unwrap_or(UNSPECIFIED);
        let name = shape_row(raw.format);
        let is_full =
            raw.color_range == ffi::AVColorRange::AVCOL_RANGE_JPEG || name.is_some_and(|r| r.always_full);
        let is_rgb = name.is_some_and(|r| r.rgb);
        Cicp {
            primaries: known(raw.color_primaries as i32),
            transfer: known(raw.color_trc as i32),
            matrix: if is_rgb {
                0
            } else {
                match known(raw.colorspace as i32) {
                    0 => UNSPECIFIED,
                    matrix => matrix,
                }
            },
            full_range: is_full || is_rgb && raw.color_range != ffi::AVColorRange::AVCOL_RANGE_MPEG,
        }
    }

    /// The whole frame as one band. `None` if its format does not consist of planes.
    pub(super) fn band(&self) -> Option<Band<'_>> {
        let format = self.format()?;
        let raw = self.raw();
        let bytes = if format.depth > 8 { 2 } else { 1 };
        let mut planes = [Plane { data: &[], stride: 0 }; 3];
        let chroma = match format.chroma {
            Chroma::Monochrome => None,
            Chroma::Shared { log2_across, log2_down } => {
                Some((format.width.div_ceil(1 << log2_across), format.height.div_ceil(1 << log2_down)))
            }
        };
        for (i, plane) in planes.iter_mut().enumerate() {
            let Some((width, height)) = (if i == 0 { Some((format.width, format.height)) } else { chroma })
            else {
                break;
            };
            // A negative stride (a picture stored upside down) is left to `planar`.
            let stride = usize::try_from(raw.linesize[i]).ok()?;
            let row = width as usize * bytes;
            if raw.data[i].is_null() || stride < row {
                return None;
            }
            let len = (height as usize - 1) * stride + row;
            // SAFETY: FFmpeg allocates `height` rows of `linesize` bytes for each plane of a frame; `len` ends
            // with the last row's last sample. The frame lives as long as the borrow of self.
            plane.data = unsafe { std::slice::from_raw_parts(raw.data[i], len) };
            plane.stride = stride;
        }
        Some(Band { planes, alpha: None, rows: format.height })
    }

    /// The same picture in a planar format, converted by swscale if needed.
    pub(super) fn planar(self) -> Result<Frame, Fault> {
        if self.band().is_some() {
            return Ok(self);
        }
        let (width, height) = self.size();
        let mut out = Frame::new()?;
        let from = self.raw().format;
        // SAFETY: `from` is checked to be one of the enumeration's; both frames are valid; the scaler is freed on every path; sizes are equal, so that swscale only
        // converts. An unknown format is refused by sws_getContext, which then gives null.
        unsafe {
            if from < 0 || from >= ffi::AVPixelFormat::AV_PIX_FMT_NB as i32 {
                return Err(Fault::unsupported("its frames have an unknown pixel format"));
            }
            let to = out.as_ptr();
            (*to).width = width as i32;
            (*to).height = height as i32;
            let from_format = std::mem::transmute::<i32, ffi::AVPixelFormat>(from);
            let planes = planes_of(from_format);
            (*to).format = planes as i32;
            if library::av_frame_get_buffer(to, 0) < 0 {
                return Err(out_of_memory());
            }
            let scaler = library::sws_getContext(
                width as i32,
                height as i32,
                from_format,
                width as i32,
                height as i32,
                planes,
                ffi::SWS_BILINEAR,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
            );
            if scaler.is_null() {
                return Err(Fault::unsupported("its frames have a pixel format that cannot be converted"));
            }
            let raw = self.raw();
            library::sws_scale(
                scaler,
                raw.data.as_ptr().cast(),
                raw.linesize.as_ptr(),
                0,
                height as i32,
                (*to).data.as_ptr().cast(),
                (*to).linesize.as_ptr(),
            );
            library::sws_freeContext(scaler);
            (*to).color_primaries = raw.color_primaries;
            (*to).color_trc = raw.color_trc;
            (*to).interlaced_frame = raw.interlaced_frame;
            (*to).decode_error_flags = raw.decode_error_flags;
            (*to).flags |= raw.flags & ffi::AV_FRAME_FLAG_CORRUPT;
            if planes != ffi::AVPixelFormat::AV_PIX_FMT_GBRP {
                // Samples were only rearranged: their meaning is unchanged.
                (*to).colorspace = raw.colorspace;
                (*to).color_range = raw.color_range;
            }
        }
        Ok(out)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut frame = self.0.as_ptr();
        // SAFETY: allocated by av_frame_alloc and freed once.
        unsafe { library::av_frame_free(&mut frame) };
    }
}

/// The planar format to which a packed one, or one with alpha, is converted. Y, Cb and Cr stay unchanged:
/// swscale would convert them to RGB by the rules of BT.601, whatever the frame states.
fn planes_of(format: ffi::AVPixelFormat) -> ffi::AVPixelFormat {
    use ffi::AVPixelFormat::*;
    // SAFETY: the table has an entry, or null, for each format.
    let Some(shape) = (unsafe { library::av_pix_fmt_desc_get(format).as_ref() }) else {
        return AV_PIX_FMT_GBRP;
    };
    let flags = shape.flags as i32;
    if flags & (ffi::AV_PIX_FMT_FLAG_RGB | ffi::AV_PIX_FMT_FLAG_PAL) != 0 {
        return AV_PIX_FMT_GBRP;
    }
    let depth = shape.comp[0].depth;
    if shape.nb_components < 3 {
        return if depth > 8 { AV_PIX_FMT_GRAY12LE } else { AV_PIX_FMT_GRAY8 };
    }
    match (shape.log2_chroma_w, shape.log2_chroma_h, depth) {
        (1, 1, ..=8) => AV_PIX_FMT_YUV420P,
        (1, 1, ..=10) => AV_PIX_FMT_YUV420P10LE,
        (1, 1, _) => AV_PIX_FMT_YUV420P12LE,
        (1, 0, ..=8) => AV_PIX_FMT_YUV422P,
        (1, 0, ..=10) => AV_PIX_FMT_YUV422P10LE,
        (1, 0, _) => AV_PIX_FMT_YUV422P12LE,
        (2, 0, ..=8) => AV_PIX_FMT_YUV411P,
        (_, _, ..=8) => AV_PIX_FMT_YUV444P,
        (_, _, ..=10) => AV_PIX_FMT_YUV444P10LE,
        _ => AV_PIX_FMT_YUV444P12LE,
    }
}

fn out_of_memory() -> Fault {
    Fault::TooLarge { needed: 0 }
}

/// A pixel format of planes.
struct Shape {
    format: ffi::AVPixelFormat,
    chroma: Chroma,
    depth: u8,
    rgb: bool,
    /// The "J" formats: 4:2:0 and so on with all code values used.
    always_full: bool,
}

fn shape_row(format: i32) -> Option<&'static Shape> {
    SHAPES.iter().find(|s| s.format as i32 == format)
}

fn shape(format: i32) -> Option<(Chroma, u8)> {
    shape_row(format).map(|s| (s.chroma, s.depth))
}

const fn yuv(format: ffi::AVPixelFormat, across: u8, down: u8, depth: u8) -> Shape {
    let chroma = Chroma::Shared { log2_across: across, log2_down: down };
    Shape { format, chroma, depth, rgb: false, always_full: false }
}
const fn full(format: ffi::AVPixelFormat, across: u8, down: u8) -> Shape {
    let chroma = Chroma::Shared { log2_across: across, log2_down: down };
    Shape { format, chroma, depth: 8, rgb: false, always_full: true }
}
const fn grey(format: ffi::AVPixelFormat, depth: u8) -> Shape {
    Shape { format, chroma: Chroma::Monochrome, depth, rgb: false, always_full: false }
}
const fn rgb(format: ffi::AVPixelFormat, depth: u8) -> Shape {
    Shape { format, chroma: Chroma::C444, depth, rgb: true, always_full: false }
}

/// FFmpeg's little-endian formats of planes; both machines that Albumen runs on are little-endian.
#[rustfmt::skip]
static SHAPES: &[Shape] = {
    use ffi::AVPixelFormat::*;
    &[
        yuv(AV_PIX_FMT_YUV420P, 1, 1, 8), yuv(AV_PIX_FMT_YUV422P, 1, 0, 8), yuv(AV_PIX_FMT_YUV444P, 0, 0, 8),
        yuv(AV_PIX_FMT_YUV440P, 0, 1, 8), yuv(AV_PIX_FMT_YUV411P, 2, 0, 8), yuv(AV_PIX_FMT_YUV410P, 2, 2, 8),
        full(AV_PIX_FMT_YUVJ420P, 1, 1), full(AV_PIX_FMT_YUVJ422P, 1, 0), full(AV_PIX_FMT_YUVJ444P, 0, 0),
        full(AV_PIX_FMT_YUVJ440P, 0, 1),
        yuv(AV_PIX_FMT_YUV420P10LE, 1, 1, 10), yuv(AV_PIX_FMT_YUV422P10LE, 1, 0, 10), yuv(AV_PIX_FMT_YUV444P10LE, 0, 0, 10),
        yuv(AV_PIX_FMT_YUV420P12LE, 1, 1, 12), yuv(AV_PIX_FMT_YUV422P12LE, 1, 0, 12), yuv(AV_PIX_FMT_YUV444P12LE, 0, 0, 12),
        // Alpha is left out.
        yuv(AV_PIX_FMT_YUVA420P, 1, 1, 8), yuv(AV_PIX_FMT_YUVA422P, 1, 0, 8), yuv(AV_PIX_FMT_YUVA444P, 0, 0, 8),
        yuv(AV_PIX_FMT_YUVA420P10LE, 1, 1, 10), yuv(AV_PIX_FMT_YUVA422P10LE, 1, 0, 10), yuv(AV_PIX_FMT_YUVA444P10LE, 0, 0, 10),
        yuv(AV_PIX_FMT_YUVA422P12LE, 1, 0, 12), yuv(AV_PIX_FMT_YUVA444P12LE, 0, 0, 12),
        grey(AV_PIX_FMT_GRAY8, 8), grey(AV_PIX_FMT_GRAY10LE, 10), grey(AV_PIX_FMT_GRAY12LE, 12),
        rgb(AV_PIX_FMT_GBRP, 8), rgb(AV_PIX_FMT_GBRP10LE, 10), rgb(AV_PIX_FMT_GBRP12LE, 12),
    ]
};
