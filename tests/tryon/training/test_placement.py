"""The placement's trainer, on blocks instead of garments, and on two rendered flat-lays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tryon.pipelines.bodymap_net import load_dense_net
from tryon.training.array_cache import cached_count
from tryon.training.dense import DenseTraining, save_dense_net
from tryon.training.flat_lays import (
    FlatLayCache,
    random_flat_lay,
    read_flat_lay_cache,
    write_flat_lay_cache,
)
from tryon.training.placement import (
    PlacementTraining,
    photo_example,
    placement_batch,
    placement_loss,
    placement_scores,
    train_placement,
)
from tryon.types import CATEGORIES

STILL = PlacementTraining(turn=0, stretch=0, bend=0, edgeless=0, own_outline=1.0, told=1.0)


def cache(count: int = 4) -> FlatLayCache:
    """Blocks whose cut-out has a rim too much on the right, and an inside of the back on top."""
    height, width = 64, 48
    y, x = np.mgrid[0:height, 0:width] + 0.5
    labels = np.zeros((height, width), np.uint8)
    labels[10:56, 10:34] = 1
    labels[10:16, 16:28] = 2
    alpha = np.zeros((height, width), np.uint8)
    alpha[10:56, 10:38] = 255
    uv = np.round(np.stack([x / width, y / height], axis=-1) * 65535).astype(np.uint16)

    def repeated(plane: np.ndarray) -> np.ndarray:
        return np.broadcast_to(plane, (count, *plane.shape))

    return FlatLayCache(
        luminance=repeated(labels * 90),
        alpha=repeated(alpha),
        uv=repeated(uv),
        labels=repeated(labels),
        categories=np.full(count, CATEGORIES.index("lower"), np.uint8),
    )


@pytest.mark.parametrize("seed", range(4))
def test_coordinates_labels_and_outline_move_together(seed: int) -> None:
    config = replace(STILL, turn=4.0, bend=0.01)
    example = photo_example(np.random.default_rng(seed), cache(), 0, config)
    rows, columns = np.nonzero(example.labels)
    u = example.uv[rows, columns, 0]
    block = (u.min() * 48, u.max() * 48)
    assert block == pytest.approx((10.5, 33.5), abs=0.1) or block == pytest.approx(
        (14.5, 37.5), abs=0.1
    )
    inside = example.uv[example.labels == 2]
    assert inside[:, 1].max() * 64 < 17
    extra = example.shown & (example.labels == 0)
    assert extra.sum() > 0.08 * (example.labels > 0).sum()  # the rim is asked about
    assert np.corrcoef(u, columns)[0, 1] ** 2 > 0.9


def test_the_net_is_told_the_category_as_often_as_asked() -> None:
    told = photo_example(np.random.default_rng(0), cache(), 0, STILL).inputs[-3:]
    assert [float(plane.mean()) for plane in told] == [0.0, 1.0, 0.0]
    untold = photo_example(np.random.default_rng(0), cache(), 0, replace(STILL, told=0.0)).inputs
    assert untold[-3:].max() == 0


def test_too_much_in_the_cut_out_has_no_coordinates_but_is_no_front() -> None:
    _, truths = placement_batch([photo_example(np.random.default_rng(0), cache(), 0, STILL)])
    drawn = torch.zeros(1, 7, 192, 192, requires_grad=True)
    loss, _ = placement_loss(drawn, truths)
    loss.backward()
    grad = drawn.grad[0]
    extra = (truths["shown"][0] > 0) & (truths["garment"][0] == 0)
    beyond = truths["shown"][0] == 0
    assert grad[:3, extra].abs().max() == 0 and grad[3, extra].min() > 0  # pushed down
    assert grad[:, beyond].abs().max() == 0


def test_weights_survive_the_file_and_say_how_they_were_made(tmp_path: Path) -> None:
    plan = DenseTraining(steps=2, batch_size=2)
    config = PlacementTraining(training=plan, widths=(8, 16), held_out=1)
    net = train_placement(cache(), config, tmp_path)
    assert placement_scores(net, cache(), config).keys() >= {"uv_median", "category_accuracy"}
    save_dense_net(net, tmp_path / "net.safetensors", {"seed": 5})
    loaded = load_dense_net(tmp_path / "net.safetensors")
    inputs, _ = placement_batch([photo_example(np.random.default_rng(0), cache(), 0, config)])
    with torch.inference_mode():
        assert loaded(inputs) == pytest.approx(net(inputs), abs=0.03)


def test_the_cache_goes_on_where_it_stopped(tmp_path: Path) -> None:
    write_flat_lay_cache(tmp_path, 2, first_seed=5)
    second = np.array(read_flat_lay_cache(tmp_path).luminance[1])
    np.load(tmp_path / "luminance.npy", mmap_mode="r+")[:] = 7
    (tmp_path / "count.json").write_text("1")  # as if it had stopped after the first
    write_flat_lay_cache(tmp_path, 2, first_seed=5)
    again = read_flat_lay_cache(tmp_path)
    assert cached_count(tmp_path) == 2
    assert again.luminance[0].max() == 7 and np.array_equal(again.luminance[1], second)
    photo, category = random_flat_lay(5)
    assert CATEGORIES[again.categories[0]] == category
    small = cv2.resize(photo.mask.astype(np.uint8), (192, 256), interpolation=cv2.INTER_NEAREST)
    assert np.array_equal(again.labels[0] > 0, small > 0)
    cut = again.alpha[0] > 127
    assert (cut & (small > 0)).sum() > 0.9 * (small > 0).sum()
