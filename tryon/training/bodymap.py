"""Train the body map on synthetic people: noisy joints and silhouettes in, exact truth out.

    python -m tryon.training.bodymap CACHE_FOLDER RUN_FOLDER WEIGHTS.safetensors

The cache is written by `tryon.training.samples`, that of sightings by `tryon.training.sightings`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from tryon.data.synthetic.canonical import BODY_HEIGHT
from tryon.pipelines.bodymap import (
    BODY_MAP_INPUTS,
    BODY_MAP_OUTPUTS,
    MAP_HEIGHT,
    MAP_WIDTH,
    body_map_inputs,
    body_map_outputs,
    drawn_both_ways,
)
from tryon.pipelines.bodymap_net import DenseNet, DenseNetConfig
from tryon.training.dense import Batch, DenseTraining, save_dense_net, train_dense_net
from tryon.training.framing import centred, cut_off, framing, mirrored_person
from tryon.training.noise import PersonNoise, noisy_keypoints, noisy_silhouette
from tryon.training.samples import SampleCache, read_sample_cache
from tryon.training.sightings import Sightings, read_sightings
from tryon.types import JOINTS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BodyMapTraining:
    """How the body map is trained; the last `held_out` samples of the cache are never seen.

    cut: share of the pictures that are cut off somewhere between chest and feet.
    turn: spread of the camera's roll, in degrees.
    sighted: share of examples that are taken from sightings, if there are any.
    """

    training: DenseTraining = field(default_factory=DenseTraining)
    noise: PersonNoise = field(default_factory=PersonNoise)
    widths: tuple[int, ...] = (32, 64, 112, 160, 224)
    held_out: int = 200
    cut: float = 0.45
    turn: float = 4.0
    sighted: float = 0.6


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
    silhouette = cache.silhouettes[index, rng.integers(2)]
    keypoints = np.asarray(cache.keypoints[index])
    tall = person_height(keypoints)
    outline = noisy_silhouette(rng, silhouette, tall, config.noise)
    joints = noisy_keypoints(rng, keypoints, tall, config.noise)
    return _framed(rng, outline, joints, cache.body_uv[index], cache.body_labels[index], config)


def sighting_example(
    rng: np.random.Generator, sightings: Sightings, index: int, config: BodyMapTraining
) -> PersonExample:
    """One person as the estimators did see them, mirrored, cut and framed at random.

    A trace of noise is added, as every sighting is learned from several times.
    """
    joints = np.asarray(sightings.seen_keypoints[index]).copy()
    tall = person_height(np.asarray(sightings.keypoints[index]))
    joints[:, :2] += rng.normal(size=(len(joints), 2)) * rng.uniform(0, 0.004) * tall
    outline = sightings.seen_silhouettes[index].astype(np.float32) / 255
    return _framed(
        rng, outline, joints, sightings.body_uv[index], sightings.body_labels[index], config
    )


def _framed(
    rng: np.random.Generator,
    outline: np.ndarray,
    joints: np.ndarray,
    body_uv: np.ndarray,
    body_labels: np.ndarray,
    config: BodyMapTraining,
) -> PersonExample:
    """Estimates and truth, mirrored, cut and put on the grid at random."""
    uv, labels = body_uv.astype(np.float32) / 65535, np.asarray(body_labels)
    if rng.random() < 0.5:
        outline, uv, labels, joints = mirrored_person(outline, uv, labels, joints)
    if rng.random() < config.cut:
        labels, outline = cut_off(rng, labels.copy(), outline)
    move = framing(rng, outline, config.turn)
    size = (MAP_WIDTH, MAP_HEIGHT)
    joints[:, :2] = joints[:, :2] @ move[:, :2].T + move[:, 2]
    return PersonExample(
        keypoints=joints,
        silhouette=cv2.warpAffine(outline, centred(move), size),
        uv=cv2.warpAffine(uv, centred(move), size, flags=cv2.INTER_NEAREST),
        labels=cv2.warpAffine(labels, centred(move), size, flags=cv2.INTER_NEAREST),
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


def train_body_map(
    cache: SampleCache,
    config: BodyMapTraining,
    folder: Path,
    sightings: Sightings | None = None,
) -> DenseNet:
    """Train on all but the last samples of the cache; checkpoints go to `folder`."""
    count = len(cache) - config.held_out

    def example(rng: np.random.Generator) -> PersonExample:
        if sightings is not None and rng.random() < config.sighted:
            return sighting_example(rng, sightings, int(rng.integers(len(sightings))), config)
        return person_example(rng, cache, int(rng.integers(count)), config)

    def batch(rng: np.random.Generator, size: int) -> Batch:
        return body_map_batch([example(rng) for _ in range(size)])

    shape = DenseNetConfig(BODY_MAP_INPUTS, BODY_MAP_OUTPUTS, config.widths)
    return train_dense_net(shape, config.training, batch, body_map_loss, folder)


def body_map_scores(
    net: DenseNet, cache: SampleCache, config: BodyMapTraining, seed: int = 1
) -> dict[str, float]:
    """Errors on the held-out samples, with noise on the input; see `example_scores`."""
    rng = np.random.default_rng(seed)
    held_out = range(len(cache) - config.held_out, len(cache))
    return example_scores(net, (person_example(rng, cache, i, config) for i in held_out))


def sighting_scores(
    net: DenseNet, sightings: Sightings, config: BodyMapTraining, seed: int = 1
) -> dict[str, float]:
    """Errors on people as BlazePose sees them, none of whom may have been trained on."""
    rng = np.random.default_rng(seed)
    examples = (sighting_example(rng, sightings, i, config) for i in range(len(sightings)))
    return example_scores(net, examples)


def example_scores(net: DenseNet, examples: Iterable[PersonExample]) -> dict[str, float]:
    """How far the net is off.

    uv_median, uv_mean: distance in the frame, in percent of the body's height, on the bare body;
    band_median: the same in the band. part_accuracy, front_accuracy: shares of its pixels.
    """
    errors, bands, parts, fronts = [], [], [], []
    with torch.inference_mode():
        for example in examples:
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
    everywhere, beside = torch.cat(errors), torch.cat(bands)
    return {
        "uv_median": round(everywhere.median().item(), 3),
        "uv_mean": round(everywhere.mean().item(), 3),
        "band_median": round(beside.median().item(), 3) if beside.numel() else 0,
        "part_accuracy": round(torch.cat(parts).mean().item(), 4),
        "front_accuracy": round(torch.cat(fronts).mean().item(), 4),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--sightings", type=Path, help="a cache of `tryon.training.sightings`")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    config = BodyMapTraining(training=DenseTraining(steps=options.steps, seed=options.seed))
    cache = read_sample_cache(options.cache)
    sightings = read_sightings(options.sightings) if options.sightings else None
    net = train_body_map(cache, config, options.run, sightings)
    scores = body_map_scores(net, cache, config)
    log.info("held out: %s", scores)
    notes = {"config": asdict(config), "samples": len(cache), "held_out_scores": scores}
    save_dense_net(net, options.weights, notes)


if __name__ == "__main__":
    main()
