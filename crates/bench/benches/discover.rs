//! Discover: the walk of a synthetic tree, beside `find` over the same one, the cost of a rescan without
//! changes, and the content hash.
//!
//!     cargo bench --bench discover

use albumen_files::hash::{ContentHash, content_hash};
use albumen_files::identity::{Found, On, Recorded, compare};
use albumen_files::ignore::Rules;
use albumen_files::open::Root;
use albumen_files::walk::{Folder, Walk};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

/// Folders of the tree, and files in each: about a month of a family's photos per folder.
const FOLDERS: usize = 40;
const FILES: usize = 250;
/// Bytes of the hashed file: a 12-megapixel camera JPEG.
const PHOTO: usize = 3_000_000;

fn walk(tree: &Path) -> Vec<Folder> {
    let root = Root::open(tree).expect("the tree was made a moment ago");
    Walk::new(&root, b"", Rules::default()).map(|f| f.expect("every folder can be read")).collect()
}

fn rows(folder: &Folder) -> Vec<Recorded<Vec<u8>>> {
    let hash = ContentHash::parse(&format!("b3:{:064x}", 1));
    let row = |(id, file): (usize, &albumen_files::walk::Walked)| Recorded {
        id: id as i64,
        key: file.name.clone(),
        fs: folder.fs,
        stat: file.stat,
        hash: hash.clone(),
    };
    folder.files.iter().enumerate().map(row).collect()
}

fn discover(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let tree = dir.path().join("tree");
    for folder in 0..FOLDERS {
        let folder = tree.join(format!("2023-{folder:02}"));
        fs::create_dir_all(&folder).expect("room for the tree");
        for file in 0..FILES {
            fs::write(folder.join(format!("IMG_{file:04}.JPG")), b"").expect("room for the tree");
        }
    }

    let mut group = c.benchmark_group("discover");
    group.throughput(Throughput::Elements((FOLDERS * FILES) as u64));
    group.bench_function("walk", |b| b.iter(|| walk(&tree).len()));
    group.bench_function("find -printf, for comparison", |b| {
        b.iter(|| {
            let mut find = Command::new("find");
            find.arg(&tree).args(["-printf", "%s %T@ %i\n"]).stdout(Stdio::null()).status()
        });
    });
    let folders = walk(&tree);
    let known: Vec<_> = folders.iter().map(rows).collect();
    group.bench_function("compare, nothing changed", |b| {
        b.iter(|| {
            for (folder, rows) in folders.iter().zip(&known) {
                let found = folder.files.iter().map(|f| Found { key: &f.name, stat: f.stat });
                let on = On { fs: folder.fs, stable_inodes: folder.stable_inodes };
                black_box(compare(rows, found, on));
            }
        });
    });
    group.finish();

    let photo = dir.path().join("photo.jpg");
    fs::write(&photo, vec![0x5a; PHOTO]).expect("room for a photo");
    let photo = File::open(photo).expect("it was written a moment ago");
    let mut group = c.benchmark_group("content hash");
    group.throughput(Throughput::Bytes(PHOTO as u64));
    group.bench_function("3 MB from the page cache", |b| {
        b.iter(|| content_hash(&photo, &AtomicBool::new(false)).expect("nobody writes to it"));
    });
    group.finish();
}

criterion_group!(benches, discover);
criterion_main!(benches);
