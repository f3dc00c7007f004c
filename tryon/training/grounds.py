"""What lies under a garment in the photos that the cut-out learns from: mostly hardly anything."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tryon.data.synthetic.backgrounds import random_background, random_table
from tryon.data.synthetic.draws import one_of


def random_ground(
    rng: np.random.Generator, side: int, photos: Sequence[np.ndarray] | np.ndarray, pale: bool
) -> np.ndarray:
    """float32 (side, side, 3), sRGB 0-255.

    photos: uint8 (h, w, 3), whose borders are grounds. pale: white or nearly so, most of the time.
    """
    kinds = ["white", "grey", "colour", "table", "clutter", "photo"]
    shares = [0.75, 0.1, 0.03, 0.05, 0.02, 0.05] if pale else [0.33, 0.12, 0.13, 0.12, 0.08, 0.22]
    kind = one_of(rng, kinds, shares)
    if kind == "photo" and len(photos):
        return _of_a_border(rng, side, photos[int(rng.integers(len(photos)))])
    if kind == "table":
        return random_table(rng, (side, side))
    if kind == "clutter":
        return random_background(rng, (side, side))
    if kind == "colour":
        colour = rng.uniform(20, 250, 3)
    else:
        level = rng.uniform(235, 255.5) if kind == "white" else rng.uniform(90, 240)
        colour = np.full(3, level) + rng.normal(0, 3, 3) * (rng.random() < 0.6)
    return _uneven(rng, side, np.minimum(colour, 255).astype(np.float32))


def _uneven(rng: np.random.Generator, side: int, colour: np.ndarray) -> np.ndarray:
    """A plain ground, often with a slope of light, a vignette, a fold or a line of the floor."""
    shade = np.ones((side, side), np.float32)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    if rng.random() < 0.4:
        angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.1)
        shade -= np.float32(slope) * (np.cos(angle) * x + np.sin(angle) * y + 1) / 2
    if rng.random() < 0.3:
        centre = rng.normal(0, 0.3, 2)
        away = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
        shade -= np.float32(rng.uniform(0, 0.2)) * away / 2
    if rng.random() < 0.12:
        floor = rng.uniform(0.3, 0.95)
        edge = np.tanh((y - floor) / rng.uniform(0.01, 0.2))
        shade -= np.float32(rng.uniform(0, 0.06)) * (1 + edge)
    if rng.random() < 0.12:  # cloth or paper that is not quite flat
        coarse = rng.normal(0, rng.uniform(0.005, 0.04), (6, 6)).astype(np.float32)
        shade += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(colour * shade[..., None], np.float32)


def _of_a_border(rng: np.random.Generator, side: int, photo: np.ndarray) -> np.ndarray:
    """A strip of a photo's border, repeated as in a mirror until it fills the square."""
    depth = max(8, round(min(photo.shape[:2]) * rng.uniform(0.08, 0.14)))
    turned = np.rot90(photo, int(rng.integers(4)))
    strip = np.concatenate([turned[:depth], turned[:depth][::-1]])
    strip = np.concatenate([strip, strip[:, ::-1]], axis=1)
    scale = rng.uniform(0.6, 1.6)
    strip = cv2.resize(strip, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    repeats = (side // strip.shape[0] + 1, side // strip.shape[1] + 1, 1)
    ground = np.tile(strip, repeats)[:side, :side].astype(np.float32)
    return ground * np.float32(rng.uniform(0.8, 1.1))
