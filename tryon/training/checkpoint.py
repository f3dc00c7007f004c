"""Training checkpoints: one safetensors file that resumes a run to the bit.

Trainers here draw the randomness of each step from `(seed, step)`, never from a running
generator, so that weights, optimizer moments and the step number are the whole state.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from tryon.errors import WeightsCorruptError


def save_checkpoint(
    path: Path,
    *,
    step: int,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    ema: Mapping[str, Tensor] | None = None,
    settings: Mapping[str, object] | None = None,
) -> None:
    """Write a checkpoint, whole or not at all.

    `modules` are named; their names prefix the tensors' keys. `ema` holds averaged weights under
    the same keys as `named_tensors(modules)`. `settings` go into the header, and
    `load_checkpoint` compares them.
    """
    tensors = {f"model.{key}": tensor for key, tensor in named_tensors(modules).items()}
    tensors |= {f"ema.{key}": tensor for key, tensor in (ema or {}).items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    header = {"step": str(step), "settings": json.dumps(settings or {}, sort_keys=True)}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata=header)
    os.replace(partial, path)


def load_checkpoint(
    path: Path,
    *,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer | None = None,
    ema: dict[str, Tensor] | None = None,
    settings: Mapping[str, object] | None = None,
) -> int:
    """Restore what `save_checkpoint` wrote, in place; returns the step it was written after.

    Raises:
        WeightsCorruptError: the file is broken, or belongs to a run with other settings.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsCorruptError(f"not a readable checkpoint ({error})", path=path) from error
    if settings is not None and header.get("settings") != json.dumps(settings, sort_keys=True):
        raise WeightsCorruptError(
            "the checkpoint was written by a run with other settings",
            path=path,
            remedy="Train into another folder, or give the settings of that run.",
        )
    with torch.no_grad():
        for key, tensor in named_tensors(modules).items():
            tensor.copy_(tensors[f"model.{key}"])
        for key, tensor in (ema or {}).items():
            tensor.copy_(tensors[f"ema.{key}"])
    if optimizer is not None:
        _load_optimizer(optimizer, tensors)
    return int(header["step"])


def recorded_settings(settings: Mapping[str, object]) -> dict[str, object]:
    """The settings that a run cannot change when it goes on: not its length, nor its reports."""
    free = {"steps", "stages", "report_every", "save_every"}
    return {key: value for key, value in settings.items() if key not in free}


def named_tensors(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Parameters and buffers of all modules, by `module.path.of.tensor`."""
    return {
        f"{name}.{key}": tensor
        for name, module in modules.items()
        for key, tensor in module.state_dict(keep_vars=True).items()
    }


@torch.no_grad()
def update_ema(ema: dict[str, Tensor], modules: Mapping[str, nn.Module], decay: float) -> None:
    """Move the averages in `ema` a step of `1 - decay` towards the modules' weights, in place."""
    for key, tensor in named_tensors(modules).items():
        if tensor.is_floating_point():
            ema[key].lerp_(tensor.detach(), 1 - decay)


def ema_of(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """A float copy of all weights, from which an exponential moving average starts."""
    return {key: tensor.detach().clone() for key, tensor in named_tensors(modules).items()}


@torch.no_grad()
def load_ema(modules: Mapping[str, nn.Module], ema: Mapping[str, Tensor]) -> None:
    """Put averaged weights into the modules, in place."""
    for key, tensor in named_tensors(modules).items():
        tensor.copy_(ema[key])


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
