//! As much CBOR (RFC 8949) as authenticators send: definite lengths, no tags, no floats, a few levels deep.

/// Levels of maps and arrays.
const DEEPEST: usize = 4;
/// Entries of a map or array.
const LONGEST: u64 = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Bool(bool),
    Null,
}

impl Value {
    /// Of a map, by a text key.
    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.entry(&Value::Text(name.to_owned()))
    }

    /// Of a map, by an integer key.
    pub(super) fn numbered(&self, number: i64) -> Option<&Value> {
        self.entry(&Value::Integer(number))
    }

    fn entry(&self, key: &Value) -> Option<&Value> {
        match self {
            Value::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(n) => Some(*n),
            _ => None,
        }
    }
}

/// One value, and the remaining bytes.
pub(super) fn read(bytes: &[u8]) -> Option<(Value, &[u8])> {
    item(bytes, 0)
}

fn item(bytes: &[u8], depth: usize) -> Option<(Value, &[u8])> {
    if depth > DEEPEST {
        return None;
    }
    let (first, rest) = bytes.split_first()?;
    let (major, short) = (first >> 5, first & 31);
    if major == 7 {
        let value = match short {
            20 => Value::Bool(false),
            21 => Value::Bool(true),
            22 => Value::Null,
            _ => return None,
        };
        return Some((value, rest));
    }
    let (number, rest) = argument(short, rest)?;
    match major {
        0 => Some((Value::Integer(i64::try_from(number).ok()?), rest)),
        1 => Some((Value::Integer(-1 - i64::try_from(number).ok()?), rest)),
        2 | 3 => {
            let length = usize::try_from(number).ok()?;
            let (content, rest) = rest.split_at_checked(length)?;
            let value = if major == 2 {
                Value::Bytes(content.to_vec())
            } else {
                Value::Text(String::from_utf8(content.to_vec()).ok()?)
            };
            Some((value, rest))
        }
        4 => {
            let mut rest = rest;
            let mut all = Vec::new();
            for _ in 0..at_most(number)? {
                let (value, after) = item(rest, depth + 1)?;
                all.push(value);
                rest = after;
            }
            Some((Value::Array(all), rest))
        }
        5 => {
            let mut rest = rest;
            let mut all = Vec::new();
            for _ in 0..at_most(number)? {
                let (key, after) = item(rest, depth + 1)?;
                let (value, after) = item(after, depth + 1)?;
                all.push((key, value));
                rest = after;
            }
            Some((Value::Map(all), rest))
        }
        _ => None,
    }
}

fn at_most(number: u64) -> Option<u64> {
    (number <= LONGEST).then_some(number)
}

fn argument(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let length = match short {
        0..=23 => return Some((u64::from(short), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(length)?;
    Some((bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples_of_the_rfc() {
        for (bytes, value) in [
            (&[0x18, 0x64][..], Value::Integer(100)),
            (&[0x38, 0x63], Value::Integer(-100)),
            (&[0x44, 1, 2, 3, 4], Value::Bytes(vec![1, 2, 3, 4])),
            (&[0x64, 0x49, 0x45, 0x54, 0x46], Value::Text("IETF".into())),
            (&[0x82, 1, 2], Value::Array(vec![Value::Integer(1), Value::Integer(2)])),
            (&[0xa1, 1, 0x20], Value::Map(vec![(Value::Integer(1), Value::Integer(-1))])),
            (&[0xf5], Value::Bool(true)),
        ] {
            assert_eq!(read(bytes), Some((value, &[][..])), "{bytes:x?}");
        }
        for bad in [
            &[][..],
            &[0x18],
            &[0x5f, 0x41, 1, 0xff],
            &[0xc0, 1],
            &[0x44, 1],
            &[0x9f, 0xff],
            &[0x81, 0x81, 0x81, 0x81, 0x81, 1],
        ] {
            assert_eq!(read(bad), None, "{bad:x?}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some((_, rest)) = read(&bytes) {
                prop_assert!(rest.len() < bytes.len());
            }
        }
    }
}
