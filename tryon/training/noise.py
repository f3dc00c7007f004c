"""Errors that estimators make, put onto synthetic truth: joints, silhouettes, garment outlines.

A net trained on perfect joints and outlines would trust them. The sizes below are what BlazePose
and selfie segmentation show on street photographs, rounded up.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tryon.types import JOINTS

_LEFT_RIGHT = [
    (JOINTS.index(name), JOINTS.index(name.replace("right", "left")))
    for name in JOINTS
    if name.startswith("right")
]


@dataclass(frozen=True, slots=True)
class PersonNoise:
    """How wrong keypoints and silhouettes are; lengths in fractions of the person's height.

    joint: spread of every joint on its own. pair: spread that a left and a right joint share
    (an estimator's hips sit higher or wider than the skeleton's). whole: spread of all together.
    stray: share of joints far off (by `far`). missing: share of joints not found.
    swapped: share of left-right pairs exchanged. hidden: how much worse hidden joints are.
    outline: spread of how far the silhouette grows or shrinks.
    """

    joint: float = 0.006
    pair: float = 0.008
    whole: float = 0.004
    stray: float = 0.02
    far: float = 0.05
    missing: float = 0.03
    swapped: float = 0.01
    hidden: float = 2.5
    outline: float = 0.006


def noisy_keypoints(
    rng: np.random.Generator, keypoints: np.ndarray, height: float, noise: PersonNoise
) -> np.ndarray:
    """float32 (18, 3): keypoints as an estimator might give them.

    keypoints: (18, 3), x, y in pixels and confidence. height: of the whole person, in pixels.
    """
    found = keypoints.astype(np.float32).copy()
    spread = np.full(len(found), noise.joint)
    spread[found[:, 2] < 0.7] *= noise.hidden
    spread = np.where(rng.random(len(found)) < noise.stray, noise.far, spread)
    level = rng.uniform(0.3, 1.4)
    found[:, :2] += rng.normal(size=(len(found), 2)) * spread[:, None] * height * level
    found[:, :2] += rng.normal(size=2) * noise.whole * height
    for right, left in _LEFT_RIGHT:
        out, down = rng.normal(size=2) * noise.pair * height
        between = found[left, :2] - found[right, :2]
        apart = float(np.hypot(*between))
        outward = between / apart * min(out, apart) if apart > 1 else np.zeros(2)
        found[right, :2] += np.array([0, down]) - outward
        found[left, :2] += np.array([0, down]) + outward
        if rng.random() < noise.swapped:
            found[[right, left]] = found[[left, right]]
    seen = found[:, 2] > 0.7
    sure = np.where(seen, rng.uniform(0.75, 1.0, len(found)), rng.uniform(0.05, 0.8, len(found)))
    found[:, 2] = np.where(rng.random(len(found)) < noise.missing, 0, sure)
    neck, shoulders = (
        JOINTS.index("neck"),
        [JOINTS.index(f"{s}_shoulder") for s in ("right", "left")],
    )
    found[neck, :2] = found[shoulders, :2].mean(axis=0)  # as estimators without a neck do
    found[neck, 2] = found[shoulders, 2].min()
    return found


def noisy_silhouette(
    rng: np.random.Generator, silhouette: np.ndarray, height: float, noise: PersonNoise
) -> np.ndarray:
    """float32 (h, w), 0-1: a silhouette as a segmenter might give it.

    silhouette: (h, w), 0 or 1. height: of the whole person, in pixels.
    """
    mask: np.ndarray = silhouette.astype(np.uint8)
    if rng.random() < 0.25:  # the gap between arm and trunk closes
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(rng.uniform(0.01, 0.03) * height))
    for _ in range(rng.integers(0, 4)):  # hair, bags and clothes more, or bites less
        mask = _with_blob(rng, mask, height, add=rng.random() < 0.65)
    grow = rng.normal() * noise.outline * height
    if abs(grow) >= 0.5:
        operation = cv2.MORPH_DILATE if grow > 0 else cv2.MORPH_ERODE
        mask = cv2.morphologyEx(mask, operation, _disc(abs(grow)))
    soft: np.ndarray = mask.astype(np.float32)
    if rng.random() < 0.5:  # a segmenter's own grid is coarser than the photo's
        size = rng.uniform(0.25, 0.7)
        coarse = cv2.resize(soft, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
        soft = cv2.resize(coarse, soft.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(soft, (0, 0), rng.uniform(0.3, 1.5))


def noisy_outline(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """uint8 (h, w), 0-255: a garment's mask as a cut-out might have it: rough, softly edged."""
    whole: np.ndarray = mask.astype(np.uint8)
    size = float(np.sqrt(max(int(whole.sum()), 1)))
    for _ in range(rng.integers(0, 3)):
        whole = _with_blob(rng, whole, 0.5 * size, add=rng.random() < 0.4)
    if rng.random() < 0.5:
        operation = cv2.MORPH_DILATE if rng.random() < 0.5 else cv2.MORPH_ERODE
        whole = cv2.morphologyEx(whole, operation, _disc(rng.uniform(0.5, 1.6)))
    return (cv2.GaussianBlur(whole * 255, (0, 0), rng.uniform(0.3, 1.0))).astype(np.uint8)


def _with_blob(rng: np.random.Generator, mask: np.ndarray, size: float, add: bool) -> np.ndarray:
    """The mask with an ellipse drawn in or wiped out somewhere on its outline."""
    outline = mask - cv2.erode(mask, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(outline)
    if len(rows) == 0:
        return mask
    i = rng.integers(len(rows))
    largest = 0.06 if add else 0.025
    axes = np.maximum(1, rng.uniform(0.008, largest, 2) * size).astype(int).tolist()
    drawn = mask.copy()
    centre = (int(columns[i]), int(rows[i]))
    cv2.ellipse(drawn, centre, axes, float(rng.uniform(0, 180)), 0, 360, int(add), -1)
    return drawn


def _disc(radius: float) -> np.ndarray:
    size = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
