"""The parser on a real photo (NASA, public domain): what is where, at any shape of the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tryon.errors import WeightsMissingError
from tryon.pipelines.person.parser import CLASSES, PersonParser

# In the portrait of 512 x 512: (left, top, right, bottom) of regions that are all of one class.
REGIONS = {
    "background": (10, 60, 60, 160),
    "hair": (175, 30, 240, 50),
    "face": (195, 100, 245, 160),
    "clothes": (150, 330, 220, 400),
}


def share(probability: np.ndarray, name: str, box: tuple[int, int, int, int]) -> float:
    left, top, right, bottom = box
    likeliest = probability[top:bottom, left:right].argmax(axis=-1)
    return float((likeliest == CLASSES.index(name)).mean())


@pytest.mark.parametrize("name", REGIONS)
def test_knows_hair_face_and_clothes(
    parser: PersonParser, portrait: Image.Image, name: str
) -> None:
    probability = parser.probability(np.asarray(portrait))
    assert probability.shape == (512, 512, len(CLASSES))
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability.sum(axis=-1), 1, atol=1e-4)
    assert share(probability, name, REGIONS[name]) > 0.9


@pytest.mark.parametrize("box", [(100, 0, 340, 512), (0, 0, 512, 230)], ids=["tall", "wide"])
def test_places_are_kept_in_pictures_of_any_shape(
    parser: PersonParser, portrait: Image.Image, box: tuple[int, int, int, int]
) -> None:
    whole = parser.probability(np.asarray(portrait)).argmax(axis=-1)
    part = parser.probability(np.asarray(portrait.crop(box))).argmax(axis=-1)
    left, top, right, bottom = box
    assert part.shape == (bottom - top, right - left)
    assert (part == whole[top:bottom, left:right]).mean() > 0.9


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError):
        PersonParser(tmp_path / "nothing.tflite")
