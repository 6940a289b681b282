#!/usr/bin/env python3
"""Extracts seeds for each fuzz target of doors.rs: the beginnings of real files, without the bytes that the fuzz target itself
prepends. Reads testdata/ and ALBUMEN_CORPUS; writes to fuzz/corpus, which git ignores, because seeds contain parts of real
media."""

import hashlib
import os
import pathlib
import struct

# The maximum length of fuzzing inputs (-max_len in scripts/soak/fuzz.py); headers and item tables of real files are shorter.
LONGEST = 16 * 1024
# Enough for each kind of file; more of one kind only slow the start.
SEEDS_A_DOOR = 400

HERE = pathlib.Path(__file__).parent

# Fuzz targets that prepend a signature: the signature, and its length in a file.
SIGNATURES = [
    ("jpeg", b"\xff\xd8\xff", 3),
    ("matroska", b"\x1a\x45\xdf\xa3", 4),
    ("avi", b"RIFF....AVI LIST", 16),
    ("webp", b"RIFF....WEBPVP8X", 16),
    ("tiff", b"II*\0", 4),
    ("tiff_big", b"II+\0\x08\0\0\0", 8),
    ("raf", b"FUJIFILMCCD-RAW 0201", 20),
    ("crw", b"II\x1a\0\0\0HEAPCCDR", 14),
    ("png", b"\x89PNG\r\n\x1a\n", 8),
    ("gif", b"GIF89a", 6),
    ("jxl", b"\0\0\0\x0cJXL \r\n\x87\n", 12),
    ("jp2", b"\0\0\0\x0cjP  \r\n\x87\n", 12),
    ("bmp", b"BM", 2),
    ("mpeg", b"\0\0\x01\xba", 4),
    ("asf", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 16),
    ("flv", b"FLV\x01", 4),
    ("ogg", b"OggS\0\x02", 6),
    ("mxf", b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01", 13),
    ("dv", b"\x1f\x07\0", 241),
    ("h264", b"\0\0\0\x01\x67", 5),
    ("mini", b"\0\0\0\x10ftypmif3", 24),
    ("mrw", b"\0MRM", 4),
    ("x3f", b"FOVb", 4),
    ("psd", b"8BPS\0", 5),
    ("previews", b"II*\0", 0),
    ("previews", b"MM\0*", 0),
    ("raw_develop", b"II*\0", 0),
    ("raw_develop", b"MM\0*", 0),
    ("raw_develop", b"II\x1a\0\0\0HEAPCCDR", 0),
    ("raw_develop", b"FUJIFILMCCD-RAW", 0),
    ("raw_develop", b"\0MRM", 0),
    ("raw_develop", b"FOVb", 0),
    ("raw_develop", b"....ftypcrx ", 0),
]
# The same for files that begin with an `ftyp` box, by its brands.
BRANDS = [("heif", (b"heic", b"mif1", b"heix", b"avif", b"msf1")), ("cr3", (b"crx ",)), ("movie", (b"",))]
SIDECARS = {".xmp": "sidecar_xmp", ".json": "sidecar_json"}


def jpeg_segments(data):
    """The marker and the payload of each segment before the scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xDA, 0xD9):
        length = struct.unpack(">H", data[at + 2 : at + 4])[0]
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + length


def moov(file):
    """The `moov` box, which phones write after the media data."""
    at, end = 0, file.seek(0, os.SEEK_END)
    while at < end:
        file.seek(at)
        head = file.read(16)
        if len(head) < 16:
            break
        size = struct.unpack(">I", head[:4])[0]
        if size == 1:
            size = struct.unpack(">Q", head[8:])[0]
        if head[4:8] == b"moov":
            file.seek(at)
            return file.read(min(size, LONGEST))
        if size < 8:
            break
        at += size
    return b""


def seeds(path, data):
    """Fuzz target and bytes, for every fuzz target that parses this file or a part of it."""
    yield "any", data
    if len(data) < LONGEST:
        yield "develop", data
    if path.suffix.lower() in SIDECARS:
        yield SIDECARS[path.suffix.lower()], data
    for door, signature, cut in SIGNATURES:
        if all(s in (ord("."), d) for s, d in zip(signature, data)) and len(data) > cut:
            yield door, data[cut:]
    if data[4:8] == b"ftyp":
        size = struct.unpack(">I", data[:4])[0]
        door = next(door for door, brands in BRANDS if any(b in data[8:size] for b in brands))
        yield door, data[size:]
        if door == "heif":
            meta = data.find(b"meta")
            if meta > 0:
                yield "heif_items", data[meta + 4 :]
    if data[:1] == data[188:189] == data[376:377] == b"\x47":
        # The fuzz target writes the sync byte of each packet.
        yield "mts", b"".join(data[at + 1 : at + 188] for at in range(0, len(data), 188))
    if data[:2] == b"\xff\xd8":
        for marker, payload in jpeg_segments(data):
            for door, of, head in (
                ("exif", 0xE1, b"Exif\0\0"),
                ("xmp", 0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
                ("iptc", 0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0"),
            ):
                if marker == of and payload.startswith(head):
                    yield door, payload[len(head) + (4 if door == "iptc" else 0) :]


def main():
    folders = [HERE.parent / "testdata", HERE.parent / "tests/media"]
    if corpus := os.environ.get("ALBUMEN_CORPUS"):
        folders.append(pathlib.Path(corpus))
    given = {}
    # In an order independent of kinds, so that the selection covers all of them.
    paths = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
    for path in sorted(paths, key=lambda p: hashlib.sha1(p.name.encode()).digest()):
        with open(path, "rb") as file:
            data = file.read(LONGEST)
            given_by = list(seeds(path, data))
            if data[4:8] == b"ftyp":
                given_by.append(("movie", moov(file)))
        for door, seed in given_by:
            if seed and given.get(door, 0) < SEEDS_A_DOOR:
                given[door] = given.get(door, 0) + 1
                folder = HERE / "corpus" / door
                folder.mkdir(parents=True, exist_ok=True)
                (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    for door, count in sorted(given.items()):
        print(f"{door}: {count} seeds")


main()
