from __future__ import annotations

import numpy as np
import pytest

from tryon.data.synthetic.bodies import body_model, bone_transforms, part_of_bone, posed
from tryon.data.synthetic.canonical import PARTS
from tryon.data.synthetic.turns import axis_turn


def test_no_rotation_leaves_the_body_as_it_is() -> None:
    model = body_model()
    turns = np.tile(np.eye(3), (len(model.parents), 1, 1))
    transforms = bone_transforms(model, model.mean.heads, turns)
    assert np.abs(posed(model, model.mean.rest, transforms) - model.mean.rest).max() < 1e-5


def test_an_arm_carries_its_hand_rigidly() -> None:
    model, shoulder = body_model(), body_model().bone["upperarm01.L"]
    turns = np.tile(np.eye(3), (len(model.parents), 1, 1))
    turns[shoulder] = axis_turn("y", 35) @ axis_turn("x", -20)
    moved = posed(model, model.mean.rest, bone_transforms(model, model.mean.heads, turns))
    hand, pivot = model.parts == PARTS.index("left_hand"), model.mean.heads[shoulder]
    expected = (model.mean.rest[hand] - pivot) @ turns[shoulder].T + pivot
    assert np.abs(moved[hand] - expected).max() < 1e-4
    other = model.parts == PARTS.index("right_hand")
    assert np.abs(moved[other] - model.mean.rest[other]).max() < 1e-5


def test_a_parent_turns_what_its_child_has_turned() -> None:
    model = body_model()
    upper, lower = model.bone["upperarm01.L"], model.bone["lowerarm01.L"]
    turns = np.tile(np.eye(3), (len(model.parents), 1, 1))
    turns[upper], turns[lower] = axis_turn("y", 30), axis_turn("x", -60)
    heads = model.mean.heads
    got = bone_transforms(model, heads, turns)[lower]
    point = np.array([0.5, -0.2, 0.3])
    bent = turns[lower] @ (point - heads[lower]) + heads[lower]
    expected = turns[upper] @ (bent - heads[upper]) + heads[upper]
    assert got[:, :3] @ point + got[:, 3] == pytest.approx(expected, abs=1e-5)


def test_the_pool_holds_different_adults() -> None:
    heights = np.ptp(body_model().pool_rest[:, :, 2], axis=1)
    assert heights.min() > 1.5 and heights.max() < 2.15
    assert heights.std() > 0.06


def test_a_blend_lies_between_its_two_shapes() -> None:
    model = body_model()
    middle = model.shape(2, 9, 0.5)
    assert np.allclose(middle.rest, (model.pool_rest[2] + model.pool_rest[9]) / 2, atol=1e-6)
    lengths = np.linalg.norm(middle.smooth_normals, axis=1)
    assert np.quantile(lengths, 0.01) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("bone", "part"),
    [
        ("upperarm02.L", "left_upper_arm"),
        ("metacarpal3.R", "right_hand"),
        ("toe2-3.L", "left_foot"),
        ("lowerleg01.R", "right_shin"),
        ("spine02", "torso"),
        ("neck03", "neck"),
        ("eye.L", "head"),
    ],
)
def test_bones_move_their_parts(bone: str, part: str) -> None:
    assert part_of_bone(bone) == part
