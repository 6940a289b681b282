//! Workloads for `scripts/instructions.py`, which counts their instructions under valgrind: `develop()` on a
//! file, TIMES times, or the index's writer on synthetic items.
//!
//!     instructions photo FILE | develop FILE TIMES | writer ITEMS
//!
//! `photo` writes the phone's JPEG of 12 megapixels that `albumen bench` generates.

use albumen_core::source::Source;
use albumen_core::vocabulary::{DevelopRequest, FixedAdmission, Inputs, RenderSettings};
use albumen_engine::synthetic;
use albumen_files::FileStat;
use albumen_files::mounts::FsId;
use albumen_index::Index;
use albumen_worker::bench::mix;
use albumen_worker::develop::develop;
use std::error::Error;
use std::path::Path;

/// The memory limit of a decoder, bytes: no case comes near.
const MEMORY: u64 = 1 << 30;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["photo", file] => Ok(std::fs::write(file, mix::photo(0).map_err(|fault| fault.to_string())?)?),
        ["develop", file, times] => developed(Path::new(file), times.parse()?),
        ["writer", items] => written(items.parse()?),
        _ => Err("instructions photo FILE | develop FILE TIMES | writer ITEMS".into()),
    }
}

fn developed(file: &Path, times: u32) -> Result<(), Box<dyn Error>> {
    let name = file.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
    let request = DevelopRequest {
        name,
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    };
    let inputs = Inputs { primary: Source::from_bytes(std::fs::read(file)?), sidecars: Vec::new() };
    for _ in 0..times {
        develop(&request, &inputs, &FixedAdmission(MEMORY)).map_err(|fault| fault.to_string())?;
    }
    Ok(())
}

fn written(items: u64) -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("albumen-instructions-{}", std::process::id()));
    {
        let index = Index::open_indexing(&folder, || ())?;
        let space = index.space("space", "personal")?;
        let volume = index.volume(space, b"/photos")?.id;
        let id = index.folder(volume, b"2023")?;
        let record = |n: u64| {
            let stat = FileStat { inode: n, size: 3_000_000 + n, mtime_ns: n as i64, ctime_ns: n as i64 };
            synthetic::file(n, id, format!("IMG_{n:06}.jpg").as_bytes(), FsId(1), stat)
        };
        synthetic::write(synthetic::recorder(index.another()?), (0..items).map(record))?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
