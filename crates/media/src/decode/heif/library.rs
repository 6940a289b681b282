//! Pictures that are not decoded by FFmpeg directly: AVIF, alpha, overlays, derived items, other codecs; by
//! libheif.
//!
//! Promises: one thread; libheif's own security limits are set from the admission; big grids without alpha
//! are decoded a tile at a time, everything else whole; libheif returns the coded planes, which are shrunk
//! and converted by the same code as all others.

use super::geometry;
use super::items::{Item, Items};
use super::tiles::TileRow;
use crate::decode::colour::{Cicp, cicp::UNSPECIFIED};
use crate::decode::planes::{Alpha, Band, Chroma, Crop, Format, Plane, Shrinker};
use crate::pixels::orient::Orientation;
use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::Admission;
use libheif_sys as sys;
use std::ffi::{CStr, c_int, c_void};
use std::ptr::{self, NonNull};

/// Grids above this many pixels are decoded tile by tile: below, whole is simpler and fits anywhere.
const TILED_ABOVE_PIXELS: u64 = 4_000_000;
/// Copies of the coded picture that libheif and its codec hold at once: the codec's frame, libheif's own, and
/// one more if an item is derived from another or a transform is applied.
const COPIES_PLAIN: u64 = 2;
const COPIES_DERIVED: u64 = 3;

/// Initialises libheif's global state: it opens the plug-in folder, so this must run before a worker enters
/// the sandbox.
pub(super) fn initialise() {
    // SAFETY: may be called any number of times; null asks for the defaults.
    unsafe { sys::heif_init(ptr::null_mut()) };
}

/// Decodes the primary picture. `items` supplies the geometry if the file's tables could be read.
pub(super) fn decode(
    source: &Source,
    items: Option<&Items>,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    open_and_decode(source, items, fit, admission).map_err(|fault| match fault {
        // libheif reports that its limit was exceeded, not by how much.
        Fault::TooLarge { needed: 0 } => Fault::TooLarge { needed: admission.ceiling().saturating_add(1) },
        other => other,
    })
}

fn open_and_decode(
    source: &Source,
    items: Option<&Items>,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    let renamed = items.and_then(|items| items.renamed.clone());
    let len = items.map_or(source.len(), |items| super::whole::whole_length(source, items));
    let mut reader = Reader { source: source.clone(), at: 0, len, renamed };
    let context = Context::read(&mut reader, admission.ceiling())?;
    let handle = context.primary()?;

    // If the transforms are known, turning the small result saves a copy of the big one.
    let own = items.and_then(|items| coded_item(items).map(|item| (items, item)));
    let (width, height) = handle.size(own.is_some());
    if width == 0 || height == 0 {
        return Err(Fault::corrupt("the picture says it has no pixels"));
    }
    let (crop, orientation) = match own {
        Some((items, item)) => geometry::fold(width, height, items.properties_of(item)),
        None => (Crop { x: 0, y: 0, width, height }, Orientation::UPRIGHT),
    };
    let upright = orientation.size((crop.width, crop.height));
    let fitted = fit(upright.0, upright.1);
    let size = orientation.size((fitted.0.max(1), fitted.1.max(1)));
    let options = Options::new(own.is_some())?;
    let job = Job { handle: &handle, options: &options, width, height, crop, size };

    let tiling = match own {
        Some(_) if u64::from(width) * u64::from(height) > TILED_ABOVE_PIXELS && !handle.has_alpha() => {
            handle.tiling().filter(|t| {
                t.num_columns.saturating_mul(t.num_rows) > 1
                    && t.tile_width % 2 == 0
                    && t.tile_height % 2 == 0
            })
        }
        _ => None,
    };
    let shrinker = match tiling {
        Some(tiling) => job.tiled(&tiling, admission)?,
        None => job.whole(admission, if own.is_some() { COPIES_PLAIN } else { COPIES_DERIVED })?,
    };
    Ok(shrinker.finish(handle.icc().as_deref(), orientation))
}

