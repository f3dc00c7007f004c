"""Refine an autoencoder's decoder while its encoder, and so every latent, stays as it is.

A diffusion model can be trained on the latents meanwhile. Rendered people join the photographs,
so that faces and hands are among what the decoder has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor
from torch.nn import functional as F

from tryon.training.checkpoint import (
    ema_of,
    load_checkpoint,
    load_ema,
    recorded_settings,
    save_checkpoint,
    update_ema,
)
from tryon.training.pictures import CropMix, crop_batch, load_photos
from tryon.training.progress import Progress, save_sheet
from tryon.training.vae import edge_loss, warmup_cosine


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
    decoder = vae.decoder.requires_grad_(True).train()
    modules, ema = {"decoder": decoder}, ema_of({"decoder": decoder})
    optimizer = torch.optim.AdamW(decoder.parameters(), settings.learning_rate, (0.9, 0.99))
    recorded = recorded_settings(asdict(settings))
    checkpoint, step = out / "checkpoint.safetensors", 0
    if checkpoint.is_file():
        step = load_checkpoint(
            checkpoint, modules=modules, optimizer=optimizer, ema=ema, settings=recorded
        )
    progress = Progress(
        "decoder",
        first_step=step,
        steps=settings.steps,
        batch_size=settings.batch_size,
        every=settings.report_every,
    )
    while step < settings.steps:
        batch = crop_batch(mix, settings.batch_size, settings.seed, step).to(device)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * warmup_cosine(step, settings.steps, warmup=50)
        losses = decoder_losses(vae, batch, settings, step)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        step += 1
        update_ema(ema, modules, min(settings.ema_decay, step / (step + 10)))
        progress.report(step, losses)
        if step % settings.save_every == 0 or step == settings.steps:
            save_checkpoint(
                checkpoint,
                step=step,
                modules=modules,
                optimizer=optimizer,
                ema=ema,
                settings=recorded,
            )
            with torch.no_grad():
                save_sheet(out / "sheet.png", [list(batch[:8]), list(vae(batch[:8]).sample)])
    load_ema(modules, ema)
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
