"""Train the UNet of a small family together with its pose, text and image-prompt branches.

The UNet predicts the picture itself (not the noise), and what it sees inside the mask is the
warped garment: measured side by side, that gives clean garments after minutes of training where
the usual form (noise, or v; a blank hole) still gives coloured noise. Each condition is left out
now and then, so that the family works without it and can be guided by it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, DDIMScheduler
from torch import Tensor
from transformers import CLIPTokenizer

from tryon.training.batches import Batch, training_batch
from tryon.training.loop import train
from tryon.training.mini import MiniNetworks, MiniSettings, new_scheduler
from tryon.training.schedules import warmup_level


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training.

    until: the step at which it ends. half_size: pictures of half the working size, which are
    learned from four times as fast. pure_noise: how often training starts where sampling does, with
    nothing but noise. absolute: absolute errors instead of squared ones, for sharper pictures.
    aligned: how often the warp's fine detail lies where it does in the truth, so that the UNet
    learns to keep what a warp shows; one that never lies right teaches it to blur.
    outside: weight of what is not repainted, against 1 inside the mask.
    no_warp: how often the warp is left out. It says most: seldom left out, it leaves the other
        branches nothing to learn.
    boxed: how often the mask is a rectangle, so that only the pose tells where the limbs are.
    cut_only: how often a caption speaks of the cut alone, so that the image prompt has to tell
        colours and patterns.
    decay: over so many of its last steps the learning rate falls to nothing. The next stage warms
        up again.
    """

    until: int
    batch_size: int
    pure_noise: float
    half_size: bool = False
    absolute: bool = False
    aligned: float = 0.0
    outside: float = 0.1
    no_warp: float = 0.5
    boxed: float = 0.25
    cut_only: float = 0.0
    decay: int = 0


# The shipped weights' later stages: prints are kept; then every branch has to be listened to.
_ALIGNED = Stage(
    until=4100, batch_size=8, pure_noise=0.85, absolute=True, aligned=0.8, outside=0.3, decay=400
)
_LISTENING = replace(_ALIGNED, no_warp=0.6, boxed=0.5)


@dataclass(frozen=True, slots=True)
class DiffusionSettings:
    """The shipped weights' settings.

    stages: in their order.
    no_text, no_image, no_pose: how often each condition is left out.
    pairs, pairs_at_start, pairs_per_step: a step draws from the first pairs_at_start +
        pairs_per_step * step of all pairs, so that training can start while they are rendered.
    """

    networks: MiniSettings = field(default_factory=MiniSettings)
    stages: tuple[Stage, ...] = (
        Stage(until=2500, batch_size=16, pure_noise=0.85, half_size=True),
        Stage(until=3200, batch_size=8, pure_noise=0.85, absolute=True),
        _ALIGNED,
        replace(_LISTENING, until=7300, cut_only=0.6, decay=2000),
        replace(_LISTENING, until=8400, cut_only=0.85, decay=800),
    )
    learning_rate: float = 5e-4
    warmup: int = 60
    no_text: float = 0.15
    no_image: float = 0.25
    no_pose: float = 0.15
    pairs: int = 3700
    pairs_at_start: int = 3700
    pairs_per_step: int = 1
    ema_decay: float = 0.998
    seed: int = 0
    bfloat16: bool = True
    report_every: int = 25
    save_every: int = 200

    @property
    def steps(self) -> int:
        return self.stages[-1].until

    def stage(self, step: int) -> Stage:
        """The stage that a step belongs to."""
        return next(stage for stage in self.stages if step < stage.until)

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step; it falls to nothing at the end of a stage that decays."""
        started = max([s.until for s in self.stages if s.decay and s.until <= step], default=0)
        ending = next((s for s in self.stages if s.decay and s.until > step), self.stages[-1])
        level = warmup_level(
            step - started, ending.until - started, warmup=self.warmup, decay=ending.decay
        )
        return self.learning_rate * level


def train_diffusion(
    settings: DiffusionSettings,
    out: Path,
    *,
    networks: MiniNetworks,
    pairs: np.ndarray,
    vae: AutoencoderTiny,
    tokenizer: CLIPTokenizer,
    device: torch.device | str = "cpu",
) -> None:
    """Train `networks` in place, going on from `out/checkpoint.safetensors` if there is one.

    pairs: records of dtype `PAIR`; a step waits until those that it draws from are there.
    The weights end averaged. Writes checkpoints and contact sheets to `out`.

    Raises WeightsCorruptError if the checkpoint is of a run with other settings.
    """
    for module in networks.modules().values():
        module.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    vae, scheduler = vae.to(device, memory_format=torch.channels_last), new_scheduler()

    def batch(step: int) -> Batch:
        known = _available(pairs, settings, step)
        return training_batch(known, settings, step, tokenizer).to(device)

    train(
        "diffusion",
        settings,
        out,
        modules=networks.modules(),
        learning_rate=settings.learning_rate_at,
        losses=lambda step: diffusion_losses(
            networks, vae, scheduler, batch(step), settings, settings.stage(step)
        ),
        batch_size=settings.stages[-1].batch_size,
        sheet=lambda step: predictions(networks, vae, scheduler, batch(step), settings),
    )


def diffusion_losses(
    networks: MiniNetworks,
    vae: AutoencoderTiny,
    scheduler: DDIMScheduler,
    batch: Batch,
    settings: DiffusionSettings,
    stage: Stage,
) -> dict[str, Tensor]:
    """Error of the predicted latents; `loss` weighs the mask's inside most."""
    with torch.autocast(batch.pictures.device.type, torch.bfloat16, enabled=settings.bfloat16):
        with torch.no_grad():
            clean = encoded(vae, batch.pictures)
            masked = encoded(vae, batch.masked)
        noisy = scheduler.add_noise(clean, batch.noise, batch.timesteps)
        predicted = predicted_latents(networks, noisy, masked, batch)
    error = predicted.float() - clean
    error = (error.abs() if stage.absolute else error.square()).mean(1, keepdim=True)
    inside = (error * batch.area).sum() / batch.area.sum().clamp_min(1)
    outside = (error * (1 - batch.area)).sum() / (1 - batch.area).sum().clamp_min(1)
    return {"loss": inside + stage.outside * outside, "inside": inside, "outside": outside}