/// The primary item, if it is a coded picture or a grid of them, so that only its own transforms apply.
fn coded_item(items: &Items) -> Option<&Item> {
    let item = items.get(items.primary)?;
    matches!(
        &item.kind,
        b"hvc1" | b"hev1" | b"av01" | b"avc1" | b"vvc1" | b"jpeg" | b"j2k1" | b"grid" | b"unci" | b"mski"
    )
    .then_some(item)
}

/// The decoding of one picture.
struct Job<'a> {
    handle: &'a Handle<'a>,
    options: &'a Options,
    width: u32,
    height: u32,
    crop: Crop,
    size: (u32, u32),
}

impl Job<'_> {
    fn format(&self, chroma: Chroma, depth: u8) -> Format {
        Format { width: self.width, height: self.height, chroma, depth }
    }

    fn whole(&self, admission: &dyn Admission, copies: u64) -> Result<Shrinker, Fault> {
        let guess = self.format(self.handle.chroma(), self.handle.depth());
        let alpha = if self.handle.has_alpha() { u64::from(self.width) * copies } else { 0 };
        let bytes = (guess.bytes_per_row() * copies + alpha) * u64::from(self.height);
        admission.admit(bytes + Shrinker::cost(guess, self.size))?;
        let image = self.handle.decode(self.options)?;
        let (chroma, depth) = image.shape()?;
        let format = self.format(chroma, depth);
        if image.size() != (self.width, self.height) {
            return Err(Fault::corrupt("the coded picture has another size than the file says"));
        }
        let mut shrinker = Shrinker::new(format, self.crop, self.size, image.cicp(self.handle.cicp()));
        let alpha = image.alpha(depth)?;
        let alpha = alpha.as_ref().map(|(data, stride)| Alpha {
            plane: Plane { data, stride: *stride },
            premultiplied: image.is_premultiplied(),
        });
        shrinker.push(&Band { planes: image.planes()?, alpha, rows: self.height });
        Ok(shrinker)
    }

    fn tiled(&self, tiling: &sys::heif_image_tiling, admission: &dyn Admission) -> Result<Shrinker, Fault> {
        let (tw, th) = (tiling.tile_width, tiling.tile_height);
        let guess = self.format(self.handle.chroma(), self.handle.depth());
        let tile = Format { width: tw, height: th, ..guess };
        admission.admit(
            guess.bytes_per_row() * u64::from(th)
                + tile.bytes_per_row() * u64::from(th) * COPIES_DERIVED
                + Shrinker::cost(guess, self.size),
        )?;
        let mut sink: Option<(Format, Shrinker, TileRow)> = None;
        for row in 0..tiling.num_rows {
            let rows = th.min(self.height.saturating_sub(row.saturating_mul(th)));
            if rows == 0 {
                break;
            }
            for column in 0..tiling.num_columns {
                let image = self.handle.decode_tile(self.options, column, row)?;
                let (chroma, depth) = image.shape()?;
                let (format, _, tiles) = sink.get_or_insert_with(|| {
                    let format = self.format(chroma, depth);
                    let cicp = image.cicp(self.handle.cicp());
                    let shrinker = Shrinker::new(format, self.crop, self.size, cicp);
                    (format, shrinker, TileRow::new(format, (tw, th)))
                });
                if (format.chroma, format.depth) != (chroma, depth) {
                    return Err(Fault::corrupt("its tiles differ in their pixel format"));
                }
                tiles.put(column, &image.planes()?);
            }
            if let Some((_, shrinker, tiles)) = &mut sink {
                shrinker.push(&tiles.band());
                tiles.clear();
            }
        }
        sink.map(|s| s.1).ok_or_else(|| Fault::corrupt("the grid has no tiles"))
    }
}

/// Lets libheif read by position.
struct Reader {
    source: Source,
    at: u64,
    /// Length of the file; for a truncated one that of the original, with zeros at its end, so that the
    /// available part is shown.
    len: u64,
    /// Bytes that replace those of the file for libheif, and their position.
    renamed: Option<(u64, Vec<u8>)>,
}

