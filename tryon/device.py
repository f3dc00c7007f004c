"""Where to compute, and in which number format."""

from __future__ import annotations

import torch

from tryon.accelerators import LARGE
from tryon.errors import OptionError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(name: str | None = None) -> torch.device:
    """The device called `name`, or the best of this machine: CUDA, then MPS, then the CPU.

    Raises OptionError if it is unknown or not here.
    """
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise OptionError(
            f"device is {name!r}", remedy="Choose cpu, cuda, cuda:1, mps, say."
        ) from None
    here = {
        "cpu": True,
        "cuda": (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not here.get(device.type):
        raise OptionError(f"the device {name!r} is not on this machine", remedy="Leave it out.")
    return device


def choose_dtype(name: str | None, device: torch.device, weight_bytes: int) -> torch.dtype:
    """The format called `name`, or what suits the device and the size of the weights.

    CUDA: bfloat16 where the chip has it, else float16. MPS: float16. CPU: float32, but bfloat16
    for large weights where the processor multiplies it natively (elsewhere it is slower).
    Raises OptionError for an unknown name.
    """
    if name is not None:
        if name not in DTYPES:
            raise OptionError(f"dtype is {name!r}", remedy=f"Choose one of: {', '.join(DTYPES)}.")
        return DTYPES[name]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "mps":
        return torch.float16
    return torch.bfloat16 if weight_bytes > LARGE and _cpu_has_bfloat16() else torch.float32


def _cpu_has_bfloat16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def memory_is_short(device: torch.device, weight_bytes: int) -> bool:
    """Whether a CUDA device has no room for the weights and as much again for the work."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return free < 2 * weight_bytes
