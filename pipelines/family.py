"""A family: a set of weights that work together, loaded once."""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from transformers import CLIPVisionModelWithProjection

from tryon.adapters.checkpoint import load_model
from tryon.adapters.controlnet import load_controlnet
from tryon.adapters.ip_adapter import IPAdapter
from tryon.adapters.lora import fitting_module
from tryon.adapters.lora_format import Lora
from tryon.pipelines.components import (
    chosen_scheduler,
    load_base,
    load_checkpoint,
)
from tryon.pipelines.conditioning import (
    ImageEmbeds,
    ImagePrompts,
    PromptEmbeds,
    TextPrompts,
    WeightedLoras,
)
from tryon.pipelines.family_folder import ControlKind, FamilyConfig, FamilyPaths, require_all
from tryon.pipelines.per_sample import inpaint_pipeline

__all__ = ["ControlKind", "Family", "FamilyConfig", "FamilyPaths", "load_family", "load_parts"]


class Family:
    """A loaded family: diffusers' inpainting pipeline, and caches of embeddings.

    controls: what each ControlNet of the pipeline is shown, in its order.
    lock: held by whoever computes with the weights, on which LoRAs come and go.
    """

    def __init__(
        self, pipeline: Any, config: FamilyConfig, *, controls: tuple[ControlKind, ...] = ()
    ) -> None:
        self.pipeline = pipeline
        self.config = config
        self.controls = controls
        self.lock = RLock()
        self._text_prompts = TextPrompts(pipeline)
        self._image_prompts = ImagePrompts(pipeline)

    @property
    def unet(self) -> UNet2DConditionModel:
        """The UNet that paints."""
        return self.pipeline.unet

    @property
    def has_image_prompt(self) -> bool:
        return self.unet.encoder_hid_proj is not None

    @property
    def device(self) -> torch.device:
        """Where the computation happens (also while the weights are offloaded)."""
        device: torch.device = self.pipeline._execution_device
        return device

    def check_lora(self, lora: Lora) -> None:
        """Raise LoraBaseError unless every layer of the LoRA is one of this family's."""
        for name in ("unet", "text_encoder", "text_encoder_2"):
            model = getattr(self.pipeline, name, None)
            for path, layer in getattr(lora, name).items():
                fitting_module(model, path, layer)

    def embed_prompt(
        self, prompt: str, negative_prompt: str, loras: WeightedLoras = ()
    ) -> PromptEmbeds:
        """What the text encoders, wearing these LoRAs, make of a prompt and its negative.

        Remembered.
        """
        with self.lock:
            return self._text_prompts.embed(prompt, negative_prompt, loras)

    def embed_garment(self, garment: Image.Image) -> ImageEmbeds:
        """What the image encoder makes of a garment photo, remembered."""
        with self.lock:
            return self._image_prompts.embed(garment)

    def keep_image_embeddings(self, folder: Path, revision: str) -> None:
        """Keep what the image encoder says of garments in files (see `ImagePrompts.keep`)."""
        self._image_prompts.keep(folder, revision)


def load_family(
    paths: FamilyPaths,
    config: FamilyConfig,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    offload: bool = False,
) -> Family:
    """Load every part of a family onto `device`, offline, from safetensors only.

    With `offload`, each model visits the device only while it is used (needs an accelerator).
    Raises WeightsMissingError (naming all missing parts), WeightsUnsafeError when there are only
    pickles, WeightsCorruptError when keys or shapes are not what the configuration says.
    """
    require_all(paths)
    # Models are built before they are filled, which draws from the process's random numbers.
    with torch.random.fork_rng(devices=[]):
        parts = load_parts(paths, dtype=dtype)
        unet = parts["unet"]
        controlnets = [load_controlnet(folder, unet) for folder, _ in paths.controlnets]
        if paths.ip_adapter is not None:
            IPAdapter.from_file(paths.ip_adapter).attach(unet)
    parts["scheduler"] = chosen_scheduler(
        parts["scheduler"], config.scheduler, config.scheduler_options
    )
    pipeline = inpaint_pipeline(parts, controlnets)
    pipeline.vae.enable_slicing()  # picture by picture: the decoder is the peak of memory
    if offload:
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.to(device)
    return Family(pipeline, config, controls=tuple(kind for _, kind in paths.controlnets))


def load_parts(paths: FamilyPaths, *, dtype: torch.dtype) -> dict[str, Any]:
    """The base model's parts and the image encoder, by the names that diffusers' pipelines take."""
    if paths.config is None:
        parts: dict[str, Any] = load_base(paths.base, dtype=dtype)
    else:
        parts = load_checkpoint(paths.base, paths.config, dtype=dtype)
    if paths.ip_adapter is not None and paths.image_encoder is not None:
        kind = CLIPVisionModelWithProjection
        parts["image_encoder"] = load_model(kind, paths.image_encoder, dtype=dtype)
    return parts
