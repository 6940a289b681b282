#!/bin/bash
# The long proofs, which no commit waits for: `make soak`, or single parts by name.
#
#   scripts/soak.sh [PART...]
#
#   tests      every test whose name begins with soak_ (they are #[ignore]d otherwise); soak_NAME runs that one
#   package    the Debian package, installed and used in a clean Debian 12; package:arm64, in one for arm64 that is emulated
#   systemd    its unit in a Debian 12 that a systemd of its own has booted
#   bare       `make demo` and `make test` in a clean Debian 12 that has nothing but a Rust toolchain;
#              bare:TARGET, or "bare:TARGET TARGET", for other targets
#   arm64      cross-built, run under an emulator, compared with this machine's results
#   fuzz       every door of fuzz/doors.rs in turns, or fuzz:DOOR, or "fuzz:DOOR DOOR"; installs what it needs
#
# ALBUMEN_SOAK_SECONDS (default 600) is how long whatever has no end of its own goes on: each test by the clock, each door by its
# CPU time. docs/soak/fuzz-cpu.tsv has what each door has had so far. ALBUMEN_FUZZ_IDLE=1 fuzzes when nothing else wants the CPU.
# What a part says in lines that begin with `soak:` goes into docs/soak/DATE-PART.md, with commit, machine and result; all
# that it printed stays in target/soak.
set -u
cd "$(dirname "$0")/.."

export ALBUMEN_SOAK_SECONDS=${ALBUMEN_SOAK_SECONDS:-600}
# Of a test that fails the record should show what it said, and not where that stands.
export RUST_BACKTRACE=0
parts=("$@")
[ $# -gt 0 ] || parts=(tests package systemd bare arm64 fuzz)
mkdir -p target/soak docs/soak
# Now: a record that takes the place of another changes the tree.
commit=$(git describe --always --dirty 2>/dev/null || echo unknown)

run() {
    case $1 in
        # The service's are of a release build.
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
        # shellcheck disable=SC2086  # several doors
        fuzz:*) scripts/soak/fuzz.sh ${1#fuzz:} ;;
        *) echo "soak: no part is called $1; see the head of scripts/soak.sh" >&2 && return 2 ;;
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
    # The first thing that a test says stands behind its name.
    sed -nE 's/^(test .* \.\.\. )?soak: /- /p' "$log"
    grep -E '^test .*(ok|FAILED)$|^test result' "$log" | sed 's/^/- /'
    if [ "$result" != passed ]; then
        printf '\nThe end of what it said:\n\n'
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
