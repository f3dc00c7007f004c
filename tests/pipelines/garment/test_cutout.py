"""Cut-outs: plain and cluttered backgrounds, transparency, and photos that cannot be used."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tryon.errors import GarmentError, NoGarmentError
from tryon.perception import CUTOUT
from tryon.pipelines.bodymap_net import DenseNet, load_dense_net
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.types import Pose

SHIRT = np.array(
    [(70, 40), (105, 50), (140, 40), (200, 70), (180, 110), (150, 95), (150, 240), (60, 240)]
    + [(60, 95), (30, 110), (10, 70)]
)


@pytest.fixture(scope="module")
def net() -> DenseNet:
    return load_dense_net(CUTOUT)


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


def test_a_coloured_shirt_on_grey(net: DenseNet) -> None:
    mask = shirt()
    cut = garment_cutout(net, photo(mask, (30, 60, 160), (245, 245, 245)))
    assert cut.plain
    assert overlap(cut.alpha, mask) > 0.98
    rows, columns = np.nonzero(mask)
    assert cut.box.as_tuple() == pytest.approx(
        (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), abs=2
    )


def test_a_white_shirt_on_white_is_held_by_its_outline(net: DenseNet) -> None:
    mask = shirt()
    outline = mask ^ cv2.erode(mask.astype(np.uint8), np.ones((3, 3))).astype(bool)
    shading = np.full((*mask.shape, 3), 254.0)
    shading[outline] = 226
    cut = garment_cutout(net, photo(mask, shading, (254, 254, 254), noise=0.4))
    assert overlap(cut.alpha, mask) > 0.95


@pytest.mark.xfail(strict=True, reason="the net was trained too shortly")
def test_a_white_shirt_on_white_that_nothing_but_soft_shading_shows(net: DenseNet) -> None:
    mask = shirt(840, 630, scale=3)
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    y, x = np.mgrid[0:840, 0:630]
    folds = 2 * np.sin(x / 23 + y / 60) + 2 * np.sin(x / 9 - y / 90)
    cloth = 250 - 9 * np.exp(-depth / 12) + folds  # over wide stretches lighter than the ground
    cut = garment_cutout(net, photo(mask, cloth[..., None], (249, 249, 249), noise=0.5))
    assert overlap(cut.alpha, mask) > 0.95
    assert (cut.alpha[cv2.erode(mask.astype(np.uint8), np.ones((25, 25))) > 0] > 200).all()


def test_the_ground_between_arm_and_body_is_no_garment(net: DenseNet) -> None:
    mask = shirt(840, 630, scale=3)
    cv2.line(hung := mask.astype(np.uint8), (560, 280), (480, 560), 1, 70)
    mask = hung > 0
    cut = garment_cutout(net, photo(mask, (70, 40, 40), (245, 245, 245)))
    assert cut.alpha[330, 475] < 20
    assert overlap(cut.alpha, mask) > 0.97


def test_a_background_with_a_gradient_counts_as_plain(net: DenseNet) -> None:
    mask = shirt()
    background = np.linspace(200, 245, mask.shape[0])[:, None, None] * np.ones((1, 210, 3))
    cut = garment_cutout(net, photo(mask, (150, 40, 40), background))
    assert cut.plain
    assert overlap(cut.alpha, mask) > 0.98


@pytest.mark.xfail(strict=True, reason="the net was trained too shortly")
def test_a_background_that_no_smooth_surface_describes_is_still_background(net: DenseNet) -> None:
    mask = shirt()
    y, x = np.mgrid[0:280, 0:210]
    glow = 30 * np.exp(-((x - 70) ** 2 + (y - 60) ** 2) / 60**2)  # of a lamp above one shoulder
    background = np.array((40, 200, 170)) + glow[..., None]
    cut = garment_cutout(net, photo(mask, (80, 75, 90), background))
    assert cut.plain
    assert overlap(cut.alpha, mask) > 0.97


def test_a_pale_part_of_a_dark_garment_is_kept(net: DenseNet) -> None:
    mask = shirt()
    cloth = np.full((280, 210, 3), 40.0)
    cloth[150:200] = 236  # a band as pale as the background
    cut = garment_cutout(net, photo(mask, cloth, (245, 245, 245)))
    assert overlap(cut.alpha, mask) > 0.97


def test_a_cluttered_background(net: DenseNet) -> None:
    mask = shirt()
    rng = np.random.default_rng(3)
    planks = rng.uniform(90, 190, (1, 14, 1)) * np.array([1.0, 0.75, 0.5])
    background = np.repeat(np.repeat(planks, 15, axis=1), 280, axis=0)
    cut = garment_cutout(net, photo(mask, (40, 90, 170), background, noise=6))
    assert not cut.plain
    assert overlap(cut.alpha, mask) > 0.93


def test_transparency_is_taken_at_its_word(net: DenseNet) -> None:
    mask = shirt()
    picture = np.zeros((*mask.shape, 4), np.uint8)
    picture[..., 3] = mask * 200  # colour says nothing here
    cut = garment_cutout(net, Image.fromarray(picture))
    assert np.array_equal(cut.alpha > 0, mask)


@pytest.mark.parametrize("opacity", [60, 120, 255])
def test_sheer_cloth_is_a_whole_garment(net: DenseNet, opacity: int) -> None:
    picture = np.full((280, 210, 4), (180, 40, 60, 0), np.uint8)
    picture[shirt(), 3] = opacity
    cut = garment_cutout(net, Image.fromarray(picture))
    assert np.array_equal(cut.alpha, shirt() * np.uint8(255))
    assert cut.image[shirt()].mean(0) == pytest.approx((180, 40, 60))


def test_what_lies_under_no_alpha_does_not_matter(net: DenseNet) -> None:
    rng, cuts = np.random.default_rng(0), []
    soft = cv2.GaussianBlur(shirt().astype(np.float32), (0, 0), 1.2)
    cloth = rng.integers(0, 255, (280, 210, 3))
    for hidden in ((0, 0, 0), (255, 255, 255), (200, 0, 200)):
        picture = np.dstack([cloth, np.rint(soft * 255)]).astype(np.uint8)
        picture[picture[..., 3] == 0, :3] = hidden
        cuts.append(garment_cutout(net, Image.fromarray(picture)))
    for cut in cuts[1:]:
        assert np.array_equal(cut.image, cuts[0].image)
        assert np.array_equal(cut.alpha, cuts[0].alpha)


def test_a_hanger_hook_is_left_out(net: DenseNet) -> None:
    mask = shirt()
    hung = mask.copy()
    hung[8:50, 103:107] = True
    cut = garment_cutout(net, photo(hung, (30, 60, 160), (245, 245, 245)))
    assert cut.box.top > 30


def test_a_thumbnail_works(net: DenseNet) -> None:
    mask = shirt(100, 76, scale=0.36)
    assert (
        overlap(garment_cutout(net, photo(mask, (20, 90, 60), (250, 250, 250))).alpha, mask) > 0.93
    )


def test_nothing_is_no_garment(net: DenseNet) -> None:
    with pytest.raises(NoGarmentError):
        garment_cutout(net, photo(np.zeros((280, 210), bool), 0, (240, 240, 240)))
    with pytest.raises(NoGarmentError):
        garment_cutout(net, Image.new("RGBA", (60, 80), (200, 10, 10, 0)))


def test_two_garments_are_one_too_many(net: DenseNet) -> None:
    mask = np.concatenate([shirt(), shirt()], axis=1)
    with pytest.raises(GarmentError, match="more than one garment"):
        garment_cutout(net, photo(mask, (30, 60, 160), (245, 245, 245)))


def test_a_person_in_a_flat_lay_is_an_error(net: DenseNet) -> None:
    pose = Pose(np.zeros((18, 3), np.float32), np.zeros((2, 3, 3), np.float32), 0.9)
    with pytest.raises(GarmentError, match="person"):
        garment_cutout(net, photo(shirt(), (30, 60, 160), (245, 245, 245)), people=[pose])


def test_real_flat_lays_are_separated_whole(net: DenseNet, shared_photos: Path) -> None:
    for name in ("04743_00.jpg", "09166_00.jpg", "10165_00.jpg"):  # white on white, black
        with Image.open(shared_photos / "garments" / name) as image:
            cut = garment_cutout(net, image)
        assert cut.plain
        filled = (cut.alpha > 127).mean() / (cut.box.width * cut.box.height / cut.alpha.size)
        assert 0.4 < filled < 0.9, name
        assert cut.box.height > 0.5 * cut.alpha.shape[0], name
