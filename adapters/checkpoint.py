"""Weights from disk: safetensors only, offline, and nothing missing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError, safe_open
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from tryon.errors import (
    TryOnError,
    WeightsCorruptError,
    WeightsMissingError,
    WeightsUnsafeError,
)

# Loggers of diffusers, and what they say whenever a model is cast (which its own loaders and
# pipelines do), naming no module, and whenever an AutoencoderTiny that it saved itself is loaded.
FALSE_ALARMS = {
    "diffusers.models.modeling_utils": "should be kept in float32: []",
    "diffusers.configuration_utils": "were passed to AutoencoderTiny",
}
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".msgpack", ".h5")


def read_tensors(
    file: Path, corrupt: type[TryOnError] = WeightsCorruptError
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors of a safetensors file by key, and its metadata.

    Raises WeightsMissingError when there is no such file, `corrupt` when it is something else.
    """
    if not file.is_file():
        raise WeightsMissingError("no such file", path=file)
    try:
        with safe_open(file, framework="pt", device="cpu") as opened:
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            return tensors, opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise corrupt(
            f"not a safetensors file: {error}",
            path=file,
            remedy="Other formats can run code when loaded and are not read.",
        ) from error


def weights_variant(folder: Path, stem: str) -> str | None:
    """The variant of the weights in a model's folder: None for the plain one, or "fp16".

    Raises WeightsUnsafeError when there are only pickles, WeightsMissingError for nothing at all.
    """
    for variant in (None, "fp16"):
        name = stem if variant is None else f"{stem}.{variant}"
        sharded = f"{stem}.safetensors.index" + (f".{variant}" if variant else "") + ".json"
        if (folder / f"{name}.safetensors").is_file() or (folder / sharded).is_file():
            return variant
    pickles = sorted(p.name for p in folder.glob("*") if p.suffix in PICKLES)
    if pickles:
        raise WeightsUnsafeError(
            f"only {', '.join(pickles)}, which could run code when loaded",
            path=folder,
            remedy="Convert the weights to safetensors.",
        )
    raise WeightsMissingError(f"no {stem}.safetensors", path=folder)


def load_model(kind: type[Any], folder: Path, *, dtype: torch.dtype) -> Any:
    """A diffusers or transformers model from its folder, in evaluation mode, every weight set.

    Both libraries fill weights that the file lacks with random numbers and only warn. Here that is
    a WeightsCorruptError, like wrong shapes and unreadable bytes.
    """
    is_transformers = issubclass(kind, PreTrainedModel)
    stem = "model" if is_transformers else "diffusion_pytorch_model"
    options: dict[str, Any] = {"dtype" if is_transformers else "torch_dtype": dtype}
    variant = weights_variant(folder, stem)
    if variant is not None:
        options["variant"] = variant
    try:
        with no_progress_bars(), without_false_alarms():
            model, info = kind.from_pretrained(
                str(folder),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                **options,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsCorruptError(
            f"cannot be loaded as a {kind.__name__}: {error}", path=folder
        ) from error
    lacking = sorted(str(key) for key in info["missing_keys"])
    if lacking:
        raise WeightsCorruptError(
            f"{len(lacking)} weights of a {kind.__name__} are missing: {', '.join(lacking[:3])}",
            path=folder,
        )
    return model.requires_grad_(False).eval()


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Both libraries draw bars while they load, and offer only a switch for the whole process."""
    shown = [
        switch
        for switch in (transformers_logging, diffusers_logging)
        if switch.is_progress_bar_enabled()
    ]
    for switch in shown:
        switch.disable_progress_bar()
    try:
        yield
    finally:
        for switch in shown:
            switch.enable_progress_bar()


@contextmanager
def without_false_alarms() -> Iterator[None]:
    """Mute what diffusers 0.42 warns of although nothing is wrong (see `FALSE_ALARMS`)."""

    def is_meant(record: logging.LogRecord) -> bool:
        return FALSE_ALARMS[record.name] not in record.getMessage()

    loggers = [logging.getLogger(name) for name in FALSE_ALARMS]
    for logger in loggers:
        logger.addFilter(is_meant)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_meant)
