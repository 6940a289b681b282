//! How costs grow with the library: synthetic items of which only the file names are on disk. Measured at
//! each size: the next photo, a rescan beside `find`, searches, lookups, and the next face.

use super::machine::Machine;
use super::measure::{Command, Measured};
use super::{BenchError, Scratch, about, index_command};
use albumen_engine::config::Config;
use albumen_engine::pipeline::keys;
use albumen_engine::pipeline::recorder::Record;
use albumen_engine::synthetic;
use albumen_files::open::Root;
use albumen_files::walk::Walk;
use albumen_index::Error as IndexError;
use albumen_index::due::Scope;
use albumen_index::query::Query;
use albumen_index::search::Page;
use albumen_index::{DATABASE, Index, IndexReader, people};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Files per folder, as cameras and dates produce.
const FILES_A_FOLDER: u32 = 500;
/// The cost of generating a library, beside its index.
const MADE: &str = "made.json";
/// The number of timed searches and lookups; the median counts.
const TRIES: usize = 21;
/// The number of faces added one by one; the median counts.
const NEXT_FACES: u64 = 5;
/// New photos, each with a run of its own: their CPU time is in clock ticks, so one run is not precise.
const NEXT_PHOTOS: u32 = 5;

/// The cost of an operation.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Spent {
    pub wall_ms: f64,
    /// Of all threads.
    pub cpu_ms: f64,
}

impl Spent {
    fn over(self, times: u32) -> Spent {
        Spent { wall_ms: self.wall_ms / f64::from(times), cpu_ms: self.cpu_ms / f64::from(times) }
    }
}

impl From<&Measured> for Spent {
    fn from(m: &Measured) -> Spent {
        Spent { wall_ms: m.wall_s * 1000.0, cpu_ms: m.cpu_s * 1000.0 }
    }
}

/// The figures of one size.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Grown {
    pub items: u32,
    pub faces: u32,
    /// A new item through the writer, with its recognition results.
    pub write: Spent,
    pub index_bytes_per_item: f64,
    /// `albumen index` of a folder with one new small picture among its [`FILES_A_FOLDER`], including
    /// start-up.
    pub next_photo: Spent,
    pub rescan: Spent,
    /// `find -printf '%s %T@ %i'` over the same files.
    pub find: Spent,
    /// Opening the index and finding one file by its path.
    pub open: Spent,
    /// The first 100 hits of a word that one in eight items has.
    pub search: Spent,
    /// Clustering of all faces from scratch.
    pub cluster: Spent,
    /// One more face: written, assigned to its person, and its photo marked as done.
    pub next_face: Spent,
}

/// All sizes.
#[derive(Debug, Serialize)]
pub(crate) struct Growth {
    pub date: String,
    pub albumen: String,
    pub machine: Machine,
    pub sizes: Vec<Grown>,
}

/// Measures each size. `keep`: the folder in which the synthetic libraries are kept; an existing one is
/// measured again, since a million items take long to generate.
pub(crate) fn run(sizes: &[u32], keep: Option<&Path>, say: &dyn Fn(&str)) -> Result<Growth, BenchError> {
    let scratch = Scratch::new()?;
    let mut grown = Growth {
        date: albumen_index::view::utc(albumen_core::clock::now()),
        albumen: env!("CARGO_PKG_VERSION").to_owned(),
        machine: Machine::read(),
        sizes: Vec::new(),
    };
    for &items in sizes {
        say(&format!("{items} items"));
        let library = keep.map_or_else(|| scratch.path(&items.to_string()), |k| k.join(items.to_string()));
        fs::create_dir_all(&library).map_err(about(library.display().to_string()))?;
        let library = library.canonicalize().map_err(about(library.display().to_string()))?;
        grown.sizes.push(one(items, &library)?);
        if keep.is_none() {
            // What cannot be removed now is removed with the whole folder.
            let _ = fs::remove_dir_all(&library);
        }
    }
    Ok(grown)
}

