//! Compiles the C that decode/ needs beside its crates: the row-by-row door to libjpeg-turbo.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/decode/jpeg/scanlines.c");
    let include = std::env::var("DEP_TURBOJPEG_INCLUDE").expect("turbojpeg-sys names its headers");
    cc::Build::new()
        .file("src/decode/jpeg/scanlines.c")
        .includes(include.split(','))
        .warnings(true)
        .compile("albumen_jpeg");
}
