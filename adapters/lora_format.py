"""LoRA files of the wild, read into one canonical state.

The same matrices go by many names. Read here:

    kohya, A1111   lora_unet_down_blocks_0_attentions_0_..._attn2_to_k  .lora_down.weight .alpha
    kohya, SDXL    lora_unet_input_blocks_4_1_..._attn2_to_k            .lora_down.weight .alpha
    diffusers      unet.down_blocks.0.attentions.0....attn2.to_k        .lora.down.weight
    PEFT           [unet.]down_blocks.0.attentions.0....attn2.to_k      .lora_A.weight
    old diffusers  [unet.]down_blocks.0....attn2.processor.to_k         _lora.down.weight

The canonical state names modules as diffusers' UNet does. Nothing is guessed: what is not on the
list is an error that says what it is.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tryon.adapters.checkpoint import read_tensors
from tryon.errors import LoraFormatError


@dataclass(frozen=True, eq=False)
class LoraLayer:
    """The update of one module: W' = W + weight * (alpha / rank) * up @ down.

    down: float32 (rank, in) or (rank, in, kh, kw). up: float32 (out, rank) or (out, rank, 1, 1).
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


LoraState = dict[str, LoraLayer]

# The end of a key -> which tensor it is. The first that fits counts.
ENDINGS = {
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora_linear_layer.down.weight": "down",
    ".lora_linear_layer.up.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    "_lora.down.weight": "down",
    "_lora.up.weight": "up",
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora_A.default.weight": "down",
    ".lora_B.default.weight": "up",
    ".alpha": "alpha",
}

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
    ".diff": "a LoRA with full weight differences",
    ".w_norm": "a LoRA of norm layers",
    "unet:0:": "cloneofsimo's LoRA",
    "text_encoder:0:": "cloneofsimo's LoRA",
}

TEXT_ENCODER = re.compile(r"(lora_te\d?_|text_encoder(_2)?\.)")

# Kohya joins a module's path with "_", which its names contain too. These are the names of a UNet.
NAMES = re.compile(
    r"down_blocks|up_blocks|mid_block|attentions|transformer_blocks|attn[12]|to_q|to_k|to_v|to_out"
    r"|ff|net|proj_in|proj_out|proj|resnets|conv1|conv2|conv_shortcut|time_emb_proj|downsamplers"
    r"|upsamplers|conv_in|conv_out|conv|time_embedding|add_embedding|linear_1|linear_2|\d+"
)


def read_lora(file: Path) -> LoraState:
    """The canonical state of a LoRA file.

    Raises WeightsMissingError for no such file; LoraFormatError for anything but safetensors,
    another kind of adapter, a text encoder's LoRA, unknown keys, tensors that do not pair, and
    numbers that are not finite.
    """
    tensors, metadata = read_tensors(file, corrupt=LoraFormatError)
    try:
        return canonical_state(tensors, metadata)
    except LoraFormatError as error:
        raise LoraFormatError(error.reason, path=file, remedy=error.remedy) from error


