"""Trainers of the dense nets, on a tiny made-up cache: geometry, noise, resuming, weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tryon.data.synthetic.canonical import PARTS
from tryon.pipelines.bodymap import body_map_outputs
from tryon.pipelines.bodymap_net import DenseNetConfig, load_dense_net
from tryon.training.bodymap import (
    BodyMapTraining,
    body_map_batch,
    body_map_loss,
    body_map_scores,
    person_example,
    train_body_map,
)
from tryon.training.dense import DenseTraining, save_dense_net, train_dense_net
from tryon.training.noise import PersonNoise, noisy_keypoints, noisy_outline, noisy_silhouette
from tryon.training.placement import (
    PlacementTraining,
    photo_example,
    placement_batch,
    placement_scores,
    train_placement,
)
from tryon.training.samples import SampleCache
from tryon.types import JOINTS

NONE = PersonNoise(0, 0, 0, 0, 0, 0, 0, 1, 0)
LEFT_ARM, RIGHT_ARM = PARTS.index("left_upper_arm"), PARTS.index("right_upper_arm")


def cache(count: int = 4) -> SampleCache:
    """Blocks instead of people: uv grows evenly, one block on the right is the left arm."""
    height, width = 64, 48
    y, x = np.mgrid[0:height, 0:width] + 0.5
    uv = np.stack([x / width, y / height], axis=-1)
    labels = np.zeros((height, width), np.uint8)
    labels[10:56, 14:36] = PARTS.index("torso") + 16
    labels[14:40, 36:41] = LEFT_ARM + 16 + 32
    keypoints = np.full((18, 3), 1.0, np.float32)
    keypoints[:, 0], keypoints[:, 1] = 24, np.linspace(10, 56, 18)
    keypoints[JOINTS.index("left_wrist"), :2] = (40, 38)
    keypoints[JOINTS.index("right_wrist"), :2] = (10, 30)
    garment = (labels > 0).astype(np.uint8)
    whole = np.round(uv * 65535).astype(np.uint16)

    def repeated(plane: np.ndarray, *times: int) -> np.ndarray:
        return np.broadcast_to(plane, (*times, *plane.shape))

    return SampleCache(
        silhouettes=repeated(garment, count, 2),
        body_uv=repeated(whole, count),
        body_labels=repeated(labels, count),
        keypoints=repeated(keypoints, count),
        photos=repeated(garment * 100, count, 2),
        photo_uv=repeated(whole, count, 2),
        photo_labels=repeated(garment, count, 2),
        categories=np.zeros((count, 2), np.uint8),
    )


@pytest.mark.parametrize("seed", range(6))
def test_examples_stay_true_however_they_are_framed(seed: int) -> None:
    """Joints, outline, labels and coordinates move together, mirrored or not."""
    config = BodyMapTraining(noise=NONE, cut=0.0, turn=3.0)
    example = person_example(np.random.default_rng(seed), cache(), 0, config)
    there = (example.labels & 15) > 0
    wrist = example.keypoints[JOINTS.index("left_wrist")]
    column, row = int(wrist[0]), int(wrist[1])
    u, v = example.uv[row, column]
    assert min(abs(v - 38 / 64), abs(v - 30 / 64)) < 0.03  # its own, or the mirrored right one
    assert u > 0.5  # mirrored or not, the left wrist lies at a large u
    arm = example.labels & 15 == LEFT_ARM
    other = example.labels & 15 == RIGHT_ARM
    assert arm.any() != other.any()
    if other.any():
        assert example.uv[other][:, 0].max() < 0.3
    if arm.any():  # else it is the other picture, where the left arm is not drawn
        assert example.uv[arm][:, 0].min() > 0.7
        assert (example.labels[arm] & 32).all()
    assert np.abs((example.silhouette > 0.5)[there].mean() - 1) < 0.1


def test_cut_off_rows_are_unknown_and_empty() -> None:
    config = BodyMapTraining(noise=NONE, cut=1.0, turn=0.0)
    seen = 0
    for seed in range(8):
        example = person_example(np.random.default_rng(seed), cache(), 0, config)
        unknown = example.labels == 255
        seen += int(unknown.sum())
        assert example.silhouette[unknown].max(initial=0) < 0.6  # a resampled edge at most
        _, truths = body_map_batch([example])
        assert truths["known"][0][torch.from_numpy(unknown)].max() == 0 if unknown.any() else True
    assert seen > 0


def test_noise_has_the_size_it_says() -> None:
    keypoints = np.ones((18, 3), np.float32)
    keypoints[:, :2] = np.random.default_rng(0).uniform(0, 500, (18, 2))
    noise = PersonNoise(joint=0.01, pair=0, whole=0, stray=0, missing=0.2, swapped=0, hidden=1)
    rng = np.random.default_rng(1)
    moved = np.stack([noisy_keypoints(rng, keypoints, 1000, noise) for _ in range(400)])
    spread = (moved[:, 3, :2] - keypoints[3, :2]).std()
    assert spread == pytest.approx(10 * 0.9, rel=0.25)
    assert (moved[:, 3, 2] == 0).mean() == pytest.approx(0.2, abs=0.06)
    assert moved[..., 2].max() <= 1


def test_noisy_outlines_stay_near_the_truth() -> None:
    mask = np.zeros((128, 96), np.uint8)
    mask[20:100, 30:70] = 1
    rng = np.random.default_rng(2)
    for _ in range(10):
        silhouette = noisy_silhouette(rng, mask, 80, PersonNoise()) > 0.5
        assert (silhouette & (mask > 0)).sum() / (silhouette | (mask > 0)).sum() > 0.75
        outline = noisy_outline(rng, mask) > 127
        assert (outline & (mask > 0)).sum() / (outline | (mask > 0)).sum() > 0.85


def test_a_perfect_drawing_has_the_lowest_loss() -> None:
    config = BodyMapTraining(noise=NONE, cut=0.0)
    _, truths = body_map_batch([person_example(np.random.default_rng(0), cache(), 0, config)])
    drawn = torch.zeros(1, 21, 192, 144)
    drawn[:, :2] = (truths["uv"] - 0.5) / 0.05
    drawn[:, 2] = -3
    drawn[:, 3] = truths["front"] * 20 - 10
    drawn[:, 4] = truths["body"] * 20 - 10
    drawn[:, 5:] = torch.nn.functional.one_hot(truths["part"], 16).permute(0, 3, 1, 2) * 20.0
    best, seen = body_map_loss(drawn, truths)
    assert seen == {"uv": 0.0, "part": 0.0}
    for channel in (0, 3, 4):
        worse = drawn.clone()
        worse[:, channel] += 3 if channel == 0 else -20 * drawn[:, channel].sign()
        assert body_map_loss(worse, truths)[0] > best + 0.1
    assert body_map_outputs(drawn)[0] == pytest.approx(truths["uv"], abs=1e-5)


def test_training_learns_and_resumes_exactly(tmp_path: Path) -> None:
    samples = cache(6)

    def config(steps: int) -> BodyMapTraining:
        plan = DenseTraining(steps=6, batch_size=2, checkpoint_every=3)
        return BodyMapTraining(training=plan, widths=(8, 16), held_out=2)

    whole = train_body_map(samples, config(6), tmp_path / "whole")
    stopped = tmp_path / "stopped"

    class Stop(Exception):
        pass

    calls = 0
    plan = config(6)

    def batch(rng: np.random.Generator, size: int):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        if calls > 4:
            raise Stop
        chosen = rng.integers(4, size=size)
        return body_map_batch([person_example(rng, samples, int(i), plan) for i in chosen])

    shape = DenseNetConfig(32, 21, (8, 16))
    with pytest.raises(Stop):
        train_dense_net(shape, plan.training, batch, body_map_loss, stopped)
    resumed = train_body_map(samples, plan, stopped)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    scores = body_map_scores(whole, samples, plan)
    assert scores.keys() >= {"uv_median", "part_accuracy"}
    with pytest.raises(ValueError, match="another plan"):
        train_dense_net(shape, DenseTraining(steps=9), batch, body_map_loss, stopped)


def test_weights_survive_the_file_and_say_how_they_were_made(tmp_path: Path) -> None:
    plan = DenseTraining(steps=2, batch_size=2)
    config = PlacementTraining(training=plan, widths=(8, 16), held_out=1)
    net = train_placement(cache(), config, tmp_path)
    assert placement_scores(net, cache(), config).keys() >= {"uv_median", "category_accuracy"}
    file = tmp_path / "net.safetensors"
    save_dense_net(net, file, {"seed": 5})
    loaded = load_dense_net(file)
    inputs, _ = placement_batch([photo_example(np.random.default_rng(0), cache(), 0, config)])
    with torch.inference_mode():
        assert loaded(inputs) == pytest.approx(net(inputs), abs=0.03)
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        assert '"seed": 5' in opened.metadata()["training"]
        assert opened.get_tensor("head.weight").dtype == torch.float16
