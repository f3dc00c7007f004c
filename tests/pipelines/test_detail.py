"""Fine detail comes back where the model kept what it was shown, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tryon.pipelines.composite import composite
from tryon.pipelines.crop import Crop, cropped_photo
from tryon.pipelines.detail import agreement, fine_detail
from tryon.types import Box

CROP = Crop(Box(20, 10, 212, 266), (240, 300), (48, 64))


@pytest.fixture
def lettering() -> Image.Image:
    """One-pixel lines: at a quarter of the size they are a flat grey."""
    pixels = np.full((300, 240, 3), 90, np.uint8)
    pixels[:, ::2] = 170
    return Image.fromarray(pixels)


def grey(level: int) -> Image.Image:
    return Image.new("RGB", (240, 300), (level,) * 3)


def mask() -> Image.Image:
    area = Image.new("L", (240, 300))
    area.paste(255, (60, 60, 180, 220))
    return area


def deviation(image: Image.Image) -> float:
    return float(np.asarray(image, dtype=float)[100:180, 90:150].std())


def test_a_faithful_picture_gets_the_whole_detail(lettering: Image.Image) -> None:
    painted = cropped_photo(lettering, CROP)
    assert deviation(composite(grey(0), painted, mask(), CROP, colour_match=False)[0]) < 8
    sharp, _ = composite(
        grey(0), painted, mask(), CROP, colour_match=False, reference=lettering, feather=0
    )
    inside = np.s_[70:210, 70:170]
    assert np.abs(np.asarray(sharp, int) - np.asarray(lettering, int))[inside].max() <= 2


def test_another_picture_gets_none(lettering: Image.Image) -> None:
    painted = Image.new("RGB", CROP.size, (200, 30, 30))
    added = fine_detail(painted, lettering, CROP, Box(60, 60, 180, 220))
    assert np.abs(added).max() < 0.5


def test_what_is_not_trusted_is_not_given(lettering: Image.Image) -> None:
    painted = cropped_photo(lettering, CROP)
    trust = np.zeros((300, 240), np.float32)
    trust[:, :120] = 1
    added = fine_detail(painted, lettering, CROP, Box(60, 60, 180, 220), trust)
    assert np.abs(added[:, :60]).mean() > 30
    assert not added[:, 60:].any()


def test_less_can_be_asked_for(lettering: Image.Image) -> None:
    painted = cropped_photo(lettering, CROP)
    spread = [
        deviation(
            composite(
                grey(0),
                painted,
                mask(),
                CROP,
                colour_match=False,
                reference=lettering,
                detail=amount,
            )[0]
        )
        for amount in (0.0, 0.5, 1.0)
    ]
    assert spread[0] < 8 < spread[1] < spread[2]


def test_agreement_is_of_neighbourhoods() -> None:
    one, other = np.full((64, 48, 3), 120, np.uint8), np.full((64, 48, 3), 120, np.uint8)
    other[:, 24:] = 180
    share = agreement(Image.fromarray(one), Image.fromarray(other))
    assert share.shape == (64, 48)
    assert share[:, :18].min() > 0.99
    assert share[:, 30:].max() < 0.01


def test_outside_the_mask_the_photo_stays(lettering: Image.Image) -> None:
    photo = grey(33)
    painted = cropped_photo(lettering, CROP)
    result, alpha = composite(photo, painted, mask(), CROP, reference=lettering)
    outside = np.asarray(alpha) == 0
    assert (np.asarray(result)[outside] == 33).all()
