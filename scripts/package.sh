#!/bin/sh
# Makes the Debian package: `make package`. It holds all that Albumen needs on a machine without compilers and Python:
# both programs, ONNX Runtime, the models, the config, the unit, manual pages and completions.
#
#   scripts/package.sh                  for this machine's processor, built in release
#   scripts/package.sh arm64 FOLDER     of the programs in FOLDER, which `make arm64` built; root only
#
# The package lies in target/package. Needs Debian 12 with dpkg-dev, and the models (`make models`); for another processor also
# the cross-building Debian of scripts/arm64.sh, which has that processor's libraries and tools, and qemu-user-static.
set -eu
cd "$(dirname "$0")/.."

architecture=${1:-$(dpkg --print-architecture)}
own=$(dpkg --print-architecture)
case $architecture in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
    *) echo "package: no ONNX Runtime for $architecture" >&2 && exit 2 ;;
esac
programs=${2:-target/release}
if [ $# -lt 2 ]; then
    [ "$architecture" = "$own" ] || {
        echo "package: name the folder with the programs for $architecture" >&2
        exit 2
    }
    cargo build --release --locked --workspace --bins
fi
for program in "$programs/albumen" "$programs/albumen-worker" "$programs/albumen-portal"; do
    [ -x "$program" ] || { echo "package: $program is missing" >&2; exit 2; }
done
command -v dpkg-shlibdeps >/dev/null || {
    echo "package: dpkg-shlibdeps is missing: apt-get install dpkg-dev" >&2
    exit 2
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# Several builds of one version are told apart, and sort, by when the source was committed.
stamp=$(git log -1 --date=format:%Y%m%d%H%M%S --format=%cd.%h 2>/dev/null || echo 0)
version="$version+$stamp"
mkdir -p target/package
out=$(cd target/package && pwd)/albumen_${version}_$architecture.deb
# Equal sources give equal packages: files get the time of the commit.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH

# Where the tools and libraries of the package's processor are: here, or in the Debian that cross-builds for it.
cross=${ALBUMEN_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/albumen/roots}/debian12-$architecture-cross
work=$(mktemp -d)
# There is a folder in that Debian by which it is shown this one.
trap 'rm -rf "$work"; rmdir "$cross$work" 2>/dev/null || true' EXIT
root=$work/root
if [ "$architecture" = "$own" ]; then
    strip=strip
    there() { (cd "$work" && "$@"); }
else
    [ -f "$cross/.whole" ] || { echo "package: $cross is not there: run make $architecture first" >&2; exit 2; }
    strip=$machine-linux-gnu-strip
    there() { ALBUMEN_BIND="$work:$work" scripts/debian-root.sh --enter "$cross" env -C "$work" "$@"; }
fi
put() { install -D -m "$1" "$2" "$root/$3"; }
zip() { gzip -9n -c "$1" >"$work/zipped" && put 644 "$work/zipped" "$2"; }

# The programs.
put 755 "$programs/albumen" usr/bin/albumen
put 755 "$programs/albumen-worker" usr/libexec/albumen/albumen-worker
put 755 "$programs/albumen-portal" usr/bin/albumen-portal
there $strip --strip-unneeded --remove-section=.comment root/usr/bin/albumen root/usr/libexec/albumen/albumen-worker \
    root/usr/bin/albumen-portal

# Models, under the names by which the program knows them: their sums. ONNX Runtime is code, and lies with code.
ALBUMEN_MODELS=${ALBUMEN_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/albumen/models}
export ALBUMEN_MODELS
python3 models/fetch.py --machine "$machine" >&2
python3 - "$machine" >"$work/models" <<'END'
import sys, tomllib
for name, table in tomllib.load(open("models/manifest.toml", "rb")).items():
    by_machine = "sha256" not in table
    table = table[sys.argv[1]] if by_machine else table
    print("code" if by_machine else "model", table["sha256"])
END
while read -r kind sum; do
    case $kind in
        model) put 644 "$ALBUMEN_MODELS/$sum" "usr/share/albumen/models/$sum" ;;
        code)
            put 644 "$ALBUMEN_MODELS/$sum" usr/lib/albumen/libonnxruntime.so
            mkdir -p "$root/usr/share/albumen/models"
            ln -s ../../../lib/albumen/libonnxruntime.so "$root/usr/share/albumen/models/$sum"
            ;;
    esac
done <"$work/models"

