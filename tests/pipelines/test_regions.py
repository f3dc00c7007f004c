"""Regions, against scipy's measurements of the whole picture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tryon.pipelines.regions import grown, joined, smoothed, without_specks


def blots(seed: int, *, edge: bool) -> np.ndarray:
    """A random region, touching the picture's edges or far from all of them."""
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(90, 120)), 1.5)
    region = rough > 0.02
    if not edge:
        region[:25], region[-20:], region[:, :30], region[:, -35:] = False, False, False, False
    return region


CASES = [(seed, edge) for seed in range(4) for edge in (False, True)]


@pytest.mark.parametrize(("seed", "edge"), CASES)
def test_grown_by_the_true_distance(seed: int, edge: bool) -> None:
    region = blots(seed, edge=edge)
    away = ndimage.distance_transform_edt(~region)
    found = grown(region, 6.0)
    assert found[away < 5.7].all() and not found[away > 6.3].any()


def pieces_of(region: np.ndarray, smallest: float) -> np.ndarray:
    """The region without islands of fewer pixels."""
    labels, _ = ndimage.label(region)
    return (np.bincount(labels.ravel()) >= smallest)[labels] & region


@pytest.mark.parametrize("smallest", [9.0, 40.0, 150.0])
@pytest.mark.parametrize(("seed", "edge"), CASES)
def test_islands_go_and_then_holes(seed: int, edge: bool, smallest: float) -> None:
    region = blots(seed, edge=edge)
    expected = ~pieces_of(~pieces_of(region, smallest), smallest)
    assert (expected != region).any()
    assert np.array_equal(without_specks(region, smallest), expected)


@pytest.mark.parametrize(("seed", "edge"), CASES)
def test_pieces_that_touch_another_region_are_joined_to_it(seed: int, edge: bool) -> None:
    region, to = blots(seed, edge=edge), np.zeros((90, 120), bool)
    to[40:60, 50:52] = True
    labels, _ = ndimage.label(region)
    expected = np.isin(labels, np.unique(labels[to & region])) & region
    assert expected.any() and (region & ~expected).any()
    assert np.array_equal(joined(region, to), expected)


def test_whiskers_are_smoothed_away_and_edges_stay() -> None:
    region = np.zeros((60, 60), bool)
    region[20:40, 20:40] = True
    whisker = region.copy()
    whisker[30, :20] = True
    assert not smoothed(whisker, 2.0)[:, :18].any()
    assert smoothed(region, 2.0)[30].nonzero()[0].tolist() == list(range(20, 40))


def test_nothing_stays_nothing() -> None:
    nothing = np.zeros((20, 30), bool)
    for found in (grown(nothing, 3), smoothed(nothing, 2), without_specks(nothing, 9)):
        assert not found.any()
    assert not joined(nothing, ~nothing).any()
