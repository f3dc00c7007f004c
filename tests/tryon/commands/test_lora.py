"""`tryon lora` shows and converts LoRA files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tryon.adapters.lora_format import LoraLayer, read_lora
from tryon.adapters.lora_metadata import LoraMetadata
from tryon.adapters.lora_save import save_lora
from tryon.cli import run

TO_K = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
FF = "mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj"
TEXT = "lora_te_text_model_encoder_layers_0_mlp_fc1"


@pytest.fixture
def garment(tmp_path: Path) -> Path:
    state = {
        TO_K: LoraLayer(torch.randn(2, 768), torch.randn(320, 2), 2.0),
        FF: LoraLayer(torch.randn(2, 320), torch.randn(640, 2), 2.0),
    }
    about = LoraMetadata("sd15", True, "cross", "linen-042", "upper", trigger="lin042 shirt")
    return save_lora(tmp_path / "linen.safetensors", state, about)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Alphas that differ, a text encoder, no metadata."""
    tensors = {}
    stem = "lora_unet_" + TO_K.replace(".", "_")
    for name, rank, alpha in ((stem, 4, 1.0), (stem.replace("to_k", "to_v"), 2, 3.0), (TEXT, 2, 2)):
        tensors[f"{name}.lora_down.weight"] = torch.randn(rank, 768)
        tensors[f"{name}.lora_up.weight"] = torch.randn(320, rank)
        tensors[f"{name}.alpha"] = torch.tensor(alpha)
    save_file(tensors, tmp_path / "wide.safetensors")
    return tmp_path / "wide.safetensors"


def test_inspect_as_json(garment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lora", "inspect", str(garment), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = {
        "file": str(garment),
        "size": garment.stat().st_size,
        "base": "sd15",
        "inpainting": True,
        "targets": "cross",
        "sku": "linen-042",
        "category": "upper",
        "trigger": "lin042 shirt",
        "layers": {"unet": 2},
        "kinds": {"attn2.to_k": 1, "ff.net.0.proj": 1},
        "ranks": {"2": 2},
        "alphas": {"2.0": 2},
        "scales": {"1.0": 2},
        "numbers": 2 * (768 + 320) + 2 * (320 + 640),
        "replaced": 768 * 320 + 320 * 640,
        "times_smaller": 110.0,
        "naming": "kohya",
        "dtypes": ["float16"],
    }
    assert {key: found.get(key) for key in expected} == expected
    assert found["hash"] == found["metadata"]["sshs_model_hash"]


def test_inspect_as_a_table(garment: Path, wide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lora", "inspect", str(garment)]) == 0
    shown = capsys.readouterr().out
    for words in ("sd15, inpainting", "lin042 shirt", "110 times smaller", "modelspec.title"):
        assert words in shown
    assert run(["lora", "inspect", str(wide)]) == 0
    shown = capsys.readouterr().out
    assert "2 (2 layers), 4 (1 layers)" in shown
    assert "0.25 (1 layers), 1 (1 layers), 1.5 (1 layers)" in shown
    assert "2 of unet, 1 of text_encoder" in shown


@pytest.mark.parametrize("naming", ["kohya", "diffusers", "peft"])
def test_convert_keeps_the_update(
    wide: Path, tmp_path: Path, naming: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / ("folder" if naming == "peft" else "out.safetensors")
    assert run(["lora", "convert", str(wide), str(output), "--to", naming, "--unet-only"]) == 0
    written = Path(capsys.readouterr().out.strip())
    before, after = read_lora(wide), read_lora(written)
    assert after.naming == {"peft": "PEFT"}.get(naming, naming)
    assert {layer.rank for layer in after.layers} == {4}
    assert after.unet.keys() == before.unet.keys()
    for path, layer in before.unet.items():
        new = after.unet[path]
        meant = layer.scale * layer.up.double() @ layer.down.double()
        kept = new.scale * new.up.double() @ new.down.double()
        assert (kept - meant).norm() / meant.norm() < 1e-3


def test_nothing_is_left_out_silently(
    wide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lora", "convert", str(wide), str(tmp_path / "out.safetensors")]) == 1
    assert "1 layers of text encoders" in capsys.readouterr().err
    assert not (tmp_path / "out.safetensors").exists()


def test_a_base_that_nobody_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stem = "lora_unet_" + TO_K.replace(".", "_")
    tensors = {
        f"{stem}.lora_down.weight": torch.ones(1, 128),
        f"{stem}.lora_up.weight": torch.ones(48, 1),
    }
    save_file(tensors, tmp_path / "in.safetensors")
    command = ["lora", "convert", str(tmp_path / "in.safetensors"), str(tmp_path / "a.safetensors")]
    assert run(command) == 1
    assert "--base" in capsys.readouterr().err
    assert run([*command, "--base", "mini"]) == 0
    assert read_lora(tmp_path / "a.safetensors").metadata["tryon.base"] == "mini"


def test_a_broken_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.safetensors"
    file.write_bytes(b"\x80\x02}q\x00.")
    assert run(["lora", "inspect", str(file)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"tryon: {file}: not a safetensors file") and error.count("\n") == 1


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("inspect", "convert"):
        assert run(["lora", command, "--help"]) == 0
        assert f"tryon lora {command} " in capsys.readouterr().out
