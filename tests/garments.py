"""Garments drawn as shops lay them, on light grey: with seams, folds, a collar or a waistband."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

GROUND = (238, 238, 238)
_Points = list[tuple[float, float]]


def shirt() -> Image.Image:
    """A red T-shirt with a stripe across the chest."""
    half = [(34, 110), (72, 90), (158, 190), (118, 235), (84, 200), (82, 430), (0, 434)]
    return _drawn(
        half,
        (190, 40, 50),
        marks=[[(-84, 250), (84, 250), (84, 285), (-84, 285)]],
        lines=[[(84, 200), (72, 95)], [(82, 418), (0, 422)], [(150, 182), (112, 226)]],
        neck=(34, 96, 128),
    )


def trousers() -> Image.Image:
    """Blue trousers, with a waistband, a fly and pockets."""
    half = [(64, 40), (78, 110), (98, 470), (44, 474), (6, 180), (0, 178)]
    return _drawn(
        half,
        (50, 70, 120),
        lines=[[(66, 60), (0, 62)], [(72, 84), (40, 66)], [(95, 458), (45, 462)]],
        middle=(60, 175),
    )


def dress() -> Image.Image:
    """A green dress with straps, a waist and a wide skirt."""
    half = [(40, 40), (52, 42), (62, 130), (44, 210), (120, 468), (0, 476)]
    return _drawn(
        half,
        (40, 130, 80),
        lines=[[(44, 205), (0, 208)], [(46, 220), (80, 460)], [(20, 220), (36, 464)]],
        neck=(40, 30, 100),
    )


def skirt() -> Image.Image:
    """A brown skirt with a waistband and pleats."""
    half = [(70, 120), (74, 150), (130, 400), (0, 408)]
    return _drawn(
        half,
        (120, 80, 50),
        lines=[[(72, 142), (0, 145)], [(40, 150), (80, 398)], [(14, 150), (26, 402)]],
    )


def _drawn(
    half: _Points,
    colour: tuple[int, int, int],
    *,
    marks: Sequence[_Points] = (),
    lines: Sequence[_Points] = (),
    neck: tuple[float, float, float] | None = None,
    middle: tuple[float, float] | None = None,
) -> Image.Image:
    """384 x 512. half: the outline right of the middle, from the top down; the rest mirrors it.

    neck: half its width, its top and its bottom. middle: rows of a line down the middle.
    """
    image = Image.new("RGB", (384, 512), GROUND)
    draw = ImageDraw.Draw(image)
    whole = [(192 + x, y) for x, y in half] + [(192 - x, y) for x, y in half[::-1]]
    draw.polygon(whole, fill=colour)
    for mark in marks:
        draw.polygon([(192 + x, y) for x, y in mark], fill=(235, 200, 60))
    seam = tuple(level * 2 // 3 for level in colour)
    for line in lines:
        for side in (1, -1):
            draw.line([(192 + side * x, y) for x, y in line], fill=seam, width=2)
    if middle is not None:
        draw.line([(192, middle[0]), (192, middle[1])], fill=seam, width=2)
    if neck is not None:
        half_width, top, bottom = neck
        draw.ellipse((192 - half_width, top, 192 + half_width, bottom), fill=GROUND)
    light = np.random.default_rng(0).normal(1, 0.05, (16, 12, 1)).astype(np.float32)
    folds = Image.fromarray(np.uint8(np.clip(light[..., 0] * 128, 0, 255))).resize(
        image.size, Image.Resampling.BICUBIC
    )
    shaded = np.asarray(image, np.float32) * (np.asarray(folds, np.float32)[..., None] / 128)
    cloth = (np.asarray(image) != np.array(GROUND)).any(axis=-1, keepdims=True)
    pixels = np.where(cloth, np.clip(shaded, 0, 255), np.asarray(image)).astype(np.uint8)
    return Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.6))
