"""OpenPose-18 keypoints and hands of a figure, with the truth about what is hidden."""

from __future__ import annotations

import numpy as np

from tryon.data.synthetic.figure import Figure
from tryon.data.synthetic.materials import SAMPLES

COCO_ORDER = {
    "nose": 0, "left_eye": 1, "right_eye": 2, "left_ear": 3, "right_ear": 4,
    "left_shoulder": 5, "right_shoulder": 6, "left_elbow": 7, "right_elbow": 8,
    "left_wrist": 9, "right_wrist": 10, "left_hip": 11, "right_hip": 12,
    "left_knee": 13, "right_knee": 14, "left_ankle": 15, "right_ankle": 16,
}  # fmt: skip
"""Rows of the body model's keypoint regressor."""

HIDDEN = 0.4
"""Confidence of a joint that something else covers."""

COVER_METRES = 0.16
"""A joint lies inside the body; what is nearer than this in front of it is its own flesh."""


def figure_keypoints(figure: Figure, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints float32 (18, 3) and hands float32 (2, 3, 3) (see `sample.Sample`).

    depth: float32 (H, W), of the dressed figure, in the camera's samples.
    """
    from tryon.types import JOINTS

    joints = figure.model.joints @ figure.points
    world = joints[[COCO_ORDER.get(name, 0) for name in JOINTS]]
    world[JOINTS.index("neck")] = (joints[5] + joints[6]) / 2
    bone, heads = figure.model.bone, figure.shape.heads
    fingers = [f"finger{k}" for k in (1, 2, 5)]
    last = [bone[f"{name}-3.{side}"] for side in "RL" for name in fingers]
    before = [bone[f"{name}-2.{side}"] for side in "RL" for name in fingers]
    ends = heads[last] + 0.9 * (heads[last] - heads[before])
    moves = figure.transforms[last]
    tips = np.einsum("nij,nj->ni", moves[:, :, :3], ends) + moves[:, :, 3]
    seen = _in_picture(figure, np.concatenate([world, tips]), depth)
    return seen[:18], seen[18:].reshape(2, 3, 3)


def _in_picture(figure: Figure, points: np.ndarray, depth: np.ndarray) -> np.ndarray:
    flat = figure.camera.project(points.astype(np.float32))
    height, width = depth.shape
    inside = (flat[:, 0] >= 0) & (flat[:, 0] < width) & (flat[:, 1] >= 0) & (flat[:, 1] < height)
    x = np.clip(flat[:, 0].astype(int), 0, width - 1)
    y = np.clip(flat[:, 1].astype(int), 0, height - 1)
    covered = flat[:, 2] - depth[y, x] > COVER_METRES
    confidence = np.where(inside, np.where(covered, HIDDEN, 1.0), 0.0)
    return np.column_stack([flat[:, :2] / SAMPLES, confidence]).astype(np.float32)
