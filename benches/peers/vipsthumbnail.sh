#!/bin/sh
# vipsthumbnail (libvips): the large thumbnail of each JPEG and nothing else.
set -eu
case $1 in
version)
    command -v vipsthumbnail >/dev/null || exit 77
    printf 'jpeg\tone thumbnail\t%s\n' "$(vipsthumbnail --vips-version 2>&1 | head -n 1)"
    ;;
run)
    # One process for many files, as many processes as jobs, one thread each. A refused file is not a failure.
    VIPS_CONCURRENCY=1 xargs -0 -P "$4" -n 16 vipsthumbnail --size 1707x1280 -o "$3/%s.jpg[Q=80,strip]" <"$2" \
        >/dev/null 2>&1 || true
    ;;
esac
