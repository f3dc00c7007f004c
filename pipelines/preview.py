"""Pictures of a denoising that is under way: small, and rare enough to cost next to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from diffusers import DDIMScheduler
from PIL import Image
from torch.nn import functional

OnPreview = Callable[[int, Image.Image], None]
"""Called with a sample's place in the call and an RGB picture of its shape, of any size."""

EVERY = 0.5  # seconds between two previews at least
SHARE = 0.1  # of the time that may go into them
LONGEST = 64  # latents of the longer side: 512 pixels with the usual VAEs


class Previews:
    """Shows the samples of one batch after a step, when it is time to.

    places: of the samples in the caller's order.
    """

    def __init__(self, on_preview: OnPreview, places: Sequence[int]) -> None:
        self.on_preview = on_preview
        self.places = places
        self._due = 0.0
        self._before: torch.Tensor | None = None

    def show(self, pipeline: Any, timestep: int, latents: torch.Tensor) -> None:
        """Decode what there is, unless the last ones have just been shown.

        timestep: of the step that was just done. latents: (B, 4, h, w), what it gave.
        """
        start, before = time.monotonic(), self._before
        self._before = latents
        if before is None or start < self._due or is_offloaded(pipeline.vae):
            return
        expected = expected_latents(pipeline.scheduler, timestep, before, latents)
        pictures = preview_images(pipeline, expected)
        for place, picture in zip(self.places, pictures, strict=True):
            self.on_preview(place, picture)
        end = time.monotonic()
        self._due = end + max(EVERY, (end - start) * (1 / SHARE - 1))


def expected_latents(
    scheduler: Any, timestep: int, before: torch.Tensor, after: torch.Tensor
) -> torch.Tensor:
    """The latents that the denoising is heading for, where they can be told; else those with the
    noise that is still in them. Same shape.

    before, after: (B, 4, h, w), of the step at this timestep. The multistep solvers UniPC and
    DPM-Solver++ remember what they expected; a step of DDIM (without new noise) mixes the same
    latents and the same noise as the one before it in other parts, which is two equations.
    """
    config = scheduler.config
    if isinstance(scheduler, DDIMScheduler):
        follows = timestep - config.num_train_timesteps // scheduler.num_inference_steps
        variances = scheduler.alphas_cumprod
        kept = [variances[timestep], variances[follows] if follows >= 0 else torch.tensor(1.0)]
        (signal, more_signal), (noise, less_noise) = (
            [float(part) ** 0.5 for part in parts] for parts in (kept, [1 - k for k in kept])
        )
        determinant = noise * more_signal - less_noise * signal
        return (noise * after.float() - less_noise * before.float()) / determinant
    foresees = config.get("predict_x0") or "dpmsolver++" in config.get("algorithm_type", "")
    last = (getattr(scheduler, "model_outputs", None) or [None])[-1]
    return last if foresees and last is not None and last.shape == after.shape else after


def preview_images(pipeline: Any, latents: torch.Tensor) -> list[Image.Image]:
    """RGB pictures of latents (B, 4, h, w), decoded at 512 pixels at most."""
    vae = pipeline.vae
    scale = min(1.0, LONGEST / max(latents.shape[-2:]))
    if scale < 1:
        size = [round(side * scale) for side in latents.shape[-2:]]
        latents = functional.interpolate(latents, size=size, mode="area")
    half = vae.dtype
    upcast = half == torch.float16 and vae.config.force_upcast
    if upcast:  # as the pipeline itself does: in half precision its numbers overflow
        vae.to(torch.float32)
    try:
        decoded = vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor, return_dict=False)
    finally:
        if upcast:
            vae.to(half)
    images: list[Image.Image] = pipeline.image_processor.postprocess(decoded[0].float())
    return images


def is_offloaded(model: Any) -> bool:
    """Whether the model visits the device only when it is used: then a preview would send the
    UNet away in the middle of its work."""
    return getattr(model, "_hf_hook", None) is not None
