#!/bin/sh
# Type-checks for arm64 the crates without C code. scripts/arm64.sh builds and runs everything, on demand.
# Without the compiler's target (scripts/setup.sh test installs it with rustup), the check is skipped and listed as such.
set -eu
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu

if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
    skipped="skipped: scripts/arm64_check.sh: the Rust target $target is not installed (rustup target add $target)"
    echo "$skipped" >&2
    [ -z "${ALBUMEN_SKIPPED:-}" ] || echo "$skipped" >>"$ALBUMEN_SKIPPED"
    exit
fi
exec cargo check --locked --target $target -p albumen-core -p albumen-formats -p albumen-library -p albumen-isolation
