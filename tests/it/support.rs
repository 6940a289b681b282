//! Shared code of the tests: the folder of real media, and running the binary.
#![allow(dead_code)]

use albumen_models::files as models;
use albumen_models::manifest::manifest;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The worker program, which lies beside `albumen`. Cargo builds it for these tests because its package has a test of the
/// same name.
pub(crate) fn worker_program() -> PathBuf {
    let worker = Path::new(env!("CARGO_BIN_EXE_albumen")).with_file_name("albumen-worker");
    assert!(worker.is_file(), "{} is missing: cargo build -p albumen-worker", worker.display());
    worker
}

/// The folder of real media (ALBUMEN_CORPUS), or `None` and a note that the test is skipped; with
/// ALBUMEN_REQUIRE_CORPUS set, that is a failure. If ALBUMEN_CORPUS is set, a missing file fails the test that needs it.
pub(crate) fn corpus(test: &str) -> Option<PathBuf> {
    match std::env::var_os("ALBUMEN_CORPUS") {
        Some(dir) => {
            let dir = PathBuf::from(dir);
            assert!(dir.join("manifest.jsonl").is_file(), "ALBUMEN_CORPUS has no manifest.jsonl: {dir:?}");
            Some(dir)
        }
        None => {
            let required = std::env::var_os("ALBUMEN_REQUIRE_CORPUS").is_some();
            assert!(!required, "{test}: ALBUMEN_CORPUS is not set, and ALBUMEN_REQUIRE_CORPUS requires it");
            note_skipped(test, "ALBUMEN_CORPUS is not set");
            None
        }
    }
}

/// Notes in one line that a test is skipped, and why. `.ci/run` counts the lines in the file that
/// ALBUMEN_SKIPPED names, since the output of tests that pass is not shown.
pub(crate) fn note_skipped(test: &str, why: &str) {
    let line = format!("skipped: {test}: {why}\n");
    eprint!("{line}");
    if let Some(file) = std::env::var_os("ALBUMEN_SKIPPED") {
        use std::io::Write;
        let mut file =
            std::fs::File::options().append(true).create(true).open(file).expect("ALBUMEN_SKIPPED");
        file.write_all(line.as_bytes()).expect("ALBUMEN_SKIPPED");
    }
}

/// Skips a test that needs something this machine refuses; with ALBUMEN_REQUIRE_MOUNTS set (CI) that is a
/// failure.
pub(crate) fn machine_lacks(test: &str, why: &str) {
    assert!(std::env::var_os("ALBUMEN_REQUIRE_MOUNTS").is_none(), "{test}: {why}");
    note_skipped(test, why);
}

/// A file of the corpus, which must exist.
pub(crate) fn corpus_file(corpus: &std::path::Path, name: &str) -> PathBuf {
    let path = corpus.join(name);
    assert!(path.is_file(), "missing from ALBUMEN_CORPUS: {name}");
    path
}

/// A file made by the ffmpeg program with these arguments; `None`, with a note, if there is no ffmpeg.
pub(crate) fn made(name: &str, args: &[&str]) -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join(name);
    let made =
        std::process::Command::new("ffmpeg").args(["-v", "error", "-nostdin"]).args(args).arg(&path).status();
    match made {
        Ok(status) if status.success() => std::fs::read(&path).ok(),
        other => {
            note_skipped(name, &format!("no ffmpeg to make it ({other:?})"));
            None
        }
    }
}

/// The folder of models, or `None` and a note that the test is skipped.
pub(crate) fn models_dir(test: &str) -> Option<PathBuf> {
    let dir = models::default_dir();
    let found = models::available(&dir);
    if found.faces && found.subjects {
        return Some(dir);
    }
    let required = std::env::var_os("ALBUMEN_CORPUS").is_some() || std::env::var_os("CI").is_some();
    assert!(!required, "{test}: {} missing from {dir:?}: run `make models`", found.missing.join(", "));
    note_skipped(test, "the models are not there: run `make models`");
    None
}

/// A file system mounted for one test, and unmounted when it is dropped.
pub(crate) struct Mounted {
    at: PathBuf,
    /// Keep the folder and the disk image until the end.
    image: Option<tempfile::NamedTempFile>,
    _folder: Option<tempfile::TempDir>,
}

impl Mounted {
    /// `false` and a note if the machine refuses it; with ALBUMEN_REQUIRE_MOUNTS set (CI) that is a failure,
    /// unless the kernel has no driver for the file system.
    fn mount(test: &str, arguments: &[&std::ffi::OsStr], at: &std::path::Path) -> bool {
        let answer = std::process::Command::new("mount").args(arguments).arg(at).output();
        let why = match answer {
            Ok(out) if out.status.success() => return true,
            Ok(out) => String::from_utf8_lossy(&out.stderr).trim().to_owned(),
            Err(e) => format!("mount: {e}"),
        };
        Mounted::refused(test, &why)
    }

    fn refused(test: &str, why: &str) -> bool {
        if why.contains("unknown filesystem type") {
            note_skipped(test, &format!("the kernel has no such file system: {why}"))
        } else {
            machine_lacks(test, &format!("a mount is refused: {why}"))
        }
        false
    }

