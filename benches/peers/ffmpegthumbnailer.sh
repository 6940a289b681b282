#!/bin/sh
# ffmpegthumbnailer: one thumbnail of 1280 pixels of each video.
set -eu
case $1 in
version)
    command -v ffmpegthumbnailer >/dev/null || exit 77
    printf 'video\tone thumbnail\t%s\n' "$(ffmpegthumbnailer -v 2>&1 | head -n 1)"
    ;;
run)
    xargs -0 -P "$4" -I FILE sh -c 'ffmpegthumbnailer -s 1280 -q 8 -i "$1" -o "$2/$(basename "$1").jpg"' - FILE "$3" \
        <"$2" >/dev/null 2>&1 || true
    ;;
esac
