"""LoRA files of every naming, read into one state, and everything else refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tryon.adapters.lora_format import LoraState, canonical_lora, read_lora
from tryon.errors import LoraFormatError, WeightsMissingError

TO_K = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
TO_OUT = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_out.0"
KOHYA = "lora_unet_" + TO_K.replace(".", "_")


def canonical_state(
    tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None
) -> LoraState:
    """The UNet's layers."""
    return canonical_lora(tensors, metadata).unet


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
    assert torch.equal(layer.down, down.half())
    assert torch.equal(layer.up, up.half())
    assert layer.scale == 1


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
        (f"{KOHYA}.lora_mid.weight", "LoCon"),
        (f"{KOHYA}.oft_blocks", "OFT"),
        (f"{KOHYA}.diff_b", "full weight differences"),
        (f"{KOHYA}.a1.weight", "GLoRA"),
        (f"{KOHYA}.on_input", "IA3"),
        ("lora_te_text_model_wings.lora_down.weight", "1 unknown keys: lora_te_text_model_wings"),
        ("text_encoder.layers.0.wings.lora_A.weight", "1 unknown keys: text_encoder"),
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", "has no up matrix"),
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


def test_peft_dora_is_refused() -> None:
    down, up = pair()
    tensors = {f"unet.{TO_K}.lora.down.weight": down, f"unet.{TO_K}.lora.up.weight": up}
    with pytest.raises(LoraFormatError, match="DoRA"):
        canonical_state(tensors, {"lora_adapter_metadata": '{"unet.use_dora": true}'})


def test_files(tmp_path: Path) -> None:
    down, up = pair()
    good = tmp_path / "good.safetensors"
    save_file({f"{KOHYA}.lora_down.weight": down, f"{KOHYA}.lora_up.weight": up}, good)
    assert list(read_lora(good).unet) == [TO_K]

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


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_eight_bit_numbers_are_read_as_their_float16_twins(kind: torch.dtype) -> None:
    down, up = (matrix.to(kind) for matrix in pair())
    keys = f"{KOHYA}.lora_down.weight", f"{KOHYA}.lora_up.weight"
    layer = canonical_state(dict(zip(keys, (down, up), strict=True)))[TO_K]
    twin = canonical_state(dict(zip(keys, (down.half(), up.half()), strict=True)))[TO_K]
    assert layer.down.dtype == torch.float16
    assert torch.equal(layer.down, twin.down) and torch.equal(layer.up, twin.up)


@pytest.mark.parametrize("size", [3e4, 1e30])
def test_a_product_that_overflows_is_no_update(size: float) -> None:
    down, up = (torch.full_like(matrix, size) for matrix in pair())
    with pytest.raises(LoraFormatError, match=f"{TO_K} reaches"):
        canonical_state({f"{KOHYA}.lora_down.weight": down, f"{KOHYA}.lora_up.weight": up})


def test_large_matrices_with_a_small_product_are_fine() -> None:
    down, up = torch.zeros(2, 6), torch.zeros(4, 2)
    down[0], up[:, 1] = 3e4, 3e4
    assert canonical_state({f"{KOHYA}.lora_down.weight": down, f"{KOHYA}.lora_up.weight": up})


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (b'{"lora_alpha": "four"}', "lora_alpha"),
        (b'{"alpha_pattern": ["to_k"]}', "alpha_pattern"),
        (b'{"alpha_pattern": {"(": 8}}', "alpha_pattern.*regular expression"),
        (b'{"alpha_pattern": {"to_k": null, "to_v": [8]}}', "to_v"),
        (b'{"lora_alpha": \xff}', r"adapter_config\.json: not UTF-8"),
        (b"[4]", "not a JSON object"),
    ],
)
def test_a_broken_configuration_is_named(tmp_path: Path, config: bytes, named: str) -> None:
    down, up = pair()
    stem = f"base_model.model.{TO_K}"
    file = tmp_path / "adapter_model.safetensors"
    save_file({f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up}, file)
    (tmp_path / "adapter_config.json").write_bytes(config)
    with pytest.raises(LoraFormatError, match=named):
        read_lora(file)
