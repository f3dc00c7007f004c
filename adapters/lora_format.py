"""LoRA files of the wild, read into one canonical form.

Read are the namings of kohya (A1111), diffusers old and new, PEFT (see `lora_names`), and
cloneofsimo's numbered lists (see `lora_lists`). The canonical form names layers as diffusers does
and keeps each layer's own alpha. Nothing is guessed: what is not on the list is an error that says
what it is.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from tryon.adapters.checkpoint import read_tensors
from tryon.adapters.lora_lists import is_list, named_lists
from tryon.adapters.lora_names import Part, layer_path
from tryon.errors import LoraFormatError

Naming = Literal["kohya", "diffusers", "PEFT", "attn_procs", "cloneofsimo"]


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


LARGEST = 65504.0  # of an update's numbers: float16 holds no larger ones, and weights are about 1

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


# How a key may end, which tensor it is then, and whose naming that is. The first that fits counts.
ENDINGS: tuple[tuple[str, Literal["down", "up", "alpha"], Naming], ...] = (
    (r"\.lora_down\.weight", "down", "kohya"),
    (r"\.lora_up\.weight", "up", "kohya"),
    (r"\.lora_linear_layer\.down\.weight", "down", "diffusers"),
    (r"\.lora_linear_layer\.up\.weight", "up", "diffusers"),
    (r"\.lora\.down\.weight", "down", "diffusers"),
    (r"\.lora\.up\.weight", "up", "diffusers"),
    (r"_lora\.down\.weight", "down", "attn_procs"),
    (r"_lora\.up\.weight", "up", "attn_procs"),
    (r"\.lora_A(\.\w+)?\.weight", "down", "PEFT"),
    (r"\.lora_B(\.\w+)?\.weight", "up", "PEFT"),
    (r"\.alpha", "alpha", "kohya"),
)

# Pieces of keys that betray another kind of adapter. Some readers drop them and load the rest as
# an ordinary LoRA, which is silently another thing.
FOREIGN = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_": "LoHa",
    "lokr_": "LoKr",
    "lora_mid": "LoCon with a core tensor",
    "oft_": "OFT",
    "boft_": "BOFT",
    "bundle_emb": "a LoRA bundled with learned words",
    "emb_params": "a learned word",
    "lora_embedding_": "a LoRA of an embedding",
    ".diff": "a LoRA with full weight differences",
    ".w_norm": "a LoRA of norm layers",
    ".b_norm": "a LoRA of norm layers",
    ".a1.weight": "GLoRA",
    ".on_input": "IA3",
}


def read_lora(file: Path) -> Lora:
    """What is in a LoRA file.

    Beside PEFT's `adapter_model.safetensors`, its `adapter_config.json` is read too, for alpha.

    Raises WeightsMissingError for no such file; LoraFormatError for anything but safetensors,
    another kind of adapter, unknown keys, tensors that do not pair, a broken configuration, and
    numbers that are not finite or whose products are not.
    """
    tensors, metadata = read_tensors(file, corrupt=LoraFormatError)
    config = file.with_name("adapter_config.json")
    try:
        if file.stem == "adapter_model" and config.is_file():
            metadata = {**metadata, "lora_adapter_metadata": config.read_text("utf-8")}
        return canonical_lora(tensors, metadata)
    except UnicodeDecodeError as error:
        raise LoraFormatError("not UTF-8", path=config) from error
    except LoraFormatError as error:
        raise LoraFormatError(error.reason, path=file, remedy=error.remedy) from error


def canonical_lora(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> Lora:
    """The canonical form of a LoRA's tensors by key. Raises LoraFormatError.

    metadata: of the safetensors file; diffusers and PEFT keep alpha there. Without any word of
    alpha the scale is 1 (alpha = rank), as every reader has it.
    """
    metadata = dict(metadata or {})
    _refuse_foreign(tensors)
    words: tuple[str, ...] = ()
    naming: Naming | None = None
    if is_list(tensors):
        tensors, words = named_lists(tensors, metadata)
        naming = "cloneofsimo"
    pieces, found = _sorted_pieces(tensors)
    configs: dict[str, dict[str, Any]] = {}
    parts: dict[Part, LoraState] = {"unet": {}, "text_encoder": {}, "text_encoder_2": {}}
    for part, path in sorted(pieces):
        config = configs.setdefault(part, _peft_config(metadata, part))
        parts[part][path] = _layer(path, pieces[part, path], config)
    return Lora(**parts, words=words, naming=naming or found, metadata=metadata)


def _sorted_pieces(
    tensors: Mapping[str, torch.Tensor],
) -> tuple[dict[tuple[Part, str], dict[str, torch.Tensor]], Naming]:
    """Each layer's tensors, and whose naming the keys have."""
    pieces: dict[tuple[Part, str], dict[str, torch.Tensor]] = defaultdict(dict)
    namings: list[Naming] = []
    unknown = []
    for key, tensor in tensors.items():
        stem, piece, naming = _without_ending(key)
        layer = stem and layer_path(stem)
        if not layer:
            unknown.append(key)
        elif piece in pieces[layer]:
            raise LoraFormatError(f"two tensors for the same part of {layer[1]}: {key} is one")
        else:
            pieces[layer][piece] = tensor
            namings += [naming] if piece != "alpha" else []
    if unknown:
        raise LoraFormatError(
            f"{len(unknown)} unknown keys: {_some(unknown)}",
            remedy="Only LoRA of Stable Diffusion's UNet and text encoders is read.",
        )
    if not pieces:
        raise LoraFormatError("no LoRA in this file")
    return pieces, max(set(namings), key=namings.count, default="kohya")


