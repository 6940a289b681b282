//! Replays bytes that once made a parser fail: `fuzz/regressions/<target>/*`, found by fuzzing
//! (fuzz/README.md).

use crate::support::ROOT;
#[path = "../../fuzz/doors.rs"]
#[expect(unreachable_pub, reason = "shared with the fuzz program")]
mod doors;

use std::path::Path;

#[test]
fn what_fuzzing_found_stays_found() {
    let all = Path::new(ROOT).join("fuzz/regressions");
    let mut replayed = 0;
    for folder in std::fs::read_dir(&all).unwrap() {
        let folder = folder.unwrap();
        let door = folder.file_name().into_string().unwrap();
        if !folder.path().is_dir() {
            continue;
        }
        for input in std::fs::read_dir(folder.path()).unwrap() {
            let input = input.unwrap().path();
            eprintln!("{}", input.display());
            doors::open(&door, &std::fs::read(&input).unwrap());
            replayed += 1;
        }
    }
    assert!(replayed > 0, "no inputs in {all:?}");
}

#[test]
fn no_door_breaks_on_simple_bytes() {
    for (name, door) in doors::DOORS {
        for bytes in [&b""[..], &[0; 300], &[0xFF; 300], b"<x:xmpmeta>{\"[[[[("] {
            eprintln!("{name}");
            door(bytes);
        }
    }
}

/// The fuzz program is a workspace of its own, which no other test builds.
#[test]
fn the_fuzz_program_has_the_crates_that_its_targets_use() {
    let read = |path: &str| std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let manifest = read("fuzz/Cargo.toml");
    let source = read("fuzz/doors.rs") + &read("fuzz/fuzz_targets/door.rs");
    let used = source.match_indices("albumen_").map(|(at, _)| {
        source[at..].split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
    });
    let mut found = 0;
    for name in used {
        let dependency = format!("\n{} = {{ path", name.replace('_', "-"));
        assert!(manifest.contains(&dependency), "fuzz/Cargo.toml lacks {name}");
        found += 1;
    }
    assert!(found > 0);
}
