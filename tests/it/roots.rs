//! A folder that is replaced between the walk and the processing of its files: another owner's files must
//! never appear in a space. Each variant is tried with queued files, with files that are due again, and in
//! `verify --deep`.

use super::support::{Mounted, ROOT};
use albumen_engine::config::{Config, Spaces};
use albumen_engine::pipeline::budget::MemoryBudget;
use albumen_engine::pipeline::progress::Progress;
use albumen_engine::pipeline::scan::{ScanOptions, scan};
use albumen_engine::pipeline::shutdown::Shutdown;
use albumen_engine::pipeline::volumes::Volumes;
use albumen_files::patience;
use albumen_index::Index;
use albumen_index::testing::Database;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FOLDER: &str = "2019";

/// Two homes with photos of equal names, sizes and times, and other bytes.
struct Homes {
    dir: tempfile::TempDir,
    mounted: Vec<Mounted>,
}

impl Homes {
    fn new(pattern: bool) -> Homes {
        let homes = Homes { dir: tempfile::tempdir().unwrap(), mounted: Vec::new() };
        for owner in ["anna", "berta"] {
            let folder = homes.photos(owner).join(FOLDER);
            std::fs::create_dir_all(&folder).unwrap();
            for n in 0..4 {
                let from = Path::new(ROOT).join("testdata/kinds/plain.jpg");
                let mut bytes = std::fs::read(from).unwrap();
                bytes.extend(format!("{owner:>5} {n}").bytes());
                let path = folder.join(format!("{n}.jpg"));
                std::fs::write(&path, bytes).unwrap();
                let when = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
                std::fs::File::options().write(true).open(&path).unwrap().set_modified(when).unwrap();
            }
        }
        std::fs::create_dir(homes.path("other")).unwrap();
        let at = homes.dir.path().display();
        let spaces = if pattern {
            format!("[[space]]\nname = \"{{}}\"\nfolders = [\"{at}/homes/*/Photos\"]\n")
        } else {
            ["anna", "berta"]
                .map(|o| format!("[[space]]\nname = \"{o}\"\nfolders = [\"{at}/homes/{o}/Photos\"]\n"))
                .concat()
        };
        std::fs::write(homes.path("albumen.toml"), format!("[recognise]\nenabled = false\n{spaces}"))
            .unwrap();
        homes
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn photos(&self, owner: &str) -> PathBuf {
        self.path("homes").join(owner).join("Photos")
    }

    fn command(&self, arguments: &[&str]) -> Output {
        let mut c = Command::new(env!("CARGO_BIN_EXE_albumen"));
        c.arg("--config").arg(self.path("albumen.toml")).arg("--index").arg(self.path("index"));
        c.args(arguments).arg("--json").output().unwrap()
    }

    /// Walks both homes, and leaves their files queued.
    fn queue(&self) {
        let mut index = Index::open_indexing(&self.path("index"), || ()).unwrap();
        let config = Config::read(&self.path("albumen.toml")).unwrap();
        let targets = Volumes::read(&config, &index).unwrap().targets(&[]);
        assert_eq!(targets.len(), 2);
        let options = ScanOptions {
            rules: config.rules(),
            owners: Spaces::resolve(&config.spaces).owners(),
            guard: config.guard.into(),
            accept_removals: false,
            priority: 1,
            missing_is_gone: false,
            dry_run: false,
            budget: MemoryBudget::new(256 << 20),
            patience: patience::LONG,
        };
        let (progress, shutdown) = (Progress::default(), Shutdown::default());
        scan(&mut index, &targets, &options, &progress, &shutdown).unwrap();
        assert_eq!(self.database().pending(), 8);
    }

    fn database(&self) -> Database {
        Database::open(&self.path("index"))
    }

    /// The contents in the index of Anna's space, including those of removed files.
    fn annas(&self) -> Vec<String> {
        self.database().contents_of_volumes("/anna/Photos")
    }

    /// None of Berta's photos is in Anna's space.
    fn check(&self, when: &str) {
        let hers: Vec<String> = std::fs::read_dir(self.photos("berta").join(FOLDER))
            .unwrap()
            .map(|f| format!("b3:{}", blake3::hash(&std::fs::read(f.unwrap().path()).unwrap()).to_hex()))
            .collect();
        assert_eq!(hers.len(), 4);
        for content in self.annas() {
            assert!(!hers.contains(&content), "{when}: a photo of Berta's is in Anna's space");
        }
    }

    fn aside(&self, path: &Path) -> PathBuf {
        let aside = path.with_extension("aside");
        std::fs::rename(path, &aside).unwrap();
        aside
    }

    /// Replaces something of Anna's by Berta's; false if this machine cannot.
    fn exchange(&mut self, how: &str) -> bool {
        let (anna, berta) = (self.photos("anna"), self.photos("berta"));
        match how {
            "a link at the root" => {
                self.aside(&anna);
                symlink(&berta, &anna).unwrap();
            }
            "a relative link at the root" => {
                self.aside(&anna);
                symlink("../berta/Photos", &anna).unwrap();
            }
            "a link above the root" => {
                let home = self.path("homes/anna");
                self.aside(&home);
                symlink(self.path("homes/berta"), &home).unwrap();
            }
            "a link at a folder" => {
                self.aside(&anna.join(FOLDER));
                symlink(berta.join(FOLDER), anna.join(FOLDER)).unwrap();
            }
            "links at files" => {
                for n in 0..4 {
                    let name = format!("{FOLDER}/{n}.jpg");
                    std::fs::remove_file(anna.join(&name)).unwrap();
                    symlink(berta.join(&name), anna.join(&name)).unwrap();
                }
            }
            "another folder at the root" => {
                self.aside(&anna);
                std::fs::rename(&berta, &anna).unwrap();
                std::fs::create_dir_all(berta.join(FOLDER)).unwrap();
                for n in 0..4 {
                    let name = format!("{FOLDER}/{n}.jpg");
                    std::fs::copy(anna.join(&name), berta.join(&name)).unwrap();
                }
            }
            "a mount at the root" => return self.bind(&berta, &anna),
            "a mount at a folder" => return self.bind(&berta.join(FOLDER), &anna.join(FOLDER)),
            _ => unreachable!("{how}"),
        }
        true
    }

    fn bind(&mut self, from: &Path, at: &Path) -> bool {
        let mounted = Mounted::bind(from, at, "roots");
        let is_mounted = mounted.is_some();
        self.mounted.extend(mounted);
        is_mounted
    }
}

const VARIANTS: [&str; 8] = [
    "a link at the root",
    "a relative link at the root",
    "a link above the root",
    "a link at a folder",
    "links at files",
    "another folder at the root",
    "a mount at the root",
    "a mount at a folder",
];

#[test]
fn queued_files_are_not_read_from_another_folder_than_was_walked() {
    for how in VARIANTS {
        for pattern in [true, false] {
            let mut homes = Homes::new(pattern);
            homes.queue();
            if !homes.exchange(how) {
                continue;
            }
            // Another folder is scanned, and the queue is processed.
            let out = homes.command(&["index", homes.path("other").to_str().unwrap()]);
            homes.check(&format!("{how}, pattern {pattern}: {}", String::from_utf8_lossy(&out.stderr)));
            assert_eq!(homes.annas(), [] as [String; 0], "{how}");
        }
    }
}

#[test]
fn a_walk_does_not_follow_what_a_user_put_in_place_of_his_folder() {
    // Without the mount variants: only an administrator can mount.
    for how in &VARIANTS[..5] {
        for pattern in [true, false] {
            for is_developed in [true, false] {
                let mut homes = Homes::new(pattern);
                if is_developed {
                    assert!(homes.command(&["index"]).status.success())
                } else {
                    homes.queue()
                }
                assert!(homes.exchange(how));
                let out = homes.command(&["index"]);
                let said = String::from_utf8_lossy(&out.stderr);
                homes.check(&format!("{how}, pattern {pattern}, developed {is_developed}: {said}"));
            }
        }
    }
}

#[test]
fn files_that_are_due_again_are_not_read_from_another_folder() {
    for how in VARIANTS {
        let mut homes = Homes::new(false);
        assert!(homes.command(&["index"]).status.success());
        let before = homes.annas();
        homes.database().queue_all_anew();
        assert_eq!(before.len(), 4);
        if homes.exchange(how) {
            homes.command(&["index", homes.path("other").to_str().unwrap()]);
            homes.check(how);
        }
    }
}

#[test]
fn verify_reads_no_original_from_another_folder() {
    for how in VARIANTS {
        let mut homes = Homes::new(true);
        assert!(homes.command(&["index"]).status.success());
        if !homes.exchange(how) {
            continue;
        }
        let out = homes.command(&["verify", "--deep"]);
        let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        // Anna's are left out, since the files at their paths are others; Berta's bytes are not reported.
        assert_eq!(report["counts"]["original"], serde_json::Value::Null, "{how}: {report}");
        assert!(report["checked"]["originals"].as_u64().unwrap() <= 4, "{how}: {report}");
    }
}

#[test]
fn what_was_walked_is_developed_and_verified_in_inner_mounts_too() {
    let mut homes = Homes::new(true);
    let inside = homes.photos("anna").join("inside");
    std::fs::create_dir(&inside).unwrap();
    if !homes.bind(&homes.photos("berta").join(FOLDER), &inside) {
        return;
    }
    assert!(homes.command(&["index"]).status.success());
    assert_eq!(homes.annas().len(), 8, "an administrator has mounted it");
    let out = homes.command(&["verify", "--deep"]);
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["checked"]["originals"], 12, "{report}");
}

