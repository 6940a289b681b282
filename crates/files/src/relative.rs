//! Paths as in the index: any bytes but NUL, relative to a volume, `/` between the parts; empty for the volume
//! itself.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The path of `name` in a folder.
pub fn child(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// The folder and the name of a path.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|b| *b == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// The part of `path` below `folder`, without the slash between, empty for the folder itself; `None` if it is not
/// below it.
pub fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    if folder.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(folder)?.split_first() {
        None => Some(b""),
        Some((b'/', rest)) => Some(rest),
        Some(_) => None,
    }
}

/// A path on disk, from its parts (the volume's path, a folder, a name); empty parts are left out.
pub fn on_disk(parts: &[&[u8]]) -> PathBuf {
    parts.iter().filter(|part| !part.is_empty()).map(|part| OsStr::from_bytes(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_folder_holds_itself_and_what_is_in_it() {
        for (path, folder, rest) in [
            (&b"2020/05/a.jpg"[..], &b"2020"[..], Some(&b"05/a.jpg"[..])),
            (b"2020", b"2020", Some(b"")),
            (b"2020", b"", Some(b"2020")),
            (b"2020-old/a.jpg", b"2020", None),
            (b"202", b"2020", None),
        ] {
            assert_eq!(below(path, folder), rest, "{} below {}", path.escape_ascii(), folder.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn taken_apart_and_put_together_again(parts in prop::collection::vec("[a-c/ ]{0,2}[a-c]", 1..5)) {
            let path = parts.join("/").into_bytes();
            let (folder, name) = split(&path);
            prop_assert!(!name.contains(&b'/'));
            if !folder.is_empty() {
                prop_assert_eq!(child(folder, name), path.clone());
                prop_assert_eq!(below(&path, folder), Some(name));
            }
        }
    }
}
