//! The build script: compiles the C that decode/jpeg and decode/raw need beside their libraries.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    compile_jpeg_scanlines();
    compile_raw();
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

/// The door to LibRaw, whose headers it needs; the library is opened when a file wants it.
fn compile_raw() {
    println!("cargo::rerun-if-changed=src/decode/raw/libraw.c");
    cc::Build::new().file("src/decode/raw/libraw.c").warnings(true).compile("albumen_raw");
}