impl Reader {
    /// Overlays the replaced bytes on those read from `at`.
    fn rename(&self, at: u64, to: &mut [u8]) {
        let Some((place, bytes)) = &self.renamed else { return };
        for (i, byte) in bytes.iter().enumerate() {
            let within = place.saturating_add(i as u64).checked_sub(at).and_then(|n| usize::try_from(n).ok());
            if let Some(b) = within.and_then(|n| to.get_mut(n)) {
                *b = *byte;
            }
        }
    }
}

unsafe extern "C" fn get_position(data: *mut c_void) -> i64 {
    // SAFETY: `data` is the Reader that `Context::read` passed, which outlives the context.
    unsafe { (*data.cast::<Reader>()).at as i64 }
}

unsafe extern "C" fn read(to: *mut c_void, size: usize, data: *mut c_void) -> c_int {
    if size == 0 {
        return 0; // `to` may be null then.
    }
    // SAFETY: as above; libheif passes `size` writable bytes, which are zeroed before they are seen as a slice.
    unsafe {
        let reader = &mut *data.cast::<Reader>();
        ptr::write_bytes(to.cast::<u8>(), 0, size);
        let to = std::slice::from_raw_parts_mut(to.cast::<u8>(), size);
        match reader.source.read_at(reader.at, to) {
            Ok(n) if n == size || reader.at.saturating_add(size as u64) <= reader.len => {
                reader.rename(reader.at, to);
                reader.at += size as u64;
                0
            }
            _ => 1,
        }
    }
}

unsafe extern "C" fn seek(position: i64, data: *mut c_void) -> c_int {
    // SAFETY: as above.
    unsafe { (*data.cast::<Reader>()).at = position.max(0) as u64 };
    0
}

unsafe extern "C" fn wait_for_file_size(size: i64, data: *mut c_void) -> sys::heif_reader_grow_status {
    // SAFETY: as above.
    let len = unsafe { (*data.cast::<Reader>()).len };
    if size >= 0 && size as u64 <= len {
        sys::heif_reader_grow_status_heif_reader_grow_status_size_reached
    } else {
        sys::heif_reader_grow_status_heif_reader_grow_status_size_beyond_eof
    }
}

/// Zeroed for later additions to the interface: libheif reads only the fields of version 1.
fn reader_table() -> sys::heif_reader {
    // SAFETY: a plain C struct of integers and nullable function pointers, for which zero is valid.
    let mut table: sys::heif_reader = unsafe { std::mem::zeroed() };
    table.reader_api_version = 1;
    table.get_position = Some(get_position);
    table.read = Some(read);
    table.seek = Some(seek);
    table.wait_for_file_size = Some(wait_for_file_size);
    table
}

/// Converts libheif's error to a fault.
fn check(error: sys::heif_error) -> Result<(), Fault> {
    if error.code == sys::heif_error_code_heif_error_Ok {
        return Ok(());
    }
    let why = if error.message.is_null() {
        "libheif gave no reason".into()
    } else {
        // SAFETY: libheif's messages are terminated strings that live until the next call on the same object.
        unsafe { CStr::from_ptr(error.message) }.to_string_lossy().trim().to_owned()
    };
    Err(
        if error.subcode == sys::heif_suberror_code_heif_suberror_Security_limit_exceeded
            || error.code == sys::heif_error_code_heif_error_Memory_allocation_error
        {
            Fault::TooLarge { needed: 0 }
        } else if error.code == sys::heif_error_code_heif_error_Unsupported_feature
            || error.code == sys::heif_error_code_heif_error_Unsupported_filetype
        {
            Fault::unsupported(why)
        } else {
            Fault::corrupt(why)
        },
    )
}

/// An open file. The reader must outlive it, which the borrow ensures.
struct Context<'a> {
    raw: NonNull<sys::heif_context>,
    // libheif keeps both pointers.
    _table: Box<sys::heif_reader>,
    _reader: std::marker::PhantomData<&'a mut Reader>,
}

