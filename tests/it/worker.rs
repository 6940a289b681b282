//! Tests of the sandbox with real worker processes: every way in which a worker can fail, the operations that
//! a sandboxed one cannot do, and that its answers equal those of the function in process.

use crate::support;
use crate::support::{ROOT, note_skipped, worker_program};
use albumen_core::cancel::CancelToken;
use albumen_core::fault::Fault;
use albumen_core::source::Source;
use albumen_core::vocabulary::{
    Admission, DevelopRequest, Developed, FixedAdmission, Format, Inputs, RecogniseRequest, RenderSettings,
};
use albumen_isolation::{
    Deadline, RecogniserHandle, RecogniserSettings, StartError, WorkerHandle, WorkerSettings, pss,
};
use albumen_models::files as models;
use albumen_models::manifest::manifest;
use albumen_recognise::Recogniser;
use albumen_worker::develop::develop;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The program that Cargo built for this test run.
fn settings() -> WorkerSettings {
    WorkerSettings { program: Some(worker_program()), ..WorkerSettings::default() }
}

/// A worker that injects faults.
fn faulty() -> WorkerSettings {
    WorkerSettings { faults: true, ..settings() }
}

fn request(path: &Path) -> DevelopRequest {
    DevelopRequest {
        name: path.file_name().unwrap().as_encoded_bytes().to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    }
}

fn inputs(path: &Path) -> Inputs {
    Inputs { primary: Source::from_file(File::open(path).unwrap()).unwrap(), sidecars: Vec::new() }
}

const ROOM: FixedAdmission = FixedAdmission(1 << 30);

/// Has a file developed that commands this fault.
fn command(worker: &mut WorkerHandle, fault: &str, room: u64) -> Result<Developed, Fault> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fault.jpg");
    std::fs::write(&path, format!("ALBUMEN-FAULT:{fault}\n")).unwrap();
    worker.develop(&request(&path), &inputs(&path), &FixedAdmission(room), &CancelToken::new())
}

/// Runs this one test in a process of its own, so that other tests' files and children are not counted. True:
/// this is it.
fn alone(test: &str) -> bool {
    if std::env::var_os("ALBUMEN_TEST_ALONE").is_some() {
        return true;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("ALBUMEN_TEST_ALONE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let erred = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{erred}");
    false
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Children of this process, including zombies.
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc").unwrap().filter_map(|e| {
        let stat = std::fs::read_to_string(e.ok()?.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.to_owned();
        (parent == own).then_some(stat)
    });
    stats.collect()
}

#[test]
fn the_wall_answers_as_the_function_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("note.txt");
    std::fs::write(&path, b"no picture").unwrap();
    let mut worker = WorkerHandle::new(settings());
    let behind = worker.develop(&request(&path), &inputs(&path), &ROOM, &CancelToken::new());
    let direct = develop(&request(&path), &inputs(&path), &ROOM);
    assert_eq!(behind.unwrap_err(), direct.unwrap_err());
}

#[test]
fn facts_outlive_a_worker_that_is_lost_while_it_decodes() {
    let soon = Deadline { cpu: Duration::from_millis(300), wall: Duration::from_secs(300) };
    let mut worker = WorkerHandle::new(WorkerSettings { deadline: soon, ..faulty() });
    for fault in ["render-segfault", "render-garbage", "render-loop", "render-hog"] {
        let developed = command(&mut worker, fault, 64 << 20).unwrap();
        assert_eq!(developed.facts.format, Some(Format::Jpeg), "{fault}");
        match (fault, developed.pictures.unwrap().unwrap_err()) {
            ("render-segfault", Fault::Crashed { why, .. }) if why.contains("signal 11") => {}
            ("render-garbage", Fault::Crashed { why, .. }) if why.contains("violated the protocol") => {}
            ("render-loop", Fault::TimedOut { .. }) | ("render-hog", Fault::TooLarge { .. }) => {}
            (_, other) => panic!("{fault}: {other:?}"),
        }
    }
}

