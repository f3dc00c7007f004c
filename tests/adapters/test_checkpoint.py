"""Weights come whole, from safetensors, or not at all."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from tests.families import random_unet, shape_of
from tryon.adapters.checkpoint import load_model, without_false_alarms
from tryon.errors import WeightsCorruptError, WeightsMissingError, WeightsUnsafeError

KINDS = {"diffusers": UNet2DConditionModel, "transformers": CLIPVisionModelWithProjection}


@pytest.fixture(params=["diffusers", "transformers"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[type[Any], Path, Path]:
    """A class, a model of it in a folder, and the file with its weights."""
    if request.param == "diffusers":
        model: Any = random_unet(shape_of("sd15"))
    else:
        model = CLIPVisionModelWithProjection(CLIPVisionConfig(**shape_of("sd15").vision))
    model.save_pretrained(tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    return type(model), tmp_path, file


def change(file: Path, changes: dict[str, torch.Tensor | None]) -> None:
    tensors = {**load_file(file), **changes}
    kept = {key: tensor for key, tensor in tensors.items() if tensor is not None}
    save_file(kept, file, metadata={"format": "pt"})


def test_whole_and_quiet(
    saved: tuple[type[Any], Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    kind, folder, file = saved
    capfd.readouterr()
    model = load_model(kind, folder, dtype=torch.float16)
    assert capfd.readouterr() == ("", "")
    assert not model.training
    assert all(p.dtype == torch.float16 and not p.requires_grad for p in model.parameters())
    tensors = load_file(file)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, tensors[name].to(tensor.dtype))


def test_the_fp16_variant_is_found(saved: tuple[type[Any], Path, Path]) -> None:
    kind, folder, file = saved
    file.rename(file.with_suffix(".fp16.safetensors"))
    load_model(kind, folder, dtype=torch.float32)


def test_a_weight_is_missing(saved: tuple[type[Any], Path, Path]) -> None:
    kind, folder, file = saved
    key = next(iter(load_file(file)))
    change(file, {key: None})
    with pytest.raises(WeightsCorruptError, match=f"1 weights of a {kind.__name__} are missing"):
        load_model(kind, folder, dtype=torch.float32)


def test_a_weight_has_another_shape(saved: tuple[type[Any], Path, Path]) -> None:
    kind, folder, file = saved
    key = next(iter(load_file(file)))
    change(file, {key: torch.zeros(2, 3)})
    with pytest.raises(WeightsCorruptError, match="cannot be loaded"):
        load_model(kind, folder, dtype=torch.float32)


def test_bytes_that_are_no_safetensors(saved: tuple[type[Any], Path, Path]) -> None:
    kind, folder, file = saved
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsCorruptError, match="cannot be loaded"):
        load_model(kind, folder, dtype=torch.float32)


def test_pickles_are_never_opened(
    saved: tuple[type[Any], Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, folder, file = saved
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was opened"))
    torch.save(load_file(file), file.with_suffix(".bin"))
    load_model(kind, folder, dtype=torch.float32)
    file.unlink()
    with pytest.raises(WeightsUnsafeError, match=rf"only {file.stem}\.bin"):
        load_model(kind, folder, dtype=torch.float32)


def test_nothing_there(saved: tuple[type[Any], Path, Path]) -> None:
    kind, folder, file = saved
    file.unlink()
    with pytest.raises(WeightsMissingError, match=f"no {file.stem}"):
        load_model(kind, folder, dtype=torch.float32)


def test_only_false_alarms_are_muted(caplog: pytest.LogCaptureFixture) -> None:
    model = random_unet(shape_of("sd15"))
    with without_false_alarms():
        model.to(torch.float32)
        logging.getLogger("diffusers.models.modeling_utils").warning("something else")
    model.to(torch.float32)
    messages = [record.getMessage()[:20] for record in caplog.records]
    assert messages == ["something else", "There are modules in"]
