#!/bin/sh
# Demonstrates Albumen with a generated library: `make demo`. Builds everything, generates and indexes about 300 pictures and
# clips, starts the engine and the portal on a free port of 127.0.0.1, checks that they answer, and prints the address.
# On a terminal, or with DEMO_STAY=1, it runs until it is interrupted; otherwise it ends after the check.
#
#   DEMO_PROFILE=dev   build without optimisation
#   DEMO_EVERY=N       generate only every Nth photo of a trip: for tests
#   DEMO_FOLDER=DIR    folder of the library, index and accounts (default: target/demo)
set -eu
cd "$(dirname "$0")/.."

profile=${DEMO_PROFILE:-release}
programs=target/$profile
width=1600
if [ "$profile" = dev ]; then
    programs=target/debug
    # Without optimisation indexing is slow: pictures have a quarter of the pixels.
    width=800
fi
folder=${DEMO_FOLDER:-target/demo}
every=${DEMO_EVERY:-1}

scripts/web.sh
# The whole workspace, so that packages have the same features as in the build of the tests.
cargo build --profile "$profile" --locked --workspace --bins --example demo_library
python3 models/fetch.py || echo "demo: without the models faces and subjects are not recognised; everything else works" >&2

rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
photos=$folder/photos
portrait=$(python3 models/fetch.py --path test_portrait 2>/dev/null || true)
# The generator is deterministic: its pictures are cached beside the demo for the next run.
made=$(dirname "$folder")/demo-media-$(cat crates/bench/examples/demo_library/*.rs | cksum | cut -d' ' -f1)-$width-$every${portrait:+-faces}
if [ ! -d "$made" ]; then
    rm -rf "$(dirname "$folder")"/demo-media-*-"$width-$every"*
    "$programs/examples/demo_library" "$made.new" --width "$width" --every "$every" ${portrait:+--portrait "$portrait"}
    mv "$made.new" "$made"
fi
mkdir -p "$photos"
cp -a "$made" "$photos/shared"
# Anna has photos of her own; Ben has none and sees only shared ones.
mkdir -p "$photos/anna" "$photos/ben"
mv "$photos/shared/2025" "$photos/anna/"

cat > "$folder/albumen.toml" <<END
index = "$folder/index"

[[space]]
name = "Family"
kind = "shared"
folders = ["$photos/shared"]

[[space]]
name = "anna"
kind = "personal"
owner = "anna"
folders = ["$photos/anna"]

[[space]]
name = "ben"
kind = "personal"
owner = "ben"
folders = ["$photos/ben"]

[service]
socket = "$folder/albumen.sock"

[portal]
listen = "127.0.0.1:0"
tls = "off"
state = "$folder/portal"
END
config=$folder/albumen.toml

# A random password of letters and digits.
word() {
    od -An -tx1 -N8 /dev/urandom | tr -d ' \n'
}
password=$(word)
printf '%s\n' "$password" | "$programs/albumen-portal" --config "$config" account add anna --admin --display-name Anna --password-stdin
# Ben's password, for viewing the portal as Ben.
(umask 077 && word > "$folder/ben.password")
"$programs/albumen-portal" --config "$config" account add ben --display-name Ben --access Family=full --password-stdin \
    < "$folder/ben.password"

status=0
# The files in "Damaged files" are broken on purpose, to show how they are reported: exit code 1.
"$programs/albumen" --config "$config" index || status=$?
[ "$status" -le 1 ] || exit "$status"

log=$folder/portal.log
# The loop below reads it before the portal writes it.
: > "$log"
"$programs/albumen-portal" --config "$config" serve --with-engine 2> "$log" &
portal=$!
trap 'kill "$portal" 2>/dev/null; wait "$portal" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

url=
tries=0
while [ -z "$url" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$portal" 2>/dev/null; then
        echo "demo: the portal did not start:" >&2
        cat "$log" >&2
        exit 1
    fi
    url=$(sed -n 's/.*serving \(http[^ ]*\) on .*/\1/p' "$log")
    [ -n "$url" ] || sleep 0.1
done

python3 scripts/demo_check.py "$url" anna "$password" "$((250 / every))"
echo "portal: $url"
echo "account: anna"
echo "password: $password"
if [ -t 1 ] || [ "${DEMO_STAY:-}" = 1 ]; then
    wait "$portal"
fi
