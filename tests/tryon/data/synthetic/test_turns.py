"""Rotations, against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tryon.data.synthetic.turns import axis_turn, turn_about


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_turns_about_an_axis_of_the_frame(axis: str) -> None:
    expected = Rotation.from_euler(axis, 37, degrees=True).as_matrix()
    assert axis_turn(axis, 37) == pytest.approx(expected)


def test_turns_about_any_axis() -> None:
    axis = np.array([2.0, -3, 6]) / 7
    expected = Rotation.from_rotvec(axis * 0.8).as_matrix()
    assert turn_about(axis, 0.8) == pytest.approx(expected)
