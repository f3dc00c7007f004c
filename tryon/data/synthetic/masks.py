"""The agnostic mask of a sample: what a try-on may repaint."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.data.synthetic.sample import BAG, CLOTHES, FACE, HAIR, HAND, View

GROWN = 0.016
"""How far the mask grows, as a fraction of the picture's height."""


def agnostic_mask(person: View, other: View, label: int, new_label: int) -> np.ndarray:
    """bool (H, W): old garment, new garment and the bare skin that changes between the views,
    grown a little; never face, hands, hair or bag."""
    old, new = person.clothes == label, other.clothes == new_label
    area = (old | new | (person.clothes != other.clothes)).astype(np.uint8)
    radius = max(1, round(GROWN * area.shape[0]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    grown = cv2.dilate(area, kernel).astype(bool)
    free = np.ones(len(CLOTHES), bool)
    free[[FACE, HAND, HAIR, BAG]] = False
    return grown & free[person.clothes]  # type: ignore[no-any-return]
