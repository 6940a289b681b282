//! Measures how much a picture may be altered and still join its person: 24 people of LFW (ALBUMEN_CORPUS),
//! each known by four pictures, and a fifth of each that is altered in one way after the other.
//!
//!     ALBUMEN_CORPUS=... cargo run --release -p albumen-bench --example people_robustness
//!
//! A picture counts if its face joins the right person as the only new one. "asked" counts those that wait
//! and for which `people ask` would suggest the right person. The last lines are about small sideways faces:
//! the similarity of their embeddings, by grade.

use albumen_core::vocabulary::{FoundFace, RecogniseRequest};
use albumen_library::people::gallery::{Gallery, Probe};
use albumen_library::people::{Fate, Known, Node, Thresholds, Vectors, exemplars, grow};
use albumen_models::files::default_dir;
use albumen_recognise::Recogniser;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const PEOPLE: usize = 24;
const KNOWN: usize = 4;

struct Person {
    known: Vec<FoundFace>,
    picture: RgbImage,
    /// The face of the unaltered picture.
    face: FoundFace,
}

type Alter = Box<dyn Fn(&Person) -> RgbImage>;

fn main() {
    let Some(corpus) = std::env::var_os("ALBUMEN_CORPUS").map(PathBuf::from) else {
        eprintln!("people_robustness: ALBUMEN_CORPUS names no folder of media");
        std::process::exit(2);
    };
    let mut recogniser = Recogniser::open(&default_dir(), 2).expect("the models are there");
    let people = people(&corpus, &mut recogniser);
    println!("{} people, {KNOWN} pictures each", people.len());
    let small = |pixels: u32| -> Alter {
        Box::new(move |p: &Person| {
            // Scaled so that the face's box is this high.
            let scale = pixels as f32 / (p.face.area[3] * p.picture.height() as f32);
            let size = |n: u32| ((n as f32 * scale).round() as u32).max(1);
            imageops::resize(
                &p.picture,
                size(p.picture.width()),
                size(p.picture.height()),
                FilterType::Triangle,
            )
        })
    };
    let alterations: Vec<(&str, Alter)> = vec![
        ("as it is", Box::new(|p| p.picture.clone())),
        ("turned by 90 degrees", Box::new(|p| imageops::rotate90(&p.picture))),
        ("mirrored", Box::new(|p| imageops::flip_horizontal(&p.picture))),
        ("dark", Box::new(|p| each_pixel(&p.picture, |v| v / 4))),
        ("blurred", Box::new(|p| imageops::blur(&p.picture, 3.0))),
        ("36 pixels", small(36)),
        ("48 pixels", small(48)),
        ("80 pixels", small(80)),
        ("sunglasses", Box::new(sunglasses)),
        ("mask", Box::new(mask)),
        ("tilted by 35 degrees", Box::new(|p| tilted(&p.picture, 35.0))),
    ];
    println!("{:<24} {:>6} {:>6} {:>6} {:>6}", "", "found", "joins", "wrong", "asked");
    for (name, alter) in &alterations {
        let mut counts = [0; 4];
        for (i, person) in people.iter().enumerate() {
            let Some(face) = centre(&mut recogniser, &alter(person)) else { continue };
            counts[0] += 1;
            match joins(&people, &face) {
                Ok(who) if who == i => counts[1] += 1,
                Ok(_) => counts[2] += 1,
                Err(asked) => counts[3] += usize::from(asked == Some(i)),
            }
        }
        println!("{name:<24} {:>6} {:>6} {:>6} {:>6}", counts[0], counts[1], counts[2], counts[3]);
    }
    sideways(&people, &mut recogniser);
}

