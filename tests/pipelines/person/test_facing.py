"""Which way somebody faces, from joints and body maps that are made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tryon.pipelines.bodymap import MAP_HEIGHT, MAP_WIDTH, BodyMap
from tryon.pipelines.person.facing import facing_score
from tryon.types import BODY_PARTS, JOINTS, Box, Pose


def posed(width: float, *, confidence: float = 0.9) -> Pose:
    """Shoulders so far apart, in lengths of the trunk."""
    keypoints = np.zeros((18, 3), np.float32)
    keypoints[:, 2] = confidence
    for name, x, y in (("shoulder", width, 0), ("hip", width / 2, 1)):
        for side, sign in (("right", -1), ("left", 1)):
            keypoints[JOINTS.index(f"{side}_{name}"), :2] = 300 + 50 * sign * x, 200 + 100 * y
    return Pose(keypoints, np.zeros((2, 3, 3), np.float32), 0.9)


def seen(front: float) -> BodyMap:
    """The front of the trunk is seen with this probability; of the legs, the back."""
    grid = (MAP_HEIGHT, MAP_WIDTH)
    parts = np.zeros((*grid, len(BODY_PARTS)), np.float32)
    parts[:96, :, BODY_PARTS.index("torso")] = 1
    parts[96:, :, BODY_PARTS.index("left_thigh")] = 1
    side = np.full(grid, front, np.float32)
    side[96:] = 0
    ones = np.ones(grid, np.float32)
    box = Box(0, 0, MAP_WIDTH, MAP_HEIGHT)
    return BodyMap(np.zeros((*grid, 2)), side, ones, parts, ones, box, box.size)


@pytest.mark.parametrize(
    ("width", "front", "score"),
    [(0.7, 1.0, 1.0), (0.7, 0.0, -1.0), (0.31, 1.0, 0.5), (0.02, 0.5, 0.0)],
    ids=["front", "back", "turned", "profile"],
)
def test_tells_front_profile_and_back(width: float, front: float, score: float) -> None:
    assert facing_score(posed(width), seen(front)) == pytest.approx(score, abs=0.01)


def test_a_leaning_trunk_is_as_wide() -> None:
    pose = posed(0.5)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    leaning = pose.keypoints.copy()
    leaning[:, :2] = leaning[:, :2] @ turn.T
    score = facing_score(replace(pose, keypoints=leaning), seen(1))
    assert score == pytest.approx(facing_score(pose, seen(1)), abs=0.01)


def test_without_hips_the_side_alone_is_told() -> None:
    assert facing_score(posed(0.2, confidence=0.0), seen(1)) == pytest.approx(1)


def test_nothing_is_told_of_nobody() -> None:
    nothing = seen(1)
    nothing.confidence[:] = 0
    assert facing_score(posed(0.7), nothing) == 0
