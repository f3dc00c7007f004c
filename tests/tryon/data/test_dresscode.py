"""The reader of DressCode, on a tiny folder of the same layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tryon.data.dresscode import FOLDERS, dresscode_pairs
from tryon.errors import ImageNotFoundError, OptionError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, folder in enumerate(FOLDERS.values()):
        images = tmp_path / folder / "images"
        images.mkdir(parents=True)
        for k in (0, 1):
            (images / f"01356{number}_{k}.jpg").touch()
            (images / f"02000{number}_{k}.jpg").touch()
        listed = f"01356{number}_0.jpg 01356{number}_1.jpg\n"
        (tmp_path / folder / "test_pairs_paired.txt").write_text(listed)
        (tmp_path / folder / "train_pairs.txt").write_text(listed)
        listed = f"01356{number}_0.jpg\t02000{number}_1.jpg 2\n"
        (tmp_path / folder / "test_pairs_unpaired.txt").write_text(listed)
    return tmp_path


def test_each_category_has_its_own_lists(root: Path) -> None:
    pairs = list(dresscode_pairs(root))
    assert [(pair.category, pair.name) for pair in pairs] == [
        ("upper", "013560_0-013560_1"),
        ("lower", "013561_0-013561_1"),
        ("dress", "013562_0-013562_1"),
    ]
    assert pairs[2].person == root / "dresses" / "images" / "013562_0.jpg"
    assert pairs == list(dresscode_pairs(root, "train"))


def test_unpaired_people_get_another_garment(root: Path) -> None:
    (pair,) = dresscode_pairs(root, pairing="unpaired", categories=("lower",))
    assert pair.garment == root / "lower_body" / "images" / "020001_1.jpg"
    with pytest.raises(OptionError, match="unpaired"):
        list(dresscode_pairs(root, "train", "unpaired"))


def test_what_is_missing_is_named(root: Path, tmp_path: Path) -> None:
    (root / "dresses" / "images" / "013562_1.jpg").unlink()
    with pytest.raises(ImageNotFoundError, match=r"013562_1\.jpg"):
        list(dresscode_pairs(root))
    (root / "upper_body").rename(root / "tops")
    assert [pair.category for pair in dresscode_pairs(root, categories=("upper", "lower"))] == [
        "lower"
    ]
    with pytest.raises(ImageNotFoundError, match="upper_body"):
        list(dresscode_pairs(root, categories=("upper",)))
