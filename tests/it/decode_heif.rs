//! Tests of HEIF, AVIF and video decoding against other decoders' results.

use crate::support;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{Facts, FixedAdmission, Format};
use albumen_formats::bytes::Reader;
use albumen_formats::heif::items::Property;
use albumen_formats::heif::{Structure, structure};
use albumen_media::decode;
use albumen_media::pixels::Pixels;
use std::fs::File;
use std::path::Path;

/// The memory of a decoder, bytes, unless the test is about low memory.
const PLENTY: FixedAdmission = FixedAdmission(1 << 30);

/// The maximum difference of a cell of the 8 x 8 luma grid from the other decoder's, in 8-bit levels: the
/// worst cell, and the mean of all. Decoders differ by rounding and by chroma upsampling; a wrong range,
/// matrix, turn or crop changes cells by ten levels and more.
const WORST_CELL: f64 = 3.0;
const MEAN_OF_CELLS: f64 = 1.2;
/// If a profile is converted here and not by the reference (Pillow shows coded values), only the pattern of
/// light and dark must agree: correlation of the two grids. PQ's curve is steeper than that of any profile.
const SAME_PATTERN: f64 = 0.99;
const SAME_PATTERN_PQ: f64 = 0.92;
/// Smaller pictures have cells of less than two pixels, which each decoder samples differently.
const SMALLEST_SIDE: u32 = 16;

fn open(path: &Path) -> Source {
    Source::from_file(File::open(path).unwrap()).unwrap()
}

fn within(side: u32) -> impl Fn(u32, u32) -> (u32, u32) {
    move |w, h| {
        let scale = (f64::from(side) / f64::from(w.max(h))).min(1.0);
        (((f64::from(w) * scale).round() as u32).max(1), ((f64::from(h) * scale).round() as u32).max(1))
    }
}

fn decode_heif(source: &Source, side: u32, admission: &FixedAdmission) -> Result<Pixels, Fault> {
    let facts = Facts { format: Some(Format::Heic), ..Facts::default() };
    decode::decode(source, &facts, &within(side), admission)
}

/// Mean luma of 8 x 8 cells, rows first, cut where Pillow's box filter cuts them.
fn luma_grid(p: &Pixels) -> [f64; 64] {
    let (w, h) = (p.width as usize, p.height as usize);
    let edge = |i: usize, n: usize| (i * n + 4) / 8;
    let mut grid = [0.0; 64];
    for (cell, mean) in grid.iter_mut().enumerate() {
        let (left, top) = (cell % 8, cell / 8);
        let (x0, x1) = (edge(left, w).min(w - 1), edge(left + 1, w));
        let (y0, y1) = (edge(top, h).min(h - 1), edge(top + 1, h));
        let (x1, y1) = (x1.max(x0 + 1), y1.max(y0 + 1));
        let mut sum = 0.0;
        for y in y0..y1 {
            for x in x0..x1 {
                let px = &p.rgb[(y * w + x) * 3..][..3];
                sum += 0.299 * f64::from(px[0]) + 0.587 * f64::from(px[1]) + 0.114 * f64::from(px[2]);
            }
        }
        *mean = sum / ((x1 - x0) * (y1 - y0)) as f64;
    }
    grid
}

fn correlation(a: &[f64; 64], b: &[f64; 64]) -> f64 {
    let mean = |v: &[f64; 64]| v.iter().sum::<f64>() / 64.0;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    ab / (aa * bb).sqrt().max(1e-9)
}

