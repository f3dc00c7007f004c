"""The reader of pairs, on a tiny folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tryon.data.worn_pairs import INDEX, worn_pairs
from tryon.errors import ImageNotFoundError, InputError, MaskSizeError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a_person.jpg", "a_garment.jpg", "skirt.jpg", "wearer.jpg"):
        (tmp_path / name).touch()
    worn = np.zeros((40, 30), np.uint8)
    worn[10:20] = 255
    Image.fromarray(worn).save(tmp_path / "a_worn.png")
    listed(tmp_path, "a\tupper\ta_person.jpg\ta_garment.jpg", "b\tlower\twearer.jpg\tskirt.jpg")
    return tmp_path


def listed(root: Path, *lines: str, header: str = "name\tcategory\tperson\tgarment") -> None:
    (root / INDEX).write_text("\n".join((header, *lines)) + "\n", "utf-8")


def test_pairs_come_in_the_order_of_the_index(root: Path) -> None:
    top, skirt = worn_pairs(root)
    assert (top.name, top.category, skirt.name, skirt.category) == ("a", "upper", "b", "lower")
    assert (skirt.person, skirt.garment) == (root / "wearer.jpg", root / "skirt.jpg")
    covered = top.covered((30, 40))
    assert covered is not None and covered.sum() == 300 and covered[10:20].all()
    assert skirt.covered((30, 40)) is None
    with pytest.raises(MaskSizeError, match="a_worn"):
        top.covered((40, 30))


def test_further_columns_and_quotes_are_no_matter(root: Path) -> None:
    header = "note\tname\tcategory\tperson\tgarment"
    listed(root, 'an "odd" one\ta\tdress\ta_person.jpg\ta_garment.jpg', header=header)
    assert [pair.category for pair in worn_pairs(root)] == ["dress"]


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("a\tupper\ta_person.jpg", InputError, "line 2 lacks"),
        ("a\tshoes\ta_person.jpg\ta_garment.jpg", InputError, "shoes"),
        ("a\tupper\ta_person.jpg\tlost.jpg", ImageNotFoundError, "lost.jpg"),
    ],
)
def test_a_broken_line_is_told(root: Path, line: str, error: type[InputError], said: str) -> None:
    listed(root, line)
    with pytest.raises(error, match=said):
        worn_pairs(root)


def test_a_folder_without_an_index_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError, match=INDEX):
        worn_pairs(tmp_path)
