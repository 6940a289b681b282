//! Video to one picture, by FFmpeg.
//!
//! The picture is a key frame with visible content: several positions are tried, and black, white, flat and
//! fading frames lose ([`choice`]). If no key frame is usable (a short clip with a single one, which is
//! black), the frames after it are decoded, too, within a budget.
//!
//! Promises: reads through the [`Source`] only, and no files that it refers to; one thread; limited probing
//! and CPU time; upright by the display matrix, square pixels, HDR tone-mapped. Facts are inspect's;
//! [`probe`] supports the containers for which inspect has no reader.

mod choice;
mod container;
mod interlaced;

use self::choice::Look;
use self::container::Container;
use super::colour::Cicp;
use super::colour::cicp::UNSPECIFIED;
use super::ffmpeg::{Decoder, Frame, Packet, allowed};
use super::planes::{Crop, Shrinker};
use crate::pixels::{Fit, Pixels};
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{Admission, Facts, Format};
use albumen_formats::bytes::Reader;
use albumen_formats::sniff::sniff;
use std::collections::HashSet;

/// Positions at which key frames are tried, as parts of the duration: first where most videos have typical
/// content.
const PLACES: [f64; 7] = [0.33, 0.5, 0.2, 0.67, 0.1, 0.85, 0.0];
/// The maximum number of key frames tried in a file that cannot be searched.
const KEY_FRAMES_IN_ORDER: usize = 12;
/// The CPU seconds for everything; the deadline of a file is 20.
const CPU_BUDGET_S: f64 = 8.0;
/// CPU seconds for improving on an acceptable key frame.
const CPU_TO_IMPROVE_S: f64 = 1.5;
/// When frames are decoded in order, one in this many is measured.
const LOOK_AT_EVERY: usize = 8;
/// The search for a frame better than an acceptable key frame ends when this many frames in a row do not
/// increase the score by the factor below: the scene is pale, not a fade.
const LOOKS_WITHOUT_GAIN: usize = 2;
const GAIN: f32 = 1.05;
/// The maximum number of reference frames of a decoder besides the current one, by H.264 and HEVC.
const REFERENCE_FRAMES: u64 = 16;
/// FFmpeg's frames when decoding key frames: the current one, the best so far, tables and packets.
const KEY_FRAME_COPIES: u64 = 4;
/// Memory besides pictures: the container's index and FFmpeg's buffers.
const CONTAINER_BYTES: u64 = 8 << 20;

/// FFmpeg's facts of a video.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VideoFacts {
    /// FFmpeg's short name: `hevc`, `h264`.
    pub codec: String,
    /// As coded, pixels.
    pub width: u32,
    pub height: u32,
    /// Upright, with square pixels.
    pub display_width: u32,
    pub display_height: u32,
    /// The EXIF value equivalent to the display matrix.
    pub orientation: u8,
    /// Frames per second, on average.
    pub fps: Option<f64>,
    pub duration_s: Option<f64>,
    /// The audio codec's short name, or `none`.
    pub audio: String,
}

/// The container's facts, without decoding the picture.
pub fn probe(source: &Source) -> Result<VideoFacts, Fault> {
    let container = Container::open(source, format_of(source, None)?, CPU_BUDGET_S)?;
    let video = container.video()?;
    let (width, height) = video.size;
    let (display_width, display_height) = video.orientation.size(square(video.size, video.pixel_aspect));
    Ok(VideoFacts {
        codec: video.codec,
        width,
        height,
        display_width,
        display_height,
        orientation: video.orientation.exif(),
        fps: video.fps,
        duration_s: video.duration_s,
        audio: container.audio().unwrap_or_else(|| "none".into()),
    })
}

/// One representative frame: upright, sRGB, exactly `fit(display size)` pixels.
pub fn decode(
    source: &Source,
    facts: &Facts,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    let mut search = Search::open(source, facts, admission)?;
    search.key_frames()?;
    let poor = search.best.as_ref().is_none_or(|(look, _)| !look.would_do());
    if poor || search.best.as_ref().is_some_and(|(look, _)| !look.is_good()) {
        search.in_order(admission, if poor { CPU_BUDGET_S } else { CPU_TO_IMPROVE_S })?;
    }
    search.finish(fit, admission)
}

/// The very first frame: for image sequences.
pub fn first_picture(
    source: &Source,
    facts: &Facts,
    fit: Fit<'_>,
    admission: &dyn Admission,
) -> Result<Pixels, Fault> {
    let mut search = Search::open(source, facts, admission)?;
    search.next_key_frame()?;
    search.finish(fit, admission)
}

/// The format of a file: from its facts, else detected from its bytes.
fn format_of(source: &Source, known: Option<Format>) -> Result<Format, Fault> {
    known.or_else(|| sniff(&Reader::new(source))).ok_or_else(|| Fault::unsupported("it is no video"))
}

