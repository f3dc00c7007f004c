"""Train the placement of shop photos: a garment's outline and edges in, its place on the body out.

    python -m tryon.training.placement DRAWN_CACHE RENDERED_CACHE RUN_FOLDER WEIGHTS.safetensors

The caches are written by `tryon.training.shop_photos` and `tryon.training.flat_lays`: what is drawn
has every cut and position that shops show, what is rendered has folds and the cut-outs of the
pipeline.
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
from tryon.pipelines.garment.placement import (
    PLACEMENT_INPUTS,
    PLACEMENT_OUTPUTS,
    PLACEMENT_SIZE,
    placement_inputs,
    placement_outputs,
)
from tryon.training.dense import Batch, DenseTraining, save_dense_net, train_dense_net
from tryon.training.flat_lays import FlatLayCache, pieces_of, read_flat_lay_cache
from tryon.training.noise import noisy_outline
from tryon.training.shop_photos import ShopPhotoCache, read_shop_photo_cache
from tryon.types import CATEGORIES

log = logging.getLogger(__name__)

UNTOLD = 255
"""Of a pixel whose piece the truth does not know."""

_OTHER_SIDE = np.array([0, 2, 1, 4, 3, *[UNTOLD] * 251], np.uint8)


@dataclass(frozen=True, slots=True)
class PlacementTraining:
    """How the placement is trained; the last `held_out` samples of each cache are never seen.

    rendered: share of rendered garments. turn: spread of the garment's rotation in degrees.
    stretch: spread of width against height. bend: spread of smooth displacements, as a share of
    the square. edgeless: share shown without its inner edges. own_outline: share of rendered ones
    shown with the cut-out of the pipeline, not a roughened true one.
    """

    training: DenseTraining = field(default_factory=lambda: DenseTraining(steps=2400))
    widths: tuple[int, ...] = (24, 48, 80, 112, 144)
    held_out: int = 200
    rendered: float = 0.25
    turn: float = 4.0
    stretch: float = 0.06
    bend: float = 0.012
    edgeless: float = 0.15
    own_outline: float = 0.8


@dataclass(frozen=True, eq=False, slots=True)
class PhotoExample:
    """One thing to learn from.

    inputs: float32 (C, 64, 64). uv: float32 (128, 128, 2). labels: uint8 (128, 128): 0 nothing,
    1 outside of the front, 2 what nobody sees. pieces: uint8 (128, 128), index into `PIECES` or
    `UNTOLD`. shown: bool (128, 128), what the net is asked about: the cut-out, and the garment.
    """

    inputs: np.ndarray
    uv: np.ndarray
    labels: np.ndarray
    pieces: np.ndarray
    shown: np.ndarray


def drawn_example(
    rng: np.random.Generator, cache: ShopPhotoCache, index: int, config: PlacementTraining
) -> PhotoExample:
    """One drawn garment of the cache, mirrored, turned and framed at random."""
    labels = np.asarray(cache.labels[index])
    planes = (labels, np.asarray(cache.pieces[index]), None, np.asarray(cache.luminance[index]))
    return _example(rng, planes, np.asarray(cache.uv[index]), int(cache.categories[index]), config)


def rendered_example(
    rng: np.random.Generator, cache: FlatLayCache, index: int, config: PlacementTraining
) -> PhotoExample:
    """One rendered garment of the cache, mirrored, turned and framed at random."""
    labels, alpha = np.asarray(cache.labels[index]), np.asarray(cache.alpha[index])
    uv, kind = np.asarray(cache.uv[index]), int(cache.categories[index])
    pieces = pieces_of(uv.astype(np.float32) / 65535, labels, CATEGORIES[kind], UNTOLD)
    own = rng.random() < config.own_outline and bool((alpha > 127).any())
    planes = (labels, pieces, alpha if own else None, np.asarray(cache.luminance[index]))
    return _example(rng, planes, uv, kind, config)


def _example(
    rng: np.random.Generator,
    planes: tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray],
    packed: np.ndarray,
    kind: int,
    config: PlacementTraining,
) -> PhotoExample:
    """planes: labels, pieces, the cut-out if there is one, luminance. packed: uv as uint16."""
    labels, pieces, alpha, luminance = planes
    uv = packed.astype(np.float32) / 65535
    if rng.random() < 0.5:
        labels, luminance = labels[:, ::-1], luminance[:, ::-1]
        pieces, uv = _OTHER_SIDE[pieces[:, ::-1]], uv[:, ::-1] * [-1, 1] + [1, 0]
        alpha = None if alpha is None else np.ascontiguousarray(alpha[:, ::-1])
    mask = (labels > 0) if alpha is None else (alpha > 127)
    x, y = _bent(rng, _framing(rng, mask, config), config.bend)
    labels, pieces = (cv2.remap(np.ascontiguousarray(p), x, y, cv2.INTER_NEAREST)
                      for p in (labels, pieces))  # fmt: skip
    luminance = cv2.remap(
        np.ascontiguousarray(luminance), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    luminance = luminance * rng.uniform(0.5, 1.2) + rng.normal(size=luminance.shape) * 1.5
    if rng.random() < config.edgeless:
        luminance = np.full_like(luminance, 128)
    if alpha is None:
        alpha = noisy_outline(rng, labels > 0)
    else:
        alpha = cv2.remap(alpha, x, y, cv2.INTER_LINEAR)
    return PhotoExample(
        inputs=placement_inputs(
            alpha, np.clip(luminance, 0, 255).astype(np.uint8), CATEGORIES[kind]
        ),
        uv=cv2.remap(np.ascontiguousarray(uv, np.float32), x, y, cv2.INTER_NEAREST),
        labels=labels,
        pieces=pieces,
        shown=(alpha > 127) | (labels > 0),
    )


def _framing(rng: np.random.Generator, mask: np.ndarray, config: PlacementTraining) -> np.ndarray:
    """float64 (2, 3): from pixel indices of the photo to those of the square around the garment."""
    angle = rng.normal() * config.turn
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
    """x and y in the photo, float32 (128, 128), of each pixel of the square, smoothly displaced."""
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
    """Inputs (N, C, 64, 64) and truths (N, [C,] 128, 128) of some examples."""
    labels = torch.from_numpy(np.stack([e.labels for e in examples]))
    truths = {
        "uv": torch.from_numpy(np.stack([e.uv for e in examples])).permute(0, 3, 1, 2),
        "front": (labels == 1).float(),
        "pieces": torch.from_numpy(np.stack([e.pieces for e in examples])).long(),
        "shown": torch.from_numpy(np.stack([e.shown for e in examples])).float(),
    }
    return torch.from_numpy(np.stack([e.inputs for e in examples])), truths


def placement_loss(
    drawn: torch.Tensor, truths: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, dict[str, float]]:
    """Likelihood of the coordinates (Laplace, with the net's own spread), front and piece.

    What the cut-out has too much of, and what nobody sees, is no front and lies nowhere.
    """
    uv, scale, front, pieces = placement_outputs(drawn)
    there, shown = truths["front"], truths["shown"]
    count, asked = there.sum().clamp(min=1), shown.sum().clamp(min=1)
    off = (uv - truths["uv"]).abs().sum(1)
    place = ((off / scale[:, 0] + 2 * scale[:, 0].log()) * there).sum() / count
    facing = F.binary_cross_entropy_with_logits(front[:, 0], there, reduction="none")
    sewn = F.cross_entropy(pieces, truths["pieces"], ignore_index=UNTOLD, reduction="none")
    front_loss = (facing * shown).sum() / asked
    sewn_loss = (sewn * there).sum() / count
    error = (off * there).sum() / count / 2
    seen = {
        "uv": round(error.item(), 4),
        "front": round(front_loss.item(), 4),
        "pieces": round(sewn_loss.item(), 4),
    }
    return 0.3 * place + front_loss + 0.7 * sewn_loss, seen


def train_placement(
    drawn: ShopPhotoCache, rendered: FlatLayCache, config: PlacementTraining, folder: Path
) -> DenseNet:
    """Train on all but the last samples of the caches; checkpoints go to `folder`."""

    def example(rng: np.random.Generator) -> PhotoExample:
        if rng.random() < config.rendered:
            index = int(rng.integers(len(rendered) - config.held_out))
            return rendered_example(rng, rendered, index, config)
        return drawn_example(rng, drawn, int(rng.integers(len(drawn) - config.held_out)), config)

    def batch(rng: np.random.Generator, size: int) -> Batch:
        return placement_batch([example(rng) for _ in range(size)])

    shape = DenseNetConfig(PLACEMENT_INPUTS, PLACEMENT_OUTPUTS, config.widths)
    return train_dense_net(shape, config.training, batch, placement_loss, folder)


def placement_scores(
    net: DenseNet,
    cache: ShopPhotoCache | FlatLayCache,
    config: PlacementTraining,
    seed: int = 1,
) -> dict[str, float]:
    """Errors on the held-out garments of a cache.

    uv_median, uv_mean: distance in percent of the frame, on the outside of the front.
    front_accuracy, piece_accuracy: share of pixels, of the cut-out and of the front.
    """
    rng = np.random.default_rng(seed)
    errors, fronts, sewn = [], [], []
    with torch.inference_mode():
        for i in range(len(cache) - config.held_out, len(cache)):
            if isinstance(cache, ShopPhotoCache):
                example = drawn_example(rng, cache, i, config)
            else:
                example = rendered_example(rng, cache, i, config)
            inputs, truths = placement_batch([example])
            uv, _, front, pieces = placement_outputs(net(inputs).float())
            there, shown = truths["front"] > 0, truths["shown"] > 0
            off = (uv - truths["uv"]).square().sum(1).sqrt() * 100
            errors.append(off[there])
            fronts.append(((front[:, 0] > 0).float() == truths["front"])[shown].float())
            told = there & (truths["pieces"] != UNTOLD)
            sewn.append((pieces.argmax(1) == truths["pieces"])[told].float())
    return {
        "uv_median": round(torch.cat(errors).median().item(), 3),
        "uv_mean": round(torch.cat(errors).mean().item(), 3),
        "front_accuracy": round(torch.cat(fronts).mean().item(), 4),
        "piece_accuracy": round(torch.cat(sewn).mean().item(), 4),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, score, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("drawn", type=Path)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    config = PlacementTraining(training=DenseTraining(steps=options.steps, seed=options.seed))
    drawn, rendered = read_shop_photo_cache(options.drawn), read_flat_lay_cache(options.rendered)
    net = train_placement(drawn, rendered, config, options.run)
    scores = {
        "drawn": placement_scores(net, drawn, config),
        "rendered": placement_scores(net, rendered, config),
    }
    log.info("held out: %s", scores)
    notes = {
        "config": asdict(config),
        "samples": [len(drawn), len(rendered)],
        "held_out_scores": scores,
    }
    save_dense_net(net, options.weights, notes)


if __name__ == "__main__":
    main()
