//! Makes the library that `make demo` shows: about 300 pictures and clips of ten years, made of numbers.
//!
//!     demo_library FOLDER [--width PIXELS] [--every N] [--portrait PNG]
//!
//! Everything in it is made by this program, but for the portrait, which is in the public domain and comes with the models.
//! Clips and motion photos need the ffmpeg program. The same arguments give the same pictures.

mod jpeg;
mod scene;

use jpeg::Shot;
use scene::{Ground, Light, Picture};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Width of a photo in pixels, and of a sphere: large enough for the `xl` thumbnail, small enough for a demo.
const WIDTH: usize = 1600;
const SPHERE_WIDTH: usize = 2048;

struct Trip {
    folder: &'static str,
    /// First day, `YYYY:MM:DD`, and how many days.
    first: (u32, u32, u32),
    days: u32,
    photos: u32,
    gps: (f64, f64),
    offset: &'static str,
    ground: Ground,
}

const TRIPS: &[Trip] = &[
    trip("2016/2016-08 Lofoten", (2016, 8, 3), 6, 24, (68.2340, 13.6140), "+02:00", Ground::Water),
    trip("2017/2017-05 Tuscany", (2017, 5, 20), 5, 26, (43.8429, 10.5027), "+02:00", Ground::Meadow),
    trip("2018/2018-01 Zermatt", (2018, 1, 27), 4, 20, (46.0207, 7.7491), "+01:00", Ground::Snow),
    trip("2018/2018-10 New York", (2018, 10, 6), 5, 24, (40.7484, -73.9857), "-04:00", Ground::Town),
    trip("2019/2019-04 Kyoto", (2019, 4, 2), 7, 28, (35.0116, 135.7681), "+09:00", Ground::Town),
    trip("2020/2020-07 Baltic Sea", (2020, 7, 11), 8, 22, (54.4310, 12.6890), "+02:00", Ground::Water),
    trip("2021/2021-09 Lisbon", (2021, 9, 14), 5, 24, (38.7139, -9.1334), "+01:00", Ground::Town),
    trip("2022/2022-03 Marrakech", (2022, 3, 5), 4, 22, (31.6258, -7.9892), "+01:00", Ground::Sand),
    trip("2023/2023-07 Iceland", (2023, 7, 1), 9, 30, (64.1466, -21.9426), "+00:00", Ground::Water),
    trip("2024/2024-12 Cape Town", (2024, 12, 22), 6, 26, (-33.9249, 18.4241), "+02:00", Ground::Sand),
    trip("2025/2025-06 Garden", (2025, 6, 8), 3, 20, (52.5200, 13.4050), "+02:00", Ground::Meadow),
    trip("2026/2026-02 Dolomites", (2026, 2, 14), 4, 18, (46.4102, 11.8440), "+01:00", Ground::Snow),
];

const fn trip(
    folder: &'static str,
    first: (u32, u32, u32),
    days: u32,
    photos: u32,
    gps: (f64, f64),
    offset: &'static str,
    ground: Ground,
) -> Trip {
    Trip { folder, first, days, photos, gps, offset, ground }
}

/// Make, model, lens, aperture and focal length in tenths.
const CAMERAS: &[(&str, &str, &str, u32, u32)] = &[
    ("Canon", "Canon EOS R6", "RF24-105mm F4 L IS USM", 40, 350),
    ("Apple", "iPhone 13", "iPhone 13 back dual wide camera 5.1mm f/1.6", 16, 51),
    ("Google", "Pixel 8", "Pixel 8 back camera 6.9mm f/1.68", 17, 69),
];

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: demo_library FOLDER [--width PIXELS] [--every N] [--portrait PNG]";
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or(usage)?);
    let (mut width, mut every, mut portrait) = (WIDTH, 1, None);
    while let (Some(flag), value) = (arguments.next(), arguments.next().ok_or(usage)) {
        match flag.to_str() {
            Some("--width") => width = value?.to_str().ok_or(usage)?.parse()?,
            // Tests take only every n-th photo of a trip.
            Some("--every") => every = value?.to_str().ok_or(usage)?.parse()?,
            Some("--portrait") => portrait = Some(read_portrait(Path::new(&value?))?),
            _ => return Err(usage.into()),
        }
    }
    make_trips(&folder, width, every, portrait.as_ref())?;
    make_spheres(&folder)?;
    make_scans(&folder)?;
    make_clips(&folder)?;
    make_damaged(&folder)
}