#[test]
fn whatever_a_worker_does_the_engine_goes_on() {
    if !alone("worker::whatever_a_worker_does_the_engine_goes_on") {
        return;
    }
    let mut worker = WorkerHandle::new(faulty());
    // The first spawn also starts the thread that spawns.
    worker.start().unwrap();
    let files_before = open_files();
    let crashed: &[(&str, &str)] = &[
        ("segfault", "signal 11"),
        ("abort", "signal 6"),
        ("panic", "as commanded"),
        ("leave", "status 3"),
        ("garbage", "violated the protocol"),
        ("greeting", "violated the protocol"),
        ("no-reply", "another size"),
        ("stray-file", "open files"),
        ("lengths", "violated the protocol"),
        ("ask", "again and again"),
        ("ask-and-not-listen", "violated the protocol"),
        ("map", "holds"),
        ("fill-reply", "holds"),
        ("dimensions", "size that was not asked for"),
        ("no-jpeg", "no JPEG"),
        ("cancelled", "stopped without a request to stop"),
    ];
    for (fault, word) in crashed {
        match command(&mut worker, fault, 0).unwrap_err() {
            Fault::Crashed { why, detail } if why.contains(word) || detail.as_deref() == Some(word) => {}
            other => panic!("{fault}: {other:?}"),
        }
    }
    // Each limit is reached with the other far away, even on a busy machine.
    let (soon, late) = (Duration::from_millis(300), Duration::from_secs(300));
    let limits = [
        ("loop", soon, late, "0.3 s of CPU"),
        ("ask-and-compute", soon, late, "0.3 s of CPU"),
        ("sleep", late, soon, "more than 0.3 s"),
    ];
    for (fault, cpu, wall, word) in limits {
        let deadline = Deadline { cpu, wall };
        let mut worker = WorkerHandle::new(WorkerSettings { deadline, ..faulty() });
        match command(&mut worker, fault, 0).unwrap_err() {
            Fault::TimedOut { why } if why.contains(word) => {}
            other => panic!("{fault}: {other:?}"),
        }
    }
    let room = 8 << 20;
    match command(&mut worker, "hog", room).unwrap_err() {
        Fault::TooLarge { needed } => assert!((room..room * 2).contains(&needed), "{needed}"),
        other => panic!("hog: {other:?}"),
    }
    match command(&mut worker, "hog-at-once", room).unwrap_err() {
        Fault::TooLarge { needed } => assert!(needed > 1 << 39, "{needed}"),
        other => panic!("hog-at-once: {other:?}"),
    }
    // After all of that the next file is processed by a new worker.
    assert!(!command(&mut worker, "nothing", 0).unwrap_err().is_transient());
    assert_eq!(children().len(), 1, "{:?}", children());
    assert_eq!(open_files(), files_before);
    drop(worker);
    assert_eq!(children().len(), 0, "{:?}", children());
}

#[test]
fn a_sealed_worker_can_do_nothing_but_its_work() {
    let mut worker = WorkerHandle::new(faulty());
    let report = worker.start().unwrap();
    if report.level() == "none" {
        let why = "neither Landlock nor seccomp here (an emulator or an old kernel)";
        return note_skipped("a_sealed_worker_can_do_nothing_but_its_work", why);
    }
    let found = command(&mut worker, "probe", 0).unwrap().facts.tags;
    for attempt in &found {
        let (what, outcome) = attempt.rsplit_once(": ").unwrap();
        match what {
            "thread" => assert_eq!(outcome, "works"),
            _ if report.seccomp => assert_eq!(outcome, libc::EPERM.to_string(), "{what}"),
            "read a file" | "write a file" | "list a folder" => assert_ne!(outcome, "0", "{what}"),
            _ => {}
        }
    }
    assert_eq!(found.len(), 14);
    // Also if the engine is root, as in a container, or has the service's one capability.
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.pid().unwrap())).unwrap();
    let rights = |set: &str| status.lines().find_map(|l| l.strip_prefix(set)).map(str::trim);
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(rights(set), Some("0000000000000000"), "{set}");
    }
}

#[test]
fn a_sealed_worker_is_refused_every_call_that_is_not_listed() {
    let mut worker = WorkerHandle::new(faulty());
    if !worker.start().unwrap().seccomp {
        return note_skipped(
            "a_sealed_worker_is_refused_every_call_that_is_not_listed",
            "there is no seccomp here (an emulator or an old kernel)",
        );
    }
    for probe in ["calls", "paths"] {
        let passed = command(&mut worker, probe, 0).unwrap().facts.tags;
        assert!(passed.is_empty(), "{probe}: {passed:?}");
    }
}

#[test]
fn a_worker_inherits_nothing_but_its_socket_and_its_reply() {
    if !alone("worker::a_worker_inherits_nothing_but_its_socket_and_its_reply") {
        return;
    }
    let secret = File::open("/proc/self/maps").unwrap();
    let of_a_worker = || {
        let mut worker = WorkerHandle::new(faulty());
        worker.start().unwrap();
        // Standard input twice, output, error, and the file that commands it.
        command(&mut worker, "files", 0).unwrap().facts.tags
    };
    let without = of_a_worker();
    assert_eq!(without.len(), 5, "{without:?}");
    // As a library or the parent of the engine would leave them open, low and high.
    for at in [20, 21, 63, 64, 200, 900] {
        // SAFETY: the number is free, and the copy stays open for this process, which ends with the test.
        assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&secret), at) }, at);
        assert_eq!(of_a_worker().len(), without.len(), "with {at} open");
    }
}

