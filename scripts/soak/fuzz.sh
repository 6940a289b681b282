#!/bin/bash
# Fuzzes doors of fuzz/doors.rs, all or those that are named, ALBUMEN_SOAK_SECONDS each. A finding is left in
# fuzz/artifacts and fails the part; fuzz/README.md says what to do with it.
set -u
cd "$(dirname "$0")/../.."
command -v cargo-fuzz >/dev/null || { echo "fuzz: cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 2; }
cargo +nightly --version >/dev/null 2>&1 || { echo "fuzz: there is no nightly toolchain" >&2; exit 2; }

doors=("$@")
[ $# -gt 0 ] || mapfile -t doors < <(sed -n 's/^ *("\([a-z0-9_]*\)",.*/\1/p' fuzz/doors.rs)
[ ${#doors[@]} -gt 0 ] || { echo "fuzz: fuzz/doors.rs has no doors" >&2; exit 2; }
cargo +nightly fuzz build door || exit 1
python3 fuzz/seed.py || exit 1

failed=0
for door in "${doors[@]}"; do
    mkdir -p "fuzz/corpus/$door" "fuzz/regressions/$door"
    log=$(mktemp)
    ALBUMEN_DOOR=$door cargo +nightly fuzz run door "fuzz/corpus/$door" "fuzz/regressions/$door" -- \
        -max_total_time="$ALBUMEN_SOAK_SECONDS" -max_len=16384 -rss_limit_mb=1024 -timeout=10 >"$log" 2>&1
    status=$?
    cat "$log"
    runs=$(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 runs in \2 s/p' "$log" | tail -1)
    covered=$(grep -o 'cov: [0-9]*' "$log" | tail -1)
    if [ $status -eq 0 ]; then
        echo "soak: $door: $runs, ${covered:-no cover}, nothing found"
    else
        failed=1
        echo "soak: $door: FOUND $(grep -oE 'artifacts/door/[a-z]+-[0-9a-f]+' "$log" | tail -1)"
    fi
    rm -f "$log"
done
exit $failed