# What a person sees and edits. In the package the index has a place of its own.
sed 's|^#index = "/var/lib/albumen"|index = "/var/lib/albumen"|' config/albumen.toml >"$work/albumen.toml"
grep -q '^index = "/var/lib/albumen"' "$work/albumen.toml"
# It may hold tokens. Its group is not there before the package's script has made it.
put 640 "$work/albumen.toml" etc/albumen/albumen.toml
put 644 config/albumen.service lib/systemd/system/albumen.service
put 644 config/albumen-portal.service lib/systemd/system/albumen-portal.service

# Manual pages and completions come out of the program itself; one for another processor is asked through an emulator.
mkdir "$work/manual"
emulator=
if [ "$architecture" != "$own" ]; then
    emulator="./qemu-$machine-static"
    cp "$(command -v "qemu-$machine-static")" "$work/" || { echo "package: apt-get install qemu-user-static" >&2; exit 2; }
fi
there $emulator root/usr/bin/albumen manual manual
there $emulator root/usr/bin/albumen-portal manual manual
for page in "$work"/manual/*.1; do
    zip "$page" "usr/share/man/man1/$(basename "$page").gz"
done
for program in albumen albumen-portal; do
    put 644 "$work/manual/$program.bash" "usr/share/bash-completion/completions/$program"
    put 644 "$work/manual/_$program" "usr/share/zsh/vendor-completions/_$program"
    put 644 "$work/manual/$program.fish" "usr/share/fish/vendor_completions.d/$program.fish"
done

# Documents and licences.
docs=usr/share/doc/albumen
for file in README.md SHORTCOMINGS.md docs/*.md docs/openapi.yaml docs/portal-openapi.yaml; do
    put 644 "$file" "$docs/$(basename "$file")"
done
put 644 models/manifest.toml "$docs/models.toml"
put 644 packaging/copyright "$docs/copyright"
python3 packaging/crates.py "$machine-unknown-linux-gnu" >"$work/crates.txt"
zip "$work/crates.txt" "$docs/crates.txt.gz"
printf 'albumen (%s) stable; urgency=medium\n\n  * See the history of the source.\n\n -- Albumen <albumen@example.org>  %s\n' \
    "$version" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" >"$work/changelog"
zip "$work/changelog" "$docs/changelog.gz"

# What it needs at run time is what the programs and ONNX Runtime are linked to.
mkdir -p "$work/debian" "$root/DEBIAN"
printf 'Source: albumen\n\nPackage: albumen\nArchitecture: any\n' >"$work/debian/control"
depends=$(there env DEB_HOST_ARCH="$architecture" dpkg-shlibdeps -O --ignore-missing-info \
    root/usr/bin/albumen root/usr/bin/albumen-portal root/usr/libexec/albumen/albumen-worker \
    root/usr/lib/albumen/libonnxruntime.so)
depends=${depends#shlibs:Depends=}
# The worker opens FFmpeg's libraries itself when a file needs them. Debian names their packages by their major versions.
for library in avcodec avformat avutil swscale; do
    major=$(there env PKG_CONFIG_PATH="/usr/lib/$machine-linux-gnu/pkgconfig" pkg-config --modversion "lib$library" | cut -d. -f1)
    depends="$depends, lib$library$major"
done
# And LibRaw, whose package bears the number of its interface.
major=$(there sed -n 's/^#define LIBRAW_SHLIB_CURRENT //p' /usr/include/libraw/libraw_version.h)
depends="$depends, libraw$major"
# And passwd for the service's user, procps for the unit's reload.
cat >"$root/DEBIAN/control" <<END
Package: albumen
Version: $version
Architecture: $architecture
Maintainer: Albumen <albumen@example.org>
Installed-Size: $(du -k -s "$root" | cut -f1)
Depends: $depends, passwd, procps
Section: graphics
Priority: optional
Description: media indexing engine for photo servers on a NAS
 Albumen walks storage volumes, reads every photo and video, and keeps one index
 that a photo server can trust: facts, thumbnails, previews, people, subjects and
 places. It runs beside other services on two slow cores, and a crash of a decoder
 or of the machine costs no finished work.
 .
 This package brings the models for faces and subjects and needs no network.
END
echo /etc/albumen/albumen.toml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "packaging/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$work/md5sums"
install -m 644 "$work/md5sums" "$root/DEBIAN/md5sums"
# Three quarters of it are weights, which do not get smaller for more effort.
dpkg-deb --root-owner-group -Zxz -z3 --build "$root" "$out" >&2
echo "$out"
