from __future__ import annotations

import errno
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from tryon.batch.outputs import Outputs
from tryon.errors import OptionError, OutputError, OutputFullError


@pytest.fixture(params=["local", "memory"])
def outputs(request: pytest.FixtureRequest, tmp_path: Path) -> Outputs:
    place = str(tmp_path / "out") if request.param == "local" else f"memory://{tmp_path.name}"
    found = Outputs(place)
    found.start()
    return found


def fill(file: Path) -> None:
    file.write_bytes(b"picture")


def test_what_is_committed_is_found(outputs: Outputs) -> None:
    assert outputs.committed("ab/x.k1", "k1") is None
    image = outputs.commit("ab/x.k1", ".jpg", fill, {"id": "x", "key": "k1"})
    assert image == "looks/ab/x.k1.jpg" and outputs.read(image) == b"picture"
    facts = {"id": "x", "key": "k1", "image": image, "bytes": 7}
    assert outputs.committed("ab/x.k1", "k1") == facts
    assert outputs.committed("ab/x.k2", "k2") is None
    assert outputs.committed("ab/x.k1", "k2") is None


def test_the_sidecar_comes_last(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    put, order = outputs._put, []

    def noted(file: Path, name: str) -> None:
        order.append(name)
        put(file, name)

    monkeypatch.setattr(outputs, "_put", noted)
    outputs.commit("x.k", ".jpg", fill, {"key": "k"})
    assert order == ["looks/x.k.jpg", "looks/x.k.json"]


def test_a_picture_without_sidecar_does_not_count(outputs: Outputs) -> None:
    def broken(file: Path) -> None:
        fill(file)
        raise OSError(errno.EIO, "broken")

    with pytest.raises(OSError, match="broken"):
        outputs.commit("x.k", ".jpg", broken, {"key": "k"})
    assert outputs.committed("x.k", "k") is None
    assert list((outputs.local / ".unfinished").iterdir()) == []


def test_no_space_left_is_told(outputs: Outputs) -> None:
    def full(file: Path) -> None:
        raise OutputError("cannot be written") from OSError(errno.ENOSPC, "No space left")

    with pytest.raises(OutputFullError, match="No space left"):
        outputs.commit("x.k", ".jpg", full, {"key": "k"})


def test_starting_leaves_a_running_job_alone_and_sweeping_and_ending_do_not(
    outputs: Outputs,
) -> None:
    with outputs.unfinished() as file:
        file.write_bytes(b"half")
        other = pickle.loads(pickle.dumps(outputs))
        other.start()
        assert file.exists()
        other.sweep()
        assert not (outputs.is_local and file.exists())
    outputs.finish()
    assert outputs.local.exists() == outputs.is_local
    if outputs.is_local:
        assert not list(outputs.local.iterdir())


def test_runs_are_numbered(outputs: Outputs) -> None:
    assert outputs.next_run() == "runs/0001.jsonl"
    for number in (1, 2):
        name = outputs.next_run()
        with outputs.ledger(name) as file:
            file.write("{}\n")
        assert outputs.publish(outputs.local / name, name).endswith(f"runs/000{number}.jsonl")
    assert outputs.next_run() == "runs/0003.jsonl"


@pytest.mark.parametrize("url", ["http://x/y", "zip::s3://a/b", "ftp://x"])
def test_other_stores_are_refused(url: str) -> None:
    with pytest.raises(OptionError, match="not a store"):
        Outputs(url)


def test_a_damaged_sidecar_does_not_count(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    outputs.commit("x.k", ".jpg", fill, {"key": "k"})
    sidecar = tmp_path / "looks" / "x.k.json"
    facts: dict[str, Any] = json.loads(sidecar.read_text())
    for content in ("", "[]", "{}", json.dumps(facts | {"image": "looks/nowhere"})):
        sidecar.write_text(content)
        assert outputs.committed("x.k", "k") is None
    sidecar.write_text(json.dumps(facts))
    assert outputs.committed("x.k", "k") == facts
    (tmp_path / facts["image"]).write_bytes(b"pict")
    assert outputs.committed("x.k", "k") is None


def test_a_named_picture_is_replaced_and_its_sidecar_never_speaks_of_another(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs.commit("shirt", ".jpg", fill, {"key": "old"})
    assert outputs.committed("shirt", "old") is not None
    put = outputs._put

    def killed_before_the_sidecar(file: Path, name: str) -> None:
        if name.endswith(".json"):
            raise KeyboardInterrupt
        put(file, name)

    monkeypatch.setattr(outputs, "_put", killed_before_the_sidecar)
    with pytest.raises(KeyboardInterrupt):
        outputs.commit("shirt", ".jpg", fill, {"key": "new"})
    assert outputs.committed("shirt", "old") is None
    assert outputs.committed("shirt", "new") is None
