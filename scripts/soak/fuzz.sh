#!/bin/bash
# Fuzzes doors of fuzz/doors.rs, all or those that are named, ALBUMEN_SOAK_SECONDS each, ALBUMEN_FUZZ_JOBS at a time. A
# finding is left in fuzz/artifacts and fails the part; fuzz/README.md says what to do with it.
set -u
cd "$(dirname "$0")/../.."
command -v cargo-fuzz >/dev/null || { echo "fuzz: cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 2; }
cargo +nightly --version >/dev/null 2>&1 || { echo "fuzz: there is no nightly toolchain" >&2; exit 2; }

doors=("$@")
[ $# -gt 0 ] || mapfile -t doors < <(sed -n 's/^ *("\([a-z0-9_]*\)",.*/\1/p' fuzz/doors.rs)
[ ${#doors[@]} -gt 0 ] || { echo "fuzz: fuzz/doors.rs has no doors" >&2; exit 2; }
cargo +nightly fuzz build door || exit 1
# What was built is run as it is: `cargo fuzz run` would build anew for a door whenever the source has changed in between.
program=fuzz/target/$(rustc -vV | sed -n 's/^host: //p')/release/door
mkdir -p fuzz/artifacts/door
export program ASAN_OPTIONS=detect_odr_violation=0
python3 fuzz/seed.py || exit 1

# One door, by its name: for as long as told by the clock; what it got of the processor is said beside it.
fuzz() {
    local door=$1 log cpu status runs covered
    mkdir -p "fuzz/corpus/$door" "fuzz/regressions/$door"
    log=$(mktemp)
    TIMEFORMAT=%U
    cpu=$({ time ALBUMEN_DOOR=$door "$program" "fuzz/corpus/$door" "fuzz/regressions/$door" -artifact_prefix=fuzz/artifacts/door/ \
        -max_total_time="$ALBUMEN_SOAK_SECONDS" -max_len=16384 -rss_limit_mb=1024 -timeout=60 >"$log" 2>&1; } 2>&1)
    status=$?
    cat "$log"
    runs=$(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 runs in \2 s/p' "$log" | tail -1)
    covered=$(grep -o 'cov: [0-9]*' "$log" | tail -1)
    if [ $status -eq 0 ]; then
        echo "soak: $door: $runs (${cpu%.*} s of CPU time), ${covered:-no cover}, nothing found"
    else
        echo "soak: $door: FOUND $(grep -oE 'artifacts/door/[a-z]+-[0-9a-f]+' "$log" | tail -1)"
    fi
    rm -f "$log"
    return $status
}
export -f fuzz

# As many at a time as asked for; each is one thread.
printf '%s\n' "${doors[@]}" | xargs -P "${ALBUMEN_FUZZ_JOBS:-$(nproc)}" -I{} bash -c 'fuzz {}'
