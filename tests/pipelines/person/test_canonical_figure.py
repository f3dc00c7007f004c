"""The outlines of the canonical body, against the body that they were measured on."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.data.synthetic import canonical
from tryon.data.synthetic.bodies import body_model
from tryon.pipelines.person import canonical_figure as figure


def test_the_frame_is_the_renderers() -> None:
    points = np.array([[0.2, 0.5], [-0.4, -0.6]])
    there = canonical.canonical_uv(np.stack([points[:, 0], 0 * points[:, 0], points[:, 1]], -1))
    assert figure.frame_uv(points) == pytest.approx(there, abs=1e-4)


def test_trunk_and_legs_are_as_wide_as_the_mean_body() -> None:
    model = body_model()
    mean, parts = model.mean.smooth, np.array(canonical.PARTS)[model.parts]
    for names, heights, width in (
        (("torso",), (0.5, 0.42, 0.33, 0.24), figure.trunk_half_width),
        (("left_thigh", "left_shin"), (-0.1, -0.3, -0.6), lambda z: figure.leg_edges(z)[1]),
    ):
        own = mean[np.isin(parts, names)]
        for height in heights:
            level = own[np.abs(own[:, 2] - height) < 0.012]
            assert width(np.array(height)) == pytest.approx(level[:, 0].max(), abs=0.012)


@pytest.mark.parametrize("limb", ["trunk", "left_arm", "right_arm"])
def test_edges_lie_on_the_mean_body_and_normals_point_out_of_it(limb: str) -> None:
    model = body_model()
    parts = np.array(canonical.PARTS)[model.parts]
    names = {
        "trunk": ("neck", "torso", "left_thigh", "right_thigh", "head"),
        "left_arm": ("left_upper_arm", "left_forearm", "left_hand", "torso"),
        "right_arm": ("right_upper_arm", "right_forearm", "right_hand", "torso"),
    }[limb]
    body = canonical.canonical_uv(model.mean.smooth[np.isin(parts, names)])
    for edge in figure.edges_of(limb):
        points, normals = edge.points[40:-40:20], edge.normals[40:-40:20]
        away = np.linalg.norm(points[:, None] - body, axis=-1).min(axis=1)
        assert np.median(away) < 0.006 and away.max() < 0.03
        inside, outside = (
            np.linalg.norm((points + sign * 0.03 * normals)[:, None] - body, axis=-1).min(axis=1)
            for sign in (-1, 1)
        )
        assert (inside < outside).mean() > 0.9
