"""A safetensors file without torch: numpy alone knows neither bfloat16 nor 8-bit numbers."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from tryon.adapters.lora_layout import Numbers
from tryon.errors import LoraFormatError, WeightsMissingError

# The format's name of each kind of number, torch's, and numpy's for what can be viewed as such.
KINDS: dict[str, tuple[str, str]] = {
    "F64": ("float64", "<f8"),
    "F32": ("float32", "<f4"),
    "F16": ("float16", "<f2"),
    "BF16": ("bfloat16", "<u2"),
    "F8_E5M2": ("float8_e5m2", "<u1"),
    "F8_E4M3": ("float8_e4m3fn", "<u1"),
    **{f"I{8 * n}": (f"int{8 * n}", f"<i{n}") for n in (1, 2, 4, 8)},
    **{f"U{8 * n}": (f"uint{8 * n}", f"<u{n}") for n in (1, 2, 4, 8)},
    "BOOL": ("bool", "|b1"),
}


def tensor_file(file: Path) -> tuple[bytes, dict[str, Numbers], dict[str, str]]:
    """A file's bytes, its tensors by key, and its metadata.

    Raises WeightsMissingError for no such file, LoraFormatError for one of another format.
    """
    if not file.is_file():
        raise WeightsMissingError("no such file", path=file)
    try:
        with safe_open(file, framework="np") as opened:  # which knows all that may be wrong
            metadata = opened.metadata() or {}
        data = file.read_bytes()
    except (SafetensorError, OSError) as error:
        raise LoraFormatError(
            f"not a safetensors file: {error}",
            path=file,
            remedy="Other formats can run code when loaded and are not read.",
        ) from error
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for key, about in json.loads(data[8:start]).items():
        if key != "__metadata__":
            begin, end = (start + offset for offset in about["data_offsets"])
            kind, shape = about["dtype"], tuple(about["shape"])
            values = partial(float_values, kind, memoryview(data)[begin:end], shape)
            tensors[key] = Numbers(shape, KINDS.get(kind, (kind.lower(), ""))[0], values)
    return data, tensors, metadata


def float_values(kind: str, data: memoryview, shape: tuple[int, ...]) -> np.ndarray:
    """float32 of this shape: what the bytes mean, as the format names it."""
    raw = np.frombuffer(data, KINDS[kind][1]).reshape(shape)
    if kind == "BF16":  # the upper half of a float32
        return (raw.astype(np.uint32) << 16).view(np.float32)
    if kind == "F8_E5M2":  # the upper half of a float16
        return (raw.astype(np.uint16) << 8).view(np.float16).astype(np.float32)
    if kind == "F8_E4M3":
        return _E4M3[raw]
    with np.errstate(over="ignore"):
        return raw.astype(np.float32)


def _e4m3() -> np.ndarray:
    """float32 (256,): the value of each byte, by sign, 4 bits of exponent and 3 of fraction."""
    byte = np.arange(256)
    exponent, fraction = (byte >> 3 & 15).astype(np.float64), (byte & 7) / 8
    size = np.where(exponent == 0, fraction * 2.0**-6, (1 + fraction) * 2.0 ** (exponent - 7))
    size[(byte & 127) == 127] = np.nan
    return np.where(byte < 128, size, -size).astype(np.float32)


_E4M3 = _e4m3()
