"""The UNet while it wears what the pictures of a batch are to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch.nn import functional as F

from tryon.adapters.lora_batch import worn
from tryon.adapters.regions import Regions, regional
from tryon.pipelines.family import Family
from tryon.pipelines.inpaint_sample import InpaintSample


@contextmanager
def dressed(family: Family, samples: Sequence[InpaintSample], *, guided: bool) -> Iterator[None]:
    """The UNet with the samples' LoRAs, and with the regions of their garments if they have any."""
    states = [
        [(lora.unet, weight) for lora, weight in piece.loras]
        for sample in samples
        for piece in sample.garments
    ]
    with ExitStack() as stack:
        regions = None
        if samples[0].pieces:
            weights = torch.cat([region_weights(family, sample) for sample in samples])
            weights = weights.repeat(2 if guided else 1, 1, 1, 1)
            regions = Regions(weights.to(family.device, family.unet.dtype))
            stack.enter_context(regional(family.unet, regions))
        wearing = worn(family.unet, states, guided=guided, device=family.device, regions=regions)
        stack.enter_context(wearing)
        yield


def region_weights(family: Family, sample: InpaintSample) -> torch.Tensor:
    """float32 (1, garments, height, width) at the latents' size: how much each garment acts."""
    factor = family.pipeline.vae_scale_factor
    size = (sample.image.height // factor, sample.image.width // factor)
    planes = [np.asarray(piece.region, np.float32) / 255 for piece in sample.pieces]
    others = F.interpolate(torch.from_numpy(np.stack(planes))[None], size, mode="area")
    others = others / others.sum(1, keepdim=True).clamp(min=1)
    return torch.cat([1 - others.sum(1, keepdim=True), others], 1)
