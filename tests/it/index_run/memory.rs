//! The memory bound of a run.

use super::{Bench, summary};

#[test]
fn the_memory_bound_holds_over_all_processes() {
    let b = Bench::new(2);
    let out = b.index_command().args(["--memory", "64M"]).output().unwrap();
    let s = summary(&out, 0);
    let peak = s["peak_pss_bytes"].as_u64().unwrap();
    assert!(peak > 0 && peak <= (64 << 20) * 11 / 10, "peak {peak}");
    let refused = b.index_command().args(["--memory", "32M"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

/// A JPEG of a scene with some detail, enlarged to this size.
fn large_jpeg(width: usize, height: usize, progressive: bool) -> Vec<u8> {
    use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};
    let row: Vec<u8> = (0..width * 3).map(|i| (i / 7 % 251) as u8).collect();
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        pixels.extend_from_slice(&row);
        let start = pixels.len() - row.len();
        pixels[start..].iter_mut().step_by(1 + y % 97).for_each(|v| *v = v.wrapping_add(y as u8));
    }
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(Subsamp::Sub2x2).unwrap();
    compressor.set_quality(50).unwrap();
    compressor.set_progressive(progressive).unwrap();
    let format = PixelFormat::RGB;
    compressor
        .compress_to_vec(Image { pixels: &pixels[..], width, pitch: width * 3, height, format })
        .unwrap()
}

#[test]
fn a_hundred_megapixels_are_finished_at_64_megabytes_and_progressive_ones_refused_with_the_figure() {
    let b = Bench::new(0);
    std::fs::create_dir_all(&b.library).unwrap();
    // As from a camera's back, and as a panorama.
    std::fs::write(b.library.join("back.jpg"), large_jpeg(11_600, 8_700, false)).unwrap();
    std::fs::write(b.library.join("panorama.jpg"), large_jpeg(20_000, 5_000, false)).unwrap();
    std::fs::write(b.library.join("progressive.jpg"), large_jpeg(8_000, 5_000, true)).unwrap();
    let out = b.index_command().args(["--memory", "64M"]).output().unwrap();
    let s = summary(&out, 1);
    assert_eq!((&s["found"], &s["failed"]), (&3.into(), &1.into()), "{}", b.failures());
    let peak = s["peak_pss_bytes"].as_u64().unwrap();
    eprintln!("peak {} MB", peak / 1_000_000);
    assert!(peak <= (64 << 20) * 11 / 10, "peak {peak}");
    let failures = b.failures();
    assert!(failures.contains("progressive.jpg"), "{failures}");
    // 40 million pixels of 4:2:0 are 60 million coefficients of two bytes.
    let needs = failures.split("needs ").nth(1).and_then(|n| n.split(' ').next()?.parse::<u64>().ok());
    assert!(needs.is_some_and(|mb| (120..200).contains(&mb)), "{failures}");
}

#[test]
#[ignore = "soak: the whole corpus at --memory 200M, a minute"]
fn soak_the_corpus_stays_below_200_megabytes() {
    let Some(corpus) = crate::support::corpus("soak_the_corpus_stays_below_200_megabytes") else { return };
    let b = Bench::new(0);
    let mut run = b.command(&["index", "--no-recognise", "--json", "--memory", "200M"]);
    let s = summary(&run.arg(corpus).output().unwrap(), 1);
    eprintln!("{} files, peak {} bytes", s["found"], s["peak_pss_bytes"]);
    assert!(s["peak_pss_bytes"].as_u64().unwrap() < 200_000_000);
}
