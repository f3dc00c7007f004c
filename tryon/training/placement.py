"""Train the placement of flat-lays: a garment's outline and edges in, its place on the body out.

    python -m tryon.training.placement CACHE_FOLDER RUN_FOLDER WEIGHTS.safetensors

The cache is written by `tryon.training.flat_lays`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from tryon.pipelines.bodymap_net import DenseNet, DenseNetConfig
from tryon.pipelines.placement import (
    PLACEMENT_INPUTS,
    PLACEMENT_OUTPUTS,
    PLACEMENT_SIZE,
    placement_inputs,
    placement_outputs,
)
from tryon.training.dense import Batch, DenseTraining, save_dense_net, train_dense_net
from tryon.training.flat_lays import FlatLayCache, read_flat_lay_cache
from tryon.training.noise import noisy_outline
from tryon.types import CATEGORIES

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlacementTraining:
    """How the placement is trained; the last `held_out` samples of the cache are never seen.

    turn: spread of the garment's rotation in degrees. upside_down: share that is turned by a
    quarter or a half on top. stretch: spread of width against height. bend: spread of smooth
    displacements, as a share of the square. edgeless: share shown without its inner edges.
    own_outline: share shown with the cut-out of the pipeline, not a roughened true one.
    told: share shown with its category.
    """

    training: DenseTraining = field(default_factory=lambda: DenseTraining(steps=1800))
    widths: tuple[int, ...] = (24, 48, 80, 112, 144)
    held_out: int = 200
    turn: float = 5.0
    upside_down: float = 0.0
    stretch: float = 0.1
    bend: float = 0.015
    edgeless: float = 0.1
    own_outline: float = 0.8
    told: float = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class PhotoExample:
    """One thing to learn from.

    inputs: float32 (C, 96, 96). uv: float32 (192, 192, 2). labels: uint8 (192, 192), as in
    `FlatLayCache.labels`. shown: bool (192, 192), what the net is asked about: the cut-out, and
    the garment. category: index into `CATEGORIES`.
    """

    inputs: np.ndarray
    uv: np.ndarray
    labels: np.ndarray
    shown: np.ndarray
    category: int


def photo_example(
    rng: np.random.Generator, cache: FlatLayCache, index: int, config: PlacementTraining
) -> PhotoExample:
    """One flat-lay of the cache, mirrored, turned and framed at random."""
    planes = [np.asarray(plane[index]) for plane in (cache.labels, cache.alpha, cache.luminance)]
    uv = np.asarray(cache.uv[index]).astype(np.float32) / 65535
    if rng.random() < 0.5:
        planes, uv = [np.ascontiguousarray(plane[:, ::-1]) for plane in planes], uv[:, ::-1].copy()
        uv[..., 0] = 1 - uv[..., 0]
    labels, alpha, luminance = planes
    own = rng.random() < config.own_outline and bool((alpha > 127).any())
    x, y = _bent(rng, _framing(rng, (alpha > 127) if own else (labels > 0), config), config.bend)
    labels = cv2.remap(labels, x, y, cv2.INTER_NEAREST)
    alpha = cv2.remap(alpha, x, y, cv2.INTER_LINEAR)
    luminance = cv2.remap(luminance, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    luminance = luminance * rng.uniform(0.5, 1.2) + rng.normal(size=luminance.shape) * 2
    if rng.random() < config.edgeless:
        luminance = np.full_like(luminance, 128)
    if not own:
        alpha = noisy_outline(rng, labels > 0)
    kind = int(cache.categories[index])
    told = CATEGORIES[kind] if rng.random() < config.told else None
    return PhotoExample(
        inputs=placement_inputs(alpha, np.clip(luminance, 0, 255).astype(np.uint8), told),
        uv=cv2.remap(uv, x, y, cv2.INTER_NEAREST),
        labels=labels,
        shown=(alpha > 127) | (labels > 0),
        category=kind,
    )


def _framing(rng: np.random.Generator, mask: np.ndarray, config: PlacementTraining) -> np.ndarray:
    """float64 (2, 3): from pixel indices of the photo to those of the square around the garment."""
    angle = rng.normal() * config.turn
    if rng.random() < config.upside_down:
        angle += 90 * rng.integers(1, 4)
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    stretch = np.exp(rng.normal() * config.stretch)
    turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([stretch, 1 / stretch])
    rows, columns = np.nonzero(mask)
    if len(rows) == 0:
        rows, columns = np.array([0, mask.shape[0] - 1]), np.array([0, mask.shape[1] - 1])
    corners = np.stack([columns, rows]) + 0.5
    turned = turn @ corners
    low, high = turned.min(axis=1), turned.max(axis=1)
    side = (high - low).max() * (1 + 2 * rng.uniform(0.03, 0.1))
    scale = PLACEMENT_SIZE / side
    middle = (low + high) / 2 + rng.normal(size=2) * 0.01 * side
    linear = scale * turn
    shift = PLACEMENT_SIZE / 2 - scale * middle
    shift += linear @ np.array([0.5, 0.5]) - 0.5
    return np.concatenate([linear, shift[:, None]], axis=1)


def _bent(
    rng: np.random.Generator, move: np.ndarray, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """x and y in the photo, float32 (192, 192), of each pixel of the square, smoothly displaced."""
    y, x = np.mgrid[0:PLACEMENT_SIZE, 0:PLACEMENT_SIZE].astype(np.float32)
    coarse = rng.normal(size=(5, 5, 2)).astype(np.float32) * spread * PLACEMENT_SIZE
    size = (PLACEMENT_SIZE, PLACEMENT_SIZE)
    shift = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    back = cv2.invertAffineTransform(move)
    x, y = x + shift[..., 0], y + shift[..., 1]
    return (
        (back[0, 0] * x + back[0, 1] * y + back[0, 2]).astype(np.float32),
        (back[1, 0] * x + back[1, 1] * y + back[1, 2]).astype(np.float32),
    )


def placement_batch(examples: Sequence[PhotoExample]) -> Batch:
    """Inputs (N, C, 96, 96) and truths (N, [C,] 192, 192) of some examples."""
    labels = torch.from_numpy(np.stack([e.labels for e in examples]))
    kinds = torch.tensor([e.category for e in examples])
    truths = {
        "uv": torch.from_numpy(np.stack([e.uv for e in examples])).permute(0, 3, 1, 2),
        "garment": (labels > 0).float(),
        "front": (labels == 1).float(),
        "shown": torch.from_numpy(np.stack([e.shown for e in examples])).float(),
        "kind": kinds[:, None, None].expand(labels.shape),
    }
    return torch.from_numpy(np.stack([e.inputs for e in examples])), truths


def placement_loss(
    drawn: torch.Tensor, truths: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, dict[str, float]]:
    """Likelihood of the coordinates (Laplace, with the net's own spread), front and category.

    What the cut-out has too much of is no front, has no coordinates, and counts as little.
    """
    uv, scale, front, kinds = placement_outputs(drawn)
    there, shown = truths["garment"], truths["shown"]
    count, asked = there.sum().clamp(min=1), shown.sum().clamp(min=1)
    off = (uv - truths["uv"]).abs().sum(1)
    place = ((off / scale[:, 0] + 2 * scale[:, 0].log()) * there).sum() / count
    facing = F.binary_cross_entropy_with_logits(front[:, 0], truths["front"], reduction="none")
    kind = F.cross_entropy(kinds, truths["kind"], reduction="none")
    front_loss, kind_loss = (facing * shown).sum() / asked, (kind * there).sum() / count
    error = (off * there).sum() / count / 2
    seen = {
        "uv": round(error.item(), 4),
        "front": round(front_loss.item(), 4),
        "kind": round(kind_loss.item(), 4),
    }
    return 0.3 * place + front_loss + 0.5 * kind_loss, seen


def category_chances(categories: np.ndarray) -> np.ndarray:
    """float (n,), summing to 1: rare categories come more often than their share."""
    share = np.bincount(categories, minlength=3) / max(len(categories), 1)
    chances = 1 / np.sqrt(share[categories])
    return np.asarray(chances / chances.sum())


def train_placement(cache: FlatLayCache, config: PlacementTraining, folder: Path) -> DenseNet:
    """Train on all but the last samples of the cache; checkpoints go to `folder`."""
    chances = category_chances(np.asarray(cache.categories[: len(cache) - config.held_out]))

    def batch(rng: np.random.Generator, size: int) -> Batch:
        chosen = rng.choice(len(chances), size, p=chances)
        return placement_batch([photo_example(rng, cache, int(i), config) for i in chosen])

    shape = DenseNetConfig(PLACEMENT_INPUTS, PLACEMENT_OUTPUTS, config.widths)
    return train_dense_net(shape, config.training, batch, placement_loss, folder)


def placement_scores(
    net: DenseNet, cache: FlatLayCache, config: PlacementTraining, seed: int = 1
) -> dict[str, float]:
    """Errors on the held-out flat-lays, whose category is not told.

    uv_median, uv_mean: distance in percent of the frame, on the outside of the front.
    front_accuracy: share of pixels. category_accuracy: share of photos.
    """
    rng, config = np.random.default_rng(seed), replace(config, told=0.0)
    errors, fronts, kinds = [], [], []
    with torch.inference_mode():
        for i in range(len(cache) - config.held_out, len(cache)):
            example = photo_example(rng, cache, i, config)
            inputs, truths = placement_batch([example])
            uv, _, front, kind = placement_outputs(net(inputs).float())
            there, shown = truths["garment"] > 0, truths["shown"] > 0
            off = (uv - truths["uv"]).square().sum(1).sqrt() * 100
            errors.append(off[(truths["front"] > 0)])
            fronts.append(((front[:, 0] > 0).float() == truths["front"])[shown].float())
            mean = kind.softmax(1)[0, :, there[0]].mean(1)
            kinds.append(float(int(mean.argmax()) == example.category))
    return {
        "uv_median": round(torch.cat(errors).median().item(), 3),
        "uv_mean": round(torch.cat(errors).mean().item(), 3),
        "front_accuracy": round(torch.cat(fronts).mean().item(), 4),
        "category_accuracy": round(float(np.mean(kinds)), 4),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    config = PlacementTraining(training=DenseTraining(steps=options.steps, seed=options.seed))
    cache = read_flat_lay_cache(options.cache)
    net = train_placement(cache, config, options.run)
    scores = placement_scores(net, cache, config)
    log.info("held out: %s", scores)
    notes = {"config": asdict(config), "samples": len(cache), "held_out_scores": scores}
    save_dense_net(net, options.weights, notes)


if __name__ == "__main__":
    main()
