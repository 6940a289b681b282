#!/usr/bin/env python3
"""Checks the length of source files.

    scripts/file_sizes.py

Fails if a tracked source file has more than 1,000 lines, if 15 or more have over 500, or if scripts/file-sizes.txt does
not list exactly the files over 500, each with its reason.
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "scripts" / "file-sizes.txt"
SUFFIXES = ("rs", "ts", "tsx", "mjs", "css", "py", "sh")
MOST_LINES = 1_000
LONG = 500
MOST_LONG = 14


def reasons():
    """The listed files: path to reason."""
    listed = {}
    for number, line in enumerate(LIST.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        path, tab, reason = line.partition("\t")
        if not tab or not reason.strip() or path in listed:
            sys.exit(f"{LIST.name}:{number}: an entry is a path, a tab and a reason, and each path has one entry")
        listed[path] = reason
    return listed


def lengths():
    """The tracked source files: path to number of lines."""
    patterns = [f"*.{suffix}" for suffix in SUFFIXES]
    tracked = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True)
    paths = [path for path in tracked.stdout.decode().split("\0") if path]
    return {path: len((ROOT / path).read_bytes().splitlines()) for path in paths if (ROOT / path).is_file()}


def main():
    listed = reasons()
    long = {path: lines for path, lines in lengths().items() if lines > LONG}
    faults = [f"{path}: {lines} lines, more than {MOST_LINES}" for path, lines in long.items() if lines > MOST_LINES]
    faults += [f"{path}: {lines} lines, without a reason in {LIST.name}" for path, lines in long.items() if path not in listed]
    faults += [f"{path}: listed in {LIST.name}, and not over {LONG} lines" for path in listed if path not in long]
    if len(long) > MOST_LONG:
        faults.append(f"{len(long)} files have over {LONG} lines, more than {MOST_LONG}")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
