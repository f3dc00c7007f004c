"""Colours of known clusters, and scipy's k-means as the measure of how well others are found."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.cluster.vq import kmeans2

from tryon.pipelines.clusters import colour_clusters

MEANS = np.array([[50, 0, 0], [30, 60, 40], [55, -50, 20], [12, 5, -70], [40, 22, 35]], float)


def scattered(rng: np.random.Generator, sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Colours around `MEANS`, so many around each, and whose they are."""
    owner = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return (MEANS[owner] + rng.normal(0, 2, (len(owner), 3))).astype(np.float32), owner


def test_colours_far_apart_are_told_apart_however_few() -> None:
    colours, owner = scattered(np.random.default_rng(0), (4000, 900, 300, 60, 25))
    label, centres = colour_clusters(colours, 5)
    nearest = np.linalg.norm(MEANS[:, None] - centres, axis=-1).argmin(axis=1)
    assert sorted(nearest) == list(range(5))
    assert np.abs(centres[nearest] - MEANS).max() < 1.5
    assert (nearest[owner] == label).mean() > 0.999


@pytest.mark.parametrize("seed", range(4))
def test_clusters_explain_colours_as_well_as_other_k_means(seed: int) -> None:
    rng = np.random.default_rng(seed)
    colours = np.cumsum(rng.normal(0, 1.5, (4000, 3)), axis=0).astype(np.float32)
    label, centres = colour_clusters(colours, 10)
    ours = np.square(colours - centres[label]).sum(axis=1).mean()
    other, theirs = kmeans2(colours.astype(float), 10, iter=12, minit="++", rng=rng)
    assert ours < 1.15 * np.square(colours - other[theirs]).sum(axis=1).mean()


def test_fewer_colours_than_clusters() -> None:
    label, centres = colour_clusters(np.repeat(MEANS[:2], 3, axis=0), 10)
    assert centres == pytest.approx(MEANS[centres[:, 0].argsort()[::-1].argsort()])
    assert label.tolist() == [label[0]] * 3 + [label[3]] * 3 and label[0] != label[3]


def test_nothing_is_drawn() -> None:
    colours, _ = scattered(np.random.default_rng(3), (500, 500, 50, 50, 50))
    cv2.setRNGSeed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = cv2.randu(np.zeros(4), 0, 1).copy(), np.random.rand(4)  # noqa: NPY002
    cv2.setRNGSeed(5)
    np.random.seed(5)  # noqa: NPY002
    first = colour_clusters(colours, 4)
    after = cv2.randu(np.zeros(4), 0, 1), np.random.rand(4)  # noqa: NPY002
    assert all(np.array_equal(one, other) for one, other in zip(after, expected, strict=True))
    again = colour_clusters(colours, 4)
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
