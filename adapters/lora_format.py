"""LoRA files of the wild, read into one canonical form.

Read are the namings of kohya (A1111), diffusers old and new, PEFT (see `lora_names`), and
cloneofsimo's numbered lists (see `lora_lists`). The canonical form names layers as diffusers does
and keeps each layer's own alpha. Nothing is guessed: what is not on the list is an error that says
what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tryon.adapters.checkpoint import read_tensors
from tryon.adapters.lora_layout import (
    Naming,
    Numbers,
    checked_alpha,
    layout_of,
    peft_config,
    with_config,
)
from tryon.adapters.lora_names import Part
from tryon.errors import LoraFormatError


@dataclass(frozen=True, eq=False)
class LoraLayer:
    """The update of one layer: W' = W + weight * (alpha / rank) * up @ down.

    down: (rank, in) or (rank, in, kh, kw). up: (out, rank) or (out, rank, 1, 1). Both in the
        file's own floating-point format, but 8-bit ones as float16, which holds them exactly;
        whoever computes with them widens them first.
    """

    down: torch.Tensor
    up: torch.Tensor
    alpha: float

    @property
    def rank(self) -> int:
        return self.down.shape[0]

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    @property
    def inputs(self) -> int:
        """How many numbers each output of the layer is made of."""
        return self.down.shape[1:].numel()

    @property
    def outputs(self) -> int:
        return self.up.shape[0]


LoraState = dict[str, LoraLayer]
"""Layers by diffusers' path, in the order of their names."""


@dataclass(frozen=True, eq=False)
class Lora:
    """What is in a LoRA file.

    unet, text_encoder, text_encoder_2: the layers of each part of the pipeline.
    words: learned words (textual inversion) that lie in the file and are not used.
    naming: whose names its keys have. metadata: as in the file.
    """

    unet: LoraState
    text_encoder: LoraState = field(default_factory=dict)
    text_encoder_2: LoraState = field(default_factory=dict)
    words: tuple[str, ...] = ()
    naming: Naming = "kohya"
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def layers(self) -> list[LoraLayer]:
        """Of all parts."""
        parts = (self.unet, self.text_encoder, self.text_encoder_2)
        return [layer for part in parts for layer in part.values()]

    @property
    def nbytes(self) -> int:
        """Bytes of all matrices."""
        return sum(layer.down.nbytes + layer.up.nbytes for layer in self.layers)


def read_lora(file: Path) -> Lora:
    """What is in a LoRA file.

    Beside PEFT's `adapter_model.safetensors`, its `adapter_config.json` is read too, for alpha.

    Raises WeightsMissingError for no such file; LoraFormatError for anything but safetensors,
    another kind of adapter, unknown keys, tensors that do not pair, a broken configuration, and
    numbers that are not finite or whose products are not.
    """
    tensors, metadata = read_tensors(file, corrupt=LoraFormatError)
    try:
        return canonical_lora(tensors, with_config(file, metadata))
    except LoraFormatError as error:
        raise LoraFormatError(error.reason, path=error.path or file, remedy=error.remedy) from error


def canonical_lora(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> Lora:
    """The canonical form of a LoRA's tensors by key. Raises LoraFormatError.

    metadata: of the safetensors file; diffusers and PEFT keep alpha there. Without any word of
    alpha the scale is 1 (alpha = rank), as every reader has it.
    """
    metadata = dict(metadata or {})
    layout = layout_of(tensors, metadata)
    configs: dict[str, dict[str, Any]] = {}
    parts: dict[Part, LoraState] = {"unet": {}, "text_encoder": {}, "text_encoder_2": {}}
    for (part, path), keys in layout.layers.items():
        config = configs.setdefault(part, peft_config(metadata, part))
        parts[part][path] = _layer(
            path, {piece: tensors[key] for piece, key in keys.items()}, config
        )
    return Lora(**parts, words=layout.words, naming=layout.naming, metadata=metadata)


def _layer(path: str, pieces: dict[str, torch.Tensor], config: dict[str, Any]) -> LoraLayer:
    """One layer's tensors, checked."""
    alpha = checked_alpha(path, {name: _numbers(t) for name, t in pieces.items()}, config)
    down, up = (
        m.to(torch.float16) if m.itemsize == 1 else m for m in (pieces["down"], pieces["up"])
    )
    return LoraLayer(down, up, alpha)


def _numbers(tensor: torch.Tensor) -> Numbers:
    name = str(tensor.dtype).removeprefix("torch.")
    return Numbers(tuple(tensor.shape), name, lambda: tensor.detach().float().cpu().numpy())
