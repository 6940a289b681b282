//! The bytes of one strip or tile, unpacked as they are read: uncompressed, PackBits, LZW (also of before
//! TIFF 5.0), Deflate, CCITT's run lengths and groups 3 and 4.

use albumen_core::fault::Fault;
use albumen_core::source::Source;
use fax::decoder::{DecodeStatus, Group3Decoder, Group4Decoder, pels};
use fax::{BitReader, ByteReader, Color, maps};
use std::io::{self, BufRead, BufReader, Read};
use weezl::BitOrder;

/// Bytes read from the file at a time.
const INPUT_BYTES: usize = 16 << 10;
/// The memory of one reader: its input, and a dictionary or an inflater's window.
pub(super) const READER_BYTES: u64 = 128 << 10;

/// TIFF's Compression tag.
pub(super) mod compression {
    pub(crate) const NONE: u32 = 1;
    /// The codes of group 3, each row by itself and byte-aligned, without ends of lines.
    pub(crate) const RUN_LENGTHS: u32 = 2;
    pub(crate) const GROUP_3: u32 = 3;
    pub(crate) const GROUP_4: u32 = 4;
    pub(crate) const OLD_JPEG: u32 = 6;
    pub(crate) const LZW: u32 = 5;
    pub(crate) const JPEG: u32 = 7;
    pub(crate) const DEFLATE: u32 = 8;
    pub(crate) const PACK_BITS: u32 = 32_773;
    pub(crate) const OLD_DEFLATE: u32 = 32_946;
}

/// A part of a file.
struct Section {
    source: Source,
    at: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let n = self.source.read_at(self.at, &mut buf[..want])?;
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

/// How the bytes of a chunk are packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    /// One of [`compression`].
    pub method: u32,
    /// The lowest bit of a byte comes first.
    pub reversed_bits: bool,
    /// Group 3 in its two-dimensional form.
    pub two_dimensional: bool,
}

/// The end of line that group 3 requires after each line, and six of them after the last one. Most writers
/// omit both at the end of a strip.
const ENDS_OF_LINES: &[u8] = &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1];

/// The decoder reads more bits than a code has; these follow the last code.
const LOOK_AHEAD: &[u8] = &[0, 0];

/// Whether LZW has its codes' low bits first, as before TIFF 5.0: detected by the first code, which clears
/// the table.
fn is_old_lzw(packed: &[u8]) -> bool {
    matches!(packed, [0, second, ..] if second & 1 == 1)
}

/// A reader of the unpacked bytes of one chunk. `width` is in pixels, for the bilevel codes.
pub(super) fn open(
    source: &Source,
    (at, length): (u64, u64),
    packing: Packing,
    width: u32,
) -> Result<Box<dyn Read>, Fault> {
    let section = BufReader::with_capacity(INPUT_BYTES, Section { source: source.clone(), at, left: length });
    let method = packing.method;
    let mut input: Box<dyn BufRead> = if packing.reversed_bits {
        Box::new(BufReader::with_capacity(INPUT_BYTES, Reversed(section)))
    } else {
        Box::new(section)
    };
    Ok(match method {
        compression::NONE => Box::new(input),
        compression::PACK_BITS => Box::new(PackBits { input, literal: 0, repeat: 0, value: 0 }),
        compression::LZW => {
            let decoder = if is_old_lzw(input.fill_buf()?) {
                weezl::decode::Decoder::new(BitOrder::Lsb, 8)
            } else {
                weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8)
            };
            Box::new(Lzw { decoder, input, ended: false })
        }
        compression::DEFLATE | compression::OLD_DEFLATE => Box::new(flate2::bufread::ZlibDecoder::new(input)),
        compression::RUN_LENGTHS | compression::GROUP_3 | compression::GROUP_4 => {
            let width =
                u16::try_from(width).map_err(|_| Fault::unsupported("a fax wider than 65,535 pixels"))?;
            let code = if method == compression::RUN_LENGTHS {
                let input: Box<dyn BufRead> = Box::new(input.chain(LOOK_AHEAD));
                Code::RunLengths(ByteReader::new(input.bytes())?, Vec::new())
            } else if method == compression::GROUP_4 {
                Code::Four(Group4Decoder::new(input.bytes(), width)?)
            } else if packing.two_dimensional {
                return Err(Fault::unsupported("fax of group 3 in two dimensions"));
            } else {
                let input: Box<dyn BufRead> = Box::new(input.chain(ENDS_OF_LINES));
                Code::Three(
                    Group3Decoder::new(input.bytes()).map_err(|_| Fault::corrupt("its fax has no start"))?,
                )
            };
            Box::new(Fax { code, width, row: Vec::new(), given: 0, ended: false })
        }
        other => return Err(Fault::unsupported(format!("TIFF compressed by method {other}"))),
    })
}

