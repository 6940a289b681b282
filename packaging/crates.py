#!/usr/bin/env python3
"""Prints the licences and notices of all compiled crates: packaging/crates.py TARGET."""
import json
import pathlib
import subprocess
import sys


def main():
    target = sys.argv[1]
    metadata = json.loads(subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"],
        check=True, capture_output=True, text=True,
    ).stdout)
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    # Compiled crates only, without dependencies of tests and build scripts.
    own = set(metadata["workspace_members"])
    programs = ("albumen", "albumen-worker", "albumen-portal")
    todo, linked = [p["id"] for p in metadata["packages"] if p["id"] in own and p["name"] in programs], set()
    while todo:
        package = todo.pop()
        if package not in linked:
            linked.add(package)
            todo += [d["pkg"] for d in nodes[package]["deps"] if any(k["kind"] is None for k in d["dep_kinds"])]
    linked -= own
    for package in sorted((p for p in metadata["packages"] if p["id"] in linked), key=lambda p: p["name"]):
        print(f"\n==== {package['name']} {package['version']}: {package['license'] or package['license_file']}")
        if package["repository"]:
            print(package["repository"])
        folder = pathlib.Path(package["manifest_path"]).parent
        names = ("licen", "copying", "notice", "copyright", "unlicense")
        for file in sorted(f for f in folder.iterdir() if f.is_file() and f.name.lower().startswith(names)):
            print(f"\n-- {file.name}\n")
            print(file.read_text(encoding="utf-8", errors="replace").strip())


main()
