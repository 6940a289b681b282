#!/usr/bin/env python3
"""Times the commands for people with 5,000 people and 250,000 faces.

    scripts/people_times.py target/release/albumen

Generates an index of synthetic faces (no pictures) in a temporary folder and prints, for each command, the median wall-clock
and CPU time of five runs. Edits are undone, so each run uses the same index.
"""
import math
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

PEOPLE, FACES, WAITING, DIM = 5_000, 250_000, 5_000, 128
COMMON, PERSON, PHOTO = 0.313, 0.754, 0.577


def direction(rng):
    return [rng.gauss(0, 1) / math.sqrt(DIM) for _ in range(DIM)]


def quantised(v):
    length = math.sqrt(sum(x * x for x in v))
    return bytes(round(x / length * 127) & 0xFF for x in v)


def fill(path):
    rng = random.Random(7)
    common = direction(rng)
    # Sums of a few noise vectors instead of one vector per face: generating noise takes most of the time.
    noises = [direction(rng) for _ in range(4096)]

    def face(person):
        a, b = rng.choice(noises), rng.choice(noises)
        return quantised([COMMON * c + PERSON * p + PHOTO * (x + y) / math.sqrt(2)
                          for c, p, x, y in zip(common, person, a, b)])

    db = sqlite3.connect(path)
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("INSERT INTO spaces (id, name, kind) VALUES (1000, 'made', 'personal')")
    db.execute("INSERT INTO volumes (id, space_id, path) VALUES (1000, 1000, CAST('/made' AS BLOB))")
    db.execute("INSERT INTO folders (id, volume_id, path) VALUES (1000, 1000, CAST('' AS BLOB))")
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('embedder', 'made')")
    file = 0

    def photo():
        nonlocal file
        file += 1
        db.execute("INSERT INTO files (id, folder_id, name, fs_id, inode, bytes, mtime_ns, ctime_ns, content_hash, added)"
                   " VALUES (?, 1000, CAST(? AS BLOB), 0, 0, 0, 0, 0, ?, 0)", (file, f"{file}.jpg", f"b3:{file}"))
        db.execute("INSERT INTO items (file_id, space_id, folder_id, kind, added, hidden) VALUES (?, 1000, 1000, 'photo', 0, 0)",
                   (file,))
        return file

    def add(embedding, person, clustered):
        db.execute("INSERT INTO faces (file_id, x, y, w, h, score, quality, points, embedding, embedder, person_id, how,"
                   " similarity, required, clustered) VALUES (?, .3, .3, .2, .2, .9, ?, '[]', ?, 'made', ?, ?, .6, .45, ?)",
                   (photo(), 0.3 + 0.6 * rng.random(), embedding, person, "machine" if person else None, clustered))

    for n in range(PEOPLE):
        who, person = direction(rng), f"p{n:016x}"
        db.execute("INSERT INTO people (id, space_id) VALUES (?, 1000)", (person,))
        if n % 10 == 0:
            db.execute("INSERT INTO person_edits (person_id, name_said, name) VALUES (?, 1, ?)", (person, f"Person {n}"))
        for _ in range((FACES - WAITING) // PEOPLE):
            add(face(who), person, 1)
    for _ in range(WAITING):
        add(face(direction(rng)), None, 1)
    db.execute("DELETE FROM people_renamed")
    db.commit()
    db.close()


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        index, photos = os.path.join(folder, "index"), os.path.join(folder, "photos")
        os.mkdir(photos)
        subprocess.run([program, "--index", index, "index", photos], check=True, capture_output=True)
        fill(os.path.join(index, "index.sqlite"))

        def run(*arguments):
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            done = subprocess.run([program, "--index", index, "--json", *arguments], capture_output=True, text=True)
            wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            if done.returncode != 0:
                sys.exit(f"{arguments}: {done.stderr}")
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return wall, cpu

        # The first edit computes the vectors of all people; later edits use them.
        print("first edit: %.2f s wall, %.2f s CPU" % run("people", "name", "p%016x" % 1, "First"))
        face = "250000"
        for command, undo in [
            (["people", "list"], False),
            (["people", "list", "--limit", "50"], False),
            (["people", "show", "Person 0"], False),
            (["people", "ask"], False),
            (["people", "suggest"], False),
            (["faces", "list", "--waiting", "--limit", "50"], False),
            (["faces", "why", face], False),
            (["people", "edits"], False),
            (["people", "name", "p%016x" % 2, "Second"], True),
            (["faces", "assign", face, "Person 10"], True),
            (["faces", "reject", "1"], True),
            (["search", "--limit", "50", "person:\"person 10\""], False),
        ]:
            walls, cpus = [], []
            for _ in range(5):
                wall, cpu = run(*command)
                walls.append(wall)
                cpus.append(cpu)
                if undo:
                    run("people", "undo")
            medians = statistics.median(walls), statistics.median(cpus)
            print("%-40s %.3f s wall, %.3f s CPU" % (" ".join(command), *medians))
        # An edit clusters what is new: here a face of person 0, each time in the photo of another face that waits.
        walls, cpus = [], []
        for n in range(5):
            db = sqlite3.connect(os.path.join(index, "index.sqlite"))
            db.execute("INSERT INTO faces (file_id, x, y, w, h, score, quality, points, embedding, embedder)"
                       " SELECT ?, .6, .3, .2, .2, score, quality, points, embedding, embedder FROM faces WHERE id = 1",
                       (FACES - 100 - n,))
            db.commit()
            db.close()
            wall, cpu = run("faces", "ignore", face)
            walls.append(wall)
            cpus.append(cpu)
            run("people", "undo")
        print("%-40s %.3f s wall, %.3f s CPU" % ("the next face", statistics.median(walls), statistics.median(cpus)))


main()