/// The size with square pixels: the width is adjusted.
fn square(size: (u32, u32), aspect: (i32, i32)) -> (u32, u32) {
    let wide = f64::from(size.0) * f64::from(aspect.0) / f64::from(aspect.1);
    match wide.round() {
        // An aspect outside of all formats is an error in the file.
        w if w >= 1.0 && w < f64::from(size.0) * 4.0 && w > f64::from(size.0) / 4.0 => (w as u32, size.1),
        _ => size,
    }
}

/// The search for a frame.
struct Search {
    container: Container,
    video: container::Video,
    decoder: Decoder,
    packet: Packet,
    best: Option<(Look, Frame)>,
    /// Key packets that have been decoded.
    seen: HashSet<(i64, i64)>,
    frame_bytes: u64,
}

impl Search {
    fn open(source: &Source, facts: &Facts, admission: &dyn Admission) -> Result<Search, Fault> {
        let container = Container::open(source, format_of(source, facts.format)?, CPU_BUDGET_S)?;
        let video = container.video()?;
        let pixels = u64::from(video.size.0) * u64::from(video.size.1);
        // 4:2:2 at 10 bits, the most that cameras write.
        let frame_bytes = pixels * 4;
        admission.admit(frame_bytes * KEY_FRAME_COPIES / 2 + CONTAINER_BYTES)?;
        let max_pixels = (i64::from(video.size.0) + 256) * (i64::from(video.size.1) + 256) * 2;
        let decoder = container.decoder(&video, max_pixels)?;
        Ok(Search {
            container,
            video,
            decoder,
            packet: Packet::new()?,
            best: None,
            seen: HashSet::new(),
            frame_bytes,
        })
    }

