"""Train the body map on synthetic people: noisy joints and silhouettes in, exact truth out.

    python -m tryon.training.bodymap CACHE_FOLDER RUN_FOLDER WEIGHTS.safetensors

The cache is written by `tryon.training.samples`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from tryon.data.synthetic.canonical import BODY_HEIGHT, PARTS
from tryon.pipelines.bodymap import (
    BODY_MAP_INPUTS,
    BODY_MAP_OUTPUTS,
    MAP_HEIGHT,
    MAP_WIDTH,
    body_map_inputs,
    body_map_outputs,
    drawn_both_ways,
    framed,
    mirrored_name,
)
from tryon.pipelines.bodymap_net import DenseNet, DenseNetConfig
from tryon.training.dense import Batch, DenseTraining, save_dense_net, train_dense_net
from tryon.training.noise import PersonNoise, noisy_keypoints, noisy_silhouette
from tryon.training.samples import SampleCache, read_sample_cache
from tryon.types import JOINTS

log = logging.getLogger(__name__)

_MIRRORED_JOINTS = [JOINTS.index(mirrored_name(name)) for name in JOINTS]
_MIRRORED_PARTS = np.array([PARTS.index(mirrored_name(name)) for name in PARTS], np.uint8)


@dataclass(frozen=True, slots=True)
class BodyMapTraining:
    """How the body map is trained; the last `held_out` samples of the cache are never seen.

    cut: share of the pictures that are cut off somewhere between chest and feet.
    turn: spread of the camera's roll, in degrees.
    """

    training: DenseTraining = field(default_factory=DenseTraining)
    noise: PersonNoise = field(default_factory=PersonNoise)
    widths: tuple[int, ...] = (24, 48, 80, 112, 144)
    held_out: int = 200
    cut: float = 0.45
    turn: float = 4.0


@dataclass(frozen=True, eq=False, slots=True)
class PersonExample:
    """One thing to learn from, on the 192x144 grid.

    keypoints: float32 (18, 3). silhouette: float32 (192, 144).
    uv: float32 (192, 144, 2). labels: uint8 (192, 144), as in `SampleCache.body_labels`, 255
    where the picture was cut off.
    """

    keypoints: np.ndarray
    silhouette: np.ndarray
    uv: np.ndarray
    labels: np.ndarray


def person_example(
    rng: np.random.Generator, cache: SampleCache, index: int, config: BodyMapTraining
) -> PersonExample:
    """One sample of the cache as an estimator might see it, mirrored, cut and framed at random."""
    silhouette = np.asarray(cache.silhouettes[index, rng.integers(2)])
    uv = np.asarray(cache.body_uv[index]).astype(np.float32) / 65535
    labels = np.asarray(cache.body_labels[index])
    keypoints = np.asarray(cache.keypoints[index])
    if rng.random() < 0.5:
        silhouette, uv, labels, keypoints = _mirrored(silhouette, uv, labels, keypoints)
    tall = person_height(keypoints)
    outline = noisy_silhouette(rng, silhouette, tall, config.noise)
    joints = noisy_keypoints(rng, keypoints, tall, config.noise)
    if rng.random() < config.cut:
        labels, outline = _cut_off(rng, labels.copy(), outline)
    move = _framing(rng, outline, config.turn)
    size = (MAP_WIDTH, MAP_HEIGHT)
    joints[:, :2] = joints[:, :2] @ move[:, :2].T + move[:, 2]
    return PersonExample(
        keypoints=joints,
        silhouette=cv2.warpAffine(outline, _centred(move), size),
        uv=cv2.warpAffine(uv, _centred(move), size, flags=cv2.INTER_NEAREST),
        labels=cv2.warpAffine(labels, _centred(move), size, flags=cv2.INTER_NEAREST),
    )


def person_height(keypoints: np.ndarray) -> float:
    """About how tall the person stands in pixels, summed up over the limbs in any pose."""
    xy = {name: keypoints[i, :2] for i, name in enumerate(JOINTS)}

    def length(first: str, second: str) -> float:
        return float(np.hypot(*(xy[first] - xy[second])))

    hips = (xy["right_hip"] + xy["left_hip"]) / 2
    trunk = float(np.hypot(*(xy["neck"] - hips)))
    legs = [length(f"{s}_hip", f"{s}_knee") + length(f"{s}_knee", f"{s}_ankle") for s in _SIDES]
    return max(1.4 * (trunk + max(legs)), 3.0 * trunk, 16.0)


_SIDES = ("right", "left")


def _mirrored(
    silhouette: np.ndarray, uv: np.ndarray, labels: np.ndarray, keypoints: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    uv = uv[:, ::-1].copy()
    uv[..., 0] = 1 - uv[..., 0]
    labels = labels[:, ::-1]
    labels = np.where(labels == 255, labels, _MIRRORED_PARTS[labels & 15] | (labels & 0xF0))
    keypoints = keypoints[_MIRRORED_JOINTS].copy()
    keypoints[:, 0] = silhouette.shape[1] - keypoints[:, 0]
    return np.ascontiguousarray(silhouette[:, ::-1]), uv, labels, keypoints


def _cut_off(
    rng: np.random.Generator, labels: np.ndarray, outline: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The picture ends below the chest, or (seldom) at one side or above the chin."""
    rows = np.nonzero((outline > 0.5).any(axis=1))[0]
    columns = np.nonzero((outline > 0.5).any(axis=0))[0]
    if len(rows) < 8 or len(columns) < 8:
        return labels, outline
    cut = np.zeros(outline.shape, bool)
    cut[int(rows[0] + rng.uniform(0.5, 1.0) * len(rows)) :] = True
    if rng.random() < 0.15:
        cut[: int(rows[0] + rng.uniform(0, 0.12) * len(rows))] = True
    if rng.random() < 0.15:
        edge = int(rng.uniform(0, 0.25) * len(columns))
        if rng.random() < 0.5:
            cut[:, : columns[0] + edge] = True
        else:
            cut[:, columns[-1] - edge :] = True
    labels[cut] = 255
    return labels, np.where(cut, 0, outline)


