#!/bin/sh
# Builds Albumen and indexes the sample library in testdata/: `make demo`.
set -eu
cd "$(dirname "$0")/.."

cargo build --release --locked --bins
python3 models/fetch.py || echo "demo: without the models there are no faces and subjects; all else works" >&2

index=target/demo
rm -rf "$index"
status=0
# Some of the samples are broken on purpose: files that fail are listed and end the run with 1.
target/release/albumen --index "$index" index testdata || status=$?
[ "$status" -le 1 ] || exit "$status"

echo
echo "testdata/broken has files that are damaged on purpose, to show how failures are reported. They are all that failed:"
target/release/albumen --index "$index" failures
unexpected=$(target/release/albumen --index "$index" failures --json | grep -v '/testdata/broken/' | grep -c '"path"' || true)
[ "$unexpected" -eq 0 ] || { echo "demo: $unexpected other files failed" >&2; exit 1; }

cat <<END

The index is $index/index.sqlite (docs/index.md), the thumbnails are below $index/derived. Try:
  target/release/albumen --index $index failures
  target/release/albumen --index $index export | head -1
  target/release/albumen --index $index index ~/Pictures
END
