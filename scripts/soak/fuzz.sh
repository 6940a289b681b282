#!/bin/bash
# Runs fuzz targets of fuzz/doors.rs in turns, all or the given ones, and installs the dependencies: Debian packages, a
# nightly toolchain and cargo-fuzz.
#
#   scripts/soak/fuzz.sh [--idle] [--jobs N] [--seconds CPU_SECONDS] [--turn CPU_SECONDS] [--build | --check] [NAME...]
#
# scripts/soak/fuzz.py runs the turns. Defaults come from ALBUMEN_SOAK_SECONDS, ALBUMEN_FUZZ_JOBS and
# ALBUMEN_FUZZ_IDLE=1, for `make soak`.
set -u
cd "$(dirname "$0")/../.."
scripts/setup.sh || exit 1
toolchain=${ALBUMEN_FUZZ_TOOLCHAIN:-nightly}
if ! cargo "+$toolchain" --version >/dev/null 2>&1; then
    command -v rustup >/dev/null || { echo "fuzz: rustup is missing; it is needed for a nightly toolchain" >&2; exit 2; }
    rustup toolchain install "$toolchain" --profile minimal || exit 1
fi
command -v cargo-fuzz >/dev/null || cargo "+$toolchain" install --locked cargo-fuzz || exit 1
cargo "+$toolchain" fuzz build door || exit 1
# Run the built program directly: `cargo fuzz run` would rebuild it whenever the source has changed.
exec python3 scripts/soak/fuzz.py "fuzz/target/$(rustc -vV | sed -n 's/^host: //p')/release/door" "$@"
