//! MPEG transport streams (AVCHD, broadcast) and program streams (DVD camcorders): no header describes their
//! contents, so the first packets are read until the first picture's parameters are found, and the last time stamp
//! gives the duration.
//!
//! Invariant: reads at most [`HEAD`] bytes from the start and [`TAIL`] from the end.

mod parameter_sets;

use super::Findings;
use super::bytes::Reader;
use super::movie::{Movie, stretch};
use super::sniff::transport_packet;
pub use parameter_sets::size_of_avc_record;
use parameter_sets::{Picture, h264, hevc, units};
use std::collections::BTreeMap;

/// Enough for the tables and the first picture of a 50 Mbit/s stream.
const HEAD: usize = 2 * 1024 * 1024;
/// Enough for the last time stamp.
const TAIL: usize = 512 * 1024;
/// Units of time stamps per second.
const CLOCK_HZ: f64 = 90_000.0;
/// They wrap at 33 bits.
const CLOCK_WRAP: u64 = 1 << 33;

// ------------------------------------------------------------------------------------------ transport

pub fn read_transport(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    let view = reader.view();
    let head = view.head(HEAD);
    let Some((size, first)) = transport_packet(&head) else { return found };
    let (size, first) = (size as usize, first as usize);
    let mut tables = Tables::default();
    for packet in packets(&head, first, size) {
        tables.take(packet);
    }
    let streams = tables.streams;
    let video = streams.iter().find_map(|(pid, kind)| video_codec(*kind).map(|c| (*pid, c)));
    let audio = streams.values().find_map(|kind| audio_codec(*kind));
    let Some((pid, codec)) = video else {
        found.movie_mut().audio = audio.map(str::to_owned);
        return found;
    };
    let mut stream = Vec::new();
    let mut first_stamp = None;
    for p in packets(&head, first, size).filter_map(Packet::read).filter(|p| p.pid == pid) {
        if p.starts {
            if first_stamp.is_none() {
                first_stamp = presentation_time(p.payload);
            }
            stream.extend_from_slice(pes_payload(p.payload));
        } else {
            stream.extend_from_slice(p.payload);
        }
    }
    // The alignment of packets in the head also applies to the tail.
    let from = view.len().saturating_sub(TAIL as u64);
    let from = from - from % size as u64;
    let tail = view.from(from).head(TAIL + size);
    let last_stamp = packets(&tail, first, size)
        .filter_map(Packet::read)
        .filter(|p| p.pid == pid && p.starts)
        .filter_map(|p| presentation_time(p.payload))
        .max();
    finish(&mut found, codec, &stream, first_stamp.zip(last_stamp));
    found.movie_mut().audio = audio.map(str::to_owned);
    found
}

fn packets(bytes: &[u8], first: usize, size: usize) -> impl Iterator<Item = &[u8]> {
    bytes.get(first..).unwrap_or_default().chunks(size).filter_map(|p| p.get(..188)).filter(|p| p[0] == 0x47)
}

struct Packet<'a> {
    pid: u16,
    starts: bool,
    payload: &'a [u8],
}

impl<'a> Packet<'a> {
    fn read(p: &'a [u8]) -> Option<Packet<'a>> {
        let pid = u16::from_be_bytes([p[1] & 0x1F, p[2]]);
        let mut at = 4;
        if p[3] & 0x20 != 0 {
            at += 1 + usize::from(p[4]);
        }
        let payload = if p[3] & 0x10 != 0 { p.get(at..)? } else { return None };
        Some(Packet { pid, starts: p[1] & 0x40 != 0, payload })
    }
}

/// The programme's tables: the streams of the packets.
#[derive(Default)]
struct Tables {
    programme: Option<u16>,
    streams: BTreeMap<u16, u8>,
}

impl Tables {
    fn take(&mut self, packet: &[u8]) -> Option<()> {
        let p = Packet::read(packet).filter(|p| p.starts)?;
        // A pointer gives the start of the section.
        let section = p.payload.get(1 + usize::from(*p.payload.first()?)..)?;
        if p.pid == 0 && self.programme.is_none() {
            // Programme number 0 is the network's table.
            self.programme = section.get(8..)?.chunks_exact(4).find(|e| e[0] != 0 || e[1] != 0).map(pid);
        } else if Some(p.pid) == self.programme && self.streams.is_empty() {
            let length = usize::from(u16::from_be_bytes([section.get(1)? & 0x0F, *section.get(2)?]));
            let end = (3 + length).saturating_sub(4).min(section.len());
            let mut at = 12 + usize::from(u16::from_be_bytes([section.get(10)? & 0x0F, *section.get(11)?]));
            while at + 5 <= end {
                let e = &section[at..];
                self.streams.insert(u16::from_be_bytes([e[1] & 0x1F, e[2]]), e[0]);
                at += 5 + usize::from(u16::from_be_bytes([e[3] & 0x0F, e[4]]));
            }
        }
        Some(())
    }
}

fn pid(entry: &[u8]) -> u16 {
    u16::from_be_bytes([entry[2] & 0x1F, entry[3]])
}

/// FFmpeg's short names of stream types.
fn video_codec(kind: u8) -> Option<&'static str> {
    match kind {
        0x01 => Some("mpeg1video"),
        0x02 => Some("mpeg2video"),
        0x10 => Some("mpeg4"),
        0x1B => Some("h264"),
        0x24 => Some("hevc"),
        0xEA => Some("vc1"),
        _ => None,
    }
}

