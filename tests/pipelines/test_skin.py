"""Colour models: learnt from seeds, compared, and joined with where a pixel lies."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.pipelines.skin import colour_bins, colour_model, overlap, posteriors


@pytest.fixture(scope="module")
def halves() -> tuple[np.ndarray, np.ndarray]:
    """The bins of a picture that is red on the left and blue on the right, and what is left."""
    rgb = np.zeros((40, 60, 3), dtype=np.float64)
    rgb[:, :30], rgb[:, 30:] = (190, 50, 60), (50, 70, 180)
    rgb += np.random.default_rng(0).normal(0, 5, rgb.shape)
    left = np.zeros((40, 60), dtype=bool)
    left[:, :30] = True
    return colour_bins(np.clip(rgb, 0, 255).astype(np.uint8)), left


def test_models_sum_to_one_and_need_enough_seeds(halves: tuple[np.ndarray, np.ndarray]) -> None:
    bins, left = halves
    model = colour_model(bins, left)
    assert model is not None and model.sum() == pytest.approx(1, abs=1e-4)
    few = np.zeros_like(left)
    few[0, :20] = True
    assert colour_model(bins, few) is None


def test_overlap_tells_alike_from_different(halves: tuple[np.ndarray, np.ndarray]) -> None:
    bins, left = halves
    red, blue = colour_model(bins, left), colour_model(bins, ~left)
    upper = left & (np.arange(40)[:, None] < 20)
    again = colour_model(bins, upper)
    assert red is not None and blue is not None and again is not None
    assert overlap(red, blue) < 0.01
    assert overlap(red, red) == pytest.approx(1, abs=1e-4)
    assert overlap(red, again) > 0.8


def test_shading_makes_room_for_lighter_and_darker(halves: tuple[np.ndarray, np.ndarray]) -> None:
    bins, left = halves
    darker = colour_bins(np.full((1, 1, 3), (140, 20, 35), dtype=np.uint8))[0, 0]
    strict, lenient = colour_model(bins, left), colour_model(bins, left, shading=3)
    assert strict is not None and lenient is not None
    assert lenient[darker] > strict[darker]


def test_colour_decides_where_it_is_known_and_place_where_it_is_not(
    halves: tuple[np.ndarray, np.ndarray],
) -> None:
    bins, left = halves
    bins = bins.copy()
    bins[0] = colour_bins(np.full((1, 1, 3), (20, 250, 30), dtype=np.uint8))[0, 0]  # never seen
    models = {"red": colour_model(bins, left), "blue": colour_model(bins, ~left), "none": None}
    ones = np.ones(bins.shape, dtype=np.float32)
    told = posteriors(bins, models, {"red": 0.3 * ones, "blue": 0.7 * ones, "none": ones})
    np.testing.assert_allclose(sum(told.values()), 1, atol=1e-4)
    assert (told["none"] == 0).all()
    assert np.median(told["red"][1:, :30]) > 0.99 and np.median(told["blue"][1:, 30:]) > 0.99


def test_place_alone_decides_for_colours_never_seen() -> None:
    seen = np.zeros((10, 10), dtype=np.int32)
    models = {
        "a": colour_model(seen, np.ones_like(seen, dtype=bool)),
        "b": colour_model(seen + 9000, np.ones_like(seen, dtype=bool)),
    }
    priors = {name: np.full((1, 1), p, np.float32) for name, p in (("a", 0.2), ("b", 0.6))}
    told = posteriors(np.full((1, 1), 16000, dtype=np.int32), models, priors)
    assert told["b"][0, 0] == pytest.approx(0.75, abs=0.01)
