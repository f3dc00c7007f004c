"""Train the autoencoder of a small family: a quarter of the picture's size, four channels.

`AutoencoderTiny` (the architecture of madebyollin's TAESD, as diffusers has it) without a
teacher: absolute error of the pixels and of their differences at three scales, which keeps
lettering and stripes sharp without a perceptual network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderTiny
from diffusers.models.autoencoders.vae import AutoencoderTinyBlock
from torch import Tensor, nn
from torch.nn import functional as F

from tryon.training.loop import train
from tryon.training.pictures import CropMix, crop_batch, load_photos
from tryon.training.schedules import warmup_cosine

if TYPE_CHECKING:
    from tryon.training.decoder import DecoderSettings


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

    train_on_crops(
        "vae",
        settings,
        out,
        vae=vae,
        module=vae,
        mix=mix,
        losses=lambda pictures, step: vae_losses(vae, pictures, settings, step),
        learning_rate=lambda step: (
            settings.learning_rate * warmup_cosine(step, settings.cosine_steps, warmup=100)
        ),
        device=device,
    )
    return vae


def train_on_crops(
    name: str,
    settings: VaeSettings | DecoderSettings,
    out: Path,
    *,
    vae: AutoencoderTiny,
    module: nn.Module,
    mix: CropMix,
    losses: Callable[[Tensor, int], dict[str, Tensor]],
    learning_rate: Callable[[int], float],
    device: torch.device | str,
) -> None:
    """Train `module`, which is `vae` or a part of it, on random crops; see `loop.train`.

    losses: of pictures (B, 3, H, W) in [-1, 1], and the step.
    """

    def batch(step: int) -> Tensor:
        return crop_batch(mix, settings.batch_size, settings.seed, step).to(device)

    @torch.no_grad()
    def sheet(step: int) -> list[list[Tensor]]:
        shown = batch(step)[:8]
        return [list(shown), list(vae(shown).sample)]

    train(
        name,
        settings,
        out,
        modules={name: module},
        learning_rate=learning_rate,
        losses=lambda step: losses(batch(step), step),
        batch_size=settings.batch_size,
        sheet=sheet,
    )


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
