//! Directories of TIFF structures, in either byte order.

/// The value of an entry.
#[derive(Clone)]
pub(crate) enum Value {
    Ascii(&'static [u8]),
    Byte(Vec<u8>),
    Short(Vec<u16>),
    Long(Vec<u32>),
    Rational(Vec<(u32, u32)>),
    SignedRational(Vec<(i32, i32)>),
    Double(f64),
    Undefined(Vec<u8>),
    Directories(Vec<Directory>),
    /// A maker note whose offsets count from the start of the whole structure: its header and its directory.
    Note(&'static [u8], Directory),
}

/// Tags and values.
pub(crate) type Directory = Vec<(u16, Value)>;

/// One value of 16 bits.
pub(crate) fn short(value: u16) -> Value {
    Value::Short(vec![value])
}

/// One value of 32 bits.
pub(crate) fn long(value: u32) -> Value {
    Value::Long(vec![value])
}

/// One fraction.
pub(crate) fn rational(numerator: u32, denominator: u32) -> Value {
    Value::Rational(vec![(numerator, denominator)])
}

/// A reference to one directory.
pub(crate) fn directory(directory: Directory) -> Value {
    Value::Directories(vec![directory])
}

/// A structure with this magic number and this chain of directories.
pub(crate) fn tiff(little: bool, magic: u16, chain: &[Directory]) -> Vec<u8> {
    let mut out = Writer { bytes: if little { b"II".to_vec() } else { b"MM".to_vec() }, little };
    out.bytes.extend(out.short(magic));
    let mut link = out.bytes.len();
    out.bytes.extend([0; 4]);
    for directory in chain {
        let at = out.long(out.bytes.len() as u32);
        out.bytes[link..link + 4].copy_from_slice(&at);
        link = out.directory(directory);
    }
    out.bytes
}

/// A structure in little-endian order with one directory.
pub(crate) fn simple(directory: Directory) -> Vec<u8> {
    tiff(true, 42, &[directory])
}

/// A directory after a header, with offsets from the start of the header: a maker note on its own.
pub(crate) fn after(header: &[u8], little: bool, directory: &Directory) -> Vec<u8> {
    let mut out = Writer { bytes: header.to_vec(), little };
    out.directory(directory);
    out.bytes
}

struct Writer {
    bytes: Vec<u8>,
    little: bool,
}

impl Writer {
    fn short(&self, v: u16) -> [u8; 2] {
        if self.little { v.to_le_bytes() } else { v.to_be_bytes() }
    }
    fn long(&self, v: u32) -> [u8; 4] {
        if self.little { v.to_le_bytes() } else { v.to_be_bytes() }
    }

    /// Writes a directory, then its values; returns the position of the link to the next directory.
    fn directory(&mut self, entries: &Directory) -> usize {
        self.bytes.extend(self.short(entries.len() as u16));
        let table = self.bytes.len();
        let link = table + 12 * entries.len();
        self.bytes.resize(link + 4, 0);
        for (i, (tag, value)) in entries.iter().enumerate() {
            let (kind, count, field) = self.value(value);
            let entry = [&self.short(*tag)[..], &self.short(kind), &self.long(count), &field].concat();
            self.bytes[table + 12 * i..][..12].copy_from_slice(&entry);
        }
        link
    }

    /// Writes a value that does not fit into its entry; returns its type, its count, and the last field of the entry.
    fn value(&mut self, value: &Value) -> (u16, u32, [u8; 4]) {
        let at = self.bytes.len() as u32;
        let longs = |of: &[u32]| of.iter().flat_map(|v| self.long(*v)).collect::<Vec<u8>>();
        let (kind, width, data) = match value {
            Value::Ascii(text) => (2, 1, text.to_vec()),
            Value::Byte(bytes) => (1, 1, bytes.clone()),
            Value::Undefined(bytes) => (7, 1, bytes.clone()),
            Value::Short(values) => (3, 2, values.iter().flat_map(|v| self.short(*v)).collect()),
            Value::Long(values) => (4, 4, longs(values)),
            Value::Rational(values) => (5, 8, values.iter().flat_map(|(n, d)| longs(&[*n, *d])).collect()),
            Value::SignedRational(values) => {
                (10, 8, values.iter().flat_map(|(n, d)| longs(&[*n as u32, *d as u32])).collect())
            }
            Value::Double(value) => {
                (12, 8, if self.little { value.to_le_bytes() } else { value.to_be_bytes() }.to_vec())
            }
            Value::Directories(all) => {
                let mut offsets = Vec::new();
                for directory in all {
                    offsets.push(self.bytes.len() as u32);
                    self.directory(directory);
                }
                (4, 4, offsets.iter().flat_map(|v| self.long(*v)).collect())
            }
            Value::Note(header, directory) => {
                self.bytes.extend(*header);
                self.directory(directory);
                return (7, self.bytes.len() as u32 - at, self.long(at));
            }
        };
        let count = (data.len() / width) as u32;
        let mut field = [0; 4];
        if data.len() <= 4 {
            field[..data.len()].copy_from_slice(&data);
        } else {
            field = self.long(self.bytes.len() as u32);
            self.bytes.extend(&data);
        }
        (kind, count, field)
    }
}
