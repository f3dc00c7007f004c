"""The loop that trains a dense net: steps that only depend on the seed, so it can be resumed."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tryon.pipelines.bodymap_net import DenseNet, DenseNetConfig, dense_net_metadata

log = logging.getLogger(__name__)

Batch = tuple[torch.Tensor, dict[str, torch.Tensor]]


@dataclass(frozen=True, slots=True)
class DenseTraining:
    """How a dense net is trained.

    steps of batch_size samples; learning_rate falls along a cosine after a short warm-up.
    seed: of the initial weights and, with the step's number, of every batch.
    average: how slowly the kept weights follow the trained ones.
    checkpoint_every: steps between checkpoints.
    """

    steps: int = 2400
    batch_size: int = 16
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-3
    seed: int = 0
    average: float = 0.998
    checkpoint_every: int = 200


def train_dense_net(
    net_config: DenseNetConfig,
    plan: DenseTraining,
    batch: Callable[[np.random.Generator, int], Batch],
    loss: Callable[[torch.Tensor, dict[str, torch.Tensor]], tuple[torch.Tensor, dict[str, float]]],
    folder: Path,
) -> DenseNet:
    """Train from scratch, or from the checkpoint in `folder`; returns the averaged net.

    batch(rng, size): inputs and truths. loss(drawn, truths): the loss and what to log.
    The batch of a step depends on the plan's seed and the step only.
    """
    torch.manual_seed(plan.seed)
    net = DenseNet(net_config).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        net.parameters(), plan.learning_rate, weight_decay=plan.weight_decay
    )
    kept = {name: value.detach().clone() for name, value in net.state_dict().items()}
    checkpoint = folder / "checkpoint.safetensors"
    first = _resume(checkpoint, plan, net, optimizer, kept) if checkpoint.exists() else 0
    started = perf_counter()
    for step in range(first, plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(plan, step)
        inputs, truths = batch(np.random.default_rng([plan.seed, step]), plan.batch_size)
        with torch.autocast("cpu", torch.bfloat16):
            drawn = net(inputs.to(memory_format=torch.channels_last))
        value, seen = loss(drawn.float(), truths)
        optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        follow = min(plan.average, (step + 1) / (step + 10))
        for name, now in net.state_dict().items():
            if now.is_floating_point():
                kept[name].lerp_(now, 1 - follow)
            else:  # a counter of batches
                kept[name].copy_(now)
        if (step + 1) % 50 == 0:
            pace = (perf_counter() - started) / (step + 1 - first)
            log.info("step %d, %.2f s each: %s", step + 1, pace, seen)
        if (step + 1) % plan.checkpoint_every == 0 or step + 1 == plan.steps:
            _save_checkpoint(checkpoint, plan, net, optimizer, kept, step + 1)
    averaged = DenseNet(net_config)
    averaged.load_state_dict(kept)
    return averaged.eval()


def learning_rate(plan: DenseTraining, step: int) -> float:
    """Warm up over 50 steps, then fall along a cosine to a hundredth."""
    rise = min(1.0, (step + 1) / 50)
    fall = 0.5 * (1 + cos(pi * step / max(plan.steps, 1)))
    return plan.learning_rate * rise * (0.01 + 0.99 * fall)


def save_dense_net(net: DenseNet, path: Path, notes: Mapping[str, object]) -> None:
    """Write the net in float16, with how it was trained in the file's metadata."""
    state = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    save_file(state, path, metadata=dense_net_metadata(net.config, notes))


def _save_checkpoint(
    path: Path,
    plan: DenseTraining,
    net: DenseNet,
    optimizer: torch.optim.Optimizer,
    kept: dict[str, torch.Tensor],
    step: int,
) -> None:
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    tensors |= {f"kept.{name}": value for name, value in kept.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    contiguous = {name: value.contiguous() for name, value in tensors.items()}
    save_file(contiguous, partial, metadata={"plan": json.dumps(asdict(plan)), "step": str(step)})
    os.replace(partial, path)


def _resume(
    path: Path,
    plan: DenseTraining,
    net: DenseNet,
    optimizer: torch.optim.Optimizer,
    kept: dict[str, torch.Tensor],
) -> int:
    """Fill net, optimizer and kept from a checkpoint; returns the step to go on with."""
    with safe_open(path, framework="pt") as file:
        notes = file.metadata()
        if json.loads(notes["plan"]) != asdict(plan):
            raise ValueError(f"{path} was written by another plan: {notes['plan']}")
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name in file.keys():  # noqa: SIM118
            kind, _, rest = name.partition(".")
            if kind == "net":
                net.state_dict()[rest].copy_(file.get_tensor(name))
            elif kind == "kept":
                kept[rest].copy_(file.get_tensor(name))
            else:
                index, _, key = rest.partition(".")
                state.setdefault(int(index), {})[key] = file.get_tensor(name)
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
    return int(notes["step"])
