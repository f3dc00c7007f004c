"""Refine an autoencoder's decoder while its encoder, and so every latent, stays as it is.

A diffusion model can be trained on the latents meanwhile. Rendered people join the photographs,
so that faces and hands are among what the decoder has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor
from torch.nn import functional as F

from tryon.training.pictures import CropMix, load_photos
from tryon.training.schedules import warmup_cosine
from tryon.training.vae import edge_loss, train_on_crops


@dataclass(frozen=True, slots=True)
class DecoderSettings:
    """The shipped decoder's settings; patterns and people are shares of the pictures."""

    steps: int = 1500
    batch_size: int = 16
    crop: int = 96
    learning_rate: float = 1e-3
    edge_weight: float = 1.0
    latent_noise: float = 0.08
    patterns: float = 0.25
    people: float = 0.3
    ema_decay: float = 0.998
    seed: int = 1
    bfloat16: bool = True
    report_every: int = 50
    save_every: int = 250


def train_decoder(
    settings: DecoderSettings,
    out: Path,
    *,
    vae: AutoencoderTiny,
    photos: Path,
    people: Sequence[np.ndarray],
    device: torch.device | str = "cpu",
) -> AutoencoderTiny:
    """Train `vae.decoder` in place, going on from `out/checkpoint.safetensors` if there is one.

    photos: a folder of photographs; people: uint8 RGB pictures (H, W, 3).

    Raises ImageNotFoundError or WeightsCorruptError.
    """
    mix = CropMix(
        settings.crop, settings.patterns, settings.people, load_photos(photos, edge=384), people
    )
    vae = vae.to(device, memory_format=torch.channels_last).requires_grad_(False)
    train_on_crops(
        "decoder",
        settings,
        out,
        vae=vae,
        module=vae.decoder.requires_grad_(True).train(),
        mix=mix,
        losses=lambda pictures, step: decoder_losses(vae, pictures, settings, step),
        learning_rate=lambda step: (
            settings.learning_rate * warmup_cosine(step, settings.steps, warmup=50)
        ),
        device=device,
    )
    return vae.eval().requires_grad_(False)


def decoder_losses(
    vae: AutoencoderTiny, pictures: Tensor, settings: DecoderSettings, step: int
) -> dict[str, Tensor]:
    """Losses of one batch (B, 3, H, W) in [-1, 1] whose latents carry a little noise."""
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    with torch.autocast(pictures.device.type, torch.bfloat16, enabled=settings.bfloat16):
        with torch.no_grad():
            shaped = pictures.contiguous(memory_format=torch.channels_last)
            latents = vae.encode(shaped).latents
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        share = torch.rand(len(latents), 1, 1, 1, generator=generator).to(latents)
        decoded = vae.decode(latents + settings.latent_noise * share * noise).sample.float()
    pixel, edge = F.l1_loss(decoded, pictures), edge_loss(decoded, pictures)
    return {"loss": pixel + settings.edge_weight * edge, "pixel": pixel, "edge": edge}
