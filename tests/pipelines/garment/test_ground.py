"""The plain ground of a photo, from its border."""

from __future__ import annotations

import numpy as np
import pytest

from tryon.pipelines.garment.ground import ground_of


def slope(height: int = 120, width: int = 90) -> np.ndarray:
    """float (h, w, 3): darker to the left, and towards the corners."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return (230 + 8 * x - 6 * (x * x + y * y))[..., None] * np.array([1.0, 0.98, 0.95])


def test_a_vignette_is_no_difference_and_a_garment_is_one() -> None:
    picture = np.rint(slope()).astype(np.uint8)
    picture[30:90, 20:70] -= 12
    picture[:30, 40:44] = 20  # a hanger's hook that runs out of the photo
    ground = ground_of(picture)
    difference = ground.difference(picture)
    assert np.abs(difference[95:]).max() < 1.5
    assert difference[30:90, 20:70].mean() == pytest.approx(-12, abs=0.5)
    assert ground.noise < 1 and 0.9 < ground.share < 1


def test_it_is_the_same_surface_at_any_size() -> None:
    ground = ground_of(np.rint(slope()).astype(np.uint8))
    assert np.abs(ground.difference(slope(480, 360))).max() < 1.5


def test_a_cluttered_border_is_no_plain_ground() -> None:
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(0, 255, (8, 6, 3)), np.ones((15, 15, 1))).astype(np.uint8)
    ground = ground_of(blocks)
    assert ground.share < 0.6 or ground.noise > 10
    assert np.isfinite(ground.difference(blocks)).all()


def test_grain_is_told() -> None:
    rng = np.random.default_rng(0)
    grainy = np.clip(slope() + rng.normal(size=(120, 90, 3)) * 4, 0, 255).astype(np.uint8)
    assert ground_of(grainy).noise == pytest.approx(4, rel=0.15)