#[test]
fn corpus_heif_pictures_match_the_reference_grids() {
    let Some(corpus) = support::corpus("corpus_heif_pictures_match_the_reference_grids") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for line in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let reference = &row["ref_decode"];
        if !["HEIF", "AVIF"].iter().any(|f| reference["format"] == *f) {
            continue;
        }
        seen += 1;
        let name = row["file"].as_str().unwrap();
        let pixels = match decode_heif(&open(&support::corpus_file(&corpus, name)), 640, &PLENTY) {
            Ok(pixels) => pixels,
            Err(e) => {
                wrong.push(format!("{name}: {e}"));
                continue;
            }
        };
        let side = |key: &str| reference[key].as_u64().unwrap() as u32;
        let want = within(640)(side("display_w"), side("display_h"));
        if want != (pixels.width, pixels.height) {
            wrong.push(format!("{name}: {}x{}, not {want:?}", pixels.width, pixels.height));
        }
        let Some(cells) = reference["y_grid_8x8"].as_array() else { continue };
        let want: [f64; 64] = std::array::from_fn(|i| cells[i].as_f64().unwrap());
        let got = luma_grid(&pixels);
        let off: Vec<f64> = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).collect();
        let (worst, mean) = (off.iter().fold(0.0, |a: f64, b| a.max(*b)), off.iter().sum::<f64>() / 64.0);
        let close = worst <= WORST_CELL && mean <= MEAN_OF_CELLS;
        let same = correlation(&got, &want);
        let enough = if name.contains("_hdr_") { SAME_PATTERN_PQ } else { SAME_PATTERN };
        if pixels.width.min(pixels.height) < SMALLEST_SIDE {
            continue;
        }
        if !close && same < enough {
            wrong.push(format!("{name}: worst cell {worst:.1}, mean {mean:.1}, correlation {same:.3}"));
        } else if !close {
            println!("{name}: converted here: worst cell {worst:.1}, mean {mean:.1}, correlation {same:.3}");
        }
    }
    assert!(seen > 60, "only {seen} pictures had a reference");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A 200-megapixel HEIC (16384 x 12288 in 768 tiles, as Samsung's phones write), made of a real picture's tiles.
pub(crate) fn made_200_megapixels(corpus: &Path) -> Vec<u8> {
    const COLUMNS: u32 = 32;
    const ROWS: u32 = 24;
    let name = "heic/bigcat88+pillow_heif/tests/images/heif_other/pug.heic";
    let source = open(&support::corpus_file(corpus, name));
    let Structure::Items(items) = structure(&Reader::new(&source)) else { panic!("no items") };
    let grid = items.shown().unwrap();
    let real: Vec<_> = items.references(grid.id, b"dimg").map(|id| items.get(id).unwrap()).collect();
    let record = items.properties_of(real[0]).find_map(|p| match p {
        Property::Hevc { record, .. } => Some(*record),
        _ => None,
    });
    let (at, length) = record.unwrap();
    let (hvcc, (tw, th)) = (source.slice(at, length as usize).unwrap(), items.size_of(real[0]).unwrap());
    let count = COLUMNS * ROWS;
    let tiles: Vec<Vec<u8>> = (0..count as usize)
        .map(|i| real[i % real.len()].extents[0])
        .map(|(at, len)| source.slice(at, len as usize).unwrap())
        .collect();

    let boxed = |kind: &[u8; 4], parts: &[&[u8]]| {
        let body = parts.concat();
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, &body].concat()
    };
    let full = |kind: &[u8; 4], version: u8, parts: &[&[u8]]| {
        boxed(kind, &[&[&[version, 0, 0, 0][..]], parts].concat())
    };
    let be16 = |v: u32| (v as u16).to_be_bytes();
    let be32 = u32::to_be_bytes;
    let infe = |id: u32, kind: &[u8; 4]| full(b"infe", 2, &[&be16(id), &[0, 0], kind, &[0]]);
    let ids = 2..count + 2;
    let infos = ids.clone().flat_map(|id| infe(id, b"hvc1")).collect::<Vec<u8>>();
    let size = (tw * COLUMNS, th * ROWS);
    let grid = [&[0, 1, ROWS as u8 - 1, COLUMNS as u8 - 1][..], &be32(size.0), &be32(size.1)].concat();
    let ispe = |w: u32, h: u32| full(b"ispe", 0, &[&be32(w), &be32(h)]);
    let ipco = boxed(b"ipco", &[&boxed(b"hvcC", &[&hvcc]), &ispe(tw, th), &ispe(size.0, size.1)]);
    let of_tiles = ids.clone().flat_map(|id| [&be16(id)[..], &[2, 0x81, 2]].concat()).collect::<Vec<u8>>();
    let ipma = full(b"ipma", 0, &[&be32(count + 1), &be16(1), &[1, 3], &of_tiles]);
    let to = ids.clone().flat_map(be16).collect::<Vec<u8>>();
    let dimg = boxed(b"dimg", &[&be16(1), &be16(count), &to]);
    let meta = |first_byte: u32| {
        let mut at = first_byte;
        let mut places = Vec::new();
        for (id, len) in std::iter::once(grid.len()).chain(tiles.iter().map(Vec::len)).enumerate() {
            let len = len as u32;
            places.extend([&be16(id as u32 + 1)[..], &[0, 0, 0, 1], &be32(at), &be32(len)].concat());
            at += len;
        }
        full(
            b"meta",
            0,
            &[
                &full(b"hdlr", 0, &[&[0; 4], b"pict", &[0; 13]]),
                &full(b"pitm", 0, &[&be16(1)]),
                &full(b"iinf", 0, &[&be16(count + 1), &infe(1, b"grid"), &infos]),
                &full(b"iloc", 0, &[&[0x44, 0], &be16(count + 1), &places]),
                &full(b"iref", 0, &[&dimg]),
                &boxed(b"iprp", &[&ipco, &ipma]),
            ],
        )
    };
    let ftyp = boxed(b"ftyp", &[b"heic", &[0; 4], b"mif1heic"]);
    let before_data = ftyp.len() + meta(0).len() + 8;
    let mdat = boxed(b"mdat", &[&grid, &tiles.concat()]);
    [ftyp, meta(before_data as u32), mdat].concat()
}

