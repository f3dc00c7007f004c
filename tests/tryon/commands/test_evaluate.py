"""`tryon evaluate`: every option arrives, and the report is shown and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tryon.cli import run
from tryon.evaluation import protocol
from tryon.evaluation.datasets import DatasetEvaluation
from tryon.evaluation.methods import ABLATIONS, METHODS, PREVIEWS
from tryon.evaluation.pairs import PairsEvaluation
from tryon.evaluation.photographs import PhotographEvaluation
from tryon.evaluation.report import Report
from tryon.evaluation.synthetic import SyntheticEvaluation


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """The configurations that the command asks for; nothing is measured."""
    seen: list[Any] = []
    monkeypatch.chdir(tmp_path)
    for folder in ("p", "g", "r"):
        Path(folder).mkdir()

    def evaluate(config: Any, *, on_case: Any) -> Report:
        on_case("a case", 0, 1)
        seen.append(config)
        return Report("synthetic", {"count": 1}, ())

    monkeypatch.setattr(protocol, "evaluate", evaluate)
    return seen


def test_the_defaults_compare_previews_on_synthetic_people(asked: list[Any]) -> None:
    assert run(["evaluate"]) == 0
    assert run(["evaluate", "--methods", "previews"]) == 0
    assert asked == [SyntheticEvaluation(), SyntheticEvaluation(methods=PREVIEWS)]


def test_every_option_of_the_synthetic_layout_arrives(asked: list[Any]) -> None:
    options = ["--count", "3", "--category", "dress", "--methods", "ablations", "--methods"]
    options += [
        "pasted",
        "--seed",
        "4",
        "--height",
        "256",
        "--estimated",
        "--area",
        "true",
        "--words",
        "cut",
    ]
    options += ["--no-maps", "--pose", "--model", "none", "--device", "cpu", "--fabrics", "cloth"]
    assert run(["evaluate", *options]) == 0
    assert asked == [
        SyntheticEvaluation(
            count=3,
            categories=("dress",),
            methods=(*ABLATIONS, "pasted"),
            size=(256, 192),
            people="estimated",
            area="true",
            words="cut",
            maps=False,
            pose=True,
            model="none",
            device="cpu",
            seed=4,
            fabrics=Path("cloth"),
        )
    ]


def test_photographs_need_their_folders(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--people", "p", "--garments", "g", "--only", "a", "--only", "b"]
    assert run(["evaluate", "--layout", "folder", *folders]) == 0
    assert asked == [PhotographEvaluation(Path("p"), Path("g"), only=("a", "b"))]
    assert run(["evaluate", "--layout", "folder", "--people", "p"]) == 1
    assert "--garments" in capsys.readouterr().err


def test_data_sets_need_their_root(asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--root", "r", "--split", "train", "--unpaired", "--count", "0", "--methods", "warp"]
    assert run(["evaluate", "--layout", "vitonhd", *options]) == 0
    assert run(["evaluate", "--layout", "dresscode", "--root", "r", "--category", "lower"]) == 0
    assert asked == [
        DatasetEvaluation(
            Path("r"), "vitonhd", split="train", pairing="unpaired", count=0, methods=("warp",)
        ),
        DatasetEvaluation(Path("r"), "dresscode", categories=("lower",)),
    ]
    assert run(["evaluate", "--layout", "vitonhd"]) == 1
    assert "--root" in capsys.readouterr().err


def test_pairs_are_measured_whole_unless_asked(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "--layout", "pairs", "p"]) == 0
    options = ["--atlas", "worn", "--methods", "full", "--only", "a", "--count", "2", "--seed", "3"]
    assert (
        run(["evaluate", "--layout", "pairs", "--root", "p", "--category", "dress", *options]) == 0
    )
    assert asked == [
        PairsEvaluation(Path("p")),
        PairsEvaluation(
            Path("p"), "worn", ("full",), categories=("dress",), only=("a",), count=2, seed=3
        ),
    ]
    assert run(["evaluate", "--layout", "pairs"]) == 1
    assert "--root" in capsys.readouterr().err
    assert run(["evaluate", "p", "--layout", "pairs", "--root", "q"]) == 1
    assert "twice" in capsys.readouterr().err


def test_sets_of_methods_are_methods() -> None:
    assert set(PREVIEWS) | set(ABLATIONS) <= set(METHODS)


def test_the_report_is_written_and_shown(
    asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["config"] == {"count": 1}
    shown = capsys.readouterr().out
    assert shown.startswith("# Evaluation: synthetic") and shown.endswith("count 1\n")
    assert run(["evaluate", "--json"]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["layout"] == "synthetic" and shown.count("\n") == 1


@pytest.mark.parametrize("option", [["--methods", "wrap"], ["--layout", "imagenet"]])
def test_bad_usage_is_one_line(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", *option]) == 1
    said = capsys.readouterr().err
    assert option[1] in said and said.count("\n") == 1
