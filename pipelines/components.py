"""The parts of a base model, from a folder in diffusers' layout or from one checkpoint file."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    SchedulerMixin,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from diffusers.loaders.single_file_utils import SingleFileComponentError
from safetensors import SafetensorError
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from tryon.adapters.checkpoint import load_model, no_progress_bars
from tryon.errors import OptionError, WeightsCorruptError, WeightsUnsafeError
from tryon.pipelines.family_folder import is_xl

MODELS: dict[str, type[Any]] = {
    "unet": UNet2DConditionModel,
    "vae": AutoencoderKL,
    "text_encoder": CLIPTextModel,
    "text_encoder_2": CLIPTextModelWithProjection,
}
CHECKPOINT_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    SafetensorError,
    SingleFileComponentError,
)
VAES: dict[str, type[Any]] = {kind.__name__: kind for kind in (AutoencoderKL, AutoencoderTiny)}
# Settings of the SDXL pipelines that lie in `model_index.json`.
XL_OPTIONS = ("force_zeros_for_empty_prompt", "requires_aesthetics_score")


def load_base(folder: Path, *, dtype: torch.dtype) -> dict[str, Any]:
    """The parts of the base model in a folder, by the names that diffusers' pipelines take.

    Raises WeightsMissingError, WeightsUnsafeError or WeightsCorruptError.
    """
    xl = is_xl(folder)
    kinds = {**MODELS, "vae": vae_class(folder / "vae")}
    parts = {
        name: load_model(kind, folder / name, dtype=dtype)
        for name, kind in kinds.items()
        if xl or name != "text_encoder_2"
    }
    for name in ("tokenizer", "tokenizer_2")[: 1 + xl]:
        parts[name] = CLIPTokenizer.from_pretrained(str(folder / name), local_files_only=True)
    parts["scheduler"] = load_scheduler(folder)
    if xl:
        index = _read_json(folder / "model_index.json")
        parts.update({name: index[name] for name in XL_OPTIONS if name in index})
    return parts


def vae_class(folder: Path) -> type[Any]:
    """The autoencoder that a folder holds: diffusers' usual one, or the tiny one of small families.

    Raises WeightsCorruptError.
    """
    name = _read_json(folder / "config.json").get("_class_name", AutoencoderKL.__name__)
    if name not in VAES:
        raise WeightsCorruptError(f"{name!r} is not one of {', '.join(VAES)}", path=folder)
    return VAES[name]


def load_checkpoint(file: Path, config: Path, *, dtype: torch.dtype) -> dict[str, Any]:
    """The parts of a single-file checkpoint (`.safetensors`, original Stable Diffusion names).

    config: a folder in diffusers' layout with the configurations and tokenizers, no weights.
    Raises WeightsUnsafeError for any other format, WeightsCorruptError when it does not fit.
    """
    if file.suffix != ".safetensors":
        raise WeightsUnsafeError(
            "a checkpoint that is not safetensors could run code when loaded",
            path=file,
            remedy="Convert it to safetensors.",
        )
    xl = is_xl(config)
    kind = StableDiffusionXLInpaintPipeline if xl else StableDiffusionInpaintPipeline
    off = {"add_watermarker": False} if xl else {"safety_checker": None}
    try:
        with no_progress_bars():
            pipeline = kind.from_single_file(
                str(file), config=str(config), local_files_only=True, torch_dtype=dtype, **off
            )
    except CHECKPOINT_ERRORS as error:
        raise WeightsCorruptError(f"cannot be loaded: {error}", path=file) from error
    parts = {name: part for name, part in pipeline.components.items() if part is not None}
    parts["scheduler"] = load_scheduler(config)
    for part in parts.values():
        if isinstance(part, torch.nn.Module):
            part.requires_grad_(False).eval()
    if xl:
        parts.update({name: pipeline.config[name] for name in XL_OPTIONS})
    return parts


def load_scheduler(folder: Path) -> Any:
    """The scheduler that a base model's folder names. Raises WeightsCorruptError."""
    file = folder / "scheduler" / "scheduler_config.json"
    name = str(_read_json(file).get("_class_name"))
    kind = scheduler_class(name)
    if kind is None:
        raise WeightsCorruptError(f"{name!r} is not a scheduler of diffusers", path=file)
    return kind.from_pretrained(str(file.parent), local_files_only=True)


def chosen_scheduler(given: Any, name: str | None, options: Mapping[str, Any]) -> Any:
    """`given` as another class of diffusers' schedulers, or with options changed.

    Raises OptionError for a class or an option that does not exist.
    """
    kind = scheduler_class(type(given).__name__ if name is None else name)
    if kind is None:
        raise OptionError(f"{name!r} is not a scheduler of diffusers")
    unknown = sorted(set(options) - set(inspect.signature(kind).parameters))
    if unknown:
        raise OptionError(f"{kind.__name__} has no option {', '.join(unknown)}")
    return kind.from_config(dict(given.config), **options)


def scheduler_class(name: str) -> type[Any] | None:
    """diffusers' scheduler of this name, None if there is none."""
    kind = getattr(diffusers, name, None)
    return kind if inspect.isclass(kind) and issubclass(kind, SchedulerMixin) else None


def _read_json(file: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsCorruptError(f"cannot be read as JSON: {error}", path=file) from error
    return values