/// The memory limit that is promised for a 200-megapixel HEIC, for the whole process.
const MEMORY_FOR_200_MEGAPIXELS: u64 = 150_000_000;

#[test]
fn two_hundred_megapixels_fit_into_150_megabytes() {
    if support::corpus("two_hundred_megapixels_fit_into_150_megabytes").is_none() {
        return;
    }
    // In a process of its own, so that its peak is separate.
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["decode_heif::two_hundred_megapixels_alone", "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    let peak: u64 = said
        .lines()
        .find_map(|l| l.split("peak_kb=").nth(1))
        .expect("the child prints its peak")
        .trim()
        .parse()
        .unwrap();
    assert!(peak * 1024 < MEMORY_FOR_200_MEGAPIXELS, "{peak} KB");
}

#[test]
#[ignore = "the other half of two_hundred_megapixels_fit_into_150_megabytes"]
fn two_hundred_megapixels_alone() {
    let corpus = support::corpus("two_hundred_megapixels_alone").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("200mp.heic");
    std::fs::write(&path, made_200_megapixels(&corpus)).unwrap();
    // Reset the peak from generating the file.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let admission = FixedAdmission(MEMORY_FOR_200_MEGAPIXELS);
    let pixels = decode_heif(&open(&path), 2560, &admission).unwrap();
    assert_eq!((pixels.width, pixels.height), (2560, 1920));
    assert_eq!(pixels.damaged, None);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    println!("\npeak_kb={}", peak.trim().trim_end_matches(" kB"));
}

#[test]
fn a_truncated_grid_gives_what_is_there_and_says_so() {
    let Some(corpus) = support::corpus("a_truncated_grid_gives_what_is_there_and_says_so") else { return };
    let name = "heic/bigcat88+pillow_heif/tests/images/heif_other/pug.heic";
    let whole = std::fs::read(support::corpus_file(&corpus, name)).unwrap();
    let source = Source::from_bytes(whole[..whole.len() * 2 / 3].to_vec());
    let pixels = decode_heif(&source, 640, &PLENTY).unwrap();
    assert_eq!((pixels.width, pixels.height), (640, 480));
    assert!(pixels.damaged.is_some());
    let source = Source::from_bytes(whole[..whole.len() / 50].to_vec());
    assert!(decode_heif(&source, 640, &PLENTY).is_err());
}

#[test]
fn a_picture_that_cannot_be_admitted_is_too_large() {
    let Some(corpus) = support::corpus("a_picture_that_cannot_be_admitted_is_too_large") else { return };
    for name in [
        "heic/bigcat88+pillow_heif/tests/images/heif_other/pug.heic",
        "pixel-formats/libvips+libvips/test/test-suite/images/17000x17000.avif",
    ] {
        let source = open(&support::corpus_file(&corpus, name));
        let little = FixedAdmission(8 << 20);
        let refused = decode_heif(&source, 640, &little);
        assert!(matches!(refused, Err(Fault::TooLarge { .. })), "{name}: {refused:?}");
    }
}

/// Makes a clip with the ffmpeg program; `None`, with a note, if there is none.
fn made_clip(args: &[&str], name: &str) -> Option<(tempfile::TempDir, Source)> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    let made =
        std::process::Command::new("ffmpeg").args(["-v", "error", "-nostdin"]).args(args).arg(&path).status();
    match made {
        Ok(status) if status.success() => Some((dir, open(&path))),
        other => {
            crate::support::note_skipped(name, &format!("no ffmpeg to make it ({other:?})"));
            None
        }
    }
}