impl<'a> Context<'a> {
    fn read(reader: &'a mut Reader, ceiling: u64) -> Result<Self, Fault> {
        initialise();
        // SAFETY: allocates; null is handled.
        let raw = NonNull::new(unsafe { sys::heif_context_alloc() });
        let raw = raw.ok_or(Fault::TooLarge { needed: 0 })?;
        let context = Context { raw, _table: Box::new(reader_table()), _reader: std::marker::PhantomData };
        // SAFETY: the context is valid; its limits are its own to change; table and reader outlive it.
        unsafe {
            let limits = sys::heif_context_get_security_limits(raw.as_ptr());
            if !limits.is_null() {
                (*limits).max_total_memory = ceiling;
                (*limits).max_memory_block_size = (*limits).max_memory_block_size.min(ceiling);
                // No codec needs less than one byte per pixel.
                (*limits).max_image_size_pixels = (*limits).max_image_size_pixels.min(ceiling);
            }
            sys::heif_context_set_max_decoding_threads(raw.as_ptr(), 0);
            check(sys::heif_context_read_from_reader(
                raw.as_ptr(),
                &*context._table,
                ptr::from_mut(reader).cast(),
                ptr::null(),
            ))?;
        }
        Ok(context)
    }

    fn primary(&self) -> Result<Handle<'_>, Fault> {
        let mut raw = ptr::null_mut();
        // SAFETY: the context is valid and `raw` is written only on success.
        check(unsafe { sys::heif_context_get_primary_image_handle(self.raw.as_ptr(), &mut raw) })?;
        NonNull::new(raw)
            .map(|raw| Handle { raw, _context: std::marker::PhantomData })
            .ok_or_else(|| Fault::corrupt("the file names no picture"))
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        // SAFETY: allocated by heif_context_alloc and freed once; handles borrow the context and are gone.
        unsafe { sys::heif_context_free(self.raw.as_ptr()) };
    }
}

/// A picture that can be decoded.
struct Handle<'a> {
    raw: NonNull<sys::heif_image_handle>,
    _context: std::marker::PhantomData<&'a ()>,
}

