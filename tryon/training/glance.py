"""Train the glance: a cut-out in, what it is and how it stands out.

    python -m tryon.training.glance VIEWS_FOLDER WEIGHTS.safetensors --trunk WEIGHTS.pth --folds 2

The views are written by `tryon.training.glance_views`. The weights are those of a net that saw all;
with folds, as many more are trained, each without its share of the photographs, and scored on it.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from tryon.pipelines.garment.glance_net import ANGLES, KINDS, GlanceNet
from tryon.training.glance_pictures import OTHER
from tryon.training.glance_views import GlanceViews, read_glance_views
from tryon.training.lite_trunk import pretrained_glance

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GlanceTraining:
    """How the glance is trained.

    epochs: looks at each view. batch: views a step. spread: degrees by which the truth of an angle
    is smeared.
    """

    epochs: int = 10
    batch: int = 64
    learning_rate: float = 1.5e-3
    decay: float = 0.02
    spread: float = 4.0
    seed: int = 0


def train_glance(
    views: GlanceViews, chosen: np.ndarray, net: GlanceNet, config: GlanceTraining
) -> GlanceNet:
    """Train the head of a net on the chosen views (indices)."""
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    for part in (net.stem, net.blocks):
        part.requires_grad_(False)
    optimizer = torch.optim.AdamW(
        [parameter for parameter in net.parameters() if parameter.requires_grad],
        lr=config.learning_rate,
        weight_decay=config.decay,
    )
    steps = max(1, config.epochs * len(chosen) // config.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 40) * 0.5 * (1 + cos(pi * step / steps))
    )
    order = np.concatenate([rng.permutation(chosen) for _ in range(config.epochs)])
    net.train()
    began = time.monotonic()
    for step in range(steps):
        batch = np.sort(order[step * config.batch : (step + 1) * config.batch])
        loss, seen = glance_loss(net, views, batch, config.spread)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            log.info("step %d of %d, %.0f s: %s", step + 1, steps, time.monotonic() - began, seen)
    return net.eval()


def glance_loss(
    net: GlanceNet, views: GlanceViews, batch: np.ndarray, spread: float
) -> tuple[torch.Tensor, dict[str, float]]:
    """Cross-entropies of kind and angle; what is no garment has no angle."""
    kinds = torch.from_numpy(views.kinds[batch].astype(np.int64))
    kind, angle = net.head(*_shown(views, batch))
    truth = smeared_angles(torch.from_numpy(np.array(views.angles[batch])), spread)
    garment = (kinds != OTHER).float()
    what = F.cross_entropy(kind, kinds, label_smoothing=0.02)
    each = F.cross_entropy(angle, truth, reduction="none") * garment
    which = each.sum() / garment.sum().clamp(min=1)
    right = (kind.argmax(1) == kinds).float().mean()
    seen = {
        "kind": round(what.item(), 3),
        "angle": round(which.item(), 3),
        "right": round(right.item(), 3),
    }
    return what + 0.5 * which, seen


def _shown(views: GlanceViews, batch: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    maps = torch.from_numpy(views.maps[batch].astype(np.float32))
    outlines = torch.from_numpy(views.outlines[batch].astype(np.float32) / 255)[:, None]
    return maps.contiguous(memory_format=torch.channels_last), outlines


def smeared_angles(angles: torch.Tensor, spread: float) -> torch.Tensor:
    """(N,) degrees -> (N, 72), summing to 1: a bell around each angle."""
    classes = torch.arange(ANGLES) * (360 / ANGLES)
    apart = (angles[:, None] - classes + 180) % 360 - 180
    bell = torch.exp(-0.5 * (apart / spread) ** 2)
    return bell / bell.sum(1, keepdim=True)


def glance_scores(net: GlanceNet, views: GlanceViews, chosen: np.ndarray) -> dict[str, float]:
    """Of single views: share of kinds told rightly, of garments taken for none, of other things
    taken for garments, and of angles off by more than 8 degrees."""
    kinds, angles = [], []
    with torch.inference_mode():
        for start in range(0, len(chosen), 128):
            kind, angle = net.head(*_shown(views, chosen[start : start + 128]))
            kinds.append(kind.softmax(1))
            angles.append(angle.argmax(1) * (360 / ANGLES))
    share, told = torch.cat(kinds).numpy(), torch.cat(angles).numpy()
    truth = views.kinds[chosen]
    garment = truth != OTHER
    off = np.abs((told - views.angles[chosen] + 180) % 360 - 180)[garment]
    told_kind = share[garment][:, :OTHER].argmax(1)
    return {
        "category": round(float(np.mean(told_kind == truth[garment])), 4),
        "refused": round(float(np.mean(share[garment][:, OTHER] > 0.5)), 4),
        "taken": round(float(np.mean(share[~garment][:, OTHER] <= 0.5)), 4),
        "angle_off": round(float(np.mean(off > 8)), 4),
    }


def save_glance_net(net: GlanceNet, path: Path, notes: dict[str, object]) -> None:
    """Write the net in float16, with how it was trained in the file's metadata."""
    state = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    save_file(state, path, metadata={"training": json.dumps(notes)})


def fold_of(views: GlanceViews, folds: int) -> np.ndarray:
    """int (n,): which fold does not see a view. All views of a photograph, and of its ground, are
    in one; what is no photograph is drawn by lot."""
    lot = np.random.default_rng(0).integers(0, folds, len(views))
    return np.where(views.sources > 0, views.sources % folds, lot)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on all and write the weights; train the folds, score and keep them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("views", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--trunk", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    views = read_glance_views(options.views)
    config = GlanceTraining(epochs=options.epochs, seed=options.seed)
    notes: dict[str, object] = {"config": asdict(config), "views": len(views), "kinds": KINDS}
    net = train_glance(
        views, np.arange(len(views)), pretrained_glance(options.trunk, options.seed), config
    )
    save_glance_net(net, options.weights, notes)
    folds = fold_of(views, max(options.folds, 1))
    for fold in range(options.folds):
        blind = pretrained_glance(options.trunk, options.seed)
        blind = train_glance(views, np.nonzero(folds != fold)[0], blind, config)
        notes[f"fold_{fold}"] = glance_scores(blind, views, np.nonzero(folds == fold)[0])
        log.info("fold %d, on what it did not see: %s", fold, notes[f"fold_{fold}"])
        save_glance_net(blind, options.weights.with_suffix(f".fold{fold}.safetensors"), notes)
    save_glance_net(net, options.weights, notes)


if __name__ == "__main__":
    main()
