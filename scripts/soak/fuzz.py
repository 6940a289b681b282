#!/usr/bin/env python3
"""Runs fuzz targets in turns, by the CPU time of each, and records the totals.

A turn ends when the process has used a given CPU time, user and system, independent of elapsed time, which means little on a
busy machine. The fuzz target with the least total is next, so that an interruption leaves none far behind.
docs/soak/fuzz-cpu.tsv has the totals of all turns; lines with the prefix `soak:` go into the record of `make soak`.

Failing inputs are written to fuzz/artifacts and fail the run at its end; fuzz/README.md describes the next steps.
"""

import argparse
import datetime
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUZZ = ROOT / "fuzz"
ACCOUNT = ROOT / "docs/soak/fuzz-cpu.tsv"
HEAD = "# Total CPU seconds of each fuzz target; written by scripts/soak/fuzz.py.\n# fuzz target\tseconds\truns\tlast day\tcommit\n"
TICK = os.sysconf("SC_CLK_TCK")
# Seconds after which an input is too slow. libFuzzer measures elapsed time, which means little under load, so
# such an input is tried again, alone and by CPU time.
UNIT_LIMIT = 60
LOOK_EVERY_S = 0.5

stopping = threading.Event()
lock = threading.Lock()


def doors():
    return re.findall(r'^\s*\("([a-z0-9_]+)",', (FUZZ / "doors.rs").read_text(), re.M)


def read_account():
    account = {}
    if ACCOUNT.is_file():
        for line in ACCOUNT.read_text().splitlines():
            if line and not line.startswith("#"):
                door, seconds, runs, day, commit = line.split("\t")
                account[door] = [float(seconds), int(runs), day, commit]
    return account


def write_account(account):
    lines = [f"{door}\t{a[0]:.0f}\t{a[1]}\t{a[2]}\t{a[3]}\n" for door, a in sorted(account.items())]
    ACCOUNT.parent.mkdir(parents=True, exist_ok=True)
    part = ACCOUNT.with_suffix(".part")
    part.write_text(HEAD + "".join(lines))
    part.replace(ACCOUNT)