    /// Files in memory, in a folder of its own.
    pub(crate) fn tmpfs(test: &str) -> Option<Mounted> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut mounted = Mounted::tmpfs_at(folder.path(), test)?;
        mounted._folder = Some(folder);
        Some(mounted)
    }

    /// Files in memory, at a given place.
    pub(crate) fn tmpfs_at(at: &std::path::Path, test: &str) -> Option<Mounted> {
        let arguments = ["-t", "tmpfs", "-o", "size=64m", "albumen-test"].map(std::ffi::OsStr::new);
        Mounted::mount(test, &arguments, at).then(|| Mounted {
            at: at.to_owned(),
            image: None,
            _folder: None,
        })
    }

    /// A folder seen at a second place.
    pub(crate) fn bind(from: &std::path::Path, at: &std::path::Path, test: &str) -> Option<Mounted> {
        let arguments = [std::ffi::OsStr::new("--bind"), from.as_os_str()];
        Mounted::mount(test, &arguments, at).then(|| Mounted {
            at: at.to_owned(),
            image: None,
            _folder: None,
        })
    }

    /// A small ext4 in a file.
    pub(crate) fn ext4(test: &str) -> Option<Mounted> {
        Mounted::image(test, "mkfs.ext4", &["-q", "-F"])
    }

    /// A small FAT in a file.
    pub(crate) fn vfat(test: &str) -> Option<Mounted> {
        Mounted::image(test, "mkfs.vfat", &[])
    }

    fn image(test: &str, make: &str, arguments: &[&str]) -> Option<Mounted> {
        let image = tempfile::NamedTempFile::new().expect("a temporary file");
        image.as_file().set_len(16 << 20).expect("a sparse file of 16 MiB");
        // Debian installs these in folders that only root's PATH contains.
        let made = [make.to_owned(), format!("/sbin/{make}")].iter().find_map(|make| {
            std::process::Command::new(make).args(arguments).arg(image.path()).output().ok()
        });
        match made {
            Some(out) if out.status.success() => Mounted::attach(test, image),
            Some(out) => {
                Mounted::refused(test, &String::from_utf8_lossy(&out.stderr));
                None
            }
            None => {
                Mounted::refused(test, &format!("{make} is not installed"));
                None
            }
        }
    }

    fn attach(test: &str, image: tempfile::NamedTempFile) -> Option<Mounted> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = [std::ffi::OsStr::new("-o"), std::ffi::OsStr::new("loop"), image.path().as_os_str()];
        let at = folder.path().to_owned();
        Mounted::mount(test, &arguments, &at).then(|| Mounted {
            at,
            image: Some(image),
            _folder: Some(folder),
        })
    }

    /// Unmounts a disk image and mounts it again, somewhere else.
    pub(crate) fn remount(mut self) -> Mounted {
        let image = self.image.take().expect("only a disk image can be mounted again");
        drop(self);
        Mounted::attach("remount", image).expect("it could be mounted a moment ago")
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.at
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a test that fails may still hold a file open.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// The exit code of the program, and its two outputs.
pub(crate) type Left = (Option<i32>, String, String);

/// Runs `albumen ARGUMENTS --json` on the index in `dir`, with no settings except `settings` (environment).
pub(crate) fn run_in(
    dir: &std::path::Path,
    settings: &[(&str, &std::path::Path)],
    arguments: &[&str],
) -> Left {
    run_as_text(dir, settings, &[arguments, &["--json"]].concat())
}

/// The same without `--json`.
pub(crate) fn run_as_text(
    dir: &std::path::Path,
    settings: &[(&str, &std::path::Path)],
    arguments: &[&str],
) -> Left {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_albumen"))
        .args(arguments)
        .arg("--index")
        .arg(dir.join("index"))
        .env("XDG_CONFIG_HOME", dir)
        .envs(settings.iter().copied())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The output of a command that must succeed.
pub(crate) fn answer((code, out, err): Left, arguments: &[&str]) -> serde_json::Value {
    assert_eq!(code, Some(0), "{arguments:?}: {out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {out}"))
}

/// SSIMULACRA2 of two pictures of this size, sRGB: 100 is identical, 90 visually indistinguishable.
pub(crate) fn ssimulacra2(reference: &[u8], other: &[u8], (width, height): (u32, u32)) -> f64 {
    use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};
    let frame = |rgb: &[u8]| {
        let pixels = rgb.as_chunks::<3>().0.iter().map(|p| p.map(|v| f32::from(v) / 255.0)).collect();
        let (curve, primaries) = (TransferCharacteristic::SRGB, ColorPrimaries::BT709);
        Rgb::new(pixels, width as usize, height as usize, curve, primaries)
            .expect("as many pixels as it says")
    };
    compute_frame_ssimulacra2(frame(reference), frame(other)).expect("two pictures of one size")
}

