"""Which part of a body is nearest to each pixel around it, and how near."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.pipelines.anatomy import (
    ARM_PARTS,
    FOOT_PARTS,
    HAND_PARTS,
    LEG_PARTS,
    TORSO_PARTS,
    Anatomy,
    reach,
)

PARTS = ("head", *TORSO_PARTS, *ARM_PARTS, *HAND_PARTS, *LEG_PARTS, *FOOT_PARTS)


def member(part: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """bool (h, w): the index of a part, uint8 (h, w), is that of one of `names`."""
    table = np.zeros(256, np.uint8)
    table[[PARTS.index(name) for name in names]] = 1
    return np.asarray(cv2.LUT(part, table)).view(bool)


def nearest_parts(measures: Anatomy, size: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Index of the nearest part, and the distances from it, from a hand, and from a forearm or
    hand."""
    near: np.ndarray = np.full((-(-size[1] // 2), -(-size[0] // 2)), 1e3, dtype=np.float32)
    hand, arm, part = near, near, np.zeros(near.shape, dtype=np.uint8)
    for index, name in enumerate(PARTS):
        if name not in measures.bones:
            continue
        distance = reach(measures.bones[name], size, 2)
        part[distance < near] = index
        near = np.minimum(near, distance)
        if name in HAND_PARTS:
            hand = np.minimum(hand, distance)
        if name in HAND_PARTS or name.endswith("forearm"):
            arm = np.minimum(arm, distance)
    planes = (
        np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_LINEAR))
        for each in (near, hand, arm)
    )
    return cv2.resize(part, size, interpolation=cv2.INTER_NEAREST), *planes
