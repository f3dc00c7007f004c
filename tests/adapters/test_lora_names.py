"""Every name of a layer means one path, and the names that we write mean it too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.lora_conversion_utils import _maybe_map_sgm_blocks_to_diffusers

from tests.families import FULL_SD15, TINY_SDXL
from tryon.adapters.lora_names import kohya_name, layer_path

TO_K = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
TO_OUT = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_out.0"
KOHYA = "lora_unet_" + TO_K.replace(".", "_")


@pytest.mark.parametrize(
    ("stem", "path"),
    [
        (KOHYA, TO_K),
        ("lora_unet_" + TO_OUT.replace(".", "_"), TO_OUT),
        (TO_OUT.replace(".to_out.0", ".processor.to_out"), TO_OUT),
        ("lora_unet_mid_block_attentions_0_proj_in", "mid_block.attentions.0.proj_in"),
        (
            "lora_unet_up_blocks_1_attentions_2_transformer_blocks_0_ff_net_0_proj",
            "up_blocks.1.attentions.2.transformer_blocks.0.ff.net.0.proj",
        ),
        (
            "lora_unet_down_blocks_0_resnets_1_time_emb_proj",
            "down_blocks.0.resnets.1.time_emb_proj",
        ),
        # SDXL under its authors' numbers.
        (
            "lora_unet_input_blocks_4_1_transformer_blocks_1_attn2_to_k",
            "down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_k",
        ),
        ("lora_unet_input_blocks_8_1_proj_out", "down_blocks.2.attentions.1.proj_out"),
        (
            "lora_unet_middle_block_1_transformer_blocks_9_attn1_to_q",
            "mid_block.attentions.0.transformer_blocks.9.attn1.to_q",
        ),
        ("lora_unet_output_blocks_2_1_proj_in", "up_blocks.0.attentions.2.proj_in"),
        ("lora_unet_output_blocks_3_1_proj_in", "up_blocks.1.attentions.0.proj_in"),
        ("lora_unet_input_blocks_4_0_in_layers_2", "down_blocks.1.resnets.0.conv1"),
        ("lora_unet_input_blocks_3_0_op", "down_blocks.0.downsamplers.0.conv"),
        ("lora_unet_output_blocks_2_2_conv", "up_blocks.0.upsamplers.0.conv"),
        ("lora_unet_output_blocks_8_0_skip_connection", "up_blocks.2.resnets.2.conv_shortcut"),
        ("lora_unet_middle_block_2_emb_layers_1", "mid_block.resnets.1.time_emb_proj"),
        ("lora_unet_label_emb_0_2", "add_embedding.linear_2"),
        ("lora_unet_input_blocks_0_0", "conv_in"),
        (
            "diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_out.0",
            "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0",
        ),
        # Not modules of a UNet.
        ("lora_unet_down_blocks_0_attentions_0_wings", None),
        ("lora_unet_input_blocks_4_0_wings", None),
        ("transformer.blocks.0.attn.to_k", None),
    ],
)
def test_module_paths(stem: str, path: str | None) -> None:
    assert layer_path(stem) == (None if path is None else ("unet", path))


SDXL = {
    **TINY_SDXL.unet,
    "block_out_channels": (320, 640, 1280),
    "cross_attention_dim": 2048,
    "attention_head_dim": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10),
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}


def layers(shape: dict[str, Any]) -> list[str]:
    """The paths of every layer that a LoRA could change."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(in_channels=9, **shape)
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    return [path for path, module in unet.named_modules() if isinstance(module, kinds)]


@pytest.mark.parametrize(("shape", "xl"), [(FULL_SD15.unet, False), (SDXL, True)])
def test_every_layer_of_a_unet_has_a_name_of_its_own(shape: dict[str, Any], xl: bool) -> None:
    paths = layers(shape)
    names = [kohya_name(path, xl=xl) for path in paths]
    assert len(set(names)) == len(paths) > 150
    assert [layer_path(name) for name in names] == [("unet", path) for path in paths]
    if xl:
        assert not any("down_blocks" in name or "up_blocks" in name for name in names)


def test_sdxl_blocks_as_diffusers_maps_them() -> None:
    paths = [path for path in layers(SDXL) if "attentions" in path]
    keys = {f"{kohya_name(path, xl=True)}.lora_down.weight": path for path in paths}
    config = SimpleNamespace(layers_per_block=2)
    for key, path in keys.items():
        (mapped,) = _maybe_map_sgm_blocks_to_diffusers({key: 0}, config)
        # It puts its own names for the blocks in a second pass.
        for theirs, ours in (("input", "down"), ("output", "up"), ("middle", "mid")):
            mapped = mapped.replace(f"{theirs}_block", f"{ours}_block")
        assert mapped == f"{kohya_name(path, xl=False)}.lora_down.weight"


@pytest.mark.parametrize(
    ("stem", "part", "path"),
    [
        ("lora_te_text_model_encoder_layers_3_mlp_fc1", "text_encoder", "encoder.layers.3.mlp.fc1"),
        (
            "lora_te1_text_model_encoder_layers_11_self_attn_out_proj",
            "text_encoder",
            "encoder.layers.11.self_attn.out_proj",
        ),
        # As diffusers converts what it trained with transformers 5.
        ("lora_te1_encoder_layers_0_mlp_fc2", "text_encoder", "encoder.layers.0.mlp.fc2"),
        ("lora_te2_text_projection", "text_encoder_2", "text_projection"),
        (
            "text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
            "text_encoder",
            "encoder.layers.0.self_attn.q_proj",
        ),
        (
            "text_encoder_2.encoder.layers.0.self_attn.to_out",
            "text_encoder_2",
            "encoder.layers.0.self_attn.out_proj",
        ),
        (
            "base_model.model.text_model.encoder.layers.0.mlp.fc1",
            "text_encoder",
            "encoder.layers.0.mlp.fc1",
        ),
        (
            "base_model.model.encoder.layers.0.mlp.fc1",
            "text_encoder",
            "encoder.layers.0.mlp.fc1",
        ),
    ],
)
def test_text_encoders(stem: str, part: str, path: str) -> None:
    assert layer_path(stem) == (part, path)
