"""Batches on a local Ray cluster, in a process of their own: Ray keeps threads and sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.tryon.batch.fake_engine import FakeSource, write_inputs
from tryon.batch import run_batch
from tryon.batch.rows import Row
from tryon.errors import DependencyError
from tryon.ray import _imported_ray, rows_from_json, rows_to_json

ROOT = Path(__file__).resolve().parents[2]
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")

SCRIPT = """
import os, signal, subprocess, sys
from tests.tryon.batch.fake_engine import FakeSource
from tryon.batch import run_batch

root, out = sys.argv[1:]
seen = 0


def kill_an_actor_once(result):
    global seen
    seen += 1
    if seen == 10:
        found = subprocess.run(["pgrep", "-f", "ray::MapWorker"], capture_output=True, text=True)
        os.kill(int(found.stdout.split()[0]), signal.SIGKILL)


killer = {"id": "killer", "person": "people/p000.jpg", "garment": "garments/g000.jpg"}
product = [
    {"people": "people", "garments": "garments"},
    {"person": "people/p000.jpg"},
    {**killer, "prompt": "die"},
]
summary = run_batch(
    product,
    out,
    FakeSource(pause=0.01),
    runner="ray",
    workers=2,
    root=root,
    on_row=kill_an_actor_once,
)
sys.exit(3 if summary.failed else 0)
"""


@needs_ray
def test_actors_make_the_same_files_even_if_one_is_killed_and_a_row_kills_each(
    tmp_path: Path,
) -> None:
    write_inputs(tmp_path, people=10, garments=6)
    local, out = tmp_path / "local", tmp_path / "out"
    product = [{"people": "people", "garments": "garments"}]
    run_batch(product, local, FakeSource(pause=0.01), root=str(tmp_path), workers=0)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_worker_niceness": "0"}
    environment["RAY_raylet_start_wait_time_s"] = "180"  # a busy machine is slow to start it
    script = tmp_path / "job.py"  # not on the command line, where the search for actors finds it
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(tmp_path), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 3, done.stderr[-2000:]
    summary = json.loads((out / "summary.json").read_text())
    assert summary["done"] + summary["skipped"] == 60 and summary["failed"] == 2
    assert summary["failures"] == {"WorkerDied": 1}
    ledger = [json.loads(line) for line in (out / "runs" / "0001.jsonl").read_text().splitlines()]
    assert len({line["id"] for line in ledger if "id" in line}) == 61
    assert [line["id"] for line in ledger if line["status"] == "failed" and "id" in line] == [
        "killer"
    ]
    assert pictures(out) == pictures(local)
    assert not (out / ".unfinished").exists()


def pictures(out: Path) -> dict[str, bytes]:
    looks = out / "looks"
    return {str(p.relative_to(out)): p.read_bytes() for p in looks.rglob("*") if p.is_file()}


def test_rows_travel_whole() -> None:
    rows = [
        Row("a", 1, "p", "g"),
        Row("ä", 2, "p", None, "sku", "m", "o", {"lora": ("x:1",), "steps": 2}, {"shop": ["de"]}),
    ]
    content = rows_to_json(rows)
    assert content.count(b"\n") == 1 and rows_from_json(content) == rows


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DependencyError, match=r"tryon\[ray\]"):
        _imported_ray()
