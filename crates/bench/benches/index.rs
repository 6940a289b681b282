//! The cost of writing the index: a thousand new items by the single writer, in batches as in a run.
//!
//! How costs grow with the library: `albumen bench --growth`.

use albumen_engine::synthetic;
use albumen_files::FileStat;
use albumen_files::mounts::FsId;
use albumen_index::Index;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const ITEMS: u64 = 1000;

fn writing(c: &mut Criterion) {
    let mut group = c.benchmark_group("index");
    group.sample_size(10).throughput(Throughput::Elements(ITEMS));
    let fresh = || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let index = Index::open_indexing(folder.path(), || ()).expect("an index");
        let space = index.space("space", "personal").expect("a space");
        let volume = index.volume(space, b"/photos").expect("a volume").id;
        let id = index.folder(volume, b"2023").expect("a folder");
        (folder, index, id)
    };
    let write = |(folder, index, id): (tempfile::TempDir, Index, i64)| {
        let record = |n: u64| {
            let stat = FileStat { inode: n, size: 3_000_000 + n, mtime_ns: n as i64, ctime_ns: n as i64 };
            synthetic::file(n, id, format!("IMG_{n:06}.jpg").as_bytes(), FsId(1), stat)
        };
        let recorder = synthetic::recorder(index.another().expect("a connection"));
        synthetic::write(recorder, (0..ITEMS).map(record)).expect("written");
        (folder, index)
    };
    group.bench_function("write 1000 new items", |b| b.iter_batched(fresh, write, BatchSize::PerIteration));
    group.finish();
}

criterion_group!(index_benches, writing);
criterion_main!(index_benches);