def predicted_latents(
    networks: MiniNetworks, noisy: Tensor, masked: Tensor, batch: Batch
) -> Tensor:
    """One pass through all branches: (B, 4, h, w), the picture's latents as the UNet sees them."""
    text = networks.text_encoder(batch.tokens).last_hidden_state
    patches = networks.image_encoder(batch.photos, output_hidden_states=True).hidden_states[-2]
    down, middle = networks.controlnet(
        noisy,
        batch.timesteps,
        encoder_hidden_states=text,
        controlnet_cond=batch.skeletons,
        return_dict=False,
    )
    shown = batch.posed.view(-1, 1, 1, 1)
    return networks.unet(
        torch.cat([noisy, batch.area, masked], dim=1),
        batch.timesteps,
        encoder_hidden_states=text,
        added_cond_kwargs={"image_embeds": [patches[:, None]]},
        down_block_additional_residuals=[residual * shown for residual in down],
        mid_block_additional_residual=middle * shown,
    ).sample


@torch.no_grad()
def predictions(
    networks: MiniNetworks,
    vae: AutoencoderTiny,
    scheduler: DDIMScheduler,
    batch: Batch,
    settings: DiffusionSettings,
) -> list[list[Tensor]]:
    """Three rows of pictures (3, H, W): what was masked, what is predicted, what is true."""
    with torch.autocast(batch.pictures.device.type, torch.bfloat16, enabled=settings.bfloat16):
        clean, masked = encoded(vae, batch.pictures), encoded(vae, batch.masked)
        noisy = scheduler.add_noise(clean, batch.noise, batch.timesteps)
        latents = predicted_latents(networks, noisy, masked, batch)
        pictures = vae.decode(latents / vae.config.scaling_factor).sample
    return [list(batch.masked), list(pictures), list(batch.pictures)]


def encoded(vae: AutoencoderTiny, pictures: Tensor) -> Tensor:
    """float32 latents (B, 4, H/4, W/4) of pictures (B, 3, H, W) in [-1, 1]."""
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    return vae.encode(pictures).latents.float() * vae.config.scaling_factor


def _available(pairs: np.ndarray, settings: DiffusionSettings, step: int) -> np.ndarray:
    """The pairs that `step` draws from, rendered by now or soon."""
    count = min(len(pairs), settings.pairs_at_start + settings.pairs_per_step * step)
    while (pairs["seed"][:count] < 0).any():
        time.sleep(1.0)
    return pairs[:count]
