//! Tests of the worker program alone. The name `it`, as for the integration tests of `albumen`, makes cargo
//! build the program for those, too.

use std::process::Command;

#[test]
fn the_program_names_its_version() {
    let said = Command::new(env!("CARGO_BIN_EXE_albumen-worker")).arg("--version").output().unwrap();
    let version = format!("albumen-worker {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((said.status.code(), String::from_utf8(said.stdout).unwrap()), (Some(0), version));
}