impl Handle<'_> {
    /// Width and height, before (`coded`) or after transforms.
    fn size(&self, coded: bool) -> (u32, u32) {
        // SAFETY: the handle is valid.
        let (w, h) = unsafe {
            let raw = self.raw.as_ptr();
            if coded {
                (sys::heif_image_handle_get_ispe_width(raw), sys::heif_image_handle_get_ispe_height(raw))
            } else {
                (sys::heif_image_handle_get_width(raw), sys::heif_image_handle_get_height(raw))
            }
        };
        (w.max(0) as u32, h.max(0) as u32)
    }

    fn has_alpha(&self) -> bool {
        // SAFETY: the handle is valid.
        unsafe { sys::heif_image_handle_has_alpha_channel(self.raw.as_ptr()) != 0 }
    }

    /// Bits per sample as stated in the file before decoding; for memory estimates.
    fn depth(&self) -> u8 {
        // SAFETY: the handle is valid.
        let bits = unsafe { sys::heif_image_handle_get_luma_bits_per_pixel(self.raw.as_ptr()) };
        bits.clamp(8, 16) as u8
    }

    /// The chroma of the decoded picture as stated in the file; for memory estimates.
    fn chroma(&self) -> Chroma {
        let (mut space, mut chroma) = (0, 0);
        // SAFETY: the handle is valid and both are written.
        let error = unsafe {
            sys::heif_image_handle_get_preferred_decoding_colorspace(
                self.raw.as_ptr(),
                &mut space,
                &mut chroma,
            )
        };
        match chroma {
            _ if error.code != sys::heif_error_code_heif_error_Ok => Chroma::C444,
            sys::heif_chroma_heif_chroma_planar => Chroma::Monochrome,
            sys::heif_chroma_heif_chroma_420 => Chroma::C420,
            sys::heif_chroma_heif_chroma_422 => Chroma::C422,
            _ => Chroma::C444,
        }
    }

    fn icc(&self) -> Option<Vec<u8>> {
        // SAFETY: the handle is valid; the buffer has the size that libheif asked for.
        unsafe {
            let kind = sys::heif_image_handle_get_color_profile_type(self.raw.as_ptr());
            if kind != sys::heif_color_profile_type_heif_color_profile_type_prof
                && kind != sys::heif_color_profile_type_heif_color_profile_type_rICC
            {
                return None;
            }
            let mut profile = vec![0u8; sys::heif_image_handle_get_raw_color_profile_size(self.raw.as_ptr())];
            let error =
                sys::heif_image_handle_get_raw_color_profile(self.raw.as_ptr(), profile.as_mut_ptr().cast());
            (error.code == sys::heif_error_code_heif_error_Ok && !profile.is_empty()).then_some(profile)
        }
    }

    fn cicp(&self) -> Option<Cicp> {
        let mut profile = ptr::null_mut();
        // SAFETY: the handle is valid; the profile is libheif's until freed in `cicp_of`.
        unsafe {
            sys::heif_image_handle_get_nclx_color_profile(self.raw.as_ptr(), &mut profile);
            cicp_of(profile)
        }
    }

    fn tiling(&self) -> Option<sys::heif_image_tiling> {
        // SAFETY: a plain C struct, for which zero is valid; libheif fills it.
        unsafe {
            let mut tiling: sys::heif_image_tiling = std::mem::zeroed();
            tiling.version = 1;
            let error = sys::heif_image_handle_get_image_tiling(self.raw.as_ptr(), 0, &mut tiling);
            (error.code == sys::heif_error_code_heif_error_Ok).then_some(tiling)
        }
    }

    fn decode(&self, options: &Options) -> Result<Image, Fault> {
        let image = self.decode_as(
            options,
            sys::heif_colorspace_heif_colorspace_undefined,
            sys::heif_chroma_heif_chroma_undefined,
            None,
        )?;
        if image.shape().is_ok() && image.planes().is_ok() {
            return Ok(image);
        }
        drop(image);
        // Interleaved or otherwise unusual: let libheif make planes of it.
        self.decode_as(
            options,
            sys::heif_colorspace_heif_colorspace_RGB,
            sys::heif_chroma_heif_chroma_444,
            None,
        )
    }

    fn decode_tile(&self, options: &Options, column: u32, row: u32) -> Result<Image, Fault> {
        self.decode_as(
            options,
            sys::heif_colorspace_heif_colorspace_undefined,
            sys::heif_chroma_heif_chroma_undefined,
            Some((column, row)),
        )
    }

    fn decode_as(
        &self,
        options: &Options,
        space: sys::heif_colorspace,
        chroma: sys::heif_chroma,
        tile: Option<(u32, u32)>,
    ) -> Result<Image, Fault> {
        let mut raw = ptr::null_mut();
        // SAFETY: handle and options are valid; `raw` is written only on success.
        check(unsafe {
            match tile {
                None => {
                    sys::heif_decode_image(self.raw.as_ptr(), &mut raw, space, chroma, options.0.as_ptr())
                }
                Some((column, row)) => sys::heif_image_handle_decode_image_tile(
                    self.raw.as_ptr(),
                    &mut raw,
                    space,
                    chroma,
                    options.0.as_ptr(),
                    column,
                    row,
                ),
            }
        })?;
        NonNull::new(raw).map(Image).ok_or_else(|| Fault::corrupt("libheif gave no picture"))
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        // SAFETY: given by libheif and released once.
        unsafe { sys::heif_image_handle_release(self.raw.as_ptr()) };
    }
}

/// Code points out of libheif's profile, which is freed.
///
/// # Safety
/// `profile` must be null or a profile that libheif allocated.
unsafe fn cicp_of(profile: *mut sys::heif_color_profile_nclx) -> Option<Cicp> {
    // SAFETY: by this function's contract.
    unsafe {
        let p = profile.as_ref()?;
        let cicp = Cicp {
            primaries: u8::try_from(p.color_primaries).unwrap_or(UNSPECIFIED),
            transfer: u8::try_from(p.transfer_characteristics).unwrap_or(UNSPECIFIED),
            matrix: u8::try_from(p.matrix_coefficients).unwrap_or(UNSPECIFIED),
            full_range: p.full_range_flag != 0,
        };
        sys::heif_nclx_color_profile_free(profile);
        Some(cicp)
    }
}

