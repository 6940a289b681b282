//! Pictures that are not decoded by FFmpeg directly: AVIF, alpha, overlays, derived items, other codecs; by
//! libheif.
//!
//! Promises: one thread; libheif's own security limits are set from the admission; big grids without alpha
//! are decoded a tile at a time, everything else whole; libheif returns the coded planes, which are shrunk
//! and converted by the same code as all others.

mod image;
mod reader;

use super::tiles::TileRow;
use super::transforms;
use crate::decode::colour::{Cicp, cicp::UNSPECIFIED};
use crate::decode::planes::{Alpha, Band, Chroma, Crop, Format, Plane, Shrinker};
use crate::pixels::orient::Orientation;
use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::Admission;
use albumen_formats::heif::items::{Item, Items};
use image::Image;
use libheif_sys as sys;
use reader::{Reader, reader_table};
use std::ffi::CStr;
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
    let renamed = items.and_then(Items::renamed);
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
        Some((items, item)) => transforms((width, height), items.properties_of(item)),
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
    let item = items.shown()?;
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
            Fault::unsupported("a kind of HEIF picture that Albumen does not decode").with_detail(why)
        } else {
            Fault::corrupt("its HEIF data are damaged").with_detail(why)
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
