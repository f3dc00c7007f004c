from __future__ import annotations

import warnings

import numpy as np
import pytest

from tryon.pipelines.skeleton import COLOURS, LIMBS, draw_skeleton
from tryon.types import Pose

SIZE = 512


def made_up(seed: int) -> Pose:
    rng = np.random.default_rng(seed)
    keypoints = np.column_stack([rng.uniform(0, SIZE, (18, 2)), rng.uniform(0, 1, 18)])
    return Pose(keypoints.astype(np.float32), np.zeros((2, 3, 3), np.float32), score=1.0)


def test_same_pixels_as_controlnet_aux() -> None:
    pytest.importorskip("torchvision")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about optional models that are not used here
        oracle = pytest.importorskip("controlnet_aux.open_pose.util")
        from controlnet_aux.open_pose.body import Keypoint
    for seed in range(8):
        pose = made_up(seed)
        points = [
            Keypoint(x / SIZE, y / SIZE) if confidence >= 0.3 else None
            for x, y, confidence in pose.keypoints.astype(float).tolist()
        ]
        expected = oracle.draw_bodypose(np.zeros((SIZE, SIZE, 3), np.uint8), points)
        assert np.array_equal(np.asarray(draw_skeleton([pose], (SIZE, SIZE))), expected)


def test_colours_and_limbs_are_openpose_18() -> None:
    assert len(LIMBS) == 17
    assert len(COLOURS) == len(set(COLOURS)) == 18
    assert {joint for limb in LIMBS for joint in limb} == set(range(18))


def test_joint_has_its_own_colour() -> None:
    pose = made_up(0)
    pose.keypoints[:, 2] = 0
    pose.keypoints[4] = 100, 200, 1
    drawn = np.asarray(draw_skeleton([pose], (SIZE, SIZE)))
    assert tuple(drawn[200, 100]) == COLOURS[4]
    assert np.count_nonzero(drawn.any(-1)) == pytest.approx(np.pi * 4**2, abs=10)


def test_widths_follow_the_size() -> None:
    pose = made_up(1)
    pose.keypoints[:, 2] = 1
    small = np.asarray(draw_skeleton([pose], (SIZE, SIZE))).any(-1).mean()
    pose.keypoints[:, :2] *= 4
    large = np.asarray(draw_skeleton([pose], (4 * SIZE, 4 * SIZE))).any(-1).mean()
    thin = np.asarray(draw_skeleton([pose], (4 * SIZE, 4 * SIZE), radius=4)).any(-1).mean()
    assert large == pytest.approx(small, rel=0.1)
    assert thin < large / 3


def test_unsure_joints_are_left_out() -> None:
    pose = made_up(2)
    pose.keypoints[:, 2] = 0.2
    assert draw_skeleton([pose], (64, 96)).getbbox() is None
    assert draw_skeleton([pose], (64, 96)).size == (64, 96)
    assert draw_skeleton([pose], (SIZE, SIZE), threshold=0.1).getbbox() is not None


def test_nobody_is_black() -> None:
    assert draw_skeleton([], (30, 20)).getbbox() is None


def test_joints_outside_the_frame_are_clipped() -> None:
    pose = made_up(3)
    pose.keypoints[:, :2] -= 300
    pose.keypoints[:, 2] = 1
    assert draw_skeleton([pose], (SIZE, SIZE)).size == (SIZE, SIZE)