/// How to decode: one thread, in the planes that the codec has, nothing converted.
struct Options(NonNull<sys::heif_decoding_options>);

impl Options {
    fn new(ignore_transforms: bool) -> Result<Options, Fault> {
        // SAFETY: allocates; null is handled; the fields belong to the version that this libheif allocates.
        unsafe {
            let raw = NonNull::new(sys::heif_decoding_options_alloc());
            let raw = raw.ok_or(Fault::TooLarge { needed: 0 })?;
            let o = raw.as_ptr();
            (*o).ignore_transformations = u8::from(ignore_transforms);
            (*o).convert_hdr_to_8bit = 0;
            (*o).output_image_nclx_profile_passthrough = 1;
            (*o).num_codec_threads = 1;
            // The same fix of Sony's range as in `hevc::code_points`.
            (*o).autocorrect_broken_input = 1;
            Ok(Options(raw))
        }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: allocated by libheif and freed once.
        unsafe { sys::heif_decoding_options_free(self.0.as_ptr()) };
    }
}

/// A decoded picture.
struct Image(NonNull<sys::heif_image>);

impl Image {
    fn colorspace(&self) -> sys::heif_colorspace {
        // SAFETY: the image is valid.
        unsafe { sys::heif_image_get_colorspace(self.0.as_ptr()) }
    }

    fn is_rgb(&self) -> bool {
        self.colorspace() == sys::heif_colorspace_heif_colorspace_RGB
    }

    fn is_grey(&self) -> bool {
        self.colorspace() == sys::heif_colorspace_heif_colorspace_monochrome
    }

    /// Its planes in the order Y, Cb, Cr or G, B, R.
    fn channels(&self) -> [sys::heif_channel; 3] {
        if self.is_rgb() {
            [
                sys::heif_channel_heif_channel_G,
                sys::heif_channel_heif_channel_B,
                sys::heif_channel_heif_channel_R,
            ]
        } else {
            [
                sys::heif_channel_heif_channel_Y,
                sys::heif_channel_heif_channel_Cb,
                sys::heif_channel_heif_channel_Cr,
            ]
        }
    }

    fn channel_size(&self, channel: sys::heif_channel) -> (u32, u32) {
        // SAFETY: the image is valid; a channel that it has not gives -1.
        let (w, h) = unsafe {
            (
                sys::heif_image_get_width(self.0.as_ptr(), channel),
                sys::heif_image_get_height(self.0.as_ptr(), channel),
            )
        };
        (w.max(0) as u32, h.max(0) as u32)
    }

    fn size(&self) -> (u32, u32) {
        self.channel_size(self.channels()[0])
    }

    fn bits(&self, channel: sys::heif_channel) -> u8 {
        // SAFETY: the image is valid; a channel that it has not gives -1.
        let bits = unsafe { sys::heif_image_get_bits_per_pixel_range(self.0.as_ptr(), channel) };
        bits.clamp(0, 255) as u8
    }

    /// Chroma and depth, if it consists of planes that can be shrunk.
    fn shape(&self) -> Result<(Chroma, u8), Fault> {
        // SAFETY: the image is valid.
        let chroma = unsafe { sys::heif_image_get_chroma_format(self.0.as_ptr()) };
        let chroma = match chroma {
            sys::heif_chroma_heif_chroma_planar if self.is_rgb() => Chroma::C444,
            sys::heif_chroma_heif_chroma_planar if self.is_grey() => Chroma::Monochrome,
            sys::heif_chroma_heif_chroma_420 => Chroma::C420,
            sys::heif_chroma_heif_chroma_422 => Chroma::C422,
            sys::heif_chroma_heif_chroma_444 => Chroma::C444,
            _ => return Err(Fault::unsupported("its pixels are laid out in an unknown way")),
        };
        let channels = self.channels();
        let depth = self.bits(channels[0]);
        let used = if chroma == Chroma::Monochrome { 1 } else { 3 };
        if !(8..=16).contains(&depth) || channels[..used].iter().any(|c| self.bits(*c) != depth) {
            return Err(Fault::unsupported(format!("it has {depth} bits a sample")));
        }
        Ok((chroma, depth))
    }

