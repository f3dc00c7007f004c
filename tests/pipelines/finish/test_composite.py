"""Compositing: what is outside the mask is bit-identical, and colours meet at the seam."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage.data import astronaut

from tryon.errors import MaskEmptyError, MaskSizeError
from tryon.pipelines.crop import crop_around, cropped_mask, cropped_photo
from tryon.pipelines.finish.colour import matched_colours
from tryon.pipelines.finish.composite import composite, feathered_alpha
from tryon.types import Box


def noise(seed: int, size: tuple[int, int]) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def random_mask(random: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Several ellipses and rectangles, some of them over the frame's edge."""
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for index in range(random.integers(1, 5)):
        x, y = random.integers(0, size[0]), random.integers(0, size[1])
        across, down = random.integers(2, max(size) // 2, 2)
        shape = draw.ellipse if index % 2 else draw.rectangle
        shape((x - across // 2, y - down // 2, x + across // 2, y + down // 2), fill=255)
    return mask


@pytest.mark.parametrize("seed", range(40))
def test_outside_is_bit_identical_for_any_photo_mask_and_crop(seed: int) -> None:
    random = np.random.default_rng(seed)
    frame = tuple(int(side) for side in random.integers(40, 400, 2))
    photo, mask = noise(seed, frame), random_mask(random, frame)
    size = [(96, 128), (128, 128), (160, 120)][seed % 3]
    crop = crop_around(mask, size, context=float(random.uniform(0, 0.4)))
    result, alpha = composite(
        photo,
        noise(seed + 1000, size),
        mask,
        crop,
        feather=float(random.uniform(0, 0.1)),
        colour_match=bool(seed % 2),
    )
    outside, kept = np.asarray(mask) < 128, np.asarray(alpha) == 0
    assert result.size == photo.size == alpha.size
    assert (np.asarray(alpha)[outside] == 0).all()
    assert (np.asarray(result)[kept] == np.asarray(photo)[kept]).all()
    assert (~kept).any()
    assert (np.asarray(result)[~kept] != np.asarray(photo)[~kept]).any()


def test_outside_is_bit_identical_where_the_feather_is_measured_coarsely() -> None:
    photo, mask = noise(0, (2500, 4500)), Image.new("L", (2500, 4500))
    ImageDraw.Draw(mask).line([(100, 100), (2300, 4400)], fill=255, width=301)
    result, alpha = composite(
        photo, noise(1, (96, 128)), mask, crop_around(mask, (96, 128)), feather=0.001
    )
    assert (np.asarray(alpha)[np.asarray(mask) == 0] == 0).all()
    same = (np.asarray(result) == np.asarray(photo)).all(axis=2)
    assert same[np.asarray(mask) == 0].all() and np.asarray(alpha).max() == 255


def test_mask_that_the_crop_does_not_hold_is_left_alone() -> None:
    photo, mask = noise(0, (300, 300)), Image.new("L", (300, 300))
    mask.paste(255, (100, 100, 200, 200))
    crop = crop_around(mask, (64, 64), context=0)
    mask.paste(255, (0, 0, 60, 60))
    result, alpha = composite(photo, noise(1, (64, 64)), mask, crop)
    assert np.asarray(alpha)[:100].max() == 0 and np.asarray(alpha)[150, 150] == 255
    assert (np.asarray(result)[:100] == np.asarray(photo)[:100]).all()


@pytest.mark.parametrize("size", [(384, 512), (768, 1024)])
def test_unchanged_crop_gives_nearly_the_photo(size: tuple[int, int]) -> None:
    photo = Image.fromarray(astronaut())
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).ellipse((100, 200, 400, 600), fill=255)
    crop = crop_around(mask, size)
    result, _ = composite(photo, cropped_photo(photo, crop), mask, crop)
    change = np.abs(np.asarray(result, dtype=int) - np.asarray(photo, dtype=int))
    assert change.mean() < 1 and np.percentile(change, 99.5) <= 12


def test_inside_the_feather_the_generated_picture_is_whole() -> None:
    photo, made = noise(0, (96, 128)), noise(1, (96, 128))
    mask = Image.new("L", (96, 128))
    mask.paste(255, (20, 20, 80, 110))
    crop = crop_around(mask, (96, 128), include=Box(0, 0, 96, 128))
    result, alpha = composite(photo, made, mask, crop, feather=4 / 128, colour_match=False)
    full = np.asarray(alpha) == 255
    assert full[26:104, 26:74].all() and not full[20:24].any()
    assert (np.asarray(result)[full] == np.asarray(made)[full]).all()


@pytest.mark.parametrize("frame", [(300, 400), (3000, 5000)])
def test_feather_rises_inwards_only(frame: tuple[int, int]) -> None:
    mask = Image.new("L", frame)
    region = Box(frame[0] // 4, frame[1] // 4, frame[0] * 3 // 4, frame[1] * 3 // 4)
    mask.paste(255, region.as_tuple())
    width = frame[0] / 20
    alpha = feathered_alpha(mask, region, width).astype(int)
    row = alpha[region.height // 2]
    half = region.width // 2
    assert (np.diff(row[:half]) >= 0).all() and (np.diff(row[half:]) <= 0).all()
    assert row[0] < 40 and row[half] == 255
    assert np.argmax(row == 255) == pytest.approx(width, rel=0.15)


def test_no_feather_along_the_frames_own_edge() -> None:
    mask = Image.new("L", (100, 100))
    mask.paste(255, (0, 50, 100, 100))
    alpha = feathered_alpha(mask, Box(0, 50, 100, 100), 10)
    assert (alpha[0] < 20).all() and (alpha[20:] == 255).all()


def shifted(image: Image.Image, gain: float, offset: tuple[float, float, float]) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float32) * gain + np.float32(offset)
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))


@pytest.fixture
def scene() -> tuple[Image.Image, Image.Image, Image.Image]:
    """Photo, generated (a saturated green garment in the mask, the rest reproduced), mask."""
    photo = Image.fromarray(astronaut()).resize((384, 512))
    photo = photo.point(lambda v: 20 + v * 0.8)  # so that a shift clips nothing
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).ellipse((80, 180, 300, 480), fill=255)
    generated = photo.copy()
    generated.paste((30, 170, 60), mask=mask)
    return photo, generated, mask


