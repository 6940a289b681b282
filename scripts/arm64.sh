#!/bin/bash
# Cross-builds for arm64 and compares the results with this machine's: `make arm64`. Root only; on demand, not in CI.
# `scripts/arm64.sh build` only builds the two programs; the last line of its output is their folder.
#
# In a cached Debian 12 with Debian's own Rust (rustc-web) and cross compilers, it builds both programs and the tests. Under
# qemu-aarch64-static it runs the test modules that start no other process, indexes testdata/ and part of ALBUMEN_CORPUS, and
# compares the index with that of this machine's build over the same files: facts must be equal, pictures, faces and subjects
# within the tolerances of examples/compare_indexes.rs. Finally it lists the NEON routines that were executed, by the symbols
# of the blocks that the emulator translated, and counts the instructions of a photo.
#
# The emulator is a hundred times slower than a processor, so the files are few: ALBUMEN_ARM64_EACH of each kind of the
# corpus (default 8), and as many small portraits and scenes for the recogniser. Each step is limited to
# ALBUMEN_ARM64_SECONDS (default 3600).
#
# Lines with the prefix `soak:` go into the record that scripts/soak.sh arm64 writes.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "soak: $*"; }
die() { echo "arm64: $*" >&2; exit 1; }
target=aarch64-unknown-linux-gnu
each=${ALBUMEN_ARM64_EACH:-8}
limit=${ALBUMEN_ARM64_SECONDS:-3600}
qemu=$(command -v qemu-aarch64-static) || die "qemu-aarch64-static is missing: apt-get install qemu-user-static"
# The same emulator, linked so that it can load a plugin.
counting=$(command -v qemu-aarch64) || die "qemu-aarch64 is missing: apt-get install qemu-user"

root=${ALBUMEN_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/albumen/roots}/debian12-arm64-cross
# A root that lacks a library added since is created again.
if [ ! -f "$root/.whole" ] || [ ! -d "$root/usr/include/libraw" ]; then
    rm -rf "$root"
    scripts/debian-root.sh "$root" ca-certificates
    scripts/debian-root.sh --enter "$root" sh -ec '
        dpkg --add-architecture arm64
        apt-get update -q
        export DEBIAN_FRONTEND=noninteractive
        codecs=
        for library in avcodec avformat avutil swscale swresample de265 dav1d raw; do codecs="$codecs lib$library-dev:arm64"; done
        apt-get install -q -y --no-install-recommends rustc-web cargo-web libstd-rust-web-dev:arm64 \
            crossbuild-essential-arm64 cmake clang libclang-dev pkg-config g++ make python3 git $codecs
        apt-get clean'
    touch "$root/.whole"
fi
cp "$qemu" "$root/usr/bin/qemu-aarch64-static"
# Crates come from the same registry, with the same certificates, as on this machine.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
mkdir -p "$root/cargo"
cargo_home=${CARGO_HOME:-$HOME/.cargo}
for config in config config.toml; do
    [ ! -f "$cargo_home/$config" ] || cp "$cargo_home/$config" "$root/cargo/"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$root/src" "$root/target" "$root/scratch"

bind="$PWD:/src $work:/scratch"
[ -z "${ALBUMEN_CORPUS:-}" ] || bind="$bind $ALBUMEN_CORPUS:/corpus"
enter() {
    ALBUMEN_BIND=$bind scripts/debian-root.sh --enter "$root" env \
        CARGO_HOME=/cargo CARGO_TARGET_DIR=/target CARGO_TERM_COLOR=never \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static \
        CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++ \
        AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar \
        PKG_CONFIG_ALLOW_CROSS=1 PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig \
        BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu="--target=aarch64-linux-gnu -I/usr/aarch64-linux-gnu/include" \
        "$@"
}

