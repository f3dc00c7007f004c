"""LoRA files are read once, and forgotten in order when memory is full."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
import torch

from tryon.adapters import lora_bank
from tryon.adapters.lora_bank import LoraBank
from tryon.adapters.lora_format import Lora, LoraLayer, read_lora
from tryon.adapters.lora_metadata import LoraMetadata
from tryon.adapters.lora_save import save_lora
from tryon.errors import LoraFormatError, WeightsMissingError

TO_K = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
BYTES = 2 * (4 * 16 + 8 * 4)  # fp16, rank 4, 16 -> 8


def written(file: Path, value: float = 1.0) -> Path:
    layer = LoraLayer(torch.full((4, 16), value), torch.ones(8, 4), 4.0)
    return save_lora(file, {TO_K: layer}, LoraMetadata("sd15"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was read."""
    counts: Counter[str] = Counter()

    def counting(file: Path) -> Lora:
        counts[file.stem] += 1
        return read_lora(file)

    monkeypatch.setattr(lora_bank, "read_lora", counting)
    return counts


def test_a_file_is_read_once(tmp_path: Path, reads: Counter[str]) -> None:
    bank = LoraBank()
    file = written(tmp_path / "a.safetensors")
    assert bank.get(file) is bank.get(file)
    assert reads == {"a": 1}
    assert (len(bank), bank.nbytes) == (1, BYTES)
    assert bank.get(file).unet[TO_K].down.dtype == torch.float16


def test_a_file_written_anew_is_read_anew(tmp_path: Path, reads: Counter[str]) -> None:
    bank = LoraBank()
    file = written(tmp_path / "a.safetensors")
    stat = file.stat()
    bank.get(file)
    written(file, 2.0)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # a coarse clock sees no change
    assert bank.get(file).unet[TO_K].down[0, 0] == 2
    assert reads == {"a": 2}
    assert (len(bank), bank.nbytes) == (1, BYTES)


def test_the_longest_unused_goes_first(tmp_path: Path, reads: Counter[str]) -> None:
    bank = LoraBank(capacity=2 * BYTES)
    files = [written(tmp_path / f"{name}.safetensors") for name in "abc"]
    for index in (0, 1, 0, 2, 0, 1):
        bank.get(files[index])
    assert reads == {"a": 1, "b": 2, "c": 1}
    assert (len(bank), bank.nbytes) == (2, 2 * BYTES)


def test_one_that_is_too_large_is_kept_alone(tmp_path: Path, reads: Counter[str]) -> None:
    bank = LoraBank(capacity=1)
    file = written(tmp_path / "a.safetensors")
    assert bank.get(file) is bank.get(file)
    assert reads == {"a": 1}


def test_files_that_are_no_loras(tmp_path: Path) -> None:
    bank = LoraBank()
    with pytest.raises(WeightsMissingError, match=r"nowhere\.safetensors"):
        bank.get(tmp_path / "nowhere.safetensors")
    file = tmp_path / "text.safetensors"
    file.write_text("text")
    for _ in range(2):
        with pytest.raises(LoraFormatError, match=r"text\.safetensors"):
            bank.get(file)
    assert (len(bank), bank.nbytes) == (0, 0)
    assert bank.get(written(file)).unet
    file.unlink()
    with pytest.raises(WeightsMissingError):
        bank.get(file)
