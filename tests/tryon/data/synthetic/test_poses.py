from __future__ import annotations

import numpy as np
import pytest

from tryon.data.synthetic.bodies import body_model, bone_transforms
from tryon.data.synthetic.poses import random_pose
from tryon.data.synthetic.turns import axis_turn


def _joint(name: str, transforms: np.ndarray, heads: np.ndarray) -> np.ndarray:
    b = body_model().bone[name]
    return transforms[b][:, :3] @ heads[b] + transforms[b][:, 3]


def test_rotations_are_rotations() -> None:
    model = body_model()
    shape = model.shape(0, 1, 0.3)
    pose = random_pose(np.random.default_rng(3), model, shape)
    products = pose.rotations @ pose.rotations.transpose(0, 2, 1)
    assert np.allclose(products, np.eye(3), atol=1e-6)


def test_fingers_curl_towards_the_palm_and_thumbs_less() -> None:
    model = body_model()
    turns = random_pose(np.random.default_rng(3), model, model.shape(0, 1, 0.3)).rotations
    for side, sign in (("L", 1), ("R", -1)):
        angles = {}
        for finger in (1, 3):
            turn = turns[model.bone[f"finger{finger}-2.{side}"]]
            angles[finger] = sign * np.degrees(np.arctan2(turn[0, 2], turn[2, 2]))
            assert np.allclose(turn, axis_turn("y", sign * angles[finger]))
        assert 0 < angles[1] < 0.3 * 42 and angles[1] < angles[3] < 42


def test_the_same_seed_gives_the_same_pose() -> None:
    model = body_model()
    shape = model.shape(0, 1, 0.3)
    first, second = (random_pose(np.random.default_rng(5), model, shape) for _ in range(2))
    assert (first.rotations == second.rotations).all() and first.arms == second.arms


def test_hands_go_where_their_pose_says() -> None:
    model, found = body_model(), set()
    shape = model.shape(4, 11, 0.5)
    for seed in range(60):
        pose = random_pose(np.random.default_rng(seed), model, shape)
        transforms = bone_transforms(model, shape.heads, pose.rotations)
        wrist = _joint("wrist.L", transforms, shape.heads)
        hip = _joint("upperleg01.L", transforms, shape.heads)
        shoulder = _joint("upperarm01.L", transforms, shape.heads)
        name = pose.arms[0]
        found.add(name)
        if name == "hip":
            assert np.linalg.norm(wrist - hip) < 0.35
        elif name == "raised":
            assert wrist[2] > shoulder[2] + 0.1
        elif name == "down":
            assert wrist[2] < hip[2] + 0.15
        elif name == "behind":
            assert wrist[1] > hip[1]
    assert {"hip", "raised", "down", "behind", "crossed"} <= found


def test_whoever_sits_has_the_knees_up() -> None:
    model = body_model()
    shape = model.shape(4, 11, 0.5)
    pose = random_pose(np.random.default_rng(0), model, shape, seated=True)
    transforms = bone_transforms(model, shape.heads, pose.rotations)
    knee, hip = (_joint(n, transforms, shape.heads) for n in ("lowerleg01.L", "upperleg01.L"))
    assert knee[1] < hip[1] - 0.25 and abs(knee[2] - hip[2]) < 0.25


def test_axis_turns_are_right_handed() -> None:
    assert axis_turn("z", 90) @ [1, 0, 0] == pytest.approx([0, 1, 0])
    assert axis_turn("x", 90) @ [0, 1, 0] == pytest.approx([0, 0, 1])
    assert axis_turn("y", 90) @ [0, 0, 1] == pytest.approx([1, 0, 0])
