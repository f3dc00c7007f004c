"""The nouns that every room shares: categories, boxes, poses.

Images are PIL RGB; masks are PIL `L`, 255 = repaint. Coordinates are pixels, x to the
right, y down, and (0, 0) is the top left corner of the top left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Category = Literal["upper", "lower", "dress"]
CATEGORIES: tuple[Category, ...] = ("upper", "lower", "dress")

# OpenPose-18 (COCO) order: index of each joint in `Pose.keypoints`. Sides are the person's own.
JOINTS: tuple[str, ...] = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
)

# Parts of the body by label, in body maps and in synthetic truth. Sides are the person's own.
BODY_PARTS: tuple[str, ...] = (
    "background",
    "head",
    "neck",
    "torso",
    "left_upper_arm",
    "left_forearm",
    "left_hand",
    "right_upper_arm",
    "right_forearm",
    "right_hand",
    "left_thigh",
    "left_shin",
    "left_foot",
    "right_thigh",
    "right_shin",
    "right_foot",
)

MaskMode = Literal["replace", "add", "subtract"]
"""What a mask of the caller's does to the automatic one."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels: left and top are inside, right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), as PIL has it."""
        return self.width, self.height

    def as_tuple(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True, eq=False, slots=True)
class SoftMask:
    """How likely each pixel of a (perhaps turned) window of the photo shows one certain person.

    values: float32 (height, width), 0-1; outside the window nothing is known.
    to_photo: float32 (2, 3), affine map from window pixels to photo pixels.
    """

    values: np.ndarray
    to_photo: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class Pose:
    """One person's joints.

    keypoints: float32 (18, 3), OpenPose-18 order: x, y in pixels, confidence 0-1.
        A joint may lie outside the frame; one that was not found has confidence 0.
    hands: float32 (2, 3, 3), [right, left] x [thumb, index, little finger] x [x, y, confidence],
        zeros where the estimator does not tell.
    score: how sure the estimator is that there is a person, 0-1.
    box: the person's extent in the frame, or None if unknown.
    mask: the person's rough silhouette, or None where the estimator does not tell.
    """

    keypoints: np.ndarray
    hands: np.ndarray
    score: float
    box: Box | None = None
    mask: SoftMask | None = None

    def joint(self, name: str) -> np.ndarray:
        """float32 (3,): x, y, confidence of the joint called `name` (see `JOINTS`)."""
        return self.keypoints[JOINTS.index(name)]

    def seen(self, name: str, threshold: float = 0.3) -> bool:
        """Whether the joint called `name` was found with at least this confidence."""
        return bool(self.joint(name)[2] >= threshold)


Tuck = Literal["auto", "in", "out"]
"""How a top is worn: as the person wears theirs, ended at the waistband, or hanging over it."""
