#!/bin/bash
# Checks that the version in Cargo.toml can be released, and tags it. Pushes nothing.
#
#     scripts/release.sh            checks, runs .ci/run, tags
#     scripts/release.sh --check    only lists the obstacles
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
tag=v$version
wrong=()

[ -z "$(git status --porcelain)" ] || wrong+=("the working tree has changes: commit them first")
git rev-parse -q --verify "refs/tags/$tag" >/dev/null && wrong+=("$tag is there already: raise the version in Cargo.toml")
grep -q "^## $version ([0-9]\{4\}-[0-9]\{2\}-[0-9]\{2\})$" CHANGELOG.md ||
    wrong+=("CHANGELOG.md needs a heading '## $version (YYYY-MM-DD)' with the day of the release")
for api in docs/openapi.yaml docs/portal-openapi.yaml; do
    grep -q "^  version: $version$" "$api" || wrong+=("$api names another version than $version")
done
# Every crate of the workspace has the workspace's version.
cargo metadata --locked --offline --no-deps --format-version 1 >/dev/null 2>&1 ||
    wrong+=("Cargo.lock is not up to date: run cargo update --workspace")
# Migrations of released versions must not change.
last=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
if [ -n "$last" ] &&
    ! git diff --quiet --diff-filter=MDR "$last" -- 'crates/index/src/schema/*.sql' 'crates/portal/schema/*.sql'; then
    wrong+=("a migration of $last was changed: write a new one instead")
fi

if [ ${#wrong[@]} -gt 0 ]; then
    printf '%s\n' "${wrong[@]}" >&2
    exit 1
fi
[ "${1:-}" = --check ] && exit 0

.ci/run
git tag -a "$tag" -m "Albumen $version"
echo "$tag is tagged. Publish it with: git push origin $tag"
