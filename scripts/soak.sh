#!/bin/bash
# Runs the long tests, which are not part of CI: `make soak`, or single parts by name.
#
#   scripts/soak.sh [PART...]
#
#   tests      every test whose name begins with soak_ (normally #[ignore]d); soak_NAME runs one of them
#   package    the Debian package, installed and used in a clean Debian 12; package:arm64 in an emulated one
#   systemd    its unit in a Debian 12 booted by its own systemd
#   bare       `make demo` and `make test` in a clean Debian 12 with only a Rust toolchain;
#              bare:TARGET, or "bare:TARGET TARGET", for other targets
#   arm64      cross-build, run under an emulator, compare with this machine's results
#   fuzz       every fuzz target of fuzz/doors.rs in turns, or fuzz:NAME, or "fuzz:NAME NAME"; installs its dependencies
#
# ALBUMEN_SOAK_SECONDS (default 600) limits parts without a natural end: tests by elapsed time, fuzz targets by
# CPU time. docs/soak/fuzz-cpu.tsv has the total of each fuzz target. ALBUMEN_FUZZ_IDLE=1 fuzzes at idle priority.
# Output lines of a part with the prefix `soak:` go into docs/soak/DATE-PART.md, with commit, machine and result; the
# complete output is kept in target/soak.
set -u
cd "$(dirname "$0")/.."

export ALBUMEN_SOAK_SECONDS=${ALBUMEN_SOAK_SECONDS:-600}
# The record of a failed test should show its message, not a backtrace.
export RUST_BACKTRACE=0
parts=("$@")
[ $# -gt 0 ] || parts=(tests package systemd bare arm64 fuzz)
mkdir -p target/soak docs/soak
# Read the commit first: replacing a record makes the tree dirty.
commit=$(git describe --always --dirty 2>/dev/null || echo unknown)

run() {
    case $1 in
        # Tests of the service use a release build.
        tests) export ALBUMEN_PROGRAM=$PWD/target/release/albumen
            cargo build --locked --release --bins --features albumen-core/failpoints && cargo test --locked --workspace --lib --bins --test it -- --ignored --nocapture --test-threads=1 soak_ ;;
        soak_*) export ALBUMEN_PROGRAM=$PWD/target/release/albumen
            cargo build --locked --release --bins --features albumen-core/failpoints && cargo test --locked --workspace --lib --bins --test it -- --ignored --nocapture --test-threads=1 "$1" ;;
        package) scripts/soak/package.sh ;;
        package:*) scripts/soak/package.sh "${1#package:}" ;;
        systemd) scripts/soak/systemd.sh ;;
        bare) scripts/soak/bare.sh ;;
        bare:*) scripts/soak/bare.sh ${1#bare:} ;;
        arm64) scripts/arm64.sh ;;
        fuzz) scripts/soak/fuzz.sh ;;
        # shellcheck disable=SC2086  # several fuzz targets
        fuzz:*) scripts/soak/fuzz.sh ${1#fuzz:} ;;
        *) echo "soak: unknown part $1; see the head of scripts/soak.sh" >&2 && return 2 ;;
    esac
}

record() {
    local part=$1 result=$2 seconds=$3 log=$4
    cat <<END
# $part, $(date -u +%Y-%m-%d): $result

| | |
|---|---|
| commit | $commit |
| machine | $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(nproc) cores, $(awk '/^MemTotal/ {printf "%.0f GB", $2 / 1e6}' /proc/meminfo) |
| system | $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), Linux $(uname -r | cut -d- -f1), $(rustc --version | cut -d' ' -f1,2) |
| took | $seconds s; load at the end $(cut -d' ' -f1 /proc/loadavg) |
| again | \`scripts/soak.sh '$part'\`, ALBUMEN_SOAK_SECONDS=$ALBUMEN_SOAK_SECONDS |

END
    # The first line of a test's output follows its name.
    sed -nE 's/^(test .* \.\.\. )?soak: /- /p' "$log"
    grep -E '^test .*(ok|FAILED)$|^test result' "$log" | sed 's/^/- /'
    if [ "$result" != passed ]; then
        printf '\nThe end of the output:\n\n'
        tail -20 "$log" | sed 's/^/    /'
    fi
}

failed=()
for part in "${parts[@]}"; do
    name=${part//[: ]/-}
    log=target/soak/$name.log
    begun=$SECONDS
    echo "== $part ($(date -u +%H:%M:%S)), $log"
    run "$part" >"$log" 2>&1
    status=$?
    result=passed
    [ $status -eq 0 ] || { result=failed && failed+=("$part"); }
    record "$part" "$result" $((SECONDS - begun)) "$log" >"docs/soak/$(date -u +%Y-%m-%d)-$name.md"
    echo "-- $result, $((SECONDS - begun)) s"
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "FAILED: ${failed[*]}"
    exit 1
fi