fn people(corpus: &Path, recogniser: &mut Recogniser) -> Vec<Person> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(corpus.join("faces/lfw"))
        .expect("ALBUMEN_CORPUS has LFW")
        .map(|e| e.expect("an entry").path())
        .collect();
    folders.sort();
    let mut people = Vec::new();
    for folder in folders {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        files.sort();
        if files.len() <= KNOWN || people.len() == PEOPLE {
            continue;
        }
        let mut found: Vec<(FoundFace, RgbImage)> = Vec::new();
        for file in files.iter().take(KNOWN + 1) {
            let jpeg = std::fs::read(file).expect("a picture");
            let p = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::RGB).expect("a JPEG");
            let picture = RgbImage::from_raw(p.width as u32, p.height as u32, p.pixels).expect("pixels");
            found.extend(centre(recogniser, &picture).map(|face| (face, picture)));
        }
        if found.len() == KNOWN + 1 {
            let (face, picture) = found.pop().expect("a picture");
            people.push(Person { known: found.into_iter().map(|f| f.0).collect(), picture, face });
        }
    }
    people
}

fn recognise(recogniser: &mut Recogniser, picture: &RgbImage, try_rotations: bool) -> Vec<FoundFace> {
    let image = turbojpeg::Image {
        pixels: picture.as_raw().as_slice(),
        width: picture.width() as usize,
        pitch: picture.width() as usize * 3,
        height: picture.height() as usize,
        format: turbojpeg::PixelFormat::RGB,
    };
    let jpeg = turbojpeg::compress(image, 92, turbojpeg::Subsamp::None).expect("a JPEG is written");
    let request = RecogniseRequest { faces: true, subjects: false, try_rotations };
    recogniser.recognise(&jpeg, &request).map(|r| r.faces).unwrap_or_default()
}

/// The face in the middle.
fn centre(recogniser: &mut Recogniser, picture: &RgbImage) -> Option<FoundFace> {
    let off =
        |f: &FoundFace| (f.area[0] + f.area[2] / 2.0 - 0.5).abs() + (f.area[1] + f.area[3] / 2.0 - 0.5).abs();
    recognise(recogniser, picture, true).into_iter().min_by(|a, b| off(a).total_cmp(&off(b)))
}

/// The person that a new face joins; else the person of its question.
fn joins(people: &[Person], face: &FoundFace) -> Result<usize, Option<usize>> {
    let t = Thresholds::SFACE;
    let dim = face.embedding.len();
    let (mut kept, mut known, mut gallery) = (Vectors::new(dim), Vec::new(), Gallery::new(dim));
    for person in people {
        let mut faces = Vectors::new(dim);
        let mut sum = vec![0.0; dim];
        for f in &person.known {
            let row = faces.push(&f.embedding);
            faces.add_to(row, &mut sum);
        }
        let start = kept.len() as u32;
        let qualities: Vec<f32> = person.known.iter().map(|f| f.quality).collect();
        let chosen = exemplars::choose(&faces, &qualities);
        for e in &chosen {
            kept.push(faces.row(*e));
        }
        let count = person.known.len() as u32;
        gallery.push(count, sum.clone(), chosen.iter().map(|e| faces.row(*e)));
        known.push(Known { sum, count, exemplars: start..kept.len() as u32, changed: false });
    }
    let mut new = Vectors::new(dim);
    new.push(&face.embedding);
    let nodes = [Node { quality: face.quality, photo: 0, fresh: true }];
    let stop = AtomicBool::new(false);
    let grown =
        grow(&nodes, &new, &known, &kept, &mut |_| Vec::new(), &t, 1, &stop).expect("it is not stopped");
    if let Fate::Joins { person, .. } = grown.fates[0] {
        return Ok(person as usize);
    }
    let near = gallery.nearest(&[Probe { embedding: &face.embedding, quality: face.quality, own: None }], &t);
    Err(gallery.ask_who(&near[0], &t, |_| true).map(|(person, _)| person))
}

fn each_pixel(picture: &RgbImage, change: impl Fn(u8) -> u8) -> RgbImage {
    let mut out = picture.clone();
    out.pixels_mut().for_each(|p| p.0 = p.0.map(&change));
    out
}

