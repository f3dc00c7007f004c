"""Kill a batch again and again, and see that every row is there once in the end.

    python -m tests.benchmarks.batch_kills [--kills 50] [--how sigkill|disk] [--rows 300]

`sigkill` kills the job (4 of 5 times) or one of its two workers at random moments. `disk` lets it
write to a small tmpfs that is full again and again (needs the right to mount). The engine is a
fake, files, processes and ledgers are real. When a job is done before the last kill, another one
is begun. At the end each job is compared with an undisturbed one, byte by byte.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.tryon.batch.fake_engine import FakeSource, write_inputs
from tryon.batch import run_batch
from tryon.errors import TryOnError

PAUSE = 0.02


def job(root: str, out: str, pause: float) -> None:
    """The process that is killed."""
    product = [{"people": "people", "garments": "garments"}]
    try:
        run_batch(product, out, FakeSource(pause), root=root, workers=2, wait=0.01)
    except TryOnError as error:
        sys.exit(str(error))


def started(root: Path, out: Path, pause: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.benchmarks.batch_kills", "--job", root, out, str(pause)]
    return subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)


def contents(out: Path) -> dict[str, bytes]:
    looks = out / "looks"
    return {str(p.relative_to(out)): p.read_bytes() for p in looks.rglob("*") if p.is_file()}


def temporary_files(out: Path) -> list[Path]:
    return [*out.rglob("*.tmp"), *(out / ".unfinished").rglob("*")]


def done_ids(ledger: Path) -> set[str]:
    """Rows that this run has made, but for a last line that was cut off."""
    found = set()
    for line in ledger.read_text().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record["status"] == "done":
            found.add(record["id"])
    return found


def check(out: Path, whole: dict[str, bytes], rows: int) -> int:
    """Everything that has to hold of a finished job; returns in how many runs it was made."""
    assert contents(out) == whole, "not byte-identical to an undisturbed run"
    assert not temporary_files(out), temporary_files(out)
    runs = sorted((out / "runs").glob("*.jsonl"))
    made = [done_ids(run) for run in runs]
    assert sum(map(len, made)) == len(set.union(*made)), "a row was done twice"
    last = [json.loads(line)["id"] for line in runs[-1].read_text().splitlines()]
    assert len(last) == len(set(last)) == rows, "a row is missing from the last ledger"
    return len(runs)


def killed(process: subprocess.Popen[bytes], out: Path, chance: random.Random) -> str | None:
    """Kill the job or a worker at some moment. None: it was done before."""
    runs = len(list(out.glob("runs/*")))
    moment = "begin"
    if chance.random() < 0.85:  # while it works, not while Python starts
        while process.poll() is None and len(list(out.glob("runs/*"))) == runs:
            time.sleep(0.005)
        moment = "work"
    time.sleep(chance.uniform(0, 2.0))
    if process.poll() is not None:
        return None
    if chance.random() < 0.2:
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True
        )
        workers = [line.split()[0] for line in listed.stdout.splitlines() if "spawn_main" in line]
        if workers:
            os.kill(int(chance.choice(workers)), signal.SIGKILL)
            return "worker"
    process.kill()
    process.wait()
    return moment


def kill_often(root: Path, kills: int, rows: int, whole: dict[str, bytes], seed: int) -> None:
    chance = random.Random(seed)
    counts: dict[str, int] = {}
    number, left = 0, kills
    while left:
        out = root / f"out-{number}"
        process = started(root, out, PAUSE)
        while left:
            moment = killed(process, out, chance)
            if moment is None:
                break
            counts[moment] = counts.get(moment, 0) + 1
            left -= 1
            if moment != "worker":
                process = started(root, out, PAUSE)
        assert process.wait() == 0
        print(f"job {number}: {check(out, whole, rows)} runs, all {rows} rows once", flush=True)
        shutil.rmtree(out)
        number += 1
    print(f"{kills} kills: {counts}")


def fill_often(root: Path, rows: int, whole: dict[str, bytes], seed: int) -> None:
    """Run on a disk that is full, give it a little more room, and so on."""
    chance = random.Random(seed)
    place = root / "small"
    place.mkdir()
    size = 300
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", place], check=True)
    try:
        out = place / "out"
        full = 0
        while full < 200:
            if started(root, out, 0.0).wait() == 0:
                break
            assert not temporary_files(out), temporary_files(out)
            full += 1
            size += chance.randint(60, 250)
            subprocess.run(["mount", "-o", f"remount,size={size}k", place], check=True)
        print(f"full {full} times; {check(out, whole, rows)} runs, all {rows} rows once")
    finally:
        subprocess.run(["umount", place], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--how", choices=["sigkill", "disk"], default="sigkill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--job", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        job(arguments.job[0], arguments.job[1], float(arguments.job[2]))
        return
    garments = 15
    people = arguments.rows // garments
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_inputs(root, people, garments)
        assert started(root, root / "whole", 0.0).wait() == 0
        whole = contents(root / "whole")
        assert len(whole) == 2 * people * garments
        if arguments.how == "disk":
            fill_often(root, people * garments, whole, arguments.seed)
        else:
            kill_often(root, arguments.kills, people * garments, whole, arguments.seed)


if __name__ == "__main__":
    main()
