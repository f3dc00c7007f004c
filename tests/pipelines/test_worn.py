"""Worn garments: clothes told from skin and background on a person made of rectangles."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.errors import NoGarmentError
from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.worn import worn_alpha, worn_atlas
from tryon.types import BODY_PARTS, Box

SKIN, SHIRT, JEANS = (205, 150, 125), (30, 120, 60), (60, 80, 150)


def person(facing: float = 1.0) -> tuple[np.ndarray, BodyMap, np.ndarray, np.ndarray]:
    """Photo, body map, silhouette and where the shirt is: a short-sleeved person, 288 x 384."""
    part = np.zeros((192, 144), int)
    y, x = np.mgrid[0:192, 0:144] + 0.5
    uv = np.stack([0.5 + (x - 72) / 320, 0.07 + y / 300], axis=-1)
    for name, rows, columns in (
        ("head", (6, 36), (60, 84)),
        ("neck", (36, 44), (66, 78)),
        ("torso", (44, 140), (48, 96)),
        ("left_upper_arm", (46, 90), (96, 112)),
        ("left_forearm", (90, 124), (96, 112)),
        ("left_hand", (124, 138), (96, 112)),
        ("left_thigh", (140, 192), (72, 96)),
        ("right_thigh", (140, 192), (48, 72)),
    ):
        part[slice(*rows), slice(*columns)] = BODY_PARTS.index(name)
    parts = np.eye(16, dtype=np.float32)[part]
    there = (part > 0).astype(np.float32)
    shirt = np.zeros((192, 144), bool)
    shirt[44:118, 48:96] = True
    shirt[46:70, 96:112] = True  # a short sleeve
    photo = np.full((192, 144, 3), 235.0)
    photo[part > 0] = SKIN
    photo[118:, 48:96] = JEANS
    photo[shirt] = SHIRT
    photo += np.random.default_rng(0).normal(size=photo.shape) * 3
    double = np.ones((2, 2))
    body = BodyMap(
        uv=uv.astype(np.float32),
        front=np.full((192, 144), facing, np.float32),
        body=there,
        parts=parts,
        confidence=there,
        box=Box(0, 0, 288, 384),
        photo_size=(288, 384),
    )
    large = np.clip(np.kron(photo, double[..., None]), 0, 255).astype(np.uint8)
    return large, body, np.kron(there, double).astype(np.float32), np.kron(shirt, double) > 0


def test_a_shirt_is_told_from_skin_and_jeans() -> None:
    photo, body, silhouette, shirt = person()
    found = worn_alpha(photo, body, silhouette, "upper") > 127
    assert (found & shirt).sum() / (found | shirt).sum() > 0.93


def test_its_atlas_covers_what_it_covers_on_the_wearer() -> None:
    photo, body, silhouette, _ = person()
    atlas = worn_atlas(photo, body, silhouette, "upper")
    assert atlas.category == "upper" and atlas.layers[0].side == "front"
    assert atlas.covers(0.5, 0.07 + 80 / 300)  # the chest
    assert atlas.covers(0.5 + 32 / 320, 0.07 + 60 / 300)  # the sleeve
    assert not atlas.covers(0.5 + 32 / 320, 0.07 + 105 / 300)  # the bare forearm
    assert not atlas.covers(0.5, 0.07 + 130 / 300)  # the jeans
    row, column = int((0.07 + 80 / 300) * 256), 128
    assert atlas.layers[0].places[row, column] == pytest.approx([144, 160], abs=3)


def test_a_wearer_seen_from_behind_gives_the_back() -> None:
    photo, body, silhouette, _ = person(facing=0.0)
    assert worn_atlas(photo, body, silhouette, "upper").layers[0].side == "back"


def test_trousers_out_of_the_picture_are_no_garment() -> None:
    photo, body, silhouette, _ = person()
    silhouette[236:] = 0
    with pytest.raises(NoGarmentError):
        worn_alpha(photo, body, silhouette, "lower")