    /// Measures key frames at several positions, until one is good.
    fn key_frames(&mut self) -> Result<(), Fault> {
        let mut searched = false;
        if let Some(duration) = self.video.duration_s.filter(|d| *d > 0.0) {
            for place in PLACES {
                if self.container.is_spent() {
                    return Ok(());
                }
                if !self.container.seek(&self.video, duration * place) {
                    continue;
                }
                searched = true;
                self.next_key_frame()?;
                if self.best.as_ref().is_some_and(|(look, _)| look.is_good()) {
                    return Ok(());
                }
            }
        }
        if !searched || self.best.is_none() {
            self.container.rewind(&self.video)?;
            // Earlier frames may have failed because data before them was missing.
            self.seen.clear();
            for _ in 0..KEY_FRAMES_IN_ORDER {
                if !self.next_key_frame()? || self.best.as_ref().is_some_and(|(look, _)| look.is_good()) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Decodes the next key packet that was not decoded yet; false at the end of the file.
    fn next_key_frame(&mut self) -> Result<bool, Fault> {
        while self.container.read(&mut self.packet)? {
            if self.packet.stream() != self.video.stream || !self.packet.is_key() {
                continue;
            }
            if !self.seen.insert(self.packet.identity()) {
                return Ok(true);
            }
            let mut frame = Frame::new()?;
            if self.decoder.decode_alone(&self.packet, &mut frame) {
                self.consider(frame)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Decodes in order from the key frame before the middle, measuring every few frames.
    fn in_order(&mut self, admission: &dyn Admission, cpu_s: f64) -> Result<(), Fault> {
        let bytes = self.frame_bytes / 2 * (REFERENCE_FRAMES + KEY_FRAME_COPIES) + CONTAINER_BYTES;
        if admission.admit(bytes).is_err() {
            return Ok(()); // Then the best key frame is used.
        }
        self.container.set_budget(cpu_s);
        let middle = self.video.duration_s.unwrap_or(0.0) / 2.0;
        // If no key frame was found by searching, only the start is certain to be one.
        if self.best.is_none() || !self.container.seek(&self.video, middle) {
            self.container.rewind(&self.video)?;
        }
        self.decoder.flush();
        let (mut count, mut in_vain) = (0, 0);
        let mut more = true;
        while more && !self.container.is_spent() {
            more = self.container.read(&mut self.packet)?;
            if more && self.packet.stream() != self.video.stream {
                continue;
            }
            if !self.decoder.send(more.then_some(&self.packet)) {
                continue;
            }
            let mut frame = Frame::new()?;
            while self.decoder.receive(&mut frame) {
                count += 1;
                if count % LOOK_AT_EVERY == 0 {
                    let before =
                        self.best.as_ref().filter(|(look, _)| look.would_do()).map(|(look, _)| look.score());
                    self.consider(std::mem::replace(&mut frame, Frame::new()?))?;
                    let Some((look, _)) = &self.best else { continue };
                    let gained = before.is_none_or(|before| look.score() > before * GAIN);
                    in_vain = if gained { 0 } else { in_vain + 1 };
                    if look.is_good() || in_vain == LOOKS_WITHOUT_GAIN {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps the frame if it is better than the best so far.
    fn consider(&mut self, frame: Frame) -> Result<(), Fault> {
        let (width, height) = frame.size();
        if width == 0 || height == 0 || u64::from(width) * u64::from(height) * 2 > self.frame_bytes {
            return Ok(());
        }
        let frame = frame.planar()?;
        let Some(look) = Look::of(&frame) else { return Ok(()) };
        if self.best.as_ref().is_none_or(|(best, _)| look.score() > best.score()) {
            self.best = Some((look, frame));
        }
        Ok(())
    }

    fn finish(self, fit: Fit<'_>, admission: &dyn Admission) -> Result<Pixels, Fault> {
        let Search { container, video, decoder, packet, best, .. } = self;
        let Some((_, frame)) = best else {
            return Err(match container.read_fault() {
                Some(fault) => fault,
                None if container.is_spent() => {
                    Fault::TimedOut { why: "no frame could be decoded in time".into() }
                }
                None => Fault::corrupt("none of its frames can be decoded"),
            });
        };
        drop((decoder, packet));
        let format = frame.format().ok_or_else(|| Fault::unsupported("its frames are of an unknown kind"))?;
        // The container's size, as in the facts: a stream may change its size later.
        let upright = video.orientation.size(square(video.size, video.pixel_aspect));
        let fitted = fit(upright.0, upright.1);
        let size = video.orientation.size((fitted.0.max(1), fitted.1.max(1)));
        admission.admit(
            format.bytes_per_row() * u64::from(format.height) * 2
                + Shrinker::cost(format, size)
                + CONTAINER_BYTES,
        )?;
        let mut cicp = frame.cicp();
        if cicp.matrix == UNSPECIFIED {
            // As players assume: high definition is BT.709.
            cicp.matrix = if format.height >= 720 || format.width >= 1280 { 1 } else { 6 };
        }
        if video.is_ipt {
            cicp = Cicp::IPT_PQ_C2;
        }
        let crop = Crop { x: 0, y: 0, width: format.width, height: format.height };
        let mut shrinker = Shrinker::new(format, crop, size, cicp);
        let damaged = frame.is_damaged();
        if let Some(band) = frame.band() {
            if frame.is_interlaced() {
                shrinker.push(&interlaced::Woven::of(&band, format).band());
            } else {
                shrinker.push(&band);
            }
        }
        drop((frame, container));
        let mut pixels = shrinker.finish(None, video.orientation);
        pixels.damaged = damaged.then(|| "the frame could only be decoded in part".into());
        Ok(pixels)
    }
}

/// Opens and closes each decoder once, so that FFmpeg's one-time initialisation is done.
pub fn warm_up() {
    for (codec, _) in allowed::DECODERS {
        // An FFmpeg without one of them reports it when a file needs it.
        let _ = Decoder::open(*codec, &[], 1 << 20);
    }
    // If a format has several demuxers, all of them probe a file.
    let _ = Container::open(&Source::from_bytes(vec![0; 64]), Format::Mpeg, CPU_BUDGET_S);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_become_square() {
        assert_eq!(square((1440, 1080), (4, 3)), (1920, 1080));
        assert_eq!(square((720, 576), (16, 15)), (768, 576));
        assert_eq!(square((640, 480), (1, 1)), (640, 480));
        assert_eq!(square((640, 480), (100_000, 1)), (640, 480));
    }

    /// Whole files of formats that FFmpeg reads but Albumen does not support, opened as every format.
    #[test]
    fn no_other_demuxer_is_reached() {
        let wave = [
            b"RIFF\x34\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x10\0\0\0",
            &[128; 16][..],
        ]
        .concat();
        let sun = [&b".snd\0\0\0\x18\0\0\x01\0\0\0\0\x01\0\0\x1f\x40\0\0\0\x01"[..], &[255; 256]].concat();
        let frames = [&b"YUV4MPEG2 W16 H16 F25:1 Ip A1:1 C420\nFRAME\n"[..], &[0; 384]].concat();
        let list = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n".to_vec();
        let script = b"ffconcat version 1.0\nfile /etc/passwd\n".to_vec();
        let text = b"1\n00:00:00,000 --> 00:00:01,000\nwords\n".to_vec();
        for format in Format::all() {
            for bytes in [&wave, &sun, &frames, &list, &script, &text] {
                let opened = Container::open(&Source::from_bytes(bytes.clone()), format, CPU_BUDGET_S);
                let video = opened.and_then(|c| c.video().map(drop));
                assert!(video.is_err(), "{format:?}: {:?}", String::from_utf8_lossy(&bytes[..16]));
            }
        }
    }

    #[test]
    fn what_is_no_video_is_refused() {
        for bytes in [Vec::new(), vec![0; 4096], b"#EXTM3U\nhttp://example.org/a.ts\n".to_vec()] {
            assert!(probe(&Source::from_bytes(bytes)).is_err());
        }
    }
}
