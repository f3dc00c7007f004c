"""One step's loss of a garment's LoRA: what is drawn, what the UNet predicts, how it is weighed."""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from diffusers import ControlNetModel, DDPMScheduler
from torch import Tensor

from tryon.adapters.checkpoint import without_false_alarms
from tryon.pipelines.family import Family
from tryon.training.garment_cache import GarmentExamples
from tryon.training.garment_config import GarmentLoraConfig

CAPTION, PLAIN, NOTHING = range(3)  # rows of `GarmentExamples.texts`
SHOWN, HIDDEN = range(2)  # rows of `GarmentExamples.photos`
_PLAIN_SHARE = 0.25  # how often a prompt that is not left out says no more than the category
_AT_SAMPLING = 0.85  # how often the noise is that of a step of the sampler
_FEW_STEPS = 4


@dataclass(frozen=True, slots=True)
class NoiseLevels:
    """How noise is added, and which levels are drawn.

    sampled: timesteps of the family's sampler; empty draws evenly from all.
    """

    scheduler: DDPMScheduler
    sampled: tuple[int, ...]

    @classmethod
    def of(cls, family: Family, config: GarmentLoraConfig) -> NoiseLevels:
        """The family's own noise schedule."""
        sampler = copy.deepcopy(family.pipeline.scheduler)
        with without_false_alarms():
            scheduler = DDPMScheduler.from_config(sampler.config)
        wanted = config.timesteps
        if wanted == "auto":
            wanted = "inference" if family.config.steps <= _FEW_STEPS else "uniform"
        if wanted == "uniform":
            return cls(scheduler, ())
        sampler.set_timesteps(family.config.steps)
        run = max(1, int(family.config.steps * family.config.strength))
        return cls(scheduler, tuple(int(t) for t in sampler.timesteps[-run:]))

    def drawn(self, rng: np.random.Generator, count: int) -> Tensor:
        """int64 (count,)."""
        levels = rng.integers(self.scheduler.config.num_train_timesteps, size=count)
        if self.sampled:
            chosen = rng.choice(self.sampled, size=count)
            levels = np.where(rng.random(count) < _AT_SAMPLING, chosen, levels)
        return torch.from_numpy(levels.astype(np.int64))


@dataclass(frozen=True, eq=False, slots=True)
class GarmentBatch:
    """Rows (B, ...) of one pass through the UNet; see `GarmentExamples`. posed: (B,), 0 or 1."""

    clean: Tensor
    masked: Tensor
    mask: Tensor
    garment: Tensor
    skeletons: Tensor
    warps: Tensor
    warped: Tensor
    posed: Tensor
    text: Tensor
    pooled: Tensor
    photo: Tensor
    noise: Tensor
    timesteps: Tensor

    def to(self, device: torch.device | str) -> GarmentBatch:
        return GarmentBatch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def drawn_batch(
    examples: GarmentExamples,
    config: GarmentLoraConfig,
    levels: NoiseLevels,
    rng: np.random.Generator,
) -> GarmentBatch:
    """A batch of random rows, conditions left out as often as set."""
    count = config.batch_size
    rows = examples.some(rng.integers(len(examples), size=count).tolist())
    said = np.where(rng.random(count) < _PLAIN_SHARE, PLAIN, CAPTION)
    said = np.where(rng.random(count) < config.no_caption, NOTHING, said)
    seen = np.where(rng.random(count) < config.no_image, HIDDEN, SHOWN)
    posed = (rng.random(count) >= config.no_pose).astype(np.float32)
    return batch_of(rows, levels, rng, said, seen, posed)


def batch_of(
    rows: GarmentExamples,
    levels: NoiseLevels,
    rng: np.random.Generator,
    said: np.ndarray,
    seen: np.ndarray,
    posed: np.ndarray,
) -> GarmentBatch:
    """All of `rows`, with these texts, photos and poses, and noise from `rng`."""
    noise = rng.standard_normal(tuple(rows.clean.shape), np.float32)
    return GarmentBatch(
        **{name: getattr(rows, name) for name in ("clean", "masked", "mask", "garment")},
        **{name: getattr(rows, name) for name in ("skeletons", "warps", "warped")},
        posed=torch.from_numpy(posed),
        text=rows.texts[said],
        pooled=rows.pooled[said],
        photo=rows.photos[seen] if len(rows.photos) else rows.photos,
        noise=torch.from_numpy(noise),
        timesteps=levels.drawn(rng, len(rows)),
    )


