from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image
from skimage.transform import AffineTransform, warp

from tryon.assets.rebuild import PERCEPTION
from tryon.errors import WeightsCorruptError, WeightsMissingError
from tryon.pipelines import blazepose
from tryon.pipelines.blazepose import (
    PersonDetector,
    PoseLandmarker,
    Region,
    crop_pixels,
)


@pytest.fixture(scope="module")
def detector() -> PersonDetector:
    return PersonDetector(PERCEPTION / "pose_detection.tflite")


@pytest.fixture(scope="module")
def landmarker() -> PoseLandmarker:
    return PoseLandmarker(PERCEPTION / "pose_landmark_full.tflite")


def through(points: np.ndarray, affine: np.ndarray) -> np.ndarray:
    return points @ affine[:, :2].T + affine[:, 2]


def test_region_of_somebody_upright() -> None:
    region = Region.around(np.array([50.0, 80.0]), np.array([50.0, 40.0]))
    assert (region.x, region.y, region.side, region.angle) == (50, 80, 100, 0)
    corners = through(np.array([[0, 0], [10, 10]]), region.to_photo(10))
    assert corners == pytest.approx(np.array([[0, 30], [100, 130]]))


def test_region_of_somebody_lying_with_the_head_to_the_right() -> None:
    region = Region.around(np.array([50.0, 80.0]), np.array([90.0, 80.0]))
    assert region.angle == pytest.approx(math.pi / 2)
    # Above the middle of the crop lies what is to the right in the photo.
    assert through(np.array([[5, 0]]), region.to_photo(10))[0] == pytest.approx([100, 80], abs=1e-4)


def test_anchors_fill_three_grids() -> None:
    anchors = blazepose._anchors()
    assert anchors.shape == (2254, 2)
    assert anchors[0] == pytest.approx([4 / 224, 4 / 224])
    assert anchors[2] == pytest.approx([12 / 224, 4 / 224])  # two answers each, then to the right
    assert anchors[-1] == pytest.approx([208 / 224, 208 / 224])


def test_boxes_over_each_other_become_their_weighted_mean() -> None:
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60], [2, 0, 12, 10]], float)
    keypoints = np.zeros((3, 4, 2))
    keypoints[2] = 4
    merged = list(blazepose._merged(np.array([0.9, 0.5, 0.3]), boxes, keypoints))
    assert [score for score, _, _ in merged] == [0.9, 0.5]
    assert merged[0][1] == pytest.approx([0.5, 0, 10.5, 10])
    assert merged[0][2] == pytest.approx(np.ones((4, 2)))
    assert merged[1][1] == pytest.approx([50, 50, 60, 60])


def test_overlap_is_intersection_over_union() -> None:
    box = np.array([0, 0, 2, 2], float)
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]], float)
    assert blazepose._overlaps(box, boxes) == pytest.approx([1, 1 / 3, 0])


def test_points_move_to_the_middle_of_their_heat() -> None:
    y, x = np.mgrid[:64, :64]
    heat = np.exp(-((x - 20.0) ** 2 + (y - 30.0) ** 2) / 4)[..., None].repeat(2, -1)
    heat[..., 1] *= 0.4  # too cold to follow
    points = np.array([[84.0, 124.0], [84.0, 124.0]], np.float32)
    refined = blazepose._refined(points, heat)
    assert refined[0] == pytest.approx([80, 120], abs=0.5)
    assert refined[1] == pytest.approx([84, 124])


def test_points_outside_the_crop_stay() -> None:
    points = np.array([[-5.0, 10.0], [300.0, 10.0]], np.float32)
    assert blazepose._refined(points, np.ones((64, 64, 2))) == pytest.approx(points)


def test_crop_at_its_own_size_is_the_photo(portrait: Image.Image) -> None:
    photo = np.asarray(portrait)
    crop = crop_pixels(photo, np.array([[1, 0, 100], [0, 1, 50]], np.float32), 200)
    assert np.array_equal(crop, photo[50:250, 100:300])


def test_crop_matches_another_library(portrait: Image.Image) -> None:
    photo = np.asarray(portrait)
    region = Region(250, 260, 300, 0.4)
    crop = crop_pixels(photo, region.to_photo(256), 256)
    # scikit-image, too, puts (0, 0) at the middle of the first pixel.
    half = AffineTransform(translation=(0.5, 0.5))
    there = AffineTransform(np.vstack([region.to_photo(256), [0, 0, 1]]))
    expected = warp(photo, half + there + half.inverse, output_shape=(256, 256)) * 255
    assert np.abs(crop - expected).mean() < 1


def test_shrinking_crop_averages() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    crop = crop_pixels(noise, Region(200, 200, 400).to_photo(50), 50)
    assert crop.std() < 1.5 * 74 / 8  # of 8 x 8 pixels each; 74 is the noise's own deviation
    assert crop.mean() == pytest.approx(127.5, abs=1)


def test_crop_outside_the_photo_is_black(portrait: Image.Image) -> None:
    assert not crop_pixels(np.asarray(portrait), Region(-500, 0, 100).to_photo(64), 64).any()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_somebody_turned_is_found_turned(
    turns: int, portrait: Image.Image, detector: PersonDetector, landmarker: PoseLandmarker
) -> None:
    photo = np.asarray(portrait)
    upright = landmarker.landmarks(photo, detector.detect(photo)[0].region)
    turned = np.ascontiguousarray(np.rot90(photo, turns))
    found = landmarker.landmarks(turned, detector.detect(turned)[0].region)
    points = upright.points[:17]  # head and arms
    for _ in range(turns):  # counter-clockwise: x, y -> y, width - x
        points = np.stack([points[:, 1], 512 - points[:, 0]], axis=1)
    assert np.abs(found.points[:17] - points).mean() < 15


def test_landmarks_follow_a_shift(portrait: Image.Image, landmarker: PoseLandmarker) -> None:
    photo = np.asarray(portrait)
    region = Region(220, 400, 900)
    shifted = np.pad(photo, ((40, 0), (70, 0), (0, 0)))
    before = landmarker.landmarks(photo, region).points[:15]  # those in the frame
    after = landmarker.landmarks(shifted, Region(290, 440, 900)).points[:15]
    assert after == pytest.approx(before + (70, 40), abs=5)
    assert (after - before).mean(0) == pytest.approx([70, 40], abs=0.5)


def test_rescaled_is_the_same_person_in_a_larger_photo(
    portrait: Image.Image, landmarker: PoseLandmarker
) -> None:
    person = landmarker.landmarks(np.asarray(portrait), Region(220, 400, 900, 0.1))
    larger = person.rescaled(3)
    assert larger.points == pytest.approx(person.points * 3)
    assert larger.to_photo == pytest.approx(person.to_photo * 3)
    assert larger.next_region.side == pytest.approx(person.next_region.side * 3)
    assert larger.next_region.angle == person.next_region.angle


def test_missing_model(tmp_path) -> None:
    with pytest.raises(WeightsMissingError, match=r"none\.tflite"):
        PersonDetector(tmp_path / "none.tflite")


def test_broken_model(tmp_path) -> None:
    cut = tmp_path / "cut.tflite"
    cut.write_bytes((PERCEPTION / "pose_detection.tflite").read_bytes()[:100_000])
    with pytest.raises(WeightsCorruptError, match=r"cut\.tflite"):
        PersonDetector(cut)
