//! A decoded image of libheif, and its planes.

use super::cicp_of;
use crate::decode::colour::Cicp;
use crate::decode::colour::cicp::UNSPECIFIED;
use crate::decode::planes::{Chroma, Plane};
use albumen_core::fault::Fault;
use libheif_sys as sys;
use std::ptr::{self, NonNull};

/// A decoded picture.
pub(super) struct Image(pub(super) NonNull<sys::heif_image>);

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

    pub(super) fn size(&self) -> (u32, u32) {
        self.channel_size(self.channels()[0])
    }

    fn bits(&self, channel: sys::heif_channel) -> u8 {
        // SAFETY: the image is valid; a channel that it has not gives -1.
        let bits = unsafe { sys::heif_image_get_bits_per_pixel_range(self.0.as_ptr(), channel) };
        bits.clamp(0, 255) as u8
    }

    /// Chroma and depth, if it consists of planes that can be shrunk.
    pub(super) fn shape(&self) -> Result<(Chroma, u8), Fault> {
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

    pub(super) fn planes(&self) -> Result<[Plane<'_>; 3], Fault> {
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
    pub(super) fn alpha(&self, depth: u8) -> Result<Option<(Vec<u8>, usize)>, Fault> {
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

    pub(super) fn is_premultiplied(&self) -> bool {
        // SAFETY: the image is valid.
        unsafe { sys::heif_image_is_premultiplied_alpha(self.0.as_ptr()) != 0 }
    }

    /// Code points of the decoded planes, completed by the file's.
    pub(super) fn cicp(&self, stated: Option<Cicp>) -> Cicp {
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
