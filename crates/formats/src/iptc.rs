//! IPTC-IIM: captions, keywords and dates of the news trade.
//!
//! Invariants: data sets are independent; text is UTF-8 if the block declares it or if it is valid, else Latin-1.

use super::budget::TEXT;
use super::bytes::tidy;
use super::values::add_words;

/// The values of an IPTC block.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Iptc {
    pub title: Option<String>,
    pub description: Option<String>,
    pub copyright: Option<String>,
    pub keywords: Vec<String>,
    /// `20230701` and `102030+0200`, as written.
    pub date_created: Option<String>,
    pub time_created: Option<String>,
    pub digital_date: Option<String>,
    pub digital_time: Option<String>,
}

/// Reads a block; `None` if it has no data set of the application record.
pub fn read(bytes: &[u8]) -> Option<Iptc> {
    let mut out = Iptc::default();
    let mut any = false;
    let mut utf8 = false;
    for (record, number, value) in sets(bytes) {
        if (record, number) == (1, 90) {
            utf8 = value == b"\x1b%G";
        }
        if record != 2 {
            continue;
        }
        any = true;
        let text = || decode(value, utf8);
        let set = |slot: &mut Option<String>| {
            if slot.is_none() {
                *slot = decode(value, utf8);
            }
        };
        match number {
            5 => set(&mut out.title),
            25 => add_words(&mut out.keywords, text().into_iter()),
            55 => set(&mut out.date_created),
            60 => set(&mut out.time_created),
            62 => set(&mut out.digital_date),
            63 => set(&mut out.digital_time),
            116 => set(&mut out.copyright),
            120 => set(&mut out.description),
            _ => {}
        }
    }
    any.then_some(out)
}

/// The data sets: record, number, value. Ends at the first byte that is not a marker.
fn sets(bytes: &[u8]) -> impl Iterator<Item = (u8, u8, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let head = bytes.get(at..at + 5)?;
        if head[0] != 0x1C {
            return None;
        }
        let (record, number) = (head[1], head[2]);
        let short = usize::from(u16::from_be_bytes([head[3], head[4]]));
        at += 5;
        let mut length = short;
        if short & 0x8000 != 0 {
            // An extended data set: the length itself has this many bytes.
            let n = short & 0x7FFF;
            if n > 4 {
                return None;
            }
            length = bytes.get(at..at + n)?.iter().fold(0, |v, b| v << 8 | usize::from(*b));
            at += n;
        }
        let end = at.saturating_add(length).min(bytes.len());
        let value = &bytes[at..end];
        at = end;
        Some((record, number, value))
    })
}

fn decode(value: &[u8], utf8: bool) -> Option<String> {
    let value = value.split(|&b| b == 0).next().unwrap_or_default();
    let value = &value[..value.len().min(TEXT)];
    match std::str::from_utf8(value) {
        Ok(s) => tidy(s),
        Err(_) if utf8 => tidy(&String::from_utf8_lossy(value)),
        Err(_) => tidy(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(value).0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(number: u8, value: &[u8]) -> Vec<u8> {
        let mut out = vec![0x1C, 2, number];
        out.extend((value.len() as u16).to_be_bytes());
        out.extend(value);
        out
    }

    #[test]
    fn keywords_in_utf8_and_latin_1() {
        let mut block = vec![0x1C, 1, 90, 0, 3, 0x1B, b'%', b'G'];
        block.extend(set(25, "\u{425}\u{443}".as_bytes()));
        block.extend(set(25, b"caf\xe9"));
        block.extend(set(55, b"20230701"));
        let out = read(&block).unwrap();
        assert_eq!(out.keywords[0], "\u{425}\u{443}");
        assert_eq!(out.date_created.as_deref(), Some("20230701"));
        let latin = read(&set(25, b"caf\xe9")).unwrap();
        assert_eq!(latin.keywords, ["caf\u{e9}"]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut b = vec![0x1C, 2];
            b.extend(bytes);
            let _ = read(&b);
        }
    }
}
