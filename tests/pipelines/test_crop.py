"""Crops: always of the model's shape, always around the mask, and back to the photo's pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from tryon.errors import MaskEmptyError, MaskSizeError
from tryon.pipelines.crop import (
    Crop,
    context_box,
    crop_around,
    cropped_mask,
    cropped_photo,
    cropped_points,
    mask_box,
    uncropped_photo,
)
from tryon.types import JOINTS, Box, Pose


def rectangle(frame: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", frame)
    mask.paste(255, box)
    return mask


def contains(outer: Box, inner: Box) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and outer.right >= inner.right
        and outer.bottom >= inner.bottom
    )


FRAMES = [(200, 150), (150, 200), (64, 900), (768, 1024), (2000, 1000), (8000, 600)]
SIZES = [(768, 1024), (512, 512), (384, 512), (640, 480)]


@pytest.mark.parametrize("seed", range(60))
def test_any_crop_holds_the_mask_in_the_models_shape(seed: int) -> None:
    random = np.random.default_rng(seed)
    frame, size = FRAMES[random.integers(len(FRAMES))], SIZES[random.integers(len(SIZES))]
    left, right = np.sort(random.choice(frame[0] + 1, 2, replace=False))
    top, bottom = np.sort(random.choice(frame[1] + 1, 2, replace=False))
    mask = rectangle(frame, (int(left), int(top), int(right), int(bottom)))
    crop = crop_around(mask, size, context=float(random.uniform(0, 0.5)))

    assert contains(crop.box, mask_box(mask))
    assert abs(crop.box.width / size[0] * size[1] - crop.box.height) <= 1.5
    assert min(crop.box.size) >= 64
    for side, length, padding in (
        (frame[0], crop.box.width, crop.padding[0] + crop.padding[2]),
        (frame[1], crop.box.height, crop.padding[1] + crop.padding[3]),
    ):
        assert padding == max(0, length - side)  # shifted into the frame before it is padded


def test_box_at_the_frames_edge_is_shifted_not_padded() -> None:
    crop = crop_around(rectangle((600, 800), (500, 700, 600, 800)), (300, 400), context=0.5)
    assert crop.padding == (0, 0, 0, 0)
    assert (crop.box.right, crop.box.bottom) == (600, 800)


def test_what_is_to_be_included_is_held_as_far_as_it_is_in_the_frame() -> None:
    mask = rectangle((600, 800), (250, 300, 350, 500))
    alone = crop_around(mask, (300, 400), context=0)
    roomy = crop_around(mask, (300, 400), context=0, include=Box(200, 100, 400, 500))
    huge = crop_around(mask, (300, 400), context=0, include=Box(-900, -900, 2000, 3000))
    assert alone.box.height == 200
    assert contains(roomy.box, Box(200, 100, 400, 500))
    assert huge.box == Box(0, 0, 600, 800)
    wide = crop_around(mask, (400, 400), context=0, include=Box(250, 0, 350, 800))
    assert wide.box == Box(-100, 0, 700, 800)  # padded rather than cut


def test_context_of_a_top_reaches_from_head_to_hips() -> None:
    keypoints = np.zeros((18, 3), dtype=np.float32)
    for name, x, y in (("nose", 300, 100), ("right_hip", 260, 480), ("left_hip", 340, 480)):
        keypoints[JOINTS.index(name)] = x, y, 0.9
    pose = Pose(keypoints, np.zeros((2, 3, 3), np.float32), 0.9)
    box = context_box(pose, "upper")
    assert box is not None and contains(box, Box(260, 40, 340, 540))
    nobody = Pose(np.zeros((18, 3), np.float32), np.zeros((2, 3, 3), np.float32), 0)
    assert context_box(nobody, "upper") is None


def test_padding_goes_on_with_the_edge_and_is_cut_off_again() -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 100, 3), np.uint8))
    crop = crop_around(rectangle((100, 40), (0, 0, 30, 40)), (96, 128), minimum=96)
    assert crop.box.size == (96, 128) and crop.padding[1] + crop.padding[3] == 88
    seen = np.asarray(cropped_photo(photo, crop))
    assert seen.shape == (128, 96, 3)
    assert (seen[: crop.padding[1]] == seen[crop.padding[1]]).all()
    back = np.asarray(uncropped_photo(Image.fromarray(seen), crop))
    inside = crop.inside
    np.testing.assert_array_equal(
        back, np.asarray(photo)[inside.top : inside.bottom, inside.left : inside.right]
    )


@pytest.mark.parametrize("size", [(384, 512), (768, 1024)])
def test_there_and_back_is_nearly_the_photo(size: tuple[int, int]) -> None:
    photo = Image.fromarray(astronaut()).resize((700, 700))
    crop = crop_around(rectangle((700, 700), (200, 100, 450, 430)), size, context=0.1)
    inside = crop.inside
    back = np.asarray(uncropped_photo(cropped_photo(photo, crop), crop), dtype=float)
    true = np.asarray(photo, dtype=float)[inside.top : inside.bottom, inside.left : inside.right]
    assert back.shape == true.shape
    assert np.abs(back - true).mean() < 1.5


def test_uncropping_a_region_is_that_region_of_the_whole() -> None:
    made = Image.fromarray(astronaut()).resize((384, 512))
    crop = crop_around(rectangle((900, 900), (200, 100, 650, 730)), (384, 512))
    region = Box(250, 150, 511, 603)
    whole = np.asarray(uncropped_photo(made, crop), dtype=int)
    rows = slice(region.top - crop.inside.top, region.bottom - crop.inside.top)
    columns = slice(region.left - crop.inside.left, region.right - crop.inside.left)
    part = np.asarray(uncropped_photo(made, crop, region), dtype=int)
    assert np.abs(part - whole[rows, columns])[8:-8, 8:-8].max() <= 1


def test_points_land_on_the_pixels_they_name() -> None:
    photo = np.zeros((400, 300, 3), dtype=np.uint8)
    photo[196:204, 146:154] = 255
    crop = crop_around(rectangle((300, 400), (100, 150, 200, 250)), (384, 512))
    point = np.array([[150, 200, 0.7]], dtype=np.float32)
    x, y, confidence = cropped_points(point, crop)[0]
    rows, columns = np.nonzero(np.asarray(cropped_photo(Image.fromarray(photo), crop))[..., 0] > 99)
    assert columns.mean() + 0.5 == pytest.approx(x, abs=0.51)
    assert rows.mean() + 0.5 == pytest.approx(y, abs=0.51)
    assert confidence == np.float32(0.7)
    assert (point[0, :2] == (150, 200)).all()  # the caller's array is left alone


def test_a_shrunk_mask_loses_nothing() -> None:
    mask = rectangle((3000, 4000), (1500, 500, 1501, 3500))  # a line one pixel wide
    seen = np.asarray(cropped_mask(mask, crop_around(mask, (384, 512))))
    assert seen.shape == (512, 384) and set(np.unique(seen)) == {0, 255}
    assert seen.any(axis=1).sum() >= 380


def test_wrong_input_is_named() -> None:
    with pytest.raises(MaskEmptyError):
        crop_around(Image.new("L", (100, 100), 127), (64, 64))
    crop = Crop(Box(0, 0, 64, 64), (100, 100), (64, 64))
    with pytest.raises(MaskSizeError, match="100x100"):
        cropped_photo(Image.new("RGB", (99, 100)), crop)
    with pytest.raises(ValueError, match="does not fit"):
        uncropped_photo(Image.new("RGB", (63, 64)), crop)
