"""Skeletons drawn the way pose ControlNets were trained to see them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from tryon.types import Pose

# Pairs of OpenPose-18 joints. A limb has the colour of its place in this list, a joint of its own.
LIMBS: tuple[tuple[int, int], ...] = (
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (1, 0),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
)
# Eighteen steps around the colour wheel, of a sixth of the way from one corner to the next.
COLOURS: tuple[tuple[int, int, int], ...] = (
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (85, 0, 255),
    (170, 0, 255),
    (255, 0, 255),
    (255, 0, 170),
    (255, 0, 85),
)
LIMB_SHADE = 0.6  # limbs are darker than joints
TRAINED_RADIUS, TRAINED_SIDE = 4, 512  # pixels, of the pictures that the ControlNets learned from


def draw_skeleton(
    poses: Sequence[Pose],
    size: tuple[int, int],
    *,
    radius: int | None = None,
    threshold: float = 0.3,
) -> Image.Image:
    """RGB picture of `size` (width, height): skeletons on black, in OpenPose-18 colours.

    Drawn as controlnet-aux draws bodies, pixel for pixel at 512 pixels: limbs as ellipses, then
    joints as discs.

    radius: of joints, and half the width of limbs, in pixels; None scales 4 pixels at 512 with
        the shorter side. threshold: confidence from which a joint is drawn.
    """
    if radius is None:
        radius = max(1, round(TRAINED_RADIUS * min(size) / TRAINED_SIDE))
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    for pose in poses:
        shown = pose.keypoints[:, 2] >= threshold
        points = pose.keypoints[:, :2].astype(float)
        for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
            if shown[start] and shown[end]:
                shade = [int(channel * LIMB_SHADE) for channel in colour]
                cv2.fillConvexPoly(canvas, _limb(points[start], points[end], radius), shade)
        for point, colour in zip(points[shown], np.array(COLOURS)[shown].tolist(), strict=True):
            cv2.circle(canvas, (int(point[0]), int(point[1])), radius, colour, thickness=-1)
    return Image.fromarray(canvas)


def _limb(start: np.ndarray, end: np.ndarray, radius: int) -> np.ndarray:
    """int32 (n, 2): outline of the ellipse whose long axis goes from `start` to `end`."""
    middle = (start + end) / 2
    x, y = start - end
    half = int(math.hypot(x, y) / 2)
    angle = int(math.degrees(math.atan2(y, x)))
    centre = (int(middle[0]), int(middle[1]))
    return np.asarray(cv2.ellipse2Poly(centre, (half, radius), angle, 0, 360, 1))
