"""The loop of the trainers: averages, going on where a run was cut off, and no other run's file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tryon.errors import WeightsCorruptError
from tryon.training.loop import train


@dataclass(frozen=True)
class Settings:
    steps: int = 6
    ema_decay: float = 0.5
    report_every: int = 2
    save_every: int = 2
    width: int = 3


def trained(folder: Path, settings: Settings, *, rate: float = 0.1) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = nn.Linear(3, 1)
    layer.bias.requires_grad_(False)

    def losses(step: int) -> dict[str, torch.Tensor]:
        inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        return {"loss": (layer(inputs) - inputs.sum(1, keepdim=True)).square().mean()}

    train(
        "line",
        settings,
        folder,
        modules={"layer": layer},
        learning_rate=lambda step: rate,
        losses=losses,
        batch_size=4,
        sheet=lambda step: [[torch.zeros(3, 2, 2)]],
    )
    return layer


def test_a_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", Settings())
    trained(tmp_path / "parts", Settings(steps=3))
    parts = trained(tmp_path / "parts", Settings())
    assert torch.equal(whole.weight, parts.weight)
    assert (tmp_path / "parts" / "sheet.png").is_file()


def test_it_ends_in_the_average_and_trains_only_what_wants_a_gradient(tmp_path: Path) -> None:
    start = trained(tmp_path / "still", Settings(), rate=0.0)
    fast = trained(tmp_path / "fast", Settings(ema_decay=0.0))
    slow = trained(tmp_path / "slow", Settings(ema_decay=0.9))
    assert torch.equal(start.bias, fast.bias)
    went, averaged = ((layer.weight - start.weight).abs().sum() for layer in (fast, slow))
    assert 0 < averaged < went
    assert not fast.training and not fast.weight.requires_grad


def test_another_runs_checkpoint_is_refused(tmp_path: Path) -> None:
    trained(tmp_path, Settings())
    with pytest.raises(WeightsCorruptError, match="other settings"):
        trained(tmp_path, replace(Settings(), width=4))
