"""How well a mask tells what is to be repainted of a synthetic person from what is to stay."""

from __future__ import annotations

import math

import cv2
import numpy as np

from tryon.data.synthetic.sample import BAG, HAIR, HAND, SKIN, Sample
from tryon.types import BODY_PARTS

_ARMS = [i for i, name in enumerate(BODY_PARTS) if name.endswith(("upper_arm", "forearm"))]
_HEAD = BODY_PARTS.index("head")
_FEWEST = 30  # pixels of a kind that count


def repainting_measures(sample: Sample, area: np.ndarray) -> dict[str, float]:
    """Percentages of pixels, nan where the sample has too few of a kind.

    area: bool (H, W), what is repainted.

    hair, bag, hand, arm: of those within the outline (the convex hull) of the old and the new
        garment, how many stay: hair that hangs below the head, bags and straps, hands, and arms
        that are bare in both pictures.
    old: how much of the old garment is left standing.
    other: how much of the garments of another category is repainted, though neither garment
        comes near.
    """
    before, after = sample.person.clothes, sample.other.clothes
    old = before == sample.garment.label
    outline = _hull(old | (after == sample.new_garment.label))
    parts = sample.person.surface.parts
    bare = (before == SKIN) & (after == SKIN) & np.isin(parts, _ARMS)
    labels = [piece.label for piece in sample.garments if piece.category != sample.category]
    return {
        "hair": _share(~area, outline & (before == HAIR) & (parts > 0) & (parts != _HEAD)),
        "bag": _share(~area, outline & (before == BAG)),
        "hand": _share(~area, outline & (before == HAND)),
        "arm": _share(~area, outline & bare),
        "old": _share(~area, old),
        "other": _share(area, np.isin(before, labels) & ~sample.agnostic),
    }


def _share(chosen: np.ndarray, region: np.ndarray) -> float:
    count = np.count_nonzero(region)
    return math.nan if count < _FEWEST else 100 * np.count_nonzero(chosen & region) / count


def _hull(mask: np.ndarray) -> np.ndarray:
    """bool (H, W): the convex hull of a bool mask."""
    filled = np.zeros(mask.shape, np.uint8)
    rows, columns = np.nonzero(mask)
    if len(rows):
        corners = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))
        cv2.fillConvexPoly(filled, corners, 1)
    return filled > 0
