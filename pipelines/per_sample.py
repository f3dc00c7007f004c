"""diffusers' inpainting pipelines, made right for a batch of different samples.

Everything is diffusers' own; two hooks are overridden:

* `prepare_ip_adapter_image_embeds` repeats embeddings once per sample even when they already are
  one per sample, so that every sample attends to every garment of the batch, without an error
  (huggingface/diffusers issue 9813). Here they pass as they come.
* `prepare_mask_latents` gets `image * (1 - mask)`, and `image` is also what the denoising starts
  from. Here the picture that shows through the mask is given apart from the one to start from.

A pipeline keeps on itself what the call under way is about: its scheduler's steps, its scales. So
that no call meets another's, each has a pipeline of its own around the same weights (`for_call`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy, deepcopy
from typing import Any, Self

import torch
from diffusers import (
    ControlNetModel,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLControlNetInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
)
from diffusers.image_processor import VaeImageProcessor

from tryon.errors import NotANumberError


class PerSample:
    """What the four pipelines below share.

    masked_image: float (B, 3, H, W) in -1..1, for the masked-image channels of the UNet.
    """

    masked_image: torch.Tensor

    def for_call(self, masked_image: torch.Tensor) -> Self:
        """The same weights, with a scheduler and a masked image that are this call's alone."""
        pipeline = copy(self)
        pipeline.scheduler = deepcopy(self.scheduler)  # type: ignore[attr-defined]
        pipeline.masked_image = masked_image
        return pipeline

    def prepare_ip_adapter_image_embeds(
        self, ip_adapter_image: None, ip_adapter_image_embeds: list[torch.Tensor], *args: Any
    ) -> list[torch.Tensor]:
        """One (2B, images, ...) tensor for each adapter: the negatives, then the positives."""
        return ip_adapter_image_embeds

    def prepare_mask_latents(
        self, mask: torch.Tensor, masked_image: torch.Tensor, *args: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode `self.masked_image` in the place of `masked_image`."""
        return super().prepare_mask_latents(  # type: ignore[misc, no-any-return]
            mask, self.masked_image, *args
        )


class InpaintPipeline(PerSample, StableDiffusionInpaintPipeline):
    """Stable Diffusion, no ControlNet."""


class ControlNetInpaintPipeline(PerSample, StableDiffusionControlNetInpaintPipeline):
    """Stable Diffusion with one ControlNet or several."""


class XLInpaintPipeline(PerSample, StableDiffusionXLInpaintPipeline):
    """Stable Diffusion XL, no ControlNet."""


class XLControlNetInpaintPipeline(PerSample, StableDiffusionXLControlNetInpaintPipeline):
    """Stable Diffusion XL with one ControlNet or several."""


class FiniteImages(VaeImageProcessor):
    """Pictures out of what a VAE decoded; raises NotANumberError where that is none."""

    def postprocess(self, image: torch.Tensor, *args: Any, **options: Any) -> Any:
        check_finite(image, "decoded")
        return super().postprocess(image, *args, **options)


def check_finite(values: torch.Tensor, what: str) -> None:
    """Raise NotANumberError if any of the values is infinite or not a number.

    what: was done to them, for the message.
    """
    if bool(torch.isfinite(values).all()):
        return
    half = values.dtype == torch.float16
    raise NotANumberError(
        f"what was {what} holds infinite values or values that are not numbers",
        remedy="float16 overflows where bfloat16 and float32 do not: choose another dtype."
        if half
        else "Leave LoRAs out or weaken them, or check the weights: tryon weights verify.",
    )


def inpaint_pipeline(parts: Mapping[str, Any], controlnets: Sequence[ControlNetModel]) -> Any:
    """The pipeline for these parts (by diffusers' names) and ControlNets, ready to be called.

    The safety checker is off: a shop's photos of clothes are not what it was made for, and it
    answers with a black picture. No progress bars, no invisible watermark.
    """
    parts = dict(parts)
    parts.setdefault("image_encoder", None)
    parts["feature_extractor"] = None
    is_xl = "text_encoder_2" in parts
    if is_xl:
        parts["add_watermarker"] = False
    else:
        parts.update(safety_checker=None, requires_safety_checker=False)
    kind: type[Any]
    if controlnets:
        kind = XLControlNetInpaintPipeline if is_xl else ControlNetInpaintPipeline
        parts["controlnet"] = controlnets[0] if len(controlnets) == 1 else list(controlnets)
    else:
        kind = XLInpaintPipeline if is_xl else InpaintPipeline
    pipeline = kind(**parts)
    pipeline.image_processor = FiniteImages.from_config(pipeline.image_processor.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
