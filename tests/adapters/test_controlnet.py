"""A ControlNet is loaded whole, and only for the base model that it was made for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.families import random_controlnet, random_unet, shape_of
from tryon.adapters.controlnet import load_controlnet
from tryon.errors import WeightsCorruptError, WeightsMissingError


def test_the_weights_in_the_unets_dtype(tmp_path: Path) -> None:
    saved = random_controlnet(shape_of("sd15"))
    saved.save_pretrained(tmp_path)
    unet = random_unet(shape_of("sd15"))
    for parameter in unet.parameters():
        parameter.data = parameter.data.bfloat16()
    loaded = load_controlnet(tmp_path, unet)
    assert not loaded.training
    assert loaded.dtype == torch.bfloat16
    for name, tensor in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.bfloat16())


def test_of_another_base(tmp_path: Path) -> None:
    random_controlnet(shape_of("sdxl")).save_pretrained(tmp_path)
    with pytest.raises(WeightsCorruptError, match="block_out_channels is"):
        load_controlnet(tmp_path, random_unet(shape_of("sd15")))


def test_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError):
        load_controlnet(tmp_path, random_unet(shape_of("sd15")))
