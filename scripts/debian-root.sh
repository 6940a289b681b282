#!/bin/sh
# Creates a clean Debian 12 in a folder, for tests that must not depend on the developer's machine. Root only.
#
#   scripts/debian-root.sh [--architecture arm64] FOLDER [PACKAGE...]
#
# The mirror comes from the machine's apt sources. The base system is cached, so a second root takes
# seconds. FOLDER must not exist yet. Packages are installed without recommended ones. Another
# architecture needs an emulator registered in the kernel (binfmt_misc).
#
#   scripts/debian-root.sh --enter FOLDER COMMAND...
#
# runs a command in it, with /proc, /dev and /sys, which are unmounted afterwards. ALBUMEN_BIND="/here:/there ..." mounts folders.
set -eu

die() { echo "debian-root: $*" >&2; exit 2; }
[ "$(id -u)" = 0 ] || die "only root can create and enter a root folder"

if [ "$1" = --enter ]; then
    root=$2
    shift 2
    # In its own mount namespace, so that nothing stays mounted.
    exec unshare --mount --propagation private sh -ec '
        root=$1; shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount --rbind /sys "$root/sys"
        for bind in ${ALBUMEN_BIND:-}; do
            [ -e "$root${bind#*:}" ] || mkdir -p "$root${bind#*:}"
            mount --bind "${bind%%:*}" "$root${bind#*:}"
        done
        exec chroot "$root" env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' sh "$root" "$@"
fi

architecture=$(dpkg --print-architecture)
if [ "$1" = --architecture ]; then
    architecture=$2
    shift 2
fi
root=$1
shift
[ ! -e "$root" ] || die "$root already exists"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

# The files of the machine's apt sources for Debian 12.
sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    if [ -f "$file" ] && grep -q bookworm "$file" && grep -Eq '/debian(-security)?/?( |$)' "$file"; then
        cp "$file" "$sources/"
    fi
done
grep -l "bookworm-security" "$sources"/* >/dev/null 2>&1 || echo "debian-root: no security updates in the machine's sources" >&2
mirror=$(cat "$sources"/* | sed -n 's/^URIs: *\([^ ]*debian\/*\) *$/\1/p; s/^deb .*\(https*:[^ ]*debian\/*\) bookworm .*/\1/p' | head -1)
[ -n "$mirror" ] || die "the machine's apt sources have no mirror of Debian 12"

cache=${ALBUMEN_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/albumen/roots}
bare=$cache/debian12-$architecture.tar
if [ ! -f "$bare" ]; then
    mkdir -p "$cache"
    new=$(mktemp -d "$cache/.new-XXXXXX")
    debootstrap --arch="$architecture" --variant=minbase bookworm "$new/root" "$mirror" >&2
    chroot "$new/root" apt-get clean
    tar -C "$new/root" -cf "$new/tar" .
    mv "$new/tar" "$bare"
    rm -rf "$new"
fi
mkdir -p "$root"
tar -C "$root" -xf "$bare"
rm -f "$root/etc/apt/sources.list"
cp "$sources"/* "$root/etc/apt/sources.list.d/"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
# It need not survive a power cut.
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
# Prevents the start of services in the root.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
if [ $# -gt 0 ]; then
    "$0" --enter "$root" apt-get update -q >&2
    "$0" --enter "$root" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "$@" >&2
fi
