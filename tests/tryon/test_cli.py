from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tryon.cli import run


@pytest.fixture
def dress(tiny_family: Path, astronaut: Path, shirt: Path, tmp_path: Path) -> list[str]:
    return [
        *("dress", str(astronaut), str(shirt), "--category", "upper"),
        *("--model", str(tiny_family), "--output", str(tmp_path / "out.png")),
    ]


def test_dress_writes_the_picture_and_says_where(
    dress: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(dress) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out.png'}\n"
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (512, 512)
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_json_is_one_object_and_nothing_else(
    dress: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    debug = tmp_path / "debug"
    assert run([*dress, "--json", "--seed", "3", "--debug", str(debug)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["image"] == str(tmp_path / "out.png")
    assert report["mask"] == str(debug / "mask.png")
    assert report["seed"] == 3 and report["category"] == "upper"
    assert report["seconds"]["total"] > 0
    mask, picture = (np.asarray(Image.open(report[name])) for name in ("mask", "image"))
    photo = np.asarray(Image.open(dress[1]))
    assert (picture[mask == 0] == photo[mask == 0]).all()


def test_the_picture_carries_its_parameters(dress: list[str], tmp_path: Path) -> None:
    from tryon.provenance import read_provenance

    assert run([*dress, "--seed", "5", "--digital-source-type", "trained"]) == 0
    noted = read_provenance(tmp_path / "out.png")
    assert noted.digital_source_type == "trainedAlgorithmicMedia"
    assert noted.parameters is not None
    assert noted.parameters["seed"] == 5
    assert run([*dress, "--no-provenance"]) == 0
    assert read_provenance(tmp_path / "out.png").parameters is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--category", "hat"], "hat"),
        (["--steps", "0"], "steps"),
        (["--steps", "many"], "--steps"),
        (["--output", "out.gif"], "out.gif"),
        (["--model", "midi"], "midi"),
        (["--lora", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--mask", "nowhere.png"], "nowhere.png"),
        (["--device", "cuda:9"], "cuda:9"),
        (["--colour", "red"], "--colour"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_1(
    dress: list[str],
    change: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([*dress, *change]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("tryon: ")
    assert captured.err.count("\n") == 1
    assert said in captured.err
    assert not list(tmp_path.iterdir())


def test_traceback_on_request(dress: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--traceback", *dress, "--model", "midi"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interrupt_is_exit_code_130(
    dress: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tryon.engine.TryOn.paint", interrupted)
    assert run(dress) == 130
    assert "interrupted" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == "0.1.0\n"
    assert run(["dress", "--help"]) == 0
    help_text = capsys.readouterr().out
    assert "tryon dress person.jpg shirt.jpg -o out.jpg" in help_text
    assert "--debug" in help_text


def test_weights_list_says_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "list"]) == 0
    listing = capsys.readouterr().out
    for word in ("mini", "sd15", "sdxl", "Apache-2.0", "h94/IP-Adapter"):
        assert word in listing


def test_doctor_looks_at_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    report = capsys.readouterr().out
    for word in ("Python", "torch", "OpenCV", "device", "pose and silhouette", "family mini"):
        assert word in report
    assert "tryon weights fetch sd15" in report


def test_doctor_names_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Square brackets are markup to the table's library."""
    from tryon.doctor import Finding

    missing = Finding("a thing", "absent", "pip install 'tryon[pose]'")
    monkeypatch.setattr("tryon.doctor.findings", lambda: iter([missing]))
    assert run(["doctor"]) == 0
    assert "tryon[pose]" in capsys.readouterr().out


def test_the_console_script_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from tryon.cli import main; main(['dress'])"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "PERSON" in done.stderr
    assert "Traceback" not in done.stderr