/// The five points in pixels: eyes, nose, corners of the mouth.
fn points(p: &Person) -> [[f32; 2]; 5] {
    p.face.points.map(|[x, y]| [x * p.picture.width() as f32, y * p.picture.height() as f32])
}

fn sunglasses(p: &Person) -> RgbImage {
    let [left, right, ..] = points(p);
    let wide = (right[0] - left[0]).hypot(right[1] - left[1]);
    painted(&p.picture, Rgb([12, 12, 14]), |x, y| {
        let in_glass = |eye: [f32; 2]| {
            ((x - eye[0]) / (wide * 0.42)).powi(2) + ((y - eye[1]) / (wide * 0.32)).powi(2) <= 1.0
        };
        in_glass(left) || in_glass(right)
    })
}

fn mask(p: &Person) -> RgbImage {
    let [left, right, nose, ..] = points(p);
    let wide = (right[0] - left[0]).hypot(right[1] - left[1]);
    let bottom = (p.face.area[1] + p.face.area[3]) * p.picture.height() as f32;
    painted(&p.picture, Rgb([150, 190, 215]), |x, y| {
        y >= nose[1] - wide * 0.05 && y <= bottom && (x - nose[0]).abs() <= wide * 0.85
    })
}

fn painted(picture: &RgbImage, colour: Rgb<u8>, inside: impl Fn(f32, f32) -> bool) -> RgbImage {
    let mut out = picture.clone();
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        if inside(x as f32, y as f32) {
            *pixel = colour;
        }
    }
    out
}

fn tilted(picture: &RgbImage, degrees: f32) -> RgbImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (w, h) = picture.dimensions();
    let (cx, cy) = (w as f32 / 2.0, h as f32 / 2.0);
    RgbImage::from_fn(w, h, |x, y| {
        let (dx, dy) = (x as f32 - cx, y as f32 - cy);
        let (sx, sy) = (cx + dx * cos + dy * sin, cy - dx * sin + dy * cos);
        let at = |v: f32, most: u32| v.round().clamp(0.0, most as f32 - 1.0) as u32;
        *picture.get_pixel(at(sx, w), at(sy, h))
    })
}

/// Small sideways faces, processed as if they were upright.
fn sideways(people: &[Person], recogniser: &mut Recogniser) {
    println!("small faces on their side: grade, score, cosine with the upright face");
    let mut rows: Vec<(f32, f32, f32)> = Vec::new();
    for p in people {
        for pixels in [24, 36, 48, 80] {
            let scale = pixels as f32 / (p.face.area[3] * p.picture.height() as f32);
            let size = |n: u32| ((n as f32 * scale).round() as u32).max(1);
            let little = imageops::resize(
                &p.picture,
                size(p.picture.width()),
                size(p.picture.height()),
                FilterType::Triangle,
            );
            // Within a larger picture, as in a group.
            let mut scene = RgbImage::from_pixel(640, 480, Rgb([110, 115, 120]));
            imageops::replace(&mut scene, &imageops::rotate90(&little), 200, 150);
            for f in recognise(recogniser, &scene, false) {
                rows.push((f.quality, f.score, cosine(&f.embedding, &p.face.embedding)));
            }
        }
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    for band in [(0.0, 0.001), (0.001, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 1.1)] {
        let of: Vec<&(f32, f32, f32)> = rows.iter().filter(|r| r.0 >= band.0 && r.0 < band.1).collect();
        let nonsense = of.iter().filter(|r| r.2 < 0.3).count();
        println!(
            "    grade {:.3} to {:.3}: {} faces, {} of them nonsense (below 0.3)",
            band.0,
            band.1,
            of.len(),
            nonsense
        );
    }
    if std::env::var_os("SHOW").is_some() {
        rows.iter().for_each(|r| println!("    {:.3} {:.3} {:.3}", r.0, r.1, r.2));
    }
}

fn cosine(a: &[i8], b: &[i8]) -> f32 {
    let dot = |a: &[i8], b: &[i8]| a.iter().zip(b).map(|(x, y)| f32::from(*x) * f32::from(*y)).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1.0)
}
