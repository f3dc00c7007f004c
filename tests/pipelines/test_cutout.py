"""Cut-outs: plain and cluttered backgrounds, transparency, and photos that cannot be used."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tryon.errors import GarmentError, NoGarmentError
from tryon.pipelines.cutout import garment_cutout
from tryon.types import Pose

SHIRT = np.array(
    [(70, 40), (105, 50), (140, 40), (200, 70), (180, 110), (150, 95), (150, 240), (60, 240)]
    + [(60, 95), (30, 110), (10, 70)]
)


def shirt(height: int = 280, width: int = 210, scale: float = 1.0) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(SHIRT * scale).astype(np.int32)], 1)
    return mask > 0


def overlap(alpha: np.ndarray, truth: np.ndarray) -> float:
    found = alpha > 127
    return float((found & truth).sum() / (found | truth).sum())


def photo(mask: np.ndarray, garment: object, background: object, noise: float = 1.0) -> Image.Image:
    rng = np.random.default_rng(0)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)[..., None]
    picture = np.asarray(garment) * soft + np.asarray(background) * (1 - soft)
    picture = picture + rng.normal(size=(*mask.shape, 3)) * noise
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def test_a_coloured_shirt_on_grey() -> None:
    mask = shirt()
    cut = garment_cutout(photo(mask, (30, 60, 160), (245, 245, 245)))
    assert cut.plain
    assert overlap(cut.alpha, mask) > 0.98
    rows, columns = np.nonzero(mask)
    assert cut.box.as_tuple() == pytest.approx(
        (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), abs=2
    )


def test_a_white_shirt_on_white_is_held_by_its_outline() -> None:
    mask = shirt()
    outline = mask ^ cv2.erode(mask.astype(np.uint8), np.ones((3, 3))).astype(bool)
    shading = np.full((*mask.shape, 3), 254.0)
    shading[outline] = 226
    cut = garment_cutout(photo(mask, shading, (254, 254, 254), noise=0.4))
    assert overlap(cut.alpha, mask) > 0.95


def test_a_background_with_a_gradient_counts_as_plain() -> None:
    mask = shirt()
    background = np.linspace(200, 245, mask.shape[0])[:, None, None] * np.ones((1, 210, 3))
    cut = garment_cutout(photo(mask, (150, 40, 40), background))
    assert cut.plain
    assert overlap(cut.alpha, mask) > 0.98


def test_a_background_that_no_smooth_surface_describes_is_still_background() -> None:
    mask = shirt()
    y, x = np.mgrid[0:280, 0:210]
    glow = 30 * np.exp(-((x - 70) ** 2 + (y - 60) ** 2) / 60**2)  # of a lamp above one shoulder
    background = np.array((40, 200, 170)) + glow[..., None]
    cut = garment_cutout(photo(mask, (80, 75, 90), background))
    assert cut.plain
    assert overlap(cut.alpha, mask) > 0.97


def test_a_pale_part_of_a_dark_garment_is_kept() -> None:
    mask = shirt()
    cloth = np.full((280, 210, 3), 40.0)
    cloth[150:200] = 236  # a band as pale as the background
    cut = garment_cutout(photo(mask, cloth, (245, 245, 245)))
    assert overlap(cut.alpha, mask) > 0.97


def test_a_cluttered_background() -> None:
    mask = shirt()
    rng = np.random.default_rng(3)
    planks = rng.uniform(90, 190, (1, 14, 1)) * np.array([1.0, 0.75, 0.5])
    background = np.repeat(np.repeat(planks, 15, axis=1), 280, axis=0)
    cut = garment_cutout(photo(mask, (40, 90, 170), background, noise=6))
    assert not cut.plain
    assert overlap(cut.alpha, mask) > 0.93


def test_transparency_is_taken_at_its_word() -> None:
    mask = shirt()
    picture = np.zeros((*mask.shape, 4), np.uint8)
    picture[..., 3] = mask * 200  # colour says nothing here
    cut = garment_cutout(Image.fromarray(picture))
    assert np.array_equal(cut.alpha, mask * np.uint8(200))


def test_a_hanger_hook_is_left_out() -> None:
    mask = shirt()
    hung = mask.copy()
    hung[8:50, 103:107] = True
    cut = garment_cutout(photo(hung, (30, 60, 160), (245, 245, 245)))
    assert cut.box.top > 30


def test_a_thumbnail_works() -> None:
    mask = shirt(100, 76, scale=0.36)
    assert overlap(garment_cutout(photo(mask, (20, 90, 60), (250, 250, 250))).alpha, mask) > 0.93


def test_nothing_is_no_garment() -> None:
    with pytest.raises(NoGarmentError):
        garment_cutout(photo(np.zeros((280, 210), bool), 0, (240, 240, 240)))
    with pytest.raises(NoGarmentError):
        garment_cutout(Image.new("RGBA", (60, 80), (200, 10, 10, 0)))


def test_two_garments_are_one_too_many() -> None:
    mask = np.concatenate([shirt(), shirt()], axis=1)
    with pytest.raises(GarmentError, match="more than one garment"):
        garment_cutout(photo(mask, (30, 60, 160), (245, 245, 245)))


def test_a_person_in_a_flat_lay_is_an_error() -> None:
    pose = Pose(np.zeros((18, 3), np.float32), np.zeros((2, 3, 3), np.float32), 0.9)
    with pytest.raises(GarmentError, match="person"):
        garment_cutout(photo(shirt(), (30, 60, 160), (245, 245, 245)), people=[pose])


def test_real_flat_lays_are_separated_whole(shared_photos: Path) -> None:
    for name in ("04743_00.jpg", "09166_00.jpg", "10165_00.jpg"):  # white on white, black
        with Image.open(shared_photos / "garments" / name) as image:
            cut = garment_cutout(image)
        assert cut.plain
        filled = (cut.alpha > 127).mean() / (cut.box.width * cut.box.height / cut.alpha.size)
        assert 0.4 < filled < 0.9, name
        assert cut.box.height > 0.5 * cut.alpha.shape[0], name
