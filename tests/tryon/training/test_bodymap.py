"""Trainers of the dense nets, on a tiny made-up cache: geometry, noise, resuming, weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tryon.data.synthetic.canonical import PARTS
from tryon.pipelines.bodymap import body_map_outputs
from tryon.pipelines.bodymap_net import DenseNetConfig
from tryon.training.bodymap import (
    BodyMapTraining,
    body_map_batch,
    body_map_loss,
    body_map_scores,
    person_example,
    sighting_example,
    sighting_scores,
    train_body_map,
)
from tryon.training.dense import DenseTraining, train_dense_net
from tryon.training.noise import PersonNoise
from tryon.training.samples import SampleCache
from tryon.training.sightings import Sightings
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
    )


def sightings(count: int = 3) -> Sightings:
    """The same people, whom an estimator sees two pixels further down."""
    truth = cache(count)
    seen = np.array(truth.keypoints)
    seen[..., 1] += 2
    return Sightings(
        seeds=np.arange(count),
        keypoints=truth.keypoints,
        seen_keypoints=seen,
        silhouettes=truth.silhouettes[:, 0],
        seen_silhouettes=truth.silhouettes[:, 0] * 255,
        body_uv=truth.body_uv,
        body_labels=truth.body_labels,
    )


@pytest.mark.parametrize("seed", range(6))
def test_examples_stay_true_however_they_are_framed(seed: int) -> None:
    """Joints, outline, labels and coordinates move together, mirrored or not."""
    config = BodyMapTraining(noise=NONE, cut=0.0, turn=3.0)
    example = person_example(np.random.default_rng(seed), cache(), 0, config)
    there = (example.labels & 15) > 0
    wrist = example.keypoints[JOINTS.index("left_wrist")]
    column, row = int(wrist[0]), int(wrist[1])
    if column >= 144:
        return  # the right arm is not drawn, so that its wrist may lie outside the crop
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


def test_a_sighting_has_the_joints_that_were_seen() -> None:
    """Wrists lie two pixels (times the framing's scale) below where the truth has them."""
    config = BodyMapTraining(cut=0.0, turn=0.0)
    below = []
    for seed in range(20):
        example = sighting_example(np.random.default_rng(seed), sightings(), 0, config)
        x, y = example.keypoints[JOINTS.index("left_wrist"), :2].astype(int)
        if not 0 <= x < 144:
            continue  # the right wrist's arm is not drawn: it may lie outside the crop
        u, v = example.uv[y, x]
        below.append(v * 64 - (38 if u > 0.75 else 30))
    assert np.median(below) == pytest.approx(2, abs=1)
    assert example.silhouette.max() > 0.99


def test_training_takes_its_share_of_sightings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    plan = DenseTraining(steps=8, batch_size=4)
    config = BodyMapTraining(training=plan, widths=(8, 16), held_out=2, sighted=0.75)

    def counted(*args: object) -> object:
        taken.append(args[2])
        return sighting_example(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("tryon.training.bodymap.sighting_example", counted)
    net = train_body_map(cache(4), config, tmp_path, sightings())
    assert 16 < len(taken) < 31 and set(taken) == {0, 1, 2}
    assert sighting_scores(net, sightings(), config).keys() >= {"uv_median", "part_accuracy"}


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
        examples = [person_example(rng, samples, int(rng.integers(4)), plan) for _ in range(size)]
        return body_map_batch(examples)

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