fn audio_codec(kind: u8) -> Option<&'static str> {
    match kind {
        0x03 | 0x04 => Some("mp2"),
        0x0F => Some("aac"),
        0x11 => Some("aac_latm"),
        0x80 => Some("pcm_bluray"),
        0x81 => Some("ac3"),
        0x82 | 0x85 | 0x86 => Some("dts"),
        0x83 => Some("truehd"),
        0x84 | 0x87 => Some("eac3"),
        _ => None,
    }
}

// -------------------------------------------------------------------------------------------- program

pub fn read_program(reader: &Reader) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    let view = reader.view();
    let head = view.head(HEAD);
    let tail = view.from(view.len().saturating_sub(TAIL as u64)).head(TAIL);
    let mut stream = Vec::new();
    let (mut audio, mut first_stamp, mut last_stamp) = (None, None, None);
    if head.starts_with(b"\0\0\x01\xb3") {
        // A bare video stream.
        stream.extend_from_slice(&head);
    }
    for (id, payload) in pes_packets(&head) {
        match id {
            0xE0..=0xEF => {
                if first_stamp.is_none() {
                    first_stamp = presentation_time(payload);
                }
                stream.extend_from_slice(pes_payload(payload));
            }
            0xC0..=0xDF => audio = audio.or(Some("mp2")),
            // DVD's private stream: the sub-stream's number defines the codec.
            0xBD => {
                audio = audio.or(match pes_payload(payload).first() {
                    Some(0x80..=0x87) => Some("ac3"),
                    Some(0x88..=0x8F) => Some("dts"),
                    Some(0xA0..=0xA7) => Some("pcm_dvd"),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    for (_, payload) in pes_packets(&tail).filter(|(id, _)| (0xE0..=0xEF).contains(id)) {
        last_stamp = presentation_time(payload).max(last_stamp);
    }
    let codec =
        if stream.windows(4).take(4096).any(|w| w == b"\0\0\x01\xb5") { "mpeg2video" } else { "mpeg1video" };
    finish(&mut found, codec, &stream, first_stamp.zip(last_stamp));
    found.movie_mut().audio = audio.map(str::to_owned);
    found
}

/// A bare stream of H.264 or HEVC, as old cameras and editors write it: it has no times.
pub fn read_bare(reader: &Reader, codec: &str) -> Findings {
    let mut found = Findings { movie: Some(Movie::default()), ..Findings::default() };
    finish(&mut found, codec, &reader.view().head(HEAD), None);
    found
}

/// The codec of a bare stream of H.264 or HEVC, by its first units: valid parameter sets.
pub fn bare_codec(head: &[u8]) -> Option<&'static str> {
    if !head.starts_with(b"\0\0\0\x01") && !head.starts_with(b"\0\0\x01") {
        return None;
    }
    match units(head).next()? {
        // A delimiter, supplemental information, or a sequence parameter set.
        [0x06 | 0x09 | 0x27 | 0x47 | 0x67, ..] => h264(head).map(|_| "h264"),
        [0x40 | 0x42 | 0x46 | 0x4E, 0x01, ..] => hevc(head).map(|_| "hevc"),
        _ => None,
    }
}

/// Packets of elementary streams, each from its start code.
fn pes_packets(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += memchr::memmem::find(bytes.get(at..)?, b"\0\0\x01")?;
            let id = *bytes.get(at + 3)?;
            if !(0xBD..=0xEF).contains(&id) {
                at += 4;
                continue;
            }
            let length = usize::from(u16::from_be_bytes([*bytes.get(at + 4)?, *bytes.get(at + 5)?]));
            let end = (at + 6 + length).min(bytes.len());
            let packet = &bytes[at..end];
            at = end;
            return Some((id, packet));
        }
    })
}

// ----------------------------------------------------------------------------------- packets and streams

/// Length of a packet's header, from its start code.
fn pes_header(packet: &[u8]) -> usize {
    match packet.get(6) {
        // MPEG-2: flags, then the length of the rest.
        Some(b) if b & 0xC0 == 0x80 => 9 + usize::from(packet.get(8).copied().unwrap_or(0)),
        // MPEG-1: stuffing, buffer size, stamps.
        Some(_) => {
            let mut at = 6 + packet[6..].iter().take_while(|&&b| b == 0xFF).count();
            if packet.get(at).is_some_and(|b| b & 0xC0 == 0x40) {
                at += 2;
            }
            match packet.get(at).map(|b| b >> 4) {
                Some(2) => at + 5,
                Some(3) => at + 10,
                _ => at + 1,
            }
        }
        None => packet.len(),
    }
}

