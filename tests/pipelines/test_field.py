"""Smooth fields: exact on what they can draw, calm about noise, straight beyond the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import BSpline

from tryon.pipelines.field import _splines, fitted_field


def test_the_basis_is_the_textbook_one() -> None:
    at = np.linspace(0, 1, 50)
    ours = _splines(at, 9).toarray()
    knots = (np.arange(13) - 3) / 6  # 6 cells, uniform, going on beyond both ends
    theirs = BSpline.design_matrix(np.minimum(at, 1 - 1e-12), knots, 3).toarray()
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_a_plane_is_reproduced_and_goes_on_straight() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0.3, 0.6, (400, 2))  # data in one corner only
    values = np.stack([2 * points[:, 0] - points[:, 1], points[:, 1] + 1], axis=1)
    field = fitted_field(points, values, np.ones(400), (8, 8), 1e-6)
    at = np.linspace(0.05, 0.95, 10)
    drawn = field.on_grid(at, at)
    x, y = np.meshgrid(at, at)
    assert drawn[..., 0] == pytest.approx(2 * x - y, abs=1e-3)
    assert drawn[..., 1] == pytest.approx(y + 1, abs=1e-3)


def test_noise_is_smoothed_away_and_weights_count() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 1, (4000, 2))
    truth = np.sin(3 * points[:, :1]) * points[:, 1:]
    noisy = truth + rng.normal(size=truth.shape) * 0.05
    noisy[:400] = 9  # wrong, and known to be
    weights = np.ones(4000)
    weights[:400] = 0
    field = fitted_field(points, noisy, weights, (10, 10), 1e-5)
    at = np.linspace(0.05, 0.95, 20)
    x, y = np.meshgrid(at, at)
    assert np.abs(field.on_grid(at, at)[..., 0] - np.sin(3 * x) * y).mean() < 0.012
