#!/bin/bash
# Builds the package, installs it in a clean Debian 12, and uses it there like an administrator: versions, models, an index of
# testdata/, a HEIC and a video with faces and subjects as user albumen, the service with an upload and SIGTERM, manual pages,
# completions.
#
#   scripts/soak/package.sh [ARCHITECTURE]
#
# A package for another architecture (arm64) runs under an emulator, registered in the kernel meanwhile, with fewer files, because the
# emulator is a hundred times slower. Root only. ALBUMEN_PACKAGE=FILE uses an existing package.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD
own=$(dpkg --print-architecture)
architecture=${1:-$own}
work=$(mktemp -d)
emulator=/proc/sys/fs/binfmt_misc/albumen-$architecture
ended() {
    rm -rf "$work"
    [ ! -e "$emulator" ] || echo -1 >"$emulator"
}
trap ended EXIT
root=$work/root
enter() { scripts/debian-root.sh --enter "$root" "$@"; }
say() { echo "soak: $*"; }
die() { echo "package: $*" >&2; exit 1; }

if [ "$architecture" != "$own" ]; then
    [ "$architecture" = arm64 ] || die "no emulator for $architecture"
    qemu=$(command -v qemu-aarch64-static) || die "qemu-aarch64-static is missing: apt-get install qemu-user-static"
    # ELF, 64 bits, little endian, a program or a library, for AArch64. F: opened now, so that it works in any root.
    head='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":$(basename "$emulator"):M::$head:$mask:$qemu:F" >/proc/sys/fs/binfmt_misc/register
    # The processor of an inexpensive NAS; see scripts/arm64.sh.
    export ALBUMEN_BIND="$PWD/scripts/arm64/cpuinfo:/proc/cpuinfo"
    enter() { scripts/debian-root.sh --enter "$root" env QEMU_CPU=cortex-a53 ALBUMEN_WORKER=/usr/local/bin/worker "$@"; }
    build() { scripts/package.sh "$architecture" "$(scripts/arm64.sh build | tail -1)"; }
else
    build() { scripts/package.sh; }
fi
package=${ALBUMEN_PACKAGE:-$(build | tail -1)}
say "$(basename "$package"): $(stat -c %s "$package" | awk '{printf "%.1f MB", $1 / 1e6}'), needs $(dpkg-deb -f "$package" Depends)"

scripts/debian-root.sh --architecture "$architecture" "$root" ca-certificates
if [ "$architecture" != "$own" ]; then
    # The engine clears the environment of its workers, and the emulator's default processor, with signed pointers,
    # is several times slower.
    printf '#!/bin/sh\nexec env QEMU_CPU=cortex-a53 /usr/libexec/albumen/albumen-worker "$@"\n' >"$root/usr/local/bin/worker"
    chmod 755 "$root/usr/local/bin/worker"
fi
for tool in python3 gcc cc cargo; do
    enter which $tool >/dev/null 2>&1 && die "the clean system has $tool"
done
before=$(enter dpkg-query -f '.\n' -W | wc -l)
cp "$package" "$root/tmp/albumen.deb"
enter env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends /tmp/albumen.deb
after=$(enter dpkg-query -f '.\n' -W | wc -l)
say "installs in a clean Debian 12 ($(enter uname -m)) without Python and compilers, with $((after - before - 1)) Debian packages"

as_albumen() { enter setpriv --reuid albumen --regid albumen --init-groups env HOME=/var/lib/albumen "$@"; }
as_albumen albumen --version | grep -q '^albumen ' || die "no version"
as_albumen albumen models || die "the models are incomplete"
say "albumen models: complete, in /usr/share/albumen/models"

if [ "$architecture" = "$own" ]; then
    cp -r testdata "$root/srv/photos"
else
    mkdir -p "$root/srv/photos/kinds" "$root/srv/faces"
    cp testdata/kinds/plain.jpg testdata/kinds/progressive.jpg testdata/kinds/grey.jpg "$root/srv/photos/kinds/"
    # Pictures of the networks' input size: for others the recogniser would exceed its deadline.
    python3 -c '
import tomllib
for name, table in tomllib.load(open("models/manifest.toml", "rb")).items():
    if name.startswith("test_"):
        print(table["sha256"], name)
' | while read -r sum name; do cp "${ALBUMEN_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/albumen/models}/$sum" "$root/srv/faces/$name.png"; done
fi
# Files for FFmpeg, whose libraries the worker loads by name.
scripts/soak/media.sh "$root/srv/photos/made"
status=0
if [ "$architecture" = "$own" ]; then
    as_albumen albumen index --json /srv/photos >"$work/summary" || status=$?
else
    as_albumen albumen index --json --no-recognise /srv/photos >"$work/summary" || status=$?
    as_albumen albumen index --json /srv/faces || die "the faces: index exited with $?"
