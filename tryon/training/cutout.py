"""Train the cut-out: a photo of a garment in, its alpha out.

    python -m tryon.training.cutout RENDERED_CACHE RUN_FOLDER WEIGHTS.safetensors
        [--photographed CACHE]

The caches are written by `tryon.training.cut_garments`. Photographed garments that were cut out
of real photos, if there are any, are laid on new grounds like the rendered ones, and shown as they
were taken, too.
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

from tryon.pipelines.bodymap_net import DenseNet, DenseNetConfig
from tryon.pipelines.garment.cutout_net import (
    CUTOUT_INPUTS,
    CUTOUT_OUTPUTS,
    cutout_inputs,
    cutout_logits,
)
from tryon.training.cut_garments import (
    CutGarments,
    Photographed,
    read_cut_garments,
    read_photographed,
)
from tryon.training.dense import Batch, DenseTraining, save_dense_net, train_dense_net
from tryon.training.garment_photos import PhotoMix, garment_photo, retaken_photo

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CutoutTraining:
    """How the cut-out is trained; the last `held_out` garments of each cache are never seen.

    side: of the photos, in pixels; smaller ones than the net will see teach the same faster.
    photographed: share of the garments that were cut out of real photos; retaken: share of
    examples that are such a photo itself.
    """

    training: DenseTraining = field(
        default_factory=lambda: DenseTraining(steps=600, learning_rate=2e-3, average=0.99)
    )
    widths: tuple[int, ...] = (48, 64, 88, 112, 128)
    mix: PhotoMix = field(default_factory=PhotoMix)
    side: int = 128
    held_out: int = 100
    photographed: float = 0.45
    retaken: float = 0.15


@dataclass(frozen=True, eq=False, slots=True)
class Garments:
    """What the examples are made of: rendered garments and, perhaps, photographed ones."""

    rendered: CutGarments
    photographed: Photographed | None = None

    def example(
        self, rng: np.random.Generator, config: CutoutTraining, *, held_out: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """A photo uint8 (side, side, 3) and its alpha float32 (side, side), 0-1."""
        real = self.photographed
        grounds = () if real is None else real.photo
        cache: CutGarments | Photographed = self.rendered
        if real is not None:
            kind = rng.random()
            if kind < config.retaken:
                index = _chosen(rng, len(real), config.held_out, held_out)
                return retaken_photo(rng, real.photo[index], real.alpha[index], config.side)
            if kind < config.retaken + (1 - config.retaken) * config.photographed:
                cache = real
        index = _chosen(rng, len(cache), config.held_out, held_out)
        rgb, alpha = np.asarray(cache.rgb[index]), np.asarray(cache.alpha[index])
        return garment_photo(rng, rgb, alpha, grounds, config.mix, config.side)


def _seen_otherwise(
    rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The example mirrored, in other colours: far cheaper than a new one."""
    channels = rng.permutation(3)
    return np.ascontiguousarray(image[:, ::-1, channels]), np.ascontiguousarray(alpha[:, ::-1])


def _chosen(rng: np.random.Generator, count: int, kept_back: int, held_out: bool) -> int:
    first = max(1, count - kept_back)
    return int(rng.integers(first, count) if held_out else rng.integers(first))


def cutout_batch(examples: Sequence[tuple[np.ndarray, np.ndarray]]) -> Batch:
    """Inputs (N, 96, s/4, s/4) and truths (N, s, s): alpha, and how much each pixel counts."""
    inputs = np.stack([cutout_inputs(image) for image, _ in examples])
    alpha = np.stack([alpha for _, alpha in examples])
    around = np.ones((7, 7), np.uint8)
    outline = [cv2.morphologyEx(one, cv2.MORPH_GRADIENT, around) for one in alpha]
    weight = 1 + 3 * np.stack(outline)
    truths = {"alpha": torch.from_numpy(alpha), "weight": torch.from_numpy(weight)}
    return torch.from_numpy(inputs), truths


def cutout_loss(
    drawn: torch.Tensor, truths: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, dict[str, float]]:
    """Cross entropy, more of it along the outline, and what lacks of a whole soft overlap."""
    logits, alpha, weight = cutout_logits(drawn), truths["alpha"], truths["weight"]
    cross = F.binary_cross_entropy_with_logits(logits, alpha, weight) / weight.mean()
    overlap = _soft_overlap(logits.sigmoid(), alpha)
    seen = {"cross": round(cross.item(), 4), "overlap": round(overlap.mean().item(), 4)}
    return cross + 0.5 * (1 - overlap.mean()), seen


def _soft_overlap(drawn: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """(N,), 0-1: what both share of what either has."""
    both, either = torch.minimum(drawn, alpha), torch.maximum(drawn, alpha)
    return (both.sum((1, 2)) + 1) / (either.sum((1, 2)) + 1)


def train_cutout(garments: Garments, config: CutoutTraining, folder: Path) -> DenseNet:
    """Train on all but the last garments of each cache; checkpoints go to `folder`."""

    def batch(rng: np.random.Generator, size: int) -> Batch:
        examples = [garments.example(rng, config) for _ in range(size // 2)]
        return cutout_batch([*examples, *(_seen_otherwise(rng, *one) for one in examples)])

    shape = DenseNetConfig(CUTOUT_INPUTS, CUTOUT_OUTPUTS, config.widths)
    return train_dense_net(shape, config.training, batch, cutout_loss, folder)


def cutout_scores(
    net: DenseNet, garments: Garments, config: CutoutTraining, seed: int = 1, count: int = 200
) -> dict[str, float]:
    """On photos of held-out garments: the mean and the tenth percentile of the IoU."""
    rng, overlaps = np.random.default_rng(seed), []
    with torch.inference_mode():
        for _ in range(count):
            inputs, truths = cutout_batch([garments.example(rng, config, held_out=True)])
            found, true = cutout_logits(net(inputs).float()) > 0, truths["alpha"] > 0.5
            overlaps.append(((found & true).sum() / (found | true).sum().clamp(min=1)).item())
    return {
        "iou_mean": round(float(np.mean(overlaps)), 4),
        "iou_tenth": round(float(np.percentile(overlaps, 10)), 4),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rendered", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--photographed", type=Path)
    parser.add_argument("--retaken", type=float, default=0.15)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    plan = DenseTraining(
        steps=options.steps,
        seed=options.seed,
        learning_rate=2e-3,
        average=0.99,
        checkpoint_every=50,
    )
    config = CutoutTraining(training=plan, retaken=options.retaken)
    real = None if options.photographed is None else read_photographed(options.photographed)
    garments = Garments(read_cut_garments(options.rendered), real)
    net = train_cutout(garments, config, options.run)
    scores = cutout_scores(net, garments, config)
    log.info("held out: %s", scores)
    notes = {
        "config": asdict(config),
        "held_out_scores": scores,
        "samples": len(garments.rendered) + len(real or ()),
    }
    save_dense_net(net, options.weights, notes)


if __name__ == "__main__":
    main()
