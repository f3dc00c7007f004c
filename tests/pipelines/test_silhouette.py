from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter

from tryon.pipelines import silhouette as module
from tryon.pipelines.pose import BlazePose, single_person
from tryon.pipelines.silhouette import (
    SelfieSegmenter,
    guided,
    guided_coefficients,
    person_silhouette,
)
from tryon.types import Box, Pose, SoftMask

NOBODY = np.zeros((2, 3, 3), np.float32)
# In the portrait: x, y of points on the person, and of points that are not.
ON = [(215, 130), (200, 300), (120, 300), (280, 320), (80, 400), (230, 40), (150, 440)]
OFF = [(30, 200), (420, 100), (330, 60), (480, 250), (20, 60), (130, 60), (450, 420)]


class Everywhere:
    """A segmenter that sees people everywhere."""

    def probability(self, image: Image.Image) -> np.ndarray:
        return np.ones(image.size[::-1], np.float32)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())


def disc(size: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] + 0.5
    return (np.hypot(columns - x, rows - y) < radius).astype(np.float32)


def disc_photo(truth: np.ndarray) -> Image.Image:
    """A red disc on a blue ground, with noise in both."""
    noise = np.random.default_rng(0).normal(0, 6, (*truth.shape, 3))
    colours = np.where(truth[..., None] > 0.5, (200, 60, 50), (60, 90, 170)) + noise
    return Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8))


def disc_pose(size: int, box: Box, values: np.ndarray) -> Pose:
    """Somebody with this box, whose mask `values` spans the whole photo of this size."""
    scale = size / values.shape[0]
    to_photo = np.array([[scale, 0, 0], [0, scale, 0]], np.float32)
    mask = SoftMask(values.astype(np.float32), to_photo)
    return Pose(np.zeros((18, 3), np.float32), NOBODY, 1.0, box, mask)


def test_portrait(blazepose: BlazePose, segmenter: SelfieSegmenter, portrait: Image.Image) -> None:
    pose = single_person(blazepose.detect(portrait))
    silhouette = person_silhouette(portrait, pose, segmenter)
    assert silhouette.shape == (512, 512)
    assert silhouette.dtype == np.float32
    assert silhouette.min() == 0
    assert silhouette.max() == 1
    assert all(silhouette[y, x] > 0.9 for x, y in ON)
    assert all(silhouette[y, x] < 0.1 for x, y in OFF)


def test_without_the_landmark_mask(segmenter: SelfieSegmenter, portrait: Image.Image) -> None:
    pose = Pose(np.zeros((18, 3), np.float32), NOBODY, 1.0)
    silhouette = person_silhouette(portrait, pose, segmenter)
    assert all(silhouette[y, x] > 0.8 for x, y in ON)
    assert silhouette[60, 20] < 0.1


@pytest.mark.parametrize("size", [(3072, 3072), (900, 900), (301, 301)])
def test_same_silhouette_at_any_size(
    size: tuple[int, int],
    blazepose: BlazePose,
    segmenter: SelfieSegmenter,
    portrait: Image.Image,
) -> None:
    expected = person_silhouette(portrait, blazepose.detect(portrait)[0], segmenter)
    photo = portrait.resize(size)
    silhouette = person_silhouette(photo, blazepose.detect(photo)[0], segmenter)
    assert silhouette.shape == size[::-1]
    small = np.asarray(Image.fromarray(silhouette).resize((512, 512)))
    assert overlap(small, expected) > 0.95


def test_small_in_a_large_photo(
    blazepose: BlazePose,
    segmenter: SelfieSegmenter,
    portrait: Image.Image,
    backdrop: np.ndarray,
) -> None:
    expected = person_silhouette(portrait, blazepose.detect(portrait)[0], segmenter)
    photo = Image.fromarray(backdrop)
    photo.paste(portrait, (1300, 900))
    pose = single_person(blazepose.detect(photo))
    silhouette = person_silhouette(photo, pose, segmenter)
    assert (
        overlap(silhouette[900:1412, 1300:1812], expected) > 0.8
    )  # the flag divides the two networks
    assert silhouette[:850].max() == silhouette[:, :1200].max() == 0


def test_each_of_two_people_alone(
    blazepose: BlazePose, segmenter: SelfieSegmenter, portrait: Image.Image
) -> None:
    photo = Image.new("RGB", (900, 512))
    photo.paste(portrait.crop((0, 0, 400, 512)), (0, 0))
    photo.paste(ImageOps.mirror(portrait).crop((12, 0, 512, 512)), (400, 0))
    poses = sorted(blazepose.detect(photo), key=lambda pose: pose.keypoints[0, 0])
    for i, nose_of_the_other in enumerate([(685, 130), (215, 130)]):
        others = poses[:i] + poses[i + 1 :]
        silhouette = person_silhouette(photo, poses[i], segmenter, others)
        nose = poses[i].keypoints[0].astype(int)
        assert silhouette[nose[1], nose[0]] > 0.9
        assert silhouette[nose_of_the_other[1], nose_of_the_other[0]] < 0.05


