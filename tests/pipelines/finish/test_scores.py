"""What is left of a print, on pictures whose print is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tryon.pipelines.finish.scores import print_kept, seam

RNG = np.random.default_rng(0)
REGION = np.zeros((300, 240), bool)
REGION[40:260, 30:210] = True


def printed() -> np.ndarray:
    """White cloth with coloured blots of about eight pixels."""
    blots = cv2.resize(RNG.integers(0, 2, (38, 30)).astype(np.uint8), (240, 300), interpolation=0)
    return np.where(blots[..., None] > 0, (200, 40, 60), (235, 235, 230)).astype(np.uint8)


def plain() -> np.ndarray:
    noise = RNG.normal(size=(300, 240, 1)) * 1.5
    return np.clip(noise + (90, 110, 160), 0, 255).astype(np.uint8)


def test_the_print_itself_is_kept_whole_whatever_the_light() -> None:
    cloth = printed()
    light = np.linspace(0.5, 1.1, 240)[None, :, None]
    assert print_kept(cloth, cloth, REGION) == pytest.approx(1.0)
    darker = np.clip(cloth * light, 0, 255).astype(np.uint8)
    assert print_kept(darker, cloth, REGION) > 0.9


def test_blur_loses_some_and_another_print_all() -> None:
    cloth = printed()
    blurred = cv2.GaussianBlur(cloth, (0, 0), 5)
    mixed = cv2.addWeighted(cloth, 0.5, printed(), 0.5, 0)
    assert 0.3 < print_kept(mixed, cloth, REGION) < 0.9
    assert print_kept(blurred, cloth, REGION) < 0.5
    assert print_kept(printed(), cloth, REGION) < 0.1
    assert print_kept(np.roll(cloth, 12, axis=1), cloth, REGION) < 0.3
    assert print_kept(plain(), cloth, REGION) < 0.1


def test_only_the_region_counts() -> None:
    cloth = printed()
    half = cloth.copy()
    half[~REGION] = 0
    assert print_kept(half, cloth, REGION) == pytest.approx(1.0, abs=0.02)


def test_plain_cloth_has_no_print() -> None:
    cloth = plain()
    assert print_kept(cloth, cloth, REGION) is None
    assert print_kept(cloth, printed(), np.zeros((300, 240), bool)) is None
    small = np.zeros((300, 240), bool)
    small[100:110, 100:110] = True
    assert print_kept(printed(), printed(), small) is None


def test_large_pictures_are_compared_at_a_bounded_size() -> None:
    cloth = cv2.resize(printed(), (1920, 2400), interpolation=cv2.INTER_CUBIC)
    region = np.repeat(np.repeat(REGION, 8, axis=0), 8, axis=1)
    assert print_kept(cloth, cloth, region) == pytest.approx(1.0)


def test_a_seam_is_an_edge_along_the_mask_that_the_photo_does_not_have() -> None:
    x = np.arange(200, dtype=np.uint8)
    photo = np.repeat(np.repeat(x[None, :, None], 160, axis=0), 3, axis=2)
    area = np.zeros((160, 200), bool)
    area[40:120, 50:150] = True
    other = photo.copy()
    other[60:100, 70:130] = 255 - other[60:100, 70:130]  # inside, away from the outline
    shifted = photo.copy()
    shifted[area] += 20
    assert seam(photo, photo, area) == 0
    assert seam(other, photo, area) == 0
    assert seam(shifted, photo, area) > 3
    assert seam(shifted, photo, np.zeros_like(area)) == 0