fn one(items: u32, library: &Path) -> Result<Grown, BenchError> {
    let (folder, state) = (library.join("tree"), library.join("state"));
    let made = match fs::read(library.join(MADE)) {
        Ok(json) => made_by_this(library, &json)?,
        Err(_) => {
            make_tree(&folder, items)?;
            make_index(&state, &folder)?
        }
    };
    // The names of new files differ in each measurement.
    let again = Made { measured: made.measured + 1, ..made.clone() };
    let json = serde_json::to_string(&again).expect("figures are plain data");
    fs::write(library.join(MADE), json).map_err(about("what making took"))?;

    // The first run finds places for all; the second has nothing to do.
    let run = |folder: &Path| -> Result<Spent, BenchError> {
        let mut command = index_command(&state, &["index", "--no-recognise", "--accept-removals"], folder)?;
        command.memory_setting(2 << 30);
        super::finish::<serde_json::Value>(&command).map(|(measured, _, _)| Spent::from(&measured))
    };
    run(&folder)?;
    let rescan = run(&folder)?;
    let mut find = Command::new("/usr/bin/find");
    find.arg(&folder).args(&["-printf", "%s %T@ %i\n"]);
    let find = Spent::from(&find.run()?.measured);
    let bytes = fs::metadata(state.join(DATABASE)).map_err(about("the index"))?.len();
    // Among others, as photos arrive: their folder is scanned and grouped again.
    let next = folder.join("000000");
    let mut next_photo = Spent::default();
    for n in 0..NEXT_PHOTOS {
        let n = made.measured * NEXT_PHOTOS + n;
        fs::write(next.join(format!("next-{n}.bmp")), bmp(n)).map_err(about("a picture"))?;
        let one = run(&next)?;
        next_photo.wall_ms += one.wall_ms;
        next_photo.cpu_ms += one.cpu_ms;
    }
    let shown = folder.join("000000/000000.jpg");
    let index = IndexReader::open(&state)?;
    let open = median(|| {
        let one = IndexReader::open(&state)?;
        one.find_file(&shown)?.map(|id| one.item_of(id)).transpose()?;
        Ok(())
    })?;
    let query = Query::parse(synthetic::A_WORD).map_err(|e| BenchError::Usage(e.to_string()))?;
    let page = Page { limit: 100, ..Page::default() };
    let search =
        median(|| index.search(&query, &page).map(drop).map_err(|e| BenchError::Usage(e.to_string())))?;
    drop(index);
    let next_face = next_face(&state, &made, items)?;
    Ok(Grown {
        items,
        faces: items.div_ceil(synthetic::FACE_EVERY as u32),
        write: made.write.over(items),
        index_bytes_per_item: bytes as f64 / f64::from(items),
        next_photo: next_photo.over(NEXT_PHOTOS),
        rescan,
        find,
        open,
        search,
        cluster: made.cluster,
        next_face,
    })
}

/// The cost of generating a library, if its items match this program's versions: otherwise all of them would
/// be due, and they are only names.
fn made_by_this(library: &Path, json: &[u8]) -> Result<Made, BenchError> {
    serde_json::from_slice(json).ok().filter(|made: &Made| made.stages == stages()).ok_or_else(|| {
        BenchError::Usage(format!(
            "{}: made by an Albumen with other versions of stages, to which all of its files would be due; remove it, or \
             give --keep another folder",
            library.display()
        ))
    })
}

/// Versions and settings of the stages of the items, and of places.
fn stages() -> String {
    let stages = synthetic::stages();
    format!("{:?}", (stages.inspect, stages.render, stages.faces, keys::places_now(), keys::people_now()))
}

/// An index of synthetic items.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Made {
    stages: String,
    space: i64,
    write: Spent,
    cluster: Spent,
    /// The number of measurements so far.
    measured: u32,
}

/// Creates an index of the files of a tree, as after a run with recognition.
fn make_index(state: &Path, folder: &Path) -> Result<Made, BenchError> {
    let mut index = Index::open_indexing(state, || ())?;
    let (space, write) = spent(|| fill(&index, folder))?;
    let (_, cluster) = spent(|| cluster(&mut index, space))?;
    index.sum_up(&Scope::All, synthetic::stages().faces.as_slice())?;
    Ok(Made { stages: stages(), space, write, cluster, measured: 0 })
}

/// Clusters faces, as at the end of a run.
fn cluster(index: &mut Index, space: i64) -> Result<(), BenchError> {
    people::cluster_space(index, space, super::machine::cores(), &AtomicBool::new(false))?;
    people::mark_done(index, space, &keys::people_now())?;
    Ok(())
}

/// Creates empty files in folders.
fn make_tree(folder: &Path, items: u32) -> Result<(), BenchError> {
    for first in (0..items).step_by(FILES_A_FOLDER as usize) {
        let sub = folder.join(format!("{:06}", first / FILES_A_FOLDER));
        fs::create_dir_all(&sub).map_err(about(sub.display().to_string()))?;
        for n in first..items.min(first + FILES_A_FOLDER) {
            let path = sub.join(format!("{n:06}.jpg"));
            fs::File::create(&path).map_err(about(path.display().to_string()))?;
        }
    }
    Ok(())
}

/// Writes every file of the tree as a finished item, and the faces; returns the space's id.
fn fill(index: &Index, folder: &Path) -> Result<i64, BenchError> {
    let space = index.space(&folder.to_string_lossy(), "personal")?;
    let volume = index.volume(space, folder.as_os_str().as_encoded_bytes())?.id;
    let root = Root::open(folder).map_err(about(folder.display().to_string()))?;
    let mut found = Vec::new();
    for walked in Walk::new(&root, b"", Config::default().rules()).flatten() {
        let id = index.folder(volume, &walked.path)?;
        found.extend(walked.files.into_iter().map(|f| (id, walked.fs, f)));
    }
    let failed = |e: IndexError| BenchError::Usage(e.to_string());
    let people = synthetic::people(found.len() as u64);
    let items = found.len() as u64;
    let files = found.into_iter().zip(0u64..);
    let files = files.map(|((id, fs, f), n)| synthetic::file(n, id, &f.name, fs, f.stat));
    synthetic::write(synthetic::recorder(index.another()?), files).map_err(failed)?;
    // A new index numbers its files from 1 in the order in which they were written.
    let looks = (0..items).map(move |n| synthetic::looked_at(n, people, n as i64 + 1));
    synthetic::write(synthetic::recorder(index.another()?), looks).map_err(failed)?;
    Ok(space)
}

