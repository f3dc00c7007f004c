"""The loop that the trainers of the embedded weights share: step, average, report, save."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from tryon.training.checkpoint import (
    ema_of,
    load_checkpoint,
    load_ema,
    recorded_settings,
    save_checkpoint,
    update_ema,
)
from tryon.training.progress import Progress, save_sheet

Rows = Sequence[Sequence[Tensor]]


class LoopSettings(Protocol):
    """What the settings of every trainer, a dataclass, say."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def steps(self) -> int: ...
    @property
    def ema_decay(self) -> float: ...
    @property
    def report_every(self) -> int: ...
    @property
    def save_every(self) -> int: ...


def train(
    name: str,
    settings: LoopSettings,
    out: Path,
    *,
    modules: Mapping[str, nn.Module],
    learning_rate: Callable[[int], float],
    losses: Callable[[int], dict[str, Tensor]],
    batch_size: int,
    sheet: Callable[[int], Rows] | None = None,
) -> None:
    """Train `modules` in place from `out/checkpoint.safetensors` if there is one, else from step 0.

    Parameters that want a gradient are trained, and end as their averages over the steps.
    learning_rate, losses: of the step, counted from 0; all randomness of a step comes from its
        number, so that a run that was cut off goes on to the same weights. `loss` is minimised.
    batch_size: for the samples a second that are reported.
    sheet: rows of pictures (3, H, W) in [-1, 1] after a step, written beside each checkpoint.

    Raises WeightsCorruptError if the checkpoint is of a run with other settings.
    """
    parameters = [p for module in modules.values() for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, learning_rate(0), (0.9, 0.99), weight_decay=0.01)
    ema, recorded = ema_of(modules), recorded_settings(asdict(settings))
    checkpoint, step = out / "checkpoint.safetensors", 0
    if checkpoint.is_file():
        step = load_checkpoint(
            checkpoint, modules=modules, optimizer=optimizer, ema=ema, settings=recorded
        )
    progress = Progress(
        name,
        first_step=step,
        steps=settings.steps,
        batch_size=batch_size,
        every=settings.report_every,
    )
    while step < settings.steps:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        found = losses(step)
        optimizer.zero_grad(set_to_none=True)
        found["loss"].backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        update_ema(ema, modules, min(settings.ema_decay, step / (step + 10)))
        progress.report(step, found)
        if step % settings.save_every == 0 or step == settings.steps:
            save_checkpoint(
                checkpoint,
                step=step,
                modules=modules,
                optimizer=optimizer,
                ema=ema,
                settings=recorded,
            )
            if sheet is not None:
                save_sheet(out / "sheet.png", sheet(step - 1))
    load_ema(modules, ema)
    for module in modules.values():
        module.eval().requires_grad_(False)
