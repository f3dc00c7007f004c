"""Errors that estimators make, put onto synthetic truth: joints, silhouettes, garment outlines.

A net trained on perfect joints and outlines would trust them. The sizes below were measured:
BlazePose and the silhouette of `tryon.pipelines.silhouette` on 215 rendered people whose truth is
known (`tryon.training.sightings` renders such people). BlazePose's joints have a place of their
own: its hips, for one, lie 1.5 % of the body's height above those of the body model.
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

# How far an estimator's joint lies outwards (away from its twin) and down, and how widely its
# places are spread across and along the picture; all in thousandths of the person's height.
_MEASURED: dict[str, tuple[float, float, float, float]] = {
    "nose": (0, -5.5, 4, 5),
    "neck": (0, 0, 0, 0),  # the middle of the shoulders
    "shoulder": (4.8, -2.6, 5.5, 5.5),
    "elbow": (1.5, 0, 6, 7.5),
    "wrist": (-1.4, 0, 7, 8.5),
    "hip": (2.4, -14.5, 7.5, 15),
    "knee": (-4.6, -6.8, 7.5, 15),
    "ankle": (0, -4, 3.7, 9),
    "eye": (0.5, -4.4, 4.5, 5),
    "ear": (-6.5, -5.5, 6, 6),
}
_TABLE = np.array([_MEASURED[name.rpartition("_")[2]] for name in JOINTS]) / 1000


@dataclass(frozen=True, slots=True)
class PersonNoise:
    """How wrong keypoints and silhouettes are, compared with the measured errors.

    joint, offset: multiples of the measured spread and of the measured offset of each joint.
    whole: spread of all joints together, as a fraction of the person's height.
    stray: share of joints that are far off, by about `far` of the height.
    missing: share of joints not found. swapped: share of people whose left and right are exchanged.
    hidden, outside: how much worse joints are that something covers, or that the frame cuts off.
    outline: a multiple of the silhouette's measured errors.
    """

    joint: float = 1.0
    offset: float = 1.0
    whole: float = 0.002
    stray: float = 0.04
    far: float = 0.045
    missing: float = 0.01
    swapped: float = 0.035
    hidden: float = 2.0
    outline: float = 1.0
    outside: float = 4.0


def noisy_keypoints(
    rng: np.random.Generator, keypoints: np.ndarray, height: float, noise: PersonNoise
) -> np.ndarray:
    """float32 (18, 3): keypoints as an estimator might give them.

    keypoints: (18, 3), x, y in pixels and confidence: 1 visible, less if covered, 0 outside the
    frame. height: of the whole person, in pixels.
    """
    found = keypoints.astype(np.float32).copy()
    count, inside, seen = len(found), keypoints[:, 2] > 0, keypoints[:, 2] > 0.7
    spread = _TABLE[:, 2:] * noise.joint * rng.lognormal(-0.1, 0.5, (count, 1))
    spread = spread * np.where(inside, np.where(seen, 1, noise.hidden), noise.outside)[:, None]
    spread = np.where(rng.random((count, 1)) < noise.stray, noise.far, spread)
    moved = rng.normal(size=(count, 2)) * spread + rng.normal(size=2) * noise.whole
    moved[:, 1] += _TABLE[:, 1] * noise.offset
    for right, left in _LEFT_RIGHT:
        between = keypoints[left, :2] - keypoints[right, :2]
        apart = float(np.hypot(*between))
        outward = between / max(apart, 0.02 * height) * _TABLE[left, 0] * noise.offset
        moved[left] += outward
        moved[right] -= outward
    found[:, :2] += moved * height
    found[:, 2] = _confidence(rng, inside, seen)
    found[rng.random(count) < noise.missing, 2] = 0
    if rng.random() < noise.swapped:
        for right, left in _LEFT_RIGHT:
            found[[right, left]] = found[[left, right]]
    neck, right, left = (JOINTS.index(n) for n in ("neck", "right_shoulder", "left_shoulder"))
    found[neck, :2] = found[[right, left], :2].mean(axis=0)  # as estimators without a neck do
    found[neck, 2] = found[[right, left], 2].min()
    return found


def _confidence(rng: np.random.Generator, inside: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(n,): near 1 for nearly all visible and most covered joints, mostly 0 outside the frame."""
    count = len(inside)
    sure = 1 - rng.beta(0.5, 6, count)
    doubtful = rng.random(count) < np.where(seen, 0.04, 0.35)
    sure = np.where(doubtful, rng.uniform(0.05, 0.9, count), sure)
    beyond = np.where(rng.random(count) < 0.66, 0, rng.uniform(0, 0.9, count))
    return np.where(inside, sure, beyond)


def noisy_silhouette(
    rng: np.random.Generator, silhouette: np.ndarray, height: float, noise: PersonNoise
) -> np.ndarray:
    """float32 (h, w), 0-1: a silhouette as a segmenter might give it.

    silhouette: (h, w), 0 or 1. height: of the whole person, in pixels.
    """
    mask: np.ndarray = silhouette.astype(np.uint8)
    if rng.random() < 0.12 * noise.outline:  # the gap between arm and trunk closes
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _disc(rng.uniform(0.01, 0.03) * height))
    if rng.random() < 0.3 * noise.outline:  # hair, bags and clothes more, or bites less
        for _ in range(rng.integers(1, 5)):
            mask = _with_blob(rng, mask, height, add=rng.random() < 0.5)
    grow = rng.standard_t(2) * 0.0012 * noise.outline * height
    if abs(grow) >= 0.5:
        operation = cv2.MORPH_DILATE if grow > 0 else cv2.MORPH_ERODE
        mask = cv2.morphologyEx(mask, operation, _disc(min(abs(grow), 0.02 * height)))
    soft: np.ndarray = mask.astype(np.float32)
    if rng.random() < 0.5 * noise.outline:  # a segmenter's own grid is coarser than the photo's
        size = rng.uniform(0.4, 0.9)
        coarse = cv2.resize(soft, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
        soft = cv2.resize(coarse, soft.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(soft, (0, 0), rng.uniform(0.3, 0.9))


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
