#!/usr/bin/env python3
"""Draws a folder of benches/runs as SVG for docs/performance.md: CPU time by stage, peers, growth. Nothing but Python.

    benches/plot.py benches/runs/DATE-MACHINE docs/plots
"""
import json
import math
import sys
from pathlib import Path

WIDTH, LEFT, RIGHT = 720, 190, 70
COLOURS = ["#4878a8", "#e49444", "#85b6b2", "#d1615d", "#6a9f58", "#a87c9f"]
TEXT = 'font-family="sans-serif" font-size="12" fill="#555"'


def svg(height, parts):
    # A light ground, so that it can be read on a dark page too.
    ground = f'<rect width="{WIDTH}" height="{height}" fill="#fafafa"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">{ground}{"".join(parts)}</svg>\n'


def text(x, y, words, anchor="start"):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" {TEXT}>{words}</text>'


def bars(title, rows, unit):
    """Rows of (name, [(part, value)]), stacked."""
    parts, y = [text(10, 20, title)], 40
    most = max(sum(v for _, v in values) for _, values in rows) or 1
    names = list(dict.fromkeys(part for _, values in rows for part, _ in values))
    for name, values in rows:
        x = LEFT
        parts.append(text(LEFT - 8, y + 15, name, "end"))
        for part, value in values:
            width = value / most * (WIDTH - LEFT - RIGHT)
            colour = COLOURS[names.index(part) % len(COLOURS)]
            parts.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="20" fill="{colour}"/>')
            x += width
        parts.append(text(x + 6, y + 15, f"{sum(v for _, v in values):.1f} {unit}"))
        y += 28
    if len(names) > 1:
        x = LEFT
        for i, name in enumerate(names):
            parts.append(f'<rect x="{x}" y="{y + 4}" width="10" height="10" fill="{COLOURS[i % len(COLOURS)]}"/>')
            parts.append(text(x + 14, y + 13, name))
            x += 30 + 7 * len(name)
        y += 26
    return svg(y + 8, parts)


def lines(title, xs, series, unit):
    """Series of name: values over xs; both axes logarithmic."""
    height, bottom, top = 300, 250, 40
    values = [v for vs in series.values() for v in vs if v > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    first, last = math.log10(xs[0]), math.log10(xs[-1])
    x_of = lambda x: LEFT + (math.log10(x) - first) / max(last - first, 1e-9) * (WIDTH - LEFT - 150)
    y_of = lambda v: bottom - (math.log10(max(v, 10**low)) - low) / (high - low) * (bottom - top)
    parts = [text(10, 20, title)]
    for power in range(low, high + 1):
        y = y_of(10**power)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 150}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(text(LEFT - 8, y + 4, f"{10**power:g} {unit}", "end"))
    for x in xs:
        parts.append(text(x_of(x), bottom + 20, f"{x:,}", "middle"))
    for i, (name, vs) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join(f"{x_of(x):.1f},{y_of(v):.1f}" for x, v in zip(xs, vs))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<rect x="{WIDTH - 140}" y="{top + 20 * i}" width="10" height="10" fill="{colour}"/>')
        parts.append(text(WIDTH - 124, top + 9 + 20 * i, name))
    return svg(height, parts)


def main():
    run, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    summary = run / "summary.json"
    if summary.exists():
        r = json.loads(summary.read_text())
        rows = [(c["case"]["name"], sorted(c["stage_cpu_ms_per_file"].items())) for c in r["runs"]]
        (out / "stages.svg").write_text(bars("CPU time a file, by stage", rows, "ms"))
        rows = []
        for p in r["peers"]:
            if p["files"]:
                rows.append((f"{p['name']} ({p['class']})", [("peer", p["cpu_ms_per_file"])]))
                rows.append(("Albumen, the same", [("Albumen", p["albumen_cpu_ms_per_file"])]))
        if r["floor"]:
            rows.append(("bare libjpeg-turbo", [("peer", r["floor"]["floor_cpu_ms_per_file"])]))
            rows.append(("Albumen, the same", [("Albumen", r["floor"]["albumen_cpu_ms_per_file"])]))
        if rows:
            (out / "peers.svg").write_text(bars("CPU time a file beside others, on the same files", rows, "ms"))
    growth = run / "growth.json"
    if growth.exists():
        sizes = json.loads(growth.read_text())["sizes"]
        xs = [s["items"] for s in sizes]
        each = {"next photo": "next_photo_ms", "next face": "next_face_ms", "search": "search_ms", "open, look up": "open_ms"}
        series = {name: [s[key] for s in sizes] for name, key in each.items()}
        (out / "growth.svg").write_text(lines("One more, by number of items in the library", xs, series, "ms"))
        series = {"rescan": [s["rescan_s"] for s in sizes], "find": [s["find_s"] for s in sizes]}
        (out / "rescan.svg").write_text(lines("Nothing has changed", xs, series, "s"))


if __name__ == "__main__":
    main()
