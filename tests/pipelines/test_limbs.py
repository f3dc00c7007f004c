"""Limb maps."""

from __future__ import annotations

import numpy as np
import torch

from tryon.pipelines.limbs import LIMB_CHANNELS, LIMBS, limb_maps
from tryon.types import JOINTS

FOREARM = LIMBS.index((JOINTS.index("right_elbow"), JOINTS.index("right_wrist")))


def keypoints() -> torch.Tensor:
    points = torch.zeros(1, 18, 3)
    points[0, JOINTS.index("right_elbow")] = torch.tensor([10.5, 5.5, 1.0])
    points[0, JOINTS.index("right_wrist")] = torch.tensor([10.5, 25.5, 0.5])
    return points


def test_a_limb_is_a_stick_that_knows_its_direction() -> None:
    maps = limb_maps(keypoints(), 40, 30, sigma=2.0)
    assert maps.shape == (1, LIMB_CHANNELS, 40, 30)
    stick, along = maps[0, FOREARM], maps[0, len(LIMBS) + FOREARM]
    np.testing.assert_allclose(stick[5:26, 10], 0.5, atol=1e-4)  # the weaker joint's confidence
    np.testing.assert_allclose(stick[15, 12], 0.5 * np.exp(-0.5), atol=1e-4)  # two pixels aside
    np.testing.assert_allclose(along[5:26, 10] / 0.5, np.arange(21) / 20, atol=1e-4)


def test_missing_joints_draw_nothing() -> None:
    points = keypoints()
    points[0, JOINTS.index("right_wrist")] = torch.tensor([float("nan"), float("nan"), 0.0])
    assert limb_maps(points, 40, 30).abs().max() == 0


def test_joints_outside_the_map_still_draw_what_reaches_in() -> None:
    points = keypoints()
    points[0, JOINTS.index("right_wrist"), 1] = 400
    assert limb_maps(points, 40, 30)[0, FOREARM, 39, 10] > 0.49
