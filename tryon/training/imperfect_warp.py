"""Warps as they come out on real photographs: made from true maps, with the errors of real ones.

The networks that find the body map and place a flat-lay are wrong by a little everywhere, and the
warp leaves out sleeves, keeps ragged edges, and knows neither folds nor light. A UNet that only
ever saw true warps would copy such errors.
"""

from __future__ import annotations

import cv2
import numpy as np

from tryon.data.synthetic.canonical import FRONT, PARTS
from tryon.data.synthetic.sample import Garment, Surface
from tryon.errors import NoGarmentError
from tryon.pipelines.bodymap import MAP_HEIGHT, MAP_WIDTH, BodyMap
from tryon.pipelines.fit.warp import warp_garment
from tryon.pipelines.garment.atlas import GarmentAtlas, garment_layer
from tryon.types import Box

_ARMS = ("left_upper_arm", "left_forearm", "right_upper_arm", "right_forearm")


def imperfect_warp(
    garment: Garment, surface: Surface, band: np.ndarray, crop: Box, rng: np.random.Generator
) -> np.ndarray:
    """One garment warped onto one body, wrong by a random amount: uint8 RGBA of the crop's pixels.

    surface: of the bare body, at the size of the whole picture (H, W).
    band: bool (H, W), where the surface is a continuation outside the body.
    crop: the part of the picture that is wanted.
    The result has the crop's size; alpha is the garment's coverage.
    """
    error = float(rng.choice([0.2, 1.0, 2.0], p=[0.3, 0.5, 0.2]))
    height, width = band.shape
    empty = np.zeros((crop.height, crop.width, 4), np.uint8)
    try:
        layer = _layer(garment, error, rng)
    except NoGarmentError:
        return empty
    body = _body_map(surface, band, crop, error, rng)
    warp = warp_garment(GarmentAtlas(garment.category, (layer,)), body)
    coverage = _ragged(warp.coverage, rng) * 255
    return np.dstack([warp.image, coverage.astype(np.uint8)])


def _layer(garment: Garment, error: float, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """The garment's flat-lay, placed nearly where it belongs."""
    photo = garment.photo
    rows, columns = np.nonzero(photo.mask & (photo.layer == FRONT))
    some = rng.random(len(rows)) < min(1.0, 4000 / max(len(rows), 1))
    rows, columns = rows[some], columns[some]
    uv = photo.uv[rows, columns]
    uv = uv + error * _smooth_noise(uv, 0.006, rng)
    middle = uv.mean(axis=0) if len(uv) else np.zeros(2)
    uv = (uv - middle) * (1 + 0.02 * error * rng.standard_normal(2)) + middle
    uv = uv + 0.005 * error * rng.standard_normal(2)
    xy = np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32)
    alpha = (photo.mask * np.uint8(255)).astype(np.uint8)
    certain = np.ones(len(uv), np.float32)
    return garment_layer(photo.image, alpha, uv.astype(np.float32), certain, xy)


def _body_map(
    surface: Surface, band: np.ndarray, crop: Box, error: float, rng: np.random.Generator
) -> BodyMap:
    """The true body map at the resolution of a predicted one, nearly."""
    size = (MAP_WIDTH, MAP_HEIGHT)

    def shrunk(plane: np.ndarray) -> np.ndarray:
        cut = plane[crop.top : crop.bottom, crop.left : crop.right]
        return cv2.resize(cut, size, interpolation=cv2.INTER_NEAREST)

    uv = shrunk(surface.uv)
    uv = uv + error * _smooth_noise(uv.reshape(-1, 2), 0.005, rng).reshape(uv.shape)
    labels = shrunk(surface.parts)
    if rng.random() < 0.1 * error:  # an arm that is not found
        labels = np.where(labels == PARTS.index(_ARMS[rng.integers(len(_ARMS))]), 0, labels)
    hard = (labels[..., None] == np.arange(len(PARTS))).astype(np.float32)
    parts = cv2.GaussianBlur(hard, (0, 0), 0.6)
    covered = (labels > 0).astype(np.float32)
    return BodyMap(
        uv=uv.astype(np.float32),
        front=(shrunk(surface.layer) == FRONT).astype(np.float32),
        body=covered * (shrunk(band.astype(np.uint8)) == 0),
        parts=parts,
        confidence=covered,
        box=Box(0, 0, crop.width, crop.height),
        photo_size=(crop.width, crop.height),
    )


def _smooth_noise(at: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    """Displacements (n, 2) of about `size`, smooth over the canonical frame; at: (n, 2) in it."""
    noise = np.zeros_like(at)
    for _ in range(3):
        wave = rng.standard_normal((2, 2)) * 12
        phase = rng.uniform(0, 2 * np.pi, 2)
        noise = noise + np.sin(at @ wave + phase) * size * rng.standard_normal(2)
    return noise


def _ragged(coverage: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coverage (H, W) in 0-1 with its edge moved in or out unevenly, and now and then a hole."""
    height, width = coverage.shape
    coarse = rng.standard_normal((max(height // 12, 2), max(width // 12, 2))).astype(np.float32)
    uneven = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    sigma = float(rng.uniform(0.3, 2.5))
    soft = cv2.GaussianBlur(coverage, (0, 0), sigma)
    level = 0.5 + 0.35 * float(rng.uniform(-0.3, 1)) + 0.15 * uneven
    moved = np.clip((soft - level) * 2 * sigma + 0.5, 0, 1)
    if rng.random() < 0.15:
        x, y = int(rng.integers(width)), int(rng.integers(height))
        axes = (int(rng.integers(4, 20)), int(rng.integers(4, 20)))
        cv2.ellipse(moved, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, 0.0, -1)
    return np.minimum(moved, (coverage > 0).astype(np.float32))