def test_other_people_are_kept_out_even_where_the_segmenter_sees_them() -> None:
    size = 256
    me, them = disc(size, 90, 128, 60), disc(size, 185, 128, 60)
    photo = disc_photo(np.maximum(me, them))
    pose = disc_pose(size, Box(30, 68, 150, 188), me)
    other = disc_pose(size, Box(125, 68, 245, 188), them)
    silhouette = person_silhouette(photo, pose, Everywhere(), [other])
    assert silhouette[128, 70] > 0.9
    assert silhouette[128, 200] < 0.05
    theirs = disc(size, 185, 128, 50) * (1 - disc(size, 90, 128, 70))
    assert (silhouette * theirs).sum() / theirs.sum() < 0.05
    without = person_silhouette(photo, pose, Everywhere())
    assert without.sum() > silhouette.sum()


@pytest.mark.parametrize("size", [200, 512, 1500, 3000])
def test_edge_is_the_photos_and_not_the_masks(size: int) -> None:
    truth = disc(size, 0.45 * size, 0.55 * size, 0.3 * size)
    rough = gaussian_filter(disc(64, 0.45 * 64, 0.55 * 64, 0.3 * 64), 1.2)
    box = Box(int(0.15 * size), int(0.25 * size), int(0.75 * size), int(0.85 * size))

    class Rough:
        def probability(self, image: Image.Image) -> np.ndarray:
            return np.asarray(Image.fromarray(truth).crop(seen).resize(image.size))

    pose = disc_pose(size, box, rough)
    seen = module._surroundings(pose, (size, size)).as_tuple()
    silhouette = person_silhouette(disc_photo(truth), pose, Rough())
    assert overlap(silhouette, truth) > 0.97
    enlarged = np.asarray(Image.fromarray(rough.astype(np.float32)).resize((size, size)))
    assert overlap(enlarged, truth) < 0.92


def test_window_of_a_mask_lands_where_it_lies() -> None:
    truth = disc(400, 260, 130, 40)
    # The window is turned a quarter and stretched: its x goes down, its y to the left.
    to_photo = np.array([[0, -2, 320], [2, 0, 70]], np.float32)
    values = disc(60, 30, 30, 20)
    seen = module._seen_in(SoftMask(values, to_photo), Box(0, 0, 400, 400), (400, 400))
    assert overlap(seen, truth) > 0.95
    half = module._seen_in(SoftMask(values, to_photo), Box(200, 50, 400, 250), (100, 100))
    assert overlap(half, truth[50:250:2, 200:400:2]) > 0.93


def test_coefficients_are_the_least_squares_of_their_window() -> None:
    rng = np.random.default_rng(1)
    photo = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
    mask = rng.random((9, 9), dtype=np.float32)
    radius = 4  # one window covers all nine by nine pixels around the middle
    colours = photo.reshape(-1, 3) / 255
    spread = np.cov(colours.T, bias=True) + module.SMOOTHNESS * np.eye(3)
    centred = (colours - colours.mean(0)) * (mask.reshape(-1, 1) - mask.mean())
    slopes = np.linalg.solve(spread, centred.mean(0))
    # What `guided_coefficients` averages, at its middle before averaging: compare through a
    # photo that repeats, where every window holds the same pixels.
    tiled = guided_coefficients(np.tile(photo, (4, 4, 1)), np.tile(mask, (4, 4)), radius)
    middle = tiled[18, 18]
    assert middle[:3] == pytest.approx(slopes, abs=2e-3)
    assert middle[3] == pytest.approx(mask.mean() - slopes @ colours.mean(0), abs=2e-3)


def test_coefficients_are_enlarged_without_a_shift() -> None:
    offset = np.random.default_rng(3).random((100, 80), dtype=np.float32)
    coefficients = np.zeros((100, 80, 4), np.float32)
    coefficients[..., 3] = 0.5 + (offset - 0.5) / module.SHARPNESS
    enlarged = guided(np.zeros((700, 560, 3), np.uint8), coefficients)
    expected = Image.fromarray(offset).resize((560, 700), Image.Resampling.BILINEAR)
    assert enlarged == pytest.approx(np.asarray(expected), abs=0.04)


def test_strips_join_without_seams(portrait: Image.Image, monkeypatch) -> None:
    photo = np.asarray(portrait)
    coefficients = np.random.default_rng(2).random((128, 128, 4), dtype=np.float32)
    whole = guided(photo, coefficients)
    monkeypatch.setattr(module, "STRIP", 37)
    assert guided(photo, coefficients) == pytest.approx(whole, abs=2e-3)


def test_deterministic(
    blazepose: BlazePose, segmenter: SelfieSegmenter, portrait: Image.Image
) -> None:
    pose = blazepose.detect(portrait)[0]
    first = person_silhouette(portrait, pose, segmenter)
    assert np.array_equal(first, person_silhouette(portrait, pose, segmenter))


def test_box_at_the_frame_edge(segmenter: SelfieSegmenter, portrait: Image.Image) -> None:
    pose = Pose(np.zeros((18, 3), np.float32), NOBODY, 1.0, Box(0, 500, 1, 512))
    assert person_silhouette(portrait, pose, segmenter).shape == (512, 512)
    assert person_silhouette(
        portrait.crop((0, 0, 1, 1)), replace(pose, box=None), segmenter
    ).shape == (1, 1)