def canonical_state(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> LoraState:
    """The canonical state of a LoRA's tensors by key, in order of the modules' names.

    metadata: of the safetensors file; diffusers and PEFT keep alpha there. Without any word of
    alpha the scale is 1 (alpha = rank), as every reader has it.
    """
    _refuse_foreign(tensors)
    parts: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    unknown = []
    for key, tensor in tensors.items():
        ending = next((end for end in ENDINGS if key.endswith(end)), None)
        module = ending and module_path(key.removesuffix(ending))
        if ending is None or module is None:
            unknown.append(key)
        elif ENDINGS[ending] in parts[module]:
            raise LoraFormatError(f"two tensors for the same part of {module}")
        else:
            parts[module][ENDINGS[ending]] = tensor
    if unknown:
        raise LoraFormatError(f"{len(unknown)} unknown keys: {_some(unknown)}")
    if not parts:
        raise LoraFormatError("no LoRA in this file")
    config = _peft_config(metadata or {})
    return {module: _layer(module, parts[module], config) for module in sorted(parts)}


def module_path(stem: str) -> str | None:
    """A UNet module's path in diffusers' naming, from the front part of a key; None if unknown."""
    if stem.startswith("lora_unet_"):
        return _from_kohya(stem.removeprefix("lora_unet_"))
    path = stem.removeprefix("base_model.model.").removeprefix("unet.")
    if ".processor." in path:
        path = path.replace(".processor.", ".")
        path = f"{path}.0" if path.endswith(".to_out") else path
    return path if all(NAMES.fullmatch(name) for name in path.split(".")) else None


def _from_kohya(stem: str) -> str | None:
    stem = _diffusers_blocks(stem)
    path = ".".join(NAMES.findall(stem))
    return path if path.replace(".", "_") == stem else None


def _diffusers_blocks(stem: str) -> str:
    """SDXL's attention blocks are numbered through in its authors' code, by level in diffusers.

    Only attentions (second number 1) are renamed: other layers stay unknown. Two layers a level
    on the way down and three on the way up, as in SDXL and SD 1.5.
    """
    if match := re.match(r"input_blocks_(\d+)_1_", stem):
        level, layer = divmod(int(match[1]) - 1, 3)
        return f"down_blocks_{level}_attentions_{layer}_{stem[match.end() :]}"
    if match := re.match(r"output_blocks_(\d+)_1_", stem):
        level, layer = divmod(int(match[1]), 3)
        return f"up_blocks_{level}_attentions_{layer}_{stem[match.end() :]}"
    return re.sub(r"^middle_block_1_", "mid_block_attentions_0_", stem)


def _refuse_foreign(tensors: Mapping[str, torch.Tensor]) -> None:
    for mark, name in FOREIGN.items():
        if found := [key for key in tensors if mark in key]:
            raise LoraFormatError(
                f"this is {name}: {_some(found)}", remedy="Only plain LoRA of a UNet is read."
            )
    if found := [key for key in tensors if TEXT_ENCODER.match(key)]:
        raise LoraFormatError(
            f"{len(found)} keys belong to a text encoder: {_some(found)}",
            remedy="Only LoRA of a UNet is read; remove these keys to use the rest.",
        )


def _layer(module: str, parts: dict[str, torch.Tensor], config: dict[str, Any]) -> LoraLayer:
    """One module's tensors, checked."""
    if not {"down", "up"} <= set(parts):
        raise LoraFormatError(f"{module} has no {'up' if 'down' in parts else 'down'} matrix")
    down, up = parts["down"].float(), parts["up"].float()
    if down.ndim not in (2, 4) or up.ndim not in (2, 4) or up.shape[1] != down.shape[0]:
        raise LoraFormatError(
            f"{module}: matrices of {tuple(up.shape)} and {tuple(down.shape)} do not multiply"
        )
    alpha = float(parts["alpha"]) if "alpha" in parts else _peft_alpha(module, config)
    layer = LoraLayer(down, up, float(down.shape[0]) if alpha is None else alpha)
    numbers = (down, up, torch.tensor(layer.alpha))
    if not all(bool(torch.isfinite(tensor).all()) for tensor in numbers):
        raise LoraFormatError(f"{module} holds numbers that are not finite")
    return layer


def _peft_config(metadata: Mapping[str, str]) -> dict[str, Any]:
    """PEFT's LoraConfig of the UNet, where diffusers stores it; {} if there is none."""
    try:
        stored = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    except ValueError as error:
        raise LoraFormatError(f"lora_adapter_metadata is not JSON: {error}") from error
    config = {key.removeprefix("unet."): value for key, value in stored.items()}
    for option in ("use_dora", "use_rslora"):
        if config.get(option):
            raise LoraFormatError(f"{option} is set", remedy="Only plain LoRA of a UNet is read.")
    return config


def _peft_alpha(module: str, config: dict[str, Any]) -> float | None:
    """PEFT's alpha of a module: its patterns match the end of a path, like PEFT's own."""
    for pattern, alpha in (config.get("alpha_pattern") or {}).items():
        if re.fullmatch(rf"(.*\.)?({pattern})", module):
            return float(alpha)
    alpha = config.get("lora_alpha")
    return None if alpha is None else float(alpha)


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
