"""A body's measures: in proportion, whatever the size, the turn and what was not found."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.errors import OutOfFrameError
from tryon.pipelines.anatomy import Bone, anatomy, position_along, reach
from tryon.types import JOINTS, Pose

STANDING = {
    "nose": (0, -62),
    "neck": (0, 0),
    "right_shoulder": (-50, 0),
    "left_shoulder": (50, 0),
    "right_elbow": (-65, 75),
    "left_elbow": (65, 75),
    "right_wrist": (-70, 140),
    "left_wrist": (70, 140),
    "right_hip": (-25, 145),
    "left_hip": (25, 145),
    "right_knee": (-25, 265),
    "left_knee": (25, 265),
    "right_ankle": (-25, 380),
    "left_ankle": (25, 380),
    "right_eye": (-11, -75),
    "left_eye": (11, -75),
    "right_ear": (-20, -70),
    "left_ear": (20, -70),
}


def standing(*, scale: float = 1, degrees: float = 0, without: tuple[str, ...] = ()) -> Pose:
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    keypoints = np.zeros((18, 3), dtype=np.float32)
    for index, name in enumerate(JOINTS):
        if name not in without:
            keypoints[index] = (*(turn @ np.array(STANDING[name]) * scale + 500), 0.9)
    return Pose(keypoints, np.zeros((2, 3, 3), dtype=np.float32), 0.9)


@pytest.mark.parametrize("degrees", [0, 30, -90])
def test_measures_follow_size_and_turn(degrees: float) -> None:
    small, large = anatomy(standing()), anatomy(standing(scale=4, degrees=degrees))
    assert large.unit == pytest.approx(4 * small.unit, rel=1e-3)
    assert large.face == pytest.approx(4 * small.face, rel=1e-3)
    angle = np.deg2rad(degrees)
    assert large.up == pytest.approx([np.sin(angle), -np.cos(angle)], abs=1e-3)
    assert set(large.bones) == set(small.bones) and len(large.bones) == 15


def test_the_chin_lies_between_mouth_and_neck() -> None:
    measures = anatomy(standing())
    chin = measures.eyes - measures.face * measures.up
    assert 500 - 48 < chin[1] < 500 - 28


def test_from_the_side_the_torso_is_the_measure() -> None:
    pose = standing()
    pose.keypoints[:, 0] = 500 + (pose.keypoints[:, 0] - 500) * 0.1
    assert anatomy(pose).unit == pytest.approx(0.65 * 145, rel=0.02)


def test_legs_are_completed_and_arms_left_out() -> None:
    missing = ("right_hip", "left_hip", "left_knee", "left_ankle", "right_knee", "right_ankle")
    completed, known = anatomy(standing(without=missing)), anatomy(standing())
    for name in ("torso", "right_thigh", "left_shin"):
        assert completed.bones[name].end == pytest.approx(known.bones[name].end, abs=30)
    no_elbow = anatomy(standing(without=("left_elbow",)))
    assert not {"left_upper_arm", "left_forearm", "left_hand"} & set(no_elbow.bones)
    assert "right_hand" in no_elbow.bones


def test_one_shoulder_is_mirrored_and_none_is_an_error() -> None:
    measures = anatomy(standing(without=("left_shoulder",)))
    assert measures.bones["left_upper_arm"].start == pytest.approx([550, 500], abs=1)
    with pytest.raises(OutOfFrameError, match="shoulders"):
        anatomy(standing(without=("left_shoulder", "right_shoulder")))


def test_above_legs_alone_a_trunk_is_put() -> None:
    above = ("nose", "neck", *(f"{s}_{n}" for s in ("right", "left") for n in
             ("shoulder", "elbow", "wrist", "eye", "ear")))  # fmt: skip
    completed, known = anatomy(standing(without=above)), anatomy(standing())
    assert completed.unit == pytest.approx(known.unit, rel=0.35)
    assert completed.waist_axis[0] == pytest.approx(known.waist_axis[0], abs=60)
    assert completed.bones["left_shin"].end == pytest.approx(known.bones["left_shin"].end)
    hips_too = (*above, "right_hip", "left_hip")
    with pytest.raises(OutOfFrameError, match="shoulders"):
        anatomy(standing(without=hips_too))


@pytest.mark.parametrize("step", [1, 2])
def test_reach_is_the_distance_in_half_widths(step: int) -> None:
    bone = Bone(np.array([10.0, 12.0]), np.array([40.0, 30.0]), 4.0, 8.0)
    found = reach(bone, (60, 50), step)
    assert found.shape == (50 // step, 60 // step)
    along = np.linspace(0, 1, 4001)
    line = bone.start + along[:, None] * (bone.end - bone.start)
    for row, column in ((0, 0), (10, 20), (24, 7), (20, 25)):
        point = (np.array([column, row]) + 0.5) * step
        away = np.linalg.norm(line - point, axis=1)
        nearest = int(away.argmin())
        expected = away[nearest] / (4 + 4 * along[nearest])
        assert found[row, column] == pytest.approx(expected, rel=1e-3)


def test_position_along_a_line() -> None:
    found = position_along(np.array([0.5, 0.5]), np.array([10.5, 0.5]), (31, 3))
    np.testing.assert_allclose(found[1], np.arange(31) / 10, atol=1e-5)
