//! The number of altered pictures assigned to the right person: 24 people of LFW by name, four pictures of
//! each indexed and named, a fifth altered and indexed after them. Everything goes through the `albumen`
//! program.
//!
//!     cargo run --release --example corpus_report -- people-robust target/release/albumen

use super::altered::{Change, Place, alter};
use albumen_models::files::default_dir;
use albumen_recognise::Recogniser;
use image::RgbImage;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The number of people, and the pictures of each that are indexed unaltered.
const PEOPLE: usize = 24;
const KNOWN: usize = 4;

type Error = Box<dyn std::error::Error>;

/// A person of the corpus: the pictures that are indexed first, and the one that is altered, with its face.
struct Sitter {
    name: String,
    known: Vec<PathBuf>,
    picture: RgbImage,
    face: Place,
}

pub(crate) fn print(corpus: &Path, rows: &[Value], program: &Path) {
    if let Err(e) = table(corpus, rows, program) {
        println!("  left out: {e}");
    }
}

fn table(corpus: &Path, rows: &[Value], program: &Path) -> Result<(), Error> {
    println!("\nPeople in altered pictures");
    let sitters = sitters(corpus, rows)?;
    println!("  {} people, {KNOWN} pictures of each known", sitters.len());
    let folder = tempfile::tempdir()?;
    let library = Library { program: program.to_owned(), folder: folder.path().to_owned() };
    library.fill(&sitters)?;
    println!("  {:<26} {:>6} {:>6} {:>6} {:>6}", "", "right", "wrong", "waits", "asked");
    for change in Change::ALL {
        library.add(&sitters, &[change])?;
        let Count { right, wrong, waits, asked } = library.count(&sitters, change)?;
        println!("  {:<26} {right:>6} {wrong:>6} {waits:>6} {asked:>6}", change.name());
        library.reset(&sitters)?;
    }
    library.add(&sitters, &Change::ALL)?;
    naming(&library, &sitters)
}

/// With all altered pictures in one library: the waiting faces are named one after the other, and each naming
/// may add others.
fn naming(library: &Library, sitters: &[Sitter]) -> Result<(), Error> {
    let (mut waited, mut named, mut joined, mut right) = (0, 0, 0, 0);
    for sitter in sitters {
        let waiting = |count: &mut usize| -> Result<Vec<(Change, i64)>, Error> {
            let mut all = Vec::new();
            for change in Change::ALL {
                match library.face(sitter, change)? {
                    Some(face) if face["person"].is_null() => {
                        all.push((change, face["id"].as_i64().unwrap_or_default()));
                    }
                    Some(face) if face["name"] == sitter.name.as_str() => *count += 1,
                    _ => {}
                }
            }
            Ok(all)
        };
        let mut before = 0;
        let mut left = waiting(&mut before)?;
        waited += left.len();
        while let Some((_, face)) = left.first() {
            let done = library.run(&["faces", "assign", &face.to_string(), &sitter.name])?;
            named += 1;
            joined += done["joined"].as_u64().unwrap_or_default();
            let mut now = 0;
            left = waiting(&mut now)?;
            right += now - before - 1;
            before = now;
        }
    }
    println!(
        "  all in one library: {waited} wait; {named} were named, which brought in {joined}, of them {right} of the same person"
    );
    Ok(())
}

/// The first people by name with enough pictures in which their face is found.
fn sitters(corpus: &Path, rows: &[Value]) -> Result<Vec<Sitter>, Error> {
    let mut of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows {
        let identity = super::identity(row).and_then(|i| i.strip_prefix("lfw:"));
        if let (Some(identity), Some(file)) = (identity, row["file"].as_str()) {
            of.entry(identity).or_default().push(file);
        }
    }
    let mut recogniser = Recogniser::open(&default_dir(), 1)?;
    let mut sitters = Vec::new();
    for (name, mut files) in of.into_iter().filter(|(_, files)| files.len() > KNOWN).take(PEOPLE) {
        files.sort_unstable();
        let jpeg = std::fs::read(corpus.join(files[KNOWN]))?;
        let unusable = || format!("no face was found in {}", files[KNOWN]);
        let face = super::centre_face(&mut recogniser, &jpeg).ok_or_else(unusable)?;
        let picture = super::decoded(&jpeg).ok_or_else(unusable)?;
        let (w, h) = (picture.width() as f32, picture.height() as f32);
        let [x, y, fw, fh] = face.area;
        let place =
            Place { area: [x * w, y * h, fw * w, fh * h], points: face.points.map(|[x, y]| [x * w, y * h]) };
        let known = files[..KNOWN].iter().map(|f| corpus.join(f)).collect();
        sitters.push(Sitter { name: name.replace('_', " "), known, picture, face: place });
    }
    Ok(sitters)
}

/// A library in a folder: photos, and the index of them.
struct Library {
    program: PathBuf,
    folder: PathBuf,
}