# Emulate two cores of an inexpensive NAS. By default the emulator shows the /proc/cpuinfo of this machine, in which
# ONNX Runtime does not find an ARM processor and aborts.
export QEMU_CPU=cortex-a53
cp scripts/arm64/cpuinfo "$work/"
# Runs a command in the root; the emulator runs its arm64 programs.
emulate() {
    enter timeout "$limit" env QEMU_CPU=$QEMU_CPU ALBUMEN_MODELS=/models ALBUMEN_WORKER=/scratch/worker ${ALBUMEN_CORPUS:+ALBUMEN_CORPUS=/corpus} \
        sh -ec 'mount --bind /scratch/cpuinfo /proc/cpuinfo; cd /src; exec "$@"' sh "$@"
}

# Without link-time optimisation, which takes most of the time and does not change results.
begun=$SECONDS
enter sh -ec "cd /src && cargo build --release --locked --target $target --bins"
built=$root/target/$target/release
for program in albumen albumen-worker; do
    file -b "$built/$program" 2>/dev/null | grep -q aarch64 || readelf -h "$built/$program" | grep -q AArch64 || die "$program is not for arm64"
done
if [ "${1:-}" = build ]; then
    echo "$built"
    exit
fi
enter sh -ec "cd /src && cargo build --release --locked --target $target --example instructions &&
    cargo test --release --locked --target $target -p albumen --test it --no-run"
say "cross-built with $(enter rustc --version) in $((SECONDS - begun)) s (two cores, shared)"

# The models, with the ONNX Runtime for arm64.
mkdir -p "$root/models"
ALBUMEN_MODELS=$root/models python3 models/fetch.py --machine aarch64

# Tests that start no other process: those that start the programs would need binfmt, and so would the one that
# measures the memory of a child process. Of the tests with models only those with one or two pictures: a group in tiles takes
# ten minutes in the emulator.
tests=$(ls -t "$built"/deps/it-* | grep -v '\.d$' | head -1)
emulate qemu-aarch64-static /target/$target/release/deps/$(basename "$tests") \
    --test-threads=2 --skip two_hundred_megapixels decode:: decode_heif:: render:: inspect:: places:: \
    recognise::the_astronaut recognise::the_cat recognise::a_face recognise::a_broken_model | tee "$work/tests"
say "tests under the emulator: $(sed -n 's/^test result: //p' "$work/tests" | tail -1)"

# Index the same files with both builds. The engine starts its worker by name; without binfmt that name is a script.
cat >"$work/worker" <<END
#!/bin/sh
exec env QEMU_CPU=$QEMU_CPU qemu-aarch64-static /target/$target/release/albumen-worker "\$@"
END
chmod 755 "$work/worker"
# Every kind of file, without recognition; then pictures of the networks' input size, for recognition.
facts=$work/files/facts found=$work/files/found
mkdir -p "$facts" "$found"
cp -r testdata "$facts/testdata"
python3 -c '
import tomllib
for name, table in tomllib.load(open("models/manifest.toml", "rb")).items():
    if name.startswith("test_"):
        print(table["sha256"], name)
' | while read -r sum name; do cp "$root/models/$sum" "$found/$name.png"; done
if [ -n "${ALBUMEN_CORPUS:-}" ]; then
    for kind in camera-jpeg heic hdr-gainmap motion orientation pano360 livephoto raw video takeout face-detect; do
        mkdir -p "$facts/$kind"
        find "$ALBUMEN_CORPUS/$kind" -type f -size -8M | LC_ALL=C sort | awk "NR <= $each" |
            while read -r file; do cp "$file" "$facts/$kind/"; done
    done
    for kind in faces objects; do
        mkdir -p "$found/$kind"
        find "$ALBUMEN_CORPUS/$kind" -type f -iname '*.jp*g' -printf '%s %p\n' | LC_ALL=C sort -n | awk "NR <= $each" |
            cut -d' ' -f2- | while read -r file; do cp "$file" "$found/$kind/"; done
    done
