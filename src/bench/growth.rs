//! How costs grow with the library: made-up items of which only the files' names are on disk, and on each size the next
//! photo, a rescan beside `find`, searches, lookups, and the next face.

use super::machine::Machine;
use super::measure::{Command, Measured};
use super::{BenchError, Scratch, about, index_command, synthetic};
use crate::config::Config;
use crate::discover::open::Root;
use crate::discover::walk::Walk;
use crate::index::query::Query;
use crate::index::search::Page;
use crate::index::{Index, people};
use crate::pipeline::recorder::Record;
use serde::Serialize;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Files a folder, as cameras and dates give them.
const FILES_A_FOLDER: u32 = 500;
/// Searches and lookups that are timed; the median counts.
const TRIES: usize = 21;

/// One size's figures.
#[derive(Debug, Clone, Serialize)]
pub struct Grown {
    pub items: u32,
    /// The writer, a new item, CPU and waiting.
    pub write_us_per_item: f64,
    pub index_bytes_per_item: f64,
    /// `albumen index` of a folder with one new small picture: start-up and all.
    pub next_photo_ms: f64,
    pub rescan_s: f64,
    pub rescan_cpu_s: f64,
    /// `find -printf '%s %T@ %i'` over the same files.
    pub find_s: f64,
    pub find_cpu_s: f64,
    /// Opening the index and finding one file by its path.
    pub open_ms: f64,
    /// The first 100 of a word that one in eight items has.
    pub search_ms: f64,
    /// Faces of all, from nothing to people.
    pub cluster_s: f64,
    pub faces: u32,
    /// One face more, to its person.
    pub next_face_ms: f64,
}

/// All sizes.
#[derive(Debug, Serialize)]
pub struct Growth {
    pub date: String,
    pub albumen: String,
    pub machine: Machine,
    pub sizes: Vec<Grown>,
}

pub fn run(sizes: &[u32], say: &dyn Fn(&str)) -> Result<Growth, BenchError> {
    let scratch = Scratch::new()?;
    let mut grown = Growth {
        date: crate::index::view::utc(crate::pipeline::recorder::now()),
        albumen: env!("CARGO_PKG_VERSION").to_owned(),
        machine: Machine::read(),
        sizes: Vec::new(),
    };
    for &items in sizes {
        say(&format!("{items} items"));
        grown.sizes.push(one(items, &scratch)?);
    }
    Ok(grown)
}

fn one(items: u32, scratch: &Scratch) -> Result<Grown, BenchError> {
    let folder = scratch.path(&format!("tree-{items}"));
    let state = scratch.path(&format!("state-{items}"));
    make_tree(&folder, items)?;
    let index = Index::open_indexing(&state, || ())?;
    let began = Instant::now();
    let space = fill(&index, &folder)?;
    let write_us_per_item = began.elapsed().as_secs_f64() * 1e6 / f64::from(items);
    let began = Instant::now();
    let threads = super::machine::cores();
    let stop = AtomicBool::new(false);
    let mut index = index;
    people::cluster_space(&mut index, space, threads, &stop)?;
    let cluster_s = began.elapsed().as_secs_f64();
    let next_face_ms = next_face(&mut index, space, items, threads)?;
    drop(index);

    // The first run finds places for all; the second finds nothing to do.
    let run = |folder: &Path| -> Result<Measured, BenchError> {
        let mut command = index_command(&state, &["index", "--no-recognise", "--accept-removals"], folder)?;
        command.memory_setting(2 << 30);
        super::finish::<serde_json::Value>(&command).map(|(measured, _, _)| measured)
    };
    run(&folder)?;
    let rescan = run(&folder)?;
    let mut find = Command::new("/usr/bin/find");
    find.arg(&folder).args(&["-printf", "%s %T@ %i\n"]);
    let find = find.run()?.measured;
    let next = folder.join("next");
    fs::create_dir_all(&next).map_err(about(next.display().to_string()))?;
    fs::write(next.join("next.bmp"), bmp()).map_err(about("a picture"))?;
    let next_photo = run(&next)?;
    let shown = folder.join("000000/000000.jpg");
    let index = Index::open_read(&state)?;
    let open_ms = median(|| {
        let one = Index::open_read(&state)?;
        one.find_file(&shown)?.map(|id| one.item_of(id)).transpose()?;
        Ok(())
    })?;
    let query = Query::parse(synthetic::A_WORD).map_err(|e| BenchError::Usage(e.to_string()))?;
    let page = Page { limit: 100, ..Page::default() };
    let search_ms =
        median(|| index.search(&query, &page).map(drop).map_err(|e| BenchError::Usage(e.to_string())))?;
    drop(index);
    let bytes = fs::metadata(state.join("index.sqlite")).map_err(about("the index"))?.len();
    let grown = Grown {
        items,
        write_us_per_item,
        index_bytes_per_item: bytes as f64 / f64::from(items),
        next_photo_ms: next_photo.wall_s * 1000.0,
        rescan_s: rescan.wall_s,
        rescan_cpu_s: rescan.cpu_s,
        find_s: find.wall_s,
        find_cpu_s: find.cpu_s,
        open_ms,
        search_ms,
        cluster_s,
        faces: items / synthetic::FACE_EVERY as u32,
        next_face_ms,
    };
    let _ = fs::remove_dir_all(&folder);
    let _ = fs::remove_dir_all(&state);
    Ok(grown)
}

