"""cloneofsimo's LoRA files: layers by number instead of name.

The numbers count a model's linear layers in the order in which it was built then (diffusers 0.10,
transformers 4.25), inside classes that the metadata names (cloneofsimo/lora, in its
lora_diffusion/lora.py). Stable Diffusion 1 was trained so, and has the layers below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from tryon.errors import LoraFormatError

KEY = re.compile(r"(unet|text_encoder):(\d+):(down|up)")
WORD = "<embed>"

# Where the transformer blocks are, in the order of the modules: the middle came last.
BLOCKS = (
    *(f"down_blocks.{level}.attentions.{layer}" for level in range(3) for layer in range(2)),
    *(f"up_blocks.{level}.attentions.{layer}" for level in range(1, 4) for layer in range(3)),
    "mid_block.attentions.0",
)
# What a transformer block holds: the class, and its linear layers in order.
BLOCK = (
    ("CrossAttention", ("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0")),
    ("GEGLU", ("ff.net.0.proj",)),
    ("CrossAttention", ("attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0")),
)
CLIP_LAYER = ("k_proj", "v_proj", "q_proj", "out_proj")
# "Attention" was a later name of "CrossAttention" and is listed beside it.
KNOWN = {"unet": {"CrossAttention", "Attention", "GEGLU"}, "text_encoder": {"CLIPAttention"}}


def is_list(keys: Iterable[str]) -> bool:
    """Whether the keys are cloneofsimo's."""
    return any(KEY.fullmatch(key) for key in keys)


def named_keys(
    keys: Iterable[str], metadata: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The keys by diffusers' names, and the learned words that lie beside them.

    Raises LoraFormatError unless the numbers are those of a whole model.
    """
    present = set(keys)
    words = tuple(sorted(key for key in present if metadata.get(key) == WORD))
    rest = sorted(present - set(words))
    unknown = [key for key in rest if not KEY.fullmatch(key)]
    if unknown:
        raise LoraFormatError(f"{len(unknown)} unknown keys, such as {unknown[0]}")
    named = {}
    for part, own in groupby(rest, key=lambda key: key.partition(":")[0]):
        paths = list(_paths(part, metadata))
        numbers = {int(key.split(":")[1]) for key in own}
        if numbers != set(range(len(paths))):
            raise LoraFormatError(
                f"the {part} has {len(numbers)} numbered layers instead of {len(paths)}",
                remedy="Only cloneofsimo's LoRA of Stable Diffusion 1 is read.",
            )
        for number, path in enumerate(paths):
            for piece in ("down", "up"):
                key = f"{part}:{number}:{piece}"
                if key not in present:
                    raise LoraFormatError(f"the key {key!r} is missing")
                named[f"{part}.{path}.lora.{piece}.weight"] = key
    return named, words


def _paths(part: str, metadata: Mapping[str, str]) -> Iterator[str]:
    """The layers' paths in the order of their numbers."""
    classes = _classes(part, metadata)
    if part == "text_encoder":
        for layer in range(12):
            yield from (f"encoder.layers.{layer}.self_attn.{name}" for name in CLIP_LAYER)
        return
    for block in BLOCKS:
        for kind, names in BLOCK:
            if kind in classes:
                yield from (f"{block}.transformer_blocks.0.{name}" for name in names)


def _classes(part: str, metadata: Mapping[str, str]) -> set[str]:
    """The classes whose layers are listed. Raises LoraFormatError for others than ours."""
    try:
        classes = set(json.loads(metadata[part]))
    except (KeyError, ValueError, TypeError) as error:
        raise LoraFormatError(f"the metadata does not say which classes of {part}") from error
    if unknown := classes - KNOWN[part]:
        raise LoraFormatError(f"layers of unknown classes: {', '.join(sorted(unknown))}")
    return classes | {"CrossAttention"} if "Attention" in classes else classes