    /// The samples of one channel.
    fn plane(&self, channel: sys::heif_channel, depth: u8) -> Result<Plane<'_>, Fault> {
        let (width, height) = self.channel_size(channel);
        let mut stride = 0usize;
        // SAFETY: the image is valid and `stride` is written; a channel that it has not gives null.
        let data = unsafe { sys::heif_image_get_plane_readonly2(self.0.as_ptr(), channel, &mut stride) };
        let row = width as usize * if depth > 8 { 2 } else { 1 };
        if data.is_null() || height == 0 || row == 0 || stride < row {
            return Err(Fault::corrupt("a colour channel is missing"));
        }
        let len = (height as usize - 1) * stride + row;
        // SAFETY: libheif holds `height` rows of `stride` bytes for the channel; `len` ends with the last sample.
        Ok(Plane { data: unsafe { std::slice::from_raw_parts(data, len) }, stride })
    }

    fn planes(&self) -> Result<[Plane<'_>; 3], Fault> {
        let (chroma, depth) = self.shape()?;
        let [y, cb, cr] = self.channels();
        let none = Plane { data: &[], stride: 0 };
        let first = self.plane(y, depth)?;
        if chroma == Chroma::Monochrome {
            return Ok([first, none, none]);
        }
        Ok([first, self.plane(cb, depth)?, self.plane(cr, depth)?])
    }

    /// The alpha plane at the colours' depth, and its stride, if there is one.
    fn alpha(&self, depth: u8) -> Result<Option<(Vec<u8>, usize)>, Fault> {
        let channel = sys::heif_channel_heif_channel_Alpha;
        // SAFETY: the image is valid.
        if unsafe { sys::heif_image_has_channel(self.0.as_ptr(), channel) } == 0 {
            return Ok(None);
        }
        let own_depth = self.bits(channel);
        let (width, height) = self.channel_size(channel);
        if !(8..=16).contains(&own_depth) || (width, height) != self.size() {
            return Ok(None);
        }
        let plane = self.plane(channel, own_depth)?;
        let (own_max, max) = ((1u32 << own_depth) - 1, (1u32 << depth) - 1);
        let mut out = Vec::with_capacity(width as usize * height as usize * if depth > 8 { 2 } else { 1 });
        for row in plane.data.chunks(plane.stride) {
            for x in 0..width as usize {
                let v = match own_depth {
                    8 => u32::from(row[x]),
                    _ => u32::from(u16::from_ne_bytes([row[2 * x], row[2 * x + 1]])),
                };
                let v = (v.min(own_max) * max + own_max / 2) / own_max;
                match depth {
                    8 => out.push(v as u8),
                    _ => out.extend((v as u16).to_ne_bytes()),
                }
            }
        }
        let stride = out.len() / height as usize;
        Ok(Some((out, stride)))
    }

    fn is_premultiplied(&self) -> bool {
        // SAFETY: the image is valid.
        unsafe { sys::heif_image_is_premultiplied_alpha(self.0.as_ptr()) != 0 }
    }

    /// Code points of the decoded planes, completed by the file's.
    fn cicp(&self, stated: Option<Cicp>) -> Cicp {
        let mut profile = ptr::null_mut();
        // SAFETY: the image is valid; the profile is freed in `cicp_of`.
        let own = unsafe {
            sys::heif_image_get_nclx_color_profile(self.0.as_ptr(), &mut profile);
            cicp_of(profile)
        };
        let mut cicp = own.or(stated).unwrap_or(Cicp {
            primaries: UNSPECIFIED,
            transfer: UNSPECIFIED,
            matrix: UNSPECIFIED,
            full_range: true,
        });
        if self.is_rgb() {
            (cicp.matrix, cicp.full_range) = (0, true);
        }
        cicp
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: given by libheif and released once.
        unsafe { sys::heif_image_release(self.0.as_ptr()) };
    }
}
