from __future__ import annotations

from pathlib import Path

from PIL import Image

from tryon.data.folder import open_folder
from tryon.data.synthetic.__main__ import main
from tryon.data.synthetic.scene import render_sample
from tryon.data.synthetic.sheet import contact_sheet, label_colours


def test_a_sheet_has_a_row_per_sample() -> None:
    samples = [render_sample(seed, (96, 72), photo_size=(64, 48)) for seed in (0, 1)]
    sheet = contact_sheet(samples)
    assert sheet.size == (9 * 72, 2 * 96)


def test_labels_have_distinct_colours() -> None:
    colours = label_colours(16)
    assert (colours[0] == 0).all() and len({tuple(c) for c in colours.tolist()}) == 16


def test_the_command_writes_sheets_and_folders(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["sheet", str(sheet), "--count", "1", "--height", "64"]) == 0
    with Image.open(sheet) as picture:
        assert picture.size == (9 * 48, 64)
    folder = tmp_path / "samples"
    assert main(["folder", str(folder), "--count", "2", "--seed", "5", "--height", "64"]) == 0
    assert open_folder(folder).names == ("00000005", "00000006")
    assert main(["folder", str(folder), "--count", "1", "--height", "128"]) == 1