/// Bytes with reversed bits (FillOrder 2).
struct Reversed<R>(R);

impl<R: Read> Read for Reversed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buf)?;
        buf[..n].iter_mut().for_each(|b| *b = b.reverse_bits());
        Ok(n)
    }
}

/// Macintosh PackBits.
struct PackBits {
    input: Box<dyn BufRead>,
    literal: usize,
    repeat: usize,
    value: u8,
}

impl Read for PackBits {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            let left = buf.len() - done;
            if self.repeat > 0 {
                let n = self.repeat.min(left);
                buf[done..done + n].fill(self.value);
                (self.repeat, done) = (self.repeat - n, done + n);
            } else if self.literal > 0 {
                let n = self.input.read(&mut buf[done..done + self.literal.min(left)])?;
                if n == 0 {
                    break;
                }
                (self.literal, done) = (self.literal - n, done + n);
            } else {
                let mut code = [0];
                if self.input.read(&mut code)? == 0 {
                    break;
                }
                match code[0] as i8 {
                    n @ 0.. => self.literal = n as usize + 1,
                    -128 => {}
                    n => {
                        self.input.read_exact(std::slice::from_mut(&mut self.value))?;
                        self.repeat = 1 + usize::from(n.unsigned_abs());
                    }
                }
            }
        }
        Ok(done)
    }
}

struct Lzw {
    decoder: weezl::decode::Decoder,
    input: Box<dyn BufRead>,
    ended: bool,
}

impl Read for Lzw {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buf.is_empty() {
            let available = self.input.fill_buf()?;
            let at_end = available.is_empty();
            let result = self.decoder.decode_bytes(available, buf);
            self.input.consume(result.consumed_in);
            match result.status {
                Ok(weezl::LzwStatus::Done) => self.ended = true,
                // The decoder buffers the output of a code, and returns it long after the last input byte.
                Ok(_) if at_end && result.consumed_out == 0 => self.ended = true,
                Ok(_) => {}
                Err(e) if result.consumed_out == 0 => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, e));
                }
                Err(_) => self.ended = true,
            }
            if result.consumed_out > 0 {
                return Ok(result.consumed_out);
            }
        }
        Ok(0)
    }
}

type Input = io::Bytes<Box<dyn BufRead>>;

enum Code {
    /// With the positions where the colour of the current row changes.
    RunLengths(ByteReader<Input>, Vec<u16>),
    Three(Group3Decoder<Input>),
    Four(Group4Decoder<Input>),
}

/// CCITT lines as packed bits; 1 is black.
struct Fax {
    code: Code,
    width: u16,
    row: Vec<u8>,
    given: usize,
    ended: bool,
}

impl Fax {
    fn next_row(&mut self) -> io::Result<()> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "its fax data is broken");
        let (status, changes) = match &mut self.code {
            Code::RunLengths(bits, changes) => {
                run_lengths(bits, self.width, changes).ok_or_else(broken)?;
                (DecodeStatus::Incomplete, changes.as_slice())
            }
            Code::Three(d) => (d.advance().map_err(|_| broken())?, d.transitions()),
            Code::Four(d) => match d.advance().map_err(|_| broken())? {
                // Group 4 reports the end instead of another line; group 3 with its last line.
                DecodeStatus::End => {
                    self.ended = true;
                    return Ok(());
                }
                more => (more, d.transition()),
            },
        };
        self.ended = status == DecodeStatus::End;
        self.row.clear();
        self.row.resize(usize::from(self.width).div_ceil(8), 0);
        for (x, colour) in pels(changes, self.width).enumerate() {
            if colour == fax::Color::Black && x < usize::from(self.width) {
                self.row[x / 8] |= 0x80 >> (x % 8);
            }
        }
        self.given = 0;
        Ok(())
    }
}