/// A picture decoded by libvips, whole: upright, sRGB, over white. `None` if it cannot be read.
pub(crate) fn vips_decodes(path: &std::path::Path) -> Option<((u32, u32), Vec<u8>)> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (turned, png) = (dir.path().join("turned.v"), dir.path().join("whole.png"));
    let vips = |command: &str, from: &std::path::Path, to: &str, more: &[&str]| {
        let mut vips = std::process::Command::new("vips");
        let out = vips.arg(command).arg(from).arg(to).args(more).output();
        out.expect("libvips-tools, which scripts/setup.sh test installs").status.success()
    };
    if !vips("autorot", path, turned.to_str()?, &[]) {
        return None;
    }
    let to = format!("{}[compression=1,strip]", png.display());
    // Only for pictures with a profile: others would change slightly in the conversion between two of them.
    if !vips("icc_transform", &turned, &to, &["srgb", "--embedded", "--intent", "relative"])
        && !vips("colourspace", &turned, &to, &["srgb"])
    {
        return None;
    }
    let picture = image::open(&png).ok()?.to_rgba8();
    let over_white = |p: &image::Rgba<u8>| {
        let [r, g, b, a] = p.0.map(u32::from);
        [r, g, b].map(|v| ((v * a + 255 * (255 - a) + 127) / 255) as u8)
    };
    Some((picture.dimensions(), picture.pixels().flat_map(over_white).collect()))
}

/// The first frames of a video in RGB of this size, one after the other, by the ffmpeg program.
pub(crate) fn ffmpeg_frames(path: &std::path::Path, (width, height): (u32, u32)) -> Vec<u8> {
    let out = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-vf", &format!("scale={width}:{height}:flags=lanczos+accurate_rnd"), "-frames:v", "600"])
        // Each frame once, regardless of its time.
        .args(["-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .expect("ffmpeg, which scripts/setup.sh test installs");
    out.stdout
}

/// The models in a folder of their own, with one file changed.
pub(crate) fn broken_models(whole: &Path, at: &Path, change: impl Fn(&mut Vec<u8>)) {
    let broken = &manifest().face_embedder.file.sha256;
    for file in std::fs::read_dir(whole).unwrap().flatten() {
        if file.path().is_file() && *file.file_name() != **broken {
            std::os::unix::fs::symlink(file.path(), at.join(file.file_name())).unwrap();
        }
    }
    let mut bytes = std::fs::read(whole.join(broken)).unwrap();
    change(&mut bytes);
    if !bytes.is_empty() {
        std::fs::write(at.join(broken), bytes).unwrap();
    }
}

/// A folder, served as a FUSE file system by a program that can be stopped and made to fail (see fuse.py).
pub(crate) struct Fuse {
    program: std::process::Child,
    at: PathBuf,
    control: tempfile::NamedTempFile,
    state: tempfile::NamedTempFile,
}

impl Fuse {
    /// `None` and a note if the machine refuses it; with ALBUMEN_REQUIRE_MOUNTS set (CI) that is a failure.
    pub(crate) fn mount(folder: &Path, at: &Path, test: &str) -> Option<Fuse> {
        use std::io::BufRead;
        let control = tempfile::NamedTempFile::new().expect("a temporary file");
        let state = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(state.path(), [0]).expect("it can be written");
        let program = std::process::Command::new("python3")
            .arg(Path::new(ROOT).join("tests/it/fuse.py"))
            .args([folder, at, control.path(), state.path()])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn();
        let mut program = match program {
            Ok(program) => program,
            Err(e) => {
                Mounted::refused(test, &format!("python3: {e}"));
                return None;
            }
        };
        let mut said = String::new();
        let out = program.stdout.take().expect("it is piped");
        std::io::BufReader::new(out).read_line(&mut said).expect("its output can be read");
        if said.trim() == "mounted" {
            return Some(Fuse { program, at: at.to_owned(), control, state });
        }
        let out = program.wait_with_output().expect("it has ended");
        Mounted::refused(test, &format!("FUSE: {}", String::from_utf8_lossy(&out.stderr).trim()));
        None
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.program);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// From now on there are no answers. A request may be in the program: a process that waits for its answer
    /// cannot even be killed.
    pub(crate) fn stop_anywhere(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// From now on there are no answers, and no request is in the program.
    pub(crate) fn stop(&self) {
        let stat = format!("/proc/{}/stat", self.program.id());
        let is_stopped = || std::fs::read_to_string(&stat).is_ok_and(|s| s.contains(") T "));
        loop {
            self.signal(rustix::process::Signal::STOP);
            while !is_stopped() {
                std::thread::yield_now();
            }
            if std::fs::read(self.state.path()).is_ok_and(|state| state == [0]) {
                return;
            }
            self.go_on();
            std::thread::yield_now();
        }
    }

    pub(crate) fn go_on(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    /// From now on these operations fail with these errors.
    pub(crate) fn fail(&self, operations: &[(&str, i32)]) {
        let lines: String = operations.iter().map(|(name, errno)| format!("{name} {errno}\n")).collect();
        std::fs::write(self.control.path(), lines).expect("the control file can be written");
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.at).status();
        // A stopped program ends by SIGKILL, too.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
