//! Private folders and files of other programs: one table of default exclusions, from which README's list is
//! generated.
//!
//! Invariants: a pure function of a path; the table contains nothing that holds the only copy of a photo.

use super::relative::split;

/// How a folder or file is recognised. In a pattern a star matches any characters.
enum Rule {
    /// Folders whose path ends with folders of these names: `["appdata_*", "preview"]`.
    Folders(&'static [&'static str]),
    /// All folders inside one of this name, except some: a library that keeps originals beside generated files.
    AllBut { library: &'static str, kept: &'static [&'static str] },
    /// Folders of these names, anywhere below one of this name.
    Below { library: &'static str, names: &'static [&'static str] },
    /// Files of these names.
    Files(&'static str),
}

use Rule::{AllBut, Below, Files, Folders};

/// The programs, and their rules.
const SKIPPED: &[(&str, &[Rule])] = &[
    ("every system", &[Folders(&[".*"])]),
    (
        "Synology, QNAP",
        &[
            Folders(&["@eaDir"]),
            Folders(&["#recycle"]),
            Folders(&["#snapshot"]),
            Folders(&["@tmp"]),
            Folders(&["@Recycle"]),
            Folders(&["@Recently-Snapshot"]),
        ],
    ),
    (
        "Windows, Linux, macOS",
        &[
            Folders(&["$RECYCLE.BIN"]),
            Folders(&["System Volume Information"]),
            Folders(&["lost+found"]),
            Files("._*"),
        ],
    ),
    ("Android", &[Files(".trashed-*"), Files(".pending-*")]),
    (
        "Nextcloud, ownCloud",
        &[
            Folders(&["files_trashbin"]),
            Folders(&["files_versions"]),
            Folders(&["appdata_*", "preview"]),
            Folders(&["data", "*", "thumbnails"]),
        ],
    ),
    ("Apple Photos", &[AllBut { library: "*.photoslibrary", kept: &["originals", "Masters"] }]),
    (
        "Aperture",
        &[
            AllBut { library: "*.aplibrary", kept: &["Masters"] },
            AllBut { library: "*.migratedaplibrary", kept: &["Masters"] },
        ],
    ),
    (
        "iPhoto",
        &[
            AllBut { library: "*.photolibrary", kept: &["Masters", "Originals"] },
            AllBut { library: "*.migratedphotolibrary", kept: &["Masters", "Originals"] },
            Below {
                library: "iPhoto Library",
                names: &[
                    "Apple TV Photo Cache",
                    "Attachments",
                    "Backup",
                    "Data",
                    "Data.noindex",
                    "Database",
                    "Faces",
                    "Modified",
                    "Previews",
                    "Thumbnails",
                    "Thumbs",
                    "iPod Photo Cache",
                ],
            },
        ],
    ),
    ("Lightroom", &[Folders(&["*.lrdata"])]),
    ("ACDSee", &[Folders(&["[Originals]"])]),
    ("Immich", &[Folders(&["thumbs"]), Folders(&["encoded-video"])]),
    (
        "PhotoPrism",
        &[
            Folders(&["photoprism*", "storage"]),
            Folders(&["PhotoPrism*", "storage"]),
            Folders(&["storage", "cache"]),
            Folders(&["storage", "sidecar"]),
        ],
    ),
    (
        "Lychee",
        &[Folders(&["uploads", "thumb*"]), Folders(&["uploads", "small*"]), Folders(&["uploads", "medium*"])],
    ),
];

/// Whether a file or folder, by its path below the volume, is private to another program.
pub fn is_skipped(path: &[u8], is_folder: bool) -> bool {
    SKIPPED.iter().flat_map(|(_, rules)| *rules).any(|rule| rule.fits(path, is_folder))
}

impl Rule {
    fn fits(&self, path: &[u8], is_folder: bool) -> bool {
        let (above, name) = split(path);
        match self {
            Files(pattern) => !is_folder && matches(name, pattern),
            _ if !is_folder => false,
            Folders([.., last]) if !matches(name, last) => false,
            Folders(patterns) => {
                let mut parts = path.rsplit(|b| *b == b'/');
                patterns.iter().rev().all(|pattern| parts.next().is_some_and(|part| matches(part, pattern)))
            }
            AllBut { library, kept } => {
                matches(split(above).1, library) && !kept.iter().any(|kept| matches(name, kept))
            }
            Below { library, names } => {
                names.iter().any(|n| matches(name, n))
                    && above.split(|b| *b == b'/').any(|part| matches(part, library))
            }
        }
    }
}

/// Whether a name matches the pattern, in which one star matches any characters.
fn matches(name: &[u8], pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern.as_bytes(),
        Some((begins, ends)) => {
            name.len() >= begins.len() + ends.len()
                && name.starts_with(begins.as_bytes())
                && name.ends_with(ends.as_bytes())
        }
    }
}

/// README's list, one row per program.
#[cfg(test)]
fn for_readme() -> String {
    let mut out = String::from("| program | left out |\n|---|---|\n");
    for (program, rules) in SKIPPED {
        let each: Vec<String> = rules
            .iter()
            .map(|rule| match rule {
                Folders(patterns) => format!("`{}`", patterns.join("/")),
                AllBut { library, kept } => format!("in `{library}` all but `{}`", kept.join("`, `")),
                Below { library, names } => format!("below `{library}` the folders `{}`", names.join("`, `")),
                Files(pattern) => format!("files `{pattern}`"),
            })
            .collect();
        out.push_str(&format!("| {program} | {} |\n", each.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_programs_keep_for_themselves() {
        for folder in [
            "@eaDir",
            "a/#recycle",
            "x/y/@tmp",
            ".Trash-1000",
            "a/.hidden",
            "anna/files_trashbin",
            "nextcloud/data/appdata_oc5x/preview",
            "data/anna/thumbnails",
            "Lightroom/Catalog Previews.lrdata",
            "Mac/Fotos.photoslibrary/resources",
            "Mac/Aperture Library.aplibrary/Thumbnails",
            "Mac/iPhoto Library.photolibrary/Thumbnails",
            "Mac/iPhoto Library/Data.noindex",
            "Mac/iPhoto Library/2005/08/14/Thumbs",
            "immich/thumbs",
            "immich/encoded-video",
            "photoprism/storage",
            "storage/cache",
            "2005/[Originals]",
            "lychee/uploads/thumb2x",
        ] {
            assert!(is_skipped(folder.as_bytes(), true), "{folder}");
        }
        for folder in [
            "2019",
            "a/eaDir",
            "recycle",
            "tmp",
            "preview",
            "thumbnails",
            "appdata_oc5x",
            "Originals",
            "storage",
            "uploads/original",
            "Mac/Fotos.photoslibrary/originals",
            "Mac/Aperture Library.aplibrary/Masters",
            "Mac/iPhoto Library.photolibrary/Masters",
            "Mac/iPhoto Library/Originals",
            "Mac/iPhoto Library/2005/08/14",
            "resources",
            "Data",
        ] {
            assert!(!is_skipped(folder.as_bytes(), true), "{folder}");
        }
        for file in ["a/._IMG_1.JPG", ".trashed-1714492983-IMG_1.jpg", "Camera/.pending-1714492983-VID_1.mp4"]
        {
            assert!(is_skipped(file.as_bytes(), false), "{file}");
        }
        for file in ["a/.IMG_1.JPG", "thumbs", "a/IMG_1.JPG"] {
            assert!(!is_skipped(file.as_bytes(), false), "{file}");
        }
    }

    #[test]
    fn readme_has_the_table() {
        let readme = include_str!("../../../README.md");
        assert!(readme.contains(&for_readme()), "README.md must contain:\n{}", for_readme());
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_it_panic(path in proptest::collection::vec(proptest::num::u8::ANY, 0..40), is_folder in proptest::bool::ANY) {
            let _ = is_skipped(&path, is_folder);
        }
    }
}
