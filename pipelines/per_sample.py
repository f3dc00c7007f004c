"""diffusers' inpainting pipelines, made right for a batch of different samples.

Everything is diffusers' own; two hooks are overridden:

* `prepare_ip_adapter_image_embeds` repeats embeddings once per sample even when they already are
  one per sample, so that every sample attends to every garment of the batch, without an error
  (huggingface/diffusers issue 9813). Here they pass as they come.
* `prepare_mask_latents` gets `image * (1 - mask)`, and `image` is also what the denoising starts
  from. Here the picture that shows through the mask is given apart from the one to start from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers import (
    ControlNetModel,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLControlNetInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
)


class PerSample:
    """What the four pipelines below share.

    masked_image: float (B, 3, H, W) in -1..1, for the masked-image channels of the UNet.
    """

    masked_image: torch.Tensor

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
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
