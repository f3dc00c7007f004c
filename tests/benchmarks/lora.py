"""Garment LoRAs at work: what a mixed batch costs, what switching costs, what a thousand take.

    python -m tests.benchmarks.lora

A UNet of Stable Diffusion 1.5's width with random weights, LoRAs of rank 8 on the cross-attention
(or its keys and values alone), float32. Times of two ways are taken in turns and compared as the
median of the ratios, so that what else the machine does hits both. On a CPU they are processor
time, which leaves out waiting for others.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionInpaintPipeline
from diffusers.utils import logging

from tests.families import FULL_SD15, random_unet, save_random_family
from tryon.adapters.checkpoint import without_false_alarms
from tryon.adapters.lora import LoraAdapter, attached
from tryon.adapters.lora_bank import LoraBank
from tryon.adapters.lora_batch import worn
from tryon.adapters.lora_format import LoraLayer, LoraState
from tryon.adapters.lora_metadata import LoraMetadata
from tryon.adapters.lora_save import save_lora

TARGETS = {"cross": ("to_q", "to_k", "to_v", "to_out.0"), "kv": ("to_k", "to_v")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--height", type=int, default=32, help="of the latents")
    parser.add_argument("--width", type=int, default=24, help="of the latents")
    parser.add_argument("--steps", type=int, default=3, help="of one timing")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--garments", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=("switching", "many", "mixed"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    unet = random_unet(FULL_SD15).requires_grad_(False).eval()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments.only in (None, "switching"):
            switching(unet, folder)
        if arguments.only in (None, "many"):
            many_garments(unet, folder, arguments.garments)
    if arguments.only in (None, "mixed"):
        unet = torch.nn.Module.to(unet, arguments.device, getattr(torch, arguments.dtype))
        for targets in TARGETS:
            mixed_batch(unet, targets, arguments)


def random_lora(unet: torch.nn.Module, seed: int, targets: str = "cross") -> LoraState:
    """Rank 8, fp16, as large as a trained one is."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for path, module in unet.named_modules():
        if "attn2." in path and path.endswith(TARGETS[targets]):
            outputs, inputs = module.weight.shape
            down = torch.randn(8, inputs, generator=generator) * inputs**-0.5
            up = torch.randn(outputs, 8, generator=generator) * 0.05
            state[path] = LoraLayer(down.half(), up.half(), 8.0)
    return state


def mixed_batch(unet: Any, targets: str, arguments: argparse.Namespace) -> None:
    """Samples with a garment each in one batch: against single runs, and one merged garment."""
    count, size = arguments.samples, (arguments.height, arguments.width)
    states = [random_lora(unet, seed, targets) for seed in range(count)]
    like = {"device": unet.device, "dtype": unet.dtype}
    latents, text = torch.randn(count, 9, *size).to(**like), torch.randn(count, 77, 768).to(**like)

    def run(rows: slice = slice(None), steps: int = 1) -> torch.Tensor:
        prompts = text[rows]
        for step in range(steps):
            time_step = torch.tensor(900 - step, device=unet.device)
            output = unet(latents[rows], time_step, prompts, return_dict=False)[0]
        if unet.device.type == "cuda":
            torch.cuda.synchronize()
        return output

    def merged() -> torch.Tensor:
        with attached(unet, [LoraAdapter(states[0])]):
            return timed_steps()

    def mixed() -> torch.Tensor:
        with worn(unet, [[(state, 1.0)] for state in states], guided=False):
            return timed_steps()

    seconds: list[float] = []

    def timed_steps() -> torch.Tensor:
        clock = time.process_time if unet.device.type == "cpu" else time.perf_counter
        start = clock()
        output = run(steps=arguments.steps)
        seconds.append((clock() - start) / arguments.steps)
        return output

    with worn(unet, [[(state, 1.0)] for state in states], guided=False):
        batch = run()
    alone = []
    for row, state in enumerate(states):
        with attached(unet, [LoraAdapter(state)]):
            alone.append(run(slice(row, row + 1)))
    difference = (batch - torch.cat(alone)).abs().max().item()
    garments_differ = (batch - run()).abs().max().item()
    print(f"{targets}: {count} samples with a garment each, latents {size[0]}x{size[1]}")
    print(f"  differs from single merged runs by  {difference:.1e}")
    print(f"  (from no garments at all by         {garments_differ:.1e})")
    merged(), mixed()
    seconds.clear()
    for _ in range(arguments.repeats):
        merged(), mixed()
    one, several = seconds[::2], seconds[1::2]
    ratio = statistics.median(b / a for a, b in zip(one, several, strict=True))
    print(f"  a step, one merged garment  {statistics.median(one) * 1e3:9.1f} ms")
    print(f"  a step, a garment each      {statistics.median(several) * 1e3:9.1f} ms")
    print(f"  ratio                       {ratio:9.3f}")


