//! Documents that repeat the tables of formats and stages must agree with them.

use crate::support::ROOT;
use albumen_core::vocabulary::{Family, Format, Kind, Stage};
use std::path::Path;

const FORMATS_MD: &str = "docs/formats.md";
const BEGIN: &str = "<!-- generated from the table of formats -->\n";
const END: &str = "<!-- end -->\n";

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// The list of all formats, as in docs/formats.md.
fn list_of_formats() -> String {
    let mut list = "| name | kind | format | extensions |\n|---|---|---|---|\n".to_owned();
    for format in Format::all() {
        let info = format.info();
        let kind = match (info.family, format.kind()) {
            (Family::Raw, _) => "RAW",
            (_, Kind::Photo) => "photo",
            (_, Kind::Video) => "video",
        };
        list += &format!("| `{}` | {kind} | {} | {} |\n", info.name, info.title, info.extensions.join(", "));
    }
    list
}

/// A document before, inside and after the generated part.
fn parts(document: &str) -> (&str, &str, &str) {
    let begin = document.find(BEGIN).expect(BEGIN) + BEGIN.len();
    let end = begin + document[begin..].find(END).expect(END);
    (&document[..begin], &document[begin..end], &document[end..])
}

#[test]
fn formats_md_lists_every_format() {
    let document = read(FORMATS_MD);
    assert_eq!(
        parts(&document).1,
        list_of_formats(),
        "run `cargo test -p albumen --test it -- --ignored --exact tables::write_formats_md`"
    );
}

#[test]
#[ignore = "writes docs/formats.md"]
fn write_formats_md() {
    let document = read(FORMATS_MD);
    let (before, _, after) = parts(&document);
    std::fs::write(Path::new(ROOT).join(FORMATS_MD), [before, &list_of_formats(), after].concat()).unwrap();
}

#[test]
fn the_readme_lists_every_raw_format() {
    let names: Vec<_> = Format::all().filter(|f| f.is_raw()).map(|f| f.name().to_uppercase()).collect();
    let row = format!("| {} |\n", names.join(", "));
    assert!(read("README.md").contains(&row), "README.md lacks {row}");
}

#[test]
fn documents_list_every_stage() {
    let names: Vec<_> = Stage::ALL.iter().map(|s| s.name()).collect();
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let enumeration = format!("enum: [{}]", names.join(", "));
    let with_discover = format!("enum: [discover, {}]", names.join(", "));
    let counts: String =
        names.iter().map(|name| format!("            {name}: {{ type: integer }}\n")).collect();
    for (document, list) in [
        ("docs/openapi.yaml", enumeration),
        ("docs/openapi.yaml", with_discover),
        ("docs/openapi.yaml", counts),
        ("docs/index.md", format!("| `file_id`, `stage` | {} |", quoted.join(", "))),
        ("README.md", format!("--stage STAGE [PATH...]   {}|all:", names.join("|"))),
    ] {
        assert!(read(document).contains(&list), "{document} lacks {list}");
    }
}
