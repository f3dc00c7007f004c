"""Views of the pictures that the glance learns from: turned, mirrored, recoloured, cut out badly.

    python -m tryon.training.glance_views PICTURES_FOLDER CACHE_FOLDER --trunk WEIGHTS.pth

The trunk of the net stays as it was pre-trained, so that it looks at each view only once: the cache
holds what it saw.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from tryon.pipelines.garment.glance import garment_square, glance_inputs
from tryon.pipelines.garment.glance_net import GlanceNet
from tryon.training.array_cache import cached_count, read_rows, write_rows
from tryon.training.glance_pictures import (
    OTHER,
    PICTURE_SIZE,
    GlancePictures,
    flattened,
    read_glance_pictures,
)
from tryon.training.lite_trunk import pretrained_glance
from tryon.types import Box

_CANVAS = 224  # holds a picture at any angle
_TOGETHER = 32  # views that the net looks at in one go
_UPRIGHT = 0.4  # of the views of a garment stand nearly so
_NEARLY = 7.0  # degrees
_DAMAGED = 0.4  # of the outlines have too much or too little
_FLATTENED = 0.07  # of the garments are drawings in one colour
_LEFT = 0.6  # of the outline, at the least
_PER_PHOTO, _PER_OTHER, _PER_RENDERED = 14, 3, 8


@dataclass(frozen=True, eq=False, slots=True)
class GlanceViews:
    """n views, mapped from files.

    maps: float16 (n, 112, 6, 6), what the trunk of the net sees. outlines: uint8 (n, 96, 96).
    kinds, sources: as in `GlancePictures`. angles: float32 (n,), degrees clockwise, 0 to 360.
    """

    maps: np.ndarray
    outlines: np.ndarray
    kinds: np.ndarray
    sources: np.ndarray
    angles: np.ndarray

    def __len__(self) -> int:
        return len(self.kinds)


def read_glance_views(folder: Path) -> GlanceViews:
    """The cache in a folder, as far as it was written."""
    return read_rows(folder, GlanceViews)


def write_glance_views(folder: Path, pictures: GlancePictures, net: GlanceNet, seed: int) -> None:
    """Show the net every picture several times, in random order; goes on where it stopped."""
    often = np.where(pictures.sources > 0, _PER_PHOTO, _PER_RENDERED)
    often = np.where(pictures.kinds == OTHER, _PER_OTHER, often)
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(pictures)), often))
    rows = _views(pictures, order[cached_count(folder) :], net, seed + cached_count(folder))
    write_rows(folder, rows, len(order))


def _views(
    pictures: GlancePictures, order: np.ndarray, net: GlanceNet, seed: int
) -> Iterator[dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    for start in range(0, len(order), _TOGETHER):
        chosen = order[start : start + _TOGETHER]
        views = [view(rng, pictures.pictures[i], pictures.kinds[i] == OTHER) for i in chosen]
        inputs = [glance_inputs(square, outline) for square, outline, _ in views]
        shown = torch.from_numpy(np.stack([picture for picture, _ in inputs]))
        with torch.inference_mode():
            maps = net.trunk(shown.to(memory_format=torch.channels_last)).half().numpy()
        for i, seen, (_, outline, angle) in zip(chosen, maps, views, strict=True):
            yield {
                "maps": seen,
                "outlines": outline,
                "kinds": pictures.kinds[i],
                "sources": pictures.sources[i],
                "angles": np.array(angle, np.float32),
            }


def view(
    rng: np.random.Generator, picture: np.ndarray, other: bool
) -> tuple[np.ndarray, np.ndarray, float]:
    """The square that the net sees, its outline, and the angle in degrees clockwise, 0 to 360.

    picture: uint8 (128, 128, 4), RGBA, upright. other: whether it is no garment.
    """
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if not other and rng.random() < _FLATTENED:
        picture = flattened(rng, picture)
    upright = not other and rng.random() < _UPRIGHT
    angle = float(rng.normal() * _NEARLY if upright else rng.uniform(0, 360))
    turned = _turned(rng, np.ascontiguousarray(picture), angle)
    if turned[..., 3].max() <= 127:  # a line, thinner than a pixel
        turned[..., 3] = cv2.convertScaleAbs(turned[..., 3], alpha=255 / turned[..., 3].max())
    if rng.random() < _DAMAGED:
        damaged = _damaged(rng, turned)
        if np.count_nonzero(damaged[..., 3] > 127) > _LEFT * np.count_nonzero(turned[..., 3] > 127):
            turned = damaged
    alpha = turned[..., 3]
    rows, columns = np.nonzero((alpha > 127).any(1))[0], np.nonzero((alpha > 127).any(0))[0]
    box = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    square, outline = garment_square(_recoloured(rng, turned[..., :3]), alpha, box)
    return square, outline, angle % 360


def _turned(rng: np.random.Generator, picture: np.ndarray, angle: float) -> np.ndarray:
    """uint8 (224, 224, 4): stretched, and turned clockwise about its middle."""
    stretch = np.exp(rng.normal() * 0.06)
    scale = rng.uniform(0.6, 1.1)
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    linear = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([stretch, 1 / stretch]) * scale
    middle = (PICTURE_SIZE - 1) / 2
    shift = (_CANVAS - 1) / 2 - linear @ np.array([middle, middle])
    move = np.concatenate([linear, shift[:, None]], axis=1)
    return cv2.warpAffine(picture, move, (_CANVAS, _CANVAS), flags=cv2.INTER_LINEAR)


def _damaged(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """A copy with bites out of the outline, or additions, as a cut-out that errs."""
    alpha = picture[..., 3].copy()
    rows, columns = np.nonzero(alpha > 127)
    extent = max(np.ptp(rows), np.ptp(columns))
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(rows)))
        centre = int(columns[place]), int(rows[place])
        axes = tuple(int(v) for v in np.maximum(rng.uniform(0.02, 0.16, 2) * extent, 1))
        # What is added shows the ground of the picture, where it has one.
        value = 0 if rng.random() < 0.5 else 255
        cv2.ellipse(alpha, centre, axes, float(rng.uniform(0, 180)), 0, 360, value, -1)
    if rng.random() < 0.3:  # a hook
        end = centre[0] + int(rng.normal() * 4), centre[1] - int(rng.uniform(0.1, 0.5) * extent)
        cv2.line(alpha, centre, end, 255, int(rng.integers(1, 4)))
    return np.dstack([picture[..., :3], alpha])


def _recoloured(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3): brighter or darker, of another hue, or grey."""
    colour: np.ndarray = image.astype(np.float32)
    if rng.random() < 0.3:
        colour = colour[..., rng.permutation(3)]
    if rng.random() < 0.12:
        colour = np.repeat(colour.mean(axis=-1, keepdims=True), 3, axis=-1)
    colour = 127 + (colour - 127) * rng.uniform(0.6, 1.25)
    colour = colour * rng.uniform(0.7, 1.25) * rng.uniform(0.88, 1.12, 3) + rng.normal() * 8
    if rng.random() < 0.3:
        colour = cv2.GaussianBlur(colour, (0, 0), rng.uniform(0.4, 1.2))
    return np.clip(colour, 0, 255).astype(np.uint8)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the cache, going on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trunk", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    net = pretrained_glance(options.trunk, options.seed).eval()
    net = net.to(memory_format=torch.channels_last)
    pictures = read_glance_pictures(options.pictures)
    write_glance_views(options.folder, pictures, net, options.seed)


if __name__ == "__main__":
    main()