@pytest.mark.parametrize(
    ("gain", "offset"), [(1.0, (9, -6, 4)), (0.94, (0, 0, 0)), (1.06, (-8, -3, 2))]
)
def test_known_shift_is_taken_out(
    scene: tuple[Image.Image, Image.Image, Image.Image],
    gain: float,
    offset: tuple[float, float, float],
) -> None:
    photo, generated, mask = scene
    wrong = shifted(generated, gain, offset)
    right = matched_colours(wrong, photo, mask)
    before = np.abs(np.asarray(wrong, dtype=int) - np.asarray(generated)).mean()
    after = np.abs(np.asarray(right, dtype=int) - np.asarray(generated)).mean()
    assert after < 1.5 and after < before / 3


def test_shift_is_found_beside_content_that_was_not_reproduced(
    scene: tuple[Image.Image, Image.Image, Image.Image],
) -> None:
    photo, generated, mask = scene
    wrong = shifted(generated, 1.0, (10, 10, 10))
    wrong.paste((255, 0, 255), (0, 150, 90, 300))  # the model painted something else here
    right = np.asarray(matched_colours(wrong, photo, mask), dtype=int)
    inside = np.asarray(mask) > 0
    inside[150:300, :90] = False
    assert np.abs(right - np.asarray(generated))[inside].mean() < 2


def test_garment_keeps_its_colour_where_there_is_nothing_to_match(
    scene: tuple[Image.Image, Image.Image, Image.Image],
) -> None:
    photo, generated, mask = scene
    same = np.asarray(matched_colours(generated, photo, mask), dtype=int)
    assert np.abs(same - np.asarray(generated)).max() <= 1
    other = noise(3, generated.size)  # a model that reproduced nothing of the photo
    assert matched_colours(other, photo, mask) is other
    everything = Image.new("L", mask.size, 255)  # no ring at all
    assert matched_colours(generated, photo, everything) is generated


def test_a_plain_ring_says_nothing_about_other_colours() -> None:
    photo = Image.new("RGB", (192, 256), (240, 240, 240))
    mask = Image.new("L", photo.size)
    mask.paste(255, (40, 40, 150, 220))
    wrong = shifted(photo, 1.0, (-10, -10, -10))
    wrong.paste((40, 150, 60), (60, 60, 130, 200))
    right = np.asarray(matched_colours(wrong, photo, mask), dtype=int)
    assert np.abs(right[45, 45] - 240).max() <= 1
    assert np.abs(right[130, 95] - (40, 150, 60)).max() <= 2


def test_composite_matches_colours_unless_told_not_to(
    scene: tuple[Image.Image, Image.Image, Image.Image],
) -> None:
    photo, generated, mask = scene
    crop = crop_around(mask, (384, 512), include=Box(0, 0, 384, 512))
    assert cropped_mask(mask, crop).getextrema() == (0, 255)
    wrong = shifted(generated, 1.0, (12, 12, 12))
    matched, _ = composite(photo, wrong, mask, crop)
    raw, _ = composite(photo, wrong, mask, crop, colour_match=False)
    garment = np.asarray(generated)[330, 190].astype(int)
    assert np.abs(np.asarray(matched)[330, 190] - garment).max() <= 2
    assert (np.asarray(raw)[330, 190] - garment == 12).all()


def test_wrong_masks_are_named() -> None:
    photo, mask = noise(0, (100, 100)), Image.new("L", (100, 100))
    mask.paste(255, (20, 20, 60, 60))
    crop = crop_around(mask, (64, 64))
    with pytest.raises(MaskSizeError):
        composite(photo, noise(1, (64, 64)), mask.resize((50, 50)), crop)
    with pytest.raises(MaskEmptyError):
        composite(photo, noise(1, (64, 64)), Image.new("L", (100, 100)), crop)


def test_the_crop_at_hand_is_not_made_again(
    scene: tuple[Image.Image, Image.Image, Image.Image],
) -> None:
    photo, generated, mask = scene
    crop = crop_around(mask, (384, 512), include=Box(0, 0, 384, 512))
    made, _ = composite(photo, generated, mask, crop)
    same, _ = composite(photo, generated, mask, crop, shown=cropped_photo(photo, crop))
    assert np.array_equal(np.asarray(made), np.asarray(same))
    lighter = shifted(cropped_photo(photo, crop), 1.0, (20, 20, 20))
    other, _ = composite(photo, generated, mask, crop, shown=lighter)
    assert np.asarray(other, int).mean() > np.asarray(made, int).mean() + 1
