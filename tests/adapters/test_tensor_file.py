"""Every number means without torch what it means with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tryon.adapters.lora_format import read_lora
from tryon.adapters.lora_summary import lora_summary
from tryon.adapters.tensor_file import tensor_file
from tryon.errors import LoraFormatError, WeightsMissingError

EIGHT_BITS = (torch.float8_e4m3fn, torch.float8_e5m2, torch.int8, torch.uint8)
OTHERS = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64)


@pytest.mark.parametrize("dtype", [*EIGHT_BITS, *OTHERS], ids=str)
def test_values_are_those_of_torch(tmp_path: Path, dtype: torch.dtype) -> None:
    every = torch.arange(256, dtype=torch.uint8)
    tensor = every.view(dtype) if dtype in EIGHT_BITS else (torch.randn(256) * 9).to(dtype)
    save_file({"t": tensor.reshape(16, 16), "none": tensor[:0]}, tmp_path / "t.safetensors")
    _, tensors, _ = tensor_file(tmp_path / "t.safetensors")
    assert tensors["t"].dtype == str(dtype).removeprefix("torch.")
    expected = tensor.float().numpy().reshape(16, 16)
    np.testing.assert_array_equal(tensors["t"].values(), expected)
    assert tensors["none"].values().shape == (0,)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError):
        tensor_file(tmp_path / "nowhere.safetensors")
    (tmp_path / "pickle.safetensors").write_bytes(b"\x80\x04 no tensors here")
    with pytest.raises(LoraFormatError, match="not a safetensors file"):
        tensor_file(tmp_path / "pickle.safetensors")


@pytest.mark.parametrize("broken", ["rank", "number", "key"])
def test_a_summary_refuses_what_the_reader_refuses(tmp_path: Path, broken: str) -> None:
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    down, up = torch.randn(2, 6), torch.randn(4, 3 if broken == "rank" else 2)
    if broken == "number":
        up[0, 0] = torch.inf
    keys = f"{stem}.lora_down.weight", f"{stem}.lora_up.weight"
    file = tmp_path / "lora.safetensors"
    save_file(dict(zip(keys, (down, up), strict=True)), file)
    if broken == "key":
        save_file({keys[0]: down, keys[1]: up, "more": up.clone()}, file)
    told = []
    for read in (read_lora, lora_summary):
        with pytest.raises(LoraFormatError) as error:
            read(file)
        told.append(str(error.value))
    assert told[0] == told[1] and str(file) in told[0]
