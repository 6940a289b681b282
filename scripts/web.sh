#!/bin/sh
# Builds the portal's front end, web/dist, if it is older than its source. It is compiled into albumen-portal.
set -eu
cd "$(dirname "$0")/../web"

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    # --ignore-scripts: browsers and other large files that packages would download are not needed.
    npm ci --no-audit --no-fund --ignore-scripts
    touch node_modules/.package-lock.json
fi
newer=$(find src scripts package.json tsconfig.json -newer dist/index.html -print -quit 2>/dev/null || echo none)
[ -z "$newer" ] || npm run --silent build