/// Adds a face to an item that had none.
fn next_face(state: &Path, made: &Made, items: u32) -> Result<Spent, BenchError> {
    let mut index = Index::open_indexing(state, || ())?;
    let people = synthetic::people(items.into());
    let mut all = Vec::new();
    for n in 0..NEXT_FACES {
        let n = u64::from(made.measured) * NEXT_FACES + n;
        // Each is the next one of a person, in the second item of four.
        let of_item = u64::from(items) + n * synthetic::FACE_EVERY;
        let face: Record = synthetic::face(of_item, people, (n * synthetic::FACE_EVERY) as i64 + 2);
        let failed = |e: IndexError| BenchError::Usage(e.to_string());
        let one = spent(|| {
            synthetic::write(synthetic::recorder(index.another()?), std::iter::once(face)).map_err(failed)?;
            cluster(&mut index, made.space)
        })?;
        all.push(one.1);
    }
    Ok(middle(all))
}

/// The cost of an operation in this process.
fn spent<T>(work: impl FnOnce() -> Result<T, BenchError>) -> Result<(T, Spent), BenchError> {
    let cpu = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
    };
    let (began, cpu_before) = (Instant::now(), cpu());
    let done = work()?;
    Ok((done, Spent { wall_ms: began.elapsed().as_secs_f64() * 1e3, cpu_ms: cpu() - cpu_before }))
}

/// The median cost of an operation.
fn median(mut work: impl FnMut() -> Result<(), BenchError>) -> Result<Spent, BenchError> {
    let all = (0..TRIES).map(|_| spent(&mut work).map(|(_, spent)| spent));
    all.collect::<Result<Vec<_>, _>>().map(middle)
}

fn middle(mut all: Vec<Spent>) -> Spent {
    all.sort_by(|a, b| a.cpu_ms.total_cmp(&b.cpu_ms));
    all[all.len() / 2]
}

/// A picture of 2 x 2 pixels, which needs no encoder; a different one for each number.
fn bmp(n: u32) -> Vec<u8> {
    let mut out = b"BM".to_vec();
    // File: length, reserved, offset of the pixels; then the header: length, width, height.
    for number in [70u32, 0, 54, 40, 2, 2] {
        out.extend(number.to_le_bytes());
    }
    // Planes and bits; no compression, length of the pixels, the rest unset.
    out.extend([1, 0, 24, 0]);
    for number in [0u32, 16, 0, 0, 0, 0] {
        out.extend(number.to_le_bytes());
    }
    n.to_le_bytes().iter().for_each(|b| out.extend([*b; 4]));
    out
}

/// The table as Markdown: CPU time, which other work on the machine affects less than elapsed time.
pub(crate) fn words(growth: &Growth) -> String {
    let mut out = String::from(
        "| items | write, us an item | bytes an item | next photo, ms | rescan, s | find, s | open and look up, ms | \
         search, ms | faces to people, s | next face, ms (faces) |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for g in &growth.sizes {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| {} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} ({}) |",
            g.items,
            g.write.cpu_ms * 1e3,
            g.index_bytes_per_item,
            g.next_photo.cpu_ms,
            g.rescan.cpu_ms / 1e3,
            g.find.cpu_ms / 1e3,
            g.open.cpu_ms,
            g.search.cpu_ms,
            g.cluster.cpu_ms / 1e3,
            g.next_face.cpu_ms,
            g.faces
        );
    }
    out
}

/// Writes DATE-MACHINE/growth.json and growth.md below `folder`.
pub(crate) fn write(growth: &Growth, folder: &Path) -> Result<PathBuf, BenchError> {
    let json = serde_json::to_string_pretty(growth).expect("figures are plain data") + "\n";
    super::report::put(
        folder,
        &growth.date,
        &growth.machine,
        &[("growth.json", json), ("growth.md", words(growth))],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_of_other_stages_is_not_measured() {
        let spent = Spent::default();
        let mut made = Made { stages: stages(), space: 1, write: spent, cluster: spent, measured: 2 };
        let read = |made: &Made| made_by_this(Path::new("/kept/1000"), &serde_json::to_vec(made).unwrap());
        assert_eq!(read(&made).unwrap().measured, 2);
        made.stages.push('1');
        let said = read(&made).unwrap_err().to_string();
        assert!(said.contains("/kept/1000: made by an Albumen with other versions"), "{said}");
    }
}
