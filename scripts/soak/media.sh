#!/bin/bash
# Generates a HEIC and an HEVC video for tests with FFmpeg: scripts/soak/media.sh FOLDER.
set -euo pipefail
for tool in ffmpeg heif-enc; do
    command -v $tool >/dev/null || { echo "media: $tool is missing: apt-get install ffmpeg libheif-examples" >&2; exit 2; }
done
mkdir -p "$1"
cd "$1"
ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=1600x1200:rate=1 -frames:v 1 picture.jpg
heif-enc -q 60 -o picture.heic picture.jpg >/dev/null
rm picture.jpg
ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=1280x720:rate=25 -t 2 -c:v libx265 -x265-params log-level=none \
    -tag:v hvc1 -pix_fmt yuv420p clip.mp4
