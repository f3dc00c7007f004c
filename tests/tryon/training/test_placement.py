"""The placement's trainer, on blocks instead of garments, and on a few drawn and rendered ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tryon.pipelines.bodymap_net import load_dense_net
from tryon.pipelines.garment.placement import PIECES
from tryon.training.array_cache import cached_count
from tryon.training.dense import DenseTraining, save_dense_net
from tryon.training.flat_lays import (
    FlatLayCache,
    pieces_of,
    random_flat_lay,
    read_flat_lay_cache,
    write_flat_lay_cache,
)
from tryon.training.placement import (
    UNTOLD,
    PlacementTraining,
    drawn_example,
    placement_batch,
    placement_loss,
    placement_scores,
    rendered_example,
    train_placement,
)
from tryon.training.shop_photos import (
    ShopPhotoCache,
    read_shop_photo_cache,
    write_shop_photo_cache,
)
from tryon.types import CATEGORIES

STILL = PlacementTraining(turn=0, stretch=0, bend=0, edgeless=0, own_outline=1.0)


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
    example = rendered_example(np.random.default_rng(seed), cache(), 0, config)
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


def drawn_cache() -> ShopPhotoCache:
    """A trunk with a right sleeve, the left half of the photo."""
    labels = np.zeros((96, 96), np.uint8)
    labels[10:80, 20:70] = 1
    pieces = np.zeros((96, 96), np.uint8)
    pieces[:, :40] = PIECES.index("right_sleeve")
    y, x = np.mgrid[0:96, 0:96] + 0.5
    uv = np.round(np.stack([x / 96, y / 96], axis=-1) * 65535).astype(np.uint16)
    planes = (labels * 90, uv, labels, pieces)
    kinds = np.zeros(4, np.uint8)
    return ShopPhotoCache(*(np.broadcast_to(p, (4, *p.shape)) for p in planes), kinds)


def test_a_mirrored_sleeve_is_the_other_one() -> None:
    seen = set()
    for seed in range(8):
        example = drawn_example(np.random.default_rng(seed), drawn_cache(), 0, STILL)
        sleeve = (example.labels == 1) & (example.pieces > 0)
        piece = PIECES[int(np.median(example.pieces[sleeve]))]
        middle = example.uv[sleeve][:, 0].mean()
        assert (piece == "right_sleeve") == (middle < 0.5)
        seen.add(piece)
    assert seen == {"right_sleeve", "left_sleeve"}


def test_the_net_is_told_the_category() -> None:
    told = rendered_example(np.random.default_rng(0), cache(), 0, STILL).inputs[-3:]
    assert [float(plane.mean()) for plane in told] == [0.0, 1.0, 0.0]


def test_pieces_of_rendered_garments_are_told_where_they_are_sure() -> None:
    uv = np.array([[[0.5, 0.3], [0.7, 0.35], [0.3, 0.35], [0.6, 0.25], [0.55, 0.7]]], np.float32)
    labels = np.ones((1, 5), np.uint8)
    upper = pieces_of(uv, labels, "upper", UNTOLD)[0].tolist()
    assert upper == [0, PIECES.index("left_sleeve"), PIECES.index("right_sleeve"), UNTOLD, 0]
    assert pieces_of(uv, labels, "lower", UNTOLD)[0, -1] == UNTOLD  # a skirt or a leg


def test_what_nobody_sees_has_no_coordinates_but_is_no_front() -> None:
    _, truths = placement_batch([rendered_example(np.random.default_rng(0), cache(), 0, STILL)])
    drawn = torch.zeros(1, 4 + len(PIECES), 128, 128, requires_grad=True)
    loss, _ = placement_loss(drawn, truths)
    loss.backward()
    grad = drawn.grad[0]
    extra = (truths["shown"][0] > 0) & (truths["front"][0] == 0)
    beyond = truths["shown"][0] == 0
    assert extra.sum() > 0
    assert grad[:3, extra].abs().max() == 0 and grad[3, extra].min() > 0  # pushed down
    assert grad[4:, extra].abs().max() == 0 and grad[:, beyond].abs().max() == 0


def test_weights_survive_the_file_and_say_how_they_were_made(tmp_path: Path) -> None:
    plan = DenseTraining(steps=2, batch_size=2)
    config = PlacementTraining(training=plan, widths=(8, 16), held_out=1, rendered=0.5)
    net = train_placement(drawn_cache(), cache(), config, tmp_path)
    for held_out in (drawn_cache(), cache()):
        scores = placement_scores(net, held_out, config)
        assert scores.keys() == {"uv_median", "uv_mean", "front_accuracy", "piece_accuracy"}
    save_dense_net(net, tmp_path / "net.safetensors", {"seed": 5})
    loaded = load_dense_net(tmp_path / "net.safetensors")
    inputs, _ = placement_batch([rendered_example(np.random.default_rng(0), cache(), 0, config)])
    with torch.inference_mode():
        assert loaded(inputs) == pytest.approx(net(inputs), abs=0.03)


def test_drawn_photos_are_cached_as_they_were_drawn(tmp_path: Path) -> None:
    write_shop_photo_cache(tmp_path, 1, first_seed=5)
    write_shop_photo_cache(tmp_path / "again", 1, first_seed=5)
    one, other = read_shop_photo_cache(tmp_path), read_shop_photo_cache(tmp_path / "again")
    assert len(one) == 1 and np.array_equal(one.uv, other.uv)
    example = drawn_example(np.random.default_rng(0), one, 0, STILL)
    assert (example.labels == 1).mean() > 0.1


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