def cpu_seconds(pid):
    """CPU time of a process and its threads; None when it has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split(" ")
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return None
    return None if fields[0] == "Z" else (int(fields[11]) + int(fields[12])) / TICK


def priority(idle):
    return ["chrt", "--idle", "0"] if idle else []


def environment(door):
    return os.environ | {"ALBUMEN_DOOR": door, "ASAN_OPTIONS": "detect_odr_violation=0"}


def is_too_slow(program, door, artifact):
    """Whether an input that exceeded the limit of elapsed time also exceeds it in CPU time."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (UNIT_LIMIT, UNIT_LIMIT))

    again = subprocess.run(
        [program, "-timeout=0", "-rss_limit_mb=1024", artifact],
        env=environment(door), preexec_fn=limit, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    return again.returncode != 0


def turn(program, door, seconds, idle):
    """Runs a fuzz target for the given CPU seconds. Returns seconds, runs, coverage, and the failing input or None."""
    artifacts = FUZZ / "artifacts" / door
    for folder in (FUZZ / "corpus" / door, FUZZ / "regressions" / door, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(artifacts.iterdir())
    command = priority(idle) + [
        program, f"fuzz/corpus/{door}", f"fuzz/regressions/{door}", f"-artifact_prefix=fuzz/artifacts/{door}/",
        "-max_len=16384", "-rss_limit_mb=1024", f"-timeout={UNIT_LIMIT * (20 if idle else 1)}", "-print_final_stats=1",
    ]
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(door), stdout=log, stderr=log)
        had, asked = 0.0, False
        while process.poll() is None:
            had = cpu_seconds(process.pid) or had
            if not asked and (had >= seconds or stopping.is_set()):
                # libFuzzer ends after the current input and prints the number of runs.
                process.send_signal(signal.SIGUSR1)
                asked = True
            time.sleep(LOOK_EVERY_S)
        log.seek(0)
        text = log.read()
    runs = int((re.findall(r"stat::number_of_executed_units:\s*(\d+)", text) or ["0"])[-1])
    covered = (re.findall(r"cov: (\d+)", text) or ["?"])[-1]
    for artifact in sorted(set(artifacts.iterdir()) - before):
        if artifact.name.startswith(("timeout-", "slow-unit-")) and not is_too_slow(program, door, artifact):
            artifact.unlink()
            continue
        return had, runs, covered, artifact.relative_to(ROOT)
    if process.returncode not in (0, 72) and not asked:
        # It may have ended because of an input that is not too slow in CPU time.
        if "libFuzzer: timeout" not in text:
            sys.stdout.write(text[-3000:])
            return had, runs, covered, f"exit status {process.returncode} without an input"
    return had, runs, covered, None


def main():
    soak = os.environ.get("ALBUMEN_SOAK_SECONDS", "600")
    parser = argparse.ArgumentParser(prog="scripts/soak/fuzz.sh", description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("doors", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=float, default=float(soak), help="CPU seconds for each fuzz target")
    parser.add_argument("--turn", type=float, default=300, help="CPU seconds of one turn")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("ALBUMEN_FUZZ_JOBS", os.cpu_count())))
    parser.add_argument("--idle", action="store_true", default=os.environ.get("ALBUMEN_FUZZ_IDLE") == "1",
                        help="run at idle priority (SCHED_IDLE)")
    parser.add_argument("--build", action="store_true", help="only build (fuzz.sh has already built)")
    parser.add_argument("--check", action="store_true", help="only check that each fuzz target starts and accepts its first inputs")
    given = parser.parse_intermixed_args()
    unknown = set(given.doors) - set(doors())
    if unknown:
        parser.error(f"unknown fuzz target: {', '.join(sorted(unknown))}; available: {', '.join(doors())}")
    if given.build:
        return 0
    # Resolve the path now: turns run in another folder.
    program = str(pathlib.Path(given.program).resolve())
    chosen = given.doors or doors()
    if subprocess.run(["python3", "fuzz/seed.py"], cwd=ROOT, stdout=subprocess.DEVNULL).returncode != 0:
        return 1
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    if given.check:
        given.seconds, given.turn = 1, 1

    had = {door: 0.0 for door in chosen}
    found, failed = {}, False
    covered, runs = {}, dict.fromkeys(chosen, 0)
    busy = set()

    def next_door():
        with lock:
            account = read_account()
            waiting = [d for d in chosen if d not in busy and d not in found and had[d] < given.seconds]
            if stopping.is_set() or not waiting:
                return None
            door = min(waiting, key=lambda d: (account.get(d, [0.0])[0], had[d]))
            busy.add(door)
            return door

    def work():
        while (door := next_door()) is not None:
            slice_s = min(given.turn, given.seconds - had[door])
            seconds, executed, cover, finding = turn(program, door, slice_s, given.idle)
            with lock:
                # At least one second: a fuzz target that ends at once must not be restarted forever.
                had[door] += max(seconds, 1.0)
                runs[door] += executed
                covered[door] = cover
                if finding:
                    found[door] = finding
                if not given.check:
                    account = read_account()
                    entry = account.setdefault(door, [0.0, 0, "", ""])
                    entry[0] += seconds
                    entry[1] += executed
                    entry[2:] = [datetime.date.today().isoformat(), commit or "?"]
                    write_account(account)
                print(f"{door}: {seconds:.0f} s of CPU time, {executed} runs, cov: {cover}, {finding or 'nothing found'}", flush=True)
                busy.discard(door)

    threads = [threading.Thread(target=work) for _ in range(max(1, min(given.jobs, len(chosen))))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    account = read_account()
    for door in chosen:
        outcome = f"FOUND {found[door]}" if door in found else "nothing found"
        in_all = account.get(door, [0.0])[0]
        print(f"soak: {door}: {had[door]:.0f} s of CPU time now, {in_all:.0f} s in total; {runs[door]} runs, cov: {covered.get(door, '?')}, {outcome}")
        failed |= door in found
    return 1 if failed else 0


sys.exit(main())
