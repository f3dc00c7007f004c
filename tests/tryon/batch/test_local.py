from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tryon.batch.fake_engine import FakeSource, write_inputs
from tryon.batch import Summary, local, run_batch

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_inputs(tmp_path / "in", people=5, garments=4)
    return tmp_path / "in"


def rows(**prompts: str) -> list[dict[str, Any]]:
    return [
        {"id": f"{n}", "person": f"people/p00{n % 5}.jpg", "garment": f"garments/g00{n % 4}.jpg"}
        | ({"prompt": prompts[f"row{n}"]} if f"row{n}" in prompts else {})
        for n in range(20)
    ]


def run(root: Path, out: Path, manifest: Any, **options: Any) -> Summary:
    return run_batch(manifest, out, FakeSource(), root=str(root), workers=2, wait=0.01, **options)


def by_status(summary: Summary) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in Path(summary.ledger).read_text().splitlines():
        record = json.loads(line)
        found.setdefault(record["status"], []).append(record["id"])
    return found


def test_a_worker_that_dies_is_replaced_and_loses_nothing(root: Path, tmp_path: Path) -> None:
    summary = run(root, tmp_path / "out", rows(row7=f"die-once {tmp_path / 'died'}"))
    assert (tmp_path / "died").exists()
    found = by_status(summary)
    assert sorted(sum(found.values(), []), key=int) == [str(n) for n in range(20)]
    assert not summary.failed
    assert len(list((tmp_path / "out" / "looks").rglob("*.jpg"))) == 20


def test_a_row_that_kills_its_worker_twice_fails_alone(root: Path, tmp_path: Path) -> None:
    summary = run(root, tmp_path / "out", rows(row7="die"))
    assert by_status(summary)["failed"] == ["7"]
    assert summary.tally["failures"] == {"WorkerDied": 1}
    letter = json.loads(Path(summary.errors or "").read_text())
    assert letter["prompt"] == "die" and "exit code -9" in letter["error"]["reason"]
    assert summary.tally["done"] + summary.tally["skipped"] == 19


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_batch_end_well(root: Path, tmp_path: Path, number: int) -> None:
    out = tmp_path / "out"
    process = started(root, out, pause=0.05)
    wait_for(lambda: committed(out) >= 3)
    process.send_signal(number)
    assert process.wait(timeout=60) == 130
    summary = json.loads((out / "summary.json").read_text())
    assert summary["interrupted"] and 3 <= summary["done"] < 20
    assert len(list((out / "looks").rglob("*.json"))) == summary["done"]
    assert not leftovers(out)


def test_killed_again_and_again_every_row_is_there_once(root: Path, tmp_path: Path) -> None:
    """`python -m tests.benchmarks.batch_kills` does so 50 times."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert started(root, whole).wait(timeout=120) == 0
    for kill in range(4):
        process = started(root, out, pause=0.02)
        enough = 4 * (kill + 1)
        wait_for(lambda enough=enough: committed(out) >= enough)
        process.kill()
        process.wait()
    assert started(root, out).wait(timeout=120) == 0
    assert pictures(out) == pictures(whole)
    assert not leftovers(out)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["done"] + summary["skipped"] == 20 and summary["skipped"] >= 16


def test_a_full_disk_stops_the_batch_and_nothing_is_lost(root: Path, tmp_path: Path) -> None:
    """The limit of a process on the size of its files stands for the disk's."""
    import resource

    whole, out = tmp_path / "whole", tmp_path / "out"
    assert started(root, whole).wait(timeout=120) == 0

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    process = started(root, out, preexec=small_files)
    assert process.wait(timeout=120) == 1
    assert "no room for results" in (root / "stderr.txt").read_text()
    assert not leftovers(out)
    assert started(root, out).wait(timeout=120) == 0
    assert pictures(out) == pictures(whole)


SCRIPT = """
import sys
from tests.tryon.batch.fake_engine import FakeSource
from tryon.batch import run_batch
from tryon.batch.interrupts import stopped_by_signals
from tryon.errors import TryOnError

if __name__ == "__main__":
    root, out, pause = sys.argv[1:]
    product = [{"people": "people", "garments": "garments"}]
    with stopped_by_signals() as stop:
        try:
            summary = run_batch(
                product, out, FakeSource(float(pause)), root=root, workers=2, stop=stop, wait=0.01
            )
        except TryOnError as error:
            sys.exit(str(error))
    sys.exit(130 if summary.interrupted else 0)
"""


def started(root: Path, out: Path, pause: float = 0.0, preexec: Any = None) -> Any:
    script = root / "job.py"
    script.write_text(SCRIPT)
    with open(root / "stderr.txt", "w") as stderr:
        return subprocess.Popen(
            [sys.executable, str(script), str(root), str(out), str(pause)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=stderr,
            preexec_fn=preexec,
        )


def committed(out: Path) -> int:
    """How many sidecars there are; the folder changes while we look."""
    return sum(name.endswith(".json") for _, _, names in os.walk(out / "looks") for name in names)


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def pictures(out: Path) -> dict[str, bytes]:
    looks = out / "looks"
    return {str(p.relative_to(out)): p.read_bytes() for p in looks.rglob("*") if p.is_file()}


def leftovers(out: Path) -> list[Path]:
    return [*out.rglob("*.tmp"), *out.glob(".unfinished")]


def test_workers_are_forked_from_a_process_that_knows_the_modules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "may_have_cuda", lambda: False)
    monkeypatch.setattr(local.sys, "platform", "linux")
    assert local.process_context(()).get_start_method() == "spawn"
    preloaded = local.process_context(["fractions"])
    assert preloaded.get_start_method() == "forkserver"
    parent, child = preloaded.Pipe()
    process = preloaded.Process(target=_tells, args=(child,))
    process.start()
    assert parent.recv() is True
    process.join()
    monkeypatch.setattr(local, "may_have_cuda", lambda: True)
    assert local.process_context(["fractions"]).get_start_method() == "spawn"


def _tells(connection: Any) -> None:
    connection.send("fractions" in sys.modules)
