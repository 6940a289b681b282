#!/usr/bin/env python3
"""Compares the CPU time of developing RAW files with dcraw's: pairs of runs, one right after the other, on the files that are named,
and on mosaics of 6, 12, 24 and 50 megapixels.

    cargo build --release --locked -p albumen-bench --example develop_raw
    scripts/raw_times.py [--pairs N] [FILE...]

dcraw makes the picture of half the width and height where Albumen does. Albumen's time is of a process that has LibRaw open, as a
worker has, and shrinks the picture to the size of the preview; dcraw's is of the whole process, which writes the picture out.
The figures are medians of the pairs, and the largest ratio of a pair."""

import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOSAICS = [(3000, 2000), (4256, 2832), (6000, 4000), (8688, 5792)]
# What Albumen makes of a mosaic with this short edge and more is half as wide and high.
HALVED_FROM = 2560


def own_seconds(program, file, out):
    return float(subprocess.run([program, file, out], check=True, capture_output=True, text=True).stdout) / 1000


def cpu_seconds(*command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def short_edge(file):
    """Of dcraw's picture."""
    said = subprocess.run(["dcraw", "-i", "-v", file], check=True, capture_output=True, text=True).stdout
    size = next(line for line in said.splitlines() if line.startswith("Output size:"))
    return min(int(side) for side in size.split(":")[1].split("x"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--program", default=ROOT / "target/release/examples/develop_raw")
    parser.add_argument("files", nargs="*", metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = list(arguments.files)
        for width, height in MOSAICS:
            files.append(os.path.join(folder, f"mosaic-{width}x{height}.dng"))
            subprocess.run([arguments.program, "--mosaic", str(width), str(height), files[-1]], check=True)
        out = os.path.join(folder, "out.ppm")
        print("| file | Albumen, ms | dcraw, ms | ratio | largest |\n|---|---|---|---|---|")
        for file in files:
            half = ["-h"] if short_edge(file) >= HALVED_FROM else []
            pairs = []
            for _ in range(arguments.pairs):
                own = own_seconds(arguments.program, file, out)
                pairs.append((own, cpu_seconds("dcraw", "-w", *half, "-c", file)))
            own, other = (1000 * statistics.median(pair[i] for pair in pairs) for i in (0, 1))
            ratios = [own / other for own, other in pairs]
            name = os.path.basename(file) + (", half" if half else "")
            print(f"| {name} | {own:.0f} | {other:.0f} | {statistics.median(ratios):.2f} | {max(ratios):.2f} |")


if __name__ == "__main__":
    main()
