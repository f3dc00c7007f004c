"""cloneofsimo's numbered layers get their names; anything else is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel

from tests.families import FULL_SD15, random_unet
from tryon.adapters.lora import fitting_module
from tryon.adapters.lora_format import canonical_lora, read_lora
from tryon.errors import LoraFormatError

METADATA = {"unet": '["CrossAttention", "Attention", "GEGLU"]', "text_encoder": '["CLIPAttention"]'}
BLOCK = ["attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0", "ff.net.0.proj"]
BLOCK += ["attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0"]


@pytest.fixture(scope="module")
def unet() -> Any:
    """Stable Diffusion 1.5's shapes, without numbers."""
    with torch.device("meta"):
        return random_unet(FULL_SD15)


def numbered(count: int, part: str = "unet", width: int = 4) -> dict[str, torch.Tensor]:
    tensors = {}
    for number in range(count):
        tensors[f"{part}:{number}:down"] = torch.full((1, width), float(number))
        tensors[f"{part}:{number}:up"] = torch.ones(width, 1)
    return tensors


def test_the_order_of_the_layers() -> None:
    state = canonical_lora(numbered(144), METADATA).unet
    order = sorted(state, key=lambda path: state[path].down[0, 0])
    blocks = [path.partition(".transformer_blocks.0.")[0] for path in order[::9]]
    assert blocks[0] == "down_blocks.0.attentions.0"
    assert blocks[6:9] == [f"up_blocks.1.attentions.{n}" for n in range(3)]
    assert blocks[-1] == "mid_block.attentions.0"
    assert [path.partition("_blocks.0.")[2] for path in order[-9:]] == BLOCK


def test_without_feed_forward_layers() -> None:
    state = canonical_lora(numbered(128), {"unet": '["CrossAttention"]'}).unet
    assert len(state) == 128
    assert not any("ff" in path for path in state)


def test_text_encoder_and_words() -> None:
    tensors = {**numbered(48, "text_encoder"), "<s1>": torch.zeros(4)}
    lora = canonical_lora(tensors, {**METADATA, "<s1>": "<embed>"})
    assert (lora.naming, lora.words, lora.unet) == ("cloneofsimo", ("<s1>",), {})
    fourth = lora.text_encoder["encoder.layers.1.self_attn.k_proj"]
    assert fourth.down[0, 0] == 4


@pytest.mark.parametrize(
    ("tensors", "metadata", "words"),
    [
        (numbered(143), METADATA, "143 numbered layers instead of 144"),
        (numbered(144), {}, "does not say which classes of unet"),
        (numbered(144), {"unet": '["Conv2d"]'}, "unknown classes: Conv2d"),
        ({**numbered(144), "<s1>": torch.zeros(4)}, METADATA, "unknown keys, such as <s1>"),
        (
            {key: t for key, t in numbered(144).items() if key != "unet:7:up"},
            METADATA,
            "'unet:7:up' is missing",
        ),
    ],
)
def test_what_is_not_whole(
    tensors: dict[str, torch.Tensor], metadata: dict[str, str], words: str
) -> None:
    with pytest.raises(LoraFormatError, match=words):
        canonical_lora(tensors, metadata)


@pytest.mark.parametrize(
    ("name", "rank", "words"), [("analog_svd_rank4", 4, ()), ("lora_disney", 1, ("<s1>", "<s2>"))]
)
def test_files_from_the_wild(unet: Any, name: str, rank: int, words: tuple[str, ...]) -> None:
    folder = Path(__file__).resolve().parents[3] / "shared" / "loras"
    if not folder.is_dir():
        pytest.skip("the LoRA files beside the checkout are not here")
    lora = read_lora(folder / f"cloneofsimo_{name}.safetensors")
    assert (len(lora.unet), len(lora.text_encoder), lora.words) == (144, 48, words)
    assert {layer.rank for layer in lora.layers} == {rank}
    assert {layer.scale for layer in lora.layers} == {1.0}
    for path, layer in lora.unet.items():
        fitting_module(unet, path, layer)
    with torch.device("meta"):
        text = CLIPTextModel(CLIPTextConfig(**FULL_SD15.text))
    for path, layer in lora.text_encoder.items():
        fitting_module(text, path, layer)
