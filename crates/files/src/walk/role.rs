//! The role of a file by its name: media, sidecar or neither.

use albumen_core::vocabulary::{Format, SIDECAR_EXTENSIONS, UNREAD_EXTENSIONS};
use std::collections::HashSet;
use std::sync::OnceLock;

/// The role of a file by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The extension of a known picture or video format (its content may still be of another one).
    Media,
    /// XMP or JSON: describes another file.
    Sidecar,
    /// No extension, or an ambiguous one: media if it begins like media.
    Unnamed,
}

/// The text after the last dot of a name, if there is more than dots before it.
pub(super) fn extension_of(name: &[u8]) -> Option<&[u8]> {
    let stem_start = name.iter().position(|b| *b != b'.').unwrap_or(name.len());
    let dot = name[stem_start..].iter().rposition(|b| *b == b'.')?;
    Some(&name[stem_start + dot + 1..])
}

/// The extension of an unsupported picture or video, as in the list.
pub fn unread_extension(name: &[u8]) -> Option<&'static str> {
    let extension = extension_of(name)?;
    UNREAD_EXTENSIONS.iter().copied().find(|e| extension.eq_ignore_ascii_case(e.as_bytes()))
}

/// The role of a file by its name; `None` if it is not relevant.
pub fn role(name: &[u8]) -> Option<Role> {
    static MEDIA: OnceLock<HashSet<&'static [u8]>> = OnceLock::new();
    /// Longer than every known extension (`heics`, `3gpp2`), with a reserve.
    const LONGEST: usize = 8;
    /// More often another kind: source code in TypeScript, a camcorder's clip or music, raw data of any kind, audio
    /// in a container that may hold pictures.
    const AMBIGUOUS: [&[u8]; 9] = [b"ts", b"mod", b"tod", b"raw", b"ogg", b"asf", b"mp", b"wm", b"dif"];

    let Some(extension) = extension_of(name) else {
        // A dot file without an extension is a program's setting.
        return name.first().is_some_and(|b| *b != b'.').then_some(Role::Unnamed);
    };
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..extension.len())?;
    lower.copy_from_slice(extension);
    lower.make_ascii_lowercase();
    let media =
        MEDIA.get_or_init(|| Format::all().flat_map(Format::extensions).map(|e| e.as_bytes()).collect());
    if AMBIGUOUS.contains(&&*lower) {
        Some(Role::Unnamed)
    } else if media.contains(&*lower) {
        Some(Role::Media)
    } else if SIDECAR_EXTENSIONS.iter().any(|e| e.as_bytes() == lower) {
        Some(Role::Sidecar)
    } else {
        None
    }
}

/// Whether a file is a camera's thumbnail of a clip, with its metadata.
pub fn is_clip_thumbnail(name: &[u8]) -> bool {
    name.len() > 4 && name[name.len() - 4..].eq_ignore_ascii_case(b".thm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_by_name() {
        let is = |name: &str| role(name.as_bytes());
        assert_eq!(is("IMG_1.JPG"), Some(Role::Media));
        assert_eq!(is(".hidden.heic"), Some(Role::Media));
        assert_eq!(is("a.b.3gpp2"), Some(Role::Media));
        assert_eq!(is("IMG_1.JPG.xmp"), Some(Role::Sidecar));
        assert_eq!(is("scan"), Some(Role::Unnamed));
        assert_eq!(is("main.ts"), Some(Role::Unnamed), "its bytes tell");
        assert_eq!(role(b"a\xff.Jpeg"), Some(Role::Media));
        for other in
            ["", ".", "..", ".bashrc", "notes.txt", "IMG_1.jpg~", "IMG_1.jpg_original", ".IMG.jpg.XyZ123"]
        {
            assert_eq!(is(other), None, "{other}");
        }
    }
}
