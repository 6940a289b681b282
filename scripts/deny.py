#!/usr/bin/env python3
"""Checks the dependencies against deny.toml: licences, banned and duplicate crates, sources.

    scripts/deny.py

Uses what `cargo metadata` reports about Cargo.lock, without the network; the crates must have been downloaded by a build.
The file is in the format of cargo-deny. This script implements the keys that it uses and fails on any other.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = ROOT / "deny.toml"
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
# The supported keys, and the only value of those that have one.
KEYS = {
    "graph": {"targets": None},
    "licenses": {"allow": None, "exceptions": None, "unused-allowed-license": "deny"},
    "bans": {"deny": None, "skip": None, "multiple-versions": "deny", "wildcards": "deny"},
    "sources": {"unknown-registry": "deny", "unknown-git": "deny"},
}


def rules():
    read = tomllib.loads(RULES.read_text(encoding="utf-8"))
    for section, keys in read.items():
        for key, value in keys.items():
            known = KEYS.get(section, {})
            if key not in known or known[key] not in (None, value):
                sys.exit(f"{RULES.name}: scripts/deny.py does not support {key} = {value!r} in [{section}]")
    return read


def packages(targets):
    """All packages that a build for one of the targets can contain."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline"]
    command += [part for target in targets for part in ("--filter-platform", target)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE)
    if run.returncode != 0:
        sys.exit("cargo metadata failed; if crates are missing, run `cargo fetch --locked` first")
    metadata = json.loads(run.stdout)
    resolved = {node["id"] for node in metadata["resolve"]["nodes"]}
    return [package for package in metadata["packages"] if package["id"] in resolved]


def choices(expression):
    """The sets of licences of which one set must be accepted completely, from an SPDX expression."""
    # "/" is the older form of OR.
    tokens = re.findall(r"[()]|[\w.+-]+", expression.replace("/", " OR "))

    def one():
        token = tokens.pop(0)
        if token == "(":
            inner = any_of()
            tokens.pop(0)
            return inner
        if tokens[:1] == ["WITH"]:
            tokens.pop(0)
            token += f" WITH {tokens.pop(0)}"
        return [{token}]

    def all_of():
        found = one()
        while tokens[:1] == ["AND"]:
            tokens.pop(0)
            second = one()
            found = [a | b for a in found for b in second]
        return found

    def any_of():
        found = all_of()
        while tokens[:1] == ["OR"]:
            tokens.pop(0)
            found = found + all_of()
        return found

    return any_of()


def licences(found, rule):
    allowed = set(rule["allow"])
    exceptions = {entry["crate"]: set(entry["allow"]) for entry in rule.get("exceptions", [])}
    unused = set(allowed)
    unused_exceptions = set(exceptions)
    for package in found:
        name, expression = package["name"], package["license"]
        if not expression:
            yield f"{name}: its manifest names no licence"
            continue
        sets = choices(expression)
        unused -= set().union(*sets)
        if any(part <= allowed for part in sets):
            continue
        if any(part <= allowed | exceptions.get(name, set()) for part in sets):
            unused_exceptions.discard(name)
            continue
        yield f"{name}: {expression} is not allowed; use another crate, or add it to {RULES.name} and docs/licences.md with the reason"
    yield from (f"{RULES.name}: no crate has the licence {name}; remove it" for name in sorted(unused))
    yield from (f"{RULES.name}: {name} needs no exception; remove it" for name in sorted(unused_exceptions))


def bans(found, rule):
    banned = {entry["crate"]: entry["reason"] for entry in rule["deny"]}
    skipped = [entry["crate"] for entry in rule["skip"]]
    unused = set(skipped)
    versions = collections.defaultdict(set)
    for package in found:
        versions[package["name"]].add(package["version"])
        if package["name"] in banned:
            yield f"{package['name']}: banned: {banned[package['name']]}"
        if package["source"] is None:
            free = (d["name"] for d in package["dependencies"] if d["req"] == "*" and d["source"])
            yield from (f"{package['name']}: its dependency {name} has no version" for name in free)
    for name, all_versions in sorted(versions.items()):
        # `name@0.8` means all versions that are compatible with 0.8.
        skips = {v: [s for s in skipped if f"{name}@{v}.".startswith(f"{s}.")] for v in all_versions}
        if len(all_versions) > 1:
            unused.difference_update(*skips.values())
        kept = sorted(v for v in all_versions if not skips[v])
        if len(kept) > 1:
            yield (
                f"{name}: versions {', '.join(kept)}; `cargo tree -i {name}@{kept[0]}` shows what needs the older one. "
                f"Update that, or add it to `skip` in {RULES.name} with the reason"
            )
    yield from (f"{RULES.name}: `skip` of {name} is not needed; remove it" for name in sorted(unused))


def sources(found):
    for package in found:
        if package["source"] not in (None, REGISTRY):
            yield f"{package['name']}: comes from {package['source']}; use a released version from the default registry"


def main():
    rule = rules()
    found = packages(rule["graph"]["targets"])
    faults = [*licences(found, rule["licenses"]), *bans(found, rule["bans"]), *sources(found)]
    for fault in faults:
        print(fault)
    print(f"{len(found)} crates checked: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
