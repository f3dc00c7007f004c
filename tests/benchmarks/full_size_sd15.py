"""Seconds per step and peak memory of a full-size Stable Diffusion 1.5 family on this machine.

    python -m tests.benchmarks.full_size_sd15 --steps 3

The weights are random (9-channel UNet, OpenPose-like ControlNet, VAE, CLIP ViT-L, ViT-H with
IP-Adapter plus; 4.5 GB of bfloat16 in a temporary folder): speed and memory are those of the real
ones, pictures are noise. They are made in a process of their own, so that the peak is inference's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.families import save_random_family
from tryon.pipelines.family import FamilyConfig, FamilyPaths, load_family
from tryon.pipelines.inpaint import InpaintSample, InpaintSettings, inpaint

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=DTYPES, default="bfloat16")
    parser.add_argument("--folder", type=Path, help="keep the family here, and use it if it is")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measure(arguments.folder or Path(temporary) / "family", arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Save the family if need be, load it, make pictures, and print what that took."""
    dtype = DTYPES[arguments.dtype]
    if not (folder / "family.json").is_file():
        saving = multiprocessing.get_context("spawn").Process(target=save, args=(folder, dtype))
        saving.start()
        saving.join()
        if saving.exitcode != 0:
            raise SystemExit("the family could not be saved")
    start = time.perf_counter()
    family = load_family(
        FamilyPaths.in_folder(folder), FamilyConfig(), device=arguments.device, dtype=dtype
    )
    print(f"load          {time.perf_counter() - start:7.2f} s")
    samples = [random_sample(arguments.width, arguments.height, n) for n in range(arguments.batch)]
    settings = InpaintSettings(
        steps=arguments.steps,
        guidance=2.5,
        strength=1.0,
        control_scale=1.0,
        tile_scale=0.0,
        image_scale=1.0,
    )
    moments = [time.perf_counter()]

    def on_step(done: int, total: int) -> None:
        if family.device.type == "cuda":
            torch.cuda.synchronize()
        moments.append(time.perf_counter())

    inpaint(family, samples, settings, on_step=on_step)
    moments.append(time.perf_counter())
    first, *steps, decode = np.diff(moments)
    print(f"encode + step {first:7.2f} s")
    print(f"step          {np.median(steps):7.2f} s (median of {len(steps)})")
    print(f"decode        {decode:7.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory   {peak:7.2f} GiB")


def save(folder: Path, dtype: torch.dtype) -> None:
    save_random_family(folder, "sd15", size="full", dtype=dtype, config={})


def random_sample(width: int, height: int, seed: int) -> InpaintSample:
    """A sample with a skeleton and a garment, and a mask over the middle."""
    pixels = np.random.default_rng(seed).integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    photo, skeleton, garment = (Image.fromarray(p) for p in pixels)
    mask = Image.new("L", (width, height))
    mask.paste(255, (width // 4, height // 4, 3 * width // 4, 3 * height // 4))
    return InpaintSample(
        image=photo,
        mask=mask,
        prompt="photo of a person wearing a shirt",
        negative_prompt="blurry",
        seed=seed,
        skeleton=skeleton,
        garment=garment,
    )


if __name__ == "__main__":
    main()