#[test]
fn a_file_cannot_command_a_worker_that_serves_people() {
    let mut worker = WorkerHandle::new(settings());
    assert!(!command(&mut worker, "segfault", 0).unwrap_err().is_transient());
}

#[test]
fn stopping_kills_the_worker_at_once_and_blames_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jpg");
    std::fs::write(&path, "ALBUMEN-FAULT:sleep\n").unwrap();
    let mut worker = WorkerHandle::new(WorkerSettings { faults: true, ..settings() });
    worker.start().unwrap();
    let cancel = CancelToken::new();
    let began = Instant::now();
    let outcome = std::thread::scope(|s| {
        s.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            cancel.cancel();
        });
        worker.develop(&request(&path), &inputs(&path), &ROOM, &cancel)
    });
    assert_eq!(outcome.unwrap_err(), Fault::Cancelled);
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(worker.pid(), None);
}

#[test]
fn a_worker_that_died_idle_costs_no_file_an_attempt() {
    let mut worker = WorkerHandle::new(faulty());
    worker.start().unwrap();
    let first = worker.pid().unwrap();
    let pid = rustix::process::Pid::from_raw(first as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    while !std::fs::read_to_string(format!("/proc/{first}/stat")).unwrap().contains(") Z") {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(command(&mut worker, "probe", 0).is_ok());
    assert_ne!(worker.pid(), Some(first));
    assert!(pss(&[worker.pid().unwrap()]) > 0);
    assert_eq!(pss(&[u32::MAX]), 0);
}

/// Whether the worker that developed this file has FFmpeg.
fn has_ffmpeg_after(worker: &mut WorkerHandle, request: &DevelopRequest, path: &Path) -> bool {
    let developed = worker.develop(request, &inputs(path), &ROOM, &CancelToken::new()).unwrap();
    assert_eq!(developed.pictures.is_some(), request.render.is_some());
    assert!(developed.pictures.is_none_or(|p| p.is_ok()), "{}", path.display());
    std::fs::read_to_string(format!("/proc/{}/maps", worker.pid().unwrap())).unwrap().contains("libavcodec")
}

#[test]
fn a_worker_has_ffmpeg_only_where_a_file_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let warm = Path::new(ROOT).join("crates/media/src/decode/warm");
    let put = |name: &str, of: &str| {
        let path = dir.path().join(name);
        std::fs::copy(warm.join(of), &path).unwrap();
        path
    };
    let (jpeg, heic) = (put("a.jpg", "plain.jpg"), put("b.heic", "plain.heic"));
    let misnamed = put("c.jpg", "plain.heic");
    let mut worker = WorkerHandle::new(settings());
    let mut after = |path: &Path| has_ffmpeg_after(&mut worker, &request(path), path);
    assert!(!after(&jpeg));
    assert!(after(&misnamed), "what its name did not promise is handed on");
    assert!(after(&jpeg), "whoever has it can do all");
    assert!(!(0..64).map(|_| after(&jpeg)).last().unwrap(), "and goes when it has not been needed for long");
    assert!(after(&heic));
    // Facts are read without any codec.
    let facts = DevelopRequest { render: None, ..request(&heic) };
    assert!(!has_ffmpeg_after(&mut WorkerHandle::new(settings()), &facts, &heic));
}

#[test]
fn without_its_program_the_wall_says_what_to_do() {
    let program = Some(PathBuf::from("/nowhere/albumen-worker"));
    let mut worker = WorkerHandle::new(WorkerSettings { program, ..settings() });
    assert!(worker.start().unwrap_err().to_string().contains("/nowhere/albumen-worker cannot be started"));
    let by_hand = std::process::Command::new(worker_program()).arg("worker").output().unwrap();
    assert!(String::from_utf8_lossy(&by_hand.stderr).contains("run `albumen` instead"));
    assert_eq!(by_hand.status.code(), Some(2));
}

/// Records the requests.
struct Noted(RefCell<Vec<u64>>);

impl Admission for Noted {
    fn admit(&self, bytes: u64) -> Result<(), Fault> {
        self.0.borrow_mut().push(bytes);
        Ok(())
    }
    fn ceiling(&self) -> u64 {
        1 << 30
    }
}

/// Files of the corpus by extension, up to `each` per extension.
fn some_of_each(corpus: &Path, each: usize) -> BTreeMap<String, Vec<PathBuf>> {
    let mut picked: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    for line in manifest.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let file = corpus.join(entry["file"].as_str().unwrap());
        let kind = entry["kind"].as_str().unwrap().to_owned();
        let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let group = picked.entry(extension.clone()).or_default();
        let small = std::fs::metadata(&file).is_ok_and(|m| m.len() < 3_000_000);
        let new = seen.insert((kind, extension.clone()));
        if new && group.len() < each && small && !["xmp", "json", "txt", "md"].contains(&&*extension) {
            group.push(file);
        }
    }
    picked
}

