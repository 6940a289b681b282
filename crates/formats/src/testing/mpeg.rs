//! Packets of MPEG transport streams, packets of elementary streams, and the bits of parameter sets.

/// A packet of 188 bytes. Adaptation fields before the payload fill it.
pub(crate) fn packet(pid: u16, starts: bool, payload: &[u8]) -> Vec<u8> {
    let [high, low] = pid.to_be_bytes();
    let filled = payload.len() == 184;
    let mut out = vec![0x47, high | if starts { 0x40 } else { 0 }, low, if filled { 0x10 } else { 0x30 }];
    if !filled {
        let length = 183 - payload.len();
        out.push(length as u8);
        out.resize(5 + length, 0xFF);
    }
    out.extend(payload);
    assert_eq!(out.len(), 188);
    out
}

/// The table of programmes: one programme, whose own table is at this packet identifier.
pub(crate) fn programmes(map: u16) -> Vec<u8> {
    let [high, low] = map.to_be_bytes();
    // Pointer; table, length, stream, version, numbers; the network's programme, then the first.
    let entries = [0, 0, 0xE0, 0x10, 0, 1, 0xE0 | high, low];
    let section = [&[0, 0, 0xB0, 17, 0, 1, 0xC1, 0, 0][..], &entries, &[0; 4]].concat();
    packet(0, true, &section)
}

/// The table of a programme's streams: types and packet identifiers.
pub(crate) fn streams(map: u16, of: &[(u8, u16)]) -> Vec<u8> {
    let entries: Vec<u8> =
        of.iter().flat_map(|(kind, pid)| [*kind, 0xE0 | (pid >> 8) as u8, *pid as u8, 0xF0, 0]).collect();
    let length = (9 + entries.len() + 4) as u8;
    let head = [0, 2, 0xB0, length, 0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0, 0];
    packet(map, true, &[&head[..], &entries, &[0; 4]].concat())
}

/// A packet of an elementary stream, in the syntax of MPEG-2, with a time stamp of 90 kHz.
pub(crate) fn pes(id: u8, stamp: u64, payload: &[u8]) -> Vec<u8> {
    let head = [&[0x80, 0x80, 5][..], &time(2, stamp)].concat();
    let length = (head.len() + payload.len()) as u16;
    [&[0, 0, 1, id][..], &length.to_be_bytes(), &head, payload].concat()
}

/// A time stamp in five bytes, after a number of four bits.
pub(crate) fn time(mark: u8, stamp: u64) -> [u8; 5] {
    let part = |shift: u32, mask: u64| (stamp >> shift & mask) as u8;
    [
        mark << 4 | part(30, 7) << 1 | 1,
        part(22, 0xFF),
        part(15, 0x7F) << 1 | 1,
        part(7, 0xFF),
        part(0, 0x7F) << 1 | 1,
    ]
}

/// A string of bits, most significant first.
#[derive(Default)]
pub(crate) struct Bits(String);

impl Bits {
    /// A number of this many bits.
    pub(crate) fn put(mut self, width: usize, value: u64) -> Bits {
        self.0.push_str(&format!("{value:0width$b}"));
        self
    }

    /// Numbers in Exp-Golomb code.
    pub(crate) fn golomb(mut self, values: &[u64]) -> Bits {
        for v in values.iter().map(|v| v + 1) {
            self.0.push_str(&"0".repeat(63 - v.leading_zeros() as usize));
            self.0.push_str(&format!("{v:b}"));
        }
        self
    }

    /// The bytes of a unit after its header, with emulation prevention and a stop bit.
    pub(crate) fn unit(mut self, header: &[u8]) -> Vec<u8> {
        self.0.push('1');
        let mut out = header.to_vec();
        for byte in self.bytes() {
            if out.ends_with(&[0, 0]) && byte <= 3 {
                out.push(3);
            }
            out.push(byte);
        }
        out
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[u8]| bits.iter().fold(0, |b, d| b << 1 | (d - b'0')) << (8 - bits.len());
        self.0.as_bytes().chunks(8).map(byte).collect()
    }
}

/// A sequence parameter set of H.264 without its start code: Main profile, 4:2:0, progressive, 25 frames per second,
/// with pixels of `aspect`.
pub(crate) fn h264_parameters(width: u64, height: u64, aspect: (u64, u64)) -> Vec<u8> {
    let (columns, rows) = (width.div_ceil(16), height.div_ceil(16));
    Bits::default()
        .put(8, 77)
        .put(16, 40)
        // Identifier, frame numbers, order of pictures, references.
        .golomb(&[0, 0, 0, 0, 1])
        .put(1, 0)
        .golomb(&[columns - 1, rows - 1])
        // Frames only, direct inference, cropping in units of two pixels.
        .put(3, 0b111)
        .golomb(&[0, (columns * 16 - width) / 2, 0, (rows * 16 - height) / 2])
        // Usability information: an aspect in numbers, no overscan, signal type or chroma position, then timing.
        .put(2, 0b11)
        .put(8, 255)
        .put(16, aspect.0)
        .put(16, aspect.1)
        .put(4, 0b0001)
        .put(32, 1)
        .put(32, 50)
        .unit(&[0x67])
}

/// A sequence parameter set of HEVC without its start code: 4:2:0, one layer below the highest.
pub(crate) fn hevc_parameters(width: u64, height: u64) -> Vec<u8> {
    let (columns, rows) = (width.next_multiple_of(8), height.next_multiple_of(8));
    Bits::default()
        // Parameter set, layers, nesting; general profile and level.
        .put(4, 0)
        .put(3, 1)
        .put(1, 1)
        .put(32, 0x0160_0000)
        .put(32, 0x9000_0000)
        .put(32, 93)
        // The lower layer has a profile and a level; then alignment of eight layers.
        .put(2, 0b11)
        .put(14, 0)
        .put(32, 0x0160_0000)
        .put(32, 0)
        .put(32, 93)
        .golomb(&[0, 1, columns, rows])
        .put(1, 1)
        .golomb(&[0, (columns - width) / 2, 0, (rows - height) / 2])
        .unit(&[0x42, 1])
}

/// A sequence header of MPEG-1 or MPEG-2, with numbers for shape and rate.
pub(crate) fn sequence(width: u16, height: u16, shape: u8, rate: u8) -> Vec<u8> {
    let [low, high] = [(width >> 4) as u8, (width as u8) << 4 | (height >> 8) as u8];
    vec![0, 0, 1, 0xB3, low, high, height as u8, shape << 4 | rate, 0xFF, 0xFF, 0xE0, 0]
}
