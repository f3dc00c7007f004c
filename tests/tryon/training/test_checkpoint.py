"""Checkpoints resume a run to the bit, and refuse what is not theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tryon.errors import WeightsCorruptError
from tryon.training.checkpoint import ema_of, load_checkpoint, save_checkpoint, update_ema


def new_run(seed: int) -> tuple[nn.Linear, torch.optim.AdamW]:
    torch.manual_seed(seed)
    layer = nn.Linear(4, 4)
    return layer, torch.optim.AdamW(layer.parameters(), 0.1)


def train(layer: nn.Linear, optimizer: torch.optim.AdamW, steps: range) -> None:
    for step in steps:
        data = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        (layer(data) - data.flip(1)).square().mean().backward()
        optimizer.step()


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    whole, optimizer = new_run(0)
    train(whole, optimizer, range(6))

    first, optimizer = new_run(0)
    train(first, optimizer, range(3))
    file = tmp_path / "checkpoint.safetensors"
    save_checkpoint(file, step=3, modules={"layer": first}, optimizer=optimizer)

    second, optimizer = new_run(1)
    step = load_checkpoint(file, modules={"layer": second}, optimizer=optimizer)
    train(second, optimizer, range(step, 6))

    assert torch.equal(second.weight, whole.weight)
    assert torch.equal(second.bias, whole.bias)


def test_averages_move_towards_the_weights_and_are_restored(tmp_path: Path) -> None:
    layer, optimizer = new_run(0)
    ema = ema_of({"layer": layer})
    start = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight.add_(1)
    update_ema(ema, {"layer": layer}, decay=0.75)
    torch.testing.assert_close(ema["layer.weight"], start + 0.25)

    file = tmp_path / "checkpoint.safetensors"
    save_checkpoint(file, step=1, modules={"layer": layer}, optimizer=optimizer, ema=ema)
    restored = ema_of({"layer": new_run(1)[0]})
    load_checkpoint(file, modules={"layer": layer}, ema=restored)
    assert torch.equal(restored["layer.weight"], ema["layer.weight"])


def test_other_settings_are_refused(tmp_path: Path) -> None:
    layer, optimizer = new_run(0)
    file = tmp_path / "checkpoint.safetensors"
    save_checkpoint(
        file, step=1, modules={"layer": layer}, optimizer=optimizer, settings={"rate": 0.1}
    )
    load_checkpoint(file, modules={"layer": layer}, settings={"rate": 0.1})
    with pytest.raises(WeightsCorruptError, match="other settings"):
        load_checkpoint(file, modules={"layer": layer}, settings={"rate": 0.2})


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsCorruptError, match="checkpoint.safetensors"):
        load_checkpoint(file, modules={})
