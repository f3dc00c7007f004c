"""Training a garment's LoRA beside a plain loop on diffusers' public API, in one run.

    python -m tests.benchmarks.garment_training_speed --size full --steps 4 --width 256 --height 192

Random weights of Stable Diffusion 1.5's shape. The plain loop is what one writes after diffusers'
`train_dreambooth_lora.py`, for nine channels: PEFT's LoRA on the same layers, the same batch, every
picture, masked picture and prompt encoded at every step, no ControlNet and no image prompt; ours
leaves both out too. Each in a process of its own, so that peak memory is its own.
"""

from __future__ import annotations

import argparse
import resource
import time
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler
from peft import LoraConfig
from torch.nn.functional import interpolate, mse_loss

from tests.families import save_random_family
from tryon.pipelines.family import FamilyConfig, FamilyPaths, load_family
from tryon.training.garment_cache import GarmentExamples
from tryon.training.garment_config import LAYERS, GarmentLoraConfig
from tryon.training.garment_layers import trainable
from tryon.training.garment_lora import _accelerator, _step
from tryon.training.garment_loss import NoiseLevels

Measured = tuple[float, float]
"""Seconds a step, and peak memory in GiB."""


def loaded(folder: Path) -> Any:
    paths, config = FamilyPaths.in_folder(folder), FamilyConfig.in_folder(folder)
    return load_family(paths, config, device="cpu", dtype=torch.float32)


def ours(folder: Path, steps: int, batch: int, size: tuple[int, int], precision: str) -> Measured:
    """Our steps, from latents and embeddings that were kept."""
    family = loaded(folder)
    config = GarmentLoraConfig.of(
        {"batch_size": batch, "mixed_precision": precision, "min_snr_gamma": None}
    )
    height, width = size[0] // 8, size[1] // 8
    rng = torch.Generator().manual_seed(0)
    embeds = family.embed_prompt("a red shirt", "")
    latents = torch.randn(8, 4, height, width, generator=rng)
    mask = torch.zeros(8, 1, height, width)
    mask[..., height // 4 : -height // 4, :] = 1
    empty = torch.zeros(8, 0, dtype=torch.uint8)
    texts = torch.cat([embeds.positive, embeds.positive, embeds.negative])
    examples = GarmentExamples(
        latents, latents * (1 - mask), mask, mask, empty, empty, torch.zeros(8), texts,
        torch.zeros(3, 0), torch.zeros(0),
    )  # fmt: skip
    for name in ("vae", "text_encoder"):  # not needed any more
        setattr(family.pipeline, name, None)
    accelerator = _accelerator(config, family, (), folder)
    levels = NoiseLevels.of(family, config)
    with trainable(family, config) as parameters:
        optimizer = torch.optim.AdamW(parameters.values(), 1e-4)

        def step(number: int) -> None:
            _step(config, family, examples, levels, accelerator, number)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return timed(step, steps)


def plain(folder: Path, steps: int, batch: int, size: tuple[int, int], precision: str) -> Measured:
    """The loop that one writes."""
    pipeline = loaded(folder).pipeline
    unet, vae, encoder = pipeline.unet, pipeline.vae, pipeline.text_encoder
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    for model in (unet, vae, encoder):
        model.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=8, lora_alpha=8, target_modules=LAYERS["cross"]))  # type: ignore[arg-type]
    trained = [p for p in unet.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, 1e-4)
    pictures = np.random.default_rng(0).random((8, 3, *size), np.float32) * 2 - 1
    height = size[0]
    masks = np.zeros((8, 1, *size), np.float32)
    masks[:, :, height // 4 : -height // 4] = 1

    def step(number: int) -> None:
        rows = np.random.default_rng(number).integers(8, size=batch)
        picture, mask = torch.from_numpy(pictures[rows]), torch.from_numpy(masks[rows])
        tokens = pipeline.tokenizer(
            ["a red shirt"] * batch, padding="max_length", truncation=True, max_length=77,
            return_tensors="pt",
        ).input_ids  # fmt: skip
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            with torch.no_grad():
                factor = vae.config.scaling_factor
                clean = vae.encode(picture).latent_dist.sample() * factor
                masked = vae.encode(picture * (mask < 0.5)).latent_dist.sample() * factor
                text = encoder(tokens)[0]
            noise = torch.randn_like(clean)
            timesteps = torch.randint(0, 1000, (batch,))
            noisy = scheduler.add_noise(clean, noise, timesteps)
            small = interpolate(mask, size=clean.shape[-2:])
            inputs = torch.cat([noisy, small, masked], dim=1)
            predicted = unet(inputs, timesteps, text).sample
            loss = mse_loss(predicted.float(), noise.float())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return timed(step, steps)


def timed(step: Any, steps: int) -> Measured:
    """Processor seconds a step after one that warms up, and the peak memory of this process."""
    step(0)
    start = time.process_time()
    for number in range(1, steps + 1):
        step(number)
    seconds = (time.process_time() - start) / steps
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--precision", choices=("no", "bf16"), default="bf16")
    arguments = parser.parse_args()
    size = (arguments.height, arguments.width)
    with TemporaryDirectory() as scratch:
        folder = save_random_family(
            Path(scratch) / "sd15", size=arguments.size, controls=(), image_prompt=None
        )
        found = {}
        for loop in (plain, ours):
            with get_context("spawn").Pool(1) as pool:
                found[loop.__name__] = pool.apply(
                    loop, (folder, arguments.steps, arguments.batch, size, arguments.precision)
                )
    for name, (seconds, gibibytes) in found.items():
        print(f"{name:6s} {seconds:8.2f} s a step   {gibibytes:6.2f} GiB")
    print(f"ours takes {found['ours'][0] / found['plain'][0]:.2f} of the time")


if __name__ == "__main__":
    main()