/// The portrait, a PNG of 8 bits RGB.
fn read_portrait(path: &Path) -> Result<Picture, Box<dyn Error>> {
    let mut reader = png::Decoder::new(std::io::BufReader::new(fs::File::open(path)?)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("the portrait is too large")?];
    let info = reader.next_frame(&mut pixels)?;
    if (info.color_type, info.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) {
        return Err("the portrait is no PNG of 8 bits RGB".into());
    }
    Ok(Picture { width: info.width as usize, height: info.height as usize, pixels })
}

/// All trips, on as many threads as there are processors.
fn make_trips(
    folder: &Path,
    width: usize,
    every: usize,
    portrait: Option<&Picture>,
) -> Result<(), Box<dyn Error>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), String> {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(trip) = TRIPS.get(n) else { return Ok(()) };
            make_trip(folder, width, every, n as u32, trip, portrait)
                .map_err(|e| format!("{}: {e}", trip.folder))?;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in running {
            thread.join().map_err(|_| "a thread that makes pictures has panicked")??;
        }
        Ok(())
    })
}

fn make_trip(
    folder: &Path,
    width: usize,
    every: usize,
    n: u32,
    trip: &Trip,
    portrait: Option<&Picture>,
) -> Result<(), Box<dyn Error>> {
    let (long, short) = (width, width * 3 / 4);
    let folder = folder.join(trip.folder);
    fs::create_dir_all(&folder)?;
    for i in (0..trip.photos).step_by(every.max(1)) {
        let seed = n * 1000 + i * 7;
        let hour = 8 + (i * 5) % 14;
        let light = match hour {
            ..=17 => Light::Noon,
            18..=19 => Light::Evening,
            _ => Light::Night,
        };
        let is_portrait_format = i % 5 == 3;
        let (width, height) = if is_portrait_format { (short, long) } else { (long, short) };
        let mut picture = scene::landscape(seed, width, height, trip.ground, light);
        if let Some(face) = portrait.filter(|_| i % 8 == 5) {
            scene::inset(&mut picture, face, width / 8 + (seed as usize * 37) % (width / 3), height * 3 / 5);
        }
        let shot = shot_of(trip, i, hour, seed);
        let name = format!("IMG_{:04}.JPG", n * 100 + i + 1);
        let is_moving = i == 9 && n.is_multiple_of(4);
        let clip = if is_moving { clip_of(&picture)? } else { None };
        let packets: Vec<Vec<u8>> = clip.iter().map(|clip| jpeg::motion_packet(clip.len())).collect();
        let mut bytes = jpeg::encode(&picture, Some(&shot), &packets)?;
        bytes.extend(clip.unwrap_or_default());
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn shot_of(trip: &Trip, i: u32, hour: u32, seed: u32) -> Shot {
    let (make, model, lens, aperture, focal) = CAMERAS[((seed / 7) % 3) as usize];
    let (year, month, first) = trip.first;
    let day = first + i * trip.days / trip.photos;
    // Some hundred metres around the place, and one photo in six without a position.
    let wander = |k: u32| f64::from((seed * 31 + k * 17) % 200) / 20_000.0 - 0.005;
    Shot {
        make,
        model,
        lens,
        taken: format!("{year:04}:{month:02}:{day:02} {hour:02}:{:02}:{:02}", (i * 13) % 60, (i * 29) % 60),
        offset: trip.offset,
        gps: (i % 6 != 4).then(|| (trip.gps.0 + wander(1), trip.gps.1 + wander(2))),
        iso: [100, 200, 400, 1600][(i % 4) as usize],
        exposure: [500, 250, 125, 30][(i % 4) as usize],
        aperture,
        focal,
    }
}

/// Two full spheres.
fn make_spheres(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (n, at) in [(4_u32, 8_u32), (8, 8)] {
        let trip = &TRIPS[at as usize];
        let folder = folder.join(trip.folder);
        fs::create_dir_all(&folder)?;
        let picture = scene::sphere(9000 + n, SPHERE_WIDTH, Ground::Meadow);
        let shot = shot_of(trip, n, 12, 9000 + n);
        let packet = jpeg::sphere_packet(SPHERE_WIDTH, SPHERE_WIDTH / 2);
        fs::write(folder.join(format!("PANO_{n:04}.jpg")), jpeg::encode(&picture, Some(&shot), &[packet])?)?;
    }
    Ok(())
}

/// Scans without EXIF in folders that say the year or the month.
fn make_scans(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (name, count) in [("Scans/1965 Wedding", 5), ("Scans/1978-07 Lake", 6)] {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        for i in 0..count {
            let mut picture = scene::landscape(7000 + i * 3 + count, 1200, 1200, Ground::Water, Light::Noon);
            // Black and white, slightly faded.
            for pixel in picture.pixels.chunks_exact_mut(3) {
                let luma = (u32::from(pixel[0]) * 3 + u32::from(pixel[1]) * 6 + u32::from(pixel[2])) / 10;
                let faded = 40 + luma * 175 / 255;
                pixel.copy_from_slice(&[faded as u8 + 12, faded as u8 + 6, faded as u8]);
            }
            let file = folder.join(format!("scan{:02}.jpg", i + 1));
            fs::write(&file, jpeg::encode(&picture, None, &[])?)?;
            dated(&file, SCANNED)?;
        }
    }
    Ok(())
}

/// When the scans were made, in seconds since 1970: the date of files that say nothing of it themselves.
const SCANNED: u64 = 1_426_000_000;

fn dated(file: &Path, seconds: u64) -> Result<(), Box<dyn Error>> {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    Ok(fs::File::options().write(true).open(file)?.set_modified(at)?)
}

/// A clip that moves slowly over a picture, H.264 in MP4; `None` where there is no ffmpeg program.
fn clip_of(picture: &Picture) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (still, clip) = (folder.path().join("still.jpg"), folder.path().join("clip.mp4"));
    fs::write(&still, jpeg::encode(picture, None, &[])?)?;
    Ok(pan(&still, &clip, &[])?.then(|| fs::read(&clip)).transpose()?)
}

/// Pans over a still for three seconds. False where there is no ffmpeg program.
fn pan(still: &Path, clip: &Path, metadata: &[String]) -> Result<bool, Box<dyn Error>> {
    let filter = "scale=1280:-2,crop=960:540:(iw-960)*t/3:(ih-540)/2,format=yuv420p";
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-loop", "1", "-t", "3", "-r", "25", "-i"]).arg(still);
    command.args([
        "-vf",
        filter,
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-movflags",
        "+faststart+use_metadata_tags",
    ]);
    for pair in metadata {
        command.args(["-metadata", pair]);
    }
    match command.arg(clip).status() {
        Ok(status) if status.success() => Ok(true),
        Ok(status) => Err(format!("ffmpeg ended with {status}").into()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// One clip for every second trip, with date and position.
fn make_clips(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (n, trip) in TRIPS.iter().enumerate().step_by(2) {
        let folder = folder.join(trip.folder);
        let (year, month, day) = trip.first;
        let metadata = [
            format!("creation_time={year:04}-{month:02}-{:02}T10:30:00Z", day + 1),
            format!("location={:+08.4}{:+09.4}/", trip.gps.0, trip.gps.1),
        ];
        let still = folder.join(format!("IMG_{:04}.JPG", n * 100 + 1));
        if !pan(&still, &folder.join(format!("MOV_{:04}.mp4", n + 1)), &metadata)? {
            eprintln!("demo_library: no clips and motion photos, since there is no ffmpeg program");
            return Ok(());
        }
    }
    Ok(())
}

/// Files that are broken in the ways that files break: the portal shows what it says of them.
fn make_damaged(folder: &Path) -> Result<(), Box<dyn Error>> {
    let folder = folder.join("Damaged files");
    fs::create_dir_all(&folder)?;
    let picture = scene::landscape(4711, 1200, 900, Ground::Meadow, Light::Evening);
    let whole = jpeg::encode(&picture, None, &[])?;
    fs::write(folder.join("cut off.jpg"), &whole[..whole.len() * 2 / 3])?;
    let mut zeros = whole.clone();
    let length = zeros.len();
    zeros[length / 2..].fill(0);
    fs::write(folder.join("filled with zeros.jpg"), zeros)?;
    fs::write(folder.join("empty.jpg"), b"")?;
    fs::write(folder.join("not a photo.jpg"), b"This is a text file with the name of a photo.\n")?;
    for file in fs::read_dir(&folder)? {
        dated(&file?.path(), SCANNED)?;
    }
    Ok(())
}