#[test]
fn every_format_comes_out_of_the_sealed_worker_as_in_process() {
    let Some(corpus) = support::corpus("every_format_comes_out_of_the_sealed_worker_as_in_process") else {
        return;
    };
    let mut worker = WorkerHandle::new(settings());
    let report = worker.start().unwrap();
    eprintln!("sandbox: {} {report:?}", report.level());
    let mut compared = BTreeMap::new();
    for path in some_of_each(&corpus, 2).into_values().flatten() {
        let asked = Noted(RefCell::default());
        let behind = worker.develop(&request(&path), &inputs(&path), &asked, &CancelToken::new());
        let direct = develop(&request(&path), &inputs(&path), &ROOM);
        match (behind, direct) {
            (Ok(behind), Ok(direct)) => {
                assert_eq!(behind.facts, direct.facts, "{path:?}");
                assert_eq!(behind.pictures, direct.pictures, "{path:?}");
                let done = matches!(direct.pictures, Some(Ok(_)));
                *compared.entry((direct.facts.format, done)).or_insert(0) += 1;
            }
            (behind, direct) => assert_eq!(behind.err(), direct.err(), "{path:?}"),
        }
        // An estimate that was too low causes a second try with all of the memory.
        assert!(
            !asked.0.borrow().contains(&asked.ceiling()),
            "{path:?} asked for too little: {asked:?}",
            asked = asked.0
        );
    }
    eprintln!("{compared:?}");
}

#[test]
fn a_recogniser_without_models_says_so_and_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let program = Some(worker_program());
    let settings = RecogniserSettings { program, ..RecogniserSettings::new(dir.path().into(), 1) };
    let mut recogniser = RecogniserHandle::new(settings);
    match recogniser.start() {
        Err(StartError::Unable(why)) => assert!(why.contains("make models"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(recogniser.pid(), None);
}

#[test]
fn the_sealed_recogniser_answers_as_in_process() {
    let dir = models::default_dir();
    let portrait = dir.join(&manifest().test_portrait.sha256);
    if !models::available(&dir).faces || !portrait.is_file() {
        return note_skipped(
            "the_sealed_recogniser_answers_as_in_process",
            "the models are not there: run `make models`",
        );
    }
    let picture = as_jpeg(&portrait);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("xl.jpg");
    std::fs::write(&path, &picture).unwrap();

    let program = Some(worker_program());
    let mut recogniser =
        RecogniserHandle::new(RecogniserSettings { program, ..RecogniserSettings::new(dir.clone(), 2) });
    let faces = RecogniseRequest { faces: true, subjects: false, try_rotations: false };
    let file = File::open(&path).unwrap();
    let behind = recogniser.recognise(&file, &faces, &CancelToken::new()).unwrap();
    let direct = Recogniser::open(&dir, 1).unwrap().recognise(&picture, &faces).unwrap();
    assert_eq!(behind.faces, direct.faces);
    assert_eq!(behind.faces.len(), 1);
    eprintln!("recogniser: {:.0} MB PSS", pss(&[recogniser.pid().unwrap()]) as f64 / 1e6);

    // A file that is not a picture is a fault of that file; the recogniser continues.
    let first = recogniser.pid();
    for open in std::fs::read_dir(format!("/proc/{}/fd", first.unwrap())).unwrap() {
        let open = std::fs::read_link(open.unwrap().path()).unwrap();
        let is_its_own = open == Path::new("/dev/null") || open.starts_with("/memfd:albumen-reply (deleted)");
        assert!(!open.is_absolute() || is_its_own, "it has {} open", open.display());
    }
    std::fs::write(&path, b"no picture").unwrap();
    assert!(recogniser.recognise(&File::open(&path).unwrap(), &faces, &CancelToken::new()).is_err());
    assert_eq!(recogniser.pid(), first);
    recogniser.end();
    assert_eq!(pss(&[first.unwrap()]), 0);
}

/// A PNG as a JPEG.
fn as_jpeg(path: &Path) -> Vec<u8> {
    let png = image::load_from_memory(&std::fs::read(path).unwrap()).unwrap().to_rgb8();
    let (width, height) = (png.width() as usize, png.height() as usize);
    let format = turbojpeg::PixelFormat::RGB;
    let picture = turbojpeg::Image { pixels: &png.into_raw()[..], width, pitch: width * 3, height, format };
    turbojpeg::compress(picture, 90, turbojpeg::Subsamp::Sub2x1).unwrap().to_vec()
}