/// A HEIF file of 256 x 256 pixels whose items are coded pictures with this configuration. The last is the primary one,
/// and predicted from the others.
fn heic(configuration: &[u8], pictures: &[&[u8]]) -> Vec<u8> {
    let boxed =
        |kind: &[u8; 4], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat();
    let full = |kind: &[u8; 4], version: u8, body: &[u8]| boxed(kind, &[&[version, 0, 0, 0], body].concat());
    let n = pictures.len() as u16;
    let ids: Vec<[u8; 2]> = (1..=n).map(u16::to_be_bytes).collect();
    let infe = |id: &[u8; 2]| full(b"infe", 2, &[&id[..], b"\0\0hvc1\0"].concat());
    let infos = [n.to_be_bytes().to_vec(), ids.iter().flat_map(infe).collect()].concat();
    let size = full(b"ispe", 0, &[0, 0, 1, 0, 0, 0, 1, 0]);
    let properties = boxed(b"ipco", &[boxed(b"hvcC", configuration), size].concat());
    let mut association = vec![0, 0, 0, n as u8];
    ids.iter().for_each(|id| association.extend([&id[..], &[2, 0x81, 2]].concat()));
    let properties = boxed(b"iprp", &[properties, full(b"ipma", 0, &association)].concat());
    let mut references = [ids[n as usize - 1].to_vec(), (n - 1).to_be_bytes().to_vec()].concat();
    ids[..n as usize - 1].iter().for_each(|id| references.extend(id));
    let references = full(b"iref", 0, &boxed(b"pred", &references));
    let meta = |start: u32| {
        let mut places = [&[0x44, 0][..], &n.to_be_bytes()].concat();
        let mut at = start;
        for (id, picture) in ids.iter().zip(pictures) {
            let length = picture.len() as u32;
            places.extend([&id[..], &[0, 0, 0, 1], &at.to_be_bytes(), &length.to_be_bytes()].concat());
            at += length;
        }
        let primary = full(b"pitm", 0, &n.to_be_bytes());
        let tables =
            [full(b"iinf", 0, &infos), full(b"iloc", 0, &places), references.clone(), properties.clone()];
        full(b"meta", 0, &[primary, tables.concat()].concat())
    };
    let head = boxed(b"ftyp", b"heic\0\0\0\0mif1heic");
    let start = (head.len() + meta(0).len() + 8) as u32;
    [head, meta(start), boxed(b"mdat", &pictures.concat())].concat()
}

/// Two frames of HEVC, a key frame and one that builds on it, and the configuration of both.
fn two_frames() -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    // The scene moves, so that the second frame has content.
    let scene = "testsrc2=s=256x256:r=5:d=0.4";
    let x265 = "log-level=none:bframes=0:keyint=9:no-info=1";
    let args =
        ["-f", "lavfi", "-i", scene, "-c:v", "libx265", "-crf", "8", "-x265-params", x265, "-tag:v", "hvc1"];
    let (dir, _) = made_clip(&args, "two.mp4")?;
    let file = std::fs::read(dir.path().join("two.mp4")).unwrap();
    let word = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let body = |kind: &[u8]| file.windows(4).position(|w| w == kind).unwrap() + 4;
    let configuration = body(b"hvcC");
    let configuration = file[configuration..configuration - 8 + word(configuration - 8)].to_vec();
    // Version, a common size, a number, then the sizes; the samples are contiguous.
    let sizes = body(b"stsz") + 12;
    let (first, second) = (word(sizes), word(sizes + 4));
    let data = body(b"mdat");
    let second = file[data + first..data + first + second].to_vec();
    Some((configuration, file[data..data + first].to_vec(), second))
}

fn difference(a: &Pixels, b: &Pixels) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    a.rgb.iter().zip(&b.rgb).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.rgb.len() as f64
}

