"""What a file written here says about itself, and what is told from anybody's file."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from tests.adapters.test_lora_save import GARMENT, TO_K
from tryon.adapters.lora_format import LoraLayer, read_lora
from tryon.adapters.lora_metadata import LoraMetadata
from tryon.adapters.lora_save import save_lora


def test_metadata_of_every_vocabulary(tmp_path: Path) -> None:
    state = {TO_K: LoraLayer(torch.ones(2, 768), torch.ones(320, 2), 2.0)}
    file = save_lora(tmp_path / "linen.safetensors", state, GARMENT)
    metadata = read_lora(file).metadata
    expected = {
        "ss_base_model_version": "sd_v1",
        "ss_network_module": "networks.lora",
        "ss_network_dim": "2",
        "ss_network_alpha": "2.0",
        "ss_output_name": "linen",
        "ss_steps": "400",
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "linen",
        "modelspec.resolution": "384x512",
        "modelspec.trigger_phrase": "a linen shirt in style lin042",
        "tryon.base": "sd15",
        "tryon.inpainting": "true",
        "tryon.targets": "cross",
        "tryon.sku": "linen-042",
        "tryon.category": "upper",
    }
    assert {key: metadata.get(key) for key in expected} == expected
    assert "modelspec.author" not in metadata
    # Readers that find this together with alphas give up.
    assert "lora_adapter_metadata" not in metadata
    # The hash is of the bytes behind the header, so other metadata do not change it.
    data = file.read_bytes()
    body = data[8 + int.from_bytes(data[:8], "little") :]
    assert metadata["sshs_model_hash"] == sha256(body).hexdigest()
    assert metadata["modelspec.hash_sha256"] == "0x" + sha256(body).hexdigest()
    assert metadata["sshs_legacy_hash"] == sha256(b"").hexdigest()[:8]  # nothing behind a MiB
    again = LoraMetadata.of(metadata)
    assert again.base == "sd15" and again.inpainting is True and again.sku == "linen-042"
    assert again.trigger == GARMENT.trigger and again.training["ss_steps"] == "400"


def test_the_legacy_hash_of_a_large_file(tmp_path: Path) -> None:
    state = {TO_K: LoraLayer(torch.randn(256, 768), torch.randn(2560, 256), 256.0)}
    metadata = read_lora(save_lora(tmp_path / "a.safetensors", state, GARMENT)).metadata
    tensors = load_file(tmp_path / "a.safetensors")
    # As kohya-ss/sd-scripts does: the file with the ss_ metadata alone.
    data = save(tensors, {k: v for k, v in metadata.items() if k.startswith("ss_")})
    assert metadata["sshs_legacy_hash"] == sha256(data[0x100000:0x110000]).hexdigest()[:8]


@pytest.mark.parametrize(
    ("metadata", "width", "base"),
    [
        ({"ss_base_model_version": "sdxl_base_v0-9"}, None, "sdxl"),
        ({"modelspec.architecture": "stable-diffusion-v1/lora"}, None, "sd15"),
        ({"ss_base_model_version": "sd_v2_768_v", "ss_v2": "True"}, 768, "sd2"),
        ({}, 768, "sd15"),
        ({}, 2048, "sdxl"),
        ({}, 1024, "sd2"),
        ({}, 128, ""),
        ({"tryon.base": "mini"}, 768, "mini"),
    ],
)
def test_the_base_of_a_file(metadata: dict[str, str], width: int | None, base: str) -> None:
    assert LoraMetadata.of(metadata, width).base == base
