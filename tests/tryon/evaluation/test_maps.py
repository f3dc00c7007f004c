from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tryon.data.synthetic.canonical import BODY_HEIGHT, FRONT, PARTS
from tryon.data.synthetic.sample import GarmentPhoto, Surface
from tryon.evaluation.maps import body_map_error, placement_error
from tryon.pipelines.bodymap import MAP_HEIGHT, MAP_WIDTH, BodyMap
from tryon.pipelines.garment.atlas import FRAME, GarmentAtlas, GarmentLayer
from tryon.types import Box

TORSO = PARTS.index("torso")
HEIGHT, WIDTH = 96, 72


def surface() -> Surface:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) + 0.5
    parts = np.zeros((HEIGHT, WIDTH), np.uint8)
    parts[10:80, 20:50] = TORSO
    uv = np.stack([x / WIDTH, y / HEIGHT], axis=-1) * (parts > 0)[..., None]
    return Surface(uv, (parts > 0).astype(np.uint8) * FRONT, parts)


def band() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[:, 45:50] = True
    return mask


def found(shift: float = 0.0) -> BodyMap:
    """What a net without error would say, moved to the right; its crop reaches over the photo."""
    box = Box(-6, -8, 78, 104)
    x = box.left + (np.arange(MAP_WIDTH, dtype=np.float32) + 0.5) * box.width / MAP_WIDTH
    y = box.top + (np.arange(MAP_HEIGHT, dtype=np.float32) + 0.5) * box.height / MAP_HEIGHT
    columns, rows = np.meshgrid(np.floor(x) + 0.5, np.floor(y) + 0.5)
    uv = np.stack([columns / WIDTH + shift, rows / HEIGHT], axis=-1).astype(np.float32)
    ones = np.ones((MAP_HEIGHT, MAP_WIDTH), np.float32)
    parts = np.eye(len(PARTS), dtype=np.float32)[np.full(ones.shape, TORSO)]
    return BodyMap(uv, ones, ones, parts, ones, box, (WIDTH, HEIGHT))


def test_a_true_body_map_has_no_error() -> None:
    errors = body_map_error(found(), surface(), band())
    assert errors == pytest.approx({"uv_median": 0, "uv_mean": 0, "part": 1, "front": 1}, abs=1e-4)


def test_a_shift_is_told_in_percent_of_the_bodys_height() -> None:
    errors = body_map_error(found(0.02), surface(), band())
    assert errors["uv_median"] == pytest.approx(2 / BODY_HEIGHT, rel=1e-4)
    assert errors["uv_mean"] == pytest.approx(2 / BODY_HEIGHT, rel=1e-4)


def test_the_band_and_the_background_do_not_count() -> None:
    wrong = found()
    x = wrong.box.left + (np.arange(MAP_WIDTH) + 0.5) * wrong.box.width / MAP_WIDTH
    outside = (x >= 45) | (x < 20)
    wrong.uv[:, outside] += 0.3
    wrong.parts[:, outside] = 0
    assert body_map_error(wrong, surface(), band())["uv_mean"] == pytest.approx(0, abs=1e-4)
    wrong.uv[:, x < 35] += 0.3
    assert body_map_error(wrong, surface(), band())["uv_mean"] > 5


def test_wrong_parts_and_sides_are_counted() -> None:
    wrong = found()
    half = np.arange(MAP_HEIGHT) < MAP_HEIGHT // 2
    wrong.parts[half] = 0
    wrong.front[half] = 0
    errors = body_map_error(wrong, surface(), band())
    assert 0.3 < errors["part"] == errors["front"] < 0.7


def test_without_a_body_there_is_no_error() -> None:
    nobody = replace(surface(), parts=np.zeros((HEIGHT, WIDTH), np.uint8))
    assert all(math.isnan(v) for v in body_map_error(found(), nobody, band()).values())


def photo() -> GarmentPhoto:
    """A garment that fills the middle of the frame, at two pixels a cell, turned by a little."""
    mask = np.zeros((300, 400), bool)
    mask[60:240, 100:300] = True
    y, x = np.mgrid[0:300, 0:400] + 0.5
    uv = np.stack([(x - 0.1 * y) / 512 + 0.1, (y + 0.1 * x) / 512 + 0.1], axis=-1)
    layer = mask.astype(np.uint8) * FRONT
    return GarmentPhoto(
        np.zeros((300, 400, 3), np.uint8), mask, uv.astype(np.float32), layer, "flat-lay"
    )


def atlas(shift: float = 0.0) -> GarmentAtlas:
    """The inverse of the photo's coordinates, at coordinates that are wrong by `shift`."""
    cells = (np.arange(FRAME) + 0.5) / FRAME
    u, v = np.meshgrid(cells, cells)
    right, down = (u + shift - 0.1) * 512, (v - 0.1) * 512
    inverse = np.linalg.inv(np.array([[1, -0.1], [0.1, 1]]))
    places = np.stack([right, down], axis=-1) @ inverse.T
    there = np.ones((FRAME, FRAME), np.float32)
    layer = GarmentLayer(
        np.zeros((300, 400, 3), np.uint8),
        np.zeros((300, 400), np.uint8),
        places.astype(np.float32),
        there,
        there,
        "front",
    )
    return GarmentAtlas("upper", (layer,))


def test_a_true_atlas_has_no_error() -> None:
    assert placement_error(atlas(), photo()) == pytest.approx(
        {"uv_median": 0, "uv_mean": 0}, abs=0.01
    )


def test_a_wrong_placement_is_told_in_percent_of_the_frame() -> None:
    errors = placement_error(atlas(0.015), photo())
    assert errors == pytest.approx({"uv_median": 1.5, "uv_mean": 1.5}, rel=0.01)


def test_only_the_outside_of_the_front_counts() -> None:
    inside = replace(photo(), layer=photo().layer * 2)
    assert math.isnan(placement_error(atlas(), inside)["uv_median"])
