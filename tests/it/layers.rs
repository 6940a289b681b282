//! The order of the crates: the imports of each, and the libraries that the engine's program must not link.

use crate::support::ROOT;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Each crate with the crates it may import, lowest first. A crate may only import those above it in this
/// list.
const ALLOWED: &[(&str, &[&str])] = &[
    ("albumen-core", &[]),
    ("albumen-files", &["core"]),
    ("albumen-formats", &["core"]),
    ("albumen-models", &["core"]),
    ("albumen-library", &["core", "formats"]),
    ("albumen-isolation", &["core"]),
    ("albumen-media", &["core", "formats", "library"]),
    ("albumen-recognise", &["core", "media", "models"]),
    ("albumen-worker", &["core", "isolation", "media", "recognise"]),
    ("albumen-index", &["core", "files", "library", "models"]),
    ("albumen-engine", &["core", "files", "index", "isolation", "library", "models"]),
    ("albumen-portal", &["files", "index"]),
    ("albumen", &["core", "engine", "files", "index", "isolation", "library", "models"]),
];

/// Crates for benches and reports, which are not shipped and may import anything.
const NOT_SHIPPED: &[&str] = &["albumen-bench"];

/// Libraries that only the worker program may link: codecs, and ONNX Runtime.
const WORKERS_ONLY: &[&str] = &[
    "albumen-media",
    "albumen-recognise",
    "albumen-worker",
    "fast_image_resize",
    "fax",
    "ffmpeg-next",
    "gif",
    "hayro-jpeg2000",
    "image-webp",
    "jxl-oxide",
    "libheif-rs",
    "libheif-sys",
    "moxcms",
    "ndarray",
    "ort",
    "ort-sys",
    "png",
    "turbojpeg",
    "turbojpeg-sys",
    "zune-jpeg",
];

/// The packages that `cargo tree` names with these arguments, without versions.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .current_dir(ROOT)
        .output()
        .expect("cargo, which runs this test");
    assert!(out.status.success(), "cargo tree: {}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The crates of the workspace.
fn members() -> BTreeSet<String> {
    tree(&["--workspace", "--depth", "0"])
}

#[test]
fn no_crate_imports_one_above_it() {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let members = members();
    for (name, imports) in ALLOWED {
        assert!(members.contains(*name), "{name} is in the list and not in the workspace");
        let below: Vec<&str> = ALLOWED.iter().map(|a| a.0).take_while(|n| n != name).collect();
        for import in *imports {
            assert!(
                below.contains(&&*format!("albumen-{import}")),
                "{name} may not import {import}, which is above it"
            );
        }
    }
    for member in members.iter().filter(|m| !NOT_SHIPPED.contains(&m.as_str())) {
        let listed = allowed.get(member.as_str()).unwrap_or_else(|| panic!("{member} is not in the list"));
        let mut imported = tree(&["--package", member, "--depth", "1"]);
        imported.retain(|name| name != member && members.contains(name));
        let listed: BTreeSet<String> = listed.iter().map(|name| format!("albumen-{name}")).collect();
        assert_eq!(imported, listed, "what {member} imports, and what the list says");
    }
}

#[test]
fn engine_and_portal_link_no_codec_and_no_onnx_runtime() {
    for program in ["albumen", "albumen-portal"] {
        let linked = tree(&["--package", program]);
        let found: Vec<_> = WORKERS_ONLY.iter().filter(|name| linked.contains(**name)).collect();
        assert!(found.is_empty(), "{program} links {found:?}");
    }
    let worker = tree(&["--package", "albumen-worker"]);
    let gone: Vec<_> = WORKERS_ONLY.iter().filter(|name| !worker.contains(**name)).collect();
    assert!(gone.is_empty(), "albumen-worker links no {gone:?}: this list is out of date");
}

#[test]
fn release_builds_cannot_inject_faults() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = |arguments: &[&str]| {
        let out = Command::new(&cargo)
            .args(arguments)
            .current_dir(ROOT)
            .output()
            .expect("cargo, which runs this test");
        assert!(out.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let example =
        ["run", "--locked", "--offline", "--quiet", "-p", "albumen-core", "--example", "failpoints"];
    assert_eq!(run(&example), "true\n", "a debug build");
    let release = [&example[..], &["--release"]].concat();
    assert_eq!(run(&release), "false\n", "a release build");
    assert_eq!(run(&[&release[..], &["--features", "failpoints"]].concat()), "true\n", "one for long tests");
    // No package has the feature enabled for the programs.
    let programs = ["-p", "albumen", "-p", "albumen-worker", "-p", "albumen-portal"];
    let features = ["tree", "--locked", "--offline", "--edges", "features,normal", "--prefix", "none"];
    let features = run(&[&features[..], &programs].concat());
    assert!(features.contains("albumen-core"), "{features}");
    assert!(!features.contains("failpoints"), "a program enables failpoints");
}

/// The SQL statements with which our queries begin.
const SQL: &[&str] = &[
    concat!("SELECT", " "),
    concat!("INSERT", " INTO"),
    concat!("INSERT", " OR"),
    concat!("DELETE", " FROM"),
    concat!("UPDATE", " files"),
    concat!("UPDATE", " items"),
    concat!("CREATE", " TABLE"),
    concat!("DROP", " TABLE"),
    concat!("PRAGMA", " "),
];

/// The SQL library.
const SQLITE: &str = concat!("rus", "qlite");

/// The crates that may use it: the index, and the portal's store of accounts.
const MAY_SPEAK_SQL: &[&str] = &["crates/index/src/", "crates/portal/src/store/"];

/// Files of one extension below a folder of the repository, as paths relative to it.
fn files_below(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(format!("{ROOT}/{folder}")).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        match entry.file_type().unwrap().is_dir() {
            true if path.ends_with("/target") => {}
            true => found.extend(files_below(&path, extension)),
            false if path.ends_with(extension) => found.push(path),
            false => {}
        }
    }
    found
}

#[test]
fn only_the_index_speaks_sql() {
    let sources: Vec<String> =
        ["crates", "tests", "fuzz"].into_iter().flat_map(|folder| files_below(folder, ".rs")).collect();
    let may = |path: &str| MAY_SPEAK_SQL.iter().any(|allowed| path.starts_with(allowed));
    assert!(MAY_SPEAK_SQL.iter().all(|allowed| sources.iter().any(|path| path.starts_with(allowed))));
    let mut found = Vec::new();
    for path in sources.iter().filter(|path| !may(path)) {
        let text = std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            if line.contains(SQLITE) || SQL.iter().any(|statement| line.contains(statement)) {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "SQL outside of the index:\n{}", found.join("\n"));
    let manifests = files_below("crates", "/Cargo.toml");
    let of = |path: &&String| std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap().contains(SQLITE);
    let depend: BTreeSet<&str> = manifests.iter().filter(of).map(String::as_str).collect();
    assert_eq!(Vec::from_iter(depend), ["crates/index/Cargo.toml", "crates/portal/Cargo.toml"]);
}