/// Empty files by the folder.
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

/// Every file of the tree as a finished item, and the faces; the space's id.
fn fill(index: &Index, folder: &Path) -> Result<i64, BenchError> {
    let space = index.space(&folder.to_string_lossy(), "personal")?;
    let volume = index.volume(space, folder.as_os_str().as_encoded_bytes())?.id;
    let root = Root::open(folder).map_err(about(folder.display().to_string()))?;
    let mut found = Vec::new();
    for walked in Walk::new(&root, b"", Config::default().rules()).flatten() {
        let id = index.folder(volume, &walked.path)?;
        found.extend(walked.files.into_iter().map(|f| (id, walked.fs, f)));
    }
    let failed = |e: crate::pipeline::recorder::RecordError| BenchError::Usage(e.to_string());
    let people = synthetic::people(found.len() as u64);
    let items = found.len() as u64;
    let files = found.into_iter().zip(0u64..);
    let files = files.map(|((id, fs, f), n)| synthetic::file(n, id, &f.name, fs, f.stat));
    synthetic::write(synthetic::recorder(index.another()?), files).map_err(failed)?;
    // A fresh index numbers its files from 1 in the order in which they were written.
    let faces = (0..items).step_by(synthetic::FACE_EVERY as usize);
    let faces = faces.map(move |n| synthetic::face(n, people, n as i64 + 1));
    synthetic::write(synthetic::recorder(index.another()?), faces).map_err(failed)?;
    Ok(space)
}

/// One more face in an item that had none.
fn next_face(index: &mut Index, space: i64, items: u32, threads: usize) -> Result<f64, BenchError> {
    let people = synthetic::people(items.into());
    let face: Record = synthetic::face(u64::from(items), people, 2);
    let failed = |e: crate::pipeline::recorder::RecordError| BenchError::Usage(e.to_string());
    let began = Instant::now();
    synthetic::write(synthetic::recorder(index.another()?), std::iter::once(face)).map_err(failed)?;
    people::cluster_space(index, space, threads, &AtomicBool::new(false))?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

/// The median time of some work, milliseconds.
fn median(mut work: impl FnMut() -> Result<(), BenchError>) -> Result<f64, BenchError> {
    let mut times = Vec::with_capacity(TRIES);
    for _ in 0..TRIES {
        let began = Instant::now();
        work()?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[TRIES / 2])
}

/// A picture of 2 x 2 pixels, which needs no encoder.
fn bmp() -> Vec<u8> {
    let mut out = b"BM".to_vec();
    // File: length, reserved, offset of the pixels; then the header: length, width, height.
    for number in [70u32, 0, 54, 40, 2, 2] {
        out.extend(number.to_le_bytes());
    }
    // Planes and bits; no packing, length of the pixels, the rest unsaid.
    out.extend([1, 0, 24, 0]);
    for number in [0u32, 16, 0, 0, 0, 0] {
        out.extend(number.to_le_bytes());
    }
    out.extend([90; 16]);
    out
}

/// The table as Markdown.
pub fn words(growth: &Growth) -> String {
    let mut out = String::from(
        "| items | write, us an item | bytes an item | next photo, ms | rescan, s (CPU) | find, s (CPU) | open and look up, ms | \
         search, ms | faces to people, s | next face, ms |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for g in &growth.sizes {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "| {} | {:.0} | {:.0} | {:.0} | {:.2} ({:.2}) | {:.2} ({:.2}) | {:.2} | {:.2} | {:.2} ({} faces) | {:.1} |",
            g.items,
            g.write_us_per_item,
            g.index_bytes_per_item,
            g.next_photo_ms,
            g.rescan_s,
            g.rescan_cpu_s,
            g.find_s,
            g.find_cpu_s,
            g.open_ms,
            g.search_ms,
            g.cluster_s,
            g.faces,
            g.next_face_ms
        );
    }
    out
}

/// Writes DATE-MACHINE/growth.json and growth.md below `folder`.
pub fn write(growth: &Growth, folder: &Path) -> Result<PathBuf, BenchError> {
    let json = serde_json::to_string_pretty(growth).expect("figures are plain data") + "\n";
    super::report::put(
        folder,
        &growth.date,
        &growth.machine,
        &[("growth.json", json), ("growth.md", words(growth))],
    )
}