fi
# Some of the samples are broken on purpose.
[ $status -le 1 ] || die "index exited with $status"
cat "$work/summary"
as_albumen albumen status
for stage in faces subjects; do
    as_albumen albumen status --json | grep -Eq "\"stage\":\"$stage\",\"done\":[1-9]" || die "stage $stage did not run"
done
for made in picture.heic clip.mp4; do
    for size in xl m sm preview; do
        of_it=$(as_albumen albumen show --json "/srv/photos/made/$made" | python3 -c \
            'import json, sys; print(next((d["path"] for d in json.load(sys.stdin)["derivatives"] if d["name"] == sys.argv[1]), ""))' $size)
        [ -n "$of_it" ] && [ -s "$root/var/lib/albumen/$of_it" ] || die "$made has no $size"
    done
done
say "HEIC and HEVC video: thumbnails and previews exist"
as_albumen albumen verify || die "the index is damaged"
say "as user albumen: $(sed 's/.*"found":\([0-9]*\).*/\1/' "$work/summary") files indexed, $(as_albumen albumen status --json | sed 's/.*"stage":"faces","done":\([0-9]*\).*/\1/') recognised, exit code $status, verify finds no errors"
say "sandbox: $(as_albumen albumen status --json | sed 's/.*"sandbox":"\([^"]*\)".*/\1/')"

rights=$(enter stat -c '%a %U:%G' /etc/albumen/albumen.toml)
[ "$rights" = "640 root:albumen" ] || die "albumen.toml is $rights"
as_albumen test -r /etc/albumen/albumen.toml || die "the service cannot read albumen.toml"
enter setpriv --reuid nobody --regid nogroup --clear-groups test -r /etc/albumen/albumen.toml && die "every user can read albumen.toml"
say "albumen.toml: $rights"

# The service, as the unit starts it: its command line, its user, its folders.
printf '\n[[space]]\nname = "family"\nfolders = ["/srv/photos"]\n' >>"$root/etc/albumen/albumen.toml"
[ "$architecture" = "$own" ] || printf 'people = false\nsubjects = false\n' >>"$root/etc/albumen/albumen.toml"
install -d -m 0750 "$root/run/albumen"
enter chown albumen:albumen /run/albumen
unit=$root/lib/systemd/system/albumen.service
command=$(sed -n 's/^ExecStart=//p' "$unit")
cp testdata/kinds/plain.jpg "$work/upload.jpg"
echo "an upload" >>"$work/upload.jpg"
cat >"$root/tmp/service" <<END
set -e
$command & service=\$!
for i in \$(seq 100); do albumen submit /srv/photos/kinds/plain.jpg >/dev/null 2>&1 && break; sleep 0.2; done
cat /tmp/upload.jpg >/srv/photos/upload.jpg
albumen submit --wait /srv/photos/upload.jpg
albumen show --json /srv/photos/upload.jpg | grep -q '"name":"upload.jpg"'
kill -TERM \$service
wait \$service
END
cp "$work/upload.jpg" "$root/tmp/upload.jpg"
chmod 644 "$root/tmp/upload.jpg"
enter chown -R albumen /srv/photos
begun=$(date +%s%N)
as_albumen sh /tmp/service || die "the service"
say "the service starts with the unit's command, accepts an upload, and exits with 0 after SIGTERM ($((($(date +%s%N) - begun) / 1000000)) ms in total)"

for page in albumen albumen-index albumen-service; do
    gzip -t "$root/usr/share/man/man1/$page.1.gz"
done
bash -n "$root/usr/share/bash-completion/completions/albumen"
say "$(ls "$root/usr/share/man/man1" | grep -c albumen) manual pages; completions for bash, zsh, fish"

if [ "$architecture" = "$own" ] && command -v systemd-analyze >/dev/null; then
    # Only messages about this package; the root has no other units.
    verdict=$(systemd-analyze verify --root="$root" --recursive-errors=no albumen.service 2>&1 | grep -i albumen || true)
    [ -z "$verdict" ] || die "systemd-analyze verify: $verdict"
    say "systemd-analyze verify: no complaint about the unit"
    say "systemd-analyze security: $(systemd-analyze security --offline=yes "$here/config/albumen.service" 2>&1 | tail -1 | sed 's/.*level for //' | LC_ALL=C tr -cd ' -~')"
fi

enter apt-get purge -q -y albumen
[ -f "$root/var/lib/albumen/index.sqlite" ] || die "purging deleted the index"
[ ! -e "$root/usr/bin/albumen" ] && [ ! -e "$root/etc/albumen" ] || die "purging left files behind"
say "purged: programs and config are removed, the index is kept"