impl Library {
    fn run(&self, arguments: &[&str]) -> Result<Value, Error> {
        let mut command = Command::new(&self.program);
        command.arg("--index").arg(self.folder.join("index")).arg("--json").args(arguments);
        let done = command.output()?;
        if !done.status.success() {
            return Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&done.stderr)).into());
        }
        // The last line: `index` prints its progress in those before.
        let text = String::from_utf8(done.stdout)?;
        Ok(serde_json::from_str(text.trim())
            .or_else(|_| serde_json::from_str(text.trim().lines().last().unwrap_or_default()))?)
    }

    fn photos(&self) -> PathBuf {
        self.folder.join("photos")
    }

    fn index(&self) -> Result<(), Error> {
        let photos = self.photos();
        self.run(&["index", photos.to_str().ok_or("the temporary folder is no UTF-8")?]).map(drop)
    }

    /// Indexes the known pictures, and names the person of each.
    fn fill(&self, sitters: &[Sitter]) -> Result<(), Error> {
        std::fs::create_dir_all(self.photos())?;
        for sitter in sitters {
            for (n, file) in sitter.known.iter().enumerate() {
                std::fs::copy(file, self.photos().join(format!("{} {n}.jpg", sitter.name)))?;
            }
        }
        self.index()?;
        for sitter in sitters {
            // All four, so that the result depends on the altered picture and not on the clustering of the
            // known ones.
            for n in 0..KNOWN {
                let face =
                    self.centre_face(&format!("{} {n}.jpg", sitter.name))?.ok_or("a face is not found")?;
                self.run(&["faces", "assign", &face["id"].to_string(), &sitter.name])?;
            }
        }
        copy(&self.folder.join("index"), &self.folder.join("saved"))
    }

    /// Removes the altered pictures, and restores the index from before them.
    fn reset(&self, sitters: &[Sitter]) -> Result<(), Error> {
        for (sitter, change) in sitters.iter().flat_map(|s| Change::ALL.map(|c| (s, c))) {
            let photo = self.photos().join(altered_name(sitter, change));
            if photo.exists() {
                std::fs::remove_file(photo)?;
            }
        }
        std::fs::remove_dir_all(self.folder.join("index"))?;
        copy(&self.folder.join("saved"), &self.folder.join("index"))
    }

    /// Adds the altered pictures of all people.
    fn add(&self, sitters: &[Sitter], changes: &[Change]) -> Result<(), Error> {
        for sitter in sitters {
            for &change in changes {
                let picture = alter(&sitter.picture, &sitter.face, change);
                let jpeg = super::encoded(&picture).ok_or("a picture cannot be encoded")?;
                std::fs::write(self.photos().join(altered_name(sitter, change)), &jpeg)?;
            }
        }
        self.index()
    }

    fn face(&self, sitter: &Sitter, change: Change) -> Result<Option<Value>, Error> {
        self.centre_face(&altered_name(sitter, change))
    }

    /// The face nearest the centre of a photo.
    fn centre_face(&self, photo: &str) -> Result<Option<Value>, Error> {
        let photo = self.photos().join(photo);
        let faces = self.run(&["faces", "list", photo.to_str().ok_or("no UTF-8")?])?;
        let distance = |face: &Value| {
            let at = |i: usize| face["box"][i].as_f64().unwrap_or_default();
            (at(0) + at(2) / 2.0 - 0.5).abs() + (at(1) + at(3) / 2.0 - 0.5).abs()
        };
        let faces = faces.as_array().cloned().unwrap_or_default().into_iter();
        Ok(faces.min_by(|a, b| distance(a).total_cmp(&distance(b))))
    }

    fn count(&self, sitters: &[Sitter], change: Change) -> Result<Count, Error> {
        let questions = self.run(&["people", "ask", "--limit", "1000"])?;
        let mut count = Count::default();
        for sitter in sitters {
            let face = self.face(sitter, change)?.unwrap_or_default();
            let is_asked = |q: &Value| {
                q["kind"] == "is" && q["a"]["face"] == face["id"] && q["b"]["name"] == sitter.name.as_str()
            };
            match (face["person"].as_str(), face["name"].as_str()) {
                (None, _) => {
                    count.waits += 1;
                    let questions = questions.as_array().map_or(&[][..], Vec::as_slice);
                    count.asked += usize::from(questions.iter().any(is_asked));
                }
                (Some(_), Some(name)) if name == sitter.name => count.right += 1,
                (Some(_), _) => count.wrong += 1,
            }
        }
        Ok(count)
    }
}

/// The altered pictures by the assignment of their face.
#[derive(Default)]
struct Count {
    right: usize,
    /// Assigned to another person.
    wrong: usize,
    /// Not assigned, or not found at all.
    waits: usize,
    /// Those of `waits` about which a question suggests the right person.
    asked: usize,
}

fn altered_name(sitter: &Sitter, change: Change) -> String {
    format!("{} {}.jpg", sitter.name, change.name())
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).map(drop)?
        }
    }
    Ok(())
}
