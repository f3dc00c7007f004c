"""Repaint the masked part of photos with a family: diffusers composed, never copied.

`inpaint` reads top to bottom: embed the prompts and garments, put the pictures side by side, draw
noise, denoise, decode. Samples of one call may differ in everything but size and settings, and each
comes out as it would alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from PIL import Image

from tryon.adapters.checkpoint import without_false_alarms
from tryon.errors import Cancelled, ImageError, MaskSizeError
from tryon.pipelines.family import Family
from tryon.pipelines.inpaint_sample import InpaintSample
from tryon.pipelines.inpaint_settings import InpaintSettings
from tryon.pipelines.per_sample import check_finite
from tryon.pipelines.preview import OnPreview, Previews
from tryon.pipelines.wearing import dressed

__all__ = ["InpaintSettings", "inpaint", "repaint"]

OnStep = Callable[[int, int], bool | None]


def inpaint(
    family: Family,
    samples: Sequence[InpaintSample],
    settings: InpaintSettings,
    *,
    on_step: OnStep | None = None,
    on_preview: OnPreview | None = None,
) -> list[Image.Image]:
    """Repaint each sample's mask: RGB images of the samples' size, in their order.

    `on_step(done, total)` is called after each denoising step of the whole call; when it returns
    False, Cancelled is raised at once. `on_preview(place, picture)` is called between steps, now
    and then, and changes nothing of the result. The pixels outside the mask pass through the VAE
    too: put the photo's own back with `composite`.
    """
    if not samples:
        return []
    _check(family, samples)
    images: dict[int, Image.Image] = {}
    batches = batches_of(family, samples)
    for number, batch in enumerate(batches):
        previews = None if on_preview is None else Previews(on_preview, batch)
        count = _Steps(on_step, previews, batches_before=number, batches=len(batches))
        repainted = repaint(family, [samples[i] for i in batch], settings, on_step_end=count)
        images.update(zip(batch, repainted, strict=True))
    return [images[i] for i in range(len(samples))]


def batches_of(family: Family, samples: Sequence[InpaintSample]) -> list[list[int]]:
    """Which samples (by place) go through the UNet together.

    Scales hold for a whole batch, so that samples with and without a skeleton, garment or warp go
    apart, and so do pictures of one garment and of several. On a CPU every sample goes alone: its
    kernels split their sums by the size of the batch, which changes the last bits.
    """
    if family.device.type == "cpu":
        return [[i] for i in range(len(samples))]
    alike: dict[tuple[int, ...], list[int]] = {}
    for i, sample in enumerate(samples):
        parts = (sample.skeleton, sample.garment, sample.warp)
        kind = (len(sample.pieces), *(part is not None for part in parts))
        alike.setdefault(kind, []).append(i)
    return list(alike.values())


def repaint(
    family: Family,
    samples: Sequence[InpaintSample],
    settings: InpaintSettings,
    *,
    on_step_end: Callable[..., dict[str, Any]] | None = None,
    output_type: Literal["pil", "np"] = "pil",
) -> Any:
    """Samples that are alike (see `batches_of`), through the pipeline in one batch.

    Returns PIL images, or float32 (B, H, W, 3) in 0..1. `on_step_end` is diffusers' callback.
    Threads take turns: what a batch wears is put on the UNet that they share.
    Raises NotANumberError if the model's numbers overflow.
    """
    with family.lock:
        return _repainted(family, samples, settings, on_step_end, output_type)


def _repainted(
    family: Family,
    samples: Sequence[InpaintSample],
    settings: InpaintSettings,
    on_step_end: Callable[..., dict[str, Any]] | None,
    output_type: Literal["pil", "np"],
) -> Any:
    pipeline = family.pipeline.for_call(masked_images(family, samples))
    if family.has_image_prompt:
        shown = samples[0].garment is not None
        pipeline.set_ip_adapter_scale(settings.image_scale if shown else 0.0)
    arguments = {
        **prompt_arguments(family, samples),
        **garment_arguments(family, samples, guided=settings.guidance > 1),
        **control_arguments(family, samples, settings),
        "image": [starting_image(sample) for sample in samples],
        "mask_image": [sample.mask for sample in samples],
        "width": samples[0].image.width,
        "height": samples[0].image.height,
        "num_inference_steps": settings.steps,
        "guidance_scale": settings.guidance,
        "strength": settings.strength,
        "generator": [torch.Generator("cpu").manual_seed(sample.seed) for sample in samples],
        "callback_on_step_end": partial(_after_step, on_step_end),
        "output_type": output_type,
    }
    try:
        with without_false_alarms(), dressed(family, samples, guided=settings.guidance > 1):
            return pipeline(**arguments).images
    finally:
        pipeline.maybe_free_model_hooks()


def _after_step(
    on_step_end: Callable[..., dict[str, Any]] | None,
    pipeline: Any,
    step: int,
    timestep: torch.Tensor,
    tensors: dict[str, Any],
) -> dict[str, Any]:
    """diffusers' callback: numbers once lost stay lost, so the last step's are looked at."""
    if step + 1 == pipeline.num_timesteps:
        check_finite(tensors["latents"], "denoised")
    return {} if on_step_end is None else on_step_end(pipeline, step, timestep, tensors)


def starting_image(sample: InpaintSample) -> Image.Image:
    """RGB: what the denoising starts from when the strength leaves something of it."""
    return sample.image if sample.warp is None else sample.warp


def masked_images(family: Family, samples: Sequence[InpaintSample]) -> torch.Tensor:
    """float32 (B, 3, H, W) in -1..1: the photos with a grey hole, or with the warp in it."""
    pipeline = family.pipeline
    photos = pipeline.image_processor.preprocess([s.image for s in samples])
    holes = pipeline.mask_processor.preprocess([s.mask for s in samples])
    masked: torch.Tensor = photos * (holes < 0.5)
    if family.config.masked_image == "warp" and samples[0].warp is not None:
        warps = pipeline.image_processor.preprocess([s.warp for s in samples])
        masked = masked + holes * warps
    return masked


def prompt_arguments(family: Family, samples: Sequence[InpaintSample]) -> dict[str, Any]:
    """The prompts' embeddings, one row each, as the pipeline takes them.

    Of a picture with several garments their prompts stand one after another along the tokens.
    """
    embeds = [
        [family.embed_prompt(p.prompt, s.negative_prompt, p.loras) for p in s.garments]
        for s in samples
    ]
    arguments = {
        "prompt_embeds": torch.cat([torch.cat([e.positive for e in row], 1) for row in embeds]),
        "negative_prompt_embeds": torch.cat(
            [torch.cat([e.negative for e in row], 1) for row in embeds]
        ),
    }
    first = [row[0] for row in embeds]
    pooled = [e.pooled for e in first if e.pooled is not None]
    negative_pooled = [e.negative_pooled for e in first if e.negative_pooled is not None]
    if pooled:
        arguments["pooled_prompt_embeds"] = torch.cat(pooled)
        arguments["negative_pooled_prompt_embeds"] = torch.cat(negative_pooled)
    return arguments


def garment_arguments(
    family: Family, samples: Sequence[InpaintSample], *, guided: bool
) -> dict[str, Any]:
    """The garments' embeddings: (2B, garments, ...) negatives first, or (B, garments, ...).

    A UNet with an image prompt wants to be given one in any case: a sample without a garment gives
    a black picture, which a scale of 0 keeps from being looked at.
    """
    if not family.has_image_prompt:
        return {}
    black = Image.new("RGB", (8, 8))
    embeds = [[family.embed_garment(p.garment or black) for p in s.garments] for s in samples]
    rows = [torch.cat([e.positive for e in row], 1) for row in embeds]
    if guided:
        rows = [torch.cat([e.negative for e in row], 1) for row in embeds] + rows
    return {"ip_adapter_image_embeds": [torch.cat(rows)]}


def control_arguments(
    family: Family, samples: Sequence[InpaintSample], settings: InpaintSettings
) -> dict[str, Any]:
    """What the ControlNets are shown, (B, 3, H, W) in 0..1 each, and their scales.

    A ControlNet that there is nothing for is shown the photo, at a scale of 0.
    """
    if not family.controls:
        return {}
    images, scales = [], []
    for kind in family.controls:
        shown = [s.skeleton if kind == "pose" else s.warp for s in samples]
        scale = settings.control_scale if kind == "pose" else settings.tile_scale
        scales.append(0.0 if shown[0] is None else float(scale))
        pictures = [picture or s.image for picture, s in zip(shown, samples, strict=True)]
        images.append(family.pipeline.control_image_processor.preprocess(pictures))
    one = len(images) == 1
    return {
        "control_image": images[0] if one else images,
        "controlnet_conditioning_scale": scales[0] if one else scales,
    }


@dataclass
class _Steps:
    """diffusers' callback after each step: counts and shows, and stops on request."""

    on_step: OnStep | None
    previews: Previews | None
    batches_before: int
    batches: int

    def __call__(
        self, pipeline: Any, step: int, timestep: torch.Tensor, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        each = pipeline.num_timesteps
        done, total = self.batches_before * each + step + 1, self.batches * each
        if self.on_step is not None and self.on_step(done, total) is False:
            # diffusers' own `_interrupt` would still decode what nobody wants to see.
            raise Cancelled("stopped while denoising")
        if self.previews is not None and step + 1 < each:  # after the last one comes the picture
            self.previews.show(pipeline, int(timestep), tensors["latents"])
        return {}


def _check(family: Family, samples: Sequence[InpaintSample]) -> None:
    """Sizes agree and suit the VAE. Raises ImageError or MaskSizeError."""
    size = samples[0].image.size
    factor = family.pipeline.vae_scale_factor
    if size[0] % factor or size[1] % factor:
        raise ImageError(f"the image is {size[0]}x{size[1]}, not in multiples of {factor} pixels")
    for sample in samples:
        for name in ("image", "skeleton", "warp"):
            picture = getattr(sample, name)
            if picture is not None and picture.size != size:
                raise ImageError(f"the {name} is {picture.size}, the first image is {size}")
        for piece in sample.pieces:
            if piece.region is None or piece.region.size != size:
                raise MaskSizeError(f"a further garment has no region of {size}")
        if sample.mask.size != size:
            raise MaskSizeError(f"the mask is {sample.mask.size}, the image is {size}")
