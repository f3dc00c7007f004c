from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.tryon.batch.fake_engine import FakeSource, write_inputs
from tryon.batch import engines
from tryon.batch.inputs import Inputs
from tryon.batch.manifest import Manifest
from tryon.batch.rows import Row
from tryon.cli import run


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a manifest, and a fake engine in the place of the model."""
    write_inputs(tmp_path, people=3, garments=2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engines.ModelEngine, "revision", "fake")
    monkeypatch.setattr(engines.ModelEngine, "open", lambda self, worker: FakeSource().open(worker))
    assert run(["batch", "init", "people", "garments"]) == 0
    return tmp_path


def test_init_and_run_make_every_picture(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["batch", "manifest.jsonl", "--out", "looks", "--workers", "0"]
    assert run(arguments) == 0
    assert len(list((shop / "looks").rglob("*.jpg"))) == 6
    assert "6 done, 0 were there, 0 failed of 6" in capsys.readouterr().out
    assert run([*arguments, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["skipped"] == 6 and summary["errors"] is None


def test_options_come_before_the_manifest_as_well(shop: Path) -> None:
    arguments = ["batch", "--out", "o", "--workers", "0", "--format", "png", "manifest.jsonl"]
    assert run(arguments) == 0
    assert len(list((shop / "o").rglob("*.png"))) == 6


def test_defaults_reach_every_row(shop: Path) -> None:
    run(["batch", "manifest.jsonl", "--out", "a", "--workers", "0"])
    run(["batch", "manifest.jsonl", "--out", "b", "--workers", "0", "--steps", "3"])
    options = ["--set", "steps=3", "--set", "warp=true"]
    run(["batch", "manifest.jsonl", "--out", "c", "--workers", "0", *options])
    names = [sorted(p.name for p in (shop / out).rglob("*.jpg")) for out in "abc"]
    assert names[0] != names[1] == names[2]


def test_failed_rows_are_told_by_the_exit_code(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop / "bad.jsonl").write_text('{"person": "../x", "garment": "g"}\n')
    assert run(["batch", "bad.jsonl", "--out", "o", "--workers", "0"]) == 3
    assert "errors.jsonl" in capsys.readouterr().out
    assert run(["batch", "bad.jsonl", "--out", "o", "--workers", "0", "--strict"]) == 1
    assert "line 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.jsonl", "--out", "o"], "cannot be read"),
        (["manifest.jsonl"], "--out"),
        (["manifest.jsonl", "--out", "o", "--set", "stepz=3"], "'stepz'"),
        (["manifest.jsonl", "--out", "o", "--set", "steps"], "NAME=VALUE"),
        (["manifest.jsonl", "--out", "http://x/y"], "not a store"),
        (["init", "people", "people"], "File exists"),
        (["init", "nowhere", "people", "-o", "m2.jsonl"], "nowhere"),
    ],
)
def test_bad_usage_is_told(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    workers: list[Any] = [] if arguments[0] == "init" else ["--workers", "0"]
    assert run(["batch", *arguments, *workers]) == 1
    assert words in capsys.readouterr().err


def test_the_example_explains_itself(shop: Path) -> None:
    text = (shop / "manifest.jsonl").read_text()
    rows = list(Manifest(shop / "manifest.jsonl", Inputs(shop)))
    assert len(rows) == 6 and all(isinstance(row, Row) for row in rows)
    for line in text.splitlines():  # the rows in the comments are rows, too
        if line.startswith("# {"):
            (row,) = Manifest([json.loads(line[2:])], Inputs(shop))
            assert isinstance(row, Row)


def test_help_lists_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["batch", "--help"]) == 0
    assert "init" in (text := capsys.readouterr().out) and "MANIFEST" in text
    assert run(["batch", "run", "--help"]) == 0
    assert "--preset" in capsys.readouterr().out


def test_photos_elsewhere_get_a_root(
    shop: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    away = tmp_path_factory.mktemp("a shop")
    write_inputs(away, people=2, garments=1)
    people, garments = str(away / "people"), str(away / "garments")
    assert run(["batch", "init", people, garments, "-o", "away.jsonl"]) == 0
    command = shlex.split(capsys.readouterr().out.partition("next: tryon ")[2])
    assert command[:2] == ["batch", "away.jsonl"] and "--root" in command
    assert run([*command, "--workers", "0"]) == 0
    assert len(list((shop / "looks").rglob("*.jpg"))) == 2


def test_many_riddles_are_one_hint(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for photo in (shop / "people").iterdir():
        photo.write_bytes(b"nobody")
    assert run(["batch", "manifest.jsonl", "--out", "o", "--workers", "0"]) == 3
    told = [line for line in capsys.readouterr().err.splitlines() if "nobody" in line]
    assert len(told) == 1 and told[0].startswith("tryon: 6 rows failed")