#[test]
fn a_picture_that_is_predicted_from_another_is_decoded_behind_it() {
    let Some((configuration, key, next)) = two_frames() else { return };
    let of = |pictures: &[&[u8]]| {
        let source = Source::from_bytes(heic(&configuration, pictures));
        decode_heif(&source, 256, &PLENTY).unwrap()
    };
    let (first, second) = (of(&[&key]), of(&[&key, &next]));
    assert_eq!((first.damaged.as_deref(), second.damaged.as_deref()), (None, None));
    let moved = difference(&first, &second);
    // testsrc2's bars stand still, and some of its shapes move.
    assert!((0.5..40.0).contains(&moved), "{moved}");
    let contrast = |p: &Pixels| p.rgb.iter().max().unwrap() - p.rgb.iter().min().unwrap();
    assert!(contrast(&second) > 200, "it is not grey");
}

#[test]
fn a_picture_that_is_cut_off_is_shown_as_far_as_it_goes() {
    let Some((configuration, key, _)) = two_frames() else { return };
    let whole = heic(&configuration, &[&key]);
    let cut = whole[..whole.len() - key.len() / 3].to_vec();
    let decode = |bytes: Vec<u8>| decode_heif(&Source::from_bytes(bytes), 256, &PLENTY).unwrap();
    let (whole, cut) = (decode(whole), decode(cut));
    assert_eq!(whole.damaged, None);
    assert!(cut.damaged.is_some());
    let top = |p: &Pixels| Pixels { height: 64, rgb: p.rgb[..256 * 64 * 3].to_vec(), ..p.clone() };
    assert!(difference(&top(&whole), &top(&cut)) < 1.0, "the top is there");
}

fn decode_video(source: &Source, side: u32) -> Pixels {
    decode::video::decode(source, &Facts::default(), &within(side), &PLENTY).unwrap()
}

/// Two seconds of black, a white flash, a fade of a second, then the scene; one key frame in all of it.
const BLACK_FLASH_FADE: &str = "color=black:s=320x240:r=25:d=2[a];color=white:s=320x240:r=25:d=0.2[b];\
    testsrc2=s=320x240:r=25:d=3,fade=in:0:25[c];[a][b][c]concat=n=3";

#[test]
fn the_scene_is_found_behind_black_flash_and_fade() {
    for name in ["clip.mp4", "clip.avi", "clip.mkv", "clip.mov", "clip.ts"] {
        let args = ["-f", "lavfi", "-i", BLACK_FLASH_FADE, "-c:v", "mpeg4", "-g", "999", "-q:v", "3"];
        let Some((_dir, source)) = made_clip(&args, name) else { return };
        let pixels = decode_video(&source, 320);
        let mut luma: Vec<u8> = pixels.rgb.chunks(3).map(|p| p[1]).collect();
        luma.sort_unstable();
        let at = |percent: usize| luma[luma.len() * percent / 100];
        assert!(at(98) - at(2) > 180, "{name}: from {} to {}", at(2), at(98));
    }
}

#[test]
fn a_clip_that_fits_into_one_read_is_searched_like_any_other() {
    let args =
        ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=1", "-c:v", "mpeg4", "-g", "999", "-q:v", "9"];
    for name in ["small.avi", "small.mp4", "small.mkv", "small.ts"] {
        let Some((dir, source)) = made_clip(&args, name) else { return };
        assert!(std::fs::metadata(dir.path().join(name)).unwrap().len() < 32 << 10);
        let pixels = decode_video(&source, 160);
        assert_eq!((pixels.width, pixels.height, pixels.damaged), (160, 120, None), "{name}");
    }
}

/// A signal from 0 to 1 for this grey level in cd/m2: PQ (SMPTE ST 2084), and HLG on a screen of 1000 cd/m2
/// (BT.2100).
fn pq(nits: f64) -> f64 {
    let y = (nits / 10_000.0).powf(0.159_301_757_812_5);
    ((0.835_937_5 + 18.851_562_5 * y) / (1.0 + 18.687_5 * y)).powf(78.843_75)
}

fn hlg(nits: f64) -> f64 {
    let scene = (nits / 1000.0).powf(1.0 / 1.2);
    let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
    if scene <= 1.0 / 12.0 { (3.0 * scene).sqrt() } else { a * (12.0 * scene - b).ln() + c }
}