def switching(unet: Any, folder: Path) -> None:
    """From one garment to another that was worn before: ours beside diffusers' in turns."""
    files = [
        save_lora(folder / f"{name}.safetensors", random_lora(unet, seed), LoraMetadata("sd15"))
        for seed, name in enumerate("ab")
    ]
    bank = LoraBank()

    def ours(file: Path) -> None:
        with worn(unet, [[(bank.get(file).unet, 1.0)]], guided=True):
            pass

    small = save_random_family(folder / "small", controls=(), image_prompt=None)
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(small, safety_checker=None)
    other = random_unet(FULL_SD15).requires_grad_(False).eval()
    pipeline.unet = other

    def theirs(file: Path) -> None:
        if file.stem not in (pipeline.get_list_adapters().get("unet") or []):
            pipeline.load_lora_weights(file, adapter_name=file.stem)
        pipeline.set_adapters(file.stem)

    def theirs_from_file(file: Path) -> None:
        pipeline.unload_lora_weights()
        pipeline.load_lora_weights(file, adapter_name=file.stem)
        pipeline.set_adapters(file.stem)

    ways = {"ours, from the bank": ours, "diffusers, load_lora_weights": theirs_from_file}
    ways["diffusers, set_adapters of loaded"] = theirs
    print("switching to another garment (SD1.5, cross, rank 8)")
    with without_false_alarms():
        times = in_turns([lambda f=f, way=way: way(f) for way in ways.values() for f in files], 15)
    for number, name in enumerate(ways):
        median = statistics.median(times[2 * number] + times[2 * number + 1])
        print(f"  {name:34} {median * 1e3:9.2f} ms")


def many_garments(unet: Any, folder: Path, count: int) -> None:
    """Memory and look-up time of many garments in the bank."""
    file = save_lora(folder / "0.safetensors", random_lora(unet, 0), LoraMetadata("sd15"))
    data = file.read_bytes()
    files = [folder / f"{number}.safetensors" for number in range(count)]
    for path in files[1:]:
        path.write_bytes(data)
    bank = LoraBank(capacity=8 << 30)
    gc.collect()
    before = resident()
    start = time.perf_counter()
    for path in files:
        bank.get(path)
    reading = time.perf_counter() - start
    memory = resident() - before
    chosen = torch.randperm(count).tolist()
    start = time.perf_counter()
    for number in chosen:
        bank.get(files[number])
    looking_up = time.perf_counter() - start
    print(f"{count} garments in the bank")
    print(f"  matrices                           {bank.nbytes / 1e6:9.1f} MB")
    print(f"  memory of the process grew by      {memory / 1e6:9.1f} MB")
    print(f"  reading a file                     {reading / count * 1e3:9.2f} ms")
    print(f"  looking one up                     {looking_up / count * 1e6:9.1f} us")
    start = time.perf_counter()
    with worn(unet, [[(bank.get(files[n]).unet, 1.0)] for n in chosen[:8]], guided=True):
        pass
    print(f"  putting eight on a batch           {(time.perf_counter() - start) * 1e3:9.1f} ms")


def in_turns(ways: Sequence[Callable[[], None]], repeats: int) -> list[list[float]]:
    """Seconds of each way, one after another, over and over; the first round does not count."""
    times: list[list[float]] = [[] for _ in ways]
    for number in range(repeats + 1):
        for way, seconds in zip(ways, times, strict=True):
            start = time.process_time()
            way()
            if number:
                seconds.append(time.process_time() - start)
    return times


def resident() -> int:
    """Bytes of this process in memory, where the system tells (Linux), else its peak."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