def garment_loss(
    family: Family, batch: GarmentBatch, levels: NoiseLevels, config: GarmentLoraConfig
) -> Tensor:
    """The weighted squared error of the UNet's prediction, a scalar."""
    scheduler = levels.scheduler
    noisy = scheduler.add_noise(batch.clean, batch.noise, batch.timesteps)
    error = (predicted(family, noisy, batch).float() - _target(scheduler, batch)).square()
    error = error * _snr_weight(scheduler, batch.timesteps, config)
    inside = (error * batch.garment).sum() / batch.garment.sum().clamp_min(1) / error.shape[1]
    rest = 1 - batch.garment
    outside = (error * rest).sum() / rest.sum().clamp_min(1) / error.shape[1]
    return inside + config.outside * outside


def prior_loss(family: Family, batch: GarmentBatch, levels: NoiseLevels) -> Tensor:
    """How far the UNet has moved from itself without the LoRA where nothing tells of the garment.

    The batch must have neither caption nor photo of the garment in it, nor its warp.
    """
    noisy = levels.scheduler.add_noise(batch.clean, batch.noise, batch.timesteps)
    unet = family.unet
    unet.disable_adapters()
    try:
        with torch.no_grad():
            before = predicted(family, noisy, batch).float()
    finally:
        unet.enable_adapters()
    return (predicted(family, noisy, batch).float() - before).square().mean()


def predicted(family: Family, noisy: Tensor, batch: GarmentBatch) -> Tensor:
    """One pass through ControlNets and UNet: (B, 4, h, w) in the UNet's own terms."""
    unet = family.unet
    dtype = unet.dtype
    text, noisy = batch.text.to(dtype), noisy.to(dtype)
    added: dict[str, Any] = {}
    if len(batch.photo):
        added["image_embeds"] = [batch.photo.to(dtype)]
    if batch.pooled.shape[1]:
        added["text_embeds"] = batch.pooled.to(dtype)
        added["time_ids"] = _time_ids(family, batch).to(dtype)
    down, middle = _control(family, noisy, text, added, batch)
    prediction: Tensor = unet(
        torch.cat([noisy, batch.mask.to(dtype), batch.masked.to(dtype)], dim=1),
        batch.timesteps,
        encoder_hidden_states=text,
        added_cond_kwargs=added,
        down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
        return_dict=False,
    )[0]
    return prediction


@torch.no_grad()
def _control(
    family: Family, noisy: Tensor, text: Tensor, added: dict[str, Any], batch: GarmentBatch
) -> tuple[list[Tensor] | None, Tensor | None]:
    """The residuals of all ControlNets, summed, at the scales of inference."""
    if not family.controls:
        return None, None
    nets = family.pipeline.controlnet
    nets = [nets] if isinstance(nets, ControlNetModel) else list(nets.nets)
    added = {key: value for key, value in added.items() if key != "image_embeds"}
    total: list[Tensor] = []
    for net, kind in zip(nets, family.controls, strict=True):
        pose = kind == "pose"
        pictures = batch.skeletons if pose else batch.warps
        scale = family.config.control_scale if pose else family.config.tile_scale
        on = (batch.posed if pose else batch.warped).to(noisy.dtype) * scale
        down, middle = net(
            noisy,
            batch.timesteps,
            encoder_hidden_states=text,
            controlnet_cond=pictures.to(noisy.dtype) / 255,
            added_cond_kwargs=added,
            return_dict=False,
        )
        found = [residual * on.view(-1, 1, 1, 1) for residual in (*down, middle)]
        total = [a + b for a, b in zip(total, found, strict=True)] if total else found
    return total[:-1], total[-1]


def _time_ids(family: Family, batch: GarmentBatch) -> Tensor:
    """SDXL's conditioning on sizes, as at inference: the picture is whole and of its own size."""
    height, width = (
        int(side) * family.pipeline.vae_scale_factor for side in batch.clean.shape[-2:]
    )
    ids = torch.tensor([height, width, 0, 0, height, width], device=batch.clean.device)
    return ids.expand(len(batch.clean), -1)


def _target(scheduler: DDPMScheduler, batch: GarmentBatch) -> Tensor:
    kind = scheduler.config.prediction_type
    if kind == "epsilon":
        return batch.noise
    if kind == "sample":
        return batch.clean
    return scheduler.get_velocity(batch.clean, batch.noise, batch.timesteps)


def _snr_weight(
    scheduler: DDPMScheduler, timesteps: Tensor, config: GarmentLoraConfig
) -> Tensor | float:
    """(B, 1, 1, 1), Min-SNR of Hang et al. 2023, for UNets that predict noise or velocity."""
    kind = scheduler.config.prediction_type
    if config.min_snr_gamma is None or kind == "sample":
        return 1.0
    alphas = scheduler.alphas_cumprod.to(timesteps.device)[timesteps]
    snr = alphas / (1 - alphas)
    capped = snr.clamp(max=config.min_snr_gamma)
    weight = capped / snr.clamp_min(1e-8) if kind == "epsilon" else capped / (snr + 1)
    return weight.view(-1, 1, 1, 1)
