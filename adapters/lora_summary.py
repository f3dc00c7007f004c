"""What a LoRA file is, in numbers and words, for people who have to decide about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from tryon.adapters.lora_format import Lora, LoraState, read_lora
from tryon.adapters.lora_metadata import LoraMetadata, tensor_hash

Key = TypeVar("Key", int, float, str)

_BLOCK = re.compile(r"^.*(transformer_blocks|attentions|resnets|samplers|layers)\.\d+\.")


@dataclass(frozen=True)
class LoraSummary:
    """What is in a LoRA file.

    size: bytes of the file. hash: what A1111 knows it by.
    layers: how many of each part of the pipeline, and of each kind (such as `attn2.to_k`).
    ranks, alphas, scales: how many layers have each; the scale is alpha / rank.
    numbers: in its matrices. replaced: numbers in the layers that it changes.
    words: learned words, which are not used.
    """

    file: Path
    size: int
    hash: str
    naming: str
    about: LoraMetadata
    layers: dict[str, int]
    kinds: dict[str, int]
    ranks: dict[int, int]
    alphas: dict[float, int]
    scales: dict[float, int]
    dtypes: tuple[str, ...]
    numbers: int
    replaced: int
    words: tuple[str, ...]
    metadata: dict[str, str]

    @property
    def times_smaller(self) -> float:
        """How many times fewer numbers it holds than the layers that it changes."""
        return self.replaced / self.numbers

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as `tryon lora inspect --json` prints them."""
        values = asdict(self)
        about = values.pop("about")
        about.pop("training")
        return {
            **values,
            **about,
            "file": str(self.file),
            "times_smaller": round(self.times_smaller, 1),
        }


def lora_summary(file: Path) -> LoraSummary:
    """What is in a LoRA file. Raises what `read_lora` raises."""
    lora = read_lora(file)
    data = file.read_bytes()
    layers = lora.layers
    parts = {"unet": lora.unet, "text_encoder": lora.text_encoder}
    parts["text_encoder_2"] = lora.text_encoder_2
    return LoraSummary(
        file=file,
        size=len(data),
        hash=tensor_hash(data),
        naming=lora.naming,
        about=about_lora(lora),
        layers={part: len(state) for part, state in parts.items() if state},
        kinds=_counted(_kind(path) for state in parts.values() for path in state),
        ranks=_counted(layer.rank for layer in layers),
        alphas=_counted(layer.alpha for layer in layers),
        scales=_counted(round(layer.scale, 6) for layer in layers),
        dtypes=tuple(sorted({str(layer.down.dtype).removeprefix("torch.") for layer in layers})),
        numbers=sum(layer.down.numel() + layer.up.numel() for layer in layers),
        replaced=sum(layer.inputs * layer.outputs for layer in layers),
        words=lora.words,
        metadata=dict(sorted(lora.metadata.items())),
    )


def about_lora(lora: Lora) -> LoraMetadata:
    """What is known of a LoRA: by its metadata, and of its base else by its widths."""
    return LoraMetadata.of(lora.metadata, _text_width(lora.unet))


def _text_width(state: LoraState) -> int | None:
    """Width of the text that cross-attention reads."""
    return next((layer.inputs for path, layer in state.items() if "attn2.to_k" in path), None)


def _kind(path: str) -> str:
    """What a layer is in its block: `attn2.to_out.0`."""
    return _BLOCK.sub("", path)


def _counted(values: Iterable[Key]) -> dict[Key, int]:
    return dict(sorted(Counter(values).items()))
