#!/usr/bin/env python3
"""Counts the instructions of the main operations and compares them with the stored counts.

    scripts/instructions.py            fails if a count has grown by more than 5 %
    scripts/instructions.py --write    stores the current counts (benches/instructions.json)

Instruction counts do not depend on the load of the machine, so CI can check them, unlike timings. Valgrind emulates
the same processor everywhere (x86-64-v3 if the machine has AVX2), and rust-toolchain.toml fixes the compiler;
another architecture or an older processor has other counts, which are not compared. Dependencies come from the
build of the tests, which optimises them; the project's own crates are compiled again, optimised, for this script. Each case
runs with two amounts of work; the difference is the count of the work without the start.
"""
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = ROOT / "benches" / "instructions.json"
# A count may grow by this share.
ALLOWED = 0.05
# The photo that the example generates.
PHOTO = "phone-12-megapixels.jpg"
# Name; arguments of the example; amount of work in the first and the second run.
CASES = [
    ("develop a phone's JPEG", ["develop", PHOTO], 1, 2),
    ("develop plain.jpg", ["develop", "testdata/kinds/plain.jpg"], 1, 3),
    ("develop progressive.jpg", ["develop", "testdata/kinds/progressive.jpg"], 1, 3),
    ("develop cmyk.jpg", ["develop", "testdata/kinds/cmyk.jpg"], 1, 3),
    ("develop orientation/6.jpg", ["develop", "testdata/orientation/6.jpg"], 1, 3),
    ("write an item", ["writer"], 300, 900),
]


def built():
    """Builds the example and returns its path."""
    # Not incremental, because that splits the crate differently after each edit.
    settings = {"CARGO_PROFILE_DEV_OPT_LEVEL": "2", "CARGO_INCREMENTAL": "0"}
    said = subprocess.run(
        ["cargo", "build", "--locked", "--example", "instructions", "--message-format", "json"],
        cwd=ROOT, env=os.environ | settings, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    programs = [m["executable"] for m in messages if m.get("target", {}).get("name") == "instructions"]
    return next(p for p in programs if p)


def counted(program, words):
    """Instructions of one run, all threads."""
    said = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, *map(str, words)],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return int(re.search(r"Collected : (\d+)", said).group(1))


def level():
    flags = Path("/proc/cpuinfo").read_text()
    wide = " avx2 " in flags and " bmi2 " in flags and " fma " in flags
    return f"{platform.machine()} {'v3' if wide else 'older'}"


def main():
    program = built()
    now = {}
    with tempfile.TemporaryDirectory() as folder:
        photo = str(Path(folder) / PHOTO)
        subprocess.run([program, "photo", photo], check=True)
        for name, words, less, more in CASES:
            words = [photo if word == PHOTO else word for word in words]
            work = counted(program, words + [more]) - counted(program, words + [less])
            now[name] = work // (more - less)
            print(f"{name}: {now[name]:,} instructions", flush=True)
    if "--write" in sys.argv:
        COMMITTED.write_text(json.dumps({"level": level(), "counts": now}, indent=2) + "\n")
        return 0
    committed = json.loads(COMMITTED.read_text())
    if committed["level"] != level():
        print(f"not compared: the stored counts are for {committed['level']}, this machine is {level()}")
        return 0
    worse = 0
    for name, count in now.items():
        before = committed["counts"].get(name)
        if before is None:
            print(f"{name}: no stored count; run scripts/instructions.py --write")
            worse += 1
        elif count > before * (1 + ALLOWED):
            print(f"{name}: {count / before - 1:+.1%} against {before:,}, more than {ALLOWED:+.0%}")
            worse += 1
        elif count < before * (1 - ALLOWED):
            print(f"{name}: {count / before - 1:+.1%}; store it with --write")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
