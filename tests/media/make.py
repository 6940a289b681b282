#!/usr/bin/env python3
"""Makes the small files beside this program that tests/it/media_files.rs decodes: `tests/media/make.py`.

Every file shows the same scene: four fields, red and green above, blue and yellow below. Needs the ffmpeg program with
x264, x265 and libaom; encoders of other versions give other bytes of the same scene."""

import pathlib
import struct
import subprocess
import zlib

HERE = pathlib.Path(__file__).parent
FIELDS = ((200, 40, 40), (40, 160, 60), (40, 60, 200), (220, 200, 60))
SIDE = (96, 64)
HEVC = ["-c:v", "libx265", "-crf", "20", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none:info=0"]


def scene(width, height):
    """RGB samples."""
    rows = []
    for y in range(height):
        above = 0 if y < height // 2 else 2
        rows.append(b"".join(bytes(FIELDS[above + (x >= width // 2)]) for x in range(width)))
    return b"".join(rows)


def encode(name, *arguments, frames=1, matrix="bt709"):
    """Encodes the scene, 25 pictures per second. Motion JPEG and MPEG-4 cannot name their matrix: it is that of BT.601."""
    width, height = SIDE
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "25", "-i", "-"]
    colour = ["-vf", f"scale=out_color_matrix={matrix}"]
    if matrix == "bt709":
        colour += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    exact = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-threads", "1"]
    command = ["ffmpeg", "-v", "error", "-y", *source, *colour, *exact, *arguments, str(HERE / name)]
    subprocess.run(command, input=scene(width, height) * frames, check=True)
    return (HERE / name).read_bytes()


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full(kind, version, flags, *parts):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def part(movie, kind):
    """The first box of this kind, wherever it is."""
    at = movie.index(kind) - 4
    return movie[at : at + struct.unpack_from(">I", movie, at)[0]]


def heic(orientation):
    """The picture of a movie of one frame as the item of a HEIF file, turned by quarters counterclockwise."""
    movie = encode("frame.mp4", *HEVC, "-tag:v", "hvc1")
    (HERE / "frame.mp4").unlink()
    picture = part(movie, b"mdat")[8:]
    size = full(b"ispe", 0, 0, struct.pack(">II", *SIDE))
    properties = box(b"ipco", part(movie, b"hvcC"), size, box(b"irot", bytes([orientation])))
    uses = full(b"ipma", 0, 0, struct.pack(">IHB", 1, 1, 3), bytes([0x81, 2, 0x83]))
    item = full(b"infe", 2, 0, struct.pack(">HH", 1, 0), b"hvc1\0")
    ftyp = box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def meta(at):
        place = struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, at, len(picture))
        return full(
            b"meta", 0, 0,
            full(b"hdlr", 0, 0, b"\0\0\0\0pict", bytes(13)),
            full(b"pitm", 0, 0, struct.pack(">H", 1)),
            full(b"iloc", 0, 0, place),
            full(b"iinf", 0, 0, struct.pack(">H", 1), item),
            box(b"iprp", properties, uses),
        )

    at = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(at) + box(b"mdat", picture)


def tiff(order):
    """A TIFF with one strip compressed by Deflate, with a description and a date."""
    width, height = SIDE
    short, long = order + "H", order + "I"
    texts = [b"Four fields\0", b"2023:07:01 10:20:30\0"]
    data = zlib.compress(scene(width, height), 9)
    entries = 11
    after = 8 + 2 + 12 * entries + 4
    bits, description, date = after, after + 6, after + 6 + len(texts[0])
    strip = date + len(texts[1])
    values = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, bits), (259, 3, 1, 8), (262, 3, 1, 2),
        (270, 2, len(texts[0]), description), (273, 4, 1, strip), (277, 3, 1, 3), (278, 3, 1, height),
        (279, 4, 1, len(data)), (306, 2, len(texts[1]), date),
    ]
    out = (b"II" if order == "<" else b"MM") + struct.pack(short, 42) + struct.pack(long, 8)
    out += struct.pack(short, len(values))
    for tag, kind, count, value in values:
        field = struct.pack(short, value) + b"\0\0" if kind == 3 and count == 1 else struct.pack(long, value)
        out += struct.pack(order + "HHI", tag, kind, count) + field
    return out + bytes(4) + struct.pack(order + "3H", 8, 8, 8) + b"".join(texts) + data


def main():
    h264 = ["-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p", "-bsf:v", "filter_units=remove_types=6"]
    date = ["-metadata", "creation_time=2023-07-01T10:20:30Z"]
    encode("fields.mp4", *h264, *date, "-movflags", "+faststart", frames=25)
    encode("fields.mov", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", *date, frames=5, matrix="bt601")
    encode("fields.mkv", *HEVC, frames=25)
    encode("fields.avi", "-c:v", "mpeg4", "-q:v", "2", "-vtag", "XVID", frames=25, matrix="bt601")
    encode("fields.ts", *h264, "-f", "mpegts", frames=25)
    encode("fields.avif", "-c:v", "libaom-av1", "-still-picture", "1", "-crf", "15", "-cpu-used", "6", "-pix_fmt", "yuv420p")
    (HERE / "fields.heic").write_bytes(heic(1))
    (HERE / "fields.tif").write_bytes(tiff("<"))
    (HERE / "fields-big-endian.tif").write_bytes(tiff(">"))


main()
