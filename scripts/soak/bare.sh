#!/bin/bash
# Runs `make demo` and `make test` as on a new machine: a clean Debian 12 with make and a Rust toolchain only.
# Only the toolchain comes from this machine. Crates are fetched again: with this machine's copies a build with an undeclared
# dependency would pass.
#
#   scripts/soak/bare.sh [TARGET...]     demo and test; `setup models` is the quick part of both
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
say() { echo "soak: $*"; }
die() { echo "bare: $*" >&2; exit 1; }
targets=("$@")
[ $# -gt 0 ] || targets=(demo test)

# ca-certificates is required to install a toolchain: rustup uses https.
scripts/debian-root.sh "$root" make ca-certificates
for tool in cc g++ cmake python3 git nasm pkg-config npm; do
    scripts/debian-root.sh --enter "$root" which $tool >/dev/null 2>&1 && die "the clean system has $tool"
done
# The home folder inside the clean system.
home=/root
mkdir -p "$root$home/albumen" "$root$home/.cargo"
git archive HEAD | tar -C "$root$home/albumen" -x
cargo_home=${CARGO_HOME:-$HOME/.cargo}
for config in config config.toml; do
    [ ! -f "$cargo_home/$config" ] || cp "$cargo_home/$config" "$root$home/.cargo/"
done
for config in /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.npmrc"; do
    [ ! -f "$config" ] || install -D "$config" "$root/${config/#$HOME/$home}"
done
# Certificates that this machine's network requires, in addition to Debian's.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
trust=()
for name in SSL_CERT_FILE NODE_EXTRA_CA_CERTS; do [ -z "${!name:-}" ] || trust+=("$name=${!name}"); done
bind="$(rustc --print sysroot):/opt/rust"
enter() {
    ALBUMEN_BIND=$bind scripts/debian-root.sh --enter "$root" env CARGO_TERM_COLOR=never "${trust[@]}" \
        PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -ec "cd $home/albumen && $*"
}
say "clean Debian 12 with $(enter cargo --version) and $(scripts/debian-root.sh --enter "$root" dpkg-query -f '.\n' -W | wc -l) packages"
for target in "${targets[@]}"; do
    begun=$SECONDS
    # Print all output, because it shows which tool is missing.
    enter make "$target" 2>&1 | tee "$work/log" || die "make $target failed"
    say "make $target: $((SECONDS - begun)) s; $(grep -E '^test result' "$work/log" | sed 's/^test result: //' | paste -sd';')"
done
begun=$(date +%s%N)
enter make setup
say "make setup again: $((($(date +%s%N) - begun) / 1000000)) ms"
