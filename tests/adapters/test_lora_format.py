"""LoRA files of every naming, read into one state, and everything else refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tryon.adapters.lora_format import canonical_state, module_path, read_lora
from tryon.errors import LoraFormatError, WeightsMissingError

TO_K = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
TO_OUT = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_out.0"
KOHYA = "lora_unet_" + TO_K.replace(".", "_")


def pair(rank: int = 2, inputs: int = 6, outputs: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(rank, inputs), torch.randn(outputs, rank)


@pytest.mark.parametrize(
    ("down_key", "up_key"),
    [
        (f"{KOHYA}.lora_down.weight", f"{KOHYA}.lora_up.weight"),
        (f"unet.{TO_K}.lora.down.weight", f"unet.{TO_K}.lora.up.weight"),
        (f"{TO_K}.lora_A.weight", f"{TO_K}.lora_B.weight"),
        (f"unet.{TO_K}.lora_A.weight", f"unet.{TO_K}.lora_B.weight"),
        (f"base_model.model.{TO_K}.lora_A.weight", f"base_model.model.{TO_K}.lora_B.weight"),
        (
            f"{TO_K}".replace(".to_k", ".processor.to_k_lora.down.weight"),
            f"{TO_K}".replace(".to_k", ".processor.to_k_lora.up.weight"),
        ),
    ],
)
def test_every_naming_is_the_same_layer(down_key: str, up_key: str) -> None:
    down, up = pair()
    state = canonical_state({down_key: down.half(), up_key: up.half()})
    assert list(state) == [TO_K]
    layer = state[TO_K]
    assert layer.down.dtype == layer.up.dtype == torch.float32
    assert torch.equal(layer.down, down.half().float())
    assert torch.equal(layer.up, up.half().float())
    assert layer.scale == 1


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
        # Not modules of a UNet.
        ("lora_unet_down_blocks_0_attentions_0_wings", None),
        ("lora_unet_input_blocks_4_0_in_layers_2", None),
        ("transformer.blocks.0.attn.to_k", None),
    ],
)
def test_module_paths(stem: str, path: str | None) -> None:
    assert module_path(stem) == path


def test_alpha_of_each_layer_is_kept() -> None:
    other = KOHYA.replace("to_k", "to_v")
    down, up = pair(rank=4)
    tensors = {
        f"{KOHYA}.lora_down.weight": down,
        f"{KOHYA}.lora_up.weight": up,
        f"{KOHYA}.alpha": torch.tensor(1.0),
        f"{other}.lora_down.weight": down[:2],
        f"{other}.lora_up.weight": up[:, :2],
        f"{other}.alpha": torch.tensor(3),
    }
    state = canonical_state(tensors)
    assert [layer.scale for layer in state.values()] == [0.25, 1.5]


def test_alpha_from_the_metadata_of_diffusers() -> None:
    down, up = pair(rank=4)
    to_v = TO_K.replace("to_k", "to_v")
    tensors = {f"unet.{TO_K}.lora.down.weight": down, f"unet.{TO_K}.lora.up.weight": up}
    tensors |= {f"unet.{to_v}.lora.down.weight": down, f"unet.{to_v}.lora.up.weight": up}
    config = {"unet.lora_alpha": 2, "unet.r": 4, "unet.alpha_pattern": {"attn2.to_v": 12}}
    state = canonical_state(tensors, {"lora_adapter_metadata": json.dumps(config)})
    assert state[TO_K].scale == 0.5
    assert state[to_v].scale == 3


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (f"{KOHYA}.hada_w1_a", "LoHa"),
        (f"{KOHYA}.lokr_w1", "LoKr"),
        (f"{KOHYA}.dora_scale", "DoRA"),
        (f"{TO_K}.lora_magnitude_vector", "DoRA"),
        ("bundle_emb.word.string_to_param", "learned words"),
        ("unet:0:down", "cloneofsimo"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", "text encoder"),
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", "text encoder"),
        ("text_encoder.layers.0.q_proj.lora_A.weight", "text encoder"),
        ("lora_unet_down_blocks_0_wings.lora_down.weight", "1 unknown keys: lora_unet_down"),
        ("some.thing", "1 unknown keys: some.thing"),
    ],
)
def test_everything_else_is_refused_by_name(key: str, words: str) -> None:
    down, up = pair()
    tensors = {f"{KOHYA}.lora_down.weight": down, f"{KOHYA}.lora_up.weight": up}
    with pytest.raises(LoraFormatError, match=words):
        canonical_state({**tensors, key: torch.zeros(1)})


def test_unknown_keys_are_counted_and_the_first_few_named() -> None:
    tensors = {f"key{n}": torch.zeros(1) for n in range(20)}
    with pytest.raises(LoraFormatError, match="20 unknown keys: key0, key1, key2 and 17 more"):
        canonical_state(tensors)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "no LoRA"),
        ({f"{KOHYA}.lora_down.weight": torch.zeros(2, 6)}, "no up matrix"),
        ({f"{KOHYA}.alpha": torch.tensor(1.0)}, "no down matrix"),
        (
            {
                f"{KOHYA}.lora_down.weight": torch.zeros(2, 6),
                f"{KOHYA}.lora_up.weight": torch.zeros(4, 3),
            },
            "do not multiply",
        ),
        (
            {
                f"{KOHYA}.lora_down.weight": torch.full((2, 6), float("nan")),
                f"{KOHYA}.lora_up.weight": torch.zeros(4, 2),
            },
            "not finite",
        ),
        (
            {
                f"{KOHYA}.lora_down.weight": torch.zeros(2, 6),
                f"{TO_K}.lora_A.weight": torch.zeros(2, 6),
            },
            "two tensors",
        ),
    ],
)
def test_broken_tensors(tensors: dict[str, torch.Tensor], words: str) -> None:
    with pytest.raises(LoraFormatError, match=words):
        canonical_state(tensors)


@pytest.mark.parametrize("option", ["use_dora", "use_rslora"])
def test_peft_options_that_change_the_formula_are_refused(option: str) -> None:
    down, up = pair()
    tensors = {f"unet.{TO_K}.lora.down.weight": down, f"unet.{TO_K}.lora.up.weight": up}
    metadata = {"lora_adapter_metadata": json.dumps({f"unet.{option}": True})}
    with pytest.raises(LoraFormatError, match=option):
        canonical_state(tensors, metadata)


def test_files(tmp_path: Path) -> None:
    down, up = pair()
    good = tmp_path / "good.safetensors"
    save_file({f"{KOHYA}.lora_down.weight": down, f"{KOHYA}.lora_up.weight": up}, good)
    assert list(read_lora(good)) == [TO_K]

    with pytest.raises(WeightsMissingError, match="nowhere"):
        read_lora(tmp_path / "nowhere.safetensors")

    pickled = tmp_path / "pickled.safetensors"
    torch.save({f"{KOHYA}.lora_down.weight": down}, pickled)
    with pytest.raises(LoraFormatError, match=r"pickled\.safetensors: not a safetensors file"):
        read_lora(pickled)

    strange = tmp_path / "strange.safetensors"
    save_file({"key": down}, strange)
    with pytest.raises(LoraFormatError, match=r"strange\.safetensors: 1 unknown keys: key"):
        read_lora(strange)


def test_a_lora_of_another_format_from_the_wild() -> None:
    folder = Path(__file__).resolve().parents[3] / "shared" / "loras"
    if not folder.is_dir():
        pytest.skip("the LoRA files beside the checkout are not here")
    for file in folder.glob("*.safetensors"):
        with pytest.raises(LoraFormatError, match="cloneofsimo"):
            read_lora(file)
