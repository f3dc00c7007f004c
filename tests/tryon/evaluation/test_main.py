from __future__ import annotations

import json
from pathlib import Path

import pytest

from tryon.errors import OptionError
from tryon.evaluation import __main__ as command
from tryon.evaluation.__main__ import configuration, main, parser
from tryon.evaluation.methods import ABLATIONS, METHODS, PREVIEWS
from tryon.evaluation.photographs import PhotographEvaluation
from tryon.evaluation.report import Report
from tryon.evaluation.synthetic import SyntheticEvaluation


def asked(*arguments: str) -> object:
    return configuration(parser().parse_args(arguments))


def test_the_defaults_compare_previews_on_synthetic_people() -> None:
    assert asked() == SyntheticEvaluation()
    assert asked("--methods", "previews") == SyntheticEvaluation(methods=PREVIEWS)


def test_every_option_arrives() -> None:
    config = asked(
        *("--count", "3", "--category", "dress", "--methods", "ablations", "pasted", "--seed", "4"),
        *("--height", "256", "--estimated", "--true-area", "--no-maps", "--pose", "--model", "m"),
    )
    assert config == SyntheticEvaluation(
        count=3,
        categories=("dress",),
        methods=(*ABLATIONS, "pasted"),
        size=(256, 192),
        people="estimated",
        area="true",
        maps=False,
        pose=True,
        model="m",
        seed=4,
    )


def test_photographs_need_their_folders() -> None:
    config = asked("--layout", "folder", "--people", "p", "--garments", "g", "--only", "a", "b")
    assert config == PhotographEvaluation(Path("p"), Path("g"), only=("a", "b"))
    with pytest.raises(OptionError, match="--people"):
        asked("--layout", "folder", "--people", "p")


def test_sets_of_methods_are_methods() -> None:
    assert set(PREVIEWS) | set(ABLATIONS) <= set(METHODS)


def test_the_report_is_written_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "evaluate", lambda config: Report("synthetic", {"count": 1}, ()))
    assert main(["--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["config"] == {"count": 1}
    assert "# Evaluation: synthetic" in capsys.readouterr().out


def test_bad_usage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--methods", "wrap"]) == 1
    said = capsys.readouterr().err
    assert "'wrap'" in said
    assert said.count("\n") == 1
