"""Fine detail comes back where the model kept what it was shown, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tryon.pipelines.composite import composite
from tryon.pipelines.crop import Crop, cropped_photo
from tryon.pipelines.detail import with_detail
from tryon.types import Box

CROP = Crop(Box(20, 10, 212, 266), (240, 300), (48, 64))
REGION = Box(60, 60, 180, 220)


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
    result = with_detail(painted, lettering, CROP, REGION)
    assert np.abs(result.astype(int) - (200, 30, 30)).max() <= 1


def test_what_is_not_trusted_is_not_given(lettering: Image.Image) -> None:
    painted = cropped_photo(lettering, CROP)
    trust = np.zeros((300, 240), np.float32)
    trust[:, :120] = 1
    result = with_detail(painted, lettering, CROP, REGION, trust=trust)
    assert result[:, :50].std() > 35
    assert result[:, 60:].std() < 5


def test_what_is_not_trusted_leaves_no_rim_on_what_lies_beside_it() -> None:
    """An old dark sleeve before a light wall, which the model has painted over with the wall."""
    pixels = np.full((300, 240, 3), 220, np.uint8)
    pixels[:, 130:] = 30
    trust = np.ones((300, 240), np.float32)
    trust[:, 130:] = 0
    painted = Image.new("RGB", CROP.size, (220, 220, 220))
    result = with_detail(painted, Image.fromarray(pixels), CROP, REGION, trust=trust, cutoff=6)
    far_from_the_regions_edge = result[40:120, :90].astype(int)
    assert np.abs(far_from_the_regions_edge - 220).max() <= 8


def test_a_soft_picture_keeps_its_light_and_gets_the_print() -> None:
    """Blocks of 16 photo pixels are 4 working pixels: a blur of 3 loses them."""
    pixels = np.full((300, 240, 3), 90, np.uint8)
    pixels[(np.arange(300)[:, None] // 16 + np.arange(240) // 16) % 2 == 0] = 150
    shown = cropped_photo(Image.fromarray(pixels), CROP)
    soft = shown.filter(ImageFilter.GaussianBlur(3)).point(lambda level: level + 10)
    plain = with_detail(soft, Image.fromarray(pixels), CROP, REGION, cutoff=1.0)
    sharp = with_detail(soft, Image.fromarray(pixels), CROP, REGION, cutoff=6.0)
    assert sharp.std() > 20 > plain.std()
    assert 4 < sharp.mean() - pixels[60:220, 60:180].mean() < 12


def test_the_garments_light_does_not_reach_the_background_beside_it() -> None:
    """The model paints dark cloth 40 levels lighter, and the wall beside it as it is."""
    pixels = np.full((300, 240, 3), 150, np.uint8)
    cloth = np.zeros((300, 240), bool)
    cloth[:, :120] = True
    pixels[cloth] = 40
    shown = cropped_photo(Image.fromarray(pixels), CROP)
    made = np.asarray(shown).copy()
    made[made == 40] = 80
    painted = Image.fromarray(made)
    wall = []
    for side in (cloth, None):
        result = with_detail(painted, Image.fromarray(pixels), CROP, REGION, cloth=side, cutoff=6)
        wall.append(int(result[80, 64 - REGION.left + 64, 0]) - 150)
    assert wall[0] <= 2 < 6 < wall[1]


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


def test_outside_the_mask_the_photo_stays(lettering: Image.Image) -> None:
    photo = grey(33)
    painted = cropped_photo(lettering, CROP)
    result, alpha = composite(photo, painted, mask(), CROP, reference=lettering)
    outside = np.asarray(alpha) == 0
    assert (np.asarray(result)[outside] == 33).all()


def test_what_is_believed_by_half_is_not_mixed_with_what_was_painted(
    lettering: Image.Image,
) -> None:
    """Doubt counts once: half the trust gives about half of the detail, not a quarter of it."""
    painted = cropped_photo(lettering, CROP)
    height, width = np.asarray(lettering).shape[:2]
    spread = []
    for trust in (0.0, 0.5, 1.0):
        result = with_detail(
            painted, lettering, CROP, REGION, trust=np.full((height, width), trust, np.float32)
        )
        spread.append(
            np.abs(
                np.asarray(result, float) - np.asarray(lettering.crop(REGION.as_tuple()), float)
            ).mean()
        )
    assert spread[2] < 0.5
    assert spread[1] == pytest.approx(0.5 * spread[0], rel=0.15)