fi
# Modification times are facts and must be equal for both.
find "$work/files" -exec touch -d 2024-01-02T03:04:05Z {} +
cargo build --release --locked --bins --example compare_indexes
compare() {
    local name=$1 status=0 begun=$SECONDS
    shift
    emulate qemu-aarch64-static /target/$target/release/albumen --config /dev/null --index "/scratch/arm64-$name" \
        index --json "$@" "/scratch/files/$name" >"$work/summary" || status=$?
    [ $status -le 1 ] || die "indexing under the emulator exited with $status"
    say "$name: indexed under the emulator in $((SECONDS - begun)) s: $(tr -d '{}"' <"$work/summary" | cut -d, -f1-8)"
    status=0
    target/release/albumen --config /dev/null --index "$work/amd64-$name" index --json "$@" "$work/files/$name" >"$work/summary" || status=$?
    [ $status -le 1 ] || die "indexing with this machine's build exited with $status"
    target/release/examples/compare_indexes "$work/amd64-$name" "$work/arm64-$name" || differ="$differ $name"
}
differ=
compare facts --no-recognise
compare found
say "sandbox under the emulator: $(emulate qemu-aarch64-static /target/$target/release/albumen --index /scratch/arm64-facts status --json | sed 's/.*"sandbox":"\([^"]*\)".*/\1/'); the emulator supports neither Landlock nor seccomp, so the sandbox is not tested here"

# List the executed vector routines: the emulator logs the symbol of every block when it first runs.
mkdir "$work/traced"
cp testdata/kinds/plain.jpg testdata/kinds/progressive.jpg "$work/traced/"
cat >"$work/worker" <<END
#!/bin/sh
exec env QEMU_CPU=$QEMU_CPU qemu-aarch64-static -d in_asm -D /scratch/trace.\$\$ /target/$target/release/albumen-worker "\$@"
END
emulate qemu-aarch64-static -d in_asm -D /scratch/trace.engine \
    /target/$target/release/albumen --index /scratch/trace-index index --jobs 1 /scratch/traced >/dev/null
executed() { cat "$work"/trace.* | sed -n 's/^IN: //p' | sort -u | grep -E "$1" | c++filt | sed 's/::h[0-9a-f]*$//' | sort -u; }
shown() {
    local found
    found=$(executed "$2")
    [ -n "$found" ] || die "no NEON routine was executed for $1"
    say "NEON executed for $1: $(echo "$found" | wc -l) routines, among them $(echo "$found" | head -3 | cut -c1-70 | paste -sd, | sed 's/,/, /g')"
}
shown "JPEG" '^jsimd.*neon'
shown "resizing" 'fast_image_resize.*neon'
shown "hashing" 'blake3.*neon'
# The search over embeddings is a plain loop that the compiler vectorises: count its vector products in the code.
products=$(enter aarch64-linux-gnu-objdump -d --no-show-raw-insn /target/$target/release/albumen |
    awk '/^[0-9a-f]+ </ {inside = /people.*vectors/} inside && /(smull|smlal|sdot)2?[ \t]+v/ {n++} END {print n + 0}')
[ "$products" -gt 0 ] || die "the search over embeddings has no vector products"
say "NEON in the search over embeddings: $products vector products of bytes in its code"

# Instructions per photo, counted by a plugin of the emulator: the difference between runs with two photos and with one.
cc -O2 -Wall -shared -fPIC -o "$work/instructions.so" scripts/arm64/instructions.c
executed_by() {
    "$counting" -L "$root" -plugin "$work/instructions.so" -d plugin -D "$work/executed" "$built/examples/instructions" "$@" >/dev/null
    sed -n 's/^executed: //p' "$work/executed"
}
a_photo() {
    local once twice
    once=$(executed_by develop "$2" 1) twice=$(executed_by develop "$2" 2)
    say "aarch64 instructions of develop() on $1: $(((twice - once) / 1000000)) million"
}
executed_by photo "$work/phone.jpg"
a_photo "a generated phone JPEG of 12 megapixels" "$work/phone.jpg"
heic=
[ -z "${ALBUMEN_CORPUS:-}" ] || heic=$(find "$ALBUMEN_CORPUS/livephoto" "$ALBUMEN_CORPUS/heic" -iname '*.heic' -size +1M | LC_ALL=C sort | head -1)
[ -z "$heic" ] || a_photo "$(basename "$heic")" "$heic"
[ -z "$differ" ] || die "differences beyond the tolerances:$differ"
