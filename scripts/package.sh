#!/bin/sh
# Builds the Debian package: `make package`. It contains everything for a machine without compilers and Python:
# the programs, ONNX Runtime, the models, the config, the units, manual pages and completions.
#
#   scripts/package.sh                  for this machine's architecture, built in release
#   scripts/package.sh arm64 FOLDER     from the programs in FOLDER, which `make arm64` built; root only
#
# The package is written to target/package. Needs Debian 12 with dpkg-dev, and the models (`make models`); for another architecture
# also the cross-building Debian of scripts/arm64.sh, with its libraries and tools, and qemu-user-static.
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
        echo "package: pass the folder with the programs for $architecture" >&2
        exit 2
    }
    cargo build --release --locked --workspace --bins
fi
for program in "$programs/albumen" "$programs/albumen-worker" "$programs/albumen-portal"; do
    [ -x "$program" ] || { echo "package: $program is missing" >&2; exit 2; }
    ! grep -q ALBUMEN_KILL_AT "$program" || { echo "package: $program can inject faults; build it again without the feature" >&2; exit 2; }
done
command -v dpkg-shlibdeps >/dev/null || {
    echo "package: dpkg-shlibdeps is missing: apt-get install dpkg-dev" >&2
    exit 2
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# The commit time distinguishes and orders several builds of one version.
stamp=$(git log -1 --date=format:%Y%m%d%H%M%S --format=%cd.%h 2>/dev/null || echo 0)
version="$version+$stamp"
mkdir -p target/package
out=$(cd target/package && pwd)/albumen_${version}_$architecture.deb
# Reproducible packages: files get the time of the commit.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH

# Tools and libraries for the package's architecture are on this machine, or in the cross-building Debian.
cross=${ALBUMEN_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/albumen/roots}/debian12-$architecture-cross
work=$(mktemp -d)
# The work folder is mounted in that Debian under the same path.
trap 'rm -rf "$work"; rmdir "$cross$work" 2>/dev/null || true' EXIT
root=$work/root
if [ "$architecture" = "$own" ]; then
    strip=strip
    there() { (cd "$work" && "$@"); }
else
    [ -f "$cross/.whole" ] || { echo "package: $cross does not exist: run make $architecture first" >&2; exit 2; }
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

# Models, named by their checksums. ONNX Runtime is code and is installed in usr/lib.
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

# The config. The package sets a fixed folder for the index.
sed 's|^#index = "/var/lib/albumen"|index = "/var/lib/albumen"|' config/albumen.toml >"$work/albumen.toml"
grep -q '^index = "/var/lib/albumen"' "$work/albumen.toml"
# It may contain tokens. postinst creates its group.
put 640 "$work/albumen.toml" etc/albumen/albumen.toml
put 644 config/albumen.service lib/systemd/system/albumen.service
put 644 config/albumen-portal.service lib/systemd/system/albumen-portal.service

# The programs generate manual pages and completions; an emulator runs programs for another architecture.
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

# Run-time dependencies: the libraries of the programs and ONNX Runtime.
mkdir -p "$work/debian" "$root/DEBIAN"
printf 'Source: albumen\n\nPackage: albumen\nArchitecture: any\n' >"$work/debian/control"
depends=$(there env DEB_HOST_ARCH="$architecture" dpkg-shlibdeps -O --ignore-missing-info \
    root/usr/bin/albumen root/usr/bin/albumen-portal root/usr/libexec/albumen/albumen-worker \
    root/usr/lib/albumen/libonnxruntime.so)
depends=${depends#shlibs:Depends=}
# The worker loads FFmpeg's libraries when a file needs them. Debian names their packages by their major versions.
for library in avcodec avformat avutil swscale; do
    major=$(there env PKG_CONFIG_PATH="/usr/lib/$machine-linux-gnu/pkgconfig" pkg-config --modversion "lib$library" | cut -d. -f1)
    depends="$depends, lib$library$major"
done
# LibRaw's package name contains its interface version.
major=$(there sed -n 's/^#define LIBRAW_SHLIB_CURRENT //p' /usr/include/libraw/libraw_version.h)
depends="$depends, libraw$major"
# passwd for the service's user, procps for the unit's reload; ca-certificates for ACME.
cat >"$root/DEBIAN/control" <<END
Package: albumen
Version: $version
Architecture: $architecture
Maintainer: Albumen <albumen@example.org>
Installed-Size: $(du -k -s "$root" | cut -f1)
Depends: $depends, passwd, procps
Recommends: ca-certificates
Section: graphics
Priority: optional
Description: photo server and media indexing engine for a NAS
 Albumen walks storage volumes, reads every photo and video, and keeps one
 reliable index: facts, thumbnails, previews, people, subjects and places. It
 runs beside other services on two slow cores, and a crash of a decoder or of
 the machine loses no finished work.
 .
 This package contains the models for faces and subjects and needs no network.
END
echo /etc/albumen/albumen.toml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "packaging/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$work/md5sums"
install -m 644 "$work/md5sums" "$root/DEBIAN/md5sums"
# Low compression level: three quarters of the package are model weights, which do not compress further.
dpkg-deb --root-owner-group -Zxz -z3 --build "$root" "$out" >&2
echo "$out"
