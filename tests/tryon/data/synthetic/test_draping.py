"""Cloth on bodies in A-pose, measured against the body's own skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tryon.data.synthetic.bodies import body_model
from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.draping import Folds, garment_rest, shell_of, tube_of
from tryon.data.synthetic.patterns import COLUMNS, patterns
from tryon.data.synthetic.sample import LOWER, UPPER

SHIRT = Cut("t-shirt", "upper", UPPER, "top", top=0.77, hem=0.05, ease=0.02, sleeve=0.35)
SKIRT = Cut("skirt", "lower", LOWER, "skirt", top=0.2, hem=-0.5, ease=0.008, drape=0, folds=0.02)
TROUSERS = Cut("trousers", "lower", LOWER, "trousers", top=0.2, hem=-0.7, ease=0.01, folds=0.01)
FOLDS = Folds(np.arange(6.0))


def _hang(points: np.ndarray) -> np.ndarray:
    """How far every point of a tube is from the axis, outwards; (rows, COLUMNS)."""
    angles = patterns().tube.angles[:COLUMNS]
    grid = points.reshape(-1, COLUMNS, 3)
    return np.asarray(grid[..., 0] * np.sin(angles) - grid[..., 1] * np.cos(angles))


@pytest.mark.parametrize("cut", [SHIRT, SKIRT, TROUSERS], ids=lambda cut: cut.name)
def test_the_kept_vertices_lie_where_they_lie_among_all(cut: Cut) -> None:
    shape = body_model().shape(3, 8, 0.4)
    whole = garment_rest(cut, patterns(), shape, FOLDS)
    kept = np.flatnonzero(np.random.default_rng(0).random(len(whole)) < 0.3)
    assert (garment_rest(cut, patterns(), shape, FOLDS, kept) == whole[kept]).all()
    tube, shell = tube_of(cut, patterns()), shell_of(cut, patterns())
    count = (0 if tube is None else len(tube.sources)) + (
        0 if shell is None else len(shell.vertices)
    )
    assert whole.shape == (count, 3) and whole.dtype == np.float32


def test_a_straight_skirt_stands_off_by_its_ease() -> None:
    shape = body_model().mean
    tube = tube_of(SKIRT, patterns())
    assert tube is not None
    apart = _hang(garment_rest(SKIRT, patterns(), shape)) - _hang(tube.base(shape))
    assert apart == pytest.approx(SKIRT.ease, abs=1e-5)


def test_a_flare_widens_a_skirt_towards_its_hem() -> None:
    shape = body_model().mean
    wide = _hang(garment_rest(replace(SKIRT, flare=0.1), patterns(), shape))
    apart = (wide - _hang(garment_rest(SKIRT, patterns(), shape))).mean(1)
    assert (np.diff(apart) >= -1e-6).all()
    heights = patterns().tube.heights[: len(apart)]
    assert np.interp(SKIRT.hem, heights[::-1], apart[::-1]) == pytest.approx(0.1, abs=0.01)


def test_a_draped_skirt_falls_straight_from_its_widest_place() -> None:
    shape = body_model().mean
    hang = _hang(garment_rest(replace(SKIRT, drape=1.0), patterns(), shape))
    below = patterns().tube.heights[: len(hang)] < SKIRT.top
    assert (np.diff(hang[below], axis=0) >= -1e-5).all()


@pytest.mark.parametrize("cut", [SKIRT, TROUSERS], ids=lambda cut: cut.name)
def test_folds_wave_about_the_smooth_cloth_and_no_deeper_than_they_say(cut: Cut) -> None:
    shape = body_model().mean
    smooth = garment_rest(cut, patterns(), shape)
    moved = np.linalg.norm(garment_rest(cut, patterns(), shape, FOLDS) - smooth, axis=1)
    assert 0.3 * cut.folds < moved.max() < 2.5 * cut.folds
    assert moved.mean() > 0.05 * cut.folds


def test_wide_trousers_have_their_radius_at_the_hem() -> None:
    model = body_model()
    points = garment_rest(replace(TROUSERS, leg=0.15), patterns(), model.mean)
    ankle, knee = (model.mean.heads[model.bone[f"{name}.L"]] for name in ("foot", "lowerleg01"))
    here = (np.abs(points[:, 2] - TROUSERS.hem) < 0.02) & (points[:, 0] > 0)
    share = (TROUSERS.hem - ankle[2]) / (knee[2] - ankle[2])
    middle = ankle[:2] + share * (knee[:2] - ankle[:2])
    radius = np.linalg.norm(points[here, :2] - middle, axis=1)
    assert np.median(radius) == pytest.approx(0.15, abs=0.02)
