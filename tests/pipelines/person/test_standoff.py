"""Cloth beyond the body's edge, on a body that is the frame's own, and on one that is turned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tryon.pipelines.bodymap import BodyMap
from tryon.pipelines.person.canonical_figure import edges_of
from tryon.pipelines.person.standoff import standing_map, standing_uv
from tryon.types import BODY_PARTS, Box

SIDE = 400  # pixels of the frame's side


def frame() -> np.ndarray:
    """float32 (400, 400, 2): the coordinates of somebody who stands as the frame has it."""
    centres = (np.arange(SIDE) + 0.5) / SIDE
    return np.stack(np.meshgrid(centres, centres), axis=-1).astype(np.float32)


def trunk(uv: np.ndarray) -> np.ndarray:
    """bool (400, 400): the hips' half of the trunk, between the edges of the frame's figure."""
    (edge,) = edges_of("trunk")
    side = edge.points[(edge.points[:, 0] > 0.5) & (edge.points[:, 1] > 0.31)]
    half = np.interp(uv[:, 0, 1], side[:, 1], side[:, 0]) - 0.5
    rows = (uv[..., 1] > 0.32) & (uv[..., 1] < 0.5)
    return rows & (np.abs(frame()[..., 0] - 0.5) < half[:, None])


def beside(bare: np.ndarray, reach: int = 12) -> np.ndarray:
    """bool: what lies up to so many pixels left or right of it."""
    return (cv2.dilate(bare.astype(np.uint8), np.ones((1, 2 * reach + 1))) > 0) & ~bare


def test_on_the_frames_own_body_nothing_moves() -> None:
    uv = frame()
    bare = trunk(uv)
    standing_uv(uv, bare, beside(bare), "trunk", SIDE)
    assert np.abs(uv - frame())[140:188].max() < 0.01  # not where this trunk is cut off


def test_beyond_a_turned_bodys_edge_lies_what_lies_beyond_the_frames() -> None:
    """Turned by 0.03 of the frame: the map alone would wear what stands off by that much."""
    uv = frame()
    bare = trunk(uv)
    uv[..., 0] -= 0.025 * bare
    beyond = beside(bare)
    standing_uv(uv, bare, beyond, "trunk", SIDE)
    beyond[:140], beyond[188:] = False, False  # not where this trunk is cut off
    assert uv[beyond] == pytest.approx(frame()[beyond], abs=0.013)
    middle = bare & (np.abs(frame()[..., 0] - 0.5) < 0.02)
    assert uv[middle, 0] == pytest.approx(frame()[middle, 0] - 0.025, abs=1e-6)


@pytest.mark.parametrize("turn", [0, 40, 90])
def test_an_arm_has_an_upper_and_a_lower_edge_however_it_is_held(turn: int) -> None:
    """A place above the arm in the frame's pose stays above it when the arm hangs down."""
    upper, lower = edges_of("left_arm")
    outline = np.concatenate([upper.points[100:400], lower.points[60:400]])
    move = cv2.getRotationMatrix2D((260.0, 100.0), -turn, 1.0)
    back = cv2.invertAffineTransform(move)
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(
        drawn, [np.rint((outline * SIDE - 0.5) @ move[:, :2].T + move[:, 2]).astype(int)], 1
    )
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    true = np.stack([x, y], axis=-1) @ back[:, :2].T + back[:, 2]
    true = ((true + 0.5) / SIDE).astype(np.float32)
    bare = drawn > 0
    beyond = (cv2.dilate(drawn, np.ones((9, 9), np.uint8)) > 0) & ~bare
    uv = true.copy()
    standing_uv(uv, bare, beyond, "left_arm", SIDE)
    along = (true[..., 0] > 0.63) & (true[..., 0] < 0.7) & beyond  # not where the arm is cut off
    assert along.sum() > 100
    assert np.percentile(np.linalg.norm(uv - true, axis=-1)[along], 95) < 0.01


def test_the_map_of_a_wearer_is_moved_beside_the_body_only() -> None:
    uv = cv2.resize(frame(), (144, 192))
    labels = np.zeros((192, 144), int)
    labels[60:100, 60:84] = BODY_PARTS.index("torso")
    parts = np.eye(16, dtype=np.float32)[labels]
    there = (labels > 0).astype(np.float32)
    body = BodyMap(uv, 0 * there + 1, there, parts, there, Box(0, 0, 144, 192), (144, 192))
    moved = np.abs(standing_map(body) - uv).max(axis=-1)
    assert moved[60:100, 68:76].max() == 0
    assert moved[70:90, 90:100].max() > 0.005
    assert np.array_equal(body.uv, uv)