fn pes_payload(packet: &[u8]) -> &[u8] {
    if packet.starts_with(b"\0\0\x01") {
        packet.get(pes_header(packet)..).unwrap_or_default()
    } else {
        packet
    }
}

/// The presentation time stamp of a packet.
fn presentation_time(packet: &[u8]) -> Option<u64> {
    if !packet.starts_with(b"\0\0\x01") {
        return None;
    }
    let at = if packet.get(6)? & 0xC0 == 0x80 {
        if packet.get(7)? & 0x80 == 0 {
            return None;
        }
        9
    } else {
        let at = 6 + packet[6..].iter().take_while(|&&b| b == 0xFF).count();
        let at = if packet.get(at)? & 0xC0 == 0x40 { at + 2 } else { at };
        if !matches!(packet.get(at)? >> 4, 2 | 3) {
            return None;
        }
        at
    };
    let b: [u64; 5] = std::array::from_fn(|i| packet.get(at + i).copied().unwrap_or(0).into());
    Some((b[0] >> 1 & 7) << 30 | b[1] << 22 | (b[2] >> 1) << 15 | b[3] << 7 | b[4] >> 1)
}

fn finish(found: &mut Findings, codec: &str, stream: &[u8], stamps: Option<(u64, u64)>) {
    let picture = match codec {
        "h264" => h264(stream),
        "hevc" => hevc(stream),
        "mpeg1video" | "mpeg2video" => mpeg12(stream),
        _ => None,
    };
    let date = (codec == "h264").then(|| avchd_date(stream)).flatten();
    let movie = found.movie_mut();
    movie.video_codec = Some(codec.to_owned());
    movie.has_video = true;
    movie.other_date = date.map(|d| ("avchd:DateTimeOriginal", d));
    if let Some((a, b)) = stamps {
        let ticks = b.wrapping_sub(a) & (CLOCK_WRAP - 1);
        // One more picture is shown after the last time stamp.
        let frame = picture.as_ref().and_then(|p| p.fps).map_or(0.0, |f| 1.0 / f);
        movie.duration_s = Some(ticks as f64 / CLOCK_HZ + frame).filter(|d| *d > 0.0 && *d < 86_400.0 * 2.0);
    }
    if let Some(p) = picture {
        movie.fps = p.fps;
        found.coded = Some((p.width, p.height));
        found.display = Some(stretch(p.width, p.height, p.aspect, 1));
        found.orientation = Some(1);
    }
}

/// The sequence header of MPEG-1 and MPEG-2.
fn mpeg12(stream: &[u8]) -> Option<Picture> {
    let at = memchr::memmem::find(stream, b"\0\0\x01\xb3")?;
    let h = stream.get(at + 4..at + 8)?;
    let width = u32::from(h[0]) << 4 | u32::from(h[1] >> 4);
    let height = u32::from(h[1] & 0x0F) << 8 | u32::from(h[2]);
    let shape = match h[3] >> 4 {
        2 => Some(4.0 / 3.0),
        3 => Some(16.0 / 9.0),
        4 => Some(2.21),
        _ => None,
    };
    // MPEG-2 defines the aspect ratio of the picture, MPEG-1 that of a pixel; only the former is in use.
    let is_2 = memchr::memmem::find(stream, b"\0\0\x01\xb5").is_some();
    let aspect = shape.filter(|_| is_2).map_or(1.0, |s| s * f64::from(height) / f64::from(width.max(1)));
    let fps = match h[3] & 15 {
        1 => Some(24_000.0 / 1001.0),
        2 => Some(24.0),
        3 => Some(25.0),
        4 => Some(30_000.0 / 1001.0),
        5 => Some(30.0),
        6 => Some(50.0),
        7 => Some(60_000.0 / 1001.0),
        8 => Some(60.0),
        _ => None,
    };
    (width > 0 && height > 0).then_some(Picture { width, height, aspect, fps })
}

/// The recording date that AVCHD cameras write into the stream: "MDPM" fields in binary-coded decimals.
fn avchd_date(stream: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"\x17\xee\x8c\x60\xf8\x4d\x11\xd9\x8c\xd6\x08\x00\x20\x0c\x9a\x66MDPM";
    let at = memchr::memmem::find(stream, MARK)? + MARK.len();
    let fields = stream.get(at + 1..)?.chunks_exact(5).take(usize::from(*stream.get(at)?));
    let (mut day, mut clock) = (None, None);
    for f in fields {
        match f[0] {
            // Zone, century, year, month; then day, hour, minute, second.
            0x18 => day = Some((f[2], f[3], f[4])),
            0x19 => clock = Some((f[1], f[2], f[3], f[4])),
            _ => {}
        }
    }
    let ((century, year, month), (d, h, mi, s)) = day.zip(clock)?;
    Some(format!("{century:02x}{year:02x}-{month:02x}-{d:02x} {h:02x}:{mi:02x}:{s:02x}"))
}

#[cfg(test)]
mod tests;
