#!/bin/sh
# Builds Albumen and indexes the sample library in testdata/: `make demo`.
set -eu
cd "$(dirname "$0")/.."

cargo build --release --locked --bins
python3 models/fetch.py || echo "demo: without the models there are no faces and subjects; all else works" >&2

index=target/demo
rm -rf "$index"
status=0
# Some of the samples are broken on purpose: files that fail are told of and end in 1.
target/release/albumen --index "$index" index testdata || status=$?
[ "$status" -le 1 ] || exit "$status"

cat <<END

The index is $index/index.sqlite (docs/index.md), the thumbnails are below $index/derived. Try:
  target/release/albumen --index $index failures
  target/release/albumen --index $index export | head -1
  target/release/albumen --index $index index ~/Pictures
END
