"""Files written here: what other programs make of them, and what is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file

from tests.adapters.test_lora import pipeline_of, random_state, run
from tests.families import FULL_SD15, random_unet, save_random_family
from tryon.adapters.lora import LoraAdapter, attached
from tryon.adapters.lora_format import LoraLayer, LoraState, read_lora
from tryon.adapters.lora_metadata import LoraMetadata
from tryon.adapters.lora_save import save_lora, uniform
from tryon.errors import LoraFormatError, OutputError
from tryon.pipelines.components import load_base

GARMENT = LoraMetadata(
    base="sd15",
    inpainting=True,
    targets="cross",
    sku="linen-042",
    category="upper",
    trigger="a linen shirt in style lin042",
    resolution="384x512",
    training={"ss_steps": "400"},
)
TO_K = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("family")
    save_random_family(folder, request.param, controls=(), image_prompt=None)
    return load_base(folder, dtype=torch.float32)


def base_of(parts: dict[str, Any]) -> str:
    return "sdxl" if "text_encoder_2" in parts else "sd15"


def mixed_state(unet: Any) -> LoraState:
    """Ranks and scales that differ from layer to layer."""
    state = random_state(unet, rank=3)
    for path in list(state)[::2]:
        layer = state[path]
        state[path] = LoraLayer(layer.down[:2], layer.up[:, :2], 0.5)
    return state


@pytest.mark.parametrize("naming", ["kohya", "diffusers"])
def test_diffusers_reads_it_as_we_do(parts: dict[str, Any], naming: Any, tmp_path: Path) -> None:
    unet = parts["unet"]
    state = mixed_state(unet)
    metadata = LoraMetadata(base_of(parts))
    file = save_lora(tmp_path / "shirt.safetensors", state, metadata, naming=naming)
    with attached(unet, [LoraAdapter(state)]):
        meant = run(unet)
    with attached(unet, [LoraAdapter(read_lora(file).unet)]):
        ours = run(unet)
    pipeline = pipeline_of(parts)
    pipeline.load_lora_weights(file)
    theirs = run(unet)
    pipeline.unload_lora_weights()
    assert (ours - run(unet)).abs().max() > 1e-2
    assert (ours - theirs).abs().max() <= 1e-5
    assert (ours - meant).abs().max() <= 2e-3  # fp16


def test_peft_reads_it_as_we_do(parts: dict[str, Any], tmp_path: Path) -> None:
    unet = parts["unet"]
    folder = tmp_path / "shirt"
    file = save_lora(folder, mixed_state(unet), LoraMetadata(base_of(parts)), naming="peft")
    with attached(unet, [LoraAdapter(read_lora(file).unet)]):
        ours = run(unet)
    model = PeftModel.from_pretrained(unet, folder)
    theirs = run(model)
    model.unload()
    assert (ours - theirs).abs().max() <= 1e-5


def test_the_file_of_a_garment(tmp_path: Path) -> None:
    with torch.device("meta"):
        paths = {
            path: module
            for path, module in random_unet(FULL_SD15).named_modules()
            if ".attn2.to_" in path and isinstance(module, torch.nn.Linear)
        }
    state = {
        path: LoraLayer(torch.ones(8, m.in_features), torch.ones(m.out_features, 8), 8.0)
        for path, m in paths.items()
    }
    file = save_lora(tmp_path / "linen.safetensors", state, GARMENT)
    assert 1.59e6 < file.stat().st_size < 1.63e6
    tensors = load_file(file)
    assert len(tensors) == 3 * 64
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2"
    assert tensors[f"{stem}_to_k.lora_down.weight"].shape == (8, 768)
    assert tensors[f"{stem}_to_out_0.lora_up.weight"].shape == (320, 8)
    for key, tensor in tensors.items():
        assert key.startswith("lora_unet_")
        if key.endswith(".alpha"):
            assert (tensor.shape, tensor.item()) == (torch.Size([]), 8.0)
        else:
            assert tensor.dtype == torch.float16


def test_a_uniform_fp16_state_comes_back_to_the_bit(tmp_path: Path) -> None:
    state = {TO_K: LoraLayer(torch.randn(4, 768).half(), torch.randn(320, 4).half(), 4.0)}
    back = read_lora(save_lora(tmp_path / "a.safetensors", state, GARMENT)).unet[TO_K]
    assert torch.equal(back.down, state[TO_K].down) and torch.equal(back.up, state[TO_K].up)
    assert back.alpha == 4.0


def test_a_tiny_scale_loses_no_digits() -> None:
    layer = LoraLayer(torch.randn(128, 64), torch.randn(32, 128) * 1e-4, 0.01)
    written = uniform({TO_K: layer})[TO_K]
    meant = layer.scale * layer.up.double() @ layer.down.double()
    kept = written.up.double() @ written.down.double()
    assert (kept - meant).norm() / meant.norm() < 1e-3


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, "no layer"),
        ({TO_K: LoraLayer(torch.full((1, 4), 1e6), torch.ones(4, 1), 1.0)}, "not finite in fp16"),
        (
            {TO_K: LoraLayer(torch.ones(1, 4), torch.full((4, 1), float("nan")), 1.0)},
            "not finite in fp16",
        ),
    ],
)
def test_what_is_not_written(state: LoraState, words: str, tmp_path: Path) -> None:
    with pytest.raises(LoraFormatError, match=words):
        save_lora(tmp_path / "a.safetensors", state, GARMENT)
    assert not list(tmp_path.iterdir())


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = {TO_K: LoraLayer(torch.ones(1, 4), torch.ones(4, 1), 1.0)}
    file = save_lora(tmp_path / "a.safetensors", state, GARMENT)
    before = file.read_bytes()

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        save_lora(file, state, LoraMetadata("sdxl"))
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
    with pytest.raises(OutputError, match="safetensors"):
        save_lora(tmp_path / "a.bin", state, GARMENT)


def test_diffusers_keeps_alpha_in_its_metadata(tmp_path: Path) -> None:
    state = {TO_K: LoraLayer(torch.ones(2, 4), torch.ones(4, 2), 1.0)}
    file = save_lora(tmp_path / "a.safetensors", state, GARMENT, naming="diffusers")
    with safe_open(file, "pt") as opened:
        config = json.loads(opened.metadata()["lora_adapter_metadata"])
    assert (config["unet.r"], config["unet.lora_alpha"]) == (2, 2)
    layer = read_lora(file).unet[TO_K]
    torch.testing.assert_close(
        layer.scale * layer.up.float() @ layer.down.float(), torch.ones(4, 4)
    )
