//! The build script: compiles the C wrappers of decode/jpeg and decode/raw.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    compile_jpeg_scanlines();
    compile_raw();
}

/// The row-by-row wrapper of libjpeg-turbo.
fn compile_jpeg_scanlines() {
    println!("cargo::rerun-if-changed=src/decode/jpeg/scanlines.c");
    let include = std::env::var("DEP_TURBOJPEG_INCLUDE").expect("turbojpeg-sys names its headers");
    cc::Build::new()
        .file("src/decode/jpeg/scanlines.c")
        .includes(include.split(','))
        .warnings(true)
        .compile("albumen_jpeg");
}

/// The wrapper of LibRaw, of which only the headers are needed; the library is opened on first use.
fn compile_raw() {
    println!("cargo::rerun-if-changed=src/decode/raw/libraw.c");
    cc::Build::new().file("src/decode/raw/libraw.c").warnings(true).compile("albumen_raw");
}
