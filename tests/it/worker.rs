//! Tests of the wall with real worker processes.

use albumen::pipeline::cancel::CancelToken;
use albumen::pipeline::source::Source;
use albumen::pipeline::vocabulary::{DevelopRequest, FixedAdmission, Inputs, RenderSettings};
use albumen::worker::develop::develop;
use albumen::worker::{WorkerHandle, WorkerSettings};
use std::fs::File;
use std::path::Path;

/// The program that Cargo built for this test run.
fn settings() -> WorkerSettings {
    WorkerSettings { program: Some(env!("CARGO_BIN_EXE_albumen-worker").into()), ..WorkerSettings::default() }
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
