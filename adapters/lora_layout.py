"""What the keys of a LoRA file mean, and whether its numbers can be right, without torch.

Who only wants to know what is in a file (`lora_summary`) need not wait for torch; who computes with
it (`lora_format`) reads it by the same rules.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tryon.adapters.lora_lists import is_list, named_keys
from tryon.adapters.lora_names import Part, layer_path
from tryon.errors import LoraFormatError

Naming = Literal["kohya", "diffusers", "PEFT", "attn_procs", "cloneofsimo"]
Piece = Literal["down", "up", "alpha"]

FLOATS = ("float", "bfloat")
LARGEST = 65504.0  # of an update's numbers: float16 holds no larger ones, and weights are about 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """A tensor of a file. dtype: its format, such as "float16". values: as float32, when asked."""

    shape: tuple[int, ...]
    dtype: str
    values: Callable[[], np.ndarray]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the keys of a file mean.

    layers: by part and path, sorted, the key of each matrix and of alpha.
    words: learned words (textual inversion) that lie in the file and are not used.
    naming: whose names the keys have.
    """

    layers: Mapping[tuple[Part, str], Mapping[str, str]]
    words: tuple[str, ...]
    naming: Naming


# How a key may end, which tensor it is then, and whose naming that is. The first that fits counts.
ENDINGS: tuple[tuple[str, Piece, Naming], ...] = (
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


def layout_of(keys: Iterable[str], metadata: Mapping[str, str]) -> Layout:
    """What the keys mean. Raises LoraFormatError for another kind of adapter, or unknown keys."""
    keys = list(keys)
    _refuse_foreign(keys)
    if is_list(keys):
        named, words = named_keys(keys, metadata)
        layers, _ = _sorted_pieces(named)
        return Layout(layers, words, "cloneofsimo")
    layers, naming = _sorted_pieces({key: key for key in keys})
    return Layout(layers, (), naming)


def with_config(file: Path, metadata: Mapping[str, str]) -> dict[str, str]:
    """A file's metadata with PEFT's `adapter_config.json` beside it, if there is one."""
    config = file.with_name("adapter_config.json")
    if file.stem != "adapter_model" or not config.is_file():
        return dict(metadata)
    try:
        return {**metadata, "lora_adapter_metadata": config.read_text("utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else f"not readable ({error})"
        raise LoraFormatError(reason, path=config) from error


def checked_alpha(path: str, pieces: Mapping[str, Numbers], config: Mapping[str, Any]) -> float:
    """The alpha of a layer whose numbers can be right. Raises LoraFormatError.

    config: of PEFT for this part of the pipeline, see `peft_config`.
    """
    if not {"down", "up"} <= set(pieces):
        raise LoraFormatError(f"{path} has no {'up' if 'down' in pieces else 'down'} matrix")
    down, up = pieces["down"], pieces["up"]
    if not (down.dtype.startswith(FLOATS) and up.dtype.startswith(FLOATS)):
        raise LoraFormatError(f"{path} holds {down.dtype} and {up.dtype}, not real numbers")
    shapes = f"matrices of {up.shape} and {down.shape}"
    if len(down.shape) not in (2, 4) or len(up.shape) not in (2, 4) or up.shape[1] != down.shape[0]:
        raise LoraFormatError(f"{path}: {shapes} do not multiply")
    if down.shape[0] == 0 or prod(up.shape[2:]) != 1:
        raise LoraFormatError(f"{path}: {shapes}")
    rank = down.shape[0]
    alpha = _alpha(path, pieces, config, rank)
    first, second = down.values().reshape(rank, -1), up.values().reshape(-1, rank)
    if not (isfinite(alpha) and np.isfinite(first).all() and np.isfinite(second).all()):
        raise LoraFormatError(f"{path} holds numbers that are not finite")
    reached = abs(alpha / rank) * largest_product(
        second, first, LARGEST * rank / max(abs(alpha), 1e-30)
    )
    if not reached <= LARGEST:
        raise LoraFormatError(
            f"the update of {path} reaches {reached:g}",
            remedy="No training gives this: the file is broken, or its scale is.",
        )
    return alpha


def largest_product(up: np.ndarray, down: np.ndarray, enough: float) -> float:
    """The largest number of up @ down by size, or a bound of it if that is no more than enough.

    No number of a product is larger than the product of the matrices' norms (Cauchy-Schwarz).
    """
    with np.errstate(all="ignore"):
        bound = float(np.linalg.norm(up)) * float(np.linalg.norm(down))
        return bound if bound <= enough else float(np.abs(up @ down).max())


def _sorted_pieces(
    keys: Mapping[str, str],
) -> tuple[dict[tuple[Part, str], dict[str, str]], Naming]:
    """Each layer's keys in the file, and whose naming they have. keys: by the names to go by."""
    pieces: dict[tuple[Part, str], dict[str, str]] = defaultdict(dict)
    namings: list[Naming] = []
    unknown = []
    for key, own in keys.items():
        stem, piece, naming = _without_ending(key)
        layer = stem and layer_path(stem)
        if not layer:
            unknown.append(key)
        elif piece in pieces[layer]:
            raise LoraFormatError(f"two tensors for the same part of {layer[1]}: {key} is one")
        else:
            pieces[layer][piece] = own
            namings += [naming] if piece != "alpha" else []
    if unknown:
        raise LoraFormatError(
            f"{len(unknown)} unknown keys: {_some(unknown)}",
            remedy="Only LoRA of Stable Diffusion's UNet and text encoders is read.",
        )
    if not pieces:
        raise LoraFormatError("no LoRA in this file")
    return dict(sorted(pieces.items())), max(set(namings), key=namings.count, default="kohya")


def _without_ending(key: str) -> tuple[str, str, Naming]:
    """A key's front part, which tensor it is, and the naming; ("", "", ...) for an unknown end."""
    for pattern, piece, naming in ENDINGS:
        if match := re.search(rf"{pattern}$", key):
            return key[: match.start()], piece, naming
    return "", "", "kohya"


def _refuse_foreign(keys: list[str]) -> None:
    for mark, name in FOREIGN.items():
        if found := [key for key in keys if mark in key]:
            raise LoraFormatError(
                f"this is {name}: {_some(found)}", remedy="Only plain LoRA is read."
            )


def _alpha(path: str, pieces: Mapping[str, Numbers], config: Mapping[str, Any], rank: int) -> float:
    """The layer's own alpha, else PEFT's for it, else the rank."""
    if "alpha" in pieces:
        if prod(pieces["alpha"].shape) != 1:
            raise LoraFormatError(f"alpha of {path} is {pieces['alpha'].shape}, not a number")
        return float(pieces["alpha"].values().reshape(()))
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


def peft_config(metadata: Mapping[str, str], part: Part) -> dict[str, Any]:
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