/// Exchanges two folders as fast as possible until it is dropped.
struct Exchanging(std::process::Child);

impl Exchanging {
    fn start(a: &Path, b: &Path, times: u64) -> Exchanging {
        const LOOP: &str = "import ctypes, sys\n\
            call = ctypes.CDLL(None).renameat2\n\
            a, b = sys.argv[1].encode(), sys.argv[2].encode()\n\
            for _ in range(int(sys.argv[3])):\n    assert call(-100, a, -100, b, 2) == 0\n";
        let mut python = Command::new("python3");
        Exchanging(python.arg("-c").arg(LOOP).args([a, b]).arg(times.to_string()).spawn().unwrap())
    }

    fn is_over(&mut self) -> bool {
        match self.0.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success());
                true
            }
            None => false,
        }
    }
}

impl Drop for Exchanging {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reindexes and verifies while Anna's folder is exchanged for a link to Berta's; returns the number of each.
fn beside_exchanges(times: u64, how: &str) -> (u64, u64) {
    let homes = Homes::new(true);
    assert!(homes.command(&["index"]).status.success());
    let (a, b) = match how {
        "root" => (homes.photos("anna"), homes.path("homes/anna/link")),
        _ => (homes.photos("anna").join(FOLDER), homes.photos("anna").join("link")),
    };
    let to = if how == "root" { homes.photos("berta") } else { homes.photos("berta").join(FOLDER) };
    symlink(to, &b).unwrap();
    let mut exchanging = Exchanging::start(&a, &b, times);
    let (mut reindexed, mut verified) = (0, 0);
    loop {
        let is_last = exchanging.is_over();
        homes.command(&["reindex", "--stage", "all"]);
        homes.check(how);
        reindexed += 1;
        let out = homes.command(&["verify", "--deep"]);
        let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(report["counts"]["original"], serde_json::Value::Null, "{report}");
        verified += 1;
        if is_last {
            return (reindexed, verified);
        }
    }
}

#[test]
fn a_folder_that_is_exchanged_all_the_time_lets_nothing_in() {
    for how in ["root", "folder"] {
        beside_exchanges(20_000, how);
    }
}

#[test]
#[ignore = "soak: 200,000 exchanges of a folder and a link, twice"]
fn soak_exchanged_folders() {
    for how in ["root", "folder"] {
        let (reindexed, verified) = beside_exchanges(200_000, how);
        println!(
            "soak: {how}: exchanged 200,000 times beside {reindexed} runs of reindex and {verified} of verify --deep; nothing \
             of the other owner was recorded"
        );
    }
}
