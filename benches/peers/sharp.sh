#!/bin/sh
# sharp (libvips): the same three thumbnails of each JPEG, one decode a photo. Its npm package goes into the user's cache.
set -eu
version=0.35
home=${SHARP_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/albumen/peers/sharp-$version}
here=$(cd "$(dirname "$0")" && pwd)
case $1 in
version)
    command -v node >/dev/null || exit 77
    if [ ! -d "$home/node_modules/sharp" ]; then
        command -v npm >/dev/null || exit 77
        mkdir -p "$home"
        npm install --silent --no-fund --no-audit --prefix "$home" "sharp@$version" >&2 || exit 77
    fi
    printf 'jpeg\tthe same three thumbnails\t%s\n' "$(node "$here/sharp.mjs" "$home" version)"
    ;;
run) node "$here/sharp.mjs" "$home" "$2" "$3" "$4" ;;
esac
