//! The fuzz binary: runs the fuzz target that the variable ALBUMEN_DOOR names.
#![no_main]

#[path = "../doors.rs"]
mod doors;

use std::sync::LazyLock;

static DOOR: LazyLock<doors::Door> = LazyLock::new(|| {
    let name = std::env::var("ALBUMEN_DOOR").unwrap_or_default();
    let names: Vec<_> = doors::DOORS.iter().map(|d| d.0).collect();
    *doors::DOORS.iter().find(|d| d.0 == name).unwrap_or_else(|| panic!("ALBUMEN_DOOR is one of {names:?}"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (DOOR.1)(bytes));
