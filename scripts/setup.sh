#!/bin/sh
# Installs missing packages for building and testing on Debian 12. Needs root or sudo.
# If nothing is missing it exits in well under a second and changes nothing.
#
#   scripts/setup.sh           packages for the build
#   scripts/setup.sh test      and for the tests and the models
set -eu

# The codecs come from Debian, the rest is compiled from crates; docs/licences.md lists the linked libraries.
packages="cmake nasm clang libclang-dev pkg-config g++ libavcodec-dev libavformat-dev libavutil-dev libswscale-dev \
libswresample-dev libde265-dev libdav1d-dev libraw-dev"
# Node.js bundles the portal's front end; any installation of it is used.
command -v npm >/dev/null || packages="$packages nodejs npm"

if [ "${1:-}" = test ]; then
    # Disk images for the tests of the volume guard.
    packages="$packages mount e2fsprogs dosfstools"
    # Other decoders, for comparison.
    packages="$packages libvips-tools ffmpeg dcraw"
    # Clients, certificates and an ACME server for tests of the portal.
    packages="$packages curl openssl pebble"
    # For scripts/instructions.py.
    packages="$packages valgrind"
    # `make models` uses pip and npm. Any installation of them is used.
    python3 -c 'import sys, venv, ensurepip, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        packages="$packages python3 python3-venv python3-pip"
    # The browser for tests of the portal, and fonts.
    packages="$packages chromium fonts-noto-core"
fi

if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is not Debian; install the equivalents of: $packages" >&2
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
    echo "setup: no Rust toolchain; see rustup.rs (rust-toolchain.toml has the version)" >&2
    exit 1
}

# For scripts/arm64_check.sh, which is skipped without it.
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu
if [ "${1:-}" = test ] && [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target" ] && command -v rustup >/dev/null; then
    rustup target add "$target" || echo "setup: no Rust target $target; the check for arm64 is skipped" >&2
fi
