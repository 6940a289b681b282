#!/bin/sh
# libheif's own decoder: each HEIC whole, to a JPEG of full size. heif-convert is its name before libheif 1.18.
set -eu
program=$(command -v heif-dec || command -v heif-convert || true)
case $1 in
version)
    [ -n "$program" ] || exit 77
    version=$("$program" --version 2>/dev/null | head -n 1 || true)
    [ -n "$version" ] || version=$(dpkg-query --show --showformat '${Version}' libheif1 2>/dev/null || true)
    printf 'heic\twhole decode to JPEG\t%s %s\n' "$(basename "$program")" "$version"
    ;;
run)
    xargs -0 -P "$4" -I FILE sh -c '"$1" -q 80 "$2" "$3/$(basename "$2").jpg"' - "$program" FILE "$3" <"$2" \
        >/dev/null 2>&1 || true
    ;;
esac
