"""The cut-out's trainer, on a block instead of garments; what its photos show is what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tryon.pipelines.bodymap_net import load_dense_net
from tryon.training.array_cache import cached_count
from tryon.training.cut_garments import (
    CutGarments,
    Photographed,
    read_cut_garments,
    read_photographed,
    write_cut_garments,
    write_photographed,
)
from tryon.training.cutout import (
    CutoutTraining,
    Garments,
    cutout_batch,
    cutout_loss,
    cutout_scores,
    train_cutout,
)
from tryon.training.dense import DenseTraining, save_dense_net
from tryon.training.garment_photos import PhotoMix, garment_photo, retaken_photo
from tryon.training.grounds import random_ground

NOTHING = PhotoMix(**dict.fromkeys(PhotoMix.__dataclass_fields__, 0.0))


def block() -> tuple[np.ndarray, np.ndarray]:
    """A green block with a hole: colour (320, 320, 3) and alpha (320, 320)."""
    alpha = np.zeros((320, 320), np.uint8)
    alpha[40:280, 80:240] = 255
    alpha[140:180, 140:180] = 0
    return np.full((320, 320, 3), (20, 120, 60), np.uint8), alpha


def garments(count: int = 3) -> Garments:
    rgb, alpha = (np.broadcast_to(plane, (count, *plane.shape)) for plane in block())
    return Garments(CutGarments(rgb, alpha), Photographed(rgb, alpha, rgb))


@pytest.mark.parametrize("seed", range(5))
def test_the_alpha_is_where_the_cloth_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grey = (np.full((40, 40, 3), 200, np.uint8),)
    image, alpha = garment_photo(rng, *block(), grey, NOTHING, 256)
    assert image.shape == (256, 256, 3) and image.dtype == np.uint8
    assert alpha.shape == (256, 256) and 0.1 < (alpha > 0.5).mean() < 0.9
    inside, outside = image[alpha > 0.98].mean(0), image[alpha < 0.02].mean(0)
    greenish = image[..., 1].astype(int) - image[..., 0]
    assert np.median(greenish[alpha > 0.98]) > 50, (inside, outside)
    hole = cv2.erode((alpha < 0.02).astype(np.uint8), np.ones((3, 3)))
    assert cv2.connectedComponents(hole)[0] >= 3  # without the garment: the ground and the hole


def test_white_cloth_is_white_and_told_from_white_ground_by_its_edges_only() -> None:
    mix, steps = replace(NOTHING, white=1.0, retouched=1.0), []
    for seed in range(20):
        image, alpha = garment_photo(np.random.default_rng(seed), *block(), (), mix, 256)
        cloth, ground = image[alpha > 0.98], image[alpha < 0.02]
        assert np.median(cloth) > 205
        steps.append(abs(np.median(cloth) - np.median(ground)))
    assert np.median(steps) < 15


def test_a_hand_takes_from_the_garment_and_a_hanger_does_not() -> None:
    alone = garment_photo(np.random.default_rng(3), *block(), (), NOTHING, 256)[1]
    for what, less in (("hand", True), ("hanger", False), ("sheer", False)):
        mix = replace(NOTHING, **{what: 1.0})
        alpha = garment_photo(np.random.default_rng(3), *block(), (), mix, 256)[1]
        assert bool(alpha.sum() < alone.sum() - 20) is less, what


def test_a_photo_and_its_alpha_are_retaken_together() -> None:
    _, alpha = block()
    photo = np.repeat(alpha[..., None], 3, axis=2)
    for seed in range(6):
        image, share = retaken_photo(np.random.default_rng(seed), photo, alpha, 256)
        lit = image.mean(axis=2) > 0.5 * np.percentile(image, 95)
        assert (lit == (share > 0.5)).mean() > 0.98


def test_grounds_are_as_asked() -> None:
    photos = (np.full((60, 50, 3), 77, np.uint8),)
    levels = []
    for seed in range(40):
        ground = random_ground(np.random.default_rng(seed), 64, photos, pale=True)
        assert ground.shape == (64, 64, 3)
        levels.append(np.median(ground))
    assert np.mean(np.array(levels) > 200) > 0.6


def test_one_batch_is_learnt() -> None:
    rng = np.random.default_rng(0)
    examples = [garments().example(rng, CutoutTraining()) for _ in range(2)]
    inputs, truths = cutout_batch(examples)
    assert inputs.shape == (2, 96, 32, 32) and truths["alpha"].shape == (2, 128, 128)
    drawn = torch.zeros(2, 4, 64, 64, requires_grad=True)
    optimizer = torch.optim.Adam([drawn], 0.5)
    losses = []
    for _ in range(30):
        value, seen = cutout_loss(drawn, truths)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    assert losses[-1] < 0.2 * losses[0]
    assert seen["overlap"] > 0.9


def test_it_trains_from_a_checkpoint_scores_and_saves(tmp_path: Path) -> None:
    plan = DenseTraining(steps=2, batch_size=2, checkpoint_every=1)
    config = CutoutTraining(training=plan, widths=(8, 8), held_out=1)
    net = train_cutout(garments(), config, tmp_path / "run")
    again = train_cutout(garments(), config, tmp_path / "run")
    for one, other in zip(net.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    scores = cutout_scores(net, garments(), config, count=2)
    assert set(scores) == {"iou_mean", "iou_tenth"} and 0 <= scores["iou_mean"] <= 1
    save_dense_net(net, tmp_path / "net.safetensors", {"held_out_scores": scores})
    assert load_dense_net(tmp_path / "net.safetensors").config == net.config


def test_garments_are_rendered_once_and_photographed_ones_read(tmp_path: Path) -> None:
    write_cut_garments(tmp_path / "rendered", 2, 7)
    cache = read_cut_garments(tmp_path / "rendered")
    assert len(cache) == 2 and not np.array_equal(cache.alpha[0], cache.alpha[1])
    assert 0.1 < (cache.alpha[1] > 127).mean() < 0.9
    (tmp_path / "photos" / "shirt").mkdir(parents=True)
    (tmp_path / "cutouts").mkdir()
    rgb, alpha = block()
    cv2.imwrite(str(tmp_path / "photos" / "shirt" / "a.jpg"), rgb)
    cv2.imwrite(str(tmp_path / "photos" / "shirt" / "b.jpg"), rgb)  # which nobody has cut out
    cv2.imwrite(str(tmp_path / "cutouts" / "a.png"), alpha)
    write_photographed(tmp_path / "real", tmp_path / "photos", tmp_path / "cutouts")
    assert cached_count(tmp_path / "real") == 1
    assert np.array_equal(read_photographed(tmp_path / "real").alpha[0], alpha)
