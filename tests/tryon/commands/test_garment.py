"""`tryon garment` from the photo to the picture, on a tiny family."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tryon.catalog import Catalog
from tryon.cli import run
from tryon.commands.garment import _named_values
from tryon.errors import OptionError
from tryon.images import load_image

TINY = ["views=2", "variants=1", "batch_size=1", "learning_rate=0.05"]


def test_from_photo_to_picture(
    tiny_family: Path,
    astronaut: Path,
    shirt: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = ["--catalog", str(tmp_path / "garments")]
    photo = tmp_path / "shirt.png"
    load_image(shirt).resize((480, 640)).save(photo)
    sheet = tmp_path / "sheet.png"
    added = ["garment", "add", "red-1", str(photo), "--caption", "a red shirt"]
    assert run([*added, "--garment-photo", "flat-lay", "--sheet", str(sheet), *home]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"red-1\tupper\t{tmp_path / 'garments'}/red-1\n"
    assert "there is one photo only" in shown.err
    assert load_image(sheet).size[1] > 200
    assert run([*added, *home]) == 1
    assert "there is a garment 'red-1' already" in capsys.readouterr().err

    train = [
        "garment",
        "train",
        "red-1",
        "--model",
        str(tiny_family),
        "--work",
        str(tmp_path / "w"),
    ]
    options = [f"--set={option}" for option in TINY]
    assert run([*train, "--rank", "2", "--steps", "2", *options, *home]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()
    entry = Catalog(tmp_path / "garments").get("red-1")
    assert [lora.base for lora in entry.loras] == [tiny_family.name]

    assert run(["garment", "list", *home]) == 0
    assert "red-1" in capsys.readouterr().out
    assert run(["garment", "show", "red-1", "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out)["caption"] == "a red shirt"

    out = tmp_path / "out.png"
    dress = ["dress", str(astronaut), "sku:red-1", "--model", str(tiny_family), "--json", *home]
    assert run([*dress, "-o", str(out)]) == 0
    (worn,) = json.loads(capsys.readouterr().out)["lora"]
    assert worn.endswith(".safetensors")
    assert run([*dress, "-o", str(tmp_path / "off.png"), "--lora", "sku:red-1:0"]) == 0
    pictures = [np.asarray(load_image(tmp_path / name)) for name in ("out.png", "off.png")]
    assert (pictures[0] != pictures[1]).any()

    assert run(["garment", "remove", "red-1", *home]) == 0
    assert run(["garment", "show", "red-1", *home]) == 1
    assert "no garment is called 'red-1'" in capsys.readouterr().err


def test_bad_photos_stop_it_unless_forced(
    tmp_path: Path, shirt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "small.png"
    load_image(shirt).resize((90, 120)).save(small)
    home = ["--catalog", str(tmp_path / "garments"), "--garment-photo", "flat-lay"]
    assert run(["garment", "add", "red-1", str(small), "--category", "upper", *home]) == 1
    told = capsys.readouterr().err
    assert "error: photo 1: it has 90 x 120 pixels only" in told
    assert "--force" in told
    assert not (tmp_path / "garments").exists()
    force = ["garment", "add", "red-1", str(small), "--category", "upper", "--force", *home]
    assert run(force) == 0


def test_preview_is_a_sheet(
    tiny_family: Path, shirt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Catalog(tmp_path).add("red-1", [shirt], category="upper", kinds=["flat-lay"])
    out = tmp_path / "preview.png"
    preview = ["garment", "preview", "red-1", "--catalog", str(tmp_path), "--people", "1"]
    assert run([*preview, "--model", str(tiny_family), "-o", str(out)]) == 0
    assert load_image(out).size == (4 * 288, 384)


def test_options_are_json_or_text() -> None:
    assert _named_values(["rank=8", "targets=kv", "width=null", "x=a=b"]) == {
        "rank": 8,
        "targets": "kv",
        "width": None,
        "x": "a=b",
    }
    with pytest.raises(OptionError, match="not NAME=VALUE"):
        _named_values(["rank"])
