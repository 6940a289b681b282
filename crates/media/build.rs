//! The build script: compiles the C that decode/jpeg needs beside its crates.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    compile_jpeg_scanlines();
}

/// The row-by-row door to libjpeg-turbo.
fn compile_jpeg_scanlines() {
    println!("cargo::rerun-if-changed=src/decode/jpeg/scanlines.c");
    let include = std::env::var("DEP_TURBOJPEG_INCLUDE").expect("turbojpeg-sys names its headers");
    cc::Build::new()
        .file("src/decode/jpeg/scanlines.c")
        .includes(include.split(','))
        .warnings(true)
        .compile("albumen_jpeg");
}
