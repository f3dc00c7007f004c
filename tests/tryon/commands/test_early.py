"""What is cheap to know is said before torch is loaded, which takes many seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import tryon
from tryon.cli import run
from tryon.errors import OutputError
from tryon.kept_inputs import check_folder, check_inputs_kept

PROGRAM = """
import json, sys
from tryon.cli import run
for arguments in json.loads(sys.argv[1]):
    print("> " + " ".join(arguments), file=sys.stderr)
    code = run(arguments)
    assert code == 1, code
    assert "torch" not in sys.modules, arguments
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures, a LoRA that is none, and manifests."""
    for name in ("person.png", "shirt.png", "mask.png"):
        Image.new("RGB", (64, 64), "red").save(tmp_path / name)
    (tmp_path / "note.jpg").write_text("no picture")
    (tmp_path / "lora.safetensors").write_bytes(b"no tensors")
    (tmp_path / "m.csv").write_text("person,garment\nperson.png,shirt.png\n")
    (tmp_path / "same.csv").write_text(
        "id,person,garment\n1,person.png,shirt.png\n2,person.png,shirt.png\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRYON_CATALOG", raising=False)
    return tmp_path


CHEAP = {
    "dress nowhere.jpg shirt.png": "nowhere.jpg: the file cannot be opened",
    "dress note.jpg shirt.png": "note.jpg: this is not JPEG",
    "dress https://shop/p.jpg shirt.png": "https://shop/p.jpg: this is a URL",
    "dress person.png sku:linen": "garments: no garment is called 'linen'",
    "dress person.png shirt.png --with nowhere.png": "nowhere.png",
    "dress person.png shirt.png --mask nowhere.png": "nowhere.png",
    "dress person.png shirt.png -o person.png": "write over the input person.png",
    "dress person.png shirt.png -o person.png/out.jpg": "is not a folder",
    "dress person.png shirt.png -o out.gif": "out.gif: the extension",
    "dress person.png shirt.png --debug .": "might be written over",
    "dress person.png shirt.png --lora lora.safetensors": "not a safetensors file",
    "dress person.png shirt.png --lora sku:linen": "no garment is called 'linen'",
    "dress person.png shirt.png --model midi": "no family is called 'midi'",
    "dress person.png shirt.png --model sd15": "tryon weights fetch sd15",
    "dress person.png shirt.png --strength 0.5": "needs 2 steps at least",
    "dress person.png shirt.png --device quantum": "device is 'quantum'",
    "dress person.png shirt.png --steps 0": "steps is 0",
    "batch nowhere.csv --out o": "nowhere.csv",
    "batch m.csv --out o --model midi": "no family is called 'midi'",
    "batch m.csv --out o --set strength=0.5": "needs 2 steps at least",
    "batch m.csv --out o --name shirt": "no template",
    "batch same.csv --out o --name {garment}": "line 3: the name 'shirt' stands on line 2 already",
    "batch m.csv --out person.png": "is not a folder",
    "garment add x nowhere.jpg": "nowhere.jpg",
    "garment add no/name shirt.png": "not a name for a garment",
    "garment train linen": "no garment is called 'linen'",
    "garment preview linen": "no garment is called 'linen'",
    "lora inspect nowhere.safetensors": "nowhere.safetensors",
    "lora convert lora.safetensors lora.safetensors": "write over the input",
    "evaluate --layout folder": "--people and --garments",
    "evaluate --layout folder --people nowhere --garments .": "--people is no folder",
    "evaluate --model midi": "no family is called 'midi'",
}


def test_cheap_errors_load_no_torch(here: Path) -> None:
    commands = json.dumps([command.split() for command in CHEAP])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, commands],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(tryon.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    told = dict(part.split("\n", 1) for part in done.stderr.split("> ")[1:])
    assert list(told) == list(CHEAP)
    for command, words in CHEAP.items():
        assert words in told[command], (command, told[command])
        assert told[command].count("\n") == 1 and ".." not in told[command], told[command]
    assert sorted(p.name for p in here.iterdir() if p.suffix in (".jpg", ".png")) == [
        *("mask.png", "note.jpg", "person.png", "shirt.png")
    ]


def test_the_unnamed_output_is_not_replaced(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out.jpg").write_bytes(b"of yesterday")
    assert run(["dress", "person.png", "shirt.png"]) == 1
    assert "out.jpg: is there already" in capsys.readouterr().err
    for allowed in (["--force"], ["-o", "out.jpg"]):
        assert run(["dress", "person.png", "shirt.png", *allowed, "--model", "midi"]) == 1
        assert "no family" in capsys.readouterr().err
    assert (here / "out.jpg").read_bytes() == b"of yesterday"


def test_links_to_inputs_are_inputs(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"photo")
    (tmp_path / "soft.png").symlink_to(photo)
    (tmp_path / "hard.png").hardlink_to(photo)
    (tmp_path / "folder").symlink_to(tmp_path)
    for name in ("photo.png", "soft.png", "hard.png", "folder/photo.png", "x/../photo.png"):
        with pytest.raises(OutputError, match="write over"):
            check_inputs_kept([tmp_path / name], [photo])
    check_inputs_kept([tmp_path / "other.png"], [photo, None])
    with pytest.raises(OutputError, match="not a folder"):
        check_folder(photo / "below")