/// One row of run lengths, white first; rows are byte-aligned. `None` if there is no code.
fn run_lengths(bits: &mut ByteReader<Input>, width: u16, changes: &mut Vec<u16>) -> Option<()> {
    /// A run of 64 pixels or more is written as several codes, of which only the last is shorter than this.
    const LONG: u16 = 64;
    changes.clear();
    let (mut at, mut colour) = (0u16, Color::White);
    while at < width {
        loop {
            let run = match colour {
                Color::White => maps::white::decode(bits)?,
                Color::Black => maps::black::decode(bits)?,
            };
            at = at.checked_add(run)?;
            if run < LONG {
                break;
            }
        }
        changes.push(at);
        colour = !colour;
    }
    bits.consume(bits.bits_to_byte_boundary()).ok()
}

impl Read for Fax {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.given == self.row.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_row()?;
        }
        let n = buf.len().min(self.row.len() - self.given);
        buf[..n].copy_from_slice(&self.row[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(bytes: &[u8], method: u32) -> Vec<u8> {
        let source = Source::from_bytes(bytes.to_vec());
        let mut out = Vec::new();
        let packing = Packing { method, reversed_bits: false, two_dimensional: false };
        open(&source, (0, source.len()), packing, 8).unwrap().read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn pack_bits_of_the_specification() {
        let packed =
            [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let plain = [
            0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0x22, 0xAA, 0xAA,
            0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA,
        ];
        assert_eq!(unpacked(&packed, compression::PACK_BITS), plain);
    }

    #[test]
    fn group_3_needs_no_end_of_line_behind_its_last_line() {
        // End of line, 8 white; end of line, 8 black, and the strip is over: T.4, tables 2 and 3.
        // 000000000001 10011 | 000000000001 00110101 000101, filled up with zeros.
        let packed = [0x00, 0x19, 0x80, 0x09, 0xA8, 0xA0];
        assert_eq!(unpacked(&packed, compression::GROUP_3)[..2], [0x00, 0xFF]);
    }

    #[test]
    fn run_lengths_begin_each_row_at_a_byte() {
        // 8 white: 10011; 0 white and 8 black: 00110101 000101. T.4, tables 2 and 3.
        let packed = [0b1001_1000, 0b0011_0101, 0b0001_0100];
        let source = Source::from_bytes(packed.to_vec());
        let packing =
            Packing { method: compression::RUN_LENGTHS, reversed_bits: false, two_dimensional: false };
        let mut rows = [0; 2];
        open(&source, (0, source.len()), packing, 8).unwrap().read_exact(&mut rows).unwrap();
        assert_eq!(rows, [0x00, 0xFF]);
    }

    #[test]
    fn lzw_of_before_tiff_5_is_told_by_its_first_code() {
        let plain: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let packed = weezl::encode::Encoder::new(BitOrder::Lsb, 8).encode(&plain).unwrap();
        assert!(is_old_lzw(&packed));
        assert_eq!(unpacked(&packed, compression::LZW), plain);
    }

    #[test]
    fn what_a_few_bytes_of_lzw_stand_for_is_read_in_small_pieces() {
        let plain = vec![220; 1 << 14];
        let packed = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(&plain).unwrap();
        let source = Source::from_bytes(packed);
        let packing = Packing { method: compression::LZW, reversed_bits: false, two_dimensional: false };
        let mut reader = open(&source, (0, source.len()), packing, 8).unwrap();
        let mut rows = [0; 128];
        for row in 0..128 {
            reader.read_exact(&mut rows).unwrap_or_else(|e| panic!("row {row}: {e}"));
            assert_eq!(rows, [220; 128]);
        }
    }

    #[test]
    fn lzw_gives_back_what_was_packed() {
        let plain: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let packed = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(&plain).unwrap();
        assert_eq!(unpacked(&packed, compression::LZW), plain);
    }
}