def _without_ending(key: str) -> tuple[str, str, Naming]:
    """A key's front part, which tensor it is, and the naming; ("", "", ...) for an unknown end."""
    for pattern, piece, naming in ENDINGS:
        if match := re.search(rf"{pattern}$", key):
            return key[: match.start()], piece, naming
    return "", "", "kohya"


def _refuse_foreign(tensors: Mapping[str, torch.Tensor]) -> None:
    for mark, name in FOREIGN.items():
        if found := [key for key in tensors if mark in key]:
            raise LoraFormatError(
                f"this is {name}: {_some(found)}", remedy="Only plain LoRA is read."
            )


def _layer(path: str, pieces: dict[str, torch.Tensor], config: dict[str, Any]) -> LoraLayer:
    """One layer's tensors, checked."""
    if not {"down", "up"} <= set(pieces):
        raise LoraFormatError(f"{path} has no {'up' if 'down' in pieces else 'down'} matrix")
    down, up = pieces["down"], pieces["up"]
    if not (down.is_floating_point() and up.is_floating_point()):
        raise LoraFormatError(f"{path} holds {down.dtype} and {up.dtype}, not real numbers")
    if down.ndim not in (2, 4) or up.ndim not in (2, 4) or up.shape[1] != down.shape[0]:
        raise LoraFormatError(
            f"{path}: matrices of {tuple(up.shape)} and {tuple(down.shape)} do not multiply"
        )
    if down.shape[0] == 0 or up.shape[2:].numel() != 1:
        raise LoraFormatError(f"{path}: matrices of {tuple(up.shape)} and {tuple(down.shape)}")
    down, up = (m.to(torch.float16) if m.itemsize == 1 else m for m in (down, up))
    alpha = _alpha(path, pieces, config, down.shape[0])
    if not all(bool(torch.isfinite(numbers).all()) for numbers in (down, up, torch.tensor(alpha))):
        raise LoraFormatError(f"{path} holds numbers that are not finite")
    layer = LoraLayer(down, up, alpha)
    if not largest_update(layer) <= LARGEST:
        raise LoraFormatError(
            f"the update of {path} reaches {largest_update(layer):g}",
            remedy="No training gives this: the file is broken, or its scale is.",
        )
    return layer


def largest_update(layer: LoraLayer) -> float:
    """The largest number of (alpha / rank) * up @ down by size, or a bound of it if that is small.

    No number of a product is larger than the product of the matrices' norms (Cauchy-Schwarz).
    """
    down, up = layer.down.float().flatten(1), layer.up.float().flatten(1)
    bound = abs(layer.scale) * float(down.norm()) * float(up.norm())
    return bound if bound <= LARGEST else abs(layer.scale) * float((up @ down).abs().max())


def _alpha(path: str, pieces: dict[str, torch.Tensor], config: dict[str, Any], rank: int) -> float:
    """The layer's own alpha, else PEFT's for it, else the rank."""
    if "alpha" in pieces:
        if pieces["alpha"].numel() != 1:
            raise LoraFormatError(
                f"alpha of {path} is {tuple(pieces['alpha'].shape)}, not a number"
            )
        return float(pieces["alpha"])
    alpha = config.get("lora_alpha")
    # PEFT's patterns match the end of a path.
    for pattern, value in (config.get("alpha_pattern") or {}).items():
        if re.fullmatch(rf"(.*\.)?({pattern})", path):
            alpha = value
            break
    if alpha is None:
        return float(rank)
    # Rank-stabilised LoRA divides by the root of the rank (Kalajdzievski 2023).
    return float(alpha) * (rank**0.5 if config.get("use_rslora") else 1)


def _peft_config(metadata: Mapping[str, str], part: Part) -> dict[str, Any]:
    """PEFT's LoraConfig of a part of the pipeline; {} if there is none."""
    try:
        stored = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    except ValueError as error:
        raise LoraFormatError(f"lora_adapter_metadata is not JSON: {error}") from error
    if not isinstance(stored, dict):
        raise LoraFormatError("lora_adapter_metadata is not a JSON object")
    # diffusers puts the part before each key, PEFT's own files are of one part.
    config = {k.removeprefix(f"{part}."): v for k, v in stored.items()}
    if config.get("use_dora"):
        raise LoraFormatError("this is DoRA: use_dora is set", remedy="Only plain LoRA is read.")
    _check_config(config)
    return config


def _check_config(config: Mapping[str, Any]) -> None:
    """Raise LoraFormatError, which names the field, unless alpha can be told by it."""
    patterns = config.get("alpha_pattern") or {}
    if not isinstance(patterns, dict):
        raise LoraFormatError("alpha_pattern of the adapter's configuration is not an object")
    for name, value in {"lora_alpha": config.get("lora_alpha", 1), **patterns}.items():
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise LoraFormatError(f"{name} of the adapter's configuration is {value!r}, no number")
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise LoraFormatError(
                f"alpha_pattern of the adapter's configuration: {pattern!r} is no regular"
                f" expression ({error})"
            ) from error


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
