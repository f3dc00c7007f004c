"""A checkpoint in one file holds the same weights as the folder that it was made from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.families import save_random_family
from tryon.errors import WeightsCorruptError, WeightsMissingError, WeightsUnsafeError
from tryon.pipelines.components import load_base, load_checkpoint
from tryon.pipelines.family import FamilyConfig, FamilyPaths, load_family


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_family(tmp_path_factory.mktemp("sd15"))


def renamed(name: str, rules: list[tuple[str, Any]]) -> str:
    """The name after every rule: a pattern, and what to put in its place."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


UNET: list[tuple[str, Any]] = [
    (r"^time_embedding\.linear_1", "time_embed.0"),
    (r"^time_embedding\.linear_2", "time_embed.2"),
    (r"^conv_in", "input_blocks.0.0"),
    (r"^conv_norm_out", "out.0"),
    (r"^conv_out", "out.2"),
    (r"(?<=resnets\.\d\.)norm1", "in_layers.0"),
    (r"(?<=resnets\.\d\.)conv1", "in_layers.2"),
    (r"(?<=resnets\.\d\.)norm2", "out_layers.0"),
    (r"(?<=resnets\.\d\.)conv2", "out_layers.3"),
    (r"(?<=resnets\.\d\.)time_emb_proj", "emb_layers.1"),
    (r"(?<=resnets\.\d\.)conv_shortcut", "skip_connection"),
    (r"^mid_block\.resnets\.(\d)", lambda m: f"middle_block.{2 * int(m[1])}"),
    (r"^mid_block\.attentions\.0", "middle_block.1"),
    (
        r"^down_blocks\.(\d)\.(resnets|attentions)\.(\d)",
        lambda m: f"input_blocks.{3 * int(m[1]) + int(m[3]) + 1}.{int(m[2] == 'attentions')}",
    ),
    (
        r"^down_blocks\.(\d)\.downsamplers\.0\.conv",
        lambda m: f"input_blocks.{3 * int(m[1]) + 3}.0.op",
    ),
    (
        r"^up_blocks\.(\d)\.(resnets|attentions)\.(\d)",
        lambda m: f"output_blocks.{3 * int(m[1]) + int(m[3])}.{int(m[2] == 'attentions')}",
    ),
    # The tiny UNet has its one upsampler in a block without attentions.
    (r"^up_blocks\.0\.upsamplers\.0\.conv", "output_blocks.2.1.conv"),
]

VAE: list[tuple[str, Any]] = [
    (r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2"),
    (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
    (r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}"),
    (r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample"),
    (r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}"),
    (r"mid_block\.attentions\.0", "mid.attn_1"),
    (r"attn_1\.group_norm", "attn_1.norm"),
    (r"attn_1\.to_([qkv])", r"attn_1.\1"),
    (r"attn_1\.to_out\.0", "attn_1.proj_out"),
    (r"conv_norm_out", "norm_out"),
    (r"conv_shortcut", "nin_shortcut"),
]


def original_names(parts: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights of a base model under the names of CompVis' code, as checkpoints have them."""
    tensors = {}
    for name, tensor in parts["unet"].state_dict().items():
        tensors["model.diffusion_model." + renamed(name, UNET)] = tensor
    for name, tensor in parts["vae"].state_dict().items():
        is_attention = "mid_block.attentions.0.to_" in name and tensor.ndim == 2
        tensor = tensor[..., None, None] if is_attention else tensor
        tensors["first_stage_model." + renamed(name, VAE)] = tensor
    for name, tensor in parts["text_encoder"].state_dict().items():
        tensors["cond_stage_model.transformer.text_model." + name] = tensor
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def test_a_checkpoint_is_the_folder_in_one_file(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = load_base(folder, dtype=torch.float32)
    file = tmp_path / "model.safetensors"
    save_file(original_names(expected), file)
    capfd.readouterr()
    parts = load_checkpoint(file, folder, dtype=torch.float32)
    assert capfd.readouterr() == ("", "")
    assert parts.keys() == expected.keys()
    for name in ("unet", "vae", "text_encoder"):
        weights = parts[name].state_dict()
        for key, tensor in expected[name].state_dict().items():
            assert torch.equal(weights[key], tensor), (name, key)
        assert not parts[name].training
    assert parts["scheduler"].config == expected["scheduler"].config

    paths = FamilyPaths(base=file, config=folder)
    family = load_family(paths, FamilyConfig(), device="cpu", dtype=torch.float32)
    assert family.controls == ()


def test_checkpoints_that_cannot_be_used(folder: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "model.ckpt"
    torch.save({}, pickled)
    with pytest.raises(WeightsUnsafeError, match="could run code"):
        load_checkpoint(pickled, folder, dtype=torch.float32)

    other = tmp_path / "other.safetensors"
    save_file({"something": torch.zeros(3)}, other)
    with pytest.raises(WeightsCorruptError, match=r"other\.safetensors"):
        load_checkpoint(other, folder, dtype=torch.float32)

    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsCorruptError, match=r"broken\.safetensors"):
        load_checkpoint(broken, folder, dtype=torch.float32)

    paths = FamilyPaths(base=tmp_path / "nowhere.safetensors", config=folder)
    with pytest.raises(WeightsMissingError, match="nowhere"):
        load_family(paths, FamilyConfig(), device="cpu", dtype=torch.float32)
