"""What a LoRA file is, in numbers and words, for people who have to decide about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from tryon.adapters.lora_layout import Numbers, checked_alpha, layout_of, peft_config, with_config
from tryon.adapters.lora_metadata import LoraMetadata, tensor_hash
from tryon.adapters.lora_names import Part
from tryon.adapters.tensor_file import tensor_file
from tryon.errors import LoraFormatError

if TYPE_CHECKING:
    from tryon.adapters.lora_format import Lora, LoraState

Key = TypeVar("Key", int, float, str)

PARTS: tuple[Part, ...] = get_args(Part)
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
    data, tensors, metadata = tensor_file(file)
    try:
        metadata = with_config(file, metadata)
        layout = layout_of(tensors, metadata)
        layers = [
            _layer(part, path, {piece: tensors[key] for piece, key in keys.items()}, metadata)
            for (part, path), keys in layout.layers.items()
        ]
    except LoraFormatError as error:
        raise LoraFormatError(error.reason, path=error.path or file, remedy=error.remedy) from error
    crossing = (
        layer.inputs for layer in layers if layer.part == "unet" and _reads_text(layer.path)
    )
    return LoraSummary(
        file=file,
        size=len(data),
        hash=tensor_hash(data),
        naming=layout.naming,
        about=LoraMetadata.of(metadata, next(crossing, None)),
        layers={part: n for part in PARTS if (n := sum(layer.part == part for layer in layers))},
        kinds=_counted(_kind(layer.path) for layer in layers),
        ranks=_counted(layer.rank for layer in layers),
        alphas=_counted(layer.alpha for layer in layers),
        scales=_counted(round(layer.alpha / layer.rank, 6) for layer in layers),
        dtypes=tuple(sorted({layer.dtype for layer in layers})),
        numbers=sum(layer.rank * (layer.inputs + layer.outputs) for layer in layers),
        replaced=sum(layer.inputs * layer.outputs for layer in layers),
        words=layout.words,
        metadata=dict(sorted(metadata.items())),
    )


@dataclass(frozen=True, slots=True)
class _Layer:
    part: Part
    path: str
    rank: int
    inputs: int
    outputs: int
    alpha: float
    dtype: str


def _layer(
    part: Part, path: str, pieces: Mapping[str, Numbers], metadata: Mapping[str, str]
) -> _Layer:
    alpha = checked_alpha(path, pieces, peft_config(metadata, part))
    down, up = pieces["down"], pieces["up"]
    rank, *inputs = down.shape
    return _Layer(part, path, rank, prod(inputs), up.shape[0], alpha, down.dtype)


def about_lora(lora: Lora) -> LoraMetadata:
    """What is known of a LoRA: by its metadata, and of its base else by its widths."""
    return LoraMetadata.of(lora.metadata, _text_width(lora.unet))


def _text_width(state: LoraState) -> int | None:
    """Width of the text that cross-attention reads."""
    return next((layer.inputs for path, layer in state.items() if _reads_text(path)), None)


def _reads_text(path: str) -> bool:
    return "attn2.to_k" in path


def _kind(path: str) -> str:
    """What a layer is in its block: `attn2.to_out.0`."""
    return _BLOCK.sub("", path)


def _counted(values: Iterable[Key]) -> dict[Key, int]:
    return dict(sorted(Counter(values).items()))
