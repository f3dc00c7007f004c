"""The reader of VITON-HD, on a tiny folder of the same layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tryon.data.vitonhd import vitonhd_pairs
from tryon.errors import ImageNotFoundError, InputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for kind in ("image", "cloth"):
        (tmp_path / "test" / kind).mkdir(parents=True)
        for name in ("00891_00.jpg", "01430_00.jpg"):
            (tmp_path / "test" / kind / name).touch()
    listed = "00891_00.jpg 01430_00.jpg\n\n01430_00.jpg  00891_00.jpg\n"
    (tmp_path / "test_pairs.txt").write_text(listed)
    return tmp_path


def test_people_wear_their_own_garment_or_the_listed_one(root: Path) -> None:
    own = list(vitonhd_pairs(root))
    other = list(vitonhd_pairs(root, pairing="unpaired"))
    assert [pair.name for pair in own] == ["00891_00-00891_00", "01430_00-01430_00"]
    assert [pair.name for pair in other] == ["00891_00-01430_00", "01430_00-00891_00"]
    assert own[0].person == root / "test" / "image" / "00891_00.jpg"
    assert other[0].garment == root / "test" / "cloth" / "01430_00.jpg"
    assert {pair.category for pair in own} == {"upper"}


def test_what_is_missing_is_named(root: Path) -> None:
    with pytest.raises(ImageNotFoundError, match=r"train_pairs\.txt"):
        list(vitonhd_pairs(root, "train"))
    (root / "test" / "cloth" / "01430_00.jpg").unlink()
    pairs = vitonhd_pairs(root)
    assert next(pairs).name == "00891_00-00891_00"
    with pytest.raises(ImageNotFoundError, match=r"cloth.01430_00\.jpg"):
        next(pairs)


def test_a_line_needs_two_names(root: Path) -> None:
    (root / "test_pairs.txt").write_text("00891_00.jpg 01430_00.jpg\n00891_00.jpg\n")
    with pytest.raises(InputError, match="line 2"):
        list(vitonhd_pairs(root))
