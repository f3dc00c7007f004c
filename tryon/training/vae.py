"""Train the autoencoder of a small family: a quarter of the picture's size, four channels.

`AutoencoderTiny` (the architecture of madebyollin's TAESD, as diffusers has it) without a
teacher: absolute error of the pixels and of their differences at three scales, which keeps
lettering and stripes sharp without a perceptual network.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from diffusers.models.autoencoders.vae import AutoencoderTinyBlock
from torch import Tensor, nn
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


@dataclass(frozen=True, slots=True)
class VaeSettings:
    """The shipped autoencoder's settings.

    channels, encoder_blocks, decoder_blocks: width, and depth of each halving.
    edge_weight: of the error of neighbours' differences, beside that of the pixels.
    latent_noise: most noise that the decoder gets to see, of latents of about unit variance.
    patterns: share of drawn patterns among the photographs.
    cosine_steps: when the learning rate would reach nothing; the decoder is trained on after that
        (see `tryon.training.decoder`).
    """

    channels: int = 32
    encoder_blocks: tuple[int, ...] = (0, 2, 5)
    decoder_blocks: tuple[int, ...] = (6, 3, 1)
    steps: int = 1500
    cosine_steps: int = 2400
    batch_size: int = 16
    crop: int = 96
    learning_rate: float = 1.5e-3
    edge_weight: float = 1.0
    latent_noise: float = 0.08
    patterns: float = 0.3
    ema_decay: float = 0.998
    seed: int = 0
    bfloat16: bool = True
    report_every: int = 25
    save_every: int = 250


def new_vae(settings: VaeSettings) -> AutoencoderTiny:
    """An untrained autoencoder, its weights drawn from `settings.seed`."""
    levels = len(settings.encoder_blocks)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        vae = AutoencoderTiny(
            encoder_block_out_channels=(settings.channels,) * levels,
            decoder_block_out_channels=(settings.channels,) * levels,
            num_encoder_blocks=settings.encoder_blocks,
            num_decoder_blocks=settings.decoder_blocks,
            latent_channels=4,
            act_fn="silu",
        )
        _start_as_resampler(vae)
    return vae


@torch.no_grad()
def _start_as_resampler(vae: AutoencoderTiny) -> None:
    """Set initial weights that shrink the picture to its latents and enlarge it again.

    Three latents start as the picture's colours at a quarter of its size, so that training is
    about detail from its first step: from PyTorch's own initial weights (there is no
    normalisation anywhere) colours take a thousand steps to come through.
    """
    for module in vae.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in vae.modules():
        if isinstance(module, AutoencoderTinyBlock):
            module.conv[-1].weight.mul_(0.1)
            module.conv[-1].weight[:3] = 0
    encoder = [layer for layer in vae.encoder.layers if isinstance(layer, nn.Conv2d)]
    decoder = [layer for layer in vae.decoder.layers if isinstance(layer, nn.Conv2d)]
    soft = torch.tensor([0.25, 0.5, 0.25]).outer(torch.tensor([0.25, 0.5, 0.25]))
    for layer in (encoder[0], *encoder[1:-1], *decoder[1:-1]):
        layer.weight[:3] = 0
        for colour in range(3):
            layer.weight[colour, colour] = soft
    # A picture's colours, in 0..1, vary by about a quarter around a half.
    for layer, gain, shift in ((encoder[-1], 4.0, -2.0), (decoder[0], 0.25, 0.5)):
        layer.weight[:3] = 0
        for colour in range(3):
            layer.weight[colour, colour, 1, 1] = gain
        assert layer.bias is not None
        layer.bias[:3] = shift
    decoder[-1].weight.mul_(0.1)
    for colour in range(3):
        decoder[-1].weight[colour, :3] = 0
        decoder[-1].weight[colour, colour, 1, 1] = 1


def train_vae(
    settings: VaeSettings,
    out: Path,
    *,
    photos: Path,
    device: torch.device | str = "cpu",
) -> AutoencoderTiny:
    """Train from `out/checkpoint.safetensors` if there is one, else from nothing.

    photos: a folder of photographs.
    Returns the averaged weights, on `device`. Writes checkpoints and contact sheets to `out`.

    Raises:
        ImageNotFoundError: the folder holds no photographs.
        WeightsCorruptError: the checkpoint is of a run with other settings.
    """
    mix = CropMix(settings.crop, settings.patterns, 0.0, load_photos(photos, edge=384), ())
    vae = new_vae(settings).to(device, memory_format=torch.channels_last).train()
    modules, ema = {"vae": vae}, ema_of({"vae": vae})
    optimizer = torch.optim.AdamW(vae.parameters(), settings.learning_rate, (0.9, 0.99))
    recorded = recorded_settings(asdict(settings))
    checkpoint, step = out / "checkpoint.safetensors", 0
    if checkpoint.is_file():
        step = load_checkpoint(
            checkpoint, modules=modules, optimizer=optimizer, ema=ema, settings=recorded
        )
    progress = Progress(
        "vae",
        first_step=step,
        steps=settings.steps,
        batch_size=settings.batch_size,
        every=settings.report_every,
    )
    while step < settings.steps:
        batch = crop_batch(mix, settings.batch_size, settings.seed, step)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * warmup_cosine(
                step, settings.cosine_steps, warmup=100
            )
        losses = vae_losses(vae, batch.to(device), settings, step)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
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
                shown = batch[:8].to(device)
                save_sheet(out / "sheet.png", [list(shown), list(vae(shown).sample)])
    load_ema(modules, ema)
    return vae.eval().requires_grad_(False)


def vae_losses(
    vae: AutoencoderTiny, pictures: Tensor, settings: VaeSettings, step: int
) -> dict[str, Tensor]:
    """Losses of one batch (B, 3, H, W) in [-1, 1]; `loss` is their weighted sum.

    The decoder sees the latents with a little noise, since a diffusion model will never hit them
    exactly, and the latents are held near zero mean and unit variance, since it starts from noise.
    """
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    with torch.autocast(pictures.device.type, torch.bfloat16, enabled=settings.bfloat16):
        shaped = pictures.contiguous(memory_format=torch.channels_last)
        latents = vae.encode(shaped).latents
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        share = torch.rand(len(latents), 1, 1, 1, generator=generator).to(latents)
        decoded = vae.decode(latents + settings.latent_noise * share * noise).sample
    latents, decoded = latents.float(), decoded.float()
    mean, variance = latents.mean((0, 2, 3)), latents.var((0, 2, 3))
    spread = (mean.square() + variance.clamp_min(1e-4).log().square()).mean()
    pixel, edge = F.l1_loss(decoded, pictures), edge_loss(decoded, pictures)
    loss = pixel + settings.edge_weight * edge + 0.01 * spread
    return {"loss": loss, "pixel": pixel, "edge": edge, "spread": spread}


def edge_loss(pictures: Tensor, truth: Tensor, scales: int = 3) -> Tensor:
    """Mean absolute error of the differences between neighbours, over `scales` halvings."""
    total = pictures.new_zeros(())
    error = pictures - truth
    for _ in range(scales):
        total = total + error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
        error = F.avg_pool2d(error, 2)
    return total / (2 * scales)


def warmup_cosine(step: int, steps: int, *, warmup: int) -> float:
    """A factor of the learning rate: up in a line over `warmup` steps, then down a half cosine."""
    rise = min(1.0, (step + 1) / warmup)
    return rise * 0.5 * (1 + float(np.cos(np.pi * step / steps)))
