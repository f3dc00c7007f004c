"""What a row costs besides its picture, and how much memory a long manifest takes.

    python -m tests.benchmarks.batch_rows [--rows 1000 10000 100000] [--workers 0]

Real manifest, files, ledger and report; the fake engine of the tests stands in for the model. Each
size runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.tryon.batch.fake_engine import FakeSource, write_inputs
from tryon.batch import run_batch


def measured(rows: int, workers: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / "in", Path(folder) / "out"
        side = math.isqrt(rows - 1) + 1
        write_inputs(root, side, side)
        manifest = root / "manifest.jsonl"
        with open(manifest, "w") as file:
            for number in range(rows):
                person, garment = divmod(number, side)
                record = {
                    "id": f"row-{number}",
                    "person": f"people/p{person:03d}.jpg",
                    "garment": f"garments/g{garment:03d}.jpg",
                    "category": "upper",
                    "shop": "de",
                }
                file.write(json.dumps(record) + "\n")
        found: dict[str, float] = {"rows": rows}
        for name in ("first", "again"):
            start, before = time.perf_counter(), _processor_time()
            summary = run_batch(manifest, out, FakeSource(), root=str(root), workers=workers)
            found[f"{name}_ms"] = 1000 * (time.perf_counter() - start) / rows
            found[f"{name}_cpu_ms"] = 1000 * (_processor_time() - before) / rows
            assert summary.tally["done" if name == "first" else "skipped"] == rows
        found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return found


def _processor_time() -> float:
    own, children = (resource.getrusage(who) for who in (0, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(arguments.rows[0], arguments.workers)))
        return
    print(f"{'rows':>8} {'ms/row':>8} {'CPU ms':>8} {'again':>8} {'CPU ms':>8} {'peak MiB':>9}")
    for rows in arguments.rows:
        command = [sys.executable, "-m", "tests.benchmarks.batch_rows", "--one", "--rows"]
        command += [str(rows), "--workers", str(arguments.workers)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        f = json.loads(output.splitlines()[-1])
        print(
            f"{rows:8} {f['first_ms']:8.2f} {f['first_cpu_ms']:8.2f} {f['again_ms']:8.2f}"
            f" {f['again_cpu_ms']:8.2f} {f['peak_mib']:9.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
