"""Writing LoRA files: one form that all programs read.

Kohya's names, fp16, one rank, alpha = rank, the UNet alone: the form that diffusers, A1111, Forge
and ComfyUI all read, and in which none of their ways to lose alpha can do harm.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch

from tryon.adapters.lora_format import LoraLayer, LoraState
from tryon.adapters.lora_metadata import LoraMetadata, with_hashes
from tryon.adapters.lora_names import kohya_name
from tryon.errors import LoraFormatError, OutputError

TargetNaming = Literal["kohya", "diffusers", "peft"]


def save_lora(
    path: Path,
    state: LoraState,
    metadata: LoraMetadata,
    *,
    naming: TargetNaming = "kohya",
) -> Path:
    """Write the LoRA of a UNet, whole or not at all, and return the file's path.

    path: a `.safetensors` file; for PEFT a folder, which gets the two files of PEFT's.

    Raises LoraFormatError for an empty state or numbers that fp16 does not hold, OutputError when
    the file cannot be written.
    """
    file = path / "adapter_model.safetensors" if naming == "peft" else path
    if file.suffix != ".safetensors":
        raise OutputError("not named .safetensors", path=path, remedy="Name it so.")
    try:
        layers = uniform(state)
    except LoraFormatError as error:
        raise LoraFormatError(error.reason, path=path, remedy=error.remedy) from error
    rank = next(iter(layers.values())).rank
    name = path.stem
    values = metadata.as_dict(rank, name)
    if naming == "kohya":
        tensors = kohya_tensors(layers, xl=metadata.base == "sdxl")
        data = safetensors.torch.save(tensors, with_hashes(tensors, values))
    elif naming == "diffusers":
        tensors = _paired(layers, "unet.{}.lora.down.weight", "unet.{}.lora.up.weight")
        config = {f"unet.{key}": value for key, value in _peft_config(layers).items()}
        data = safetensors.torch.save(
            tensors, {**values, "format": "pt", "lora_adapter_metadata": json.dumps(config)}
        )
    else:
        stem = "base_model.model.{}"
        tensors = _paired(layers, f"{stem}.lora_A.weight", f"{stem}.lora_B.weight")
        data = safetensors.torch.save(tensors, {**values, "format": "pt"})
        config = {"peft_type": "LORA", **_peft_config(layers)}
        _write(path / "adapter_config.json", json.dumps(config, indent=2).encode())
    _write(file, data)
    return file


def uniform(state: LoraState) -> LoraState:
    """The same update with one rank, alpha = rank, in fp16: smaller ranks are filled with zeros.

    A scale other than 1 goes into the matrices, and both are kept at about one size, far from
    where fp16 has few digits. A state that is uniform already stays as it is, to the bit.
    """
    if not state:
        raise LoraFormatError("no layer of a UNet to write")
    rank = max(layer.rank for layer in state.values())
    layers = {}
    for path, layer in state.items():
        down, up = layer.down.detach().float().cpu(), layer.up.detach().float().cpu()
        if layer.scale != 1:
            up = up * layer.scale
            down, up = _balanced(down, up)
        down = torch.cat([down, down.new_zeros(rank - layer.rank, *down.shape[1:])]).half()
        up = torch.cat([up, up.new_zeros(len(up), rank - layer.rank, *up.shape[2:])], 1).half()
        if not (torch.isfinite(down).all() and torch.isfinite(up).all()):
            raise LoraFormatError(f"{path} holds numbers that are not finite in fp16")
        layers[path] = LoraLayer(down.contiguous(), up.contiguous(), float(rank))
    return layers


def kohya_tensors(state: LoraState, *, xl: bool) -> dict[str, torch.Tensor]:
    """The tensors by kohya's keys, alpha with each."""
    tensors = {}
    for path, layer in state.items():
        stem = kohya_name(path, xl=xl)
        tensors[f"{stem}.lora_down.weight"] = layer.down
        tensors[f"{stem}.lora_up.weight"] = layer.up
        tensors[f"{stem}.alpha"] = torch.tensor(layer.alpha)
    return tensors


def _balanced(down: torch.Tensor, up: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same product from matrices whose largest numbers are about as large.

    Moved by a power of two, which rounds nothing.
    """
    ratio = up.abs().amax() / down.abs().amax()
    if not (torch.isfinite(ratio) and ratio > 0):
        return down, up
    power = torch.exp2(torch.round(torch.log2(ratio) / 2))
    return down * power, up / power


def _paired(layers: Mapping[str, LoraLayer], down: str, up: str) -> dict[str, torch.Tensor]:
    tensors = {}
    for path, layer in layers.items():
        tensors[down.format(path)] = layer.down
        tensors[up.format(path)] = layer.up
    return tensors


def _peft_config(layers: LoraState) -> dict[str, Any]:
    """What PEFT's LoraConfig has to know of such a LoRA."""
    rank = next(iter(layers.values())).rank
    return {
        "r": rank,
        "lora_alpha": rank,
        "target_modules": sorted(layers),
        "bias": "none",
        "use_dora": False,
        "use_rslora": False,
    }


def _write(file: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(unfinished, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, file)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", path=file) from error
    finally:
        unfinished.unlink(missing_ok=True)
