#!/bin/sh
# exiftool -fast2: the facts of every file as JSON, no pictures.
set -eu
case $1 in
version)
    command -v exiftool >/dev/null || exit 77
    printf 'all\tfacts\texiftool %s\n' "$(exiftool -ver)"
    ;;
run)
    # One process for all files, which is its quickest way.
    tr '\0' '\n' <"$2" | exiftool -fast2 -json -struct -n -@ - >"$3/facts.json" 2>/dev/null || true
    ;;
esac