#[test]
fn hdr_clips_are_neither_grey_nor_burnt() {
    // Columns of grey in cd/m2; 203 is diffuse white.
    let shown = |nits: [f64; 4], transfer: &str, signal: fn(f64) -> f64| -> Option<[i32; 4]> {
        let [a, b, c, d] = nits.map(|n| (64.0 + 876.0 * signal(n)).round());
        let filter = format!(
            "color=s=256x64:r=5:d=1,format=yuv420p10le,\
             geq=lum='if(lt(X,64),{a},if(lt(X,128),{b},if(lt(X,192),{c},{d})))':cb=512:cr=512"
        );
        let x265 =
            format!("lossless=1:log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc");
        let args = ["-f", "lavfi", "-i", &filter, "-c:v", "libx265", "-x265-params", &x265];
        let tags = ["-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc"];
        let args = [&args[..], &tags[..], &["-tag:v", "hvc1"]].concat();
        let (_dir, source) = made_clip(&args, "hdr.mov")?;
        let pixels = decode_video(&source, 256);
        Some([32, 96, 160, 224].map(|x| i32::from(pixels.rgb[(32 * 256 + x) * 3 + 1])))
    };
    for (transfer, signal) in [("smpte2084", pq as fn(f64) -> f64), ("arib-std-b67", hlg)] {
        // Without highlights nothing is changed: sRGB's curve over diffuse white.
        let plain = [20.0, 60.0, 120.0, 203.0];
        let Some(found) = shown(plain, transfer, signal) else { return };
        let meant = plain.map(|n| {
            let linear: f64 = n / 203.0;
            (255.0 * (1.055 * linear.powf(1.0 / 2.4) - 0.055)).round() as i32
        });
        for (found, meant) in found.into_iter().zip(meant) {
            assert!((found - meant).abs() <= 3, "{transfer}: {found} where {meant} was meant");
        }
        // With highlights, tones below diffuse white change little, and highlights stay distinct.
        let Some([grey, white, bright, brightest]) = shown([60.0, 203.0, 500.0, 1000.0], transfer, signal)
        else {
            return;
        };
        assert!((grey - meant[1]).abs() <= 12, "{transfer}: {grey} where {} was meant", meant[1]);
        assert!(
            white >= 215 && bright >= white + 5 && brightest > bright,
            "{transfer}: {white} {bright} {brightest}"
        );
    }
}

#[test]
fn wide_pixels_become_square() {
    let args = ["-f", "lavfi", "-i", "testsrc2=s=360x288:r=25:d=1,setsar=2", "-c:v", "mpeg4"];
    let Some((_dir, source)) = made_clip(&args, "clip.mp4") else { return };
    let pixels = decode_video(&source, 10_000);
    assert_eq!((pixels.width, pixels.height), (720, 288));
    let facts = decode::video::probe(&source).unwrap();
    assert_eq!((facts.width, facts.height), (360, 288));
    assert_eq!((facts.display_width, facts.display_height), (720, 288));
    assert_eq!((facts.codec.as_str(), facts.audio.as_str()), ("mpeg4", "none"));
    assert_eq!((facts.fps, facts.duration_s), (Some(25.0), Some(1.0)));
}

#[test]
fn corpus_videos_give_an_upright_frame() {
    let Some(corpus) = support::corpus("corpus_videos_give_an_upright_frame") else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let mut seen = 0;
    for line in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let known = &row["ffprobe"];
        // Without a pixel format ffprobe found no frame either: truncated files.
        if row["kind"] != "video" || known["pix_fmt"].is_null() {
            continue;
        }
        seen += 1;
        let name = row["file"].as_str().unwrap();
        let source = open(&support::corpus_file(&corpus, name));
        let side = |key: &str| known[key].as_u64().unwrap() as u32;
        let pixels = decode_video(&source, 10_000);
        assert_eq!((pixels.width, pixels.height), (side("display_w"), side("display_h")), "{name}");
        let facts = decode::video::probe(&source).unwrap();
        assert_eq!(facts.codec, known["video_codec"].as_str().unwrap(), "{name}");
        assert_eq!((facts.width, facts.height), (side("coded_w"), side("coded_h")), "{name}");
        assert_eq!(facts.audio != "none", known["audio"].as_bool().unwrap(), "{name}");
    }
    assert!(seen >= 9, "only {seen} videos");
}
