"""Contact sheets: samples at a glance, one row each."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from tryon.data.synthetic.canonical import PARTS
from tryon.data.synthetic.sample import CLOTHES, Sample, Surface


def contact_sheet(samples: Sequence[Sample]) -> Image.Image:
    """One row per sample: person, garment, other, new garment, agnostic person with keypoints,
    clothes labels, parts, body map of the visible surface, body map of the body with its band."""
    return Image.fromarray(np.vstack([np.hstack(sample_tiles(sample)) for sample in samples]))


def sample_tiles(sample: Sample) -> list[np.ndarray]:
    """The pictures of one row, all uint8 and as large as the person picture."""
    height, width = sample.agnostic.shape
    agnostic = sample.person.image.copy()
    agnostic[sample.agnostic] = 128
    for x, y, confidence in [*sample.keypoints, *sample.hands.reshape(-1, 3)]:
        if confidence > 0:
            colour = (230, 30, 30) if confidence > 0.5 else (30, 60, 230)
            cv2.circle(agnostic, (int(x), int(y)), max(1, height // 128), colour, -1)
    tiles = [
        sample.person.image,
        sample.garment.photo.image,
        sample.other.image,
        sample.new_garment.photo.image,
        agnostic,
        label_colours(len(CLOTHES))[sample.person.clothes],
        label_colours(len(PARTS))[sample.person.surface.parts],
        surface_colours(sample.person.surface),
        surface_colours(sample.body),
    ]
    return [
        tile
        if tile.shape[:2] == (height, width)
        else cv2.resize(tile, (width, height), interpolation=cv2.INTER_AREA)
        for tile in tiles
    ]


def label_colours(count: int) -> np.ndarray:
    """uint8 (count, 3): black for 0, then distinct colours."""
    hues = (np.arange(count) * 67 % 180).astype(np.uint8)
    values = np.where(np.arange(count) % 2 == 0, 255, 190).astype(np.uint8)
    hsv = np.stack([hues, np.full(count, 170, np.uint8), values], axis=-1)
    colours = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]
    colours[0] = 0
    return colours


def surface_colours(surface: Surface) -> np.ndarray:
    """uint8 (H, W, 3): u in red, v in green, the layer in blue (dark in front)."""
    blue = np.choose(surface.layer, (0.0, 0.25, 0.9))[..., None]
    colours = np.concatenate([surface.uv, blue], axis=-1)
    return (np.clip(colours, 0, 1) * 255).astype(np.uint8)