def _framing(rng: np.random.Generator, outline: np.ndarray, turn: float) -> np.ndarray:
    """float64 (2, 3): from pixel coordinates of the picture to those of the 192x144 grid."""
    rows = np.nonzero((outline > 0.5).any(axis=1))[0]
    columns = np.nonzero((outline > 0.5).any(axis=0))[0]
    if len(rows) == 0:
        rows, columns = np.arange(outline.shape[0]), np.arange(outline.shape[1])
    box = framed(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1, rng.uniform(0.02, 0.12))
    scale = MAP_HEIGHT / box.height
    angle = np.radians(rng.normal() * turn)
    middle = np.array([box.left + box.width / 2, box.top + box.height / 2])
    middle += rng.normal(size=2) * 0.02 * box.height
    turned = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([MAP_WIDTH / 2, MAP_HEIGHT / 2]) - turned @ middle
    return np.concatenate([turned, shift[:, None]], axis=1)


def _centred(move: np.ndarray) -> np.ndarray:
    """The same map for pixel indices, whose centres lie half a pixel further."""
    shifted = move.copy()
    shifted[:, 2] += move[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return shifted


def body_map_batch(examples: Sequence[PersonExample]) -> Batch:
    """Inputs (N, C, 96, 72) and truths (N, [C,] 192, 144) of some examples."""
    labels = torch.from_numpy(np.stack([e.labels for e in examples]))
    known = labels != 255
    part = torch.where(known, labels & 15, 0).long()
    truths = {
        "uv": torch.from_numpy(np.stack([e.uv for e in examples])).permute(0, 3, 1, 2),
        "part": part,
        "front": ((labels & 16) > 0).float(),
        "body": ((part > 0) & ((labels & 32) == 0)).float(),
        "known": known.float(),
    }
    inputs = body_map_inputs(
        torch.from_numpy(np.stack([e.keypoints for e in examples])),
        torch.from_numpy(np.stack([e.silhouette for e in examples]))[:, None],
    )
    return inputs, truths


def body_map_loss(
    drawn: torch.Tensor, truths: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, dict[str, float]]:
    """Likelihood of the coordinates (Laplace, with the net's own spread), parts, front, body."""
    uv, scale, front, body, parts = body_map_outputs(drawn)
    known = truths["known"]
    there = (truths["part"] > 0).float() * known
    count, area = there.sum().clamp(min=1), known.sum().clamp(min=1)
    off = (uv - truths["uv"]).abs().sum(1)
    place = ((off / scale[:, 0] + 2 * scale[:, 0].log()) * there).sum() / count
    part = (F.cross_entropy(parts, truths["part"], reduction="none") * known).sum() / area
    facing = F.binary_cross_entropy_with_logits(front[:, 0], truths["front"], reduction="none")
    inside = F.binary_cross_entropy_with_logits(body[:, 0], truths["body"], reduction="none")
    loss = 0.3 * place + 2 * part + 0.3 * (facing * there).sum() / count
    loss = loss + 0.5 * (inside * known).sum() / area
    error = (off * there).sum() / count / 2
    return loss, {"uv": round(error.item(), 4), "part": round(part.item(), 4)}


def train_body_map(cache: SampleCache, config: BodyMapTraining, folder: Path) -> DenseNet:
    """Train on all but the last samples of the cache; checkpoints go to `folder`."""
    count = len(cache) - config.held_out

    def batch(rng: np.random.Generator, size: int) -> Batch:
        chosen = rng.integers(count, size=size)
        return body_map_batch([person_example(rng, cache, int(i), config) for i in chosen])

    shape = DenseNetConfig(BODY_MAP_INPUTS, BODY_MAP_OUTPUTS, config.widths)
    return train_dense_net(shape, config.training, batch, body_map_loss, folder)


def body_map_scores(
    net: DenseNet, cache: SampleCache, config: BodyMapTraining, seed: int = 1
) -> dict[str, float]:
    """Errors on the held-out samples, with noise on the input.

    uv_median, uv_mean: distance in the frame, in percent of the body's height, on the bare body;
    band_median: the same in the band. part_accuracy, front_accuracy: shares of its pixels.
    """
    rng = np.random.default_rng(seed)
    errors, bands, parts, fronts = [], [], [], []
    with torch.inference_mode():
        for i in range(len(cache) - config.held_out, len(cache)):
            example = person_example(rng, cache, i, config)
            _, truths = body_map_batch([example])
            drawn = drawn_both_ways(
                net,
                torch.from_numpy(example.keypoints)[None],
                torch.from_numpy(example.silhouette)[None],
            )
            uv, _, front, _, part = body_map_outputs(drawn)
            off = (uv - truths["uv"]).square().sum(1).sqrt() * 100 / BODY_HEIGHT
            inside = truths["body"] * truths["known"] > 0
            band = (truths["part"] > 0) & (truths["known"] > 0) & ~inside
            errors.append(off[inside])
            bands.append(off[band])
            parts.append((part.argmax(1) == truths["part"])[inside].float())
            fronts.append(((front[:, 0] > 0).float() == truths["front"])[inside].float())
    return {
        "uv_median": round(torch.cat(errors).median().item(), 3),
        "uv_mean": round(torch.cat(errors).mean().item(), 3),
        "band_median": round(torch.cat(bands).median().item(), 3)
        if torch.cat(bands).numel()
        else 0,
        "part_accuracy": round(torch.cat(parts).mean().item(), 4),
        "front_accuracy": round(torch.cat(fronts).mean().item(), 4),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    config = BodyMapTraining(training=DenseTraining(steps=options.steps, seed=options.seed))
    cache = read_sample_cache(options.cache)
    net = train_body_map(cache, config, options.run)
    scores = body_map_scores(net, cache, config)
    log.info("held out: %s", scores)
    notes = {"config": asdict(config), "samples": len(cache), "held_out_scores": scores}
    save_dense_net(net, options.weights, notes)


if __name__ == "__main__":
    main()
